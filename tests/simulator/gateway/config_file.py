"""`config.json`: what a gateway of 2026 keeps its settings in, and what a signed request may change."""

from hashlib import sha256
import json
from typing import Any, Final

from tests.simulator.wire import Json

from .gateway import Gateway

NAME: Final = "config.json"

_KEPT_WHILE_TRUE: Final = ("disallow_charge_from_grid_with_solar_installed", "on_grid_solar_curtailment_enabled")
"""What the gateway drops instead of storing that it is false."""


def read(gateway: Gateway) -> bytes:
    """Give the file as it is now."""
    site_info: dict[str, Any] = {
        "site_name": gateway.site_name,
        "timezone": gateway.time_zone,
        "backup_reserve_percent": gateway.operation.reserve,
        "max_site_meter_power_ac": 1_000_000_000,
        "min_site_meter_power_ac": -1_000_000_000,
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
        }
    ).encode()


def _battery_blocks(gateway: Gateway) -> list[Json]:
    """List the Powerwalls, and below the first what hangs on it."""
    dins = {pack.number: din for pack, din in gateway.packs_by_din}
    expansions: list[Json] = [{"din": dins[number]} for number in sorted(gateway.expansions)]
    blocks: list[dict[str, Json]] = [{"vin": din} for number, din in dins.items() if number not in gateway.expansions]
    if expansions:
        blocks[0]["battery_expansions"] = expansions
    return [*blocks]


def hash_of(content: bytes) -> bytes:
    """Give what a writer has to show, so that nobody writes over what he has not read."""
    return sha256(content).digest()


def write(gateway: Gateway, content: bytes) -> None:
    """Take over what is known in it. A firmware that stores alone does not follow."""
    config = json.loads(content)
    site_info = config["site_info"]
    gateway.operation.mode = config["default_real_mode"]
    gateway.operation.reserve = site_info["backup_reserve_percent"]
    for name in _KEPT_WHILE_TRUE:
        if site_info.get(name):
            gateway.site_settings[name] = True
        else:
            gateway.site_settings.pop(name, None)
    if rule := site_info.get("customer_preferred_export_rule"):
        gateway.site_settings["customer_preferred_export_rule"] = rule
    if gateway.follows_config:
        gateway.commit()
