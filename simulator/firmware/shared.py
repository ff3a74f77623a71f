"""Endpoints that several firmware versions share."""

from simulator.gateway import login_endpoints, signed
from simulator.gateway.profile import Access, Endpoint


def closed(*verbs: str) -> dict[str, Endpoint]:
    """Return endpoints for installers. No source describes more of their behavior."""
    return {verb: Endpoint(login_endpoints.beyond, Access.INSTALLER) for verb in verbs}


SIGNED: dict[str, dict[str, Endpoint]] = {
    "/tedapi/din": {"GET": Endpoint(signed.din, Access.LOGIN)},
    "/tedapi/v1r": {"POST": Endpoint(signed.v1r, Access.OPEN)},
}
"""Endpoints of signed requests. A leading slash: not below /api/."""

WIZARD: dict[str, dict[str, Endpoint]] = {
    "autoconfig/cancel": closed("POST"),
    "autoconfig/retry": closed("POST"),
    "autoconfig/run": closed("POST"),
    "customer/registration/legal": closed("POST"),
    "getlogs": closed("GET"),
    "meters/detect_wired_meters": closed("POST"),
    "meters/inverter_meter_readings": closed("POST"),
    "meters/verify": closed("POST"),
    "meters/{serial}": closed("DELETE"),
    "meters/{serial}/commission": closed("POST"),
    "meters/{serial}/invert_cts": closed("POST"),
    "networks/connect": closed("POST"),
    "networks/enable_{name}": closed("POST"),
    "networks/{name}/disconnect": closed("DELETE"),
    "password/generate": closed("POST"),
    "password/reset": closed("POST"),
    "powerwalls/enable_inverter_solar_meter_readings": closed("POST"),
    "powerwalls/phase_detection": closed("GET", "POST"),
    "powerwalls/pvi_power_status": closed("POST"),
    "powerwalls/pvi_sub_package_numbers": closed("GET"),
    "powerwalls/scan": closed("POST"),
    "powerwalls/update": closed("POST"),
    "site_info/export_mode": closed("POST"),
    "site_info/extra_programs": closed("POST"),
    "site_info/grid_code": closed("POST"),
    "site_info/offgrid": closed("POST"),
    "site_info/timezone": closed("POST"),
    "sitemaster/run_for_commissioning": closed("POST"),
    "system/testing/PINV_TEST": closed("POST"),
}
"""Endpoints of the installer's web pages of the 2020s."""
