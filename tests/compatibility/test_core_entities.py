"""Every entity of the built-in integration has a counterpart here that shows the same value."""

from math import sqrt
import re
from typing import Any, Final, TypeIs

import pytest

from custom_components.powerwall_gateway.binary_sensor import BINARY_SENSORS
from custom_components.powerwall_gateway.const import CONF_SERIAL, DOMAIN
from custom_components.powerwall_gateway.core_migration import CORE, OF_GATEWAY, OF_PACK, pairs
from custom_components.powerwall_gateway.sensor import SENSORS
from custom_components.powerwall_gateway.sub_devices import powerwalls
from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import (
    CONF_HOST,
    CONF_IP_ADDRESS,
    CONF_PASSWORD,
    CONF_USERNAME,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.entity import Entity
from homeassistant.util.unit_conversion import BaseUnitConverter, EnergyConverter, PowerConverter
from tests.conftest import StartSimulator

FIRMWARES: Final = ("21.44", "24.36")
"""Those of a Powerwall 2 that the built-in integration can log in to."""

METER: Final = "(site|battery|load|solar|generator|busway)"
DIGITS: Final = {
    rf"{METER}_instant_power": 3,
    rf"{METER}_instant_(voltage|current|frequency)": 1,
    rf"{METER}_(import|export)": 1,
    "backup_reserve": 0,
    r"TG[^_]+_(battery_instant_voltage|instant_current|instant_frequency)": 1,
}
"""To how many digits the built-in integration rounds, in its own unit; it rounds no other value."""

ZERO_WHEN_UNKNOWN: Final = rf"{METER}_(instant_frequency|import|export)"
"""The built-in integration shows 0 without a measurement. Ours shows a first 0 of a counter after a while."""

APP_PERCENT: Final = {"charge", "backup_reserve"}
"""Shown in the gateway's percent there, and in app percent here."""

APP_STEP: Final = 0.05 * 0.95
"""The largest difference of the raw percentage from one in steps of 0.1 app percent."""

CONVERTERS: Final[tuple[type[BaseUnitConverter], ...]] = (PowerConverter, EnergyConverter)


def agrees(key: str, core: State | None, ours: State | None) -> bool:
    """Return whether both states show the same value, within what is lost by rounding."""
    if has_value(core) and re.fullmatch(ZERO_WHEN_UNKNOWN, key) and float(core.state) == 0:
        return True
    if not has_value(core) or not has_value(ours):
        return has_value(core) is has_value(ours)
    unit = core.attributes.get("unit_of_measurement")
    if unit is not None:
        return any(abs(float(core.state) - value) <= tolerance(key) for value in values(key, ours, unit))
    if key.endswith("_grid_state") and ours.state != "disabled":
        return core.state == f"grid_{ours.state}"
    return core.state == ours.state


def tolerance(key: str) -> float:
    """Return by how much two equal values may differ, in the unit of the built-in integration."""
    rounding = sum(0.5 * 10.0**-digits for pattern, digits in DIGITS.items() if re.fullmatch(pattern, key))
    return rounding + (APP_STEP if key in APP_PERCENT else 0) + 1e-6


def values(key: str, ours: State, unit: str) -> list[float]:
    """Return the possible values of the built-in integration for a state here, in its unit."""
    value = float(ours.state)
    if key in APP_PERCENT:
        value = value * 0.95 + 5
    for converter in CONVERTERS:
        if unit in converter.VALID_UNITS:
            value = converter.convert(value, ours.attributes["unit_of_measurement"], unit)
    if re.fullmatch(rf"{METER}_instant_voltage", key):
        return [value, value * sqrt(3) / 2]  # of a split-phase voltage, it shows 0.866, as the gateway does
    return [value]


def has_value(state: State | None) -> TypeIs[State]:
    """Return whether a state is a value."""
    return state is not None and state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}


def test_every_counterpart_has_a_description() -> None:
    of_gateway: set[str] = set()
    of_packs: set[str] = set()
    for platform, descriptions in (("sensor", SENSORS), ("binary_sensor", BINARY_SENSORS)):
        for description in descriptions:
            keys = of_packs if description.devices_fn is powerwalls else of_gateway
            keys.add(f"{platform}.{description.key}")
    assert {key for key in OF_GATEWAY.values() if not key.startswith("switch.")} <= of_gateway
    assert set(OF_PACK.values()) <= of_packs


@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.usefixtures("enable_custom_integrations")
async def test_every_entity_has_a_counterpart_with_the_same_value(
    hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch, firmware: str
) -> None:
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", property(lambda _: True))
    gateway = await simulator(firmware, password="sunshine")
    gateway.home.solar_power, gateway.home.home_power = 5200.0, 1100.0
    gateway.home.advance(1800)
    host, password = f"{gateway.host}:{gateway.port}", gateway.password
    await add(hass, CORE, {CONF_IP_ADDRESS: host, CONF_PASSWORD: password})
    login = {CONF_PASSWORD: password, "more": {CONF_USERNAME: "customer"}}
    await add(hass, DOMAIN, {CONF_HOST: host, CONF_SERIAL: gateway.serial}, login, {})
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    found = [pair for pair in pairs(hass, entry) if pair.core.domain != "switch"]
    assert len(found) > 50
    for core, ours in ((pair.core, pair.ours) for pair in found):
        key = core.unique_id.partition("_")[2]
        states = hass.states.get(core.entity_id), hass.states.get(ours.entity_id) if ours else None
        assert agrees(key, *states), f"{key}: {states}"


async def add(hass: HomeAssistant, domain: str, *forms: dict[str, Any]) -> None:
    """Add an integration through its config flow."""
    step: Any = await hass.config_entries.flow.async_init(domain, context={"source": SOURCE_USER})
    for form in forms:
        step = await hass.config_entries.flow.async_configure(step["flow_id"], form)
        while step["type"] is FlowResultType.SHOW_PROGRESS:
            await hass.async_block_till_done()
            step = await hass.config_entries.flow.async_configure(step["flow_id"])
    await hass.async_block_till_done()
