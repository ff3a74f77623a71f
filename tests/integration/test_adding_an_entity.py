"""Apply the examples of `docs/dev/adding-an-entity.md` to a copy of the integration, and test their entities."""

import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
from textwrap import indent
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "dev" / "adding-an-entity.md"
INTEGRATION: Final = Path("custom_components") / "powerwall_gateway"

_STEP: Final = re.compile(
    r"^Add [\w ]+ to (?:`(?P<target>\w+)` in )?`(?P<file>[\w./]+)`:\n\n```\w+\n(?P<snippet>.*?)```$",
    re.MULTILINE | re.DOTALL,
)

_CONFTEST: Final = 'pytest_plugins = ["tests.conftest", "tests.integration.conftest"]\n'
_NEXT_RELEASE: Final = "tests.next_release"
"""The plugin of `scripts/test --next`."""

_TEST: Final = """
from tests.integration.conftest import state_of
from tests.integration.control import entity_of


async def test_example_sensor_shows_the_field(hass, simulator, set_up):
    gateway = await simulator("21.44")
    await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "load_shedding_charge") == "75"
    assert hass.states.get(entity_of(hass, gateway, "sensor", "load_shedding_charge")).name.endswith(
        "Load shedding charge"
    )


async def test_example_number_changes_the_gateway(hass, old):
    gateway, _ = old
    number = entity_of(hass, gateway, "number", "solar_export_limit")
    await hass.services.async_call("number", "set_value", {"entity_id": number, "value": 4.2}, blocking=True)
    assert gateway.gateway.operation.max_pv_export == 4.2
    assert hass.states.get(number).state == "4.2"
"""


def test_documented_examples_add_working_entities(tmp_path: Path) -> None:
    shutil.copytree(ROOT / INTEGRATION, tmp_path / INTEGRATION, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "custom_components" / "__init__.py", tmp_path / "custom_components")
    for shared in ("blueprints", "pyproject.toml", "simulator", "tests", "tools"):
        (tmp_path / shared).symlink_to(ROOT / shared)
    steps = list(_STEP.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(steps) == 8
    for step in steps:
        _apply(tmp_path / INTEGRATION / step["file"], step["target"], step["snippet"])
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_examples.py").write_text(_TEST)
    next_release = ["-p", _NEXT_RELEASE] if _NEXT_RELEASE in sys.modules else []
    run = subprocess.run(  # noqa: S603 -- pytest on a copy of this repository
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *next_release, "test_examples.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr


def _apply(file: Path, target: str | None, snippet: str) -> None:
    """Merge a snippet into a JSON file, or insert it at the beginning of a tuple or before the methods of a class."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        merged = _merge(json.loads(text), json.loads(snippet))
        file.write_text(json.dumps(merged, ensure_ascii=False), encoding="utf-8")
        return
    begin = re.search(rf"^(?:{target}\b.* = \(\n|class {target}\b(?:.|\n)*?\n(?=    async def ))", text, re.MULTILINE)
    assert begin, f"{file.name} has no {target}"
    inserted = indent(snippet.rstrip(), "    ") + ("\n\n" if snippet.startswith("async def") else ",\n")
    file.write_text(text[: begin.end()] + inserted + text[begin.end() :], encoding="utf-8")


def _merge(into: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    for key, value in more.items():
        into[key] = _merge(into[key], value) if isinstance(value, dict) and key in into else value
    return into
