"""The Energy dashboard, set up with the integration's entities."""

from typing import Any

from tools.hass_process import Api


async def set_up(api: Api, ids: dict[str, str]) -> None:
    """Select the sources like an owner in Settings, Dashboards, Energy. The gateway's signs are the dashboard's."""
    await api.save_energy_sources([_grid(ids), _solar(ids), _battery(ids)])


def _grid(ids: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "grid",
        "name": "Grid",
        "stat_energy_from": ids["grid_import_energy"],
        "stat_energy_to": ids["grid_export_energy"],
        "power_config": {"stat_rate": ids["grid_power"]},
        "cost_adjustment_day": 0,
    }


def _solar(ids: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "solar",
        "name": "Solar",
        "stat_energy_from": ids["solar_energy"],
        "stat_rate": ids["solar_power"],
        "config_entry_solar_forecast": None,
    }


def _battery(ids: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "battery",
        "name": "Powerwall",
        "stat_energy_from": ids["battery_discharge_energy"],
        "stat_energy_to": ids["battery_charge_energy"],
        "power_config": {"stat_rate": ids["battery_power"]},
        "stat_soc": ids["charge"],
    }
