"""Add a signing key: register it, confirm it, and use it."""

from base64 import b64encode
from hashlib import sha256
import json
import logging
import sys
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.powerwall_gateway import config_flow, diagnostics, signing_key, storage
from custom_components.powerwall_gateway.const import CONF_AT_GATEWAY, DOMAIN
from custom_components.powerwall_gateway.gateway.signed.client import PATH
from custom_components.powerwall_gateway.gateway.signed.keys import public_part
from custom_components.powerwall_gateway.storage import async_get_store
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from simulator import Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.integration.config_flow_steps import assert_abort, assert_form, go_on, typed
from tests.signing_keys import SIGNED, pair, pem, public_key

from .conftest import SetUp, state_of
from .signing import ALLOWED, Owner, feeding, keep_key

pytestmark = pytest.mark.usefixtures("quick_signing")


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests, with a battery that supplies the home."""
    return await feeding(simulator, request.param)


# -- the form ----------------------------------------------------------------------------------------------------------


async def test_pairing_accepts_a_key_of_another_tool(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "select", "operation_mode") is None
    owner = Owner(hass, entry)
    await owner.paste(pem())
    assert owner.is_done
    assert entry.options == ALLOWED
    assert entry.state.name == "LOADED"
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"
    assert float(state_of(hass, gateway, "number", "backup_reserve") or 0) == pytest.approx(20)
    assert gateway.logins == 1


async def test_pairing_creates_and_confirms_a_new_key(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = await start(simulator, "pw3")
    monkeypatch.setattr(config_flow, "make_key", pem)  # a real one takes seconds
    owner = Owner(hass, await set_up(gateway, options=ALLOWED))
    await owner.open("pairing", "make_key")
    assert (owner.shown["step_id"], owner.error) == ("register_key", None)
    assert owner.shown["description_placeholders"]["public_key"] == public_part(pem())
    await owner.submit({})
    assert (owner.shown["step_id"], owner.error) == ("check_key", "key_unknown")
    assert "public_key" not in owner.shown["description_placeholders"]  # the error is not shown below a long key
    await owner.open("pairing", "register_key")
    assert owner.shown["description_placeholders"]["public_key"] == public_part(pem())
    await owner.submit({})
    gateway.gateway.keyring.register(public_key())
    await owner.submit({})
    assert owner.error == "key_unconfirmed"
    gateway.flip_switch()
    await owner.submit({})
    assert owner.is_done
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"


@pytest.mark.parametrize("way", ["make_key", "paste_key"])
async def test_pairing_does_not_use_a_key_that_cannot_be_stored(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    pair(gateway)
    monkeypatch.setattr(config_flow, "make_key", pem)
    owner = Owner(hass, await set_up(gateway))
    with patch.object(Store, "_async_write_data", side_effect=WriteError("No space left on device")):
        if way == "make_key":
            await owner.open("pairing", way)
        else:
            await owner.paste(pem())
    assert (owner.shown["type"], owner.shown["reason"]) == (FlowResultType.ABORT, "key_not_kept")
    assert state_of(hass, gateway, "select", "operation_mode") is None


async def test_pairing_registers_an_expired_key_again(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start(simulator, "pw3")
    gateway.gateway.keyring.register(public_key())
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(pem())
    assert owner.error == "key_unconfirmed"
    monkeypatch.setattr(signing_key, "WINDOW", -1.0)
    await owner.submit({})
    assert owner.error == "key_expired"
    await owner.submit({})
    assert owner.error == "key_unconfirmed"  # it may have been registered again


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, "busy"),
        ({"status": 404}, "nothing_signed"),
        ({"drop": True}, "cannot_connect"),
        ({"status": 200, "body": b"<html>"}, "unexpected_answer"),
    ],
)
async def test_pairing_shows_the_reason_of_each_fault_and_recovers(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, fault: dict[str, Any], error: str
) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    owner = Owner(hass, await set_up(gateway))
    gateway.faults.add(PATH, **fault)
    await owner.paste(pem())
    assert owner.error == error
    gateway.faults.clear()
    await owner.submit({})
    assert owner.is_done


async def test_pairing_fails_if_the_clocks_differ(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    gateway.gateway.clock_ahead = 60.0
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(pem())
    assert owner.error == "clocks_differ"


async def test_pairing_rejects_an_invalid_key(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(b"no key")
    assert (owner.shown["step_id"], owner.error) == ("paste_key", "invalid_key")
    assert not (await async_get_store(hass, owner.entry.entry_id)).private_key


async def test_pairing_removes_the_key(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.runtime_data.control.can_set_operation
    owner = Owner(hass, entry)
    await owner.open("pairing", "remove_key")
    await owner.submit({})
    assert owner.is_done
    assert not entry.runtime_data.control.can_set_operation
    assert state_of(hass, gateway, "select", "operation_mode") is None
    assert not (await async_get_store(hass, entry.entry_id)).private_key
    await owner.open("pairing")
    assert owner.shown["menu_options"] == ["make_key", "paste_key"]


async def test_known_keys_are_listed_in_short(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    pair(gateway, 1)
    gateway.gateway.keyring.register(public_key(1), "Phone [x](http://evil.test)\n# " + 99 * "y")
    gateway.gateway.keyring.register(public_key(2), "pypowerwall")
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    owner = Owner(hass, entry)
    await owner.open("pairing", "known_keys")
    assert (owner.shown["step_id"], owner.error) == ("known_keys", None)
    shown = owner.shown["description_placeholders"]
    own, phone, tool = (sha256(b64encode(public_key(number))).hexdigest()[:8] for number in range(3))
    assert shown["own_key"] == f"`{own}` Home Assistant"
    assert shown["confirmed_keys"].startswith(rf"`{phone}` Phone \[x\]\(http\:\/\/evil\.test\)")
    assert len(shown["confirmed_keys"]) < 100
    assert shown["confirmed_keys"].isprintable()
    assert shown["other_keys"] == f"`{tool}` pypowerwall"
    assert not any(b64encode(public_key(number)).decode() in str(shown) for number in range(3))
    await owner.submit({})
    assert owner.shown["step_id"] == "pairing"


async def test_known_keys_of_firmware_that_lists_none(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    gateway.gateway.keyring.unsupported.add("list_authorized_clients_request")
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    owner = Owner(hass, entry)
    await owner.open("pairing", "known_keys")
    assert (owner.shown["type"], owner.shown["reason"]) == (FlowResultType.ABORT, "keys_not_listed")


async def test_known_keys_of_a_rejected_key_show_what_is_missing(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    owner = Owner(hass, entry)
    await owner.open("pairing", "known_keys")
    assert (owner.shown["step_id"], owner.error) == ("check_key", "key_unknown")


async def test_pairing_removes_the_key_from_the_gateway(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    pair(gateway, 1)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    owner = Owner(hass, entry)
    await owner.open("pairing", "remove_key")
    await owner.submit({CONF_AT_GATEWAY: True})
    assert owner.is_done
    assert [key.public_key for key in gateway.gateway.keyring.keys] == [public_key(1)]
    assert not (await async_get_store(hass, entry.entry_id)).private_key
    assert [issue.translation_key for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN] == []


async def test_key_that_the_gateway_keeps_is_not_deleted(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    gateway.gateway.keyring.unsupported.add("remove_authorized_client_request")
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    owner = Owner(hass, entry)
    await owner.open("pairing", "remove_key")
    await owner.submit({CONF_AT_GATEWAY: True})
    assert (owner.shown["step_id"], owner.error) == ("remove_key", "key_not_removed")
    assert (await async_get_store(hass, entry.entry_id)).private_key == pem()
    gateway.gateway.keyring.forget(public_key())
    gateway.gateway.keyring.register(public_key())
    await owner.submit({CONF_AT_GATEWAY: True})
    assert owner.error == "key_unconfirmed"
    await owner.submit({CONF_AT_GATEWAY: False})
    assert owner.is_done


async def test_options_without_signed_requests_have_no_pairing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    owner = Owner(hass, await set_up(await simulator("21.44")))
    await owner.open()
    assert (owner.shown["type"], owner.shown["step_id"]) == (FlowResultType.FORM, "settings")


async def test_reconfigure_with_a_key_requires_only_the_address(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    entry = await set_up(gateway, host=f"localhost:{gateway.port}")
    flow = await entry.start_reconfigure_flow(hass)
    assert_form(flow, "reconfigure")
    assert_form(await go_on(hass, flow, typed(gateway)), "reconfigure_confirm")
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"


async def test_options_send_no_request_if_a_login_stops_the_powerwall(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    owner = Owner(hass, await set_up(gateway))
    before = len(gateway.requests)
    await owner.open()
    assert owner.shown["step_id"] == "settings"
    assert "/tedapi/din" not in [request.path for request in gateway.requests[before:]]


async def test_pairing_requires_a_loaded_entry(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    owner = Owner(hass, entry)
    await owner.open("pairing", "register_key")
    await owner.submit({})
    assert (owner.shown["type"], owner.shown["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def test_options_have_no_pairing_while_the_entry_is_not_loaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3")
    entry = await set_up(gateway)
    await hass.config_entries.async_unload(entry.entry_id)
    owner = Owner(hass, entry)
    await owner.open()
    assert owner.shown["type"] is FlowResultType.FORM


async def test_changed_library_only_disables_signed_requests(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("aiopowerwall.PowerwallFaultError")
    monkeypatch.delitem(sys.modules, "custom_components.powerwall_gateway.gateway.signed.client")
    gateway = await start(simulator, "pw3")
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.state.name == "LOADED"
    assert not entry.runtime_data.control.can_set_operation


async def test_missing_library_only_disables_signed_requests(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_key, "SIGNED_REQUIREMENT", "aiopowerwall>=99")
    monkeypatch.setattr("homeassistant.util.package.install_package", lambda *_, **__: False)
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.state.name == "LOADED"
    assert not entry.runtime_data.control.can_set_operation
    owner = Owner(hass, entry)
    await owner.open("pairing", "register_key")
    await owner.submit({})
    assert owner.error == "library_missing"


# -- where it is kept --------------------------------------------------------------------------------------------------


async def test_key_is_only_in_private_storage(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    simulator: StartSimulator,
    set_up: SetUp,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private: list[bool] = []

    def store(*where: Any, **how: Any) -> Store[Any]:
        private.append(how["private"])
        return Store(*where, **how)

    monkeypatch.setattr(storage, "Store", store)
    caplog.set_level(logging.DEBUG)
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway)
    owner = Owner(hass, entry)
    await owner.paste(pem())
    assert _kept_in(hass_storage) == [f"{DOMAIN}.{entry.entry_id}"]
    assert private
    assert all(private)
    data = json.dumps(await diagnostics.async_get_config_entry_diagnostics(hass, entry), default=str)
    # Records of the test harness about its storage in memory do not count.
    logged = [record.getMessage() for record in caplog.records if "homeassistant_custom_component" not in record.name]
    for secret in _secrets():
        assert secret not in data
        assert secret not in "".join(logged), [r.name for r in caplog.records if secret in r.getMessage()]
    assert json.loads(data)["gateway"]["key"] == {"verified": True, "firmware": "26.26.4"}
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert _kept_in(hass_storage) == []


def _secrets() -> list[str]:
    """Return the lines of the private key without the first and last, which are the same in all keys."""
    return pem().decode().splitlines()[2:-2]


def _kept_in(storage: dict[str, Any]) -> list[str]:
    return [name for name, content in storage.items() if any(secret in str(content) for secret in _secrets())]
