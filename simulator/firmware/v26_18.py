"""Firmware 26.18 (2026) on a Gateway 2 with Powerwall 2: like 24.36, and it accepts signed requests."""

from dataclasses import replace

from simulator.firmware import v24_36
from simulator.firmware.shared import SIGNED
from simulator.gateway.profile import Profile

PROFILE: Profile = replace(
    v24_36.PROFILE,
    firmware="26.18",
    nameplate=replace(
        v24_36.PROFILE.nameplate,
        version="26.18.3 5e2a91c4",
        git_hash="5e2a91c4d7b6a5f4e3d2c1b0a9f8e7d6c5b4a392",
        serial="TG1242180001C7",
        meter_serial="JBL24218765432",
    ),
    endpoints={**v24_36.PROFILE.endpoints, **SIGNED},
)
