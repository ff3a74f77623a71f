"""Makes what HACS installs: the zip of the integration, and the notes of its version, once everything agrees on it."""

import argparse
from datetime import date, datetime
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
"""Of the repository, and of the client's wheel."""

ZIP_NAME: Final = "powerwall_gateway.zip"

_SECTION: Final = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?")
"""Of semantic versioning: what HACS and Home Assistant can put in order."""

_UNRELEASED: Final = "## [Unreleased]\n"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same files make the same zip."""


class DisagreementError(Exception):
    """The version is not the same everywhere; the text says where to change what."""


def prepare(root: Path, version: str, day: date) -> None:
    """Write a new version into manifest, project and changelog, where all that is unreleased becomes its own."""
    if not _VERSION.fullmatch(version):
        raise DisagreementError(f"{version} is no version: it has three numbers, as 1.2.3, or 1.2.3-beta.1.")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    before, heading, unreleased = text.partition(_UNRELEASED)
    if version in [section["version"] for section in _SECTION.finditer(text)]:
        raise DisagreementError(f"CHANGELOG.md has {version} already.")
    if not _SECTION.split(unreleased)[0].strip():
        raise DisagreementError("CHANGELOG.md has nothing under [Unreleased]: there is nothing to release.")
    changelog.write_text(f"{before}{heading}\n## [{version}] - {day.isoformat()}\n{unreleased}", encoding="utf-8")
    lines = {INTEGRATION / "manifest.json": r'("version": ")[^"]*'} | dict.fromkeys(
        PROJECTS, r'(?m)(^version = ")[^"]*'
    )
    for path, line in lines.items():
        file = root / path
        file.write_text(re.sub(line, rf"\g<1>{version}", file.read_text(encoding="utf-8"), count=1), encoding="utf-8")


def version_of(root: Path) -> str:
    """Give the version that manifest, project and client have in common."""
    manifest: str = json.loads((root / INTEGRATION / "manifest.json").read_text(encoding="utf-8"))["version"]
    for path in PROJECTS:
        project: str = tomllib.loads((root / path).read_text(encoding="utf-8"))["project"]["version"]
        if manifest != project:
            raise DisagreementError(f"manifest.json has version {manifest}, {path} {project}: make them the same.")
    return manifest


def notes_of(root: Path, version: str) -> str:
    """Give what the changelog says of a version, which has to be the newest in it, and dated."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = list(_SECTION.finditer(text))
    released = [section for section in sections if section["version"] != "Unreleased"]
    if not released or released[0]["version"] != version:
        newest = released[0]["version"] if released else "none"
        raise DisagreementError(
            f"The newest version in CHANGELOG.md is {newest}, the manifest's {version}: "
            "'scripts/release 1.2.3' writes a new one, 1.2.3 for instance, into both."
        )
    try:
        date.fromisoformat(released[0]["date"] or "")
    except ValueError:
        raise DisagreementError(f"The heading of {version} in CHANGELOG.md has no date (year-month-day).") from None
    following = [section.start() for section in sections if section.start() > released[0].start()]
    return text[released[0].end() : following[0] if following else len(text)].strip() + "\n"


def check_tag(version: str, tag: str) -> None:
    """Make sure that a tag names the version."""
    if tag != f"v{version}":
        raise DisagreementError(f"The tag is {tag}, the version {version}: the tag has to be v{version}.")


def write_zip(root: Path, target: Path) -> list[str]:
    """Write the zip with the integration's files at its top, as HACS unpacks it, and give their names."""
    folder = root / INTEGRATION
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in files:
            entry = ZipInfo(str(path.relative_to(folder)), _MOMENT)
            entry.external_attr = 0o644 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return [str(path.relative_to(folder)) for path in files]


def main() -> int:
    """Check, and write what a release is made of."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument(
        "version", nargs="?", help="a new one: write it, and what is unreleased with today's date, before all else"
    )
    parser.add_argument("--tag", help="of the release; it has to be v and the version")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder to write to (default: dist)")
    parser.add_argument("--check", action="store_true", help="check only, and write nothing")
    arguments = parser.parse_args()
    try:
        if arguments.version:
            prepare(ROOT, arguments.version, datetime.now().astimezone().date())
        version = version_of(ROOT)
        notes = notes_of(ROOT, version)
        if arguments.tag:
            check_tag(version, arguments.tag)
    except DisagreementError as err:
        print(err, file=sys.stderr)
        return 1
    print(f"Manifest, project and changelog agree on {version}.")
    if not arguments.check:
        files = write_zip(ROOT, arguments.to / ZIP_NAME)
        (arguments.to / "notes.md").write_text(notes, encoding="utf-8")
        print(f"{arguments.to / ZIP_NAME} has {len(files)} files, {arguments.to / 'notes.md'} what changed.")
    if arguments.version:
        print(f"Look at what changed, commit it, and push the tag v{version}: the release is then made of it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
