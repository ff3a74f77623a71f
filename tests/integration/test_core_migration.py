"""Migrate from the built-in integration: history continues under the same entity ids."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
    statistics_during_period,
)

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.core_migration import CORE
from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.history import get_significant_states
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryDisabler
from homeassistant.const import CONF_IP_ADDRESS, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import get_instance
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.conftest import StartSimulator

from .conftest import SetUp

HOUR = timedelta(hours=1)

ENABLED_AND_NOT = ("max_charge_power", "site_frequency")
"""Entities that the built-in integration enables or not by default. Ours are disabled."""

NO_READING = {"load_frequency", "solar_frequency"}
"""The built-in integration shows 0 Hz without a measurement."""


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Start the recorder. It must be the first fixture."""


async def add_core(hass: HomeAssistant, gateway: Simulator) -> ConfigEntry:
    """Set up the built-in integration."""
    flow = await hass.config_entries.flow.async_init(CORE, context={"source": SOURCE_USER})
    form = {CONF_IP_ADDRESS: f"{gateway.host}:{gateway.port}", CONF_PASSWORD: gateway.password}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    return result["result"]


async def disable(hass: HomeAssistant, core: ConfigEntry) -> None:
    await hass.config_entries.async_set_disabled_by(core.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()


async def take_over(hass: HomeAssistant, **data: Any) -> Any:
    response = await hass.services.async_call(DOMAIN, "take_over", data, blocking=True, return_response=True)
    await hass.async_block_till_done()
    return response


async def reload_by_itself(hass: HomeAssistant) -> None:
    """Wait until Home Assistant reloads entries with newly enabled entities (30 seconds)."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done()


def core_ids(hass: HomeAssistant) -> set[str]:
    return {entity.entity_id for entity in er.async_get(hass).entities.values() if entity.platform == CORE}


async def compile_hour(hass: HomeAssistant, begin: Any) -> None:
    """Let the recorder compile the statistics of an hour from all states so far."""
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=begin + timedelta(minutes=55))
    await async_wait_recording_done(hass)


async def test_take_over_continues_history_and_statistics(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    began = dt_util.utcnow()
    core = await add_core(hass, gateway)
    first_hour = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    await compile_hour(hass, first_hour)
    consumed, power = "sensor.home_energy_gateway_load_import", "sensor.home_energy_gateway_load_power"
    core_shown = {state.entity_id: float(state.state) for state in map(hass.states.get, (consumed, power)) if state}
    await disable(hass, core)

    gateway.home.advance(6 * 3600)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    before = core_ids(hass)
    response = await take_over(hass, rename=True)
    await reload_by_itself(hass)
    assert set(response["without"]) == {f"sensor.home_energy_gateway_{name}" for name in NO_READING}
    assert set(response["renamed"]) == set(response["entities"]) == before - set(response["without"])
    assert response["entities"][consumed] == "sensor.home_energy_gateway_home_consumption"
    assert core_ids(hass) == set(response["without"])
    assert set(response["renamed"]) <= {
        known.entity_id for known in er.async_get(hass).entities.get_entries_for_config_entry_id(entry.entry_id)
    }
    registry = er.async_get(hass)
    (enabled, disabled) = (registry.async_get(f"sensor.home_energy_gateway_{name}") for name in ENABLED_AND_NOT)
    assert enabled
    assert not enabled.disabled
    assert disabled
    assert disabled.disabled
    await hass.config_entries.async_remove(core.entry_id)
    await entry.runtime_data.live.async_refresh()
    await compile_hour(hass, first_hour + HOUR)

    home_now = gateway.home.home_energy / 1000
    statistics = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(hass, first_hour, statistic_ids={consumed, power}, period="hour")
    )
    then, now = statistics[consumed]
    assert then["state"] == core_shown[consumed]
    assert now["state"] == pytest.approx(home_now, abs=0.01)
    assert now["sum"] - then["sum"] == pytest.approx(home_now - core_shown[consumed], abs=0.01)
    then, now = statistics[power]
    assert (then["mean"], now["mean"]) == pytest.approx((core_shown[power], gateway.home.home_power / 1000), abs=0.02)

    history = await get_instance(hass).async_add_executor_job(
        lambda: get_significant_states(hass, began, entity_ids=[consumed, power], significant_changes_only=False)
    )
    recorded: list[Any] = history[power]
    shown = [state for state in recorded if state.state not in {"unavailable", "unknown", ""}]
    assert float(shown[0].state) == core_shown[power]
    assert [float(state.state) for state in shown[1:]] == pytest.approx(
        [gateway.home.home_power / 1000] * len(shown[1:]), abs=0.02
    )
    assert {state.attributes["unit_of_measurement"] for state in shown} == {"kW"}


def state_classes(hass: HomeAssistant, ids: set[str]) -> dict[str, str | None]:
    """Return the state class in the registry for each sensor."""
    registry = er.async_get(hass)
    known = {entity_id: entry for entity_id in ids if (entry := registry.async_get(entity_id))}
    return {
        entity_id: (entry.capabilities or {}).get("state_class")
        for entity_id, entry in known.items()
        if entry.domain == "sensor"
    }


async def test_take_over_keeps_the_statistics_of_every_sensor(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    """A sensor without a state class ends the long-term statistics that are kept under its id."""
    gateway = await simulator("21.44")
    core = await add_core(hass, gateway)
    before = state_classes(hass, core_ids(hass))
    await disable(hass, core)
    await set_up(gateway)
    response = await take_over(hass, rename=True)
    assert {"sensor.home_energy_gateway_backup_reserve", "sensor.home_energy_gateway_charge"} <= set(
        response["renamed"]
    )
    after = state_classes(hass, set(response["renamed"]))
    assert {entity_id for entity_id, known in after.items() if before[entity_id] and not known} == set()


async def test_take_over_keeps_the_energies_of_generator_and_busway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", generator=True, busway=True, password="sunshine")
    core = await add_core(hass, gateway)
    await disable(hass, core)
    await set_up(gateway)
    response = await take_over(hass, rename=True)
    for meter in ("generator", "busway"):
        for direction in ("import", "export"):
            old_id = f"sensor.home_energy_gateway_{meter}_{direction}"
            assert old_id in response["renamed"]
            ours = er.async_get(hass).async_get(old_id)
            assert ours
            assert ours.unique_id == f"{gateway.serial}_{meter}_{direction}_energy"


async def test_take_over_without_rename_changes_nothing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    core = await add_core(hass, gateway)
    await set_up(gateway)
    new = er.async_get(hass).async_get_or_create("sensor", CORE, f"{gateway.din}_of_next_year", config_entry=core)
    ids = set(er.async_get(hass).entities)
    response = await take_over(hass)
    assert new.entity_id in response["without"]
    assert set(er.async_get(hass).entities) == ids
    assert response["renamed"] == []
    assert response["entities"].keys() | response["without"] == core_ids(hass)
    assert response["entities"]["sensor.home_energy_gateway_load_power"] == "sensor.home_energy_gateway_home_power"
    pack = gateway.gateway.pack_serials[0].lower()
    assert response["entities"][f"sensor.home_energy_gateway_{pack}_battery_remaining"] == (
        "sensor.powerwall_1_energy_remaining"
    )
    with pytest.raises(ServiceValidationError) as refused:
        await take_over(hass, rename=True)
    assert refused.value.translation_key == "core_in_use"
    assert set(er.async_get(hass).entities) == ids
    await hass.config_entries.async_unload(core.entry_id)
    with pytest.raises(ServiceValidationError):
        await take_over(hass, rename=True)  # it would return after a restart
    assert set(er.async_get(hass).entities) == ids


async def test_take_over_finds_a_deleted_entry_of_core(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    core = await add_core(hass, gateway)
    ids = core_ids(hass)
    await hass.config_entries.async_remove(core.entry_id)
    registry = er.async_get(hass)
    registry.async_get_or_create("sensor", "other", "1", object_id_base="home_energy_gateway_load_power")
    await set_up(gateway)
    response = await take_over(hass, rename=True)
    await reload_by_itself(hass)
    assert set(response["renamed"]) == ids - {"sensor.home_energy_gateway_load_power", *response["without"]}
    again = await take_over(hass, rename=True)
    assert again["renamed"] == response["renamed"]
    assert all(core_id == ours for core_id, ours in again["entities"].items() if core_id in again["renamed"])


async def test_take_over_recognizes_a_powerwall_3_by_its_address(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("pw3")
    core = await add_core(hass, gateway)
    await disable(hass, core)
    await set_up(gateway)
    ids = core_ids(hass)
    response = await take_over(hass, rename=True)
    await reload_by_itself(hass)
    assert set(response["renamed"]) == ids - set(response["without"])
    assert len(response["without"]) == len(NO_READING)
    assert all(entity_id.endswith(tuple(NO_READING)) for entity_id in response["without"])


async def test_take_over_ignores_another_gateway_of_core(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    await add_core(hass, await simulator("21.44"))
    await set_up(await simulator("21.44", serial="TG9999990000B1"))
    with pytest.raises(ServiceValidationError) as refused:
        await take_over(hass)
    assert refused.value.translation_key == "nothing_to_take_over"


async def test_entities_of_other_integrations_with_any_unique_id_are_ignored(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    registry = er.async_get(hass)
    for unique_id in (42, ("a", 1), None, 4.5):
        registry.async_get_or_create("sensor", "other", unique_id)  # type: ignore[arg-type]  # Home Assistant logs it
    gone = registry.async_get_or_create("sensor", "other", 43)  # type: ignore[arg-type]  # as above
    registry.async_remove(gone.entity_id)
    await set_up(await simulator("21.44"))
    with pytest.raises(ServiceValidationError) as refused:
        await take_over(hass)
    assert refused.value.translation_key == "nothing_to_take_over"
