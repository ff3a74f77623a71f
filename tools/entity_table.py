"""Writes the README's table of entities: from the catalogue, its English texts, and the snapshots of every firmware."""

from itertools import chain
import json
from pathlib import Path
import re
from typing import Any

from custom_components.powerwall_gateway.catalogue import BINARY_SENSORS, SENSORS, meters, packs, solar
from custom_components.powerwall_gateway.description import GatewayEntityDescription

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SNAPSHOTS = ROOT / "tests" / "integration" / "snapshots" / "test_snapshots.ambr"
TEXTS = json.loads((ROOT / "custom_components" / "powerwall_gateway" / "translations" / "en.json").read_text())

BEGIN = "<!-- entities: python -m tools.entity_table -->"
END = "<!-- end of entities -->"

FIRMWARES = {"1.15.0": "1.15", "21.44-running": "21.44", "24.36": "24.36", "pw3": "Powerwall 3"}
"""Snapshot by snapshot, the column that says whether the entity was there."""

_SNAPSHOT = re.compile(r"^# name: test_the_entities\[(.+)-(sensor|binary_sensor)\]$")
_KEY = re.compile(r"^ +'key': '(.+)',$")
_PART = re.compile(r"^(?:[A-Z0-9]{8,}|synchrometer[XY]|inverter_(?:\d+|powerwall))_")

type Described = tuple[str, GatewayEntityDescription[Any, Any]]


def section() -> str:
    """Give everything between the two marks."""
    seen = _seen()
    described = list(
        {
            (platform, description.key, description.parts_fn): (platform, description)
            for platform, description in chain(
                (("sensor", description) for description in SENSORS),
                (("binary_sensor", description) for description in BINARY_SENSORS),
            )
        }.values()
    )
    enabled = [row for row in described if row[1].entity_registry_enabled_default]

    def of(parts_fn: Any) -> list[Described]:
        return [row for row in enabled if row[1].parts_fn is parts_fn]

    return "\n\n".join(
        (
            BEGIN,
            "The gateway's device:",
            _table([row for row in enabled if not _is_of_part(row[1])], seen),
            "Each Powerwall, a device of its own:",
            _table(of(packs.parts), seen),
            "Each meter:",
            _table(of(meters.parts), seen),
            "Each solar inverter:",
            _table(of(solar.parts), seen),
            "<details><summary>Disabled until you want them</summary>",
            _table([row for row in described if row not in enabled], seen),
            "</details>",
            END,
        )
    )


def readme() -> str:
    """Give the README with the table as it should be."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{section()}{after}"


def _seen() -> dict[str, set[str]]:
    """Give the keys of the entities that were there, by firmware; those of a part without its id, behind a dot."""
    seen: dict[str, set[str]] = {}
    keys: set[str] = set()
    for line in SNAPSHOTS.read_text(encoding="utf-8").splitlines():
        if found := _SNAPSHOT.match(line):
            keys = seen.setdefault(found[1], set())
        elif found := _KEY.match(line):
            keys.add(_PART.sub(".", found[1]))
    return seen


def _table(rows: list[Described], seen: dict[str, set[str]]) -> str:
    lines = [f"| entity | key | unit | {' | '.join(FIRMWARES.values())} |", "|---|---|---|" + "---|" * len(FIRMWARES)]
    for platform, description in sorted(rows, key=lambda row: _name(*row)):
        key = f".{description.key}" if _is_of_part(description) else description.key
        there = ["●" if key in seen[firmware] else "" for firmware in FIRMWARES]
        cells = (_name(platform, description), f"`{description.key}`", _unit(platform, description), *there)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _is_of_part(description: GatewayEntityDescription[Any, Any]) -> bool:
    return description.parts_fn in {packs.parts, meters.parts, solar.parts}


def _name(platform: str, description: GatewayEntityDescription[Any, Any]) -> str:
    name: str = TEXTS["entity"][platform][description.translation_key or description.key]["name"]
    return name.format(**(description.translation_placeholders or {}))


def _unit(platform: str, description: GatewayEntityDescription[Any, Any]) -> str:
    if platform == "binary_sensor":
        return "on, off"
    unit = getattr(description, "suggested_unit_of_measurement", None)
    return unit or getattr(description, "native_unit_of_measurement", None) or (description.device_class or "")


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
