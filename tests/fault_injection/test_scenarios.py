"""Faults of the whole connection, the gateway, its login, and Home Assistant itself."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.conftest import is_deep
from tests.fault_injection.conftest import SetUpRunner
from tests.fault_injection.home_assistant_scenarios import HOME_ASSISTANT
from tests.fault_injection.scenarios import CONNECTION, GATEWAY, LOGIN

EVERYTHING: Final = {
    f"{group}: {scenario.name}": (group, scenario)
    for group, scenarios in (
        ("connection", CONNECTION),
        ("gateway", GATEWAY),
        ("login", LOGIN),
        ("Home Assistant", HOME_ASSISTANT),
    )
    for scenario in scenarios
}

SOME: Final = (
    "connection: refused",
    "connection: half-open",
    "login: too many logins",
    "login: login refused (401)",
    "Home Assistant: stands still for an hour",
)
"""Run without --deep."""


@pytest.mark.parametrize("name", EVERYTHING if is_deep() else SOME)
async def test_scenario_has_the_expected_impact_and_recovers(
    set_up_runner: SetUpRunner, record_property: Callable[[str, object], None], name: str
) -> None:
    group, scenario = EVERYTHING[name]
    runner = await set_up_runner(scenario.firmware, password=scenario.password, host=scenario.host)
    record = await runner.run(scenario)
    assert record.polls <= 1
    record_property("whole", (group, scenario.name, record.cells))
