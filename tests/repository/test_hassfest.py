"""What hassfest and HACS would say, as far as it can be said here; `.github/workflows/validate.yml` asks them."""

from collections.abc import Iterator
from itertools import chain
import json
from pathlib import Path
import re
import struct
from typing import Any, Final

import pytest

from homeassistant.helpers.selector import validate_selector
from homeassistant.util.yaml import parse_yaml
from tools import release

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "powerwall_gateway"

MANIFEST_KEYS: Final = {
    "after_dependencies",
    "bluetooth",
    "codeowners",
    "config_flow",
    "dependencies",
    "dhcp",
    "disabled",
    "documentation",
    "domain",
    "homekit",
    "import_executor",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "loggers",
    "mqtt",
    "name",
    "quality_scale",
    "requirements",
    "single_config_entry",
    "ssdp",
    "usb",
    "version",
    "zeroconf",
}
"""Of a custom integration; hassfest refuses any other."""

INTEGRATION_TYPES: Final = {"device", "entity", "hardware", "helper", "hub", "service", "system", "virtual"}
IOT_CLASSES: Final = {
    "assumed_state",
    "calculated",
    "cloud_polling",
    "cloud_push",
    "local_polling",
    "local_push",
}

HACS_KEYS: Final = {
    "content_in_root",
    "country",
    "filename",
    "hacs",
    "hide_default_branch",
    "homeassistant",
    "name",
    "persistent_directory",
    "zip_release",
}

TEXT_KEYS: Final = {
    "common",
    "conditions",
    "config",
    "config_subentries",
    "device",
    "device_automation",
    "entity",
    "entity_component",
    "exceptions",
    "issues",
    "options",
    "selector",
    "services",
    "system_health",
    "title",
    "triggers",
}

RULES: Final = {
    "bronze": """action-setup appropriate-polling brands common-modules config-flow-test-coverage config-flow
        dependency-transparency docs-actions docs-triggers docs-conditions docs-high-level-description
        docs-installation-instructions docs-removal-instructions entity-event-setup entity-unique-id has-entity-name
        runtime-data test-before-configure test-before-setup unique-config-entry""",
    "silver": """action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters
        entity-unavailable integration-owner log-when-unavailable parallel-updates reauthentication-flow
        test-coverage""",
    "gold": """devices diagnostics discovery-update-info discovery docs-data-update docs-examples
        docs-known-limitations docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases
        dynamic-devices entity-category entity-device-class entity-disabled-by-default entity-translations
        exception-translations icon-translations reconfiguration-flow repair-issues stale-devices""",
    "platinum": "async-dependency inject-websession strict-typing",
}
"""Of Home Assistant's quality scale in 2026."""


def load(name: str) -> Any:
    """Read a JSON file of the integration."""
    return json.loads((INTEGRATION / name).read_text())


def parsed(text: str) -> Any:
    """Read YAML."""
    return parse_yaml(text)


def translations() -> Iterator[Path]:
    """Give the files of all languages."""
    return (INTEGRATION / "translations").glob("*.json")


# -- the manifest, HACS, the brand -------------------------------------------------------------------------------------


def test_the_manifest() -> None:
    manifest = load("manifest.json")
    keys = list(manifest)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert set(keys) <= MANIFEST_KEYS
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["config_flow"] is True
    assert manifest["integration_type"] in INTEGRATION_TYPES
    assert manifest["iot_class"] in IOT_CLASSES
    for key in ("documentation", "issue_tracker"):
        assert re.fullmatch(r"https://(?!www\.home-assistant\.io/integrations).+", manifest[key])
    assert manifest["codeowners"]
    assert all(re.fullmatch(r"@[\w-]+(/[\w-]+)?", owner) for owner in manifest["codeowners"])
    assert manifest["loggers"]
    assert manifest["requirements"] == []  # what the client imports comes with Home Assistant
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert f'version = "{manifest["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_what_is_discovered() -> None:
    for matcher in load("manifest.json").get("dhcp", ()):
        assert set(matcher) <= {"hostname", "macaddress", "registered_devices"}
        assert matcher.get("hostname", "").lower() == matcher.get("hostname", "")
        assert re.fullmatch(r"[0-9A-F*]*", matcher.get("macaddress", ""))


def test_hacs() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())
    assert hacs == {
        "name": load("manifest.json")["name"],
        "homeassistant": "2026.10.0",
        "zip_release": True,
        "filename": release.ZIP_NAME,
    }
    assert set(hacs) <= HACS_KEYS
    assert [path.name for path in (ROOT / "custom_components").iterdir() if path.is_dir() and path.name[0] != "_"] == [
        "powerwall_gateway"
    ]
    for name in ("README.md", "LICENSE"):
        assert (ROOT / name).is_file()


@pytest.mark.parametrize(("name", "edge"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_the_brand(name: str, edge: int) -> None:
    header = (INTEGRATION / "brand" / name).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (edge, edge)


def test_they_are_really_asked() -> None:
    workflow = (ROOT / ".github" / "workflows" / "validate.yml").read_text()
    jobs = parsed(workflow)["jobs"]
    used = {step["uses"].partition("@")[0] for job in jobs.values() for step in job["steps"] if "uses" in step}
    assert {"home-assistant/actions/hassfest", "hacs/action"} <= used
    assert jobs["audit"]["steps"][-1]["run"] == "scripts/audit"
    tested = parsed((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    run = {step["run"] for job in tested.values() for step in job["steps"] if "run" in step}
    assert run == {"scripts/test", "scripts/test --browser", "scripts/test --next"}


# -- the quality scale -------------------------------------------------------------------------------------------------


def test_the_quality_scale_is_complete() -> None:
    rules = parsed((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    named = set(chain.from_iterable(names.split() for names in RULES.values()))
    assert len(named) == 54
    assert set(rules) == named
    for rule, status in rules.items():
        if isinstance(status, dict):
            assert set(status) <= {"status", "comment"}, rule
            assert status["status"] in {"done", "exempt", "todo"}, rule
            assert status.get("comment", "").strip(), rule
        else:
            assert status in {"done", "todo"}, f"{rule}: what is exempt says why"


# -- texts, icons, actions ---------------------------------------------------------------------------------------------


def keys_and_texts(texts: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give all texts below, each with the keys that lead to it."""
    if isinstance(texts, str):
        yield path, texts
        return
    for key, below in texts.items():
        yield from keys_and_texts(below, f"{path}.{key}".lstrip("."))


@pytest.mark.parametrize("file", translations(), ids=lambda file: file.stem)
def test_texts(file: Path) -> None:
    texts = json.loads(file.read_text())
    assert set(texts) <= TEXT_KEYS
    for path, text in keys_and_texts(texts):
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"https?://|<|>|\[%key|'\{\w+\}'", text), path
        for key in path.split("."):
            assert re.fullmatch(r"(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])", key), path
        assert text.count("{") == text.count("}") == len(re.findall(r"\{\w+\}", text)), path


@pytest.mark.parametrize("file", translations(), ids=lambda file: file.stem)
def test_every_language_names_the_same(file: Path) -> None:
    ours, english = (
        dict(keys_and_texts(json.loads(file.read_text()))),
        dict(keys_and_texts(load("translations/en.json"))),
    )
    assert set(ours) <= set(english)
    for path, text in ours.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[path])), path


def test_the_actions_have_texts_and_icons() -> None:
    services = parsed((INTEGRATION / "services.yaml").read_text())
    texts, icons = load("translations/en.json"), load("icons.json")
    assert set(services) == set(texts["services"]) == set(icons["services"])
    for name, service in services.items():
        described = texts["services"][name]
        assert described["name"]
        assert described["description"]
        assert set(service.get("fields", {})) == set(described.get("fields", {})), name
        for field, shown in described.get("fields", {}).items():
            assert shown["name"], field
            assert shown["description"], field
        for field in service.get("fields", {}).values():
            assert set(field) <= {"default", "example", "filter", "required", "selector"}, name
            selector = validate_selector(field["selector"])
            if key := (selector.get("select") or {}).get("translation_key"):
                assert set(texts["selector"][key]["options"]) == set(selector["select"]["options"])


def test_icons() -> None:
    icons = load("icons.json")
    assert set(icons) <= {"conditions", "entity", "entity_component", "issues", "services", "triggers"}
    for path, icon in keys_and_texts(icons):
        assert re.fullmatch(r"mdi:[a-z0-9-]+", icon), path
    for platform in icons["entity"].values():
        for entity in platform.values():
            assert entity["default"]
            # An icon of a state that is the default's own says nothing.
            assert entity["default"] not in entity.get("state", {}).values()
