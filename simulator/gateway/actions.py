"""Endpoints with an effect on the Powerwall: start, stop, commit, operation, islanding."""

import math
from typing import TypeIs

from simulator.gateway.call import ACCEPTED, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.inventory import status, status_1_50

SETTABLE_MODES = ("self_consumption", "backup")
BAD_BODY = "invalid request body"
CANNOT_SET_MODE = "Unable to set operational mode"


def run(gateway: Gateway, _: Call) -> Response:
    """`GET sitemaster/run`."""
    gateway.run_soon()
    return ACCEPTED


def stop_1_15(gateway: Gateway, _: Call) -> Response:
    """`GET sitemaster/stop` of 2018."""
    gateway.stop()
    return ACCEPTED


def stop(gateway: Gateway, call: Call) -> Response:
    """`POST sitemaster/stop`: without force only while little power flows."""
    form = call.json()
    if form is None:
        return error(400, BAD_BODY, "Unable to stop sitemaster")
    if form.get("force") is not True and abs(gateway.home.battery_power) > 500:
        return error(500, "Cannot Start Wizard", "Unable to stop sitemaster")
    gateway.stop()
    return ACCEPTED


def run_for_commissioning(gateway: Gateway, _: Call) -> Response:
    """`POST sitemaster/run_for_commissioning`: an installer's start."""
    gateway.run_soon()
    return ACCEPTED


def completed_1_15(gateway: Gateway, _: Call) -> Response:
    """`GET config/completed` of 2018."""
    gateway.commit()
    return ACCEPTED


def completed_1_50(gateway: Gateway, _: Call) -> Response:
    """`GET config/completed` of 2020: commits and returns the new status."""
    gateway.commit()
    return Response(payload=status_1_50(gateway))


def completed(gateway: Gateway, _: Call) -> Response:
    """`GET config/completed`: commits and returns the new status."""
    gateway.commit()
    return Response(payload=status(gateway))


def set_operation_1_15(gateway: Gateway, call: Call) -> Response:
    """`POST operation` of 2018."""
    return _set_operation(gateway, call, "mode", "Mode")


def set_operation(gateway: Gateway, call: Call) -> Response:
    """`POST operation`: since 1.21 the mode's key is `real_mode`."""
    return _set_operation(gateway, call, "real_mode", "RealMode")


def _set_operation(gateway: Gateway, call: Call, key: str, name: str) -> Response:
    """Store mode and reserve; they take effect after `config/completed`."""
    form = call.json()
    if form is None:
        return error(400, BAD_BODY, CANNOT_SET_MODE)
    mode, reserve, export = (form.get(each) for each in (key, "backup_reserve_percent", "max_pv_export_power_kW"))
    if not isinstance(mode, str) or mode not in SETTABLE_MODES:
        return error(500, f"{name} must be either self_consumption or backup", CANNOT_SET_MODE)
    if not _is_number(reserve) or not 0 <= reserve <= 100:
        return error(400, "backup_reserve_percent must be between 0 and 100", CANNOT_SET_MODE)
    gateway.operation.mode = mode
    gateway.operation.reserve = reserve
    gateway.operation.max_pv_export = export if _is_number(export) else None
    return Response(payload={key: mode, "backup_reserve_percent": reserve})


def _is_number(value: object) -> TypeIs[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def set_site_name(gateway: Gateway, call: Call) -> Response:
    """`POST site_info/site_name`."""
    form = call.json()
    name = form.get("site_name") if form else None
    if not isinstance(name, str) or not name:
        return error(400, BAD_BODY, "Unable to set site name")
    gateway.site_name = name
    return Response(payload={"site_name": name, "timezone": gateway.time_zone})


def islanding_mode(gateway: Gateway, call: Call) -> Response:
    """`POST v2/islanding/mode`: go off-grid, or reconnect."""
    form = call.json()
    mode = form.get("island_mode") if form else None
    if mode not in ("intentional_reconnect_failsafe", "backup"):
        return error(400, "invalid island mode", "Unable to set island mode")
    gateway.home.off_grid_on_purpose = mode != "backup"
    return Response(payload={"island_mode": str(mode)})
