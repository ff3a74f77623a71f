"""Names and figures of the integration."""

from typing import Final

DOMAIN: Final = "powerwall_gateway"
MANUFACTURER: Final = "Tesla"

CONF_ALLOW_CONTROL: Final = "allow_control"
"""An option: whether Home Assistant may change what the Powerwall does, and log in for it where that stops it."""

CONF_FINGERPRINT: Final = "fingerprint"
"""SHA-256 of the gateway's certificate in hex, None where it speaks plain HTTP."""

CONF_GRID_INTERVAL: Final = "grid_interval"
CONF_LIVE_INTERVAL: Final = "live_interval"
"""Options: seconds between two polls."""

CONF_RETURN_CHARGE: Final = "return_charge"
"""An option: app % at which a house that was taken off the grid comes back to it."""

CONF_SCHEME: Final = "scheme"
"""`https` or `http` as found at set-up; never downgraded."""

CONF_SERIAL: Final = "serial"

RETURN_CHARGE: Final = 20.0

GRID_INTERVAL: Final = 1.0
LIVE_INTERVAL: Final = 5.0
DETAIL_INTERVAL: Final = 30.0
SETTINGS_INTERVAL: Final = 60.0
INVENTORY_INTERVAL: Final = 900.0
"""Seconds between two polls."""

GRID_SETTLES: Final = 30.0
"""Seconds without a break for which the grid has to be back before that is told: a recloser tries more than once."""

KEPT_INTERVALS: Final = 3
KEPT_AT_LEAST: Final = 10.0
"""How long the last value stands while polls fail: three intervals, and never less than ten seconds."""
