"""Build a release: the zip that HACS installs, and the release notes from the changelog."""

import argparse
from datetime import date
import json
from pathlib import Path
import re
import sys
import tomllib
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT: Final = Path(__file__).parent.parent
INTEGRATION: Final = Path("custom_components") / "powerwall_gateway"
PROJECTS: Final = (Path("pyproject.toml"), INTEGRATION / "gateway" / "pyproject.toml")
"""Of the repository and of the client's wheel."""

ZIP_NAME: Final = "powerwall_gateway.zip"

_SECTION: Final = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)
_TIMESTAMP: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same files make the same zip."""


class VersionError(Exception):
    """The version is not the same everywhere."""


def version_of(root: Path) -> str:
    """Return the version of the manifest, which both projects must have."""
    manifest: str = json.loads((root / INTEGRATION / "manifest.json").read_text(encoding="utf-8"))["version"]
    for path in PROJECTS:
        project: str = tomllib.loads((root / path).read_text(encoding="utf-8"))["project"]["version"]
        if manifest != project:
            raise VersionError(f"manifest.json has version {manifest}, {path} has {project}.")
    return manifest


def notes_of(root: Path, version: str) -> str:
    """Return the section of a version, which must be the newest in the changelog and have a date."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = list(_SECTION.finditer(text))
    released = [section for section in sections if section["version"] != "Unreleased"]
    if not released or released[0]["version"] != version:
        newest = released[0]["version"] if released else "none"
        raise VersionError(f"The newest version in CHANGELOG.md is {newest}, the manifest has {version}.")
    try:
        date.fromisoformat(released[0]["date"] or "")
    except ValueError:
        raise VersionError(f"The heading of {version} in CHANGELOG.md has no date (year-month-day).") from None
    following = [section.start() for section in sections if section.start() > released[0].start()]
    return text[released[0].end() : following[0] if following else len(text)].strip() + "\n"


def check_tag(version: str, tag: str) -> None:
    """Check that a tag matches the version."""
    if tag != f"v{version}":
        raise VersionError(f"The tag is {tag}, but it has to be v{version}.")


def write_zip(root: Path, target: Path) -> list[str]:
    """Write the zip with the integration's files at its top level, and return their names."""
    folder = root / INTEGRATION
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in files:
            entry = ZipInfo(str(path.relative_to(folder)), _TIMESTAMP)
            entry.external_attr = 0o644 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return [str(path.relative_to(folder)) for path in files]


def main() -> int:
    """Check the version, and write the files of the release."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("--tag", help="tag of the release, which must be v and the version")
    arguments = parser.parse_args()
    try:
        version = version_of(ROOT)
        notes = notes_of(ROOT, version)
        if arguments.tag:
            check_tag(version, arguments.tag)
    except VersionError as err:
        print(err, file=sys.stderr)
        return 1
    folder = ROOT / "dist"
    files = write_zip(ROOT, folder / ZIP_NAME)
    (folder / "notes.md").write_text(notes, encoding="utf-8")
    print(f"Version {version}: {folder / ZIP_NAME} has {len(files)} files, {folder / 'notes.md'} the changes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
