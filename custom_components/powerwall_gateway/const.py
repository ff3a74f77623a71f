"""Names and figures of the integration."""

from enum import StrEnum
from typing import Final

from .gateway import HIDDEN_PERCENT, app_from_raw, raw_from_app

DOMAIN: Final = "powerwall_gateway"
MANUFACTURER: Final = "Tesla"

DEFAULT_TITLE: Final = "Powerwall Gateway"
"""Of an entry whose gateway did not tell the name of its site."""

CONFIG_VERSION: Final = 1
CONFIG_MINOR_VERSION: Final = 3
"""Of what a config entry holds; `async_migrate_entry` brings earlier ones up to date."""

CONF_ALLOW_CONTROL: Final = "allow_control"
"""An option: whether Home Assistant may change what the Powerwall does, and log in for it where that stops it."""

CONF_FINGERPRINT: Final = "fingerprint"
"""SHA-256 of the gateway's certificate in hex, None where it speaks plain HTTP."""

CONF_GRID_INTERVAL: Final = "grid_interval"
CONF_LIVE_INTERVAL: Final = "live_interval"
"""Options: seconds between two polls."""

CONF_LOGIN_LIMIT: Final = "login_limit"
"""An option: how often within a day Home Assistant may log in where that stops the Powerwall."""

CONF_MAC: Final = "mac"
"""Of the gateway's network interface as discovery saw it, None where it did not."""

CONF_PRIVATE_KEY: Final = "private_key"
"""A field of the form that takes a key; no entry holds one."""

CONF_PERCENT: Final = "percent"
"""An option: on which of `PercentScale` charge and reserve are shown and set."""

CONF_RETURN_CHARGE: Final = "return_charge"
"""An option: app % at which a house that was taken off the grid comes back to it."""

CONF_SAME_POWERWALLS: Final = "same_powerwalls"
"""A field of forms: whether a replaced gateway has the same Powerwalls."""

CONF_SCHEME: Final = "scheme"
"""`https` or `http` as found at set-up; never downgraded."""

CONF_SERIAL: Final = "serial"

SIGNED_REQUIREMENT: Final = "aiopowerwall>=0.4.1,<1"
"""What signs requests; installed for owners with a key alone, so that nobody else depends on it. The range holds the
versions that Home Assistant's own `teslemetry` pins: 0.4.1 in 2026.10, 0.10.0 in 2026.11."""

RETURN_CHARGE: Final = 20.0

GRID_INTERVAL: Final = 1.0
LIVE_INTERVAL: Final = 5.0
DETAIL_INTERVAL: Final = 30.0
SETTINGS_INTERVAL: Final = 60.0
INVENTORY_INTERVAL: Final = 900.0
"""Seconds between two polls."""

GRID_SETTLES: Final = 30.0
"""Seconds without a break for which the grid has to be back before that is told: a recloser tries more than once."""

REFUSALS_BEFORE_REAUTH: Final = 2
"""So many logins in a row are refused before the owner is asked for a password: a gateway that is starting up refuses
a good one once."""

KEPT_INTERVALS: Final = 3
KEPT_AT_LEAST: Final = 10.0
"""How long the last value stands while polls fail: three intervals, and never less than ten seconds."""


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
