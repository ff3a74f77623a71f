"""The ward, with every wait scaled down, and the table of what everything cost."""

from collections.abc import Awaitable, Callable, Iterator
import os
from typing import Any

from aiohttp import ClientTimeout
import pytest

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from custom_components.powerwall_gateway.coordinator import base
from custom_components.powerwall_gateway.gateway import connection, introduction, pacer, rest
from homeassistant.core import HomeAssistant
from tests.conftest import StartSimulator
from tests.integration.conftest import all_enabled, auto_enable_custom_integrations, entry_for, hass_config_dir

from .ward import Ward

__all__ = ["all_enabled", "auto_enable_custom_integrations", "hass_config_dir"]

TIMEOUT = 0.5
"""Seconds for an answer that does not come, instead of ten."""

type Admit = Callable[..., Awaitable[Ward]]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for hundredths of seconds where it is seconds, and let no value outlive a failed poll."""
    monkeypatch.setattr(base, "KEPT_INTERVALS", 0)
    monkeypatch.setattr(base, "KEPT_AT_LEAST", 0.0)
    monkeypatch.setattr(rest, "FIRST_WHEN_BUSY", 0.02)
    monkeypatch.setattr(rest, "LONGEST_WHEN_BUSY", 0.1)
    monkeypatch.setattr(rest, "FIRST_WHEN_SILENT", 0.02)
    monkeypatch.setattr(rest, "LONGEST_WHEN_SILENT", 0.1)
    monkeypatch.setattr(connection, "_WAIT_WHEN_LIMITED", 0.05)
    monkeypatch.setattr(introduction, "BETWEEN_CHECKS", 0.4)
    monkeypatch.setattr(pacer, "RESERVE", 1e9)  # polls come as the test wants them, not as the gateway likes them


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
        for _ in range(2):
            gateway.requests.clear()
            await ward.poll()
        return ward

    return admit


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what every fault cost at every endpoint."""
    cells = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == "faults"
    ]
    if cells and os.environ.get("POWERWALL_TESTS") == "deep":
        for line in _table(cells):
            terminalreporter.write_line(line)


def _table(rows: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    """Give a table for each firmware: a line for each fault, a column for each endpoint."""
    yield "Entities hidden · requests in three polls · log records · polls until all is back"
    for firmware in sorted({firmware for firmware, _, _ in rows}):
        of_firmware = [(fault, cells) for row_firmware, fault, cells in rows if row_firmware == firmware]
        paths = sorted({path for _, cells in of_firmware for path in cells})
        yield f"\nfirmware {firmware}"
        for number, path in enumerate(paths, start=1):
            yield f"  {number:2} {path}"
        yield f"{'':22}" + "".join(f"{number:>10}" for number in range(1, len(paths) + 1))
        for fault, cells in of_firmware:
            yield f"{fault:22}" + "".join(f"{cells.get(path, 'EMPTY'):>10}" for path in paths)
