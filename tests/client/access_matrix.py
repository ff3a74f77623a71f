"""Which login may read which path, by firmware, as in the matrix of the reference."""

LIVE = {"meters/aggregates", "system_status/soe", "system_status/grid_status"}
"""Endpoints that a Powerwall 3 has, too."""
FAULTS = {"system_status/grid_faults"}
SITE = {"sitemaster", "powerwalls", "customer/registration", "site_info", "site_info/site_name"}
SYSTEM = {"operation", "config", "powerwalls/status", "networks", "meters", "meters/readings"}
REGISTRATION = {"customer", "installer", "installer/companies"}
SOLAR = {
    "solars",
    "solars/brands",
    "solars/brands/SolarEdge%20Technologies",
    "generators",
    "generators/disconnect_types",
}
TESTS = {"system/networks/conn_tests", "system/networks/ping_test", "system/testing"}
OLD = {"site_info/grid_codes", "system/networks", "networks/wifi_security_types"}
HEALTH = {"meters/status", "troubleshooting/problems", "autoconfig/status"}
LATER = HEALTH | {"site_info/grid_regions", "system/update/status"}
BY_PHASE = {"meters/site", "meters/solar"}
"""Since June 2018."""
SYNCHROMETER = {
    "meters/JBL20345678901synchrometerX/cts",
    "synchrometer/ct_voltage_references",
}
WIFI = {"networks/access_points", "networks/client_protocols"}
REFUSED = {
    "meters/JBL20345678901synchrometerX/ct_config": 500,
    "powerwalls/phase_usages": 500,
    "synchrometer/ct_voltage_references/options": 400,
    "system/update/urgency": 503,
}
"""Endpoints that return an error to every login while the Powerwall runs."""
TOGGLE = {"status", "auth/toggle/supported"}
SIGNED = "/tedapi/din"
"""The endpoint that a client reads before it signs."""
OWNER = (
    LIVE
    | FAULTS
    | SITE
    | SYSTEM
    | REGISTRATION
    | SOLAR
    | TESTS
    | LATER
    | BY_PHASE
    | SYNCHROMETER
    | WIFI
    | REFUSED.keys()
)

OPEN: dict[str, set[str]] = {
    "1.15.0": LIVE | FAULTS | SITE | {"status", "system/update/status"},
    "1.50.1": LIVE | FAULTS | SITE | TOGGLE,
    "21.44": TOGGLE | {"legal/radio"},
    "24.36": TOGGLE | {"legal/radio"},
    "26.18": TOGGLE | {"legal/radio"},
    "pw3": set(),
}
LOGIN: dict[str, set[str]] = {
    "1.15.0": SYSTEM | REGISTRATION | SOLAR | TESTS | OLD,
    "1.50.1": SYSTEM | REGISTRATION | SOLAR | TESTS | LATER | BY_PHASE,
    "21.44": OWNER | {"system_status", "devices/vitals"},
    "24.36": OWNER | {"system_status"},
    "26.18": OWNER | {"system_status", SIGNED},
    "pw3": LIVE | {SIGNED},
}
EFFECTS = {"logout", "sitemaster/run", "sitemaster/stop", "config/completed"}
"""A GET of these changes something."""
INSTALLER = {"getlogs", "powerwalls/phase_detection", "powerwalls/pvi_sub_package_numbers"}
ABSENT: dict[str, set[str]] = {
    "1.15.0": {"system_status", "devices/vitals", "meters/site", "auth/toggle/supported", "site_info/grid_regions"},
    "1.50.1": OLD | {"system_status", "devices/vitals", "networks/wifi_scan", "networks/Home/enable"},
    "21.44": OLD | {"networks/wifi_scan", "customer/registration/skip", "customer/registration/emailed"},
    "24.36": OLD | {"networks/wifi_scan", "devices/vitals", "solar_powerwall", SIGNED},
    "26.18": OLD | {"networks/wifi_scan", "devices/vitals", "solar_powerwall"},
    "pw3": (OWNER | TOGGLE | {"system_status", "devices/vitals", "logout", "sitemaster/run"}) - LIVE,
}
"""Endpoints that this firmware lacks."""
