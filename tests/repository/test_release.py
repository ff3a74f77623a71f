"""A release has the same version everywhere, and its zip has the files of the integration alone."""

import json
from pathlib import Path
import shutil
from zipfile import ZipFile

import pytest

from tools import release

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-12-01

### Added

- Something.

## [1.1.0] - 2026-11-01

- Older.
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a copy of the files of a release, at version 1.2.0."""
    shutil.copytree(release.ROOT / release.INTEGRATION, tmp_path / release.INTEGRATION)
    manifest = tmp_path / release.INTEGRATION / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": "1.2.0"}))
    for project in release.PROJECTS:
        (tmp_path / project).write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_notes_are_the_section_of_the_version(repository: Path) -> None:
    assert release.version_of(repository) == "1.2.0"
    assert release.notes_of(repository, "1.2.0") == "### Added\n\n- Something.\n"
    release.check_tag("1.2.0", "v1.2.0")


@pytest.mark.parametrize("project", release.PROJECTS)
def test_project_of_another_version_is_rejected(repository: Path, project: Path) -> None:
    (repository / project).write_text('[project]\nversion = "1.1.0"\n')
    with pytest.raises(release.VersionError, match=r"1\.2\.0.*1\.1\.0"):
        release.version_of(repository)


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("## [1.1.5] - 2026-12-01", "newest version in CHANGELOG.md is 1.1.5"),
        ("## [1.2.0]", "no date"),
        ("## [1.2.0] - soon", "no date"),
        ("", "newest version in CHANGELOG.md is 1.1.0"),
    ],
)
def test_changelog_without_the_version_is_rejected(repository: Path, heading: str, message: str) -> None:
    (repository / "CHANGELOG.md").write_text(CHANGELOG.replace("## [1.2.0] - 2026-12-01", heading))
    with pytest.raises(release.VersionError, match=message):
        release.notes_of(repository, "1.2.0")


def test_other_tag_is_rejected() -> None:
    with pytest.raises(release.VersionError, match=r"has to be v1\.2\.0"):
        release.check_tag("1.2.0", "1.2.0")


def test_zip_has_the_files_of_the_integration_alone(repository: Path, tmp_path: Path) -> None:
    cache = repository / release.INTEGRATION / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "const.cpython-314.pyc").write_bytes(b"")
    names = release.write_zip(repository, tmp_path / "first.zip")
    with ZipFile(tmp_path / "first.zip") as archive:
        assert archive.namelist() == names
        assert {"manifest.json", "__init__.py", "gateway/client.py", "translations/de.json", "brand/icon.png"} <= {
            *names
        }
        assert not any("__pycache__" in name for name in names)
        assert archive.read("manifest.json") == (repository / release.INTEGRATION / "manifest.json").read_bytes()
    release.write_zip(repository, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
