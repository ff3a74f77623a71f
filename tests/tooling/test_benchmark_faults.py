"""`scripts/bench faults`: every fault is injected and ends, and its impact is recorded and judged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from simulator import Simulator
from simulator.scenarios import UNKNOWN_GRID_STATE
from tests.conftest import StartSimulator
from tools.benchmarks import fault_list, impact as impact_module
from tools.benchmarks.fault_list import (
    AGGREGATES,
    BATTERY,
    CHARGE,
    FAULTS,
    GRID,
    GRID_STATUS,
    METERS,
    SYSTEM,
    Fault,
    of_part,
)
from tools.benchmarks.faults import failures, table, totals
from tools.benchmarks.impact import Availability, Impact, ImpactRecorder, polls
from tools.benchmarks.subjects import Entity
from tools.child_process import ProcessError
from tools.hass_process.log import errors_about, records

PATHS = (AGGREGATES, SYSTEM, GRID_STATUS, CHARGE)
PAUSE = 0.01


def entity(entity_id: str, key: str = "", part: str = "") -> Entity:
    return Entity(entity_id, key or entity_id, part)


def cost(**changes: Any) -> Impact:
    values: dict[str, Any] = {"fault": "one 502", "met": True, "of": 51, "hidden": 12, "beyond": ()}
    values |= {"hidden_after": 0.4, "back_after": 5.2, "polls": 1, "requests": 13, "records": 2, "most_records": 2}
    return Impact(**values | {"tracebacks": 0, "tasks_left": 0, "sockets_left": 0} | changes)


# -- the faults --------------------------------------------------------------------------------------------------------


class Client:
    """Replace a Home Assistant: poll all endpoints repeatedly and record the responses."""

    def __init__(self, gateway: Simulator, limit: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=limit)
        self.responses: list[tuple[str, int, bytes]] = []
        self.refused = 0
        self._gateway = gateway

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        """Poll in the background."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            task = asyncio.create_task(self._poll(session))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _poll(self, session: aiohttp.ClientSession) -> None:
        while True:
            for path in PATHS:
                try:
                    async with session.get(
                        f"{self._gateway.url}/api/{path}",
                        headers={"Cookie": "AuthCookie=ours"},
                        timeout=self._timeout,
                    ) as response:
                        self.responses.append((path, response.status, await response.read()))
                except aiohttp.ClientError, TimeoutError:
                    self.refused += 1
                if "ours" not in self._gateway.tokens:
                    await self._log_in(session)
            await asyncio.sleep(PAUSE)

    async def _log_in(self, session: aiohttp.ClientSession) -> None:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(f"{self._gateway.url}/api/login/Basic", json={}) as response:
                if response.status != 401:
                    self._gateway.tokens["ours"] = "Home_Owner"

    @property
    def affected(self) -> bool:
        """Return whether any response was not as usual."""
        return self.refused > 0 or not all(_is_usual(*item) for item in self.responses)


def _is_usual(path: str, status: int, body: bytes) -> bool:
    """Return whether a gateway with two Powerwalls returns this without a fault."""
    try:
        payload = json.loads(body)
    except ValueError:
        return False
    usual: dict[str, Callable[[], bool]] = {
        AGGREGATES: lambda: payload.keys() >= {"site", "battery", "load", "solar"},
        SYSTEM: lambda: len(payload.get("battery_blocks", ())) == 2 and payload["nominal_energy_remaining"] is not None,
        GRID_STATUS: lambda: payload["grid_status"] != UNKNOWN_GRID_STATE,
        CHARGE: lambda: payload["percentage"] is not None,
    }
    return status == 200 and usual[path]()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_fault_is_met_and_ends(simulator: StartSimulator, fault: Fault) -> None:
    gateway = await simulator("21.44")
    gateway.tokens["ours"] = "Home_Owner"
    client = Client(gateway, limit=0.2)
    async with client.polling():
        assert await fault.inject(gateway, 0.02) is not None
        await asyncio.sleep(PAUSE)
    assert client.affected
    again = Client(gateway, limit=10.0)
    gateway.tokens["ours"] = "Home_Owner"
    async with again.polling(), asyncio.timeout(10):
        while len(again.responses) < len(PATHS):
            await asyncio.sleep(PAUSE)
    assert not again.affected
    assert not gateway.faults.active


async def test_fault_without_requests_is_given_up(simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_list, "MET_WITHIN", 0.05)
    gateway = await simulator("21.44")
    assert [await fault.inject(gateway, 0.0) for fault in FAULTS if not fault.lasts] == [None] * 9
    assert not gateway.faults.active


def test_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 12


# -- dependencies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "on"),
    [
        ("sensor.solar_power", METERS),
        ("sensor.grid_import_energy", METERS),
        ("sensor.charge", BATTERY),
        ("sensor.time_to_full", BATTERY),
        ("binary_sensor.grid", GRID),
        ("binary_sensor.running", None),
        ("sensor.mode", None),
    ],
)
def test_entity_depends_on_its_own_endpoint(key: str, on: Any) -> None:
    assert [depends for depends in (METERS, BATTERY, GRID) if depends(entity("x", key))] == ([on] if on else [])


def test_entity_of_a_powerwall_is_found_by_its_serial() -> None:
    assert of_part("TG1")(entity("x", part="TG1"))
    assert not of_part("TG1")(entity("x", part="TG2"))


# -- availability ------------------------------------------------------------------------------------------------------


async def test_entity_is_hidden_until_it_has_a_value_again() -> None:
    watch = Availability([entity("a"), entity("b"), entity("never")])
    for entity_id, state in (("a", "1"), ("b", "2"), ("never", "unknown"), ("of another integration", "1")):
        watch.update(entity_id, state)
    watch.begin()
    assert watch.normal == {"a", "b"}
    began = watch.whole_at
    for entity_id in ("a", "never", "b"):
        watch.update(entity_id, "unavailable")
    watch.update("a", None)
    watch.update("b", "unknown")
    assert list(watch.hidden) == ["a", "b"]
    assert not await watch.is_whole(0.0)
    waiting = asyncio.create_task(watch.is_whole(10.0))
    await asyncio.sleep(0)
    watch.update("a", "1")
    await asyncio.sleep(0)
    assert not waiting.done()
    assert watch.whole_at == began
    watch.update("b", "2")
    assert await waiting
    assert watch.whole_at > began
    watch.begin()
    assert not watch.hidden


# -- impact ------------------------------------------------------------------------------------------------------------


def test_requests_in_quick_succession_are_one_poll() -> None:
    assert polls(0.0, []) == 0
    assert polls(0.0, [5.0]) == 1
    assert polls(0.0, [35.5, 5.0, 5.3, 5.6, 35.0, 65.0]) == 3
    assert polls(4.8, [35.5, 5.0, 5.3, 5.6, 35.0, 65.0]) == 2


class FakeSubject:
    """Replace a subject with its Home Assistant: poll a gateway's meters and show the result."""

    name = domain = "powerwall"

    def __init__(self, gateway: Simulator, log: Path, *, latches: bool = False, wakes: bool = True) -> None:
        self.watch = Availability([entity("a", "sensor.solar_power"), entity("b", "sensor.charge")])
        self.log = log
        self.tasks = 7
        self.reloads = 0
        self._gateway = gateway
        self._latches = latches
        """Stop for good at an invalid response."""

        self._wakes = wakes
        """Continue after a reload."""

        self._stopped = False
        self._say("powerwall begins")

    def _say(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"2026-11-26 10:00:00.000 ERROR (MainThread) [x] {text}\n")

    async def probe(self) -> dict[str, int]:
        """Return its resources."""
        return {"tasks": self.tasks, "sockets": 3}

    async def reload(self) -> None:
        """Reload."""
        self.reloads += 1
        self._stopped = not self._wakes

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[ImpactRecorder]:
        """Poll in the background."""
        self._gateway.tokens["ours"] = "Home_Owner"
        subject: Any = self
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            await self._poll(session)
            task = asyncio.create_task(self._go_on(session))
            recorder = ImpactRecorder(subject, self._gateway, self.watch)
            await recorder.settle()
            yield recorder
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _go_on(self, session: aiohttp.ClientSession) -> None:
        while True:
            if not self._stopped:
                await self._poll(session)
            await asyncio.sleep(PAUSE)

    async def _poll(self, session: aiohttp.ClientSession) -> None:
        url = f"{self._gateway.url}/api/{AGGREGATES}"
        async with session.get(url, headers={"Cookie": "AuthCookie=ours"}) as response:
            good = response.status == 200
        self.watch.update("b", "2")
        self.watch.update("a", "1" if good else "unavailable")
        if not good:
            self._say("powerwall has failed\nTraceback (most recent call last):\n  File x")
            self._say("something else")
            self._stopped = self._latches


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hundredths of a second instead of seconds."""
    for name in ("LEEWAY", "BETWEEN_READINGS", "LEFT_WITHIN"):
        monkeypatch.setattr(impact_module, name, PAUSE)
    monkeypatch.setattr(impact_module, "SAME_POLL", 0.0)


TIME_LIMIT = 0.3
"""Seconds until a missing recovery is given up."""


ONE_502 = FAULTS[0]


@pytest.mark.usefixtures("short_waits")
async def test_impact_of_a_subject_that_recovers(simulator: StartSimulator, tmp_path: Path) -> None:
    subject = FakeSubject(await simulator("21.44"), tmp_path / "output.log")
    async with subject.polling() as recorder:
        impact = await recorder.record(ONE_502, 1.0)
    assert (impact.met, impact.hidden, impact.of, impact.beyond) == (True, 1, 2, ())
    assert impact.hidden_after is not None
    assert impact.back_after is not None
    assert impact.polls == 1
    assert impact.requests >= 2
    assert (impact.records, impact.tracebacks, impact.most_records) == (1, 1, 2)
    assert (impact.tasks_left, impact.sockets_left, subject.reloads) == (0, 0, 0)


@pytest.mark.usefixtures("short_waits")
async def test_subject_that_stops_is_reloaded(
    simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impact_module, "BACK_WITHIN", TIME_LIMIT)
    subject = FakeSubject(await simulator("21.44"), tmp_path / "output.log", latches=True)
    async with subject.polling() as recorder:
        impact = await recorder.record(ONE_502, 1.0)
        assert (impact.back_after, impact.polls, subject.reloads) == (None, 0, 1)
        assert impact.summary == "1 of 2 hidden, STOPPED until reloaded"
        assert await subject.watch.is_whole(0.0)


@pytest.mark.usefixtures("short_waits")
async def test_subject_that_never_recovers_ends_the_run(
    simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BACK_WITHIN", "LOADED_WITHIN"):
        monkeypatch.setattr(impact_module, name, TIME_LIMIT)
    subject = FakeSubject(await simulator("21.44"), tmp_path / "output.log", latches=True, wakes=False)
    async with subject.polling() as recorder:
        with pytest.raises(ProcessError, match="does not recover"):
            await recorder.record(ONE_502, 1.0)
    assert subject.reloads == impact_module.RELOADS


@pytest.mark.usefixtures("short_waits")
async def test_leaks_and_unrelated_entities_are_recorded(simulator: StartSimulator, tmp_path: Path) -> None:
    subject = FakeSubject(await simulator("21.44"), tmp_path / "output.log")
    elsewhere = replace(ONE_502, depends=lambda _: GRID)
    async with subject.polling() as recorder:
        subject.tasks += 2
        impact = await recorder.record(elsewhere, 1.0)
    assert (impact.tasks_left, impact.sockets_left, impact.beyond) == (2, 0, ("a",))


def test_log_records_include_tracebacks(tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    log.write_text(
        "before it all\n"
        "2026-11-26 10:00:00.000 ERROR (MainThread) [powerwall] Failed\nTraceback (most recent call last):\n  x\n"
        "2026-11-26 10:00:01.000+00:00 WARNING (MainThread) [powerwall] Slow\n",
        encoding="utf-8",
    )
    assert [(record.level, record.has_traceback) for record in records(log)] == [("ERROR", True), ("WARNING", False)]
    assert [error.endswith("  x") for error in errors_about(log, "powerwall")] == [True]
    assert errors_about(log, "another") == []


# -- the result -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({}, []),
        ({"hidden": 0, "hidden_after": None, "back_after": 0.0, "polls": 0}, []),
        ({"met": False}, ["sent no more requests"]),
        ({"beyond": ("sensor.x",)}, ["hidden without need: sensor.x"]),
        ({"back_after": None, "polls": 0}, ["not back until reloaded"]),
        ({"polls": 2}, ["back after 2 polls"]),
        ({"records": 3}, ["3 log records"]),
        ({"records": 4, "most_records": 4}, []),
        ({"tracebacks": 1}, ["1 tracebacks"]),
        ({"tasks_left": 1, "sockets_left": 2}, ["1 tasks left", "2 sockets left"]),
    ],
)
def test_unexpected_impact_is_a_failure(changes: dict[str, Any], failure: list[str]) -> None:
    assert list(failures(cost(**changes))) == failure


def test_table_has_both_subjects_of_each_fault() -> None:
    stopped = cost(of=37, hidden=37, hidden_after=0.2, back_after=None, polls=0, requests=9, records=4, tracebacks=3)
    nothing = cost(hidden=0, hidden_after=None, back_after=0.0, polls=0)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table({"core": [stopped, cost(met=False)], "ours": [cost(), nothing]}))
    rows = [" ".join(line.split()) for line in capture.get().splitlines() if "one 502" in line]
    assert rows == [
        "one 502 37 of 37 0.2 s STOPPED 0 9 4, 3 tracebacks 12 of 51 0.4 s 5.2 s 1 13 2",
        "one 502 no request none 13 2",
    ]
    assert totals([stopped, nothing]) == (
        "1 of 2 faults hid something, 1 stopped it for good; 6 log records, 3 of them with a traceback"
    )
