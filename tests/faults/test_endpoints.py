"""The matrix: every fault on every polled endpoint costs that endpoint's entities at most, and leaves nothing."""

from collections.abc import Callable
from dataclasses import asdict
import logging
import os

import pytest

from homeassistant.core import HomeAssistant
from tests.conftest import StartSimulator
from tests.integration.conftest import SetUp

from .endpoints import ENDPOINTS
from .faults import FAULTS, SLICE, Fault
from .walk import CELLS, Clock, Walk

DEEP = os.environ.get("POWERWALL_TESTS") == "deep"
"""`scripts/test --faults` walks through every fault, the plain test through a few."""

WALKED = [fault for fault in FAULTS if DEEP or fault.name in SLICE]


@pytest.mark.parametrize("firmware", ["21.44"])
@pytest.mark.parametrize("fault", WALKED, ids=lambda fault: fault.name)
async def test_a_fault_costs_the_entities_of_its_endpoint_until_the_next_poll(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    all_enabled: None,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
    fault: Fault,
    firmware: str,
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    hass.loop.set_debug(False)  # it would name every connection in the log
    caplog.set_level(logging.INFO)
    walk = Walk(hass, clock, gateway, entry, caplog)
    gateway.requests.clear()
    await walk.poll()
    asked = {request.path for request in gateway.requests}
    walked = [each for each in ENDPOINTS if each.path in asked and each.is_answered(entry.runtime_data)]
    if not DEEP:
        walked = [each for each in walked if each.coordinator in {"grid", "live", "settings"}]
    assert walked
    cells = [await walk.cell(each, fault, lasts=lasts) for each in walked for lasts in (False, True)]
    record_property(CELLS, [{**asdict(cell), "endpoint": f"{firmware} {cell.endpoint}"} for cell in cells])
    assert [f"{cell.fault} on {cell.endpoint}: {broken}" for cell in cells for broken in cell.broken] == []
