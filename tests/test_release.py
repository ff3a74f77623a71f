"""A release is made only of what agrees on its version, and holds what Home Assistant needs and nothing else."""

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
    """Give a copy of what a release is made of, at version 1.2.0."""
    shutil.copytree(release.ROOT / release.INTEGRATION, tmp_path / release.INTEGRATION)
    manifest = tmp_path / release.INTEGRATION / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": "1.2.0"}))
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_what_changed_is_what_the_changelog_says_of_that_version(repository: Path) -> None:
    assert release.version_of(repository) == "1.2.0"
    assert release.notes_of(repository, "1.2.0") == "### Added\n\n- Something.\n"
    release.check_tag("1.2.0", "v1.2.0")


def test_a_project_of_another_version_is_refused(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[project]\nversion = "1.1.0"\n')
    with pytest.raises(release.DisagreementError, match=r"1\.2\.0.*1\.1\.0"):
        release.version_of(repository)


@pytest.mark.parametrize(
    ("heading", "complaint"),
    [
        ("## [1.1.5] - 2026-12-01", "newest version in CHANGELOG.md is 1.1.5"),
        ("## [1.2.0]", "no date"),
        ("## [1.2.0] - soon", "no date"),
        ("", "newest version in CHANGELOG.md is 1.1.0"),
    ],
)
def test_a_changelog_that_does_not_tell_of_it_is_refused(repository: Path, heading: str, complaint: str) -> None:
    (repository / "CHANGELOG.md").write_text(CHANGELOG.replace("## [1.2.0] - 2026-12-01", heading))
    with pytest.raises(release.DisagreementError, match=complaint):
        release.notes_of(repository, "1.2.0")


def test_another_tag_is_refused() -> None:
    with pytest.raises(release.DisagreementError, match=r"has to be v1\.2\.0"):
        release.check_tag("1.2.0", "1.2.0")


def test_the_zip_holds_the_integration_and_nothing_else(repository: Path, tmp_path: Path) -> None:
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
