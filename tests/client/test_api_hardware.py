"""Endpoints of solar inverters, generators and meters."""

from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import endpoints
from custom_components.powerwall_gateway.gateway.models import (
    CtReading,
    CurrentTransformers,
    InstalledMeter,
    MeterReading,
    SolarInverter,
    SolarMeter,
    SolarString,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator

# -- solar and generators ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_solars_are_decoded(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await simulator(firmware)
    solar: dict[str, Any] = {"brand": "SolarEdge Technologies", "model": "SE5000 (240V)", "power_rating_watts": 6000}
    gateway.faults.add("solars", status=200, body=[solar])
    assert await (await client(gateway, password=None)).solars() == (
        SolarInverter(brand="SolarEdge Technologies", model="SE5000 (240V)", power_rating=6000.0),
    )


async def test_solar_brands_keep_every_alphabet(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("solars/brands", status=200, body=["ABB", "シャープ (Sharp)"])
    assert await (await client(gateway)).call(endpoints.SOLARS_BRANDS) == ["ABB", "シャープ (Sharp)"]


@pytest.mark.parametrize(
    "brand",
    ["SolarEdge Technologies", "Diehl AKO Stiftung &  KG", "シャープ (Sharp)", "50% off?", "A/B", "#1", "%20", "+"],
)
async def test_solar_brand_is_encoded_in_the_path(simulator: StartSimulator, client: Client, brand: str) -> None:
    gateway = await simulator("21.44")
    solar: dict[str, Any] = {"brand": brand, "model": "SE9K", "description": "9 kW", "power_rating_watts": 9000}
    gateway.faults.add(f"solars/brands/{brand}", status=200, body=[solar])
    assert await (await client(gateway)).call(endpoints.SOLARS_BRAND, brand=brand) == (
        SolarInverter(brand=brand, model="SE9K", description="9 kW", power_rating=9000.0),
    )
    assert (gateway.requests[-1].method, gateway.requests[-1].path) == ("GET", f"solars/brands/{brand}")


async def test_generators_without_one_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    none = {"disconnect_type": "None", "generators": list[Any]()}
    gateway.faults.add("generators", status=200, body=none)
    powerwall = await client(gateway, password=None)
    assert await powerwall.call(endpoints.GENERATORS) == none
    gateway.faults.add("generators/disconnect_types", status=200, body=["DownstreamATS"])
    assert await powerwall.call(endpoints.GENERATORS_DISCONNECT_TYPES) == ["DownstreamATS"]


async def test_solar_powerwall_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    strings: list[dict[str, Any]] = [
        {"string_id": 1, "connected": True, "measured_voltage": 264.5, "current": 5.2, "measured_power": 1375},
        {"string_id": 2, "connected": False, "measured_voltage": -2.2, "current": 0, "measured_power": 0},
    ]
    pvac: dict[str, Any] = {"state": "PVAC_Active", "disabled": False, "disabled_reasons": []}
    pvac |= {
        "grid_state": "Grid_Compliant",
        "inv_state": "INV_Grid_Connected",
        "v_out": 243.6,
        "f_out": 59.98,
        "p_out": 1360,
        "q_out": 10,
    }
    gateway.faults.add(
        "solar_powerwall",
        status=200,
        body={
            "pvac_status": pvac | {"i_out": 5.6, "string_vitals": strings},
            "pv_power_limit": 7600,
            "pvac_alerts": {
                "LastRxTime": "2022-02-02T14:40:10.123456-08:00",
                "ReceivedMuxBitmask": 1,
                "PVAC_alertMatrixIndex": 0,
                "PVAC_a014_PVS_disabled_relay": False,
                "PVAC_a030_fan_faulted": True,
            },
            "pvs_alerts": {"LastRxTime": "2022-02-02T14:40:10.1-08:00", "PVS_a021_RapidShutdown": False},
        },
    )
    solar = await (await client(gateway)).solar_powerwall()
    inverter = solar.pvac_status
    assert inverter is not None
    assert (inverter.state, inverter.inverter_state, inverter.disabled) == ("PVAC_Active", "INV_Grid_Connected", False)
    assert (inverter.power, inverter.reactive_power) == (1360.0, 10.0)
    assert (inverter.voltage, inverter.frequency, inverter.current) == (243.6, 59.98, 5.6)
    assert inverter.strings == (
        SolarString(string_id=1, connected=True, voltage=264.5, current=5.2, power=1375.0),
        SolarString(string_id=2, connected=False, voltage=-2.2, current=0.0, power=0.0),
    )
    assert solar.pv_power_limit == 7600.0
    assert solar.pvac_alerts == ("PVAC_a030_fan_faulted",)
    assert solar.pvs_alerts == ()


# -- meters ------------------------------------------------------------------------------------------------------------


def cts(kind: str, *valid: bool, **more: Any) -> dict[str, Any]:
    """Return current transformers in the gateway's format."""
    return {"type": kind, "valid": list(valid), "inverted": [False] * 4} | more


async def test_meters_of_1_15_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    solar, site = cts("solar", False, False, True, True), cts("site", True, True, False, False)
    meter: dict[str, Any] = {"serial": "OBB3172012345", "short_id": "49123", "connected": True, "cts": [solar, site]}
    gateway.faults.add("meters", status=200, body=[meter])
    assert await (await client(gateway, password=None)).meters() == (
        InstalledMeter(
            serial="OBB3172012345",
            short_id="49123",
            connected=True,
            cts=(
                CurrentTransformers(kind="solar", valid=(False, False, True, True), inverted=(False,) * 4),
                CurrentTransformers(kind="site", valid=(True, True, False, False), inverted=(False,) * 4),
            ),
        ),
    )


def test_meters_of_firmware_23_are_decoded() -> None:
    neurio = {"serial": "VAH1", "type": "neurio_w2_tcp", "connected": True, "ip_address": "PWRview-1", "mac": "01-23"}
    meter = InstalledMeter.from_dict(neurio | {"cts": [cts("solarRGM", True, real_power_scale_factor=2)]})
    assert (meter.kind, meter.ip_address, meter.mac) == ("neurio_w2_tcp", "PWRview-1", "01-23")
    assert meter.cts == (
        CurrentTransformers(kind="solarRGM", valid=(True,), inverted=(False,) * 4, real_power_scale_factor=2.0),
    )
    synchrometer = InstalledMeter.from_dict({"serial": "JBL1synchrometerY", "type": "synchrometerY"})
    assert (synchrometer.connected, synchrometer.cts) == (None, None)


@pytest.mark.parametrize("valid", [[True, None, True], [True, 1], "x", {}])
def test_invalid_meter_input_drops_the_whole_list(valid: Any) -> None:
    assert CurrentTransformers.from_dict({"type": "site", "valid": valid}) == CurrentTransformers(kind="site")


async def test_meter_readings_convert_watt_seconds(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    ct = {"ct": 1, "v_V": 120.1, "p_W": 345.07, "q_VAR": -179.66, "eExp_Ws": 7200, "eImp_Ws": 579265920}
    data: dict[str, Any] = {"IP": "Neurio-12345", "sensorId": "0x00", "firmwareVersion": "Tesla-0.0.7", "f_Hz": 60}
    data["cts"] = [ct]
    gateway.faults.add("meters/readings", status=200, body={"ABC1": {"error": "", "data": data}, "ABC2": None})
    readings = await (await client(gateway, password=None)).meters_readings()
    assert set(readings) == {"ABC1"}
    read = readings["ABC1"]
    assert read.error == ""
    assert read.frequency == 60.0
    assert read.cts is not None
    assert (read.cts[0].voltage, read.cts[0].power, read.cts[0].reactive_power) == (120.1, 345.07, -179.66)
    assert read.cts[0].current is None
    assert read.cts[0].energy_exported == 2.0
    assert read.cts[0].energy_imported == pytest.approx(160907.2)


def test_meter_reading_without_a_counter_is_none() -> None:
    reading = CtReading.from_dict({"ct": 4})
    assert (reading.energy_exported, reading.energy_imported) == (None, None)


async def test_meter_readings_of_a_running_powerwall_have_an_error(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    busy = "run sitemanager flag enabled, sitemanager process is running"
    gateway.faults.add("meters/readings", status=200, body={"X": {"error": busy, "data": {"cts": [{"ct": 0}]}}})
    readings = await (await client(gateway)).meters_readings()
    assert readings["X"].error == busy
    gateway.faults.clear()
    gateway.faults.add("meters/readings", status=200, body=b"null")
    assert await (await client(gateway)).meters_readings() == {}


def test_meter_reading_keeps_the_error() -> None:
    words = "dial tcp: lookup Neurio-12345: no such host"
    assert MeterReading.from_dict({"error": words, "data": None}) == MeterReading(error=words)


def neurio(location: str, **readings: Any) -> dict[str, Any]:
    """Return a single meter in the gateway's format."""
    connection = {"ip_address": "PWRview-12345", "port": 443, "short_id": "12345", "device_serial": "OBB1"}
    return {
        "id": 0,
        "location": location,
        "type": "neurio_tcp",
        "cts": [False, False, False, True],
        "inverted": [False] * 4,
        "connection": connection | {"neurio_connected": True, "https_conf": {}},
        "Cached_readings": {"serial_number": "OBB1", "version": "1.7.1-Tesla", "timeout": 1500000000} | readings,
    }


async def test_site_meter_is_decoded_by_phase(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    body = neurio(
        "site",
        last_communication_time="2023-04-08T12:55:00.180984196+01:00",
        instant_power=-18.000000763,
        energy_exported=1152130.009,
        energy_imported=15614764.694,
        v_l1n=247.559997558,
        v_l2n=0.200000002,
        real_power_a=-17.95,
        reactive_power_b=-0.1,
        energy_exported_a=1192873.19,
        energy_imported_a=15654958.37,
        last_phase_energy_communication_time="0001-01-01T00:00:00Z",
    )
    gateway.faults.add("meters/site", status=200, body=[body])
    (meter,) = await (await client(gateway)).meters_site()
    assert (meter.meter_id, meter.location, meter.kind) == (0, "site", "neurio_tcp")
    assert meter.cts == (False, False, False, True)
    assert meter.device_serial == "OBB1"
    readings = meter.readings
    assert readings is not None
    assert (readings.serial_number, readings.version) == ("OBB1", "1.7.1-Tesla")
    assert readings.last_communication_time is not None
    assert readings.last_phase_energy_communication_time is None
    assert readings.instant_power == -18.000000763
    assert (readings.energy_exported, readings.energy_imported) == (1152130.009, 15614764.694)
    assert (readings.energy_exported_a, readings.energy_imported_a) == (1192873.19, 15654958.37)
    assert (readings.v_l1n, readings.v_l2n, readings.v_l3n) == (247.559997558, 0.200000002, None)
    assert (readings.real_power_a, readings.reactive_power_b) == (-17.95, -0.1)


async def test_solar_meter_swaps_import_and_export(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    body = neurio(
        "solar",
        instant_power=2867.159912109375,
        energy_exported=30088.2,
        energy_imported=18346702.5,
        energy_exported_a=30104.7,
        energy_imported_a=18336727.7,
    )
    gateway.faults.add("meters/solar", status=200, body=[body])
    (meter,) = await (await client(gateway)).meters_solar()
    readings = meter.readings
    assert readings is not None
    assert readings.instant_power == 2867.159912109375
    assert (readings.energy_exported, readings.energy_imported) == (18346702.5, 30088.2)
    assert (readings.energy_exported_a, readings.energy_imported_a) == (18336727.7, 30104.7)


def test_solar_meter_with_one_counter_swaps_it() -> None:
    readings = SolarMeter.from_dict({"Cached_readings": {"energy_imported": 5}}).readings
    assert readings is not None
    assert (readings.energy_exported, readings.energy_imported) == (5.0, None)


async def test_meter_verification_sends_the_serial(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("meters/ABC1234567890/verify", status=200)
    meter = {"short_id": "12345", "serial": "ABC1234567890"}
    await (await client(gateway, password=None)).call(endpoints.METERS_VERIFY, meter, serial=meter["serial"])
    arrived = gateway.requests[-1]
    assert (arrived.method, arrived.path) == ("POST", "meters/ABC1234567890/verify")
    assert orjson.loads(arrived.body) == {"short_id": "12345", "serial": "ABC1234567890"}
