"""Fixtures for fault injection, with short waits, and the tables of the impact."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientTimeout
import pytest

from custom_components.powerwall_gateway import coordinator
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from custom_components.powerwall_gateway.gateway import backoff, identification, scheduler, transport
from homeassistant.core import HomeAssistant
from simulator.listener import HOST
from tests.conftest import StartSimulator, is_deep
from tests.fault_injection import tables
from tests.fault_injection.clock import Clock
from tests.fault_injection.harness import Harness
from tests.fault_injection.scenario_runner import ScenarioRunner
from tests.integration.conftest import all_enabled, auto_enable_custom_integrations, entry_for, hass_config_dir

__all__ = ["all_enabled", "auto_enable_custom_integrations", "hass_config_dir"]

TIMEOUT = 0.5
"""Time limit of a request in seconds, instead of 10."""

WARM_UP = 70.0
"""Seconds in which everything but the inventory is polled."""

type SetUpRunner = Callable[..., Awaitable[ScenarioRunner]]
type SetUpHarness = Callable[..., Awaitable[Harness]]


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hundredths of a second instead of seconds, and keep no value after a failed poll."""
    monkeypatch.setattr(coordinator, "KEPT_INTERVALS", 0)
    monkeypatch.setattr(coordinator, "KEPT_AT_LEAST", 0.0)
    monkeypatch.setattr(backoff, "FIRST_WHEN_BUSY", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WHEN_BUSY", 0.1)
    monkeypatch.setattr(backoff, "FIRST_WHEN_SILENT", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WHEN_SILENT", 0.1)
    monkeypatch.setattr(transport, "_WAIT_WHEN_LIMITED", 0.05)
    monkeypatch.setattr(identification, "BETWEEN_CHECKS", 0.4)
    monkeypatch.setattr(scheduler, "RESERVE", 1e9)  # never stretch the polling intervals


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Install a clock that the test moves."""
    clock = Clock()
    clock.install(monkeypatch)

    def make_scheduler() -> scheduler.RequestScheduler:
        clock.schedulers.append(scheduler.RequestScheduler(clock=clock.monotonic))
        return clock.schedulers[-1]

    monkeypatch.setattr(transport, "RequestScheduler", make_scheduler)
    return clock


@pytest.fixture
async def set_up_runner(
    hass: HomeAssistant, simulator: StartSimulator, clock: Clock, all_enabled: None, caplog: pytest.LogCaptureFixture
) -> SetUpRunner:
    """Set up a gateway that polls by itself, with every entity enabled."""

    async def set_up_runner(firmware: str, *, password: str | None = None, host: str = HOST) -> ScenarioRunner:
        gateway = await simulator(firmware, password=password)
        entry = entry_for(gateway, host=f"{host}:{gateway.port}")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        hass.loop.slow_callback_duration = 3600.0  # time that a test adds is no slow callback
        runner = ScenarioRunner(Harness(hass, gateway, entry, caplog), clock)
        await runner.pass_by(WARM_UP)
        return runner

    return set_up_runner


@pytest.fixture
async def set_up_harness(
    hass: HomeAssistant,
    simulator: StartSimulator,
    short_waits: None,
    all_enabled: None,
    caplog: pytest.LogCaptureFixture,
) -> SetUpHarness:
    """Set up a gateway that polls only in the test, with control allowed and every entity enabled."""

    async def set_up_harness(firmware: str, *, short_timeout: bool = False) -> Harness:
        gateway = await simulator(firmware)
        entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: firmware != "1.15.0"})
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        if short_timeout:
            entry.runtime_data.gateway.connection._timeout = ClientTimeout(total=TIMEOUT)
        harness = Harness(hass, gateway, entry, caplog)
        for _ in range(4):  # until a counter that reads 0 is certain, and shown
            gateway.requests.clear()
            await harness.poll()
        return harness

    return set_up_harness


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables of the impact after a deep run."""
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
        ("faults", tables.of_endpoints),
        ("once", tables.of_one_response),
        ("whole", tables.of_the_whole),
    ):
        if rows := sorted(value for title, value in noted if title == name):
            for line in lines_of(rows):
                terminalreporter.write_line(line)
