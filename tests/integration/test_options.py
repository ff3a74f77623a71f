"""The options and their effect, and entries of earlier versions."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_MAC,
    CONF_PERCENT,
    CONF_ZERO_BELOW,
    CONFIG_MINOR_VERSION,
    DOMAIN,
    PercentScale,
)
from custom_components.powerwall_gateway.exceptions import translated
from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    app_from_raw,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from tests.conftest import StartSimulator
from tests.integration.control import call, entity_of, logged_in, writes

from .conftest import Loaded, SetUp, entry_for, state_of


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **options: Any) -> None:
    """Change options in the form. All others keep their values."""
    flow: Any = await hass.config_entries.options.async_init(entry.entry_id)
    shown = flow["data_schema"]({}) | entry.options
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], shown | options)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_options_reload_the_entry(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    entry = await set_up(await simulator("21.44"))
    await choose(hass, entry, **{CONF_ALLOW_CONTROL: True, CONF_LIVE_INTERVAL: 10})
    assert (entry.options[CONF_ALLOW_CONTROL], entry.options[CONF_LIVE_INTERVAL]) == (True, 10.0)
    assert entry.state.name == "LOADED"
    assert entry.runtime_data.control.consented
    assert entry.runtime_data.live.schedule.interval == 10.0


async def test_raw_percent_applies_to_every_entity(hass: HomeAssistant, all_enabled: None, old: Loaded) -> None:
    gateway, entry = old
    raw = entry.runtime_data.live.data.battery.value.percentage
    assert state_of(hass, gateway, "sensor", "charge") == str(round(app_from_raw(raw), 1))
    await choose(hass, entry, **{CONF_PERCENT: "raw"})
    raw = entry.runtime_data.live.data.battery.value.percentage
    assert state_of(hass, gateway, "sensor", "charge") == str(round(raw, 1))
    for platform in ("number", "sensor"):
        assert float(state_of(hass, gateway, platform, "backup_reserve") or 0) == round(gateway.home.reserve, 1)
    state = hass.states.get(entity_of(hass, gateway, "number", "backup_reserve"))
    assert state
    assert (state.attributes["min"], state.attributes["max"]) == (5, 100)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=40)
    assert writes(gateway)[-1]["backup_reserve_percent"] == pytest.approx(40)
    assert float(state_of(hass, gateway, "number", "backup_reserve") or 0) == 40
    response = await hass.services.async_call(
        DOMAIN, "set_operation", {"reserve": 20}, blocking=True, return_response=True
    )
    assert writes(gateway)[-1]["backup_reserve_percent"] == pytest.approx(20)
    assert response == {"mode": "self_consumption", "reserve": 20.0}
    with pytest.raises(ServiceValidationError, match="from 5 to 100%"):
        await hass.services.async_call(DOMAIN, "set_operation", {"reserve": 4}, blocking=True)


async def test_errors_name_percentages_on_the_chosen_scale() -> None:
    not_applied = CommandError("", reason=CommandFailure.NOT_APPLIED, reserve=20.0)
    too_low = CommandError("", reason=CommandFailure.CHARGE_TOO_LOW, charge=10.0, least=20.0)
    for scale, expected in ((PercentScale.APP, ("20", "10", "20")), (PercentScale.RAW, ("24", "14", "24"))):
        reserve = (translated(not_applied, scale).translation_placeholders or {})["reserve"]
        charge = translated(too_low, scale).translation_placeholders or {}
        assert (reserve, charge["charge"], charge["least"]) == expected


async def test_raw_percent_applies_to_each_powerwall(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, options={CONF_PERCENT: "raw"})
    block = entry.runtime_data.live.data.system.value.battery_blocks[0]
    assert state_of(hass, gateway, "sensor", f"{block.serial_number}_charge") == str(round(block.percentage, 1))


async def test_login_limit_is_the_option(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True, CONF_LOGIN_LIMIT: 1})
    await logged_in(hass, entry)
    await entry.runtime_data.gateway.logout()
    with pytest.raises(HomeAssistantError) as refused:
        await entry.runtime_data.control.async_log_in()
    assert refused.value.translation_key == "too_many_logins"
    assert gateway.logins == 1
    await entry.runtime_data.settings.async_refresh()  # so that no session is kept
    await hass.async_block_till_done()
    await choose(hass, entry, **{CONF_LOGIN_LIMIT: 2})
    await logged_in(hass, entry)
    assert gateway.logins == 2


async def test_power_below_the_limit_is_shown_as_zero(
    hass: HomeAssistant, all_enabled: None, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    powers = {"site": -19.0, "battery": 12.0, "load": 393.0, "solar": 400.0}
    gateway.overrides["meters/aggregates"] = {
        name: {"instant_power": power, "energy_exported": 5000.0, "energy_imported": 5000.0}
        for name, power in powers.items()
    }

    def shown() -> list[str | None]:
        """Return the powers of grid, battery, home and solar, the export, and the flows from solar."""
        keys = ("grid", "battery", "home", "solar", "grid_export", "solar_to_home", "solar_to_grid")
        return [state_of(hass, gateway, "sensor", f"{key}_power") for key in keys]

    entry = await set_up(gateway)
    assert shown() == ["-19.0", "12.0", "393.0", "400.0", "19.0", "393.0", "7.0"]
    await choose(hass, entry, **{CONF_ZERO_BELOW: 20})
    assert shown() == ["0.0", "0.0", "393.0", "400.0", "0.0", "400.0", "0.0"]
    measured = entry.runtime_data.live.data.meters.value
    assert measured.battery.instant_power == 12.0


async def test_entry_of_version_1_1_is_migrated(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    now = entry_for(gateway)
    data = {key: value for key, value in now.data.items() if key != CONF_MAC}
    before = MockConfigEntry(
        domain=DOMAIN, title=now.title, unique_id=now.unique_id, data=data, version=1, minor_version=1
    )
    before.add_to_hass(hass)
    await hass.config_entries.async_setup(before.entry_id)
    assert before.state.name == "LOADED"
    assert (before.version, before.minor_version) == (1, CONFIG_MINOR_VERSION)
    assert dict(before.data) == dict(now.data)


async def test_entry_of_a_later_version_is_not_loaded(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    now = entry_for(gateway)
    later = MockConfigEntry(domain=DOMAIN, unique_id=now.unique_id, data=dict(now.data), version=2)
    later.add_to_hass(hass)
    await hass.config_entries.async_setup(later.entry_id)
    assert later.state.name == "MIGRATION_ERROR"
    assert gateway.requests == []
