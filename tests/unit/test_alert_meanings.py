"""The table of known alerts."""

import re

import pytest

from custom_components.powerwall_gateway.alert_meanings import MEANINGS, Severity, count, describe, must_act


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning_is_one_short_sentence(name: str) -> None:
    text = MEANINGS[name].text
    assert re.fullmatch(r"[A-Z][^.;!?]+\.", text)
    assert len(text.split()) <= 20


def test_normal_operation_is_not_counted() -> None:
    assert count(["SystemConnectedToGrid", "FWUpdateSucceeded", "PVS_a018_MciStringB"]) == 0
    assert count(["SystemConnectedToGrid", "BatteryFault", "BatteryFault", "NotYetKnown"]) == 2


def test_unknown_alert_has_only_its_name() -> None:
    assert describe("NotYetKnown") == {"name": "NotYetKnown", "meaning": None, "severity": None, "can_act": None}
    assert not must_act("NotYetKnown")


def test_only_problems_that_someone_can_solve_are_to_act_on() -> None:
    to_act = {name for name in MEANINGS if must_act(name)}
    assert {"BatteryBreakerOpen", "BatteryFault", "PVS_a029_PvArcFault"} <= to_act
    assert {MEANINGS[name].severity for name in to_act} == {Severity.PROBLEM}
    assert None not in {MEANINGS[name].actor for name in to_act}
