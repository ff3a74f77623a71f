"""Percent as people see it in Tesla's app, and as the gateway keeps it.

The gateway hides the lowest 5 % of the pack: app 0 % is raw 5 %, app 100 % is raw 100 %.
`app = (raw - 5) / 0.95`; the seed's table of tested values agrees within half a percent.
"""

HIDDEN_PERCENT = 5.0
"""Raw % that the app calls empty."""

_SHARE = (100 - HIDDEN_PERCENT) / 100


def app_from_raw(raw: float) -> float:
    """Give the app's percent, 0 to 100, of the gateway's."""
    return min(100.0, max(0.0, (raw - HIDDEN_PERCENT) / _SHARE))


def raw_from_app(app: float) -> float:
    """Give the gateway's percent of the app's. Raises ValueError outside 0 to 100."""
    if not 0 <= app <= 100:
        raise ValueError(f"{app} is not between 0 and 100")
    return HIDDEN_PERCENT + _SHARE * app
