"""The ward, with every wait scaled down, and the table of what everything cost."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientTimeout
import pytest

from custom_components.powerwall_gateway import coordinator
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from custom_components.powerwall_gateway.gateway import backoff, discovery, scheduler, transport
from homeassistant.core import HomeAssistant
from simulator.listener import HOST
from tests.conftest import StartSimulator, is_deep
from tests.fault_injection import table
from tests.fault_injection.clock import Clock
from tests.fault_injection.course import Course
from tests.fault_injection.ward import Ward
from tests.integration.conftest import all_enabled, auto_enable_custom_integrations, entry_for, hass_config_dir

__all__ = ["all_enabled", "auto_enable_custom_integrations", "hass_config_dir"]

TIMEOUT = 0.5
"""Seconds for an answer that does not come, instead of ten."""

WARM_UP = 70.0
"""Seconds in which everything but the inventory is polled."""

type Accompany = Callable[..., Awaitable[Course]]
type Admit = Callable[..., Awaitable[Ward]]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for hundredths of seconds where it is seconds, and let no value outlive a failed poll."""
    monkeypatch.setattr(coordinator, "KEPT_INTERVALS", 0)
    monkeypatch.setattr(coordinator, "KEPT_AT_LEAST", 0.0)
    monkeypatch.setattr(backoff, "FIRST_WHEN_BUSY", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WHEN_BUSY", 0.1)
    monkeypatch.setattr(backoff, "FIRST_WHEN_SILENT", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WHEN_SILENT", 0.1)
    monkeypatch.setattr(transport, "_WAIT_WHEN_LIMITED", 0.05)
    monkeypatch.setattr(discovery, "BETWEEN_CHECKS", 0.4)
    monkeypatch.setattr(scheduler, "RESERVE", 1e9)  # polls come as the test wants them, not as the gateway likes them


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time pass when the test says so."""
    clock = Clock()
    clock.install(monkeypatch)

    def make_scheduler() -> scheduler.RequestScheduler:
        clock.schedulers.append(scheduler.RequestScheduler(clock=clock.monotonic))
        return clock.schedulers[-1]

    monkeypatch.setattr(transport, "RequestScheduler", make_scheduler)
    return clock


@pytest.fixture
async def accompany(
    hass: HomeAssistant, simulator: StartSimulator, clock: Clock, all_enabled: None, caplog: pytest.LogCaptureFixture
) -> Accompany:
    """Set up a gateway of a firmware that is polled as ever, every entity enabled."""

    async def accompany(firmware: str, *, password: str | None = None, host: str = HOST) -> Course:
        gateway = await simulator(firmware, password=password)
        entry = entry_for(gateway, host=f"{host}:{gateway.port}")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        hass.loop.slow_callback_duration = 3600.0  # what a test lets pass is no slow callback
        course = Course(Ward(hass, gateway, entry, caplog), clock)
        await course.pass_by(WARM_UP)
        return course

    return accompany


@pytest.fixture
async def admit(
    hass: HomeAssistant, simulator: StartSimulator, soon: None, all_enabled: None, caplog: pytest.LogCaptureFixture
) -> Admit:
    """Set up a gateway of a firmware, with control allowed and every entity enabled."""

    async def admit(firmware: str, *, impatient: bool = False) -> Ward:
        gateway = await simulator(firmware)
        entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: firmware != "1.15.0"})
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        if impatient:
            entry.runtime_data.gateway.connection._timeout = ClientTimeout(total=TIMEOUT)
        ward = Ward(hass, gateway, entry, caplog)
        for _ in range(4):  # until a counter that reads 0 is certain, and shown
            gateway.requests.clear()
            await ward.poll()
        return ward

    return admit


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what everything cost, in the order in which it is written down."""
    if not is_deep():
        return
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    noted = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for value in getattr(report, "user_properties", ())
    ]
    for name, lines_of in (
        ("faults", table.of_endpoints),
        ("once", table.of_one_answer),
        ("whole", table.of_the_whole),
    ):
        if rows := sorted(value for title, value in noted if title == name):
            for line in lines_of(rows):
                terminalreporter.write_line(line)
