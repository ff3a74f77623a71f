"""The examples of `docs/automations.md` use entities, triggers and actions that exist."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
from tests.conftest import StartSimulator

from .conftest import Loaded, SetUp

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "automations.md"
EXAMPLES: Final[dict[str, Any]] = {
    heading: parse_yaml(text)
    for heading, text in re.findall(
        r"^### (\w+: .+?)$.+?^```yaml\n(.+?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
}
OF_THE_OWNER: Final = {"switch.pool_pump", "sensor.energy_production_tomorrow"}
TRIGGERS: Final = {"event.received"}
_ENTITY: Final = re.compile(r"\b(?:sensor|binary_sensor|event|select|number|switch|button)\.[a-z0-9_]+\b")


@pytest.fixture
async def entities(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, old: Loaded) -> set[str]:
    """Return the names that a gateway of 2018 with control, and a current one, have."""
    of_old = set(hass.states.async_entity_ids())
    assert await hass.config_entries.async_remove(old[1].entry_id)
    await set_up(await simulator("21.44"))
    return of_old | set(hass.states.async_entity_ids())


def test_examples_have_dashboards_and_automations() -> None:
    assert {heading.partition(":")[0] for heading in EXAMPLES} == {"Dashboard", "Automation"}


async def test_examples_use_known_entities(entities: set[str]) -> None:
    named = {entity for text in _texts(EXAMPLES) for entity in _ENTITY.findall(text)}
    assert len(named) > 10
    assert named - entities - OF_THE_OWNER - TRIGGERS == set()


@pytest.mark.parametrize("heading", [heading for heading in EXAMPLES if heading.startswith("Automation")])
async def test_example_automation_is_valid(hass: HomeAssistant, entities: set[str], heading: str) -> None:
    for component in ("homeassistant", "battery", "power"):
        assert await async_setup_component(hass, component, {})
    async_mock_service(hass, "notify", "mobile_app_your_phone")
    config = await async_validate_config_item(hass, heading, EXAMPLES[heading])
    assert config is not None
    assert config.validation_error is None
    for action in re.findall(r"'action': '([\w.]+)'", str(EXAMPLES[heading])):
        assert hass.services.has_service(*action.split(".")), action


async def test_example_templates_render(hass: HomeAssistant, entities: set[str]) -> None:
    for text in _texts(EXAMPLES):
        if "{{" in text and "trigger" not in text:
            assert Template(text, hass).async_render() != ""


def _texts(of: Any) -> Iterator[str]:
    """Return every text in something read from YAML."""
    if isinstance(of, dict):
        for value in of.values():
            yield from _texts(value)
    elif isinstance(of, list):
        for value in of:
            yield from _texts(value)
    elif isinstance(of, str):
        yield of
