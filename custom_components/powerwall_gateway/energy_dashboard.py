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
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er

from . import issues
from .const import DOMAIN
from .data import PowerwallGatewayConfigEntry
from .issues import escape_markdown
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
        shown = _sensors_with_value(hass, entry)
        ours = {state.entity_id: state for state in shown.values()}
        missing: list[SourceType] = []
        if any(not ours.keys().isdisjoint(_texts(source)) for source in _chosen(manager)["energy_sources"]):
            entry.async_create_task(hass, store.async_set_was_on_dashboard())
        else:
            missing = _missing(manager, shown)
        entity_ids = dict.fromkeys(text for source in missing for text in _texts(source) if text in ours)
        issues.async_set_issue(
            hass,
            issues.ENERGY_DASHBOARD,
            entry.entry_id,
            active=bool(missing),
            entities="\n".join(f"- {escape_markdown(ours[entity_id].name)}" for entity_id in entity_ids),
        )

    @callback
    def check_if_changed() -> None:
        if manager.data is not checked:
            check()

    entry.async_on_unload(entry.runtime_data.inventory.async_add_listener(check))
    entry.async_on_unload(entry.runtime_data.live.async_add_listener(check_if_changed))


async def async_add_sources(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Add the sources that the dashboard does not have yet, and return whether there were any."""
    manager = await async_get_manager(hass)
    if missing := _missing(manager, _sensors_with_value(hass, entry)):
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
def _sensors_with_value(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, State]:
    """Return our sensors that have a value, by key: the dashboard reports an issue for all others."""
    registry, serial = er.async_get(hass), entry.runtime_data.serial
    keys = {*_POWERS.values(), "charge"}.union(*(fields.values() for fields in _ENERGIES.values()))
    ids = {key: registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{serial}_{key}") for key in keys}
    states = {key: hass.states.get(entity_id) for key, entity_id in ids.items() if entity_id}
    return {
        key: state for key, state in states.items() if state and state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}
    }


@callback
def _missing(manager: EnergyManager, shown: dict[str, State]) -> list[SourceType]:
    """Return the sources that could be added: of types that the dashboard has none of, and this release knows."""
    there = {source["type"] for source in _chosen(manager)["energy_sources"]}
    found: list[SourceType] = []
    for kind, fields in _ENERGIES.items():
        if kind in there or not shown.keys() >= set(fields.values()):
            continue
        try:
            found += ENERGY_SOURCE_SCHEMA([_source(kind, shown)])
        except vol.Invalid:
            continue  # the home, on a release before 2026.11
    return found


def _source(kind: str, shown: dict[str, State]) -> dict[str, Any]:
    """Return a source as the dashboard's own page stores it."""
    source: dict[str, Any] = {"type": kind}
    source |= {field: shown[key].entity_id for field, key in _ENERGIES[kind].items()}
    if power := shown.get(_POWERS[kind]):
        rate = {"stat_rate": power.entity_id}
        source |= {"power_config": rate} if kind in _BY_DIRECTION else rate
    if kind == "grid":
        source |= _NO_PRICES
    if kind == "solar":
        source["config_entry_solar_forecast"] = None
    if kind == "battery" and (charge := shown.get("charge")):
        source["stat_soc"] = charge.entity_id
    return source


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
        return [text for value in source.values() for text in _texts(value)]
    return [source] if isinstance(source, str) else []
