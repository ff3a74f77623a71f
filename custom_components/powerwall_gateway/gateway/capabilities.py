"""What a gateway can do, asked as questions: no version is compared outside this file."""

from .models import Status

_LOGIN_LEAVES_RUNNING = (20, 49)
"""From this firmware on owners log in to read, and nothing stops. Before it a login is the installer's wizard."""


def login_stops_powerwall(status: Status | None) -> bool:
    """Tell whether a login stops the Powerwall: no charging, no backup until somebody starts it again.

    True below 20.49 and for every version that cannot be read. `None` stands for a gateway
    whose `/api/status` answers 404: a Powerwall 3, which was never seen to stop.
    """
    if status is None:
        return False
    return status.release is None or status.release < _LOGIN_LEAVES_RUNNING
