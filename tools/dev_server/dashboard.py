"""The Overview dashboard: only built-in cards, so that an owner can rebuild it."""

from typing import Any

from tools.hass_process import Api

type Card = dict[str, Any]

URL_PATH = "powerwall-overview"
TITLE = "Powerwall"
COLLECTION = "energy_powerwall"

# Name, icon and colour; the colours are the Energy dashboard's.
POWERS = {
    "solar_power": ("Solar", "mdi:solar-power-variant", "orange"),
    "home_power": ("Home", "mdi:home-lightning-bolt", "light-blue"),
    "battery_power": ("Powerwall", "mdi:home-battery", "teal"),
    "grid_power": ("Grid", "mdi:transmission-tower", "indigo"),
}


async def set_up(api: Api, ids: dict[str, str]) -> None:
    """Create the dashboard and show it first. A changed one in a kept folder stays."""
    async with api.websocket() as home:
        if URL_PATH in [board["url_path"] for board in await home.command("lovelace/dashboards/list")]:
            return
        await home.command(
            "lovelace/dashboards/create",
            url_path=URL_PATH,
            title=TITLE,
            icon="mdi:home-battery",
            show_in_sidebar=True,
            require_admin=False,
        )
        await home.command("lovelace/config/save", url_path=URL_PATH, config={"views": [overview(ids)]})
        await home.command("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})


def overview(ids: dict[str, str]) -> Card:
    """Return the one view."""
    return {
        "title": TITLE,
        "type": "sections",
        "max_columns": 2,
        "dense_section_placement": True,
        "badges": [
            _badge(ids["grid"], "Grid", "mdi:transmission-tower"),
            _badge(ids["running"], "Powerwall", "mdi:home-battery"),
            _badge(ids["connected_to_tesla"], "Tesla", "mdi:cloud-check"),
        ],
        "sections": [_today(), _now(ids), _powers(ids)],
    }


def _badge(entity: str, name: str, icon: str) -> Card:
    shown = {"show_name": True, "show_state": True}
    return {"type": "entity", "entity": entity, "name": name, "icon": icon, "color": "green", **shown}


def _section(title: str, icon: str, *cards: Card, columns: int = 1) -> Card:
    heading = {"type": "heading", "heading": title, "heading_style": "title", "icon": icon}
    return {"type": "grid", "column_span": columns, "cards": [heading, *cards]}


def _today() -> Card:
    flows = {"type": "energy-distribution", "collection_key": COLLECTION}
    return _section("Today", "mdi:transit-connection-variant", flows)


def _now(ids: dict[str, str]) -> Card:
    """Show the powers, with the gateway's signs: discharging and importing are above zero."""
    charge = {
        "type": "gauge",
        "entity": ids["charge"],
        "name": "Charge",
        "min": 0,
        "max": 100,
        "severity": {"green": 30, "yellow": 15, "red": 0},
        "grid_options": {"columns": 12, "rows": 4},
    }
    powers = [
        {"type": "tile", "entity": ids[key], "name": name, "icon": icon, "color": color}
        for key, (name, icon, color) in POWERS.items()
    ]
    return _section("Now", "mdi:flash", charge, *powers)


def _powers(ids: dict[str, str]) -> Card:
    graph = {
        "type": "statistics-graph",
        "chart_type": "line",
        "period": "5minute",
        "stat_types": ["mean"],
        "days_to_show": 0.6,
        "entities": [{"entity": ids[key], "name": name, "color": color} for key, (name, _, color) in POWERS.items()],
        "grid_options": {"columns": "full", "rows": 6},
    }
    return _section("Last 15 hours", "mdi:chart-line", graph, columns=2)
