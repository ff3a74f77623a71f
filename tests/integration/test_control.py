"""Set mode and reserve, start and stop through Home Assistant, on firmware of 2018 and of today."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import after_poll
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONFIG_MINOR_VERSION, DOMAIN
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.storage import async_forget_login
from homeassistant.const import CONF_USERNAME, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.conftest import StartSimulator
from tests.helpers import request_count, until
from tests.integration.control import FAST_TIMINGS, call, follows, logged_in, wait_until_idle, writes

from .conftest import Loaded, SetUp, entry_for, state_of

pytestmark = pytest.mark.usefixtures("short_timings")


def shown(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the keys of the issues that are shown."""
    suffix = f"_{entry.entry_id}"
    return {issue_id.removesuffix(suffix) for (domain, issue_id) in ir.async_get(hass).issues if domain == DOMAIN}


# -- consent to control ------------------------------------------------------------------------------------------------


async def test_controls_are_missing_without_consent(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    await entry.runtime_data.grid.async_refresh()
    assert state_of(hass, gateway, "select", "operation_mode") is None
    assert state_of(hass, gateway, "number", "backup_reserve") is None
    assert gateway.logins == 0
    assert shown(hass, entry) == set()


async def test_entry_logs_in_and_restarts_the_powerwall(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", replace(FAST_TIMINGS, connected=60.0))
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    for platform, key in (("select", "operation_mode"), ("number", "backup_reserve")):
        assert state_of(hass, gateway, platform, key) == STATE_UNAVAILABLE
    assert gateway.logins == 0
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", FAST_TIMINGS)
    await logged_in(hass, entry)
    assert gateway.logins == 1
    assert gateway.running
    assert 0 < gateway.stopped_seconds < 3
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"
    assert state_of(hass, gateway, "number", "backup_reserve") == "20.0"
    assert shown(hass, entry) == set()


async def test_entry_does_not_log_in_without_a_grid(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    gateway.home.outage()
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    for _ in range(3):
        await entry.runtime_data.grid.async_refresh()
    assert entry.runtime_data.grid.connected_for() == 0
    await hass.async_block_till_done()
    assert gateway.logins == 0


async def test_entry_restores_its_session(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"
    assert gateway.logins == 1


async def test_lost_session_creates_a_repair_issue(hass: HomeAssistant, old: Loaded, hass_client: Any) -> None:
    gateway, entry = old
    gateway.tokens.clear()
    await entry.runtime_data.settings.async_refresh()
    await entry.runtime_data.grid.async_refresh()
    assert gateway.logins == 1
    assert shown(hass, entry) == {"login_needed"}
    await fix(hass, hass_client, entry, "login_needed")
    await wait_until_idle(hass, entry)
    assert gateway.logins == 2
    await entry.runtime_data.settings.async_refresh()
    assert shown(hass, entry) == set()
    assert gateway.running


async def test_refused_installer_login_creates_a_repair_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("login/Basic", status=401, body=b'{"code":401,"error":"Invalid Credentials"}')
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    watch = entry.runtime_data.grid
    await watch.async_refresh()
    await asyncio.sleep(2 * FAST_TIMINGS.connected)
    await watch.async_refresh()
    await until(lambda: "installer_login_refused" in shown(hass, entry))
    assert gateway.running
    for _ in range(3):
        await watch.async_refresh()
        await wait_until_idle(hass, entry)
    assert gateway.logins == 1


@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_customer_on_later_firmware_has_sensors_only(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware, password="their-own")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call(DOMAIN, "set_operation", {"reserve": 30}, blocking=True)
    assert raised.value.translation_key == "operation_not_allowed"
    for _ in range(2):
        await entry.runtime_data.settings.async_refresh()
        await entry.runtime_data.inventory.async_refresh()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "operation_mode") == "self_consumption"
    assert state_of(hass, gateway, "sensor", "backup_reserve") == "20.0"
    made = {(entity.domain, entity.unique_id) for entity in er.async_get(hass).entities.values()}
    assert ("select", f"{gateway.serial}_operation_mode") not in made
    assert ("number", f"{gateway.serial}_backup_reserve") not in made
    assert shown(hass, entry) == set()
    assert writes(gateway) == []
    assert request_count(gateway, "config/completed") == 0
    assert gateway.stopped_seconds == 0


@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_installer_on_later_firmware_has_controls(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware, password="their-own")
    gateway.flip_switch()
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True}, **{CONF_USERNAME: "installer"})
    await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert follows(gateway) == ("backup", 33.5)
    assert state_of(hass, gateway, "select", "operation_mode") == "backup"
    assert state_of(hass, gateway, "number", "backup_reserve") == "30.0"
    assert state_of(hass, gateway, "sensor", "operation_mode") == "backup"
    assert state_of(hass, gateway, "sensor", "backup_reserve") == "30.0"
    assert shown(hass, entry) == set()
    assert gateway.stopped_seconds == 0


async def allow(hass: HomeAssistant, entry: MockConfigEntry, *, control: bool) -> None:
    """Change the option and reload the entry."""
    hass.config_entries.async_update_entry(entry, options={CONF_ALLOW_CONTROL: control})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


def controls(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, er.RegistryEntry]:
    """Return the registry entries of the controls by platform and key."""
    return {
        f"{entity.domain}.{entity.unique_id.partition('_')[2]}": entity
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if entity.domain in {"button", "number", "select", "switch"}
    }


async def test_control_withdrawn_removes_controls_and_keeps_sensors(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", password="their-own")
    gateway.flip_switch()
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True}, **{CONF_USERNAME: "installer"})
    registry = er.async_get(hass)
    before = controls(hass, entry)
    settable = {"number.backup_reserve", "select.operation_mode", "switch.hold", "switch.off_grid"}
    assert set(before) == {"button.start"} | settable
    registry.async_update_entity(before["number.backup_reserve"].entity_id, new_entity_id="number.kept", name="Kept")
    registry.async_update_entity(
        before["button.start"].entity_id, disabled_by=er.RegistryEntryDisabler.USER, icon="mdi:play"
    )
    await allow(hass, entry, control=False)
    assert controls(hass, entry) == {}
    assert hass.states.get("number.kept") is None
    assert state_of(hass, gateway, "sensor", "operation_mode") == "self_consumption"
    assert state_of(hass, gateway, "sensor", "backup_reserve") == "20.0"
    await allow(hass, entry, control=True)
    after = controls(hass, entry)
    assert set(after) == set(before)
    assert (after["number.backup_reserve"].entity_id, after["number.backup_reserve"].name) == ("number.kept", "Kept")
    assert after["button.start"].disabled_by is er.RegistryEntryDisabler.USER
    assert after["button.start"].icon == "mdi:play"
    assert state_of(hass, gateway, "number", "backup_reserve") == "20.0"
    assert state_of(hass, gateway, "sensor", "backup_reserve") == "20.0"


async def test_login_without_permission_removes_select_and_number(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", password="their-own")
    gateway.flip_switch()
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True}, **{CONF_USERNAME: "installer"})
    await hass.config_entries.async_unload(entry.entry_id)
    await async_forget_login(hass, entry.entry_id)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_USERNAME: "customer"})
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert set(controls(hass, entry)) == {"button.start", "switch.off_grid"}


async def test_unreachable_gateway_keeps_its_controls(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    before = controls(hass, entry)
    assert {"number.backup_reserve", "select.operation_mode"} <= set(before)
    for status in (404, 500):
        gateway.faults.add("operation", status=status)
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        assert set(controls(hass, entry)) == set(before)
        gateway.faults.clear()
    await wait_until_idle(hass, entry)


@pytest.mark.parametrize(
    ("disabled_by", "is_enabled"),
    [(er.RegistryEntryDisabler.INTEGRATION, True), (er.RegistryEntryDisabler.USER, False)],
)
async def test_sensors_disabled_by_an_earlier_version_are_enabled(
    hass: HomeAssistant, simulator: StartSimulator, disabled_by: er.RegistryEntryDisabler, is_enabled: bool
) -> None:
    gateway = await simulator("21.44")
    now = entry_for(gateway)
    before = MockConfigEntry(
        domain=DOMAIN, title=now.title, unique_id=now.unique_id, data=dict(now.data), version=1, minor_version=2
    )
    before.add_to_hass(hass)
    registry = er.async_get(hass)
    for key in ("operation_mode", "backup_reserve"):
        registry.async_get_or_create(
            "sensor", DOMAIN, f"{gateway.serial}_{key}", config_entry=before, disabled_by=disabled_by
        )
    await hass.config_entries.async_setup(before.entry_id)
    await hass.async_block_till_done()
    assert (state_of(hass, gateway, "sensor", "operation_mode") == "self_consumption") is is_enabled
    assert (state_of(hass, gateway, "sensor", "backup_reserve") == "20.0") is is_enabled
    assert before.minor_version == CONFIG_MINOR_VERSION


# -- setting -----------------------------------------------------------------------------------------------------------


async def test_change_shows_the_new_state_at_once(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert follows(gateway) == ("self_consumption", 33.5)
    assert state_of(hass, gateway, "number", "backup_reserve") == "30.0"
    await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    assert follows(gateway) == ("backup", 33.5)
    assert state_of(hass, gateway, "select", "operation_mode") == "backup"
    assert len(writes(gateway)) == request_count(gateway, "config/completed") == 2
    assert gateway.logins == 1


async def test_unchanged_value_is_not_written(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    for _ in range(2):
        await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=20)
    assert len(writes(gateway)) == request_count(gateway, "config/completed") == 1


async def test_stored_uncommitted_mode_is_written_again(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    stored = gateway.gateway.operation
    stored.mode, stored.reserve = "backup", 33.5
    await entry.runtime_data.settings.async_refresh()
    assert state_of(hass, gateway, "select", "operation_mode") == "backup"
    assert follows(gateway) == ("self_consumption", 24)
    await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    assert follows(gateway) == ("backup", 33.5)


async def test_select_shows_a_current_mode_that_cannot_be_set(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    gateway.gateway.operation.mode = "autonomous"
    await entry.runtime_data.settings.async_refresh()
    state = hass.states.get("select.home_energy_gateway_operation_mode")
    assert state
    assert (state.state, state.attributes["options"]) == ("autonomous", ["self_consumption", "backup", "autonomous"])
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, gateway, "select", "operation_mode", "select_option", option="autonomous")
    assert raised.value.translation_key == "mode_not_settable"
    assert "{" not in str(raised.value)
    assert writes(gateway) == []


@pytest.mark.parametrize(
    ("path", "fault", "key"),
    [
        ("operation", {"status": 500, "body": b'{"error":"Cannot Start Wizard"}'}, "operation_refused"),
        ("operation", {"status": 400}, "operation_refused"),
        ("config/completed", {"status": 503}, "operation_stored_only"),
        ("config/completed", {"status": 202, "body": b""}, "operation_not_applied"),
        ("config/completed", {"drop": True}, "operation_unknown"),
        ("sitemaster", {"status": 429}, "gateway_busy"),
    ],
)
async def test_failed_write_raises_the_error_of_each_outcome(
    hass: HomeAssistant,
    old: Loaded,
    path: str,
    fault: dict[str, Any],
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway, entry = old
    monkeypatch.setattr(entry.runtime_data.control._hub.operation, "read_back", Polling(0.01, 0.01, 0.05))
    if key == "operation_not_applied":
        gateway.overrides["operation"] = {"mode": "self_consumption", "backup_reserve_percent": 24}
    else:
        gateway.faults.add(path, method="POST" if path == "operation" else "GET", **fault)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert raised.value.translation_key == key
    assert str(raised.value)


async def test_write_is_refused_while_the_powerwall_is_stopped(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    gateway.running = False
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert raised.value.translation_key == "powerwall_stopped"
    assert writes(gateway) == []


async def test_permanent_refusal_makes_controls_unavailable(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    gateway.faults.add("operation", method="POST", status=404)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=40)
    assert raised.value.translation_key == "operation_not_allowed"
    assert state_of(hass, gateway, "number", "backup_reserve") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "select", "operation_mode") == STATE_UNAVAILABLE
    assert shown(hass, entry) == {"control_refused"}
    gateway.faults.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "number", "backup_reserve") == "30.0"
    assert shown(hass, entry) == set()


# -- starting ----------------------------------------------------------------------------------------------------------


async def fix(hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry, key: str) -> dict[str, Any]:
    """Complete the fix flow of an issue like the frontend."""
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    response = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": f"{key}_{entry.entry_id}"}
    )
    flow = await response.json()
    assert flow["step_id"] == "confirm"
    response = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    result: dict[str, Any] = await response.json()
    return result


async def test_stop_by_someone_else_creates_a_repair_issue(hass: HomeAssistant, old: Loaded, hass_client: Any) -> None:
    gateway, entry = old
    gateway.running = False
    await entry.runtime_data.settings.async_refresh()
    assert shown(hass, entry) == set()
    await entry.runtime_data.settings.async_refresh()
    assert shown(hass, entry) == {"stopped"}
    assert state_of(hass, gateway, "binary_sensor", "running") == "off"
    assert gateway.stopped_seconds > 0
    gateway.faults.add("sitemaster/run", times=1, status=500, body=b'{"error":"Not now"}')
    failed = await fix(hass, hass_client, entry, "stopped")
    assert failed["errors"] == {"base": "gateway_refused"}
    assert "Not now" in failed["description_placeholders"]["reason"]
    done = await fix(hass, hass_client, entry, "stopped")
    assert done["type"] == "create_entry"
    assert gateway.running
    assert shown(hass, entry) == set()


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_repair_starts_the_powerwall_without_consent(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_client: Any, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "button", "start") is None
    gateway.running = False
    for _ in range(2):
        await entry.runtime_data.settings.async_refresh()
    assert not gateway.running
    assert (await fix(hass, hass_client, entry, "stopped"))["type"] == "create_entry"
    assert gateway.running


@pytest.mark.usefixtures("all_enabled")
async def test_start_button_starts_the_powerwall(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.running = False
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    await call(hass, gateway, "button", "start", "press")
    assert gateway.running
    assert state_of(hass, gateway, "binary_sensor", "running") == "on"


@pytest.mark.usefixtures("all_enabled")
async def test_refused_start_raises_the_reason(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    gateway.faults.add("sitemaster/run", status=500, body=b'{"error":"Not now"}')
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "button", "start", "press")
    assert raised.value.translation_key == "gateway_refused"
    assert "Not now" in str(raised.value)
