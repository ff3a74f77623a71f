"""Writes docs/api.md: every endpoint of the gateway that the client asks, from what stands beside its methods."""

from pathlib import Path

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.endpoints import Endpoint, endpoints_of

PAGE = Path(__file__).parent.parent / "docs" / "api.md"

SHOWN = {
    "customer_registration": "Registered",
    "grid_status": "Grid status, Grid, Last outage",
    "login": "set-up, new password",
    "logout": "set-up",
    "meters_aggregates": "powers, energies, quality",
    "operation": "Operation mode, Backup reserve",
    "powerwalls": "the Powerwalls' devices, In sync",
    "site_info": "name of the entry and the device, times (1.15)",
    "sitemaster": "Running, Running since, Connected to Tesla",
    "soe": "Charge (1.15, Powerwall 3)",
    "status": "set-up, device's firmware, Gateway started",
    "system_status": "Charge, every Powerwall (20.49 and later)",
    "system_status_grid_faults": "Grid faults (1.15)",
    "system_update_status": "Update state (20.49 and later)",
    "troubleshooting_problems": "Problems",
    "config": "set-up, identity before 21.x",
}
"""Where Home Assistant shows what a method reads."""

INTRODUCTION = """\
# The gateway's API

Every endpoint that the client knows, with the method of `PowerwallGateway` that asks it. This page is made by
`python -m tools.api_table` from what stands beside the methods; a test fails when it is old.

- **firmware**: the first one that is known to have it, and the last one where it is gone since.
- **login**: who may ask. The installer's login stops the Powerwall on firmware below 20.49, and from 1.50 on it wants a
  Powerwall's switch flipped.
- **effect**: what changes something. Such a call goes once, over a connection of its own, and never again by itself.
- **unverified**: no source shows what is sent; it is sent as the seed of this project lists it.
"""

COLUMNS = ("method", "path", "firmware", "login", "client method", "shown in Home Assistant", "kind")


def page() -> str:
    """Give the whole page."""
    rows = sorted(endpoints_of(PowerwallGateway).items(), key=lambda row: (row[1].path, row[1].method))
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += [_row(name, endpoint) for name, endpoint in rows]
    return f"{INTRODUCTION}\n{'\n'.join(lines)}\n"


def _row(name: str, endpoint: Endpoint) -> str:
    firmware = f"{endpoint.since} to {endpoint.until}" if endpoint.until else f"{endpoint.since} and later"
    notes = [note for note, applies in (("effect", endpoint.effect), ("unverified", not endpoint.verified)) if applies]
    cells = (
        endpoint.method,
        f"`{endpoint.path}`",
        firmware,
        endpoint.access,
        f"`{name}`",
        SHOWN.get(name, "by the client alone"),
        ", ".join(notes) or "read",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.name} has {len(endpoints_of(PowerwallGateway))} endpoints.")
