"""Read and write `config.json`, which holds the settings of a gateway of 2026 and which signed requests change."""

from hashlib import sha256
import json
from typing import Any, Final

from simulator.gateway import synchrometers
from simulator.gateway.gateway import Gateway
from simulator.wire import Json

NAME: Final = "config.json"

_KEPT_WHILE_TRUE: Final = ("disallow_charge_from_grid_with_solar_installed", "on_grid_solar_curtailment_enabled")
"""Fields that the gateway removes instead of storing false."""


_OF_ITS_OWN: Final = {"site_info", "default_real_mode", "backup_reserve_percent", *_KEPT_WHILE_TRUE}
"""Fields that are stored elsewhere."""


def read(gateway: Gateway) -> bytes:
    """Return the file as it is now."""
    site_info: dict[str, Any] = {
        "site_name": gateway.site_name,
        "timezone": gateway.time_zone,
        "backup_reserve_percent": gateway.operation.reserve,
        "max_site_meter_power_ac": 14,  # kW
        "min_site_meter_power_ac": -14,
        "net_meter_mode": "battery_ok",
        **gateway.site_settings,
    }
    return json.dumps(
        {
            "vin": gateway.din,
            "default_real_mode": gateway.operation.mode,
            "freq_shift_load_shed": {"soe": 75, "delta_f": -0.32},
            "site_info": site_info,
            "strategy": {"TOU_mode": "economic"},
            "battery_blocks": _battery_blocks(gateway),
            "meters": _meters(gateway),
            **gateway.config_settings,
        }
    ).encode()


def _battery_blocks(gateway: Gateway) -> list[Json]:
    """List the Powerwalls, and below the first its expansions."""
    dins = {pack.number: din for pack, din in gateway.packs_by_din}
    expansions: list[Json] = [{"din": dins[number]} for number in sorted(gateway.expansions)]
    is_3 = gateway.din.startswith("1707000")
    return [
        {
            "vin": din,
            "type": ("Powerwall3" if number == 1 else "Powerwall3Follower") if is_3 else "ACPW",
            "min_soe": 0,
            "max_soe": 100,
            **({"battery_expansions": expansions if number == 1 else []} if is_3 else {}),
        }
        for number, din in dins.items()
        if number not in gateway.expansions
    ]


def _meters(gateway: Gateway) -> list[Json]:
    """List the two synchrometers of the site, of which the second measures nothing (hass-powerwall-v1r)."""
    return [
        {
            "location": location,
            "type": kind,
            "cts": [channel in channels for channel in range(synchrometers.CHANNELS)],
            "inverted": [False] * synchrometers.CHANNELS,
            "connection": {"short_id": gateway.din, "device_serial": gateway.meter_serial + kind, "https_conf": {}},
        }
        for kind, location, channels in (
            ("synchrometerX", "site", synchrometers.SITE),
            ("synchrometerY", "none", ()),
        )
    ]


def hash_of(content: bytes) -> bytes:
    """Return the checksum that a write must include, so that no unread change is overwritten."""
    return sha256(content).digest()


def write(gateway: Gateway, content: bytes) -> None:
    """Store the whole file, and apply the known settings. Firmware that only stores does not follow them."""
    config, before = json.loads(content), json.loads(read(gateway))
    site_info = config["site_info"]
    for kept, now, then in (
        (gateway.config_settings, config, before),
        (gateway.site_settings, site_info, before["site_info"]),
    ):
        kept.update(
            {
                name: value
                for name, value in now.items()
                if name not in _OF_ITS_OWN and (name not in then or then[name] != value)
            }
        )
    gateway.operation.mode = config["default_real_mode"]
    gateway.operation.reserve = site_info["backup_reserve_percent"]
    for name in _KEPT_WHILE_TRUE:
        if site_info.get(name):
            gateway.site_settings[name] = True
        else:
            gateway.site_settings.pop(name, None)
    if gateway.follows_config:
        gateway.commit()
