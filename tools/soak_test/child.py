"""Home Assistant on a clock that can run faster: `-m tools.soak_test.child SECONDS [arguments …]`.

The clock starts this many seconds ahead of the system's.
"""

from datetime import UTC, datetime, tzinfo
import sys
from typing import Any, Self, override

from tools.soak_test.clock import CLOCK


class Dates(datetime):
    """Dates by the accelerated clock."""

    @override
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the present."""
        return cls.fromtimestamp(CLOCK.time(), tz)


def replace_dates(dt_util: Any) -> None:
    """Replace Home Assistant's date functions: `datetime` itself reads the system's clock."""

    def utcnow() -> datetime:
        return datetime.fromtimestamp(CLOCK.time(), UTC)

    def now(time_zone: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(CLOCK.time(), time_zone or dt_util.DEFAULT_TIME_ZONE)

    dt_util.utcnow, dt_util.now = utcnow, now


if __name__ == "__main__":
    CLOCK.put_ahead(float(sys.argv.pop(1)))
    CLOCK.install()
    from jwt import api_jwt

    from homeassistant.util import dt

    replace_dates(dt)
    vars(api_jwt)["datetime"] = Dates  # of the tokens that Home Assistant accepts
    from homeassistant.__main__ import main

    sys.exit(main())
