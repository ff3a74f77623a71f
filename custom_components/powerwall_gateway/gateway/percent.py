"""Percent as people see it in Tesla's app, and as the gateway keeps it.

The gateway hides the lowest 5 % of the pack: app 0 % is raw 5 %, app 100 % is raw 100 %.
`app = (raw - 5) / 0.95`; the seed's table of tested values agrees within half a percent.
"""

from enum import StrEnum

HIDDEN = 5.0
"""Raw % that the app calls empty."""

_SHARE = (100 - HIDDEN) / 100


def app_from_raw(raw: float) -> float:
    """Give the app's percent, 0 to 100, of the gateway's."""
    return min(100.0, max(0.0, (raw - HIDDEN) / _SHARE))


def raw_from_app(app: float) -> float:
    """Give the gateway's percent of the app's. Raises ValueError outside 0 to 100."""
    if not 0 <= app <= 100:
        raise ValueError(f"{app} is not between 0 and 100")
    return HIDDEN + _SHARE * app


class PercentScale(StrEnum):
    """What people may read charge and reserve on: the app's percent, or the gateway's own."""

    APP = "app"
    RAW = "raw"

    @property
    def empty(self) -> float:
        """What an empty battery reads."""
        return HIDDEN if self is PercentScale.RAW else 0.0

    def from_raw(self, raw: float) -> float:
        """Give the percent on this scale of the gateway's."""
        return raw if self is PercentScale.RAW else app_from_raw(raw)

    def from_app(self, percent: float) -> float:
        """Return the percent on this scale for a percent of the app."""
        return raw_from_app(percent) if self is PercentScale.RAW else percent

    def to_app(self, percent: float) -> float:
        """Give the app's percent, which changes are made in, of a percent on this scale."""
        return app_from_raw(percent) if self is PercentScale.RAW else percent
