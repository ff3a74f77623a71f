"""The supervisor of an entry that is disabled or removed, and the stop of Home Assistant."""

import asyncio
from datetime import timedelta
import gc

import pytest

from custom_components.powerwall_gateway import hub, issues, storage
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway import JournalRecord
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.conftest import Loaded, SetUp, entry_for
from tests.integration.control import steady_grid
from tests.integration.test_hub import is_closed, leave_open

pytestmark = pytest.mark.usefixtures("short_timings", "short_backoff", "short_unload")


@pytest.fixture
def short_unload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a running Powerwall only briefly when an entry is unloaded or disabled."""
    monkeypatch.setattr(hub, "UNLOAD_PATIENCE", 0.3)
    monkeypatch.setattr(hub, "DISABLING_CHECK", 0.05)


async def test_entry_disabled_while_the_powerwall_is_stopped_stays_enabled_until_it_runs(
    hass: HomeAssistant, old: Loaded
) -> None:
    gateway, entry = old
    await steady_grid(entry)
    stopping = asyncio.ensure_future(entry.runtime_data.control.async_stop(timedelta(seconds=60)))
    await until(lambda: not gateway.gateway.home.running)
    gateway.faults.add("*", drop=True)
    issue_id = f"disabled_later_{entry.entry_id}"
    disabling = asyncio.ensure_future(
        hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    )
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    assert entry.disabled_by is None
    await disabling
    assert entry.disabled_by is None
    gateway.faults.clear()
    await until(lambda: gateway.running and is_closed(hass))
    await until(lambda: entry.disabled_by is ConfigEntryDisabler.USER and entry.state is ConfigEntryState.NOT_LOADED)
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
    await asyncio.wait({stopping})
    stopping.exception()
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)


async def test_entry_disabled_later_while_that_was_ignored_can_be_enabled_again(
    hass: HomeAssistant, old: Loaded
) -> None:
    gateway, entry = old
    await steady_grid(entry)
    stopping = asyncio.ensure_future(entry.runtime_data.control.async_stop(timedelta(seconds=60)))
    await until(lambda: not gateway.gateway.home.running)
    gateway.faults.add("*", drop=True)
    issue_id = f"disabled_later_{entry.entry_id}"
    disabling = asyncio.ensure_future(
        hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    )
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    ir.async_get(hass).async_ignore(DOMAIN, issue_id, ignore=True)
    await disabling
    gateway.faults.clear()
    await until(lambda: entry.disabled_by is ConfigEntryDisabler.USER and entry.state is ConfigEntryState.NOT_LOADED)
    assert is_closed(hass)
    await asyncio.wait({stopping})
    stopping.exception()
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await asyncio.sleep(3 * hub.DISABLING_CHECK)
    assert entry.disabled_by is None
    assert entry.state is ConfigEntryState.LOADED


async def test_entry_disabled_while_home_assistant_stops_is_stored_enabled(
    hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "DISABLING_CHECK", 60.0)
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    leave_open(hass, gateway, entry.entry_id)
    gateway.faults.add("*", drop=True)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert entry.disabled_by
    await hass.async_stop()
    assert entry.disabled_by is None


async def test_entry_can_be_disabled_with_a_closed_journal(hass: HomeAssistant, old: Loaded) -> None:
    _, entry = old
    await until(lambda: is_closed(hass) and not entry.runtime_data.control.busy)
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert entry.disabled_by
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    await asyncio.sleep(2 * hub.DISABLING_CHECK)
    assert entry.disabled_by


async def test_stop_of_a_disabled_entry_is_refused(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await steady_grid(entry)
    control = entry.runtime_data.control
    await until(lambda: is_closed(hass) and not control.busy)
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    before = len(gateway.requests)
    with pytest.raises(HomeAssistantError):
        await control.async_stop(timedelta(seconds=1))
    assert is_closed(hass)
    assert not any(request.path.startswith(("sitemaster/", "login/")) for request in gateway.requests[before:])
    assert gateway.running


async def test_connection_is_closed_when_home_assistant_stops(
    hass: HomeAssistant, old: Loaded, caplog: pytest.LogCaptureFixture
) -> None:
    _, entry = old
    session = entry.runtime_data.gateway.connection._session
    await hass.async_stop()
    assert session.closed
    gc.collect()
    assert "Unclosed" not in caplog.text


async def test_repair_of_a_removed_entry_names_it_and_ends_after_a_restart(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    path = leave_open(hass, gateway, entry.entry_id)
    gateway.faults.add("*", drop=True)
    await hass.config_entries.async_remove(entry.entry_id)
    registry, issue_id = ir.async_get(hass), f"left_stopped_{entry.entry_id}"
    issue = registry.async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.translation_placeholders == {"name": "Home Energy Gateway"}
    # The next process has only the journal and the repair issue.
    await hass.data[hub._HUBS][entry.entry_id].async_replace()
    await hub.async_recover_all(hass)
    assert registry.async_get_issue(DOMAIN, issue_id)
    gateway.faults.clear()
    await until(lambda: gateway.running)
    await until(lambda: not path.exists() and registry.async_get_issue(DOMAIN, issue_id) is None)
    assert hub.async_get_supervisor(hass, entry.entry_id) is None


async def test_repair_of_a_removed_entry_ends_with_a_closed_journal(hass: HomeAssistant) -> None:
    issues.async_set_issue(hass, issues.LEFT_STOPPED, "removed", active=True)
    journal = storage.FileJournal(hass, "removed")
    await journal.write(JournalRecord().to_json())
    await hub.async_recover_all(hass)
    assert ir.async_get(hass).async_get_issue(DOMAIN, "left_stopped_removed") is None
    assert await journal.read() is None


async def test_broken_journal_does_not_affect_other_journals(
    hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    entry.add_to_hass(hass)
    leave_open(hass, gateway, "a_removed_one")
    leave_open(hass, gateway, entry.entry_id)
    keeper_for = hub._hub_for_journal

    def fail_for_the_first(hass: HomeAssistant, kept: storage.KeptJournal) -> hub.PowerwallHub | None:
        if kept.entry_id == "a_removed_one":
            raise ValueError("a fault of the integration")
        return keeper_for(hass, kept)

    monkeypatch.setattr(hub, "_hub_for_journal", fail_for_the_first)
    await hub.async_recover_all(hass)
    await until(lambda: gateway.running)
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
