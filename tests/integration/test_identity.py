"""Detect another gateway by its certificate, its serial number, and its Powerwalls."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.powerwall_gateway import config_flow
from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_SAME_POWERWALLS,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.powerwall_gateway.repairs import async_create_fix_flow
from custom_components.powerwall_gateway.storage import EntryStore
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.dt import utcnow
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.config_flow_steps import assert_abort, confirm, go_on, login, start, typed
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of
from .test_reconfigure import NEW, OTHER_PACKS, is_carried_over, registered, replaced


async def restart(gateway: Simulator, *, certificate: bool | None = None) -> None:
    """Cut every connection and listen again: with another certificate if True, with the first one again if False."""
    async with gateway.unreachable():
        if certificate:
            gateway.renew_certificate()
        elif certificate is False:
            gateway.restore_certificate()
    gateway.requests.clear()


async def retry(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Let the time pass until Home Assistant tries to set up again, and wait for what comes of it."""
    async_fire_time_changed(hass, utcnow() + timedelta(minutes=10))
    async with entry.setup_lock:  # which the retry has until it is over
        await hass.async_block_till_done()


def certificate_issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the repair that asks about the certificate."""
    return ir.async_get(hass).async_get_issue(DOMAIN, f"certificate_changed_{entry.entry_id}")


# -- the certificate ---------------------------------------------------------------------------------------------------


async def test_changed_certificate_stops_the_entry(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    old, logins = gateway.fingerprint, gateway.logins
    await restart(gateway, certificate=True)
    await poll(hass, entry, "live")
    assert entry.state.name == "SETUP_RETRY"
    assert entry.error_reason_translation_key == "certificate_changed"
    assert (gateway.requests, gateway.logins) == ([], logins)
    issue = certificate_issue(hass, entry)
    assert issue is not None
    assert old
    assert gateway.fingerprint
    assert issue.is_fixable
    assert issue.translation_placeholders == {
        "name": entry.title,
        "old": old.hex(":").upper(),
        "new": gateway.fingerprint.hex(":").upper(),
    }


async def test_certificate_repair_can_be_refused_and_accepted(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_client: ClientSessionGenerator
) -> None:
    await async_setup_component(hass, "repairs", {})
    client = await hass_client()

    async def choose(choice: str) -> Any:
        form = {"handler": DOMAIN, "issue_id": f"certificate_changed_{entry.entry_id}"}
        menu = await (await client.post("/api/repairs/issues/fix", json=form)).json()
        assert (menu["type"], menu["menu_options"]) == ("menu", ["accept", "refuse"])
        path = f"/api/repairs/issues/fix/{menu['flow_id']}"
        return await (await client.post(path, json={"next_step_id": choice})).json()

    gateway = await simulator("21.44")
    entry = await set_up(gateway, fingerprint="00" * 32)
    assert certificate_issue(hass, entry)
    assert (await choose("refuse"))["reason"] == "refused"
    assert certificate_issue(hass, entry)
    assert gateway.requests == []
    assert (await choose("accept"))["type"] == "create_entry"
    await hass.async_block_till_done()
    assert gateway.fingerprint
    assert entry.data[CONF_FINGERPRINT] == gateway.fingerprint.hex()
    assert entry.state.name == "LOADED"
    assert certificate_issue(hass, entry) is None


class Repair:
    """A person at the repair that asks about the certificate."""

    def __init__(self, hass: HomeAssistant, client: TestClient[Any, Any], entry: MockConfigEntry) -> None:
        self._hass = hass
        self._client = client
        self._start = {"handler": DOMAIN, "issue_id": f"certificate_changed_{entry.entry_id}"}
        self.shown: Any = None

    async def accept(self) -> Any:
        """Open it, and choose to trust the new certificate."""
        self.shown = await (await self._client.post("/api/repairs/issues/fix", json=self._start)).json()
        return await self.send({"next_step_id": "accept"})

    async def send(self, form: dict[str, Any]) -> Any:
        """Send a form, and let what follows be done."""
        path = f"/api/repairs/issues/fix/{self.shown['flow_id']}"
        self.shown = await (await self._client.post(path, json=form)).json()
        await self._hass.async_block_till_done()
        return self.shown


@pytest.fixture
async def repair(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Callable[[MockConfigEntry], Repair]:
    """Return the page of a repair."""
    await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    return lambda entry: Repair(hass, client, entry)


async def test_certificate_of_replaced_gateway_carries_history_over(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, repair: Callable[[MockConfigEntry], Repair]
) -> None:
    new, entry, before = await replaced(hass, simulator, set_up, "21.44")
    old = entry.data[CONF_SERIAL]
    page = repair(entry)
    form = await page.accept()
    assert (form["type"], form["step_id"]) == ("form", "replaced")
    assert (form["description_placeholders"]["former"], form["description_placeholders"]["serial"]) == (old, NEW)
    form = await page.send({CONF_SAME_POWERWALLS: False})
    assert form["errors"] == {CONF_SAME_POWERWALLS: "not_the_same"}
    assert registered(hass, entry) == before
    assert [request.path for request in new.requests] == ["status"]  # no password, and nothing else
    assert (await page.send({CONF_SAME_POWERWALLS: True}))["type"] == "create_entry"
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert not [request for request in new.requests if request.path == "login/Basic"]  # nor the old password later
    assert_abort(await go_on(hass, flow, {CONF_PASSWORD: new.password}), "reauth_successful")
    is_carried_over(hass, entry, before, old)
    assert certificate_issue(hass, entry) is None


async def test_certificate_of_gateway_that_is_set_up_already_is_not_trusted(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, repair: Callable[[MockConfigEntry], Repair]
) -> None:
    _, entry, before = await replaced(hass, simulator, set_up, "21.44")
    data = dict(entry.data)
    MockConfigEntry(domain=DOMAIN, unique_id=NEW, disabled_by=ConfigEntryDisabler.USER).add_to_hass(hass)
    assert (await repair(entry).accept())["reason"] == "already_configured"
    assert (entry.data, registered(hass, entry)) == (data, before)
    assert certificate_issue(hass, entry)


async def test_certificate_of_gateway_with_other_powerwalls_is_not_trusted(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, repair: Callable[[MockConfigEntry], Repair]
) -> None:
    new, entry, _ = await replaced(hass, simulator, set_up, "1.50.1")
    new.overrides["powerwalls"] = OTHER_PACKS
    data = dict(entry.data)
    assert (await repair(entry).accept())["reason"] == "another_gateway"
    assert entry.data == data
    assert new.logins == 0


async def test_certificate_repair_works_without_a_gateway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, repair: Callable[[MockConfigEntry], Repair]
) -> None:
    new, entry, _ = await replaced(hass, simulator, set_up, "pw3")
    await new.stop()
    assert (await repair(entry).accept())["type"] == "create_entry"
    assert new.fingerprint
    assert entry.data[CONF_FINGERPRINT] == new.fingerprint.hex()


async def test_certificate_repair_shows_progress(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    repair: Callable[[MockConfigEntry], Repair],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config_flow, "SHOWN_AFTER", 0.0)
    _, entry, _ = await replaced(hass, simulator, set_up, "21.44")
    page = repair(entry)
    shown = await page.accept()
    assert (shown["type"], shown["progress_action"]) == ("progress", "looking")
    assert (await page.send({}))["step_id"] == "replaced"


async def test_certificate_repair_of_a_removed_entry_aborts(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    repair: Callable[[MockConfigEntry], Repair],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config_flow, "SHOWN_AFTER", 0.0)
    _, entry, _ = await replaced(hass, simulator, set_up, "21.44")
    page = repair(entry)
    assert (await page.accept())["type"] == "progress"
    await hass.config_entries.async_remove(entry.entry_id)
    assert (await page.send({}))["reason"] == "not_loaded"


async def test_certificate_repair_accepts_only_the_shown_certificate(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, fingerprint="00" * 32)
    issue = certificate_issue(hass, entry)
    assert issue
    data = {"entry_id": entry.entry_id, "key": "certificate_changed"}
    flow: Any = await async_create_fix_flow(hass, issue.issue_id, data)
    flow.hass, flow.issue_id, flow.flow_id, flow.handler = hass, issue.issue_id, "1", DOMAIN
    await flow.async_step_init()
    shown = gateway.fingerprint
    await restart(gateway, certificate=True)
    await flow.async_step_accept()
    await hass.async_block_till_done()
    assert shown
    assert entry.data[CONF_FINGERPRINT] == shown.hex()
    assert entry.state.name == "SETUP_RETRY"
    assert gateway.requests == []


@pytest.mark.parametrize("firmware", ["1.50.1", "21.44", "pw3"])
async def test_entry_recovers_if_the_certificate_returns(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    logins = gateway.logins
    await restart(gateway, certificate=True)
    await poll(hass, entry, "live")
    for _ in range(3):
        assert entry.state.name == "SETUP_RETRY"
        assert certificate_issue(hass, entry)
        await retry(hass, entry)
    assert (gateway.requests, gateway.logins) == ([], logins)  # nothing but handshakes
    await restart(gateway, certificate=False)
    await retry(hass, entry)
    assert entry.state.name == "LOADED"
    assert certificate_issue(hass, entry) is None
    assert state_of(hass, gateway, "sensor", "charge") not in {None, "unavailable"}


async def test_removed_entry_has_no_certificate_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, fingerprint="00" * 32)
    assert certificate_issue(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    assert certificate_issue(hass, entry) is None


# -- identity check ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_identity_is_checked_on_a_new_connection(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    await poll(hass, entry, "live")
    identity_path = "powerwalls" if firmware == "1.15.0" else "status"
    gateway.requests.clear()
    await poll(hass, entry, "live")
    assert identity_path not in [request.path for request in gateway.requests]
    await restart(gateway)
    await poll(hass, entry, "live")
    assert [request.path for request in gateway.requests].count(identity_path) == 1
    assert entry.state.name == "LOADED"


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_another_gateway_at_the_address_stops_the_entry(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    seen = state_of(hass, gateway, "sensor", "solar_energy")
    serial, logins = gateway.serial, gateway.logins
    gateway.home.advance(3600)
    if firmware == "1.15.0":
        gateway.overrides["powerwalls"] = OTHER_PACKS
    else:
        gateway.serial = "TG9999990000B1"
    states: list[str | None] = []
    hass.bus.async_listen(
        "state_changed",
        lambda event: (
            states.append(event.data["new_state"] and event.data["new_state"].state)
            if event.data["entity_id"].endswith("solar_production")
            else None
        ),
    )
    await restart(gateway)
    await poll(hass, entry, "live")
    for _ in range(3):
        assert entry.state.name == "SETUP_RETRY"
        assert entry.error_reason_translation_key == "another_gateway"
        gateway.requests.clear()
        await retry(hass, entry)
    reads = {"status"} | ({"powerwalls"} if firmware == "1.15.0" else set())
    assert {request.path for request in gateway.requests} == reads  # just enough to see who it is
    assert gateway.logins == logins
    assert {value for value in states if value} <= {seen, "unavailable"}  # nothing of the other one's was taken
    gateway.serial = serial
    gateway.overrides.clear()
    await retry(hass, entry)
    assert entry.state.name == "LOADED"


@pytest.mark.parametrize("status", [{"version": "21.44 223a56cd"}, None], ids=["newer firmware", "no status"])
async def test_unknown_device_without_encryption_gets_no_password(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None, status: dict[str, str] | None
) -> None:
    """A login would send the password that is made of the serial, readable for everyone on the network."""
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    await hass.config_entries.async_unload(entry.entry_id)
    logins = gateway.logins
    for path in ("config", "powerwalls"):
        gateway.faults.add(path, status=403)
    if status:
        gateway.overrides["status"] = status
    else:
        gateway.faults.add("status", status=404)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state.name == "SETUP_RETRY"
    assert entry.error_reason_translation_key == "another_gateway"
    assert gateway.logins == logins
    gateway.overrides.clear()
    gateway.faults.clear()
    await retry(hass, entry)
    assert entry.state.name == "LOADED"


async def test_another_gateway_of_1_15_is_refused_after_a_restart(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    assert await hass.config_entries.async_unload(entry.entry_id)
    gateway.overrides["powerwalls"] = OTHER_PACKS
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "another_gateway"


async def test_added_powerwall_becomes_part_of_the_identity(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    gateway.home.add_pack()
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state.name == "LOADED"
    memory = EntryStore(hass, entry.entry_id)
    await memory.async_load()
    assert set(memory.packs) == set(gateway.gateway.pack_serials)


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44", "pw3"])
async def test_two_gateways_are_independent(hass: HomeAssistant, simulator: StartSimulator, firmware: str) -> None:
    for gateway in (await simulator(firmware), await simulator(firmware, serial="TG9999990000B1")):
        flow = await go_on(hass, await start(hass), typed(gateway))
        if firmware == "1.15.0":
            flow = await go_on(hass, flow, {"allow_control": False})
        else:
            flow = await confirm(hass, await go_on(hass, flow, login(gateway.password)))
        await hass.async_block_till_done()
        assert flow["result"].state.name == "LOADED"
        assert state_of(hass, gateway, "sensor", "charge") not in {None, "unavailable"}
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


@pytest.mark.parametrize("firmware", ["1.15.0", "pw3"])
async def test_gateway_without_an_identity_is_added_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    await set_up(gateway)
    assert_abort(await go_on(hass, await start(hass), typed(gateway, serial="TG9999990000B1")), "already_configured")


async def test_powerwall_3_gets_no_request_for_missing_endpoints(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("pw3")
    entry = await set_up(gateway)
    await restart(gateway)
    await poll(hass, entry, "live")
    assert not {"status", "config", "powerwalls"} & {request.path for request in gateway.requests}
    assert entry.state.name == "LOADED"
