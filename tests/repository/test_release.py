"""A release is made only of what agrees on its version, and holds what Home Assistant needs and nothing else."""

from datetime import date
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
    for project in release.PROJECTS:
        (tmp_path / project).write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_what_changed_is_what_the_changelog_says_of_that_version(repository: Path) -> None:
    assert release.version_of(repository) == "1.2.0"
    assert release.notes_of(repository, "1.2.0") == "### Added\n\n- Something.\n"
    release.check_tag("1.2.0", "v1.2.0")


def test_a_new_version_is_written_everywhere_and_dated(repository: Path) -> None:
    changelog = repository / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- A fault.\n"))
    release.prepare(repository, "1.3.0", date(2026, 12, 24))
    assert release.version_of(repository) == "1.3.0"
    assert release.notes_of(repository, "1.3.0") == "### Fixed\n\n- A fault.\n"
    assert "\n## [Unreleased]\n\n## [1.3.0] - 2026-12-24\n\n### Fixed" in changelog.read_text()
    manifest = (repository / release.INTEGRATION / "manifest.json").read_text()
    assert json.loads(manifest) == json.loads((release.ROOT / release.INTEGRATION / "manifest.json").read_text()) | {
        "version": "1.3.0"
    }


@pytest.mark.parametrize(
    ("version", "complaint"),
    [("1.2.0", "has 1.2.0 already"), ("1.3", "three numbers"), ("v1.3.0", "three numbers"), ("1.3.0", "nothing under")],
)
def test_what_is_no_new_version_changes_nothing(repository: Path, version: str, complaint: str) -> None:
    with pytest.raises(release.DisagreementError, match=complaint):
        release.prepare(repository, version, date(2026, 12, 24))
    assert (repository / "CHANGELOG.md").read_text() == CHANGELOG
    assert release.version_of(repository) == "1.2.0"


@pytest.mark.parametrize("project", release.PROJECTS)
def test_a_project_of_another_version_is_refused(repository: Path, project: Path) -> None:
    (repository / project).write_text('[project]\nversion = "1.1.0"\n')
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
