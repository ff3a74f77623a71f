"""Endpoints of live data: grid faults, meters, state of charge."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import GatewayStoppedError
from custom_components.powerwall_gateway.gateway.models import (
    AlertValue,
    BatteryBlock,
    GridFault,
    Sitemaster,
    SystemStatus,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator

FAULT: dict[str, Any] = {
    "timestamp": 1639380292131,
    "alert_name": "PINV_a006_vfCheckUnderFrequency",
    "alert_is_fault": False,
    "decoded_alert": '[{"name":"PINV_a006_frequency","value":58.123,"units":"Hz"},{"name":"PINV_alertType",'
    '"value":"Warning"}]',
    "alert_raw": 9813207744921306119,
    "git_hash": "7759c368f4e963",
    "site_uid": "1232100-00-E--TG1234567890AB",
    "ecu_type": "TEPINV",
    "ecu_package_part_number": "3012170-05-B",
    "ecu_package_serial_number": "TG121108000123",
}


async def test_grid_faults_without_one_are_empty(simulator: StartSimulator, client: Client) -> None:
    old, new = await simulator("1.15.0"), await simulator("21.44")
    assert await (await client(old, password=None)).system_status_grid_faults() == ()
    assert await (await client(new)).system_status_grid_faults() == ()


async def test_grid_fault_of_an_outage_has_the_frequency(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.home.outage()
    gateway.home.advance(30)
    [fault] = await powerwall.system_status_grid_faults()
    assert fault.alert_name == "PINV_a006_vfCheckUnderFrequency"
    assert fault.alert_is_fault is False
    assert fault.timestamp is not None
    noticed = datetime.fromtimestamp(gateway.home.grid_faults[0] / 1e9, UTC)
    assert abs((fault.timestamp - noticed).total_seconds()) < 0.01
    assert fault.decoded_alert is not None
    assert fault.decoded_alert[-1] == AlertValue(name="PINV_a006_frequency", value=58.123, units="Hz")
    assert fault.ecu_package_serial_number == gateway.gateway.pack_serials[0]
    assert (await powerwall.system_status()).grid_faults == (fault,)


async def test_grid_fault_of_firmware_21_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["system_status/grid_faults"] = [FAULT, None, "junk"]
    [fault] = await (await client(gateway)).system_status_grid_faults()
    assert fault == GridFault(
        timestamp=datetime(2021, 12, 13, 7, 24, 52, 131000, UTC),
        alert_name="PINV_a006_vfCheckUnderFrequency",
        alert_is_fault=False,
        decoded_alert=(
            AlertValue(name="PINV_a006_frequency", value=58.123, units="Hz"),
            AlertValue(name="PINV_alertType", value="Warning"),
        ),
        alert_raw=9813207744921306119,  # to the last digit, although no float holds it
        git_hash="7759c368f4e963",
        site_uid="1232100-00-E--TG1234567890AB",
        ecu_type="TEPINV",
        ecu_package_part_number="3012170-05-B",
        ecu_package_serial_number="TG121108000123",
    )
    later = GridFault.from_dict(FAULT | {"timestamp": FAULT["timestamp"] + 1})
    assert later != fault


@pytest.mark.parametrize(
    ("decoded", "values"),
    [
        ("", ()),
        (" ", ()),
        ("[]", ()),
        ('[{"name": "x"}, 3]', (AlertValue(name="x"),)),
        ('[{"name": "x", "value": true}]', (AlertValue(name="x"),)),
        ("{}", None),
        ("[", None),
        (None, None),
        ([], None),
    ],
)
def test_decoded_alert_is_parsed(decoded: Any, values: tuple[AlertValue, ...] | None) -> None:
    fault = GridFault.from_dict(FAULT | {"decoded_alert": decoded})
    assert fault.decoded_alert == values
    assert fault.alert_raw == FAULT["alert_raw"]


@pytest.mark.parametrize("timestamp", [0, -0.0, 1e300, None, True, "1639380292131"])
def test_invalid_fault_time_is_none(timestamp: Any) -> None:
    assert GridFault.from_dict(FAULT | {"timestamp": timestamp}).timestamp is None


async def test_grid_faults_of_a_stopped_powerwall_raise(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.running = False
    with pytest.raises(GatewayStoppedError):
        await powerwall.system_status_grid_faults()


async def test_system_status_has_limits_and_battery_blocks(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    status = await (await client(gateway)).system_status()
    packs = len(gateway.home.packs)
    assert status.max_charge_power == status.max_discharge_power == status.max_apparent_power == 5000 * packs
    assert status.instantaneous_max_discharge_power
    assert status.inverter_nominal_usable_power == 5800 * packs
    assert status.blocks_controlled == status.available_blocks == packs
    assert status.grid_faults == ()
    assert status.battery_blocks is not None
    assert len(status.battery_blocks) == packs
    block = status.battery_blocks[0]
    assert (block.sequence_state, block.vf_mode) == ("Active", False)
    assert block.version
    assert block.percentage == pytest.approx(status.percentage, rel=1e-3)


def test_system_status_of_firmware_23_is_decoded() -> None:
    added = {
        "instantaneous_max_apparent_power": 11500,
        "hardware_capability_charge_power": 10000,
        "hardware_capability_discharge_power": 10000.5,
        "available_charger_blocks": 0,
    }
    status = SystemStatus.from_dict(added)
    assert {name: getattr(status, name) for name in added} == added


def test_battery_block_without_capacity_has_no_percentage() -> None:
    assert BatteryBlock.from_dict({"nominal_energy_remaining": 1, "nominal_full_pack_energy": 0}).percentage is None


async def test_system_status_of_firmware_21_has_additional_fields(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.home.solar_power = gateway.home.home_power = 1000
    assert await powerwall.sitemaster() == Sitemaster(
        running=True, connected_to_tesla=True, status="StatusUp", can_reboot="Yes"
    )
