"""`scripts/bench entities` finds who tells what core's `powerwall` shows, and says where nobody does."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.binary_sensor import BINARY_SENSORS
from custom_components.powerwall_gateway.const import CONF_SERIAL, DOMAIN
from custom_components.powerwall_gateway.hardware import powerwalls
from custom_components.powerwall_gateway.migration import CORE, OF_GATEWAY, OF_PACK
from custom_components.powerwall_gateway.sensor import SENSORS
from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import CONF_HOST, CONF_IP_ADDRESS, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from tests.conftest import StartSimulator
from tools.benchmarks.entities import FIRMWARES
from tools.benchmarks.facts import SWITCH, TELLING_OF_GATEWAY, TELLING_OF_PACK, Json, Shown, Verdict, compare
from tools.hass_process import State


def shown(key: str, value: str | None = None, unit: str | None = None, part: str = "") -> Shown:
    return Shown(key, part, "Home", key, value, unit, on_by_default=True)


def verdict(core: Shown, *ours: Shown) -> Verdict:
    (fact,) = compare([core], ours).facts
    return fact.verdict


@pytest.mark.parametrize(
    ("core", "ours", "expected"),
    [
        (("sensor.site_instant_power", "-4.43", "kW"), ("sensor.grid_power", "-4430.4", "W"), Verdict.AGREES),
        (("sensor.site_instant_power", "-4.43", "kW"), ("sensor.grid_power", "-4431.0", "W"), Verdict.DIFFERS),
        (("sensor.site_instant_power", "-4.43", "kW"), ("sensor.grid_power", "4430.0", "W"), Verdict.DIFFERS),
        (("sensor.load_import", "7328.2", "kWh"), ("sensor.home_energy", "7328.187", "kWh"), Verdict.AGREES),
        (("sensor.load_import", "7328.2", "kWh"), ("sensor.home_energy", "7328.31", "kWh"), Verdict.DIFFERS),
        (("sensor.charge", "62.02", "%"), ("sensor.charge", "60.0", "%"), Verdict.AGREES),
        (("sensor.charge", "62.02", "%"), ("sensor.charge", "62.0", "%"), Verdict.DIFFERS),
        (("sensor.backup_reserve", "24", "%"), ("sensor.backup_reserve", "20.0", "%"), Verdict.AGREES),
        (("sensor.backup_reserve", "24", "%"), ("sensor.backup_reserve", "24.0", "%"), Verdict.DIFFERS),
        (("sensor.operation_mode", "backup"), ("sensor.operation_mode", "backup"), Verdict.AGREES),
        (("binary_sensor.grid_status", "on"), ("binary_sensor.grid", "off"), Verdict.DIFFERS),
        (("binary_sensor.grid_status", "on"), ("binary_sensor.grid", None), Verdict.DIFFERS),
        (("binary_sensor.grid_status", "on"), ("sensor.grid", "on"), Verdict.MISSING),
        (("sensor.site_instant_frequency", "0", "Hz"), ("sensor.grid_frequency", "60", "Hz"), Verdict.NO_READING),
        (("sensor.site_instant_frequency", "50", "Hz"), ("sensor.grid_frequency", "60", "Hz"), Verdict.DIFFERS),
        (("sensor.site_instant_voltage", "213.7", "V"), ("sensor.grid_voltage", "246.76", "V"), Verdict.AGREES),
        (("sensor.site_instant_voltage", "213.7", "V"), ("sensor.grid_voltage", "230", "V"), Verdict.DIFFERS),
        (("sensor.something_new", "1", "W"), ("sensor.something_new", "1", "W"), Verdict.MISSING),
        (("switch.off_grid_operation", "off"), ("switch.off_grid", "off"), Verdict.CONTROL),
    ],
)
def test_a_fact_is_judged(core: tuple[str, ...], ours: tuple[str, ...], expected: Verdict) -> None:
    assert verdict(shown(*core), shown(*ours)) is expected


def test_a_fact_without_an_entity_is_missing() -> None:
    assert verdict(shown("sensor.charge", "62", "%")) is Verdict.MISSING
    assert verdict(shown("sensor.load_instant_frequency", "0", "Hz")) is Verdict.NO_READING


def test_a_pack_is_told_by_the_same_pack() -> None:
    core = shown("sensor.grid_state", "grid_compliant", part="TG2")
    others = shown("sensor.grid_state", "compliant", part="TG1"), shown("sensor.grid_state", "compliant")
    assert verdict(core, *others) is Verdict.MISSING
    assert verdict(core, *others, shown("sensor.grid_state", "compliant", part="TG2")) is Verdict.AGREES


def test_what_tells_no_fact_is_only_ours() -> None:
    battery = shown("sensor.battery_state", "idle")
    assert compare([shown("sensor.charge", "62", "%")], [shown("sensor.charge", "60", "%"), battery]).only_ours == [
        battery
    ]


def test_the_entities_that_are_to_tell_exist() -> None:
    of_packs: set[str] = set()
    of_gateway: set[str] = set()
    for platform, descriptions in (("sensor", SENSORS), ("binary_sensor", BINARY_SENSORS)):
        for description in descriptions:
            keys = of_packs if description.devices_fn is powerwalls else of_gateway
            keys.add(f"{platform}.{description.key}")
    told = {key for key in OF_GATEWAY.values() if not key.startswith(SWITCH)}
    assert told <= of_gateway
    assert set(OF_PACK.values()) <= of_packs
    assert set(TELLING_OF_GATEWAY) <= set(OF_GATEWAY)
    assert set(TELLING_OF_PACK) <= set(OF_PACK)


@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.usefixtures("enable_custom_integrations")
async def test_every_fact_of_core_is_told(
    hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch, firmware: str
) -> None:
    """The same as the command, in one process; it waits for nothing."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", property(lambda _: True))
    gateway = await simulator(firmware, password="sunshine")
    gateway.home.solar_power, gateway.home.home_power = 5200.0, 1100.0
    gateway.home.advance(1800)
    host, password = f"{gateway.host}:{gateway.port}", gateway.password
    await _add(hass, CORE, {CONF_IP_ADDRESS: host, CONF_PASSWORD: password})
    login = {CONF_PASSWORD: password, "more": {CONF_USERNAME: "customer"}}
    await _add(hass, DOMAIN, {CONF_HOST: host, CONF_SERIAL: gateway.serial}, login, {})
    comparison = compare(_shown(hass, CORE), _shown(hass, DOMAIN))
    assert len(comparison.facts) > 50
    assert [(fact.core.key, fact.verdict) for fact in comparison.facts if fact.failed] == []


async def _add(hass: HomeAssistant, domain: str, *forms: Json) -> None:
    step: Any = await hass.config_entries.flow.async_init(domain, context={"source": SOURCE_USER})
    for form in forms:
        step = await hass.config_entries.flow.async_configure(step["flow_id"], form)
        while step["type"] is FlowResultType.SHOW_PROGRESS:
            await hass.async_block_till_done()
            step = await hass.config_entries.flow.async_configure(step["flow_id"])
    await hass.async_block_till_done()


def _shown(hass: HomeAssistant, domain: str) -> list[Shown]:
    (entry,) = hass.config_entries.async_entries(domain)
    devices = {
        device.id: device.dict_repr for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    }
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return [
        Shown.of(entity.as_partial_dict, devices, _state(hass, entity.entity_id), on_by_default=True)
        for entity in entities
    ]


def _state(hass: HomeAssistant, entity_id: str) -> State | None:
    state = hass.states.get(entity_id)
    return State(entity_id, state.state, dict(state.attributes)) if state else None
