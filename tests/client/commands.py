"""Commands that fail as expected."""

import pytest

from custom_components.powerwall_gateway.gateway import CommandError, CommandFailure


def raises_command_error(reason: CommandFailure, match: str | None = None) -> pytest.RaisesExc[CommandError]:
    """Expect a command to fail for the given reason."""
    return pytest.raises(CommandError, match=match, check=lambda err: err.reason is reason)
