"""The gateway's endpoints that do something."""

import math
from typing import TypeIs

from .answers import ACCEPTED, GONE, Answer, Call, error
from .gateway import Gateway
from .inventory import status

SETTABLE_MODES = ("self_consumption", "backup")
BAD_BODY = "invalid request body"


def login(gateway: Gateway, call: Call) -> Answer:
    """`POST login/Basic`; in 2018 a login stops the batteries."""
    answer = gateway.desk.login(call, gateway.stamp("login"))
    if gateway.desk.rules.stops_sitemaster and not answer.is_error:
        gateway.stop()
    return answer


def logout(gateway: Gateway, call: Call) -> Answer:
    """`GET logout`: forgets the token that came along, if one did."""
    if call.token is not None:
        gateway.desk.tokens.pop(call.token, None)
    return GONE


def run(gateway: Gateway, _: Call) -> Answer:
    """`GET sitemaster/run`."""
    gateway.run_soon()
    return ACCEPTED


def stop_1_15(gateway: Gateway, _: Call) -> Answer:
    """`GET sitemaster/stop` of 2018."""
    gateway.stop()
    return ACCEPTED


def stop(gateway: Gateway, call: Call) -> Answer:
    """`POST sitemaster/stop`: without force only while little power flows."""
    form = call.json()
    if form is None:
        return error(400, BAD_BODY, "Unable to stop sitemaster")
    if form.get("force") is not True and abs(gateway.house.battery_power) > 500:
        return error(500, "Cannot Start Wizard", "Unable to stop sitemaster")
    gateway.stop()
    return ACCEPTED


def completed_1_15(gateway: Gateway, _: Call) -> Answer:
    """`GET config/completed` of 2018."""
    gateway.commit()
    return ACCEPTED


def completed(gateway: Gateway, _: Call) -> Answer:
    """`GET config/completed`: commits and answers the new status."""
    gateway.commit()
    return Answer(payload=status(gateway))


def set_operation_1_15(gateway: Gateway, call: Call) -> Answer:
    """`POST operation` of 2018: stored at once, in effect after `config/completed`."""
    form = call.json()
    if form is None:
        return error(400, BAD_BODY, "Unable to set operational mode")
    mode, reserve, export = (form.get(key) for key in ("mode", "backup_reserve_percent", "max_pv_export_power_kW"))
    if not isinstance(mode, str) or mode not in SETTABLE_MODES:
        return error(500, "Mode must be either self_consumption or backup", "Unable to set operational mode")
    if not _is_number(reserve) or not 0 <= reserve <= 100:
        return error(400, "backup_reserve_percent must be between 0 and 100", "Unable to set operational mode")
    gateway.operation.mode = mode
    gateway.operation.reserve = reserve
    gateway.operation.max_pv_export = export if _is_number(export) else None
    return Answer(payload={"mode": mode, "backup_reserve_percent": reserve})


def _is_number(value: object) -> TypeIs[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def set_site_name(gateway: Gateway, call: Call) -> Answer:
    """`POST site_info/site_name`."""
    form = call.json()
    name = form.get("site_name") if form else None
    if not isinstance(name, str) or not name:
        return error(400, BAD_BODY, "Unable to set site name")
    gateway.site_name = name
    return Answer(payload={"site_name": name, "timezone": gateway.time_zone})


def islanding_mode(gateway: Gateway, call: Call) -> Answer:
    """`POST v2/islanding/mode`: leave the grid, or come back."""
    form = call.json()
    mode = form.get("island_mode") if form else None
    if mode not in ("intentional_reconnect_failsafe", "backup"):
        return error(400, "invalid island mode", "Unable to set island mode")
    gateway.house.off_grid_on_purpose = mode != "backup"
    return Answer(payload={"island_mode": str(mode)})


def update(_gateway: Gateway, _: Call) -> Answer:
    """`POST system/update`: looks for new firmware and finds none."""
    return ACCEPTED
