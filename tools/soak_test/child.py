"""Home Assistant on a clock that can run faster: `-m tools.soak_test.child [arguments …]`."""

from datetime import UTC, datetime, tzinfo
import sys
from typing import Any

from tools.soak_test.clock import CLOCK


def replace_dates(dt_util: Any) -> None:
    """Replace Home Assistant's date functions: `datetime` itself reads the system's clock."""

    def utcnow() -> datetime:
        return datetime.fromtimestamp(CLOCK.time(), UTC)

    def now(time_zone: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(CLOCK.time(), time_zone or dt_util.DEFAULT_TIME_ZONE)

    dt_util.utcnow, dt_util.now = utcnow, now


if __name__ == "__main__":
    CLOCK.install()
    from homeassistant.util import dt

    replace_dates(dt)
    from homeassistant.__main__ import main

    sys.exit(main())
