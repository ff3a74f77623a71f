"""The modules import each other as `docs/dev/architecture.md` shows: by layer, and without cycles."""

from pathlib import Path
import re
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "custom_components.powerwall_gateway"
CLIENT: Final = f"{PACKAGE}.gateway"
PLATFORMS: Final = ("binary_sensor", "button", "event", "number", "select", "sensor", "switch")

RUNNING: Final = grimp.build_graph("custom_components", exclude_type_checking_imports=True, cache_dir=None)
"""Imports at runtime."""

WRITTEN: Final = grimp.build_graph("custom_components", include_external_packages=True, cache_dir=None)
"""All imports: those of the type checker and of external packages, too."""

type Arrows = set[tuple[str, str]]
"""From a module to one that imports it."""


def test_client_imports_nothing_of_home_assistant() -> None:
    for module in {CLIENT} | WRITTEN.find_descendants(CLIENT):
        for imported in WRITTEN.find_modules_directly_imported_by(module):
            assert imported != "homeassistant", module
            assert not imported.startswith(PACKAGE) or imported.startswith(CLIENT), f"{module} reaches above the client"


def test_integration_imports_the_public_client() -> None:
    within = WRITTEN.find_descendants(CLIENT)
    public = {f"{CLIENT}.models", f"{CLIENT}.text_redaction"} | WRITTEN.find_descendants(f"{CLIENT}.signed")
    for module in {PACKAGE} | WRITTEN.find_descendants(PACKAGE) - within - {CLIENT}:
        assert WRITTEN.find_modules_directly_imported_by(module) & within <= public, module


def test_entities_import_only_their_layers() -> None:
    """Entities know coordinators and models, and neither the client nor the wire."""
    layers = {
        "alert_meanings",
        "control",
        "coordinator",
        "const",
        "data",
        "device_ids",
        "energy_filter",
        "entity",
        "estimates",
    }
    layers |= {
        "estimates",
        "flow_split",
        "sub_devices",
        "grid_log",
        "sensor_devices",
        "storage",
        "gateway.models",
    }
    for platform in (*PLATFORMS, "sensor_devices", "entity"):
        assert _modules_imported_by(platform) <= layers


def test_imports_have_no_cycle() -> None:
    """Imports of the type checker count, too."""
    for module in WRITTEN.modules:
        for imported in WRITTEN.find_modules_directly_imported_by(module):
            cycle = WRITTEN.find_shortest_chain(importer=imported, imported=module)
            assert cycle is None, f"{' → '.join(cycle)} → {imported}"


@pytest.mark.parametrize("drawn", ["within", "around"])
def test_diagram_shows_the_imports(drawn: str) -> None:
    """The diagram has an arrow for each import that does not follow from other arrows, and no other one."""
    drawing, labeled = _drawing()
    package = CLIENT if drawn == "within" else PACKAGE
    boxes = {box: _modules(package, names) for box, names in labeled[drawn].items()}
    assert drawing[drawn] == _without_implied(_imports_between(boxes))


def _modules_imported_by(module: str) -> set[str]:
    imported = WRITTEN.find_modules_directly_imported_by(f"{PACKAGE}.{module.removeprefix(f'{PACKAGE}.')}")
    return {name.removeprefix(f"{PACKAGE}.") for name in imported if name.startswith(f"{PACKAGE}.")}


# -- the drawing -------------------------------------------------------------------------------------------------------


def _drawing() -> tuple[dict[str, Arrows], dict[str, dict[str, list[str]]]]:
    """Read the arrows within the client and around it, and which modules each box stands for."""
    page = (ROOT / "docs" / "dev" / "architecture.md").read_text(encoding="utf-8")
    text = page.partition("```mermaid\n")[2].partition("```")[0]
    within, _, after = text.partition("subgraph gateway")[2].partition("\n  end\n")
    parts = {"within": within.partition("\n")[2], "around": after}
    drawing = {part: _arrows(lines) for part, lines in parts.items()}
    labels = {box: re.findall(r"\b\w+\b", label.replace("<br>", " ")) for box, label in _LABEL.findall(text)}
    labeled = {
        part: {box: labels.get(box, [box]) for box in {box for arrow in arrows for box in arrow}}
        for part, arrows in drawing.items()
    }
    return drawing, labeled


_LABEL: Final = re.compile(r"(\w+)\[\"(.*?)\"\]")


def _arrows(text: str) -> Arrows:
    """Read lines like `a --> b & c --> d`."""
    found: Arrows = set()
    for line in _LABEL.sub(r"\1", text).splitlines():
        if "-->" in line:
            stages = [[box.strip() for box in stage.split("&")] for stage in line.split("-->")]
            found |= {(before, after) for i, stage in enumerate(stages[1:]) for before in stages[i] for after in stage}
    return found


# -- imports -----------------------------------------------------------------------------------------------------------


def _modules(package: str, names: list[str]) -> set[str]:
    modules = {f"{package}.{name}" for name in names}
    assert modules <= RUNNING.modules
    return modules.union(*(RUNNING.find_descendants(module) for module in modules))


def _imports_between(boxes: dict[str, set[str]]) -> Arrows:
    return {
        (before, after)
        for before, imported in boxes.items()
        for after, importing in boxes.items()
        if before != after and any(RUNNING.find_modules_directly_imported_by(module) & imported for module in importing)
    }


def _without_implied(arrows: Arrows) -> Arrows:
    """Leave out every arrow next to a longer way of other ones."""
    return {(start, end) for start, end in arrows if end not in _reached(start, arrows - {(start, end)})}


def _reached(start: str, arrows: Arrows) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        module = ahead.pop()
        further = {after for before, after in arrows if before == module} - reached
        reached |= further
        ahead += further
    return reached
