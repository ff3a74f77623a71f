"""The docs contain what the quality scale requires: every field, option and action."""

import re
from typing import Any

import pytest

from custom_components.powerwall_gateway.config_flow import SETTINGS
from custom_components.powerwall_gateway.const import CONF_PERCENT, DOMAIN
from homeassistant.helpers.selector import NumberSelector
from homeassistant.util.yaml import load_yaml_dict
from tests.helpers import INTEGRATION, ROOT, load

TEXTS = load("translations/en.json")
INSTALLATION = (ROOT / "docs" / "installation.md").read_text()

PAGES = {
    "docs-actions": "docs/control.md",
    "docs-conditions": "docs/automations.md",
    "docs-configuration-parameters": "docs/installation.md",
    "docs-data-update": "docs/installation.md",
    "docs-examples": "docs/automations.md",
    "docs-high-level-description": "README.md",
    "docs-installation-instructions": "README.md",
    "docs-installation-parameters": "docs/installation.md",
    "docs-known-limitations": "docs/troubleshooting.md",
    "docs-removal-instructions": "docs/installation.md",
    "docs-supported-devices": "README.md",
    "docs-supported-functions": "docs/entities.md",
    "docs-triggers": "docs/automations.md",
    "docs-troubleshooting": "docs/troubleshooting.md",
    "docs-use-cases": "docs/automations.md",
}
"""The page of the docs for each rule of the quality scale."""

HEADINGS = {
    "docs-conditions": "conditions",
    "docs-data-update": "polling",
    "docs-installation-instructions": "install",
    "docs-known-limitations": "limitations",
    "docs-removal-instructions": "removal",
    "docs-supported-devices": "powerwall",
    "docs-triggers": "triggers",
    "docs-troubleshooting": "troubleshooting",
}
"""A word of the heading that a reader searches for."""


def rows(label: str) -> list[list[str]]:
    """Return the cells after the first of each table row about a field."""
    lines = [line for line in INSTALLATION.splitlines() if line.startswith(f"| **{label}** |")]
    return [[cell.strip() for cell in line.strip("|").split("|")][1:] for line in lines]


def labels(step: dict[str, Any]) -> set[str]:
    """Return the names of a form's fields, those in its sections included."""
    return {*step.get("data", {}).values()}.union(*(labels(part) for part in step.get("sections", {}).values()))


def test_every_rule_about_the_docs_has_its_page() -> None:
    rules = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]
    assert {rule for rule, status in rules.items() if rule.startswith("docs-") and status == "done"} == set(PAGES)


@pytest.mark.parametrize("rule", PAGES)
def test_page_of_rule_has_content(rule: str) -> None:
    text = (ROOT / PAGES[rule]).read_text()
    assert len(text.split()) > 100
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert any(HEADINGS.get(rule, "") in heading.lower() for heading in headings)


def test_no_rule_of_the_quality_scale_is_open() -> None:
    assert "todo" not in (INTEGRATION / "quality_scale.yaml").read_text()


def test_every_field_is_explained_and_no_other() -> None:
    steps = (*TEXTS["config"]["step"].values(), *TEXTS["options"]["step"].values())
    fields = set[str]().union(*map(labels, steps))
    assert {label for label in fields if not rows(label)} == set()
    assert set(re.findall(r"^\| \*\*(.+?)\*\* \|", INSTALLATION, re.MULTILINE)) == fields


def test_field_of_several_forms_is_explained_for_each() -> None:
    adding = labels(TEXTS["config"]["step"]["user"]) | labels(TEXTS["config"]["step"]["login"])
    changing = labels(TEXTS["config"]["step"]["reconfigure"]) | labels(TEXTS["config"]["step"]["reconfigure_confirm"])
    assert {label for label in adding & changing if len(rows(label)) == 1} == set()


def test_every_option_is_explained_with_its_default_and_its_range() -> None:
    names = TEXTS["options"]["step"]["settings"]["data"]
    assert {str(key) for key in SETTINGS.schema} == set(names)
    for key, field in SETTINGS.schema.items():
        number = next((each for each in getattr(field, "validators", ()) if isinstance(each, NumberSelector)), None)
        if number is None:
            continue
        unit = number.config.get("unit_of_measurement") or ""
        gap = "" if unit == "%" else " "
        _, default, allowed = rows(names[str(key)])[-1]
        assert default == f"{key.default():g}{gap}{unit}".strip(), key
        assert allowed == f"{number.config['min']:g} to {number.config['max']:g}{gap}{unit}".strip(), key


def test_both_percentage_scales_are_named() -> None:
    meaning, default, _ = rows(TEXTS["options"]["step"]["settings"]["data"][CONF_PERCENT])[-1]
    scales = TEXTS["selector"][CONF_PERCENT]["options"]
    assert all(f"*{name}*" in meaning for name in scales.values())
    assert default.strip("*") == scales[SETTINGS({})[CONF_PERCENT]]


def test_every_action_is_explained_with_its_fields() -> None:
    page = (ROOT / PAGES["docs-actions"]).read_text()
    for action, fields in load_yaml_dict(str(INTEGRATION / "services.yaml")).items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{DOMAIN}.{action}` |"))
        named = {field for field in (fields or {}).get("fields", {}) if field != "config_entry_id"}
        assert {field for field in named if f"`{field}`" not in line} == set()


@pytest.mark.parametrize("kind", ["triggers", "conditions"])
def test_every_trigger_and_condition_is_explained(kind: str) -> None:
    page = (ROOT / PAGES[f"docs-{kind}"]).read_text()
    assert [text["name"] for text in TEXTS[kind].values() if f"*{text['name']}*" not in page] == []
