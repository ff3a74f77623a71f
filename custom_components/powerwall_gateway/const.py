"""Constants of the integration."""

from enum import StrEnum
from typing import Final

from .gateway import HIDDEN_PERCENT, app_from_raw, raw_from_app

DOMAIN: Final = "powerwall_gateway"
MANUFACTURER: Final = "Tesla"
DOCS_URL: Final = "https://github.com/powerwall-gateway/powerwall-gateway/blob/main/docs"

DEFAULT_TITLE: Final = "Powerwall Gateway"
"""Title of an entry whose gateway does not report the name of its site."""

CONFIG_VERSION: Final = 1
CONFIG_MINOR_VERSION: Final = 3
"""Version of the config entry; `async_migrate_entry` migrates earlier ones."""

# Data of the config entry, next to host, username and password.
CONF_FINGERPRINT: Final = "fingerprint"
"""SHA-256 of the gateway's certificate in hex; None for plain HTTP."""

CONF_MAC: Final = "mac"
"""MAC address of the gateway's network interface; None if it was not discovered."""

CONF_SCHEME: Final = "scheme"
"""`https` or `http`, as found at setup; never downgraded."""

CONF_SERIAL: Final = "serial"

# Options.
CONF_ALLOW_CONTROL: Final = "allow_control"
"""Permission to change settings, and to log in for that even if it stops the Powerwall."""

CONF_GRID_INTERVAL: Final = "grid_interval"
CONF_LIVE_INTERVAL: Final = "live_interval"
"""Seconds between two polls."""

CONF_LOGIN_LIMIT: Final = "login_limit"
"""Logins per day, if a login stops the Powerwall."""

CONF_PERCENT: Final = "percent"
"""The `PercentScale` of charge and reserve."""

CONF_RETURN_CHARGE: Final = "return_charge"
"""App % at which a home that was taken off-grid reconnects to the grid."""

CONF_ZERO_BELOW: Final = "zero_below"
"""W below which the power of grid, battery, home and solar is shown as 0."""

# Fields of forms.
CONF_AT_GATEWAY: Final = "at_gateway"
"""True if the key is to be removed from the gateway, too."""

CONF_CONSENT: Final = "consent"
CONF_SITE: Final = "site"
"""Consent to send the public key to Tesla, and the energy site that it is for."""

CONF_PRIVATE_KEY: Final = "private_key"
"""The key is also stored under this name, but never in the entry."""

CONF_SAME_POWERWALLS: Final = "same_powerwalls"
"""Confirmation that a replaced gateway has the same Powerwalls."""

SIGNED_REQUIREMENT: Final = "aiopowerwall>=0.4.1,<1"
"""The library that signs requests. It is installed only for owners with a key, so that no one else depends on it. The
range includes the versions that the built-in `teslemetry` pins: 0.4.1 in 2026.10, 0.10.0 in 2026.11."""

RETURN_CHARGE: Final = 20.0

GRID_INTERVAL: Final = 1.0
LIVE_INTERVAL: Final = 5.0
DETAIL_INTERVAL: Final = 30.0
TEMPERATURE_INTERVAL: Final = 600.0  # of a Powerwall 2, by a signed request that nothing else needs
SETTINGS_INTERVAL: Final = 60.0
INVENTORY_INTERVAL: Final = 900.0
"""Seconds between two polls."""

GRID_SETTLES: Final = 30.0
"""Seconds for which the grid has to be connected before it counts as restored: a recloser tries more than once."""

REFUSALS_BEFORE_REAUTH: Final = 2
"""Refused logins in a row before reauthentication starts: a gateway that boots refuses a correct password once."""

KEPT_INTERVALS: Final = 3
KEPT_AT_LEAST: Final = 10.0
"""The last value is kept while polls fail: for three intervals, and for at least 10 seconds."""


class PercentScale(StrEnum):
    """Scale of the state of charge and the backup reserve: percent of Tesla's app, or of the gateway."""

    APP = "app"
    RAW = "raw"

    @property
    def empty(self) -> float:
        """Return the percent of an empty battery."""
        return HIDDEN_PERCENT if self is PercentScale.RAW else 0.0

    def from_raw(self, raw: float) -> float:
        """Return the percent on this scale for a percent of the gateway."""
        return raw if self is PercentScale.RAW else app_from_raw(raw)

    def from_app(self, percent: float) -> float:
        """Return the percent on this scale for a percent of the app."""
        return raw_from_app(percent) if self is PercentScale.RAW else percent

    def to_app(self, percent: float) -> float:
        """Return the percent of the app, which changes are made in, for a percent on this scale."""
        return app_from_raw(percent) if self is PercentScale.RAW else percent
