"""The blueprints, run by Home Assistant's own automations against the simulated gateway."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.powerwall_gateway.const import CONF_PERCENT, DOMAIN
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
NOTES, CAR, STORM = "input_text.notes", "sensor.car", "sensor.storm"

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


def someone_sets(gateway: Simulator, mode: str, app: float) -> None:
    """Set mode and reserve like someone with Tesla's app. The reserve is in app %."""
    gateway.gateway.operation.mode, gateway.gateway.operation.reserve = mode, 5 + 0.95 * app
    gateway.gateway.commit()


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


# -- in cheap hours ----------------------------------------------------------------------------------------------------


def charging(hass: HomeAssistant, gateway: Simulator, /, **inputs: Any) -> dict[str, Any]:
    """Return the inputs of the blueprint: charge to 90 % from 22:05 to 7:55."""
    return {
        "mode": entity_of(hass, gateway, "select", "operation_mode"),
        "backup_reserve": entity_of(hass, gateway, "number", "backup_reserve"),
        "notes": NOTES,
        "target": 90,
        **inputs,
    }


@pytest.mark.parametrize(
    ("mode", "charge_mode", "expected"),
    [
        ("self_consumption", "unchanged", "self_consumption"),
        ("self_consumption", "backup", "backup"),
        ("backup", "self_consumption", "self_consumption"),
    ],
)
async def test_cheap_hours_charge_to_the_target_and_restore_the_settings(
    hass: HomeAssistant,
    loaded: Loaded,
    automate: Automate,
    freezer: Freezer,
    mode: str,
    charge_mode: str,
    expected: str,
) -> None:
    gateway, entry = loaded
    someone_sets(gateway, mode, 35)
    await entry.runtime_data.settings.async_refresh()
    await at(hass, freezer, 20, 0, days=1)
    inputs = charging(hass, gateway, charge_mode=charge_mode)
    await automate("time_of_use", at_start=True, gateway=entry.entry_id, **inputs)
    await idle(hass, "time_of_use")
    assert writes(gateway) == []
    await at(hass, freezer, 22, 5)
    await until(lambda: follows(gateway) == (expected, 90.0))
    await idle(hass, "time_of_use")
    await at(hass, freezer, 7, 15, days=1)
    await until(lambda: request_count(gateway, "system/update/status") == 1)
    assert len(writes(gateway)) == 1
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == (mode, 35.0))
    await until(lambda: noted(hass) == "")
    assert len(writes(gateway)) == 2


@pytest.mark.parametrize(
    ("before", "note_before", "down_until", "expected"),
    [
        (21, "", (23, 30), ("self_consumption", 90.0)),
        (6, "self_consumption 35.0 self_consumption 90.0", (12, 0), ("self_consumption", 35.0)),
    ],
    ids=["start", "end"],
)
async def test_cheap_hours_that_started_or_ended_during_downtime_are_followed(
    hass: HomeAssistant,
    loaded: Loaded,
    automate: Automate,
    freezer: Freezer,
    before: int,
    note_before: str,
    down_until: tuple[int, int],
    expected: tuple[str, float],
) -> None:
    gateway, entry = loaded
    await at(hass, freezer, before, 0, days=1)
    await set_reserve(hass, gateway, 90 if note_before else 35)
    await note(hass, note_before)
    await automate("time_of_use", gateway=entry.entry_id, **charging(hass, gateway))
    await restart(hass, entry)
    await idle(hass, "time_of_use")
    assert len(writes(gateway)) == 1  # the owner's
    await restart(hass, entry, partial(move, freezer, *down_until))
    await until(lambda: follows(gateway) == expected)
    await until(lambda: "?" not in noted(hass))
    assert len(writes(gateway)) == 2


async def test_cheap_hours_keep_settings_changed_by_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    await at(hass, freezer, 21, 0, days=1)
    await automate("time_of_use", gateway=entry.entry_id, **charging(hass, gateway))
    await at(hass, freezer, 22, 5)
    await until(lambda: noted(hass) == "self_consumption 20.0 self_consumption 90.0")
    await idle(hass, "time_of_use")
    await set_reserve(hass, gateway, 40)
    await restart(hass, entry)
    await idle(hass, "time_of_use")
    await at(hass, freezer, 7, 55, days=1)
    await until(lambda: noted(hass) == "")
    await restart(hass, entry)
    await idle(hass, "time_of_use")
    assert follows(gateway) == ("self_consumption", 40.0)
    assert len(writes(gateway)) == 2


async def test_cheap_hours_keep_a_mode_that_cannot_be_restored(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    """Time-based control requires a signing key, which this gateway does not have."""
    gateway, entry = loaded
    someone_sets(gateway, "autonomous", 35)
    await entry.runtime_data.settings.async_refresh()
    inputs = charging(hass, gateway, charge_mode="backup", start_time="00:00:00", end_time="23:59:59")
    await automate("time_of_use", pause={"milliseconds": 1}, gateway=entry.entry_id, **inputs)
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.time_of_use"}, blocking=True)
    assert follows(gateway) == ("autonomous", 35.0)
    assert gateway.gateway.operation.mode == "autonomous"


async def test_cheap_hours_do_not_lower_the_reserve(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await set_reserve(hass, gateway, 95)
    inputs = charging(hass, gateway, start_time="00:00:00", end_time="23:59:59")
    await automate("time_of_use", at_start=True, gateway=entry.entry_id, **inputs)
    await until(lambda: noted(hass) == "self_consumption 95.0 self_consumption 95.0")
    assert follows(gateway) == ("self_consumption", 95.0)


async def test_charge_that_failed_is_finished_after_a_restart(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    inputs = charging(hass, gateway, start_time="00:00:00", end_time="23:59:59")
    await automate("time_of_use", pause=SHORT, gateway=entry.entry_id, **inputs)
    gateway.faults.add("operation", method="POST", status=500)
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.time_of_use"}, blocking=True)
    assert noted(hass) == "self_consumption 20.0 self_consumption 90.0 ?"
    await restart(hass, entry, gateway.faults.clear)
    await until(lambda: follows(gateway) == ("self_consumption", 90.0))
    await until(lambda: noted(hass) == "self_consumption 20.0 self_consumption 90.0")


async def test_cheap_hours_continue_after_a_failed_update_check(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    gateway.faults.add("system/update/status", status=500)
    await at(hass, freezer, 6, 0, days=1)
    await set_reserve(hass, gateway, 90)
    await note(hass, "self_consumption 35.0 self_consumption 90.0")
    await automate("time_of_use", gateway=entry.entry_id, **charging(hass, gateway))
    await at(hass, freezer, 7, 15)
    await until(lambda: request_count(gateway, "system/update/status") == 1)
    await at(hass, freezer, 7, 55)
    await until(lambda: follows(gateway) == ("self_consumption", 35.0))


# -- a gateway that does not respond -----------------------------------------------------------------------------------


@pytest.mark.parametrize("within", [True, False], ids=["repeated", "given up"])
@pytest.mark.parametrize("name", ["time_of_use", "hold_charge", "storm"])
async def test_settings_are_changed_when_the_gateway_is_available_again(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, name: str, within: bool
) -> None:
    """The automation tries again for a while, and when the entities become available."""
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    for entity_id in (CAR, STORM):
        hass.states.async_set(entity_id, "on")
    inputs: dict[str, dict[str, Any]] = {
        "time_of_use": charging(hass, gateway, gateway=entry.entry_id, start_time="00:00:00", end_time="23:59:59"),
        "hold_charge": holding(hass, gateway),
        "storm": storming(hass, gateway, gateway=entry.entry_id),
    }
    await hass.config_entries.async_unload(entry.entry_id)
    await automate(name, pause={"seconds": 1} if within else {"milliseconds": 1}, **inputs[name])
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: running(hass, name))
    if not within:
        await idle(hass, name)
    await hass.config_entries.async_setup(entry.entry_id)
    reserve = {"time_of_use": 90.0, "hold_charge": 60.0, "storm": 100.0}[name]
    await until(lambda: follows(gateway) == ("self_consumption", reserve))
    await until(lambda: noted(hass) not in {"", "changing", "unknown"} and "?" not in noted(hass))
    assert len(writes(gateway)) == 1


# -- while a car charges -----------------------------------------------------------------------------------------------


def holding(hass: HomeAssistant, gateway: Simulator) -> dict[str, Any]:
    """Return the inputs of the blueprint."""
    return {"active": CAR, "hold": entity_of(hass, gateway, "switch", "hold"), "notes": NOTES}


@pytest.mark.parametrize(("on", "off"), [("on", "off"), ("Charging", "Complete")])
async def test_hold_keeps_the_charge_and_restores_the_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, on: str, off: str
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await set_reserve(hass, gateway, 35)
    hass.states.async_set(CAR, off)
    await automate("hold_charge", at_start=True, **holding(hass, gateway))
    assert len(writes(gateway)) == 1  # the owner's
    await set_state(hass, CAR, on)
    await until(lambda: follows(gateway) == ("self_consumption", 60.0))
    await set_state(hass, CAR, "unavailable")
    await set_state(hass, CAR, on)
    await idle(hass, "hold_charge")
    assert len(writes(gateway)) == 2
    await set_state(hass, CAR, off)
    await until(lambda: follows(gateway) == ("self_consumption", 35.0))
    await until(lambda: noted(hass) == "")


async def test_hold_uses_the_scale_of_the_gateway(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    hass.config_entries.async_update_entry(entry, options={**entry.options, CONF_PERCENT: "raw"})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    gateway.home.charge = 52.4
    hass.states.async_set(CAR, "off")
    await automate("hold_charge", **holding(hass, gateway))
    await set_state(hass, CAR, "on")
    await until(lambda: gateway.home.reserve == pytest.approx(52))
    await idle(hass, "hold_charge")
    await set_state(hass, CAR, "off")
    await until(lambda: gateway.home.reserve == pytest.approx(24))


async def test_hold_continues_after_restarts(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", **holding(hass, gateway))
    await set_state(hass, CAR, "on")
    await until(lambda: noted(hass) == "holding")
    await charged_to(entry, gateway, 58)
    await restart(hass, entry)
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 60.0)
    assert len(writes(gateway)) == 1
    await restart(hass, entry, partial(hass.states.async_set, CAR, "off"))
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))
    await until(lambda: noted(hass) == "")
    await restart(hass, entry, partial(hass.states.async_set, CAR, "on"))
    await until(lambda: follows(gateway) == ("self_consumption", 57.895))  # a whole percent of the gateway


async def test_hold_keeps_a_reserve_changed_by_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", **holding(hass, gateway))
    await set_state(hass, CAR, "on")
    await until(lambda: noted(hass) == "holding")
    await idle(hass, "hold_charge")
    await set_reserve(hass, gateway, 30)
    await restart(hass, entry)
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 30.0)
    await set_state(hass, CAR, "off")
    await until(lambda: noted(hass) == "")
    assert follows(gateway) == ("self_consumption", 30.0)
    assert len(writes(gateway)) == 2


async def test_hold_of_the_owner_is_not_ended(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await call(hass, gateway, "switch", "hold", "turn_on")
    hass.states.async_set(CAR, "off")
    await automate("hold_charge", at_start=True, **holding(hass, gateway))
    for car in ("on", "off"):
        await set_state(hass, CAR, car)
        await restart(hass, entry)
        await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 60.0)
    assert len(writes(gateway)) == 1


async def test_hold_with_an_unknown_result_restores_the_first_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await charged_to(entry, gateway, 60.5)
    await automate("hold_charge", pause=SHORT, **holding(hass, gateway))
    gateway.faults.add("config/completed", status=503, after=True)  # the gateway applies it, and reports an error
    await set_state(hass, CAR, "on")
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 60.0)
    await note(hass, "changing")  # as if Home Assistant ended before the result
    await restart(hass, entry, gateway.faults.clear)
    await until(lambda: noted(hass) == "holding")
    await idle(hass, "hold_charge")
    assert follows(gateway) == ("self_consumption", 60.0)
    await set_state(hass, CAR, "off")
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))


# -- before a storm ----------------------------------------------------------------------------------------------------


def storming(hass: HomeAssistant, gateway: Simulator, /, **inputs: Any) -> dict[str, Any]:
    """Return the inputs of the blueprint."""
    sensor = entity_of(hass, gateway, "sensor", "backup_until")
    return {"warning": STORM, "full_backup": sensor, "notes": NOTES, **inputs}


async def pass_minutes(hass: HomeAssistant, freezer: Freezer, minutes: float) -> None:
    """Advance the time."""
    later: datetime = dt_util.utcnow() + timedelta(minutes=minutes)
    freezer.move_to(later)
    async_fire_time_changed(hass, later)
    await hass.async_block_till_done()


@pytest.mark.parametrize(("warned", "calm"), [("on", "off"), ("3", "1")])
async def test_storm_charges_the_battery_and_restores_the_reserve(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer, warned: str, calm: str
) -> None:
    gateway, entry = loaded
    await set_reserve(hass, gateway, 15)
    hass.states.async_set(STORM, calm)
    await automate("storm", at_start=True, gateway=entry.entry_id, **storming(hass, gateway, level=2))
    await idle(hass, "storm")
    assert len(writes(gateway)) == 1  # the owner's
    await set_state(hass, STORM, warned)
    await until(lambda: noted(hass) == "full backup")
    assert follows(gateway) == ("self_consumption", 100.0)
    await set_state(hass, STORM, "unavailable")
    await pass_minutes(hass, freezer, 90)
    await set_state(hass, STORM, calm)
    await pass_minutes(hass, freezer, 30)
    assert follows(gateway) == ("self_consumption", 100.0)
    await pass_minutes(hass, freezer, 31)
    await until(lambda: follows(gateway) == ("self_consumption", 15.0))
    await until(lambda: noted(hass) == "")
    assert len(writes(gateway)) == 3


async def test_storm_during_downtime_charges_the_battery(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    hass.states.async_set(STORM, "off")
    await automate("storm", at_start=True, gateway=entry.entry_id, **storming(hass, gateway))
    await idle(hass, "storm")
    assert writes(gateway) == []
    await restart(hass, entry, partial(hass.states.async_set, STORM, "on"))
    await until(lambda: follows(gateway) == ("self_consumption", 100.0))
    await until(lambda: noted(hass) == "full backup")


async def test_storm_extends_the_full_backup_while_the_warning_lasts(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    gateway, entry = loaded
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway, calm={"seconds": 0}))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "full backup")
    await idle(hass, "storm")
    for minutes, extended in ((61, False), (59, True)):
        control = entry.runtime_data.control.temporary
        assert control.current
        await control._keep(replace(control.current, until=dt_util.utcnow() + timedelta(minutes=minutes)))
        await idle(hass, "storm")
        assert (control.current.until - dt_util.utcnow() > timedelta(hours=23)) is extended
    assert noted(hass) == "full backup"
    assert follows(gateway) == ("self_consumption", 100.0)
    await set_state(hass, STORM, "off")
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))


async def test_storm_does_not_end_the_full_backup_of_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer
) -> None:
    gateway, entry = loaded
    await hass.services.async_call(DOMAIN, "back_up_fully", blocking=True)
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await restart(hass, entry)
    await idle(hass, "storm")
    await set_state(hass, STORM, "off")
    await pass_minutes(hass, freezer, 61)
    await idle(hass, "storm")
    assert follows(gateway) == ("self_consumption", 100.0)
    assert len(writes(gateway)) == 1


@pytest.mark.parametrize("change", ["reserve", "cancel"])
async def test_storm_keeps_a_change_of_the_owner(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer, change: str
) -> None:
    gateway, entry = loaded
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "full backup")
    await idle(hass, "storm")
    if change == "reserve":
        await set_reserve(hass, gateway, 50)
    else:
        await hass.services.async_call(DOMAIN, "cancel_backup", blocking=True)
    theirs = follows(gateway)
    await restart(hass, entry)
    await set_state(hass, STORM, "unavailable")
    await set_state(hass, STORM, "on")
    await idle(hass, "storm")
    assert follows(gateway) == theirs == ("self_consumption", 50.0 if change == "reserve" else 20.0)
    await set_state(hass, STORM, "off")
    await pass_minutes(hass, freezer, 61)
    await until(lambda: noted(hass) == "")
    assert follows(gateway) == theirs
    assert len(writes(gateway)) == 2


@pytest.mark.parametrize("comes_back", [False, True])
async def test_restart_within_the_wait_after_a_storm_starts_it_again(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: Freezer, comes_back: bool
) -> None:
    gateway, entry = loaded
    await automate("storm", gateway=entry.entry_id, **storming(hass, gateway))
    await set_state(hass, STORM, "on")
    await until(lambda: noted(hass) == "full backup")
    await set_state(hass, STORM, "off")
    await idle(hass, "storm")
    await pass_minutes(hass, freezer, 30)
    await restart(hass, entry, lambda: (hass.states.async_remove(STORM), hass.states.async_set(STORM, "off")))
    await pass_minutes(hass, freezer, 45)
    await idle(hass, "storm")
    assert follows(gateway) == ("self_consumption", 100.0)
    if comes_back:
        await set_state(hass, STORM, "on")
        await idle(hass, "storm")
        await pass_minutes(hass, freezer, 20)
        assert follows(gateway) == ("self_consumption", 100.0)
        await set_state(hass, STORM, "off")
        await pass_minutes(hass, freezer, 45)
        assert follows(gateway) == ("self_consumption", 100.0)
    await pass_minutes(hass, freezer, 20)
    await until(lambda: follows(gateway) == ("self_consumption", 20.0))
    await until(lambda: noted(hass) == "")
