"""All firmwares there are."""

from tests.simulator.gateway import Profile

from . import v1_15, v21_44

PROFILES: dict[str, Profile] = {profile.firmware: profile for profile in (v1_15.PROFILE, v21_44.PROFILE)}
