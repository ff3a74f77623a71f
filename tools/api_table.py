"""Write docs/dev/api.md: every endpoint of the gateway, from the client's table."""

from pathlib import Path
from typing import Any

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS, Endpoint

PAGE = Path(__file__).parent.parent / "docs" / "dev" / "api.md"

SHOWN = {
    "CUSTOMER_REGISTRATION": "Registered",
    "GRID_STATUS": "Grid status, Grid, Last outage",
    "LOGIN": "set-up, new password",
    "LOGOUT": "set-up",
    "METERS_AGGREGATES": "powers, energies, quality",
    "OPERATION": "Operation mode, Backup reserve",
    "POWERWALLS": "the Powerwalls' devices, In sync",
    "SITE_INFO": "name of the entry and the device, times (1.15)",
    "SITEMASTER": "Running, Running since, Connected to Tesla",
    "SOE": "Charge (1.15, Powerwall 3)",
    "STATUS": "set-up, device's firmware, Gateway started",
    "SYSTEM_STATUS": "Charge, every Powerwall (20.49 and later)",
    "SYSTEM_STATUS_GRID_FAULTS": "Grid faults (1.15)",
    "SYSTEM_UPDATE_STATUS": "Update state (20.49 and later)",
    "TROUBLESHOOTING_PROBLEMS": "Problems",
    "CONFIG": "set-up, identity before 21.x",
    "METERS": "meters",
    "METERS_READINGS": "meters",
    "METERS_SITE": "meters",
    "METERS_SOLAR": "meters",
    "NETWORKS": "networks",
    "SOLARS": "solar inverters",
    "SOLAR_POWERWALL": "solar inverters",
}
"""Entities in Home Assistant by endpoint."""

INTRODUCTION = """\
# The gateway's API

Every endpoint that the client knows. `.venv/bin/python -m tools.api_table` writes this page from the table in
`custom_components/powerwall_gateway/gateway/endpoints.py`. A test fails if the page is out of date.

- **firmware**: the first version that is known to have it, and the last one if it was removed.
- **login**: the login that it requires. An installer login stops the Powerwall on firmware below 20.49. From 1.50 on it
  requires that someone turns a Powerwall off and on.
- **in Python**: the method of `PowerwallGateway`, or the row for `PowerwallGateway.call`.
- **effect**: it changes something. Such a call is sent once, over its own connection, and never repeated.
- **unverified**: no source shows a request. The client sends it as in the document that the project started from
  (`tests/client/seed_endpoints.txt`).
"""

COLUMNS = ("method", "path", "firmware", "login", "in Python", "shown in Home Assistant", "kind")


def page() -> str:
    """Return the whole page."""
    rows = sorted(ENDPOINTS.items(), key=lambda row: (row[1].path, row[1].method))
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += [_row(name, endpoint) for name, endpoint in rows]
    return f"{INTRODUCTION}\n{'\n'.join(lines)}\n"


def _row(name: str, endpoint: Endpoint[Any]) -> str:
    firmware = f"{endpoint.since} to {endpoint.until}" if endpoint.until else f"{endpoint.since} and later"
    notes = ["effect"] * (not endpoint.idempotent) + ["unverified"] * (not endpoint.verified)
    cells = (
        endpoint.method,
        f"`{endpoint.path}`",
        firmware,
        endpoint.access,
        f"`{name.lower()}()`" if hasattr(PowerwallGateway, name.lower()) else f"`call({name})`",
        SHOWN.get(name, "not shown"),
        ", ".join(notes) or "read",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.name} has {len(ENDPOINTS)} endpoints.")
