"""Repair issues: when each is created, and when it is deleted."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store

from custom_components.powerwall_gateway import after_poll, issues
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.storage import async_get_store
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import let_pass

from .conftest import Loaded, SetUp, entry_for

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def soon_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report an idle battery after two polls, of which each counts for a minute at most."""
    monkeypatch.setattr(after_poll, "IDLE_FOR", 120.0)


async def poll(entry: MockConfigEntry, *, every: float = HOUR) -> None:
    """Poll twice, each time after so many seconds. After two hours, a fault and an absence have lasted."""
    data = entry.runtime_data
    for _ in range(2):
        let_pass(data.live.hass, every)
        for coordinator in (data.grid, data.settings, data.live):
            await coordinator.async_refresh()


def shown(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> dict[str, str] | None:
    """Return an issue's placeholders, None if it is not shown."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{key}_{entry.entry_id}")
    return None if issue is None else issue.translation_placeholders or {}


def resting(gateway: Simulator, **orders: Any) -> None:
    """Keep the battery at 0 W."""
    payload = {
        name: {"instant_power": orders.get(name, 0.0), "energy_exported": 1.0, "energy_imported": 1.0}
        for name in ("site", "battery", "load", "solar")
    }
    gateway.overrides["meters/aggregates"] = payload


# -- a Powerwall's fault -----------------------------------------------------------------------------------------------


async def test_disabled_powerwall_creates_an_issue(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    assert shown(hass, entry, "pack_fault") is None
    gateway.home.pack(2).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    await poll(entry)
    assert shown(hass, entry, "pack_fault") == {
        "name": "Home Energy Gateway",
        "packs": "Powerwall 2 (DisabledExcessiveVoltageDrop)",
    }
    gateway.running = False  # a stopped one reports nothing, so the issue stays
    await poll(entry)
    assert shown(hass, entry, "pack_fault")
    gateway.running = True
    gateway.home.pack(2).disabled_reasons.clear()
    await poll(entry)
    assert shown(hass, entry, "pack_fault") is None


async def test_fault_creates_an_issue_after_a_minute(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.home.pack(1).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    await poll(entry, every=20.0)
    await poll(entry, every=10.0)
    assert shown(hass, entry, "pack_fault") is None
    await poll(entry, every=20.0)
    assert shown(hass, entry, "pack_fault")


# -- unreachable gateway -----------------------------------------------------------------------------------------------


async def test_unreachable_gateway_creates_an_issue(hass: HomeAssistant, short_backoff: None, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("*", drop=True)
    await poll(entry)
    assert shown(hass, entry, "unreachable") == {"name": "Home Energy Gateway"}
    gateway.faults.clear()
    await poll(entry)
    assert shown(hass, entry, "unreachable") is None


async def test_unreachable_gateway_creates_an_issue_after_an_hour(
    hass: HomeAssistant, short_backoff: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    gateway.faults.add("*", drop=True)
    await poll(entry, every=10.0)
    await poll(entry, every=1740.0)
    assert shown(hass, entry, "unreachable") is None
    await poll(entry, every=60.0)
    assert shown(hass, entry, "unreachable")


async def test_unreachable_gateway_at_the_start_creates_an_issue(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway: Simulator = await simulator("21.44")
    async with gateway.unreachable():
        entry = entry_for(gateway)
        entry.add_to_hass(hass)
        for _ in range(2):
            await hass.config_entries.async_setup(entry.entry_id)
            let_pass(hass, HOUR / 2)
            await hass.config_entries.async_unload(entry.entry_id)
            assert shown(hass, entry, "unreachable") is None
        await hass.config_entries.async_setup(entry.entry_id)
        assert shown(hass, entry, "unreachable")
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert shown(hass, entry, "unreachable") is None


async def test_disabled_entry_removes_the_unreachable_issue(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway: Simulator = await simulator("21.44")
    await gateway.stop()
    entry = entry_for(gateway)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    let_pass(hass, HOUR)
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state.name == "SETUP_RETRY"
    assert shown(hass, entry, "unreachable")
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert shown(hass, entry, "unreachable") is None
    assert hass.data[after_poll._UNREACHABLE_SINCE] == {}  # its hour begins again when it is enabled


async def test_disabled_entry_removes_the_certificate_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"), fingerprint="00" * 32)
    assert shown(hass, entry, "certificate_changed")
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert shown(hass, entry, "certificate_changed") is None
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    assert shown(hass, entry, "certificate_changed")


async def test_ignored_issue_stays_ignored_after_a_reload(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    issue_id = f"default_password_{entry.entry_id}"
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    await hass.config_entries.async_reload(entry.entry_id)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version


# -- ignored issues ----------------------------------------------------------------------------------------------------


SHOWN_AGAIN = {
    "stopped",
    "stopped_long_ago",
    "left_stopped",
    "reserve_left",
    "disabled_later",
    "unreachable",
    "pack_fault",
    "alerts",
    "certificate_changed",
}
"""Issues about the safety of the battery or the connection: each occurrence is shown again."""


def ignore(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> None:
    """Ignore an issue, as on its page."""
    ir.async_ignore_issue(hass, DOMAIN, f"{key}_{entry.entry_id}", ignore=True)


def is_ignored(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> bool | None:
    """Return whether an issue is ignored, None if there is none."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{key}_{entry.entry_id}")
    return None if issue is None else issue.dismissed_version is not None


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Restart Home Assistant, as far as it concerns the entry and the issues."""
    await hass.config_entries.async_unload(entry.entry_id)
    registry = ir.async_get(hass)
    await flush_store(registry._store)
    await registry._async_load()
    hass.data.pop(after_poll._UNREACHABLE_SINCE, None)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


@pytest.mark.parametrize("issue", issues.ALL, ids=lambda issue: issue.key)
async def test_issue_ignored_and_over_is_shown_again_only_if_it_concerns_safety(
    hass: HomeAssistant, issue: issues.Issue
) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    issues.async_set_issue(hass, issue, entry.entry_id, active=True)
    ignore(hass, entry, issue.key)
    issues.async_set_issue(hass, issue, entry.entry_id, active=True)
    assert is_ignored(hass, entry, issue.key)
    issues.async_set_issue(hass, issue, entry.entry_id, active=False)
    issues.async_set_issue(hass, issue, entry.entry_id, active=True)
    assert is_ignored(hass, entry, issue.key) is (issue.key not in SHOWN_AGAIN)


async def test_pack_fault_ignored_stays_ignored_over_outage_reload_and_restart(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.home.pack(2).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    entry = await set_up(gateway)
    await poll(entry)
    ignore(hass, entry, "pack_fault")
    gateway.faults.add("*", status=500)
    await poll(entry)
    gateway.faults.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    assert is_ignored(hass, entry, "pack_fault")
    await restart(hass, entry)
    await poll(entry)
    assert is_ignored(hass, entry, "pack_fault")


async def test_pack_fault_ignored_then_another_powerwall_fails_is_shown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.home.pack(2).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    entry = await set_up(gateway)
    await poll(entry)
    ignore(hass, entry, "pack_fault")
    gateway.home.pack(1).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    await poll(entry)
    assert is_ignored(hass, entry, "pack_fault") is False
    ignore(hass, entry, "pack_fault")
    gateway.home.pack(2).disabled_reasons.clear()
    await poll(entry)
    assert is_ignored(hass, entry, "pack_fault")


@pytest.mark.usefixtures("soon_idle")
async def test_idle_ignored_stays_ignored_over_reload_and_restart(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    entry = await set_up(gateway)
    await poll(entry)
    ignore(hass, entry, "idle")
    await hass.config_entries.async_reload(entry.entry_id)
    await poll(entry)
    assert is_ignored(hass, entry, "idle")
    await restart(hass, entry)
    await poll(entry)
    assert is_ignored(hass, entry, "idle")


async def test_stopped_is_shown_after_two_polls(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    settings = entry.runtime_data.settings
    gateway.overrides["sitemaster"] = {"running": False}
    await settings.async_refresh()
    settings.async_update_listeners()  # as after an action: no poll
    assert shown(hass, entry, "stopped") is None
    await settings.async_refresh()
    assert shown(hass, entry, "stopped")


async def test_stopped_ignored_stays_ignored_until_it_ran(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.running = False
    await poll(entry)
    ignore(hass, entry, "stopped")
    await restart(hass, entry)
    await poll(entry)
    assert is_ignored(hass, entry, "stopped")
    gateway.running = True
    await poll(entry)
    gateway.running = False
    await poll(entry)
    assert is_ignored(hass, entry, "stopped") is False


async def test_unreachable_ignored_stays_ignored_over_restart_and_is_shown_for_the_next_absence(
    hass: HomeAssistant, short_backoff: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    gateway.faults.add("*", drop=True)
    await poll(entry)
    ignore(hass, entry, "unreachable")
    await restart(hass, entry)  # not an hour yet by its own count
    assert is_ignored(hass, entry, "unreachable")
    gateway.faults.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    assert is_ignored(hass, entry, "unreachable") is None
    gateway.faults.add("*", drop=True)
    await poll(entry)
    assert is_ignored(hass, entry, "unreachable") is False


async def test_certificate_ignored_then_another_one_is_shown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"), fingerprint="00" * 32)
    ignore(hass, entry, "certificate_changed")
    await restart(hass, entry)
    assert is_ignored(hass, entry, "certificate_changed")
    issues.async_set_certificate_issue(hass, entry, bytes(32))
    assert is_ignored(hass, entry, "certificate_changed") is False


async def test_entry_removed_leaves_no_ignored_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    ignore(hass, entry, "default_password")
    await hass.config_entries.async_remove(entry.entry_id)
    assert is_ignored(hass, entry, "default_password") is None


async def test_stopped_or_busy_gateway_is_not_unreachable(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    for status in (502, 503, 500):
        gateway.faults.add("*", status=status)
        await poll(entry)
        assert shown(hass, entry, "unreachable") is None
        gateway.faults.clear()


# -- idle battery ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flows", "charge", "reserve", "mode", "wrong"),
    [
        pytest.param({"load": 1000, "solar": 0}, 60, 20, "self_consumption", True, id="a home wants more"),
        pytest.param({"load": 1000, "solar": 0}, 22, 20, "self_consumption", False, id="but it is at the reserve"),
        pytest.param({"load": 500, "solar": 3000}, 60, 20, "self_consumption", True, id="solar to spare"),
        pytest.param({"load": 500, "solar": 3000}, 99, 20, "self_consumption", False, id="but it is full"),
        pytest.param({"load": 1000, "solar": 900}, 60, 20, "self_consumption", False, id="nearly nothing to do"),
        pytest.param({"load": 1000, "solar": 0}, 60, 20, "backup", False, id="it waits for an outage"),
        pytest.param({"load": 1000, "solar": 0}, 60, 20, "autonomous", False, id="it waits for the peak"),
        pytest.param({"load": 1000, "battery": 900}, 60, 20, "self_consumption", False, id="it works"),
        pytest.param({"load": 1000, "battery": -900}, 60, 20, "self_consumption", False, id="it charges"),
    ],
)
@pytest.mark.usefixtures("soon_idle")
async def test_idle_battery_creates_an_issue_only_with_a_reason(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    flows: dict[str, int],
    charge: float,
    reserve: float,
    mode: str,
    wrong: bool,
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.home.charge = charge
    gateway.overrides["operation"] = {"real_mode": mode, "backup_reserve_percent": reserve}
    resting(gateway, **flows)
    entry = await set_up(gateway)
    await poll(entry)
    assert (shown(hass, entry, "idle") is not None) is wrong


@pytest.mark.usefixtures("soon_idle")
async def test_idle_issue_ends_when_the_battery_works(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    entry = await set_up(gateway)
    await poll(entry)
    assert shown(hass, entry, "idle")
    gateway.home.outage()  # idle off-grid creates no issue, and ends none
    await poll(entry)
    assert shown(hass, entry, "idle")
    gateway.home.restore()
    resting(gateway, load=1000, battery=1000)
    await poll(entry)
    assert shown(hass, entry, "idle") is None


@pytest.mark.parametrize("case", ["outage", "stopped"])
@pytest.mark.usefixtures("soon_idle")
async def test_idle_issue_needs_a_battery_that_may_work(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, case: str
) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    if case == "outage":
        gateway.home.outage()
    else:
        gateway.overrides["sitemaster"] = {"running": False, "status": "StatusDown"}
    entry = await set_up(gateway)
    await poll(entry)
    assert shown(hass, entry, "idle") is None


async def test_idle_battery_creates_an_issue_after_two_days(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    entry = await set_up(gateway)
    await poll(entry, every=1.0)  # the settings are read
    store = await async_get_store(hass, entry.entry_id)
    watch = after_poll.EntryMonitor(hass, entry, store)
    now = hass.loop.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hass.loop, "time", lambda: now)
        for seconds in range(0, int(2 * DAY) - 60, 60):
            now += 60
            watch._check_battery()
            assert shown(hass, entry, "idle") is None, f"after {seconds} s"
        now += 60
        watch._check_battery()
        assert shown(hass, entry, "idle") is not None


async def test_idle_time_without_polls_is_not_counted(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    entry = await set_up(gateway)
    await poll(entry, every=2 * DAY)
    assert shown(hass, entry, "idle") is None


# -- the password ------------------------------------------------------------------------------------------------------


async def test_default_password_creates_an_issue(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    assert shown(hass, entry, "default_password") == {"name": "Home Energy Gateway"}
    gateway.password = "sunshine"
    hass.config_entries.async_update_entry(entry, data={**entry.data, "password": "sunshine"})
    await hass.config_entries.async_reload(entry.entry_id)
    assert shown(hass, entry, "default_password") is None


async def test_refused_default_password_creates_an_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("24.36")
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert shown(hass, entry, "default_password")


async def test_gateway_without_a_login_has_no_password_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("1.15.0"))
    assert shown(hass, entry, "default_password") is None


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("soon_idle")
async def test_unloaded_entry_has_no_issues(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway: Simulator = await simulator("21.44")
    resting(gateway, load=1000)
    gateway.home.pack(1).disabled_reasons[:] = ["DisabledExcessiveVoltageDrop"]
    entry = await set_up(gateway)
    await poll(entry)
    keys = ("idle", "pack_fault", "default_password")
    assert all(shown(hass, entry, key) for key in keys)
    await hass.config_entries.async_unload(entry.entry_id)
    assert not any(shown(hass, entry, key) for key in keys)
