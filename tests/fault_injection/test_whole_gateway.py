"""What becomes of a whole connection, a whole gateway, its login, and Home Assistant itself."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.conftest import is_deep
from tests.fault_injection.conftest import Accompany
from tests.fault_injection.home_assistant import HOME_ASSISTANT
from tests.fault_injection.upheavals import CONNECTION, GATEWAY, LOGIN

EVERYTHING: Final = {
    f"{group}: {upheaval.name}": (group, upheaval)
    for group, upheavals in (
        ("connection", CONNECTION),
        ("gateway", GATEWAY),
        ("login", LOGIN),
        ("Home Assistant", HOME_ASSISTANT),
    )
    for upheaval in upheavals
}

SOME: Final = (
    "connection: refused",
    "connection: half-open",
    "login: too many logins",
    "login: login refused (401)",
    "Home Assistant: stands still for an hour",
)
"""What the plain test command has time for."""


@pytest.mark.parametrize("name", EVERYTHING if is_deep() else SOME)
async def test_it_hides_what_it_must_and_is_over_when_it_is_over(
    accompany: Accompany, record_property: Callable[[str, object], None], name: str
) -> None:
    group, upheaval = EVERYTHING[name]
    course = await accompany(upheaval.firmware, password=upheaval.password, host=upheaval.host)
    record = await course.live_through(upheaval)
    assert record.polls <= 1
    record_property("whole", (group, upheaval.name, record.cells))
