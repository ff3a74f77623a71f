"""When reauthentication starts, and when the integration waits for the gateway instead."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.gateway import auth as login_module
from custom_components.powerwall_gateway.storage import EntryStore, async_forget_login, async_get_store
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.config_flow_steps import assert_abort, assert_form, go_on
from tests.integration.control import poll

from .conftest import SetUp, entry_for


class Clock:
    """The clock of the waits between logins."""

    now = 1_000_000.0

    def __call__(self) -> float:
        """Return the monotonic time in seconds."""
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Control the waits after refused logins."""
    clock = Clock()
    monkeypatch.setattr(login_module, "monotonic", clock)
    monkeypatch.setattr(login_module, "time", clock)
    return clock


def sources(hass: HomeAssistant) -> list[str]:
    """Return the sources of the flows in progress."""
    return [str(flow["context"]["source"]) for flow in hass.config_entries.flow.async_progress()]


async def again(hass: HomeAssistant, entry: MockConfigEntry, clock: Clock | None = None) -> None:
    """Set up the entry again like Home Assistant's retry; with a clock, after every wait."""
    if clock:
        clock.now += login_module.SessionManager.LONGEST_WAIT
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


async def test_second_refused_password_starts_reauth(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, clock: Clock
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, password="old")
    assert entry.state.name == "SETUP_RETRY"
    assert entry.error_reason_translation_key == "login_refused_once"
    assert sources(hass) == []
    await again(hass, entry, clock)
    assert entry.state.name == "SETUP_ERROR"
    assert entry.error_reason_translation_key == "login_refused"
    assert sources(hass) == [SOURCE_REAUTH]
    assert gateway.logins == 2


async def test_login_wait_survives_a_failed_setup(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, password="old")
    for _ in range(3):
        await again(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert gateway.logins == 1
    flow = await entry.start_reauth_flow(hass)
    assert_abort(await go_on(hass, flow, {CONF_PASSWORD: gateway.password}), "reauth_successful")
    assert entry.state.name == "LOADED"  # another password is tried at once


async def test_refused_default_password_starts_reauth_at_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36")
    entry = await set_up(gateway)
    assert entry.error_reason_translation_key == "login_refused"
    assert sources(hass) == [SOURCE_REAUTH]


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "status", "status": 401},
        {"path": "meters/aggregates", "status": 403},
        {"path": "login/Basic", "status": 429},
        {"path": "login/Basic", "status": 500},
        {"path": "login/Basic", "status": 503},
        {"path": "login/Basic", "drop": True},
    ],
)
async def test_single_refused_login_starts_no_reauth(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, clock: Clock, fault: dict[str, Any]
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(**fault)
    entry = await set_up(gateway)
    await again(hass, entry, clock)
    await again(hass, entry, clock)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert sources(hass) == []


async def test_starting_gateway_starts_no_reauth(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_module, "_STARTING", timedelta(days=36500))
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=401)
    entry = await set_up(gateway)
    for _ in range(3):
        await again(hass, entry, clock)
    assert sum(request.path == "login/Basic" for request in gateway.requests) == 4
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert sources(hass) == []


async def test_gateway_that_requires_a_password_starts_reauth(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, password=None)
    assert entry.error_reason_translation_key == "password_wanted"
    assert sources(hass) == [SOURCE_REAUTH]


async def test_firmware_update_to_https_is_explained(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.50.1")
    entry = await set_up(gateway, host=f"127.0.0.1:{gateway.http_port}", scheme="http", fingerprint=None)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "encrypted_now"


# -- the form ----------------------------------------------------------------------------------------------------------


async def test_reauth_accepts_a_new_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, password="old")
    entry.add_to_hass(hass)
    flow = await entry.start_reauth_flow(hass)
    assert_form(flow, "reauth_confirm")
    flow = await go_on(hass, flow, {CONF_PASSWORD: "wrong, too"})
    assert_form(flow, "reauth_confirm", {CONF_PASSWORD: "invalid_auth"})
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert_abort(flow, "reauth_successful")
    assert entry.data[CONF_PASSWORD] == gateway.password


async def test_reauth_rejects_another_gateway(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway: Simulator = await simulator("21.44")
    entry = entry_for(gateway, serial="TG000000000000")
    entry.add_to_hass(hass)
    flow = await entry.start_reauth_flow(hass)
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert_form(flow, "reauth_confirm", {"base": "wrong_serial"})
    assert gateway.tokens == {}


async def test_forgotten_login_stays_forgotten_when_the_entry_stores_something_else(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    loaded = entry.runtime_data.control.off_grid._store
    await loaded.async_set_login({"failures": 3, "session": None})
    await async_forget_login(hass, entry.entry_id)
    await loaded.async_set_return_charge(None)  # it writes all of the file
    stored = EntryStore(hass, entry.entry_id)
    await stored.async_load()
    assert stored.login == {}


async def test_forgotten_login_stays_forgotten_when_a_poll_ends_before_the_reload(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    entry = await set_up(await simulator("21.44"))
    memory = await async_get_store(hass, entry.entry_id)
    assert memory.login.get("firmware")
    await async_forget_login(hass, entry.entry_id)
    await poll(hass, entry, "settings")
    assert memory.login == {}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert memory.login.get("firmware")
