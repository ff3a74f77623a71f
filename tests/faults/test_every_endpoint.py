"""Every wrong answer at every endpoint that is polled."""

from collections.abc import Callable
import os
from typing import Final

import pytest

from .answers import FAULTS, KINDS, NEVER_END
from .conftest import Admit

ANSWERED_OTHERWISE: Final = {("404", "system_status")}
"""Where another endpoint knows less of the same."""

EVERYTHING: Final = [(firmware, fault) for firmware in ("1.15.0", "21.44") for fault in (*FAULTS, *KINDS)]
"""Between them the two have every endpoint that is ever polled."""

SOME: Final = [("21.44", "404"), ("21.44", "null"), ("21.44", "cut"), ("1.15.0", "503"), ("1.15.0", "wrong types")]
"""What the plain test command has time for."""


@pytest.mark.parametrize(("firmware", "fault"), EVERYTHING if os.environ.get("POWERWALL_TESTS") == "deep" else SOME)
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
