"""Fill the Energy dashboard: what is suggested and added, and whether Home Assistant accepts it."""

import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
    get_start_time,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.powerwall_gateway import coordinator, energy_dashboard
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.energy_dashboard import async_add_sources, async_update_entity_ids
from custom_components.powerwall_gateway.repairs import async_create_fix_flow
from homeassistant.components.energy import data
from homeassistant.components.energy.validate import async_validate
from homeassistant.components.recorder.core import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import SetUp

HAS_HOME_SOURCE = hasattr(data, "HomeSourceType")
"""Since 2026.11."""


def sensor(name: str) -> str:
    return f"sensor.home_energy_gateway_{name}"


PRICES = {
    "stat_cost": None,
    "entity_energy_price": None,
    "number_energy_price": None,
    "stat_compensation": None,
    "entity_energy_price_export": None,
    "number_energy_price_export": None,
    "cost_adjustment_day": 0.0,
}
GRID = {
    "type": "grid",
    "stat_energy_from": sensor("grid_import"),
    "stat_energy_to": sensor("grid_export"),
    "power_config": {"stat_rate": sensor("grid_power")},
    "stat_rate": sensor("grid_power"),
    **PRICES,
}
SOLAR = {
    "type": "solar",
    "stat_energy_from": sensor("solar_production"),
    "stat_rate": sensor("solar_power"),
    "config_entry_solar_forecast": None,
}
BATTERY = {
    "type": "battery",
    "stat_energy_from": sensor("battery_energy_discharged"),
    "stat_energy_to": sensor("battery_energy_charged"),
    "power_config": {"stat_rate": sensor("battery_power")},
    "stat_rate": sensor("battery_power"),
    "stat_soc": sensor("charge"),
}
HOME = {"type": "home", "stat_energy_to": sensor("home_consumption"), "stat_rate": sensor("home_power")}
ALL = [GRID, SOLAR, BATTERY, *([HOME] if HAS_HOME_SOURCE else [])]
OTHER_GRID = {"type": "grid", "stat_energy_from": "sensor.meter", "stat_energy_to": None, **PRICES}
DEVICES = [{"stat_consumption": "sensor.fridge"}]


@pytest.fixture(autouse=True)
async def auto_enable_custom_integrations(
    recorder_mock: Recorder, enable_custom_integrations: None, hass: HomeAssistant
) -> None:
    """Start the recorder first, then the dashboard and the repairs."""
    assert await async_setup_component(hass, "energy", {})
    assert await async_setup_component(hass, "repairs", {})


async def choose(hass: HomeAssistant, *sources: dict[str, Any]) -> None:
    """Store preferences like the Energy dashboard's own page."""
    chosen: Any = {"energy_sources": list(sources), "device_consumption": DEVICES}
    await (await data.async_get_manager(hass)).async_update(chosen)


async def chosen(hass: HomeAssistant) -> Any:
    return (await data.async_get_manager(hass)).data


def offer(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"energy_dashboard_{entry.entry_id}")


def offered(hass: HomeAssistant, entry: MockConfigEntry) -> list[str]:
    """Return the names of the suggested sensors."""
    issue = offer(hass, entry)
    listed = ((issue and issue.translation_placeholders) or {}).get("entities", "")
    return [line.removeprefix("- Home Energy Gateway ") for line in listed.splitlines()]


async def submit(client: ClientSessionGenerator, entry: MockConfigEntry, choice: str) -> Any:
    """Open the repair and select an option."""
    pages = await client()
    form = {"handler": DOMAIN, "issue_id": f"energy_dashboard_{entry.entry_id}"}
    asked = await (await pages.post("/api/repairs/issues/fix", json=form)).json()
    assert (asked["type"], asked["menu_options"]) == ("menu", ["add", "ignore"])
    assert "Grid import" in asked["description_placeholders"]["entities"]
    path = f"/api/repairs/issues/fix/{asked['flow_id']}"
    return await (await pages.post(path, json={"next_step_id": choice})).json()


async def test_energy_dashboard_repair_fills_an_empty_dashboard(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_client: ClientSessionGenerator
) -> None:
    entry = await set_up(await simulator("21.44"))
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=get_start_time(dt_util.utcnow()))
    await async_wait_recording_done(hass)
    assert offered(hass, entry) == [
        *("Grid import", "Grid export", "Grid power", "Solar production", "Solar power"),
        *("Battery energy discharged", "Battery energy charged", "Battery power", "Charge"),
        *(("Home consumption", "Home power") if HAS_HOME_SOURCE else ()),
    ]
    assert (await submit(hass_client, entry, "add"))["type"] == "create_entry"
    assert offer(hass, entry) is None
    assert (await chosen(hass))["energy_sources"] == ALL
    result = (await async_validate(hass)).as_dict()
    assert [issue for source in result["energy_sources"] for issue in source] == []
    assert len(result["energy_sources"]) == len(ALL)


async def test_energy_dashboard_repair_adds_only_what_is_missing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    await choose(hass, OTHER_GRID)
    entry = await set_up(await simulator("21.44"))
    assert "Solar production" in offered(hass, entry)
    assert "Grid import" not in offered(hass, entry)
    before = await chosen(hass)
    await async_add_sources(hass, entry)
    assert await chosen(hass) == {**before, "energy_sources": [OTHER_GRID, *ALL[1:]]}


@pytest.mark.parametrize("ours", [GRID, {**GRID, "stat_energy_to": None}], ids=["whole", "import alone"])
async def test_energy_dashboard_with_our_grid_has_no_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, ours: dict[str, Any]
) -> None:
    await choose(hass, ours)
    assert offer(hass, await set_up(await simulator("21.44"))) is None


async def test_energy_dashboard_issue_is_shown_until_a_choice(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    assert offer(hass, entry)
    await choose(hass, GRID)
    await poll(hass, entry, "live")
    assert offer(hass, entry) is None
    await choose(hass)
    await poll(hass, entry, "live")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert offer(hass, entry) is None


async def test_energy_dashboard_issue_stays_ignored(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_client: ClientSessionGenerator
) -> None:
    entry = await set_up(await simulator("21.44"))
    assert (await submit(hass_client, entry, "ignore"))["reason"] == "ignored"
    assert await chosen(hass) is None
    await hass.config_entries.async_reload(entry.entry_id)
    await poll(hass, entry, "live")
    issue = offer(hass, entry)
    assert issue
    assert issue.dismissed_version


async def test_suggestion_ignored_stays_ignored_while_sensors_are_unavailable(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("KEPT_AT_LEAST", "KEPT_INTERVALS"):
        monkeypatch.setattr(coordinator, name, 0)
    gateway: Simulator = await simulator("21.44")
    entry = await set_up(gateway)
    await submit(hass_client, entry, "ignore")
    gateway.faults.add("meters/aggregates", status=500)
    await poll(hass, entry, "live")
    await entry.runtime_data.inventory.async_refresh()
    power = hass.states.get(sensor("grid_power"))
    assert power
    assert power.state == "unavailable"
    gateway.faults.clear()
    await poll(hass, entry, "live")
    await entry.runtime_data.inventory.async_refresh()
    issue = offer(hass, entry)
    assert issue
    assert issue.dismissed_version


async def test_energy_dashboard_repair_skips_sensors_without_a_value(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 5.0, "energy_exported": 5.0}}
    entry = await set_up(gateway)
    assert offered(hass, entry) == ["Grid import", "Grid export"]
    gateway.overrides.clear()
    await poll(hass, entry, "live")
    await entry.runtime_data.inventory.async_refresh()
    assert "Solar production" in offered(hass, entry)
    er.async_get(hass).async_update_entity(sensor("grid_export"), disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert "Solar production" in offered(hass, entry)
    assert "Grid import" not in offered(hass, entry)


async def test_energy_dashboard_repair_adds_nothing_that_is_there(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_client: ClientSessionGenerator
) -> None:
    entry = await set_up(await simulator("21.44"))
    await choose(hass, *json.loads(json.dumps(ALL).replace("home_energy_gateway", "other")))
    assert (await submit(hass_client, entry, "add"))["reason"] == "nothing_to_add"
    assert offer(hass, entry) is None
    await choose(hass)
    await poll(hass, entry, "live")
    assert offer(hass, entry)


async def test_energy_dashboard_repair_needs_a_loaded_entry(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    issue = offer(hass, entry)
    assert issue
    flow: Any = await async_create_fix_flow(hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = hass, issue.issue_id
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await flow.async_step_add({}))["reason"] == "not_loaded"
    assert offer(hass, entry) is None


async def test_energy_dashboard_follows_a_renamed_entity(hass: HomeAssistant) -> None:
    await choose(hass, GRID, SOLAR)
    await async_update_entity_ids(hass, {sensor("grid_import"): "sensor.meter", sensor("grid_power"): "sensor.now"})
    now = {"stat_rate": "sensor.now"}
    assert await chosen(hass) == {
        **data.EnergyManager.default_preferences(),
        "energy_sources": [{**GRID, "stat_energy_from": "sensor.meter", "power_config": now, **now}, SOLAR],
        "device_consumption": DEVICES,
    }


async def test_energy_dashboard_keeps_another_entity_with_the_new_id(hass: HomeAssistant) -> None:
    await choose(hass, GRID, OTHER_GRID)
    before = await chosen(hass)
    await async_update_entity_ids(hass, {sensor("grid_import"): "sensor.meter"})
    assert await chosen(hass) == before


def schema_of_2026_12(sources: Any) -> Any:
    """Validate the fields that the beta of the frontend 2026.12 writes for a battery; there is no such release yet."""
    for source in sources:
        if "stat_energy_from_grid" not in source:
            return data.ENERGY_SOURCE_SCHEMA(sources)
        texts = {f"stat_energy_{direction}": str for direction in ("from_grid", "from_solar", "to_home", "to_grid")}
        rates = {vol.Optional(name.replace("energy", "rate")): str for name in texts}
        optional = {vol.Optional("stat_soc"): str, vol.Optional("entity_capacity"): str}
        vol.Schema({"type": "battery", **texts, **optional, vol.Optional("power_config"): rates})(source)
    return sources


async def test_battery_on_2026_12_is_split_by_source_and_consumer(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await set_up(await simulator("21.44"))
    monkeypatch.setattr(energy_dashboard, "ENERGY_SOURCE_SCHEMA", schema_of_2026_12)
    added: list[Any] = []
    manager = await data.async_get_manager(hass)

    async def update(preferences: Any) -> None:  # the present release cannot store it
        added.extend(preferences["energy_sources"])

    monkeypatch.setattr(manager, "async_update", update)
    await async_add_sources(hass, entry)
    (battery,) = (source for source in added if source["type"] == "battery")
    assert battery == {
        "type": "battery",
        "stat_energy_from_grid": sensor("grid_to_battery"),
        "stat_energy_from_solar": sensor("solar_to_battery"),
        "stat_energy_to_home": sensor("battery_to_home"),
        "stat_energy_to_grid": sensor("battery_to_grid"),
        "power_config": {
            "stat_rate_from_grid": sensor("grid_to_battery_power"),
            "stat_rate_from_solar": sensor("solar_to_battery_power"),
            "stat_rate_to_home": sensor("battery_to_home_power"),
            "stat_rate_to_grid": sensor("battery_to_grid_power"),
        },
        "stat_soc": sensor("charge"),
        "entity_capacity": sensor("battery_capacity"),
    }
    power = er.async_get(hass).async_get(sensor("grid_to_battery_power"))
    assert power
    assert power.disabled_by is None  # the dashboard cannot use a disabled one
