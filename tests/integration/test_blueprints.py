"""The blueprints, run by Home Assistant's own automations against the simulated gateway."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util, yaml as yaml_util
from tests.simulator import Simulator
from tests.test_static import ROOT, load

from .conftest import BLUEPRINTS, Automate
from .controlling import asked_for, entity_of, until, writes

MANIFEST = load("manifest.json")
FILES = sorted(BLUEPRINTS.glob("*.yaml"))


def follows(gateway: Simulator) -> tuple[str, float]:
    """Tell what the battery really does: the mode, and the reserve in app %."""
    return str(gateway.house.mode), round((gateway.house.reserve - 5) / 0.95, 3)


async def at(hass: HomeAssistant, freezer: FrozenDateTimeFactory, hour: int, minute: int, *, days: int = 0) -> None:
    """Let it be a time of day."""
    moment = dt_util.now().replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=days)
    freezer.move_to(moment)
    async_fire_time_changed(hass, moment)
    await hass.async_block_till_done()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_home_assistant_takes_it(file: Path) -> None:
    data = yaml_util.load_yaml_dict(str(file))
    blueprint = Blueprint(data, path=file.name, expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    source = str(blueprint.metadata["source_url"])
    assert source == f"{MANIFEST['documentation']}/blob/main/{file.relative_to(ROOT)}"
    assert blueprint.metadata["homeassistant"]["min_version"] == "2026.10.0"
    used = yaml_util.extract_inputs(data)
    assert set(blueprint.inputs) == used
    for described in blueprint.inputs.values():
        assert described["name"]
        assert described["selector"]
    docs = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
    assert f"| [`{file.stem}`](../{file.relative_to(ROOT)}) |" in docs
    assert f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={quote(source, safe='')}\n" in docs


# -- by time of use ----------------------------------------------------------------------------------------------------


async def test_a_day_by_time_of_use(
    hass: HomeAssistant,
    old: tuple[Simulator, MockConfigEntry],
    automate: Automate,
    freezer: FrozenDateTimeFactory,
) -> None:
    gateway, entry = old
    await at(hass, freezer, 6, 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id)
    await at(hass, freezer, 7, 15)
    await until(lambda: asked_for(gateway, "system/update/status") == 1)
    assert writes(gateway) == []
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == ("self_consumption", 5.0))
    await at(hass, freezer, 22, 5)
    await until(lambda: follows(gateway) == ("backup", 100.0))
    assert len(writes(gateway)) == 2


@pytest.mark.parametrize(("hour", "expected"), [(12, ("self_consumption", 5.0)), (23, ("backup", 100.0))])
async def test_a_restart_takes_up_the_day(
    hass: HomeAssistant,
    old: tuple[Simulator, MockConfigEntry],
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    hour: int,
    expected: tuple[str, float],
) -> None:
    gateway, entry = old
    await at(hass, freezer, hour, 0, days=1)
    await automate("time_of_use", at_start=True, gateway=entry.entry_id, update=False)
    await until(lambda: follows(gateway) == expected)
    assert asked_for(gateway, "system/update/status") == 0


async def test_a_failed_look_for_firmware_keeps_nobody_from_discharging(
    hass: HomeAssistant,
    old: tuple[Simulator, MockConfigEntry],
    automate: Automate,
    freezer: FrozenDateTimeFactory,
) -> None:
    gateway, entry = old
    gateway.faults.add("system/update/status", status=500)
    await at(hass, freezer, 6, 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id)
    await at(hass, freezer, 7, 15)
    await until(lambda: asked_for(gateway, "system/update/status") == 1)
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == ("self_consumption", 5.0))


@pytest.mark.parametrize("name", ["time_of_use", "hold_charge", "storm"])
async def test_a_gateway_out_of_reach_is_asked_again(
    hass: HomeAssistant, old: tuple[Simulator, MockConfigEntry], automate: Automate, name: str
) -> None:
    gateway, entry = old
    gateway.house.charge = 62.5  # app 60.5 %
    await entry.runtime_data.live.async_refresh()
    hass.states.async_set("binary_sensor.on", "on")
    inputs: dict[str, dict[str, Any]] = {
        "time_of_use": {"discharge_time": "00:00:00", "charge_time": "23:59:59", "discharge_reserve": 60},
        "hold_charge": {"cheap": "binary_sensor.on", "charge": entity_of(hass, gateway, "sensor", "charge")},
        "storm": {"warning": "binary_sensor.on", "storm_reserve": 60},
    }
    await hass.config_entries.async_unload(entry.entry_id)
    await automate(name, pause={"milliseconds": 20}, gateway=entry.entry_id, **inputs[name])
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)

    def running() -> int:
        automation = hass.states.get(f"automation.{name}")
        return int(automation.attributes["current"]) if automation else 0

    await until(running)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: follows(gateway) == ("self_consumption", 60.0))
    await until(lambda: not running())
    assert len(writes(gateway)) == 1


# -- while it is cheap, and before a storm -----------------------------------------------------------------------------


async def set_state(hass: HomeAssistant, entity_id: str, state: str) -> None:
    """Let something be on or off."""
    hass.states.async_set(entity_id, state)
    await hass.async_block_till_done()


async def test_the_charge_is_held_while_it_is_cheap(
    hass: HomeAssistant, old: tuple[Simulator, MockConfigEntry], automate: Automate
) -> None:
    gateway, entry = old
    gateway.house.charge = 62.5  # app 60.5 %
    await entry.runtime_data.live.async_refresh()
    hass.states.async_set("binary_sensor.cheap", "off")
    charge = entity_of(hass, gateway, "sensor", "charge")
    await automate("hold_charge", gateway=entry.entry_id, cheap="binary_sensor.cheap", charge=charge, reserve=10)
    await set_state(hass, "binary_sensor.cheap", "on")
    await until(lambda: follows(gateway) == ("self_consumption", 60.0))
    await set_state(hass, "binary_sensor.cheap", "unavailable")
    assert follows(gateway) == ("self_consumption", 60.0)
    await set_state(hass, "binary_sensor.cheap", "off")
    await until(lambda: follows(gateway) == ("self_consumption", 10.0))


async def test_a_charge_below_the_reserve_does_not_lower_it(
    hass: HomeAssistant, old: tuple[Simulator, MockConfigEntry], automate: Automate
) -> None:
    gateway, entry = old
    gateway.house.charge = 14.5  # app 10 %
    await entry.runtime_data.live.async_refresh()
    hass.states.async_set("binary_sensor.cheap", "on")
    charge = entity_of(hass, gateway, "sensor", "charge")
    await automate(
        "hold_charge", at_start=True, gateway=entry.entry_id, cheap="binary_sensor.cheap", charge=charge, reserve=30
    )
    await until(lambda: follows(gateway) == ("self_consumption", 30.0))


async def test_the_reserve_is_raised_before_a_storm_and_put_back_after_it(
    hass: HomeAssistant,
    old: tuple[Simulator, MockConfigEntry],
    automate: Automate,
    freezer: FrozenDateTimeFactory,
) -> None:
    gateway, entry = old
    hass.states.async_set("binary_sensor.storm", "off")
    await automate("storm", gateway=entry.entry_id, warning="binary_sensor.storm", storm_reserve=90, reserve=15)
    await set_state(hass, "binary_sensor.storm", "on")
    await until(lambda: follows(gateway) == ("self_consumption", 90.0))
    await set_state(hass, "binary_sensor.storm", "off")
    assert follows(gateway) == ("self_consumption", 90.0)
    later: datetime = dt_util.utcnow() + timedelta(hours=1, seconds=1)
    freezer.move_to(later)
    async_fire_time_changed(hass, later)
    await hass.async_block_till_done()
    await until(lambda: follows(gateway) == ("self_consumption", 15.0))


@pytest.mark.parametrize(("state", "reserve"), [("on", 90.0), ("off", 15.0)])
async def test_a_restart_looks_at_the_warning(
    hass: HomeAssistant, old: tuple[Simulator, MockConfigEntry], automate: Automate, state: str, reserve: float
) -> None:
    gateway, entry = old
    hass.states.async_set("binary_sensor.storm", state)
    await automate(
        "storm",
        at_start=True,
        gateway=entry.entry_id,
        warning="binary_sensor.storm",
        storm_reserve=90,
        reserve=15,
    )
    await until(lambda: follows(gateway) == ("self_consumption", reserve))
