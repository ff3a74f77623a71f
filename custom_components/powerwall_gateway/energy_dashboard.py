"""Suggest to fill Home Assistant's Energy dashboard with the integration's entities, once.

Existing sources stay as they are: no second source of the same type is suggested.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import voluptuous as vol

from homeassistant.components.energy.const import DOMAIN as DASHBOARD
from homeassistant.components.energy.data import (
    ENERGY_SOURCE_SCHEMA,
    EnergyManager,
    EnergyPreferences,
    SourceType,
    async_get_manager,
)
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from . import issues
from .const import DOMAIN
from .data import PowerwallGatewayConfigEntry
from .storage import EntryStore

_ENERGIES: Final = {
    "grid": {"stat_energy_from": "grid_import_energy", "stat_energy_to": "grid_export_energy"},
    "solar": {"stat_energy_from": "solar_energy"},
    "battery": {"stat_energy_from": "battery_discharge_energy", "stat_energy_to": "battery_charge_energy"},
    "home": {"stat_energy_to": "home_energy"},
}
"""Fields and keys of our sensors, by type of source. A source needs all of its sensors."""

_POWERS: Final = {"grid": "grid_power", "solar": "solar_power", "battery": "battery_power", "home": "home_power"}
"""The gateway has the dashboard's signs: power to the home is positive."""

_BY_DIRECTION: Final = ("grid", "battery")
"""Types whose power has two directions, for which the dashboard stores a power configuration."""

_BATTERY: Final = {"stat_soc": "charge", "entity_capacity": "energy_capacity"}
"""Further fields of a battery; the capacity is known from 2026.12 on."""

_BATTERY_FLOWS: Final = {
    "from_grid": "grid_to_battery",
    "from_solar": "solar_to_battery",
    "to_home": "battery_to_home",
    "to_grid": "battery_to_grid",
}
"""Suffixes of the fields of a battery whose energy is split, from 2026.12 on, and our flows."""

_NO_VALUE: Final = {STATE_UNAVAILABLE, STATE_UNKNOWN}

_NO_PRICES: Final = {
    "stat_cost": None,
    "entity_energy_price": None,
    "number_energy_price": None,
    "stat_compensation": None,
    "entity_energy_price_export": None,
    "number_energy_price_export": None,
    "cost_adjustment_day": 0.0,
}


async def async_suggest_sources(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, store: EntryStore) -> None:
    """Suggest to fill the dashboard by a repair issue, until the dashboard has had our entities once.

    Check with the inventory, and soon after the preferences change, until the entry is unloaded.
    """
    if store.was_on_dashboard or DASHBOARD not in hass.config.components:
        return
    manager = await async_get_manager(hass)
    checked: EnergyPreferences | None = None

    @callback
    def check() -> None:
        nonlocal checked
        checked = manager.data
        if store.was_on_dashboard:
            return
        shown = _sensors(hass, entry)
        ours = set(shown.values())
        missing: list[SourceType] = []
        if any(not ours.isdisjoint(_texts(source)) for source in _chosen(manager)["energy_sources"]):
            entry.async_create_task(hass, store.async_set_was_on_dashboard())
        else:
            missing = _missing(manager, shown)
        entity_ids = dict.fromkeys(text for text in _texts(missing) if text in ours)
        names = [issues.escape_markdown(state.name) for state in map(hass.states.get, entity_ids) if state]
        issues.async_set_issue(
            hass,
            issues.ENERGY_DASHBOARD,
            entry.entry_id,
            active=bool(missing),
            entities="\n".join(f"- {name}" for name in names),
        )

    @callback
    def check_if_changed() -> None:
        if manager.data is not checked:
            check()

    entry.async_on_unload(entry.runtime_data.inventory.async_add_listener(check))
    entry.async_on_unload(entry.runtime_data.live.async_add_listener(check_if_changed))


async def async_add_sources(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Add the sources that the dashboard does not have yet, and return whether there were any."""
    manager, registry = await async_get_manager(hass), er.async_get(hass)
    if missing := _missing(manager, _sensors(hass, entry)):
        for text in _texts(missing):
            if _is_disabled(registry, text):
                registry.async_update_entity(text, disabled_by=None)
        chosen = _chosen(manager)
        await manager.async_update({**chosen, "energy_sources": [*chosen["energy_sources"], *missing]})
    entry.runtime_data.live.async_update_listeners()
    return bool(missing)


async def async_update_entity_ids(hass: HomeAssistant, renamed: Mapping[str, str]) -> None:
    """Replace the ids of renamed entities in the dashboard, which does not do so by itself.

    Nothing is changed if the result is invalid, as when the dashboard has the new id already.
    """
    if DASHBOARD not in hass.config.components:
        return
    manager = await async_get_manager(hass)
    followed: EnergyPreferences = _with_ids(_chosen(manager), renamed)
    with suppress(vol.Invalid):
        ENERGY_SOURCE_SCHEMA(followed["energy_sources"])
        await manager.async_update({**followed})


@callback
def _chosen(manager: EnergyManager) -> EnergyPreferences:
    """Return the preferences of the dashboard."""
    return manager.data or manager.default_preferences()


@callback
def _sensors(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, str]:
    """Return the ids of our sensors that have a value, by key: the dashboard reports an issue for all others.

    The powers of flows are included without one: they are disabled until the dashboard shows them.
    """
    registry, serial = er.async_get(hass), entry.runtime_data.serial
    energies, powers = ({f"{flow}_{quantity}" for flow in _BATTERY_FLOWS.values()} for quantity in ("energy", "power"))
    keys = {*_POWERS.values(), *_BATTERY.values(), *energies, *powers}.union(
        *(fields.values() for fields in _ENERGIES.values())
    )
    found: dict[str, str] = {}
    for key in keys:
        if entity_id := registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{serial}_{key}"):
            state = hass.states.get(entity_id)
            if (state and state.state not in _NO_VALUE) or (key in powers and _is_disabled(registry, entity_id)):
                found[key] = entity_id
    return found


def _is_disabled(registry: er.EntityRegistry, entity_id: str) -> bool:
    """Return whether an entity is disabled because we disable it by default."""
    entry = registry.async_get(entity_id)
    return entry is not None and entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION


@callback
def _missing(manager: EnergyManager, shown: dict[str, str]) -> list[SourceType]:
    """Return the sources that could be added: of types that the dashboard has none of, and this release knows."""
    there = {source["type"] for source in _chosen(manager)["energy_sources"]}
    found: list[SourceType] = []
    for kind, fields in _ENERGIES.items():
        if kind in there or not shown.keys() >= set(fields.values()):
            continue
        for source in _sources(kind, shown):
            with suppress(vol.Invalid):  # the home is known from 2026.11 on
                found += ENERGY_SOURCE_SCHEMA([source])
                break
    return found


def _sources(kind: str, shown: dict[str, str]) -> list[dict[str, Any]]:
    """Return a source as the dashboard's own page stores it, with the fields of the newest release first."""
    source: dict[str, Any] = {"type": kind}
    source |= {field: shown[key] for field, key in _ENERGIES[kind].items()}
    if power := shown.get(_POWERS[kind]):
        rate = {"stat_rate": power}
        source |= {"power_config": rate} if kind in _BY_DIRECTION else rate
    if kind == "grid":
        source |= _NO_PRICES
    if kind == "solar":
        source["config_entry_solar_forecast"] = None
    if kind != "battery":
        return [source]
    battery = {field: shown[key] for field, key in _BATTERY.items() if key in shown}
    by_flow: dict[str, Any] = {"type": kind, **_flows("stat_energy", "energy", shown), **battery}
    if rates := _flows("stat_rate", "power", shown):
        by_flow["power_config"] = rates
    return [by_flow, source | battery, source | {"stat_soc": battery["stat_soc"]} if "stat_soc" in battery else source]


def _flows(field: str, quantity: str, shown: dict[str, str]) -> dict[str, str]:
    keys = {f"{field}_{suffix}": f"{flow}_{quantity}" for suffix, flow in _BATTERY_FLOWS.items()}
    return {name: shown[key] for name, key in keys.items() if key in shown}


def _with_ids(chosen: Any, renamed: Mapping[str, str]) -> Any:
    """Return the preferences with old ids replaced by new ones."""
    if isinstance(chosen, dict):
        return {key: _with_ids(value, renamed) for key, value in chosen.items()}
    if isinstance(chosen, list):
        return [_with_ids(value, renamed) for value in chosen]
    return renamed.get(chosen, chosen) if isinstance(chosen, str) else chosen


def _texts(source: object) -> list[str]:
    """Return every text in a source, its entities among them."""
    if isinstance(source, dict):
        return _texts(list(source.values()))
    if isinstance(source, list):
        return [text for value in source for text in _texts(value)]
    return [source] if isinstance(source, str) else []
