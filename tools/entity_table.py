"""Write the tables of docs/entities.md: descriptions, English texts, meanings, and the snapshots of every firmware."""

from fnmatch import fnmatch
from itertools import chain
import json
from pathlib import Path
import re
import tomllib
from typing import Any, Final

from custom_components.powerwall_gateway import DESCRIPTIONS
from custom_components.powerwall_gateway.entity import GatewayEntityDescription
from custom_components.powerwall_gateway.event import GatewayEventDescription
from custom_components.powerwall_gateway.sub_devices import (
    inverters,
    powerwall_inverters,
    powerwalls,
    signed_powerwall_2s,
)
from homeassistant.const import Platform

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "entities.md"
MEANINGS: Final[dict[str, dict[str, str]]] = tomllib.loads(
    (ROOT / "docs" / "dev" / "entity-meanings.toml").read_text(encoding="utf-8")
)
SNAPSHOTS = ROOT / "tests" / "integration" / "snapshots" / "test_snapshots.ambr"
TEXTS = json.loads((ROOT / "custom_components" / "powerwall_gateway" / "translations" / "en.json").read_text())

BEGIN = "<!-- entities: python -m tools.entity_table -->"
END = "<!-- end of entities -->"

TITLES = {
    "gateway": "The whole system",
    "control": "Controls",
    "powerwall": "Each Powerwall",
    "meter": "Each meter",
    "inverter": "Each solar inverter",
}
FIRMWARES = {
    "1.15.0": "1.15",
    "21.44-running": "21.44",
    "24.36": "24.36",
    "pw3": "PW3",
    "pw3-key": "PW3 + key",
}
"""Snapshot by snapshot, the column that shows whether the entity was there."""

CONTROLS = ("button", "number", "select", "switch")

_SNAPSHOT = re.compile(r"^# name: test_the_(?:entities\[(?P<entities>.+)-\w+\]|controls\[(?P<controls>.+)\])$")
_ENTITY = re.compile(r"^ +'(\w+)\.\w+': dict\(\{$")
_KEY = re.compile(r"^ +'key': '(.+)',$")
_PART = re.compile(r"^(?:[A-Z0-9]{8,}|synchrometer[XY]|(inverter)_(?:\d+|powerwall))_")
_PREFIXES = {"powerwall": ".", "meter": ".", "inverter": "inverter."}
"""By table, the beginning of a key for a device's id."""

type Seen = dict[str, set[tuple[str, str]]]
type Described = tuple[str, GatewayEntityDescription[Any]]


def section() -> str:
    """Return everything between the two marks."""
    tables: dict[str, list[Described]] = {table: [] for table in TITLES}
    for platform in (*CONTROLS, "sensor", "binary_sensor", "event"):
        for description in DESCRIPTIONS[Platform(platform)]:
            tables[_table_of(platform, description)].append((platform, description))
    seen = _seen()
    parts = [BEGIN]
    for table, rows in tables.items():
        enabled = [row for row in rows if row[1].entity_registry_enabled_default]
        parts += [f"## {TITLES[table]}", _rows(table, enabled, seen)]
        if disabled := [row for row in rows if row not in enabled]:
            parts += ["<details><summary>Disabled by default</summary>", _rows(table, disabled, seen), "</details>"]
    return "\n\n".join((*parts, END))


def page() -> str:
    """Return the page with the tables as they should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{section()}{after}"


def unused_meanings() -> set[str]:
    """Return the meanings that no entity has."""
    used = {
        _meaning_key(table, _text_key(description))
        for platform, descriptions in DESCRIPTIONS.items()
        for description in descriptions
        for table in (_table_of(platform, description),)
    }
    return set(chain.from_iterable(MEANINGS.values())) - used


def _seen() -> Seen:
    """Return platform and key of the entities, by firmware; the keys of a device with a prefix for its id."""
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


def _table_of(platform: str, description: GatewayEntityDescription[Any]) -> str:
    if platform in CONTROLS:
        return "control"
    if description.devices_fn in {powerwalls, signed_powerwall_2s}:
        return "powerwall"
    if description.devices_fn in {inverters, powerwall_inverters}:
        return "inverter"
    return "gateway" if description.devices_fn is GatewayEntityDescription.devices_fn else "meter"


def _rows(table: str, described: list[Described], seen: Seen) -> str:
    """Return a table, in which entities that differ by a number share a row."""
    rows: dict[tuple[str, str], list[Described]] = {}
    for platform, description in described:
        rows.setdefault((platform, _text_key(description)), []).append((platform, description))
    head = f"| entity | meaning | unit | {' | '.join(FIRMWARES.values())} |\n|---|---|---|{':-:|' * len(FIRMWARES)}"
    by_name = sorted(rows.items(), key=lambda row: _name(row[1]))
    return "\n".join((head, *(_row(table, platform, key, same, seen) for (platform, key), same in by_name)))


def _row(table: str, platform: str, text_key: str, same: list[Described], seen: Seen) -> str:
    keys = {(platform, _PREFIXES.get(table, "") + description.key) for _, description in same}
    there = ["●" if keys & seen[firmware] else "" for firmware in FIRMWARES]
    found = _meaning_key(table, text_key)
    meaning = MEANINGS[table][found].format(text_key.removesuffix(found.removeprefix("*")))
    return f"| {' | '.join((f'**{_name(same)}**', meaning, _unit(*same[0]), *there))} |"


def _meaning_key(table: str, text_key: str) -> str:
    """Return the key of a meaning: the longest pattern that matches the text's key."""
    found: list[str] = [pattern for pattern in MEANINGS[table] if fnmatch(text_key, pattern)]
    assert found, f"give {text_key} a meaning under [{table}] in docs/dev/entity-meanings.toml"
    return max(found, key=len)


def _text_key(description: GatewayEntityDescription[Any]) -> str:
    return description.translation_key or description.key


def _name(same: list[Described]) -> str:
    platform, description = same[0]
    name: str = TEXTS["entity"][platform][_text_key(description)]["name"]
    numbers = sorted({(each.translation_placeholders or {}).get("number", "") for _, each in same})
    return name.format(number=f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else numbers[0])


def _unit(platform: str, description: GatewayEntityDescription[Any]) -> str:
    if platform in {"binary_sensor", "switch"}:
        return "on, off"
    if isinstance(description, GatewayEventDescription):
        return ", ".join(f"`{event}`" for event in description.event_types or ())
    unit = getattr(description, "suggested_unit_of_measurement", None)
    unit = unit or getattr(description, "native_unit_of_measurement", None)
    if unit:
        return str(unit)
    return {"enum": "text", "timestamp": "time", "uptime": "time"}.get(description.device_class or "", "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
