"""That the docs hold what the quality scale says they do: every field, every option, every section."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.const import CONF_PERCENT
from custom_components.powerwall_gateway.options_flow import SETTINGS
from homeassistant.helpers.selector import NumberSelector
from tests.repository.test_hassfest import INTEGRATION, ROOT, load, parsed

TEXTS = load("translations/en.json")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()

SECTIONS = {
    "docs-actions": ("docs/control.md", "## Actions"),
    "docs-configuration-parameters": ("docs/configuration.md", "## Options"),
    "docs-data-update": ("docs/configuration.md", "## How often what is read"),
    "docs-examples": ("docs/examples.md", "# Dashboards and automations to copy"),
    "docs-high-level-description": ("README.md", "# Tesla Powerwall Gateway"),
    "docs-installation-instructions": ("README.md", "## Installation"),
    "docs-installation-parameters": ("docs/configuration.md", "## Adding a gateway"),
    "docs-known-limitations": ("docs/troubleshooting.md", "## Known limitations"),
    "docs-removal-instructions": ("README.md", "### Removal"),
    "docs-supported-devices": ("README.md", "## What works where"),
    "docs-supported-functions": ("docs/entities.md", "# Entities"),
    "docs-troubleshooting": ("docs/troubleshooting.md", "## By what you see"),
    "docs-use-cases": ("docs/examples.md", "## What people use it for"),
}
"""Where what a rule of the quality scale asks of the docs is written."""


RECONFIGURE = {"reconfigure", "reconfigure_confirm", "replaced", "replaced_unsure"}
REAUTH = {"reauth_confirm"}


def section(text: str, heading: str) -> str:
    """Give what stands under a heading, up to the next one."""
    lines = text.splitlines()
    begin = lines.index(heading) + 1
    end = next((n for n, line in enumerate(lines[begin:], begin) if line.startswith("#")), len(lines))
    return "\n".join(lines[begin:end]).strip()


def row(text: str, label: str) -> list[str]:
    """Give the cells of a table's row behind its first."""
    rows = [line for line in text.splitlines() if line.startswith(f"| *{label}* |")]
    assert len(rows) == 1, f"{label}: {rows}"
    return [cell.strip() for cell in rows[0].strip("|").split("|")][1:]


def labels(step: dict[str, Any]) -> set[str]:
    """Give the names of a form's fields, those in its sections, too."""
    below = [*step.get("sections", {}).values()]
    return {*step.get("data", {}).values()}.union(*(labels(part) for part in below))


def steps(*names: str) -> set[str]:
    return set().union(*(labels(TEXTS["config"]["step"][name]) for name in names))


def test_every_rule_about_the_docs_has_its_section() -> None:
    rules = parsed((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert {rule for rule, status in rules.items() if rule.startswith("docs-") and status == "done"} == set(SECTIONS)


@pytest.mark.parametrize("rule", SECTIONS)
def test_no_section_is_empty(rule: str) -> None:
    file, heading = SECTIONS[rule]
    assert len(section((ROOT / file).read_text(), heading)) > 100


def test_nothing_is_left_to_do_on_the_quality_scale() -> None:
    assert "todo" not in (INTEGRATION / "quality_scale.yaml").read_text()


def test_every_field_of_the_set_up_is_explained() -> None:
    written = section(CONFIGURATION, "## Adding a gateway")
    found = steps(*TEXTS["config"]["step"].keys() - RECONFIGURE - REAUTH)
    assert {label for label in found if row(written, label)} == found
    listed = [line for line in written.splitlines() if line.startswith("| *")]
    assert len(listed) == len(found)


def test_every_field_of_the_reconfiguration_is_explained() -> None:
    written = section(CONFIGURATION, "## Reconfigure")
    found = steps(*RECONFIGURE)
    assert {label for label in found if row(written, label)} == found
    assert steps(*REAUTH) == {"Password"}


def test_every_option_is_explained_with_its_default_and_its_range() -> None:
    written = section(CONFIGURATION, "## Options")
    names = TEXTS["options"]["step"]["settings"]["data"]
    others = set().union(*(labels(step) for step in TEXTS["options"]["step"].values())) - set(names.values())
    assert {label for label in others if row(written, label)} == others
    assert {str(key) for key in SETTINGS.schema} == set(names)
    for key, field in SETTINGS.schema.items():
        _, default, allowed = row(written, names[str(key)])
        number = next((each for each in getattr(field, "validators", ()) if isinstance(each, NumberSelector)), None)
        if number is None:
            continue
        unit = f" {unit}" if (unit := number.config.get("unit_of_measurement")) else ""
        assert default == f"{key.default():g}{unit}", key
        assert allowed == f"{number.config['min']:g} to {number.config['max']:g}{unit}", key


def test_both_scales_are_named() -> None:
    meaning, default, _ = row(
        section(CONFIGURATION, "## Options"), TEXTS["options"]["step"]["settings"]["data"][CONF_PERCENT]
    )
    scales = TEXTS["selector"][CONF_PERCENT]["options"]
    assert all(f"*{name}*" in meaning for name in scales.values())
    assert default == f"*{scales[SETTINGS({})[CONF_PERCENT]]}*"
