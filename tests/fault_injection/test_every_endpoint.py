"""Every wrong answer at every endpoint that is polled."""

from collections.abc import Callable
from typing import Final

import pytest

from custom_components.powerwall_gateway import const, coordinator
from tests.conftest import is_deep
from tests.fault_injection.answers import FAULTS, KINDS, NEVER_END
from tests.fault_injection.conftest import Admit
from tests.fault_injection.ward import worst

ANSWERED_OTHERWISE: Final = {("404", "system_status")}
"""Where another endpoint knows less of the same."""

TOLD_AT_ONCE: Final = {"502", "502 with HTML"}
"""A stopped Powerwall has no live data."""

LISTS: Final = {"meters", "meters/site", "meters/solar", "networks", "solars"}
"""`null` is how a gateway writes that there is nothing in them."""

FIRMWARES: Final = ("1.15.0", "21.44")
"""Between them the two have every endpoint that is ever polled."""

EVERYTHING: Final = [(firmware, fault) for firmware in FIRMWARES for fault in (*FAULTS, *KINDS)]
EVERY_FAULT: Final = [(firmware, fault) for firmware in FIRMWARES for fault in FAULTS]

SOME: Final = [("21.44", "404"), ("21.44", "null"), ("21.44", "cut"), ("1.15.0", "503"), ("1.15.0", "wrong types")]
SOME_FAULTS: Final = [("21.44", "cut"), ("1.15.0", "truncated")]
"""What the plain test command has time for."""


@pytest.mark.parametrize(("firmware", "fault"), EVERYTHING if is_deep() else SOME)
async def test_it_costs_its_own_entities_and_is_over_at_the_next_poll(
    admit: Admit, record_property: Callable[[str, object], None], firmware: str, fault: str
) -> None:
    ward = await admit(firmware, impatient=fault in NEVER_END)
    cells: dict[str, str] = {}
    for path in ward.paths():
        harm = FAULTS.get(fault) or {"status": 200, "body": KINDS[fault], "content_type": "application/json"}
        cell = await ward.suffer(fault, path, harm, is_answer=fault in KINDS or (fault, path) in ANSWERED_OTHERWISE)
        assert cell.polls_until_back == 1, f"{fault} at {path} lasted for {cell.polls_until_back} polls"
        assert cell.logged <= 2, f"{fault} at {path} was told of {cell.logged} times"
        cells[path] = str(cell)
    record_property("faults", (firmware, fault, cells))


@pytest.mark.parametrize(("firmware", "fault"), EVERY_FAULT if is_deep() else SOME_FAULTS)
async def test_one_of_them_hides_nothing(
    admit: Admit,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
    firmware: str,
    fault: str,
) -> None:
    ward = await admit(firmware, impatient=fault in NEVER_END)
    monkeypatch.setattr(coordinator, "KEPT_INTERVALS", const.KEPT_INTERVALS)
    monkeypatch.setattr(coordinator, "KEPT_AT_LEAST", const.KEPT_AT_LEAST)
    cells = [await ward.lose_one(fault, path, FAULTS[fault]) for path in ward.paths()]
    for cell in cells:
        is_news = fault in TOLD_AT_ONCE or (fault == "null" and cell.path in LISTS)
        assert cell.hidden == 0 or is_news, f"{fault} at {cell.path} hid {cell.hidden}"
        assert cell.polls_until_back == 1
        assert cell.logged <= 2
    record_property("once", (fault, firmware, str(worst(cells))))
