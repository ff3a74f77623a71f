"""Translations of the client's errors."""

from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest

from custom_components.powerwall_gateway.exceptions import translated
from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayResponseError,
    KeyProblem,
    LoginProblem,
)
from tests.helpers import load

TEXTS = load("translations/en.json")
NEEDED: dict[type[GatewayError], dict[str, Any]] = {
    CommandError: {"reason": CommandFailure.BUSY},
    GatewayCertificateError: {"fingerprint": bytes(32)},
    GatewayKeyError: {"problem": KeyProblem.UNKNOWN},
}
"""Arguments that an error cannot be without."""

DETAILS: dict[CommandFailure, dict[str, Any]] = {
    CommandFailure.CHARGE_TOO_LOW: {"charge": 19.9, "least": 20.0},
    CommandFailure.NOT_FOLLOWED: {"firmware": "26.10.4"},
}


def family(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Return an error class and all its subclasses."""
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def message(err: GatewayError) -> str:
    """Return the English text of an error."""
    result = translated(err)
    assert result.translation_key
    text: str = TEXTS["exceptions"][result.translation_key]["message"]
    placeholders = result.translation_placeholders or {}
    assert {name for _, name, _, _ in Formatter().parse(text) if name} <= set(placeholders)
    assert all(placeholders.values())
    assert "it failed" not in placeholders.values()  # the client's own text is English in every language
    return text.format(**placeholders)


@pytest.mark.parametrize("kind", family(GatewayError))
def test_every_error_has_a_text(kind: type[GatewayError]) -> None:
    assert message(kind("it failed", **NEEDED.get(kind, {})))


@pytest.mark.parametrize("problem", KeyProblem)
def test_every_problem_of_a_key_has_a_text(problem: KeyProblem) -> None:
    assert message(GatewayKeyError("it failed", problem=problem))


@pytest.mark.parametrize("problem", LoginProblem)
def test_every_problem_of_a_login_has_a_text(problem: LoginProblem) -> None:
    assert message(GatewayLoginError("it failed", problem=problem))


def test_login_that_stops_the_powerwall_has_a_text_of_its_own() -> None:
    stops = GatewayAuthenticationRequiredError("it failed", stops_powerwall=True)
    assert message(stops) != message(GatewayAuthenticationRequiredError("it failed"))


@pytest.mark.parametrize("reason", CommandFailure)
def test_every_command_failure_has_a_text(reason: CommandFailure) -> None:
    assert message(CommandError("it failed", reason=reason, **DETAILS.get(reason, {})))


@pytest.mark.parametrize("reason", [CommandFailure.REFUSED, CommandFailure.STORED_ONLY])
def test_refused_command_shows_the_gateways_text(reason: CommandFailure) -> None:
    response = GatewayResponseError("it failed", path="operation", status=500, reason="Cannot Start Wizard")
    assert "Cannot Start Wizard" in message(CommandError("it failed", reason=reason, response=response))
