"""Write the table of entities: from their descriptions, their English texts, and the snapshots of every firmware."""

import json
from pathlib import Path
import re
from typing import Any

from custom_components.powerwall_gateway import DESCRIPTIONS
from custom_components.powerwall_gateway.entity import GatewayEntityDescription
from custom_components.powerwall_gateway.event import GatewayEventDescription
from custom_components.powerwall_gateway.hardware import inverters, meters, powerwall_inverters, powerwalls
from homeassistant.const import Platform

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "entities.md"
SNAPSHOTS = ROOT / "tests" / "integration" / "snapshots" / "test_snapshots.ambr"
TEXTS = json.loads((ROOT / "custom_components" / "powerwall_gateway" / "translations" / "en.json").read_text())

BEGIN = "<!-- entities: python -m tools.entity_table -->"
END = "<!-- end of entities -->"

FIRMWARES = {
    "1.15.0": "1.15",
    "21.44-running": "21.44",
    "24.36": "24.36",
    "pw3": "Powerwall 3",
    "pw3-key": "Powerwall 3 with a key",
}
"""Snapshot by snapshot, the column that says whether the entity was there."""

_SNAPSHOT = re.compile(r"^# name: test_the_(?:entities\[(?P<entities>.+)-\w+\]|controls\[(?P<controls>.+)\])$")
_ENTITY = re.compile(r"^ +'(\w+)\.\w+': dict\(\{$")
_KEY = re.compile(r"^ +'key': '(.+)',$")
_PART = re.compile(r"^(?:[A-Z0-9]{8,}|synchrometer[XY]|(inverter)_(?:\d+|powerwall))_")

_PREFIXES: dict[Any, str] = {
    powerwalls: ".",
    meters: ".",
    inverters: "inverter.",
    powerwall_inverters: "inverter.",
}
"""By `devices_fn`, the beginning of a key for a device's id."""

type Seen = dict[str, set[tuple[str, str]]]
type Described = tuple[str, GatewayEntityDescription[Any, Any]]


def section() -> str:
    """Return everything between the two marks."""
    seen = _seen()
    described = list(
        {
            (platform, description.key, description.devices_fn): (platform, description)
            for platform in ("sensor", "binary_sensor", "event")
            for description in DESCRIPTIONS[Platform(platform)]
        }.values()
    )
    enabled = [row for row in described if row[1].entity_registry_enabled_default]

    def of(*devices_fns: Any) -> list[Described]:
        return [row for row in enabled if row[1].devices_fn in devices_fns]

    return "\n\n".join(
        (
            BEGIN,
            "The gateway's device:",
            _table([row for row in enabled if row[1].devices_fn not in _PREFIXES], seen),
            "What can be changed, if you allow it:",
            _table(
                [
                    (platform, description)
                    for platform in ("button", "number", "select", "switch")
                    for description in DESCRIPTIONS[Platform(platform)]
                ],
                seen,
            ),
            "Each Powerwall, a device of its own:",
            _table(of(powerwalls), seen),
            "Each meter:",
            _table(of(meters), seen),
            "Each solar inverter:",
            _table(of(inverters, powerwall_inverters), seen),
            "<details><summary>Disabled until you want them</summary>",
            _table([row for row in described if row not in enabled], seen),
            "</details>",
            END,
        )
    )


def page() -> str:
    """Return the page with the table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{section()}{after}"


def _seen() -> Seen:
    """Return platform and key of what was there, by firmware; the keys of a device with a prefix for its id."""
    seen: Seen = {}
    entities: set[tuple[str, str]] = set()
    platform = ""
    for line in SNAPSHOTS.read_text(encoding="utf-8").splitlines():
        if found := _SNAPSHOT.match(line):
            entities = seen.setdefault(found["entities"] or found["controls"], set())
        elif found := _ENTITY.match(line):
            platform = found[1]
        elif found := _KEY.match(line):
            entities.add((platform, _PART.sub(r"\1.", found[1])))
    return seen


def _table(rows: list[Described], seen: Seen) -> str:
    lines = [f"| entity | key | unit | {' | '.join(FIRMWARES.values())} |", "|---|---|---|" + "---|" * len(FIRMWARES)]
    for platform, description in sorted(rows, key=lambda row: _name(*row)):
        key = _PREFIXES.get(description.devices_fn, "") + description.key
        there = ["●" if (platform, key) in seen[firmware] else "" for firmware in FIRMWARES]
        cells = (_name(platform, description), f"`{description.key}`", _unit(platform, description), *there)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _name(platform: str, description: GatewayEntityDescription[Any, Any]) -> str:
    name: str = TEXTS["entity"][platform][description.translation_key or description.key]["name"]
    return name.format(**(description.translation_placeholders or {}))


def _unit(platform: str, description: GatewayEntityDescription[Any, Any]) -> str:
    if platform in {"binary_sensor", "switch"}:
        return "on, off"
    if isinstance(description, GatewayEventDescription):
        return ", ".join(description.event_types or ())
    unit = getattr(description, "suggested_unit_of_measurement", None)
    return unit or getattr(description, "native_unit_of_measurement", None) or (description.device_class or "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
