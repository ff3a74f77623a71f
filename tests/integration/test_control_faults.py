"""Faults while mode and reserve are set: the owner gets an error, and the Powerwall runs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.powerwall_gateway import after_poll
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway.backoff import Polling
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.gateway.call import Call
from tests.conftest import StartSimulator
from tests.helpers import limit_hanging_requests, request_count, until
from tests.integration.control import FAST_TIMINGS, call, follows, poll, wait_until_idle, writes

from .conftest import Loaded, SetUp, entry_for, state_of

pytestmark = pytest.mark.usefixtures("short_timings")


OLD_SETTINGS = ("self_consumption", 24.0)
NEW_SETTINGS = ("self_consumption", 33.5)
"""Mode, and reserve as the gateway has it."""

LONGEST_STOP = 3.0
"""Seconds for which all logins of a test together may stop the Powerwall."""


async def set_reserve(hass: HomeAssistant, reserve: float) -> None:
    """Set the reserve by the action."""
    await hass.services.async_call(DOMAIN, "set_operation", {"reserve": reserve}, blocking=True)


async def slide_reserve(hass: HomeAssistant, gateway: Simulator, reserve: float) -> None:
    """Set the reserve by the entity."""
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=reserve)


def hurry(gateway: Simulator, entry: MockConfigEntry, *, patience: float = 0.05, hangs: bool = False) -> None:
    """Shorten the waits for the result of a write and for a missing response."""
    entry.runtime_data.control._hub.operation.read_back = Polling(0.01, 0.01, patience)
    if hangs:
        limit_hanging_requests(gateway, entry.runtime_data.gateway.connection)


def when(gateway: Simulator, step: str, method: str, path: str, happens: Callable[[], None]) -> None:
    """Call a function once when a request has arrived ("sent") or taken effect ("acted")."""

    def observe(seen: str, request: Call) -> None:
        if (seen, request.method, request.path) == (step, method, path):
            gateway.server.observer = lambda *_: None
            happens()

    gateway.server.observer = observe


def assert_runs(gateway: Simulator) -> None:
    """Check that the Powerwall runs, and was stopped only as long as its logins take."""
    assert gateway.running
    assert gateway.stopped_seconds < LONGEST_STOP


# -- requested values --------------------------------------------------------------------------------------------------


async def test_entities_reject_invalid_values_without_a_write(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    for reserve in (-1, 100.5, nan, inf, -inf):
        with pytest.raises(ServiceValidationError):
            await slide_reserve(hass, gateway, reserve)
    no_numbers: tuple[Any, ...] = ("half", None, [], {})
    for value in no_numbers:
        with pytest.raises((vol.Invalid, ServiceValidationError)):
            await call(hass, gateway, "number", "backup_reserve", "set_value", value=value)
    for mode in ("autonomous", "party", ""):
        with pytest.raises(ServiceValidationError):
            await call(hass, gateway, "select", "operation_mode", "select_option", option=mode)
    assert writes(gateway) == []
    assert state_of(hass, gateway, "number", "backup_reserve") == "20.0"
    assert_runs(gateway)


async def test_simultaneous_changes_are_all_applied(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    await asyncio.gather(
        slide_reserve(hass, gateway, 30),
        call(hass, gateway, "select", "operation_mode", "select_option", option="backup"),
        set_reserve(hass, 40),
    )
    assert follows(gateway) == ("backup", 43.0)
    assert state_of(hass, gateway, "number", "backup_reserve") == "40.0"
    assert state_of(hass, gateway, "select", "operation_mode") == "backup"
    assert len(writes(gateway)) == request_count(gateway, "config/completed") <= 2
    assert_runs(gateway)


# -- responses of the gateway ------------------------------------------------------------------------------------------

STATUSES = (400, 401, 403, 404, 405, 409, 417, 429, 500, 501, 502, 503)
LOST: dict[str, dict[str, Any]] = {
    "HTML": {"status": 200, "body": b"<html>", "content_type": "text/html"},
    "hangs": {"delay": 30.0, "drop": True},
    "closes": {"drop": True},
}
CANNOT_START = {"status": 500, "body": b'{"code":500,"error":"Cannot Start Wizard","message":"Cannot Start Wizard"}'}
RESPONSES: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in STATUSES},
    "Cannot Start Wizard": CANNOT_START,
    "empty": {"status": 200},
    **LOST,
}
"""Responses of a gateway that does not carry out the request."""

PERMANENT = {"401", "403", "404", "405", "501"}
"""Permanent rejections: after these, no request is sent until the entry is reloaded."""


def error_key_of(response: str) -> str:
    """Return the translation key of the error for a response."""
    if response in PERMANENT:
        return "operation_not_allowed"
    if response in LOST:
        return "operation_unknown"
    return {"502": "powerwall_stopped", "empty": "operation_not_applied"}.get(response, "operation_refused")


@pytest.mark.parametrize("response", RESPONSES)
async def test_write_raises_the_error_of_each_response(hass: HomeAssistant, old: Loaded, response: str) -> None:
    gateway, entry = old
    hurry(gateway, entry, hangs=response == "hangs")
    gateway.faults.add("operation", method="POST", **RESPONSES[response])
    with pytest.raises(HomeAssistantError) as raised:
        await set_reserve(hass, 30)
    assert raised.value.translation_key == error_key_of(response)
    assert "{" not in str(raised.value)
    assert follows(gateway) == OLD_SETTINGS
    await works_again(hass, gateway, entry, is_permanent=response in PERMANENT)


@pytest.mark.parametrize("response", [response for response in RESPONSES if response != "empty"])
async def test_commit_raises_the_error_of_each_response(hass: HomeAssistant, old: Loaded, response: str) -> None:
    gateway, entry = old
    hurry(gateway, entry, hangs=response == "hangs")
    gateway.faults.add("config/completed", **RESPONSES[response])
    with pytest.raises(HomeAssistantError) as raised:
        await slide_reserve(hass, gateway, 30)
    stored = "operation_stored_stopped" if response == "502" else "operation_stored_only"
    assert raised.value.translation_key == ("operation_unknown" if response in LOST else stored)
    assert "{" not in str(raised.value)
    assert follows(gateway) == OLD_SETTINGS
    await works_again(hass, gateway, entry, is_permanent=response in PERMANENT)


async def works_again(hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, *, is_permanent: bool) -> None:
    """Check that the gateway accepts the change without the fault, and that the Powerwall kept running."""
    gateway.faults.clear()
    await wait_until_idle(hass, entry)
    if is_permanent:
        assert state_of(hass, gateway, "number", "backup_reserve") == "unavailable"
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
    await set_reserve(hass, 30)
    assert follows(gateway) == NEW_SETTINGS
    assert state_of(hass, gateway, "number", "backup_reserve") == "30.0"
    await wait_until_idle(hass, entry)
    assert_runs(gateway)


@pytest.mark.parametrize("response", LOST)
async def test_lost_response_is_confirmed_by_reading(hass: HomeAssistant, old: Loaded, response: str) -> None:
    gateway, entry = old
    hurry(gateway, entry, hangs=response == "hangs")
    gateway.faults.add("operation", method="POST", after=True, **LOST[response])
    await set_reserve(hass, 30)
    assert follows(gateway) == NEW_SETTINGS
    assert len(writes(gateway)) == 1
    assert_runs(gateway)


# -- events during a write ---------------------------------------------------------------------------------------------


async def test_reboot_between_write_and_commit_is_handled(
    hass: HomeAssistant, old: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = old
    hurry(gateway, entry, patience=5.0)
    client = entry.runtime_data.gateway
    write = client.set_operation
    reboots: list[asyncio.Task[None]] = []

    async def come_back(port: int) -> None:
        await asyncio.sleep(0.1)
        await gateway.start(port)

    async def write_and_reboot(**values: Any) -> None:
        await write(**values)
        port = gateway.port
        await gateway.stop()
        gateway.tokens.clear()
        reboots.append(asyncio.create_task(come_back(port)))

    monkeypatch.setattr(client, "set_operation", write_and_reboot)
    await set_reserve(hass, 30)
    await reboots[0]
    assert follows(gateway) == NEW_SETTINGS
    assert len(writes(gateway)) == request_count(gateway, "config/completed") == 1
    await wait_until_idle(hass, entry)
    assert_runs(gateway)


async def test_session_lost_before_the_write_is_handled(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    when(gateway, "acted", "GET", "operation", gateway.tokens.clear)
    await set_reserve(hass, 30)
    assert follows(gateway) == NEW_SETTINGS
    assert gateway.logins == 2
    await wait_until_idle(hass, entry)
    assert_runs(gateway)


@pytest.mark.usefixtures("all_enabled")
async def test_stop_between_write_and_commit_is_handled(hass: HomeAssistant, old: Loaded) -> None:
    """The unfinished setup of an installer is not committed, and the Powerwall is not started."""
    gateway, entry = old

    def wizard() -> None:
        gateway.running = False

    when(gateway, "acted", "POST", "operation", wizard)
    with pytest.raises(ServiceValidationError) as raised:
        await set_reserve(hass, 30)
    assert raised.value.translation_key == "operation_stored_stopped"
    assert request_count(gateway, "config/completed") == 0
    assert not entry.runtime_data.control.busy
    assert not gateway.running
    assert state_of(hass, gateway, "binary_sensor", "running") == "off"
    await call(hass, gateway, "button", "start", "press")
    await set_reserve(hass, 30)
    assert follows(gateway) == NEW_SETTINGS
    assert gateway.running


# -- the login ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def waiting(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> tuple[Simulator, MockConfigEntry, Callable[[], Awaitable[None]]]:
    """Return a gateway with 1.15, its entry, and a function that allows the entry to log in."""
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", replace(FAST_TIMINGS, connected=60.0))
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    await wait_until_idle(hass, entry)

    async def log_in() -> None:
        monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", FAST_TIMINGS)
        watch = entry.runtime_data.grid
        await watch.async_refresh()
        await asyncio.sleep(2 * FAST_TIMINGS.connected)
        await watch.async_refresh()
        await asyncio.sleep(0)
        await wait_until_idle(hass, entry)

    return gateway, entry, log_in


type Waiting = tuple[Simulator, MockConfigEntry, Callable[[], Awaitable[None]]]


@pytest.mark.parametrize("acts", [True, False])
@pytest.mark.parametrize("response", RESPONSES)
async def test_login_restarts_the_powerwall_after_each_response(
    hass: HomeAssistant, waiting: Waiting, response: str, acts: bool
) -> None:
    gateway, entry, log_in = waiting
    hurry(gateway, entry, hangs=response == "hangs")
    gateway.faults.add("login/Basic", after=acts, **RESPONSES[response])
    await log_in()
    await until(lambda: gateway.logins == 1)
    await wait_until_idle(hass, entry)
    assert (gateway.stopped_seconds > 0) is acts
    assert request_count(gateway, "sitemaster/run") == 1
    assert_runs(gateway)


async def test_login_that_acts_late_restarts_the_powerwall(
    hass: HomeAssistant, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry, log_in = waiting
    monkeypatch.setattr(entry.runtime_data.control._hub.supervisor, "_timings", replace(FAST_TIMINGS, steady=1.2))
    hurry(gateway, entry, hangs=True)
    gateway.faults.add("login/Basic", delay=0.5, times=1)
    await log_in()
    await wait_until_idle(hass, entry)
    assert gateway.stopped_seconds > 0
    assert request_count(gateway, "sitemaster/run") == 2
    assert_runs(gateway)


@pytest.mark.parametrize("step", range(1, 13))
async def test_outage_at_each_step_of_the_login_is_handled(hass: HomeAssistant, waiting: Waiting, step: int) -> None:
    gateway, _, log_in = waiting
    seen: list[str] = []

    def observe(point: str, request: Call) -> None:
        if point == "sent":
            seen.append(request.path)
            if len(seen) == step:
                gateway.home.outage()

    gateway.server.observer = observe
    await log_in()
    before = seen[:step]
    assert len(before) == step or before == seen
    if "powerwalls" not in before:  # requested before the journal is opened
        assert gateway.logins == 0
    if gateway.logins == 0:
        assert gateway.stopped_seconds == 0
    assert_runs(gateway)


# -- stored data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kept",
    [
        [1],
        {"outages": "none", "login": "yes", "return_charge": "soon"},
        {"outages": {"started": 5, "ended": {}}, "login": [1], "return_charge": True},
        {"outages": None, "login": {"session": {"token": 7, "roles": "all"}}, "return_charge": []},
    ],
)
async def test_invalid_stored_data_are_ignored(
    hass: HomeAssistant, simulator: StartSimulator, hass_storage: dict[str, Any], kept: Any
) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: True})
    hass_storage[f"{DOMAIN}.{entry.entry_id}"] = {"version": 1, "minor_version": 1, "data": kept}
    entry.add_to_hass(hass)
    gateway.home.outage()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "binary_sensor", "grid") == "off"
    assert state_of(hass, gateway, "sensor", "charge") not in {None, "unknown", "unavailable"}
