"""The device of each solar inverter, and the values of a Powerwall+ inverter."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.alert_meanings import describe
from custom_components.powerwall_gateway.const import DOMAIN
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of

TESLA: dict[str, Any] = {"brand": "Tesla", "model": "Solar Inverter 7.6", "power_rating_watts": 7600}
ENPHASE: dict[str, Any] = {"brand": "Enphase Energy", "model": "IQ7PLUS-72-x-US (240V)", "power_rating_watts": 5250}


def string(number: int, power: float, *, connected: bool = True) -> dict[str, Any]:
    """Return a string of panels in the gateway's format."""
    voltage = 264.5 if connected else -2.2
    current = power / voltage if connected else 0
    return {
        "string_id": number,
        "connected": connected,
        "measured_voltage": voltage,
        "current": current,
        "measured_power": power,
    }


def plus(**status: Any) -> dict[str, Any]:
    """Return the response of a Powerwall+."""
    pvac: dict[str, Any] = {"state": "PVAC_Active", "disabled": False, "disabled_reasons": [], "p_out": 1360}
    pvac |= {"v_out": 243.6, "f_out": 59.98, "string_vitals": [string(1, 900), string(2, 0, connected=False)]}
    return {
        "pvac_status": pvac | status,
        "pvac_alerts": {"LastRxTime": "2022-02-02T14:40:10-08:00", "PVAC_a030_fan_faulted": True},
        "pvs_alerts": {"PVS_a021_RapidShutdown": True, "PVS_a022": False},
    }


def inverters_of(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dr.DeviceEntry]:
    """Return the inverters' devices by identifier."""
    return {
        known.partition("_inverter_")[2]: device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        for domain, known in device.identifiers
        if domain == DOMAIN and "_inverter_" in known
    }


def attributes(hass: HomeAssistant, gateway: Simulator, key: str) -> dict[str, Any]:
    """Return a binary sensor's attributes."""
    entity_id = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, f"{gateway.serial}_{key}")
    state = hass.states.get(entity_id or "")
    assert state is not None
    return dict(state.attributes)


@pytest.mark.usefixtures("all_enabled")
async def test_inverter_of_any_brand_is_a_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    (inverter,) = inverters_of(hass, entry).values()
    assert (inverter.name, inverter.manufacturer, inverter.model) == (
        "Solar inverter",
        "Enphase Energy",
        "IQ7PLUS-72-x-US (240V)",
    )
    assert inverter.via_device_id == entry.runtime_data.device_id
    assert state_of(hass, gateway, "sensor", "inverter_1_rating") == "5250"
    assert state_of(hass, gateway, "sensor", "inverter_1_power") is None


async def test_several_inverters_are_numbered(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["solars"] = [ENPHASE, {**TESLA, "power_rating_watts": None}]
    entry = await set_up(gateway)
    assert {part: device.name for part, device in inverters_of(hass, entry).items()} == {
        "inverter_1": "Solar inverter 1",
    }
    assert state_of(hass, gateway, "sensor", "inverter_2_rating") is None


@pytest.mark.usefixtures("all_enabled")
async def test_inverter_keeps_its_id_when_others_come_and_go(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["solars"] = [ENPHASE, TESLA]
    entry = await set_up(gateway)
    other = {"brand": "SMA", "model": "SB3.0-1SP", "power_rating_watts": 3000}

    def ratings() -> list[str | None]:
        return [state_of(hass, gateway, "sensor", f"inverter_{number}_rating") for number in (1, 2, 3)]

    assert ratings() == ["5250", "7600", None]
    for listed, expected in (
        ([TESLA], [STATE_UNAVAILABLE, "7600", None]),
        ([TESLA, ENPHASE], ["5250", "7600", None]),
        ([other, TESLA, ENPHASE], ["5250", "7600", "3000"]),
        ([TESLA, other], [STATE_UNAVAILABLE, "7600", "3000"]),
    ):
        gateway.overrides["solars"] = listed
        await poll(hass, entry, "inventory")
        assert ratings() == expected
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        assert ratings() == expected


async def test_missing_endpoint_is_not_requested_again(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.requests.clear()
    await poll(hass, entry, "detail")
    assert "solar_powerwall" not in {request.path for request in gateway.requests}


@pytest.mark.parametrize(
    ("solars", "part"),
    [
        pytest.param([TESLA], "inverter_1", id="Tesla's"),
        pytest.param([ENPHASE, TESLA], "inverter_2", id="Tesla's behind another"),
        pytest.param([ENPHASE], "inverter_powerwall", id="another's"),
        pytest.param([], "inverter_powerwall", id="none"),
    ],
)
async def test_powerwall_plus_is_the_tesla_inverter(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, solars: Any, part: str
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": solars, "solar_powerwall": plus()})
    entry = await set_up(gateway)
    inverters = inverters_of(hass, entry)
    assert len(inverters) == len({*(f"inverter_{number}" for number, _ in enumerate(solars, 1)), part})
    assert inverters[part].manufacturer == "Tesla"
    values = {
        key: state_of(hass, gateway, "sensor", f"{part}_{key}")
        for key in ("power", "voltage", "frequency", "state", "string_1_power", "string_1_voltage", "string_2_power")
    }
    assert values == {
        "power": "1360",
        "voltage": "243.6",
        "frequency": "59.98",
        "state": "Active",
        "string_1_power": "900",
        "string_1_voltage": "264.5",
        "string_2_power": None,
    }
    assert float(state_of(hass, gateway, "sensor", f"{part}_string_1_current") or "nan") == pytest.approx(3.4, abs=0.1)


async def test_powerwall_plus_has_solar_values(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("24.36", powerwall_plus=True, password="sunshine")
    entry = await set_up(gateway)
    assert set(inverters_of(hass, entry)) == {"inverter_1"}
    power = state_of(hass, gateway, "sensor", "inverter_1_power")
    assert float(power or "nan") == pytest.approx(gateway.home.solar_power, abs=15)
    # Nothing is wired to the second string.
    strings = [state_of(hass, gateway, "sensor", f"inverter_1_string_{number}_power") for number in (1, 3, 4)]
    assert sum(float(each or "nan") for each in strings) == pytest.approx(float(power or "nan"), abs=1)
    assert state_of(hass, gateway, "sensor", "inverter_1_string_2_power") is None
    # An alert is raised without a fault, too.
    assert state_of(hass, gateway, "binary_sensor", "inverter_1_problem") == STATE_OFF
    assert attributes(hass, gateway, "inverter_1_problem")["alerts"] == [describe("PVS_a018_MciStringB")]


async def test_only_power_and_strings_are_enabled_by_default(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": [TESLA], "solar_powerwall": plus()})
    entry = await set_up(gateway)
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    start = f"{gateway.serial}_inverter_1_"
    shown = {entity.unique_id.removeprefix(start) for entity in entities if not entity.disabled_by}
    assert {key for key in shown if not key.startswith(gateway.serial)} == {
        "power",
        "problem",
        "state",
        "string_1_power",
    }


async def test_string_connected_later_is_added(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": [TESLA], "solar_powerwall": plus()})
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "inverter_1_string_3_power") is None
    gateway.overrides["solar_powerwall"] = plus(string_vitals=[string(1, 900), string(3, 450)])
    await poll(hass, entry, "detail")
    assert state_of(hass, gateway, "sensor", "inverter_1_string_3_power") == "450"


async def test_problem_sensor_lists_the_alerts(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": [TESLA], "solar_powerwall": plus()})
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "binary_sensor", "inverter_1_problem") == STATE_OFF
    for trouble in ({"disabled": True}, {"disabled_reasons": ["DisabledArcFault"]}):
        gateway.overrides["solar_powerwall"] = plus(**trouble)
        await poll(hass, entry, "detail")
        assert state_of(hass, gateway, "binary_sensor", "inverter_1_problem") == STATE_ON
    problem = attributes(hass, gateway, "inverter_1_problem")
    assert problem["reasons"] == ["DisabledArcFault"]
    assert [alert["severity"] for alert in problem["alerts"]] == ["warning", "problem"]
    gateway.overrides["solar_powerwall"] = {"pvac_status": {"state": "PVAC_Active"}}
    await poll(hass, entry, "detail")
    assert state_of(hass, gateway, "binary_sensor", "inverter_1_problem") == "unknown"


async def test_inverter_waits_for_the_list_of_inverters(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    """Without the list it would be another device."""
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": b"<html>", "solar_powerwall": plus()})
    entry = await set_up(gateway)
    assert inverters_of(hass, entry) == {}
    gateway.overrides["solars"] = [TESLA]
    await entry.runtime_data.inventory.async_refresh()
    await poll(hass, entry, "detail")
    assert set(inverters_of(hass, entry)) == {"inverter_1"}
    assert state_of(hass, gateway, "sensor", "inverter_1_power") == "1360"


@pytest.mark.usefixtures("all_enabled")
async def test_missing_inverter_is_unavailable(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": [TESLA], "solar_powerwall": plus()})
    entry = await set_up(gateway)
    gateway.overrides["solar_powerwall"] = {"pvac_status": None, "pv_power_limit": 7600}
    await poll(hass, entry, "detail")
    for platform, key in (("sensor", "power"), ("sensor", "string_1_power")):
        assert state_of(hass, gateway, platform, f"inverter_1_{key}") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "sensor", "inverter_1_rating") == "7600"
