"""The profiles of all simulated firmware versions."""

from simulator.firmware import pw3, v1_15, v1_50, v21_44, v24_36, v26_18
from simulator.gateway import Profile

PROFILES: dict[str, Profile] = {
    firmware.PROFILE.firmware: firmware.PROFILE for firmware in (v1_15, v1_50, v21_44, v24_36, v26_18, pw3)
}
