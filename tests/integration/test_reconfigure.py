"""Reconfigure an entry: address, certificate, password, and a serial number that was entered wrong."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_SAME_POWERWALLS,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.powerwall_gateway.device_ids import async_migrate_serial
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.config_flow_steps import assert_abort, assert_form, go_on, suggested, typed
from tests.integration.control import logged_in, wait_until_idle

from .conftest import SetUp, entry_for, state_of

WRONG = "TG000000000000"
NEW = "TG9999990000B1"
OTHER_PACKS = {"powerwalls": [{"PackagePartNumber": "1092170-03-E", "PackageSerialNumber": "TG9990000000Z1"}]}


type Registered = tuple[dict[str, str], dict[str, str]]


async def begin(hass: HomeAssistant, entry: MockConfigEntry, user_input: dict[str, Any]) -> Any:
    """Open the form and send it."""
    flow = await entry.start_reconfigure_flow(hass)
    assert_form(flow, "reconfigure")
    assert suggested(flow) == {CONF_HOST: entry.data[CONF_HOST], CONF_SERIAL: entry.data[CONF_SERIAL]}
    return await go_on(hass, flow, user_input)


async def test_reconfigure_changes_the_address_on_1_15(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, host=f"localhost:{gateway.port}")
    assert_abort(await begin(hass, entry, typed(gateway)), "reconfigure_successful")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"
    assert entry.state.name == "LOADED"
    assert gateway.logins == 0


async def test_reconfigure_changes_the_address_and_keeps_the_password(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, host=f"localhost:{gateway.port}")
    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "reconfigure_confirm")
    shown = flow["description_placeholders"]
    assert shown["fingerprint"] == shown["trusted"]
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"
    assert entry.data[CONF_PASSWORD] == gateway.password
    assert entry.state.name == "LOADED"


async def test_reconfigure_changes_certificate_and_password(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    old = "00" * 32
    entry = await set_up(gateway, fingerprint=old, password="old")
    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "reconfigure_confirm")
    assert gateway.fingerprint
    shown = flow["description_placeholders"]
    assert (shown["fingerprint"], shown["trusted"]) == (
        gateway.fingerprint.hex(":").upper(),
        bytes.fromhex(old).hex(":"),
    )
    assert gateway.logins == 0
    flow = await go_on(hass, flow, {CONF_PASSWORD: "wrong"})
    assert_form(flow, "reconfigure_confirm", {CONF_PASSWORD: "invalid_auth"})
    assert_abort(await go_on(hass, flow, {CONF_PASSWORD: gateway.password}), "reconfigure_successful")
    assert entry.data[CONF_FINGERPRINT] == gateway.fingerprint.hex()
    assert entry.data[CONF_PASSWORD] == gateway.password
    assert entry.state.name == "LOADED"


async def test_reconfigure_changes_the_certificate_without_a_password(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.50.1")
    entry = await set_up(gateway, fingerprint="00" * 32)
    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "reconfigure_confirm")
    assert flow["data_schema"].schema == {}
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    assert entry.state.name == "LOADED"
    assert gateway.logins == 0


async def test_reconfigure_adds_a_password_that_new_firmware_requires(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, scheme="http", fingerprint=None, password=None)
    entry.add_to_hass(hass)
    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "reconfigure_confirm")
    flow = await go_on(hass, flow, {})
    assert_form(flow, "reconfigure_confirm", {CONF_PASSWORD: "password_missing"})
    assert_abort(await go_on(hass, flow, {CONF_PASSWORD: gateway.password}), "reconfigure_successful")
    assert entry.state.name == "LOADED"


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_reconfigure_recovers_from_a_wrong_address(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, unused_tcp_port: int, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    flow = await begin(hass, entry, typed(gateway, host=f"127.0.0.1:{unused_tcp_port}"))
    assert_form(flow, "reconfigure", {CONF_HOST: "cannot_connect"})
    flow = await go_on(hass, flow, typed(gateway))
    if firmware != "1.15.0":
        flow = await go_on(hass, flow, {})
    assert_abort(flow, "reconfigure_successful")


# -- another gateway ---------------------------------------------------------------------------------------------------


async def test_reconfigure_rejects_another_gateway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway, other = await simulator("21.44"), await simulator("21.44", serial=NEW)
    entry = await set_up(gateway)
    flow = await begin(hass, entry, typed(other, serial=gateway.serial))
    assert_form(flow, "reconfigure", {CONF_SERIAL: "wrong_serial"})
    assert other.logins == 0
    flow = await go_on(hass, flow, typed(gateway))
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")


async def test_reconfigure_rejects_another_gateway_after_the_login(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway, other = await simulator("21.44"), await simulator("21.44", serial="TG9999990000B1")
    other.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    entry = await set_up(gateway)
    flow = await begin(hass, entry, typed(other, serial=gateway.serial))
    assert_form(flow, "reconfigure_confirm")
    flow = await go_on(hass, flow, {CONF_PASSWORD: other.password})
    assert_form(flow, "reconfigure", {CONF_SERIAL: "wrong_serial"})
    assert other.tokens == {}


async def test_reconfigure_rejects_a_gateway_with_other_powerwalls(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    gateway.overrides["powerwalls"] = OTHER_PACKS
    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "reconfigure", {CONF_HOST: "another_gateway"})
    del gateway.overrides["powerwalls"]
    assert_abort(await go_on(hass, flow, typed(gateway)), "reconfigure_successful")


async def test_reconfigure_rejects_the_serial_of_another_entry(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway, other = await simulator("1.15.0"), await simulator("21.44")
    entry_for(other).add_to_hass(hass)
    entry = await set_up(gateway)
    assert_abort(await begin(hass, entry, typed(gateway, serial=other.serial)), "already_configured")


async def test_reconfigure_rejects_a_gateway_without_encryption(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.50.1")
    entry = await set_up(gateway)
    other = await simulator("1.15.0", serial=gateway.serial)
    flow = await begin(hass, entry, typed(other))
    assert_form(flow, "reconfigure", {CONF_HOST: "not_encrypted"})


# -- a serial that was typed wrong -------------------------------------------------------------------------------------


async def test_reconfigure_corrects_the_serial_and_keeps_everything(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None
) -> None:
    gateway: Simulator = await simulator("1.15.0")
    entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: True}, serial=WRONG)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, unique_id=WRONG)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    issue_id = f"installer_login_refused_{entry.entry_id}"
    gateway.faults.add("login/Basic", status=401)  # the simulated 1.15 accepts any password, which a real one may not
    grid = entry.runtime_data.grid
    await grid.async_refresh()
    await until(lambda: grid.connected_for() > 0.02)
    await grid.async_refresh()
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    await wait_until_idle(hass, entry)
    gateway.faults.clear()

    entities, devices = er.async_get(hass), dr.async_get(hass)
    before = {
        entity.entity_id: entity.unique_id for entity in er.async_entries_for_config_entry(entities, entry.entry_id)
    }
    ids = {device.id for device in dr.async_entries_for_config_entry(devices, entry.entry_id)}
    assert all(unique_id.startswith(f"{WRONG}_") for unique_id in before.values())
    entities.async_update_entity(next(iter(before)), name="Mine")

    flow = await begin(hass, entry, typed(gateway))
    assert_form(flow, "replaced")
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    assert (entry.unique_id, entry.data[CONF_SERIAL], entry.state.name) == (gateway.serial, gateway.serial, "LOADED")
    after = {
        entity.entity_id: entity.unique_id for entity in er.async_entries_for_config_entry(entities, entry.entry_id)
    }
    assert {name: after.get(name) for name in before} == {
        name: unique_id.replace(WRONG, gateway.serial) for name, unique_id in before.items()
    }
    assert {device.id for device in dr.async_entries_for_config_entry(devices, entry.entry_id)} == ids
    device = devices.async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device is not None
    assert device.serial_number == gateway.serial
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
    await logged_in(hass, entry)
    assert state_of(hass, gateway, "select", "operation_mode") not in {None, "unavailable"}
    assert gateway.running


# -- a gateway that was replaced ---------------------------------------------------------------------------------------


async def replaced(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> tuple[Simulator, MockConfigEntry, Registered]:
    """Set up a gateway, and replace it with another one with the same Powerwalls. Return the registered ids, too."""
    gateway: Simulator = await simulator(firmware)
    entry = await set_up(gateway)
    await hass.async_block_till_done()
    before = registered(hass, entry)
    port = gateway.port
    await gateway.stop()
    new: Simulator = await simulator(firmware, serial=NEW)
    await new.stop()
    await new.start(port)
    hass.config_entries.async_schedule_reload(entry.entry_id)
    await hass.async_block_till_done()
    if firmware != "1.15.0":  # which has neither a certificate nor a serial number that anyone can read
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert new.logins == 0
    return new, entry, before


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> Registered:
    """Return the unique ids and device identifiers of an entry by entity id and device id."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return (
        {entity.entity_id: entity.unique_id for entity in entities},
        {device.id: next(iter(device.identifiers))[1] for device in devices},
    )


def is_carried_over(hass: HomeAssistant, entry: MockConfigEntry, before: Registered, old: str) -> None:
    """Check that everything continues under the new serial number."""
    assert (entry.state.name, entry.unique_id, entry.data[CONF_SERIAL]) == ("LOADED", NEW, NEW)
    for ids, present in zip(before, registered(hass, entry), strict=True):
        assert ids
        assert ids.items() <= {key: known.replace(NEW, old, 1) for key, known in present.items()}.items()
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    unavailable = {state.entity_id for state in hass.states.async_all() if state.state == "unavailable"}
    assert not unavailable & set(before[0])


@pytest.mark.parametrize("firmware", ["21.44", "pw3"])
async def test_replaced_gateway_with_same_powerwalls_keeps_history(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    new, entry, before = await replaced(hass, simulator, set_up, firmware)
    old = entry.data[CONF_SERIAL]
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_MAC: "3c:2a:f4:00:01:02"})
    flow = await begin(hass, entry, typed(new))
    assert_form(flow, "reconfigure_confirm")
    logins = new.logins
    flow = await go_on(hass, flow, {})  # the stored password is the old gateway's
    assert_form(flow, "reconfigure_confirm", {CONF_PASSWORD: "password_missing"})
    assert new.logins == logins
    flow = await go_on(hass, flow, {CONF_PASSWORD: new.password})
    if firmware == "pw3":  # it reports neither its serial number nor its Powerwalls
        assert_form(flow, "replaced_unsure")
        flow = await go_on(hass, flow, {CONF_SAME_POWERWALLS: False})
        assert_form(flow, "replaced_unsure", {CONF_SAME_POWERWALLS: "not_the_same"})
        assert (entry.unique_id, entry.data[CONF_SERIAL]) == (old, old)
        flow = await go_on(hass, flow, {CONF_SAME_POWERWALLS: True})
    else:
        assert_form(flow, "replaced")
        shown = flow["description_placeholders"]
        assert (shown["former"], shown["serial"]) == (old, NEW)
        assert (entry.unique_id, entry.data[CONF_SERIAL]) == (old, old)
        flow = await go_on(hass, flow, {})
    assert_abort(flow, "reconfigure_successful")
    is_carried_over(hass, entry, before, old)
    assert entry.data[CONF_MAC] is None
    assert entry.data[CONF_PASSWORD] == new.password


async def test_replaced_gateway_changes_nothing_if_the_entry_cannot_be_unloaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway: Simulator = await simulator("1.15.0")
    entry = await set_up(gateway)
    await hass.async_block_till_done()
    before, data = registered(hass, entry), dict(entry.data)

    async def fail(*_: Any) -> bool:
        return False

    monkeypatch.setattr(hass.config_entries, "async_unload_platforms", fail)
    for _ in range(2):  # the state after the first try cannot be left without a restart
        flow = await begin(hass, entry, typed(gateway, serial=NEW))
        assert_form(flow, "replaced")
        assert_abort(await go_on(hass, flow, {}), "unload_failed")
        assert entry.state is ConfigEntryState.FAILED_UNLOAD
        assert (entry.data, entry.unique_id, registered(hass, entry)) == (data, gateway.serial, before)


async def test_replaced_gateway_that_was_discovered_or_ignored_keeps_history(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    new, entry, before = await replaced(hass, simulator, set_up, "1.15.0")
    old = entry.data[CONF_SERIAL]
    data = {"unique_id": NEW, "title": "Gateway"}
    await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=data)
    flow = await begin(hass, entry, typed(new))
    assert_form(flow, "replaced")
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    is_carried_over(hass, entry, before, old)
    assert new.logins == 0


async def test_replaced_gateway_with_other_powerwalls_is_refused(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    new, entry, before = await replaced(hass, simulator, set_up, "21.44")
    new.overrides["powerwalls"] = OTHER_PACKS
    flow = await begin(hass, entry, typed(new))
    flow = await go_on(hass, flow, {CONF_PASSWORD: new.password})
    assert_form(flow, "reconfigure", {CONF_HOST: "another_gateway"})
    assert registered(hass, entry) == before
    assert new.tokens == {}


async def test_replaced_gateway_that_is_set_up_meanwhile_is_refused(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    new, entry, before = await replaced(hass, simulator, set_up, "1.15.0")
    flow = await begin(hass, entry, typed(new))
    assert_form(flow, "replaced")
    MockConfigEntry(domain=DOMAIN, unique_id=NEW, disabled_by=ConfigEntryDisabler.USER).add_to_hass(hass)
    assert_abort(await go_on(hass, flow, {}), "already_configured")
    assert registered(hass, entry) == before


async def test_wrong_serial_is_corrected_if_the_owner_confirms(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, serial=WRONG)  # never loaded, so its Powerwalls are not known
    assert entry.error_reason_translation_key == "another_gateway"
    hass.config_entries.async_update_entry(entry, unique_id=WRONG)
    flow = await begin(hass, entry, typed(gateway))
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert_form(flow, "replaced_unsure")
    assert_abort(await go_on(hass, flow, {CONF_SAME_POWERWALLS: True}), "reconfigure_successful")
    assert (entry.unique_id, entry.state.name) == (gateway.serial, "LOADED")


def test_rename_keeps_identifiers_of_other_integrations(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    devices = dr.async_get(hass)
    others: set[Any] = {("other", "OLD"), ("another", "OLD", "2")}
    device = devices.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, "OLD"), (DOMAIN, "OLD_meter_1"), *others}
    )
    async_migrate_serial(hass, entry, "OLD", "NEW")
    renamed = devices.async_get(device.id)
    assert renamed
    assert renamed.identifiers == {(DOMAIN, "NEW"), (DOMAIN, "NEW_meter_1"), *others}
