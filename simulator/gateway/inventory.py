"""Endpoints of the gateway itself, its site and its components."""

from collections.abc import Callable
from datetime import UTC, datetime

from simulator.gateway import constant_payloads
from simulator.gateway.call import Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.wire import NANOSECONDS, Json, go_duration


def always(value: Json) -> Callable[[Gateway], Json]:
    """Return a constant response."""
    return lambda _: value


def status_1_15(gateway: Gateway) -> Json:
    """`status` of 2018: no DIN, and a real newline behind version and hash."""
    return {
        "start_time": _start_time(gateway),
        "up_time_seconds": go_duration(gateway.uptime),
        "is_new": False,
        "version": gateway.nameplate.version + "\n",
        "git_hash": gateway.nameplate.git_hash + "\n",
    }


def status_1_50(gateway: Gateway) -> Json:
    """`status` of 2020: no DIN yet."""
    return {
        "start_time": _start_time(gateway),
        "up_time_seconds": go_duration(gateway.uptime),
        "is_new": False,
        "version": gateway.nameplate.version,
        "git_hash": gateway.nameplate.git_hash,
        "commission_count": gateway.commission_count,
        "device_type": "hec",
        "sync_type": "v1",
    }


def status_24(gateway: Gateway) -> Json:
    """`status` since 23.x: no leader, no followers, and whether it may reboot as true or false."""
    status_21 = {name: value for name, value in status(gateway).items() if name not in {"leader", "followers"}}
    teg_type = "pvinverter" if gateway.solar_inverter else "unknown"
    return {**status_21, "teg_type": teg_type, "can_reboot": True}


def status(gateway: Gateway) -> dict[str, Json]:
    """`status`."""
    return {
        "din": gateway.din,
        "start_time": _start_time(gateway),
        "up_time_seconds": go_duration(gateway.uptime),
        "is_new": False,
        "version": gateway.nameplate.version,
        "git_hash": gateway.nameplate.git_hash,
        "commission_count": gateway.commission_count,
        "device_type": "teg",
        "sync_type": "v2.1",
        "leader": "",
        "followers": None,
        "cellular_disabled": False,
    }


def _start_time(gateway: Gateway) -> str:
    """Print the local time with the offset +0800, which is wrong (as on real gateways)."""
    boot = datetime.fromtimestamp(gateway.booted // NANOSECONDS, UTC).astimezone(gateway.home.zone)
    return f"{boot:%Y-%m-%d %H:%M:%S} +0800"


def solars(gateway: Gateway) -> Json:
    """`solars`: a Powerwall+ is also an inverter (23.28)."""
    return constant_payloads.SOLARS_PLUS if gateway.home.powerwall_plus else constant_payloads.SOLARS


def generators(gateway: Gateway) -> Json:
    """Return the response of `generators`."""
    return constant_payloads.NO_GENERATORS if gateway.home.generator is None else constant_payloads.GENERATORS


def config(gateway: Gateway) -> Json:
    """`config`."""
    return {"vin": gateway.din}


def site_name(gateway: Gateway) -> Json:
    """`site_info/site_name`."""
    return {"site_name": gateway.site_name, "timezone": gateway.time_zone}


def site_info_1_15(gateway: Gateway) -> Json:
    """`site_info` up to 1.46: the grid code is a string, and the energy is that of one Powerwall.

    Four owners with two or three of them show 13.5 kWh (1.46 among them), next to a power of 10 or 15 kW.
    """
    return {
        "site_name": gateway.site_name,
        "timezone": gateway.time_zone,
        "min_site_meter_power_kW": -1_000_000_000,
        "max_site_meter_power_kW": 1_000_000_000,
        "nominal_system_energy_kWh": 13.5,
        "grid_code": "60Hz_240V_s_UL1741SA:2016_California",
        "grid_voltage_setting": 240,
        "grid_freq_setting": 60,
        "grid_phase_setting": "Split",
        "country": "United States",
        "state": "California",
        "region": "UL1741SA",
    }


def site_info_24(gateway: Gateway) -> Json:
    """`site_info` since 23.x: the panel's fuse, and a grid code without distributor, retailer and region."""
    settings = {name: value for name, value in GRID_CODE.items() if name not in {"distributor", "retailer", "region"}}
    return {"panel_max_current": 100, **site_info(gateway), "grid_code": settings}


GRID_CODE: dict[str, Json] = {
    "grid_code": "60Hz_240V_s_UL1741SA:2019_California",
    "grid_voltage_setting": 240,
    "grid_freq_setting": 60,
    "grid_phase_setting": "Split",
    "country": "United States",
    "state": "California",
    "distributor": "*",
    "utility": "Pacific Gas and Electric Company",
    "retailer": "CleanPowerSF (CPSF)",
    "region": "UL1741SA-CA:2019",
}


def site_info(gateway: Gateway) -> dict[str, Json]:
    """`site_info`: the grid code is an object; the power depends on whether the system runs."""
    power = (5 if gateway.running else 5.8) * len(gateway.home.packs)
    energy = 13.5 * len(gateway.home.packs)
    return {
        "max_system_energy_kWh": energy,
        "max_system_power_kW": power,
        "site_name": gateway.site_name,
        "timezone": gateway.time_zone,
        "max_site_meter_power_kW": 1_000_000_000,
        "min_site_meter_power_kW": -1_000_000_000,
        "nominal_system_energy_kWh": energy,
        "nominal_system_power_kW": power,
        "grid_code": GRID_CODE,
    }


def operation_1_15(gateway: Gateway) -> Json:
    """`operation` of 2018."""
    stored = gateway.operation
    response: dict[str, Json] = {"mode": stored.mode, "backup_reserve_percent": stored.reserve}
    if stored.max_pv_export is not None:
        response["max_pv_export_power_kW"] = stored.max_pv_export
    return response


def operation(gateway: Gateway) -> Json:
    """`operation`."""
    return {
        "real_mode": gateway.operation.mode,
        "backup_reserve_percent": gateway.operation.reserve,
        "freq_shift_load_shed_soe": 75,
        "freq_shift_load_shed_delta_f": -0.32,
    }


def powerwalls_1_15(gateway: Gateway) -> Json:
    """`powerwalls` of 2018."""
    packs: list[Json] = [
        {"PackagePartNumber": gateway.part_number_of(pack), "PackageSerialNumber": serial}
        for pack, serial in zip(gateway.home.packs, gateway.pack_serials, strict=True)
    ]
    return {"powerwalls": packs, "has_sync": gateway.in_sync}


def powerwalls_status(gateway: Gateway) -> dict[str, Json]:
    """`powerwalls/status`; the grid can only be checked while the Powerwall is stopped."""
    busy = "sitemanager process is running, run sitemanager flag enabled" if gateway.running else ""
    on_grid: dict[str, Json] = {} if gateway.running else {"is_on_grid": gateway.home.grid.up}
    return {
        "enumerating": False,
        "updating": False,
        "checking_if_offgrid": False,
        **on_grid,
        "running_phase_detection": False,
        "phase_detection_last_error": "no phase information",
        "bubble_shedding": False,
        "on_grid_check_error": busy,
        "grid_qualifying": False,
        "grid_code_validating": False,
        "phase_detection_not_available": True,
    }


def phase_usages(_gateway: Gateway, _: Call) -> Response:
    """`powerwalls/phase_usages`: for three-phase sites only."""
    return error(500, "no phase information", "Failed getting phase detection information")


PACK_CHECKS = ("CAN connectivity", "Enable switch", "Internal communications", "Firmware up-to-date")
SYNC_CHECKS = ("CAN connectivity", "Firmware up-to-date")
PACK_UPDATES = ("Powerwall firmware", "Battery firmware", "Inverter firmware", "Grid code")
PLUS_UPDATES = ("Solar Inverter firmware", "Solar Safety firmware", "Grid code", *PACK_UPDATES)
SYNC_UPDATES = ("Synchronizer firmware", "Islanding configuration", "Grid code")
BUSY = (
    "Cannot perform this action with site controller running. "
    'From landing page, either "STOP SYSTEM" or "RUN WIZARD" to proceed.'
)


def powerwalls_1_50(gateway: Gateway) -> Json:
    """`powerwalls` of 2020."""
    packs = [{**pack, "type": "acpw"} for pack in _packs(gateway)]
    return {
        **powerwalls_status(gateway),
        "powerwalls": packs,
        "has_sync": gateway.in_sync,
        "sync": None,
        "states": None,
    }


def powerwalls(gateway: Gateway) -> Json:
    """`powerwalls`."""
    return {
        **powerwalls_status(gateway),
        "powerwalls": _packs(gateway),
        "gateway_din": gateway.din,
        "sync": {
            "updating": False,
            "commissioning_diagnostic": _commissioning(gateway, "sync", SYNC_CHECKS, "pass"),
            "update_diagnostic": _update(SYNC_UPDATES),
        },
        "msa": None,
        "states": None,
    }


def _packs(gateway: Gateway) -> list[dict[str, Json]]:
    return [
        {
            "Type": "",
            "PackagePartNumber": gateway.part_number_of(pack),
            "PackageSerialNumber": serial,
            "type": "SolarPowerwall" if gateway.is_plus(pack) else "ACPW",
            "grid_state": "Grid_Uncompliant" if gateway.running else "Grid_Compliant",
            "grid_reconnection_time_seconds": 0,
            "under_phase_detection": False,
            "updating": False,
            "commissioning_diagnostic": _commissioning(gateway, serial, PACK_CHECKS, "running"),
            "update_diagnostic": _update(PLUS_UPDATES if gateway.is_plus(pack) else PACK_UPDATES),
            "bc_type": None,
            "in_config": True,
        }
        for pack, serial in zip(gateway.home.packs, gateway.pack_serials, strict=True)
        if not gateway.solar_inverter
    ]


def _commissioning(gateway: Gateway, part: str, names: tuple[str, ...], when_stopped: str) -> Json:
    """List the checks of a component. All fail while the system runs, which is normal."""
    checks: list[Json] = []
    for name in names:
        begin, end = (gateway.stamp(f"{part} {name}", ago=ago * 1_000_000) for ago in (100, 99))
        check: dict[str, Json] = {"name": name, "status": "fail", "start_time": begin, "end_time": end, "message": BUSY}
        if not gateway.running:
            del check["message"]
            check |= {"status": when_stopped, "end_time": None if when_stopped == "running" else end}
        checks.append({**check, "results": {}, "debug": {}, "checks": None})
    return diagnostic("Commissioning", checks)


def _update(names: tuple[str, ...]) -> Json:
    checks: list[Json] = [
        {
            "name": name,
            "status": "not_run",
            "start_time": None,
            "end_time": None,
            "progress": 0,
            "results": None,
            "debug": None,
            "checks": None,
        }
        for name in names
    ]
    return diagnostic("Firmware Update", checks, disruptive=True)


def diagnostic(name: str, checks: list[Json], *, category: str = "InternalComms", disruptive: bool = False) -> Json:
    """Return checks in the gateway's format."""
    return {
        "name": name,
        "category": category,
        "disruptive": disruptive,
        "inputs": None,
        "checks": checks,
        "alert": False,
    }


def installer(gateway: Gateway) -> Json:
    """`installer`: `run_sitemaster` disappears while the system is stopped."""
    running: dict[str, Json] = {"run_sitemaster": True} if gateway.running else {}
    return {
        "company": "Tesla Timbuktu",
        "customer_id": "592ff91a-2372-46d5-85dd-35966a6ba1ae",
        "phone": "8885551212",
        "email": "installer@example.com",
        "location": "Outdoor",
        "mounting": "Floor",
        "wiring": "Side",
        "backup_configuration": "Partial Home",
        "solar_installation": "Existing",
        "solar_installation_type": "PV Panel",
        "has_cellular_modem_to_wifi": True,
        **running,
        "verified_config": True,
        "installation_types": ["Residential"],
    }
