"""The blueprints, run by Home Assistant's own automations against the simulated gateway."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.powerwall_gateway.const import CONF_PERCENT
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util, yaml as yaml_util
from simulator import Simulator
from tests.helpers import ROOT, load, request_count, until
from tests.integration.control import call, entity_of, writes

from .conftest import BLUEPRINTS, Automate, Loaded
from .test_blueprints_outage import HELPERS, restart

MANIFEST = load("manifest.json")
FILES = sorted(BLUEPRINTS.glob("*.yaml"))
SHORT = {"milliseconds": 5}
NOTES, CHEAP, STORM = "input_text.notes", "binary_sensor.cheap", "binary_sensor.storm"

type Freezer = FrozenDateTimeFactory


@pytest.fixture
async def loaded(hass: HomeAssistant, old: Loaded) -> Loaded:
    """Return a gateway whose reserve is app 20 %, and its entry, with the helpers that the blueprints use."""
    for component, config in HELPERS.items():
        assert await async_setup_component(hass, component, {component: config})
    return old


def noted(hass: HomeAssistant) -> str:
    """Return the note of an automation."""
    state = hass.states.get(NOTES)
    assert state
    return state.state


async def note(hass: HomeAssistant, text: str) -> None:
    """Set the note of an automation."""
    data = {"entity_id": NOTES, "value": text}
    await hass.services.async_call("input_text", "set_value", data, blocking=True)


async def set_state(hass: HomeAssistant, entity_id: str, state: str) -> None:
    """Turn a helper on or off."""
    hass.states.async_set(entity_id, state)
    await hass.async_block_till_done()


async def set_reserve(hass: HomeAssistant, gateway: Simulator, reserve: float) -> None:
    """Set the reserve like the owner."""
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=reserve)


async def charged_to(entry: MockConfigEntry, gateway: Simulator, app: float) -> None:
    """Set the charge in app %."""
    gateway.home.charge = 5 + 0.95 * app
    await entry.runtime_data.live.async_refresh()


def running(hass: HomeAssistant, name: str) -> int:
    """Return how many runs of an automation are in progress."""
    automation = hass.states.get(f"automation.{name}")
    return int(automation.attributes["current"]) if automation else 0


async def idle(hass: HomeAssistant, name: str) -> None:
    """Wait until no run of an automation is in progress."""
    await hass.async_block_till_done()
    await until(lambda: not running(hass, name))
    await hass.async_block_till_done()


def follows(gateway: Simulator) -> tuple[str, float]:
    """Return the mode and the reserve in app % that the battery follows."""
    return str(gateway.home.mode), round((gateway.home.reserve - 5) / 0.95, 3)


def move(freezer: Freezer, hour: int, minute: int) -> None:
    """Set the time of the same day without running timers."""
    freezer.move_to(dt_util.now().replace(hour=hour, minute=minute, second=0, microsecond=0))


async def at(hass: HomeAssistant, freezer: Freezer, hour: int, minute: int, *, days: int = 0) -> None:
    """Advance to a time of day."""
    moment = dt_util.now().replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=days)
    freezer.move_to(moment)
    async_fire_time_changed(hass, moment)
    await hass.async_block_till_done()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_blueprint_is_valid(file: Path) -> None:
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
    docs = (ROOT / "docs" / "automations.md").read_text(encoding="utf-8")
    assert f"](../{file.relative_to(ROOT)}) |" in docs
    assert f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={quote(source, safe='')}\n" in docs


# -- by time of use ----------------------------------------------------------------------------------------------------


async def test_time_of_use_sets_mode_and_reserve_for_a_day(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    await at(hass, freezer, 6, 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id, notes=NOTES)
    await at(hass, freezer, 7, 15)
    await until(lambda: request_count(gateway, "system/update/status") == 1)
    assert writes(gateway) == []
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == ("self_consumption", 5.0))
    await until(lambda: noted(hass) == "discharging")
    await at(hass, freezer, 22, 5)
    await until(lambda: follows(gateway) == ("backup", 100.0))
    await until(lambda: noted(hass) == "charging")
    assert len(writes(gateway)) == 2


@pytest.mark.parametrize(
    ("before", "minute", "down_until", "expected"),
    [
        ((6, 7), 55, (12, 0), ("self_consumption", 5.0)),
        ((21, 22), 5, (23, 30), ("backup", 100.0)),
    ],
)
async def test_time_of_use_sets_only_missed_values_at_the_start(
    hass: HomeAssistant,
    loaded: Loaded,
    automate: Automate,
    freezer: Freezer,
    before: tuple[int, int],
    minute: int,
    down_until: tuple[int, int],
    expected: tuple[str, float],
) -> None:
    gateway, entry = loaded
    await at(hass, freezer, before[0], 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id, notes=NOTES, update=False)
    await restart(hass, entry)
    assert writes(gateway) == []  # the automation has set nothing yet
    await note(hass, "charging" if expected[0] == "self_consumption" else "discharging")
    await restart(hass, entry, partial(move, freezer, *down_until))
    await until(lambda: follows(gateway) == expected)
    await until(lambda: "?" not in noted(hass))
    await set_reserve(hass, gateway, 40)
    count = len(writes(gateway))
    await restart(hass, entry)
    await idle(hass, "time_of_use")
    assert follows(gateway) == (expected[0], 40.0)
    assert len(writes(gateway)) == count


async def test_time_of_use_that_failed_is_finished_after_a_restart(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    times = {"discharge_time": "00:00:00", "charge_time": "23:59:59"}
    await automate("time_of_use", pause=SHORT, gateway=entry.entry_id, notes=NOTES, **times)
    gateway.faults.add("operation", method="POST", status=500)
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.time_of_use"}, blocking=True)
    assert noted(hass) == "discharging?"
    await restart(hass, entry, gateway.faults.clear)
    await until(lambda: follows(gateway) == ("self_consumption", 5.0))
    await until(lambda: noted(hass) == "discharging")


async def test_time_of_use_continues_after_a_failed_update_check(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    gateway.faults.add("system/update/status", status=500)
    await at(hass, freezer, 6, 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id, notes=NOTES)
    await at(hass, freezer, 7, 15)
    await until(lambda: request_count(gateway, "system/update/status") == 1)
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == ("self_consumption", 5.0))


@pytest.mark.parametrize("name", ["time_of_use", "hold_charge", "storm"])
async def test_time_of_use_repeats_if_the_gateway_is_unreachable(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, name: str
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    hass.states.async_set("binary_sensor.on", "on")
    inputs: dict[str, dict[str, Any]] = {
        "time_of_use": {"discharge_time": "00:00:00", "charge_time": "23:59:59", "discharge_reserve": 60},
        "hold_charge": holding(hass, gateway, cheap="binary_sensor.on"),
        "storm": storming(hass, gateway, warning="binary_sensor.on", storm_reserve=60),
    }
    if name == "time_of_use":
        await note(hass, "charging")
    await hass.config_entries.async_unload(entry.entry_id)
    await automate(name, pause=SHORT, gateway=entry.entry_id, **({"notes": NOTES} | inputs[name]))
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: running(hass, name))
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: follows(gateway) == ("self_consumption", 60.0))
    await idle(hass, name)
    assert len(writes(gateway)) == 1
    assert "?" not in noted(hass)


# -- while it is cheap -------------------------------------------------------------------------------------------------


def holding(hass: HomeAssistant, gateway: Simulator, cheap: str = CHEAP) -> dict[str, Any]:
    """Return the inputs of the blueprint."""
    return {
        "cheap": cheap,
        "charge": entity_of(hass, gateway, "sensor", "charge"),
        "backup_reserve": entity_of(hass, gateway, "number", "backup_reserve"),
        "notes": NOTES,
    }


async def test_hold_keeps_the_charge_and_restores_the_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await set_reserve(hass, gateway, 35)
    hass.states.async_set(CHEAP, "off")
    await automate("hold_charge", at_start=True, gateway=entry.entry_id, **holding(hass, gateway))
    assert len(writes(gateway)) == 1  # the owner's
    await set_state(hass, CHEAP, "on")
    await until(lambda: follows(gateway) == ("self_consumption", 60.0))
    await set_state(hass, CHEAP, "unavailable")
    await set_state(hass, CHEAP, "on")
    await idle(hass, "hold_charge")
    assert len(writes(gateway)) == 2
    await set_state(hass, CHEAP, "off")
    await until(lambda: follows(gateway) == ("self_consumption", 35.0))
    await until(lambda: noted(hass) == "")


async def test_hold_uses_the_scale_of_the_gateway(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    hass.config_entries.async_update_entry(entry, options={**entry.options, CONF_PERCENT: "raw"})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    gateway.home.charge = 52.4
    await entry.runtime_data.live.async_refresh()
    hass.states.async_set(CHEAP, "off")
    await automate("hold_charge", gateway=entry.entry_id, **holding(hass, gateway))
    await set_state(hass, CHEAP, "on")
    await until(lambda: gateway.home.reserve == pytest.approx(52))
    await idle(hass, "hold_charge")
    await set_state(hass, CHEAP, "off")
    await until(lambda: gateway.home.reserve == pytest.approx(24))


async def test_hold_continues_after_restarts(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", gateway=entry.entry_id, **holding(hass, gateway))
    await set_state(hass, CHEAP, "on")
    await until(lambda: noted(hass) == "20.0 60.0")
    await charged_to(entry, gateway, 58)
    await restart(hass, entry)
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 60.0)
    assert len(writes(gateway)) == 1
    await restart(hass, entry, partial(hass.states.async_set, CHEAP, "off"))
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))
    await until(lambda: noted(hass) == "")
    await restart(hass, entry, partial(hass.states.async_set, CHEAP, "on"))
    await until(lambda: follows(gateway) == ("self_consumption", 58.0))


async def test_hold_keeps_a_reserve_changed_by_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", gateway=entry.entry_id, **holding(hass, gateway))
    await set_state(hass, CHEAP, "on")
    await until(lambda: noted(hass) == "20.0 60.0")
    await idle(hass, "hold_charge")
    await set_reserve(hass, gateway, 30)
    await restart(hass, entry)
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 30.0)
    await set_state(hass, CHEAP, "off")
    await until(lambda: noted(hass) == "")
    assert follows(gateway) == ("self_consumption", 30.0)
    assert len(writes(gateway)) == 2


async def test_hold_does_not_lower_the_reserve(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 10)
    hass.states.async_set(CHEAP, "on")
    await automate("hold_charge", at_start=True, gateway=entry.entry_id, **holding(hass, gateway))
    await until(lambda: noted(hass) == "20.0 20.0")
    assert follows(gateway) == ("self_consumption", 20.0)


async def test_hold_with_an_unknown_result_restores_the_first_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", pause=SHORT, gateway=entry.entry_id, **holding(hass, gateway))
    gateway.faults.add("config/completed", status=503, after=True)  # the gateway applies it, and reports an error
    await set_state(hass, CHEAP, "on")
    assert noted(hass) == "20.0 60.0?"
    assert follows(gateway) == ("self_consumption", 60.0)
    await restart(hass, entry, gateway.faults.clear)
    await until(lambda: noted(hass) == "20.0 60.0")
    await idle(hass, "hold_charge")
    await set_state(hass, CHEAP, "off")
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))


# -- before a storm ----------------------------------------------------------------------------------------------------


def storming(hass: HomeAssistant, gateway: Simulator, warning: str = STORM, **inputs: Any) -> dict[str, Any]:
    """Return the inputs of the blueprint."""
    number = entity_of(hass, gateway, "number", "backup_reserve")
    return {"warning": warning, "backup_reserve": number, "notes": NOTES, "storm_reserve": 90, **inputs}


async def pass_minutes(hass: HomeAssistant, freezer: Freezer, minutes: float) -> None:
    """Advance the time."""
    later: datetime = dt_util.utcnow() + timedelta(minutes=minutes)
    freezer.move_to(later)
    async_fire_time_changed(hass, later)
    await hass.async_block_till_done()


async def test_storm_raises_and_restores_the_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    await set_reserve(hass, gateway, 15)
    hass.states.async_set(STORM, "off")
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "15.0 90.0")
    assert follows(gateway) == ("self_consumption", 90.0)
    await set_state(hass, STORM, "off")
    assert follows(gateway) == ("self_consumption", 90.0)
    await pass_minutes(hass, freezer, 61)
    await until(lambda: follows(gateway) == ("self_consumption", 15.0))
    await until(lambda: noted(hass) == "")


async def test_storm_does_not_lower_the_reserve(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await set_reserve(hass, gateway, 95)
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "95.0 95.0")
    assert follows(gateway) == ("self_consumption", 95.0)


async def test_storm_during_downtime_raises_the_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    hass.states.async_set(STORM, "off")
    await automate("storm", at_start=True, gateway=entry.entry_id, **storming(hass, gateway))
    await idle(hass, "storm")
    assert writes(gateway) == []
    await restart(hass, entry, partial(hass.states.async_set, STORM, "on"))
    await until(lambda: follows(gateway) == ("self_consumption", 90.0))
    await until(lambda: noted(hass) == "20.0 90.0")


async def test_storm_keeps_a_reserve_changed_by_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "20.0 90.0")
    await idle(hass, "storm")
    await set_reserve(hass, gateway, 50)
    await restart(hass, entry)
    await idle(hass, "storm")
    assert follows(gateway) == ("self_consumption", 50.0)
    await set_state(hass, STORM, "off")
    await pass_minutes(hass, freezer, 61)
    await until(lambda: noted(hass) == "")
    assert follows(gateway) == ("self_consumption", 50.0)
    assert len(writes(gateway)) == 2


@pytest.mark.parametrize("comes_back", [False, True])
async def test_restart_within_the_wait_after_a_storm_starts_it_again(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer, comes_back: bool
) -> None:
    gateway, entry = loaded
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "20.0 90.0")
    await set_state(hass, STORM, "off")
    await idle(hass, "storm")
    await pass_minutes(hass, freezer, 30)
    await restart(hass, entry, settle=False)
    await until(lambda: running(hass, "storm"))
    freezer.tick(timedelta(minutes=45))
    async_fire_time_changed(hass)
    await entry.runtime_data.settings.async_refresh()
    assert running(hass, "storm")
    assert follows(gateway) == ("self_consumption", 90.0)
    if comes_back:
        await set_state(hass, STORM, "on")
        await idle(hass, "storm")
    await pass_minutes(hass, freezer, 20)
    if comes_back:
        assert follows(gateway) == ("self_consumption", 90.0)
        await set_state(hass, STORM, "off")
        await pass_minutes(hass, freezer, 61)
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))
    await until(lambda: noted(hass) == "")
