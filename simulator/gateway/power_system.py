"""Endpoints of the battery, the grid and the sitemaster."""

from simulator.gateway.call import Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import battery_energy, battery_powers, pack_current, reactive_power
from simulator.home.battery import CONTINUOUS_POWER, PEAK_POWER, Pack
from simulator.wire import Json, go_json

UNDER_FREQUENCY_RAW = 9_813_207_744_921_306_119
"""A raw alert is an unsigned 64-bit number, too large for a double."""


def soe(gateway: Gateway) -> Json:
    """`system_status/soe`."""
    return {"percentage": gateway.home.charge}


def grid_status_1_15(gateway: Gateway) -> Json:
    """`system_status/grid_status` of 2018."""
    return {"grid_status": gateway.home.grid_status}


def grid_status(gateway: Gateway) -> Json:
    """`system_status/grid_status`."""
    return {"grid_status": _grid_status(gateway), "grid_services_active": False}


def _grid_status(gateway: Gateway) -> str:
    """Return the state of the grid. A solar inverter has no contactor, and always reports off-grid."""
    return "SystemIslandedActive" if gateway.solar_inverter else gateway.home.grid_status


def no_grid_faults(_: Gateway) -> Json:
    """`system_status/grid_faults` of 2018: only ever seen empty."""
    return []


def grid_faults(gateway: Gateway) -> list[Json]:
    """`system_status/grid_faults`: what an inverter reports of a grid outage."""
    first = gateway.home.packs[0]
    decoded: list[Json] = [
        {"name": "PINV_alertID", "value": "PINV_a006_vfCheckUnderFrequency"},
        {"name": "PINV_alertType", "value": "Warning"},
        {"name": "PINV_a006_frequency", "value": 58.123, "units": "Hz"},
    ]
    return [
        {
            "timestamp": noticed // 1_000_000,
            "alert_name": "PINV_a006_vfCheckUnderFrequency",
            "alert_is_fault": False,
            "decoded_alert": go_json(decoded),
            "alert_raw": UNDER_FREQUENCY_RAW,
            "git_hash": gateway.nameplate.git_hash[:14],
            "site_uid": gateway.din,
            "ecu_type": "TEPINV",
            "ecu_package_part_number": gateway.part_number_of(first),
            "ecu_package_serial_number": gateway.pack_serials[0],
        }
        for noticed in gateway.home.grid_faults
    ]


def system_status_24(gateway: Gateway) -> Json:
    """`system_status` since 23.x: a few more limits."""
    limit = PEAK_POWER * len(gateway.home.battery.active)
    return {
        **system_status(gateway),
        "instantaneous_max_apparent_power": limit,
        "hardware_capability_charge_power": limit,
        "hardware_capability_discharge_power": limit,
        "available_charger_blocks": 0,
    }


def system_status(gateway: Gateway) -> dict[str, Json]:
    """`system_status`."""
    home = gateway.home
    battery = home.battery
    active = len(battery.active)
    limit = CONTINUOUS_POWER * active
    powers = iter(battery_powers(gateway))
    blocks: list[Json] = [
        _block(gateway, pack, serial, next(powers) if pack.enabled else 0)
        for pack, serial in zip(home.packs, gateway.pack_serials, strict=True)
        if not gateway.solar_inverter
    ]
    return {
        "command_source": "Configuration",
        "battery_target_power": home.battery_power,
        "battery_target_reactive_power": 0,
        "nominal_full_pack_energy": battery.capacity,
        "nominal_energy_remaining": battery.remaining,
        "max_power_energy_remaining": 0,
        "max_power_energy_to_be_charged": 0,
        "max_charge_power": limit,
        "max_discharge_power": limit,
        "max_apparent_power": limit,
        "instantaneous_max_discharge_power": PEAK_POWER * active,
        "instantaneous_max_charge_power": battery.max_charge_power,
        **({} if gateway.grid_services_power is None else {"grid_services_power": gateway.grid_services_power}),
        "system_island_state": _grid_status(gateway),
        "available_blocks": active,
        "battery_blocks": blocks,
        "ffr_power_availability_high": 5800 * active,
        "ffr_power_availability_low": 5130 * active,
        "load_charge_constraint": 0,
        "max_sustained_ramp_rate": 1_250_000 * active,
        "grid_faults": grid_faults(gateway),
        "can_reboot": can_reboot(gateway),
        "smart_inv_delta_p": 0,
        "smart_inv_delta_q": 0,
        "last_toggle_timestamp": gateway.boot_stamp(after=104.7),
        "solar_real_power_limit": -1,
        "score": 10000,
        "blocks_controlled": active,
        "primary": True,
        "auxiliary_load": 0,
        "all_enable_lines_high": active == len(home.packs),
        "inverter_nominal_usable_power": 5800 * active,
        "expected_energy_remaining": 0,
    }


def _block(gateway: Gateway, pack: Pack, serial: str, power: int) -> Json:
    """One Powerwall; a disabled one measures nothing."""
    home = gateway.home
    following = "PINV_GridForming" if home.islanded else "PINV_GridFollowing"
    measured: dict[str, Json] = {
        "p_out": power,
        "q_out": 10 * round(reactive_power(gateway, serial, 20.0) / 10),
        "v_out": round(home.voltage, 1),
        "f_out": home.frequency,
        "i_out": pack_current(power),
        "energy_charged": battery_energy(pack.charged),
        "energy_discharged": battery_energy(pack.discharged),
    }
    return {
        "Type": "",
        "PackagePartNumber": gateway.part_number_of(pack),
        "PackageSerialNumber": serial,
        "disabled_reasons": list(pack.disabled_reasons),
        "pinv_state": following if pack.enabled else "",
        "pinv_grid_state": _seen_grid(gateway) if pack.enabled else "",
        "nominal_energy_remaining": round(pack.remaining),
        "nominal_full_pack_energy": round(pack.capacity),
        **(measured if pack.enabled else dict.fromkeys(measured)),
        "off_grid": home.islanded,
        "vf_mode": home.islanded,
        "wobble_detected": False,
        "charge_power_clamped": False,
        "backup_ready": pack.enabled,
        "OpSeqState": "Active" if pack.enabled else "Standby",
        "version": gateway.nameplate.git_hash[:14],
    }


def _seen_grid(gateway: Gateway) -> str:
    """Return an inverter's grid state: it qualifies the grid before it reconnects."""
    if not gateway.home.islanded:
        return "Grid_Compliant"
    return "Grid_Qualifying" if gateway.home.returning else "Grid_Uncompliant"


def can_reboot(gateway: Gateway) -> str:
    """Return whether the gateway may reboot now: empty while the system is stopped."""
    if not gateway.running:
        return ""
    return "Power flow is too high" if abs(gateway.home.battery_power) > 500 else "Yes"


def sitemaster_1_15(gateway: Gateway) -> Json:
    """`sitemaster` of 2018; with the gateway's own formats of the uptime."""
    running = gateway.running
    uptime = f"{gateway.sitemaster_seconds}s," if running else "log:"
    return {"running": running, "uptime": uptime, "connected_to_tesla": running and gateway.connected_to_tesla}


def sitemaster(gateway: Gateway) -> Json:
    """`sitemaster`."""
    running = gateway.running
    return {
        "status": "StatusUp" if running else "StatusDown",
        "running": running,
        "connected_to_tesla": gateway.connected_to_tesla,
        "power_supply_mode": False,
        "can_reboot": can_reboot(gateway),
    }


def powerwalls_status_1_15(gateway: Gateway, _: Call) -> Response:
    """`powerwalls/status` of 2018: refused while the sitemaster runs."""
    if gateway.running:
        return error(409, "Sitemaster is current running", "Sitemaster is current running")
    return Response(payload={"enumerating": False, "updating": False, "checking_if_offgrid": False})
