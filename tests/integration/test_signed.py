"""Entities and actions with a signing key."""

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway.signed.client import PATH
from custom_components.powerwall_gateway.storage import async_get_store
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import SimulatedHome, Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.integration.control import call, entity_of, logged_in, poll, writes
from tests.signing_keys import SIGNED, pair, public_key

from .conftest import Loaded, SetUp, state_of
from .signing import ALLOWED, feeding, keep_key

pytestmark = pytest.mark.usefixtures("quick_signing")


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests, with a battery that supplies the home."""
    return await feeding(simulator, request.param)


async def test_key_sets_mode_and_reserve(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    await call(hass, gateway, "select", "operation_mode", "select_option", option="autonomous")
    assert (gateway.home.mode, gateway.home.reserve) == ("autonomous", 33.5)
    assert state_of(hass, gateway, "select", "operation_mode") == "autonomous"
    assert float(state_of(hass, gateway, "number", "backup_reserve") or 0) == pytest.approx(30)
    response = await hass.services.async_call(
        DOMAIN, "set_operation", {"mode": "self_consumption", "reserve": 40}, blocking=True, return_response=True
    )
    assert response == {"mode": "self_consumption", "reserve": 40}


async def test_key_works_after_a_restart_without_a_login(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.runtime_data.control.can_set_operation
    assert gateway.logins == 1


async def test_key_changes_nothing_without_consent(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    assert not entry.runtime_data.control.can_set_operation
    assert state_of(hass, gateway, "select", "operation_mode") is None


async def test_no_request_is_signed_without_a_key(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    assert not entry.runtime_data.control.can_set_operation
    assert not any("tedapi" in request.path for request in gateway.requests)


async def test_reads_are_unsigned_if_possible(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "26.18")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    before = request_count(gateway, PATH)
    await entry.runtime_data.settings.async_refresh()
    assert request_count(gateway, PATH) == before


async def test_rejected_key_keeps_controls_of_the_login(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await keep_key(hass, entry)
    await logged_in(hass, entry)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert writes(gateway)[-1]["backup_reserve_percent"] == pytest.approx(33.5)


async def test_key_works_as_soon_as_it_is_confirmed(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    gateway.gateway.keyring.register(public_key())
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert state_of(hass, gateway, "select", "operation_mode") is None
    gateway.flip_switch()
    await poll(hass, entry, "settings")
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"


async def test_key_removed_removes_its_controls_and_an_unconfirmed_one_does_not(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    registry = er.async_get(hass)
    keys = {("select", "operation_mode"), ("number", "backup_reserve"), ("select", "export_rule")}
    keys.add(("switch", "grid_charging"))

    def made() -> set[tuple[str, str]]:
        ids = {(platform, key): f"{gateway.serial}_{key}" for platform, key in keys}
        return {of for of, unique_id in ids.items() if registry.async_get_entity_id(of[0], DOMAIN, unique_id)}

    assert made() == keys
    gateway.gateway.keyring.forget(public_key())
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert made() == keys
    await (await async_get_store(hass, entry.entry_id)).async_set_key(None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert made() == set()
    with pytest.raises(HomeAssistantError) as refused:
        await entry.runtime_data.control.async_change_grid_policy(lambda policy: policy.set_grid_charging(allowed=True))
    assert refused.value.translation_key == "key_missing"


async def test_removed_key_makes_controls_unavailable(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert refused.value.translation_key == "key_unknown"
    assert state_of(hass, gateway, "number", "backup_reserve") == "unavailable"


async def test_setting_that_is_only_stored_raises_with_the_firmware(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    gateway.gateway.follows_config = False
    with pytest.raises(HomeAssistantError) as not_followed:
        await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    assert not_followed.value.translation_key == "operation_not_followed"
    placeholders = not_followed.value.translation_placeholders or {}
    assert placeholders["firmware"] == gateway.gateway.nameplate.version.split()[0]


async def test_key_sets_export_and_grid_charging(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    assert state_of(hass, gateway, "switch", "grid_charging") is None
    await keep_key(hass, entry)
    kept = gateway.gateway.site_settings
    assert state_of(hass, gateway, "switch", "grid_charging") == "on"
    await call(hass, gateway, "switch", "grid_charging", "turn_off")
    assert state_of(hass, gateway, "switch", "grid_charging") == "off"
    assert kept == {"disallow_charge_from_grid_with_solar_installed": True}
    await call(hass, gateway, "switch", "grid_charging", "turn_on")
    assert (state_of(hass, gateway, "switch", "grid_charging"), kept) == ("on", {})
    assert state_of(hass, gateway, "select", "export_rule") == "unknown"
    await call(hass, gateway, "select", "export_rule", "select_option", option="pv_only")
    assert state_of(hass, gateway, "select", "export_rule") == "pv_only"
    assert kept == {"customer_preferred_export_rule": "pv_only"}
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "switch", "grid_charging", "turn_off")
    assert refused.value.translation_key == "key_unknown"
    assert state_of(hass, gateway, "switch", "grid_charging") == "unavailable"


async def test_key_sets_import_and_export_limit(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    for key in ("import_limit", "export_limit"):
        er.async_get(hass).async_update_entity(entity_of(hass, gateway, "number", key), disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    for key, stored, sign in (
        ("import_limit", "max_site_meter_power_ac", 1),
        ("export_limit", "min_site_meter_power_ac", -1),
    ):
        assert float(state_of(hass, gateway, "number", key) or "") == 14
        await call(hass, gateway, "number", key, "set_value", value=2.5)
        assert float(state_of(hass, gateway, "number", key) or "") == 2.5
        assert gateway.gateway.site_settings[stored] == 2.5 * sign


async def test_limit_that_the_gateway_does_not_have_has_no_entity(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    def has_entity(key: str) -> bool:
        return er.async_get(hass).async_get_entity_id("number", DOMAIN, f"{gateway.serial}_{key}") is not None

    gateway.gateway.site_settings["max_site_meter_power_ac"] = None
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert has_entity("export_limit")
    assert not has_entity("import_limit")
    del gateway.gateway.site_settings["max_site_meter_power_ac"]
    await poll(hass, entry, "detail")
    assert has_entity("import_limit")


async def test_grid_charging_that_could_not_be_read_is_unknown(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    gateway.gateway.config_settings["site_info"] = None
    await poll(hass, entry, "detail")
    assert state_of(hass, gateway, "switch", "grid_charging") == "unknown"


@pytest.mark.usefixtures("all_enabled")
async def test_powerwall_3_with_a_key_has_more_entities(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3", home=SimulatedHome(charge=60))
    pair(gateway)
    entry = await set_up(gateway)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device
    assert (device.sw_version, state_of(hass, gateway, "sensor", "energy_remaining")) == (None, None)
    await keep_key(hass, entry)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device
    assert device.sw_version == "26.26.4"
    battery = gateway.home.battery
    assert float(state_of(hass, gateway, "sensor", "energy_remaining") or 0) == pytest.approx(battery.remaining / 1000)
    assert float(state_of(hass, gateway, "sensor", "energy_capacity") or 0) == pytest.approx(battery.capacity / 1000)
    assert float(state_of(hass, gateway, "sensor", "backup_reserve") or 0) == pytest.approx(20)
