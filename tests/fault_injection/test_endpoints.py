"""Every malformed response at every endpoint that is polled."""

from collections.abc import Callable
from typing import Final

import pytest

from custom_components.powerwall_gateway import const, coordinator
from simulator.malformed_responses import FAULTS, NEVER_END, POSSIBLE_BODIES
from tests.conftest import is_deep
from tests.fault_injection.conftest import SetUpHarness
from tests.fault_injection.harness import worst

HAS_FALLBACK: Final = {("404", "system_status")}
"""Where another endpoint has less of the same data."""

SHOWN_AT_ONCE: Final = {"502", "502 with HTML"}
"""A stopped Powerwall has no live data."""

LISTS: Final = {"meters", "meters/site", "meters/solar", "networks", "solars"}
"""A gateway writes an empty list as `null`."""

FIRMWARES: Final = ("1.15.0", "21.44")
"""Between them the two have every endpoint that is ever polled."""

EVERYTHING: Final = [(firmware, fault) for firmware in FIRMWARES for fault in (*FAULTS, *POSSIBLE_BODIES)]
EVERY_FAULT: Final = [(firmware, fault) for firmware in FIRMWARES for fault in FAULTS]

SOME: Final = [("21.44", "404"), ("21.44", "null"), ("21.44", "cut"), ("1.15.0", "503"), ("1.15.0", "wrong types")]
SOME_FAULTS: Final = [("21.44", "cut"), ("1.15.0", "truncated")]
"""Run without --deep."""


@pytest.mark.parametrize(("firmware", "fault"), EVERYTHING if is_deep() else SOME)
async def test_fault_hides_only_its_own_entities_until_the_next_poll(
    set_up_harness: SetUpHarness, record_property: Callable[[str, object], None], firmware: str, fault: str
) -> None:
    harness = await set_up_harness(firmware, short_timeout=fault in NEVER_END)
    cells: dict[str, str] = {}
    for path in harness.paths():
        fault_fields = FAULTS.get(fault) or {
            "status": 200,
            "body": POSSIBLE_BODIES[fault],
            "content_type": "application/json",
        }
        cell = await harness.inject(
            fault, path, fault_fields, is_possible_response=fault in POSSIBLE_BODIES or (fault, path) in HAS_FALLBACK
        )
        assert cell.polls_until_back == 1, f"{fault} at {path} lasted for {cell.polls_until_back} polls"
        assert cell.logged <= 2, f"{fault} at {path} was logged {cell.logged} times"
        cells[path] = str(cell)
    record_property("faults", (firmware, fault, cells))


@pytest.mark.parametrize(("firmware", "fault"), EVERY_FAULT if is_deep() else SOME_FAULTS)
async def test_single_fault_hides_nothing(
    set_up_harness: SetUpHarness,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
    firmware: str,
    fault: str,
) -> None:
    harness = await set_up_harness(firmware, short_timeout=fault in NEVER_END)
    monkeypatch.setattr(coordinator, "KEPT_INTERVALS", const.KEPT_INTERVALS)
    monkeypatch.setattr(coordinator, "KEPT_AT_LEAST", const.KEPT_AT_LEAST)
    cells = [await harness.inject_once(fault, path, FAULTS[fault]) for path in harness.paths()]
    for cell in cells:
        is_current = fault in SHOWN_AT_ONCE or (fault == "null" and cell.path in LISTS)
        assert cell.hidden == 0 or is_current, f"{fault} at {cell.path} hid {cell.hidden}"
        assert cell.polls_until_back == 1
        assert cell.logged <= 2
    record_property("once", (fault, firmware, str(worst(cells))))
