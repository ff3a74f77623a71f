"""Every link and command in the README and the docs works."""

from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
import re
from runpy import run_module
import sys
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TRANSLATIONS: Final = ROOT / "custom_components" / "powerwall_gateway" / "translations"
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES: Final = [str(page.relative_to(ROOT)) for page in PAGES]

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|src(?:set)?=\"([^\"]+)\"", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\[[^\]\n]+\]\[([^\]\n]+)\]")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"(?:scripts/|python -m )[\w./-]+(?: --[\w-]+| [a-z]+\b)?")


@pytest.mark.parametrize("name", NAMES)
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    page = ROOT / name
    for link in _links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name} links to {link}"
        if anchor:
            assert anchor in _anchors(target), f"{name} links to {link}"


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in _links(page)}
    pictures = {picture for picture in (ROOT / "docs" / "images").iterdir() if picture.suffix == ".png"}
    assert pictures - shown == set()


@pytest.mark.parametrize(("start", "folder"), [("README.md", "docs"), ("CONTRIBUTING.md", "docs/dev")])
def test_every_page_is_linked_to(start: str, folder: str) -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in _links(ROOT / start)}
    assert {page for page in PAGES if page.parent == ROOT / folder} - linked == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_merge_was_left_half_done(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("<<<<<<< ", ">>>>>>> "))] == []


def test_every_command_exists() -> None:
    """Check the commands of all pages at once: a module's help is requested once."""
    for name in NAMES:
        for command in _COMMAND.findall((ROOT / name).read_text(encoding="utf-8")):
            program, *words = command.removeprefix("python -m ").split(" ")
            if program.startswith("scripts/"):
                assert (ROOT / program).stat().st_mode & 0o100, f"{name} says {command}"
            else:
                assert find_spec(program), f"{name} says {command}"
            for word in words:
                if word != "--help":
                    assert _knows(program, word), f"{name} says {command}"


def test_every_measured_time_of_the_readme_is_in_the_report() -> None:
    times = set(re.findall(r"\d+\.\d+ s\b", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert times
    report = (ROOT / "docs" / "dev" / "performance.md").read_text(encoding="utf-8")
    assert {time for time in times if f"| {time} |" not in report} == set()


def test_every_claim_of_security_names_tests_that_there_are() -> None:
    page = (ROOT / "docs" / "dev" / "security.md").read_text(encoding="utf-8")
    _, *claims = page.split("\n- **")
    assert len(claims) > 10
    for claim in claims:
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", claim.partition("\n\n")[0])
        assert named, f"nothing holds: {claim}"
        for file, test in named:
            there = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file))
            assert re.search(rf"def {test}\(", there), f"{file} has no {test}"


def _knows(program: str, word: str) -> bool:
    """Return whether a script, or the module that it runs, has such an option or subcommand."""
    modules = [program]
    if program.startswith("scripts/"):
        script = (ROOT / program).read_text(encoding="utf-8")
        if f"{word})" in script or (ROOT / word).is_dir():
            return True
        modules = [_WHOLE.get(module, module) for module in re.findall(r"-m ([\w.]+)", script)]
    return any(re.search(rf"(?<!\w){word}\b", _help(module)) for module in modules)


_WHOLE: Final = {"gateway": "custom_components.powerwall_gateway.gateway"}


def test_links_of_forms_lead_to_a_page() -> None:
    linked = re.findall(r"\{docs\}/([\w-]+\.md)(?:#([\w-]+))?", (TRANSLATIONS / "en.json").read_text(encoding="utf-8"))
    assert linked
    for page, anchor in linked:
        assert (ROOT / "docs" / page).exists()
        assert not anchor or anchor in _anchors(ROOT / "docs" / page), f"{page}#{anchor}"


@cache
def _help(module: str) -> str:
    """Return the help of a module. It runs in this process, which has imported Home Assistant already."""
    output = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), suppress(SystemExit):
        patch.setattr(sys, "argv", [module, "--help"])
        run_module(module, run_name="__main__", alter_sys=True)
    return output.getvalue()


def _links(page: Path) -> Iterator[str]:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for groups in _LINK.findall(text):
        yield next(filter(None, groups))
    for reference in _REFERENCE.findall(text):
        assert f"\n[{reference}]: " in text, f"{page.name} has no address for [{reference}]"


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a rendered page: its headings in small letters, spaces as dashes."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}
