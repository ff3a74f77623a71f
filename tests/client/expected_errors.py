"""Expect errors of commands and logins in `pytest.raises`."""

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
)


def raises_command_error(reason: CommandFailure, match: str | None = None) -> pytest.RaisesExc[CommandError]:
    """Expect a command to fail for the given reason."""
    return pytest.raises(CommandError, match=match, check=lambda err: err.reason is reason)


def raises_login_stops(match: str | None = None) -> pytest.RaisesExc[GatewayAuthenticationRequiredError]:
    """Expect a login that was not sent, because it would stop the Powerwall."""
    return pytest.raises(GatewayAuthenticationRequiredError, match=match, check=lambda err: err.stops_powerwall)
