"""Firmware 24.36 (October 2024) on a Gateway 2: like 21.44 without vitals, and it rejects the default password."""

from dataclasses import replace

from simulator.firmware import v21_44
from simulator.firmware.shared import closed
from simulator.gateway import inventory, networks, power_system, registration
from simulator.gateway.profile import Access, Profile, reads

LOGIN = Access.LOGIN
GONE = {"devices/vitals"}

PROFILE: Profile = replace(
    v21_44.PROFILE,
    firmware="24.36",
    nameplate=replace(
        v21_44.PROFILE.nameplate,
        version="24.36.2 46990655",
        git_hash="46990655f2c9e1a8b7d6c5e4f3a2b1c0d9e8f7a6",
        serial="TG1232450000B3",
        meter_serial="JBL24098765432",
        commission_count=31,
    ),
    login=replace(v21_44.PROFILE.login, default_refused=True),
    endpoints={
        **{path: verbs for path, verbs in v21_44.ENDPOINTS.items() if path not in GONE},
        "status": reads(inventory.status_24, Access.OPEN),
        "system_status": reads(power_system.system_status_24, LOGIN, live=True),
        "site_info": reads(inventory.site_info_24, LOGIN),
        "customer": reads(registration.customer_24, LOGIN),
        "networks": {**reads(networks.connections_24, LOGIN), **closed("POST")},
    },
)
