"""A Powerwall 3 on 26.26: four paths, signed requests, and 404 for everything else."""

from hashlib import sha256

from simulator.firmware.shared import SIGNED
from simulator.gateway import login_endpoints, meters, power_system
from simulator.gateway.login import LoginRules
from simulator.gateway.nameplate import Nameplate
from simulator.gateway.profile import Access, Endpoint, Profile, reads

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def _label_password(serial: str) -> str:
    """Return the end of a Wi-Fi password as on the label behind the glass. It does not depend on the serial."""
    return "".join(LETTERS[byte % len(LETTERS)] for byte in sha256(serial.encode()).digest()[:5])


PROFILE = Profile(
    firmware="pw3",
    tls=True,
    headers={"Cache-Control": "no-cache, no-store"},
    error_headers={"X-Content-Type-Options": "nosniff"},
    nameplate=Nameplate(
        version="26.26.4 0c1e8d27",
        git_hash="0c1e8d27a9b8c7d6e5f4031221304f5e6d7c8b9a",
        part_number="1707000-11-L",
        serial="TG1250620004QX",
        pack_part_number="1707000-11-L",
        pack_serial="TG125062000123",
        meter_serial="TG1250620004QX",
        boot_seconds=911 * 3600 + 2 * 60 + 44,
        sitemaster_seconds=3_279_700,
    ),
    login=LoginRules(
        password=_label_password,
        roles={"customer": "Home_Owner"},
        behind_switch={"installer": "Provider_Engineer"},
        wrong="bad credentials",
        cookies=True,
        login_time=True,
    ),
    endpoints={
        "login/Basic": {"POST": Endpoint(login_endpoints.login, Access.OPEN)},
        "meters/aggregates": reads(meters.aggregates(meters.SYNCHROMETER), Access.LOGIN, live=True),
        "system_status/soe": reads(power_system.soe, Access.LOGIN, live=True),
        "system_status/grid_status": reads(power_system.grid_status, Access.LOGIN, live=True),
        **SIGNED,
    },
)
