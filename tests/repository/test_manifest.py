"""Versions match, HACS finds the release, and the icons have their sizes; validate.yml checks the rest."""

import json
import struct

import pytest

from tests.helpers import INTEGRATION, ROOT, load
from tools import release


def test_version_is_the_projects() -> None:
    assert f'version = "{load("manifest.json")["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_manifest_requires_no_package() -> None:
    """The client imports only packages that Home Assistant installs."""
    assert load("manifest.json")["requirements"] == []


def test_hacs_file_names_the_release() -> None:
    assert json.loads((ROOT / "hacs.json").read_text()) == {
        "name": load("manifest.json")["name"],
        "homeassistant": "2026.10.0",
        "zip_release": True,
        "filename": release.ZIP_NAME,
    }


@pytest.mark.parametrize(("name", "edge"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand_icon_has_its_size(name: str, edge: int) -> None:
    header = (INTEGRATION / "brand" / name).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (edge, edge)
