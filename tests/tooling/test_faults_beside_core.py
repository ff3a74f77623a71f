"""`scripts/bench faults` has faults happen as it says, counts what they cost, and sees where ours does not hold."""

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
from tests.conftest import StartSimulator
from tools.benchmarks.facts import Shown
from tools.child_process import ProcessError
from tools.faults import dozen, suffering
from tools.faults.dozen import AGGREGATES, CHARGE, DOZEN, GRID_STATUS, SYSTEM, UNHEARD_OF, Fault
from tools.faults.standing import BATTERY, GRID, METERS, of_part
from tools.faults.suffering import Suffered, Sufferer, polls
from tools.faults.verdict import complaints, sums, table
from tools.faults.watch import Watch
from tools.hass_process.log import errors_about, records

PATHS = (AGGREGATES, SYSTEM, GRID_STATUS, CHARGE)
PAUSE = 0.01


def shown(entity_id: str, key: str = "", part: str = "") -> Shown:
    return Shown(key or entity_id, part, "", entity_id, "1", None, on_by_default=True)


def cost(**changes: Any) -> Suffered:
    values: dict[str, Any] = {"fault": "one 502", "met": True, "of": 51, "hidden": 12, "beyond": ()}
    values |= {"hidden_after": 0.4, "back_after": 5.2, "polls": 1, "requests": 13, "records": 2, "most_records": 2}
    return Suffered(**values | {"tracebacks": 0, "tasks_left": 0, "sockets_left": 0} | changes)


# -- the faults --------------------------------------------------------------------------------------------------------


class Client:
    """In place of a Home Assistant: asks for everything again and again, and notes what it gets."""

    def __init__(self, gateway: Simulator) -> None:
        self.answers: list[tuple[str, int, bytes]] = []
        self.refused = 0
        self._gateway = gateway

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        """Go on asking."""
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
                        timeout=aiohttp.ClientTimeout(total=0.2),
                    ) as response:
                        self.answers.append((path, response.status, await response.read()))
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
    def harmed(self) -> bool:
        """Whether anything that came was not as usual."""
        return self.refused > 0 or not all(_is_usual(*answer) for answer in self.answers)


def _is_usual(path: str, status: int, body: bytes) -> bool:
    """Tell whether a gateway with two Powerwalls answers so when all is well."""
    try:
        payload = json.loads(body)
    except ValueError:
        return False
    usual: dict[str, Callable[[], bool]] = {
        AGGREGATES: lambda: payload.keys() >= {"site", "battery", "load", "solar"},
        SYSTEM: lambda: len(payload.get("battery_blocks", ())) == 2 and payload["nominal_energy_remaining"] is not None,
        GRID_STATUS: lambda: payload["grid_status"] != UNHEARD_OF,
        CHARGE: lambda: payload["percentage"] is not None,
    }
    return status == 200 and usual[path]()


@pytest.mark.parametrize("fault", DOZEN, ids=lambda fault: fault.name)
async def test_a_fault_is_met_and_then_over(simulator: StartSimulator, fault: Fault) -> None:
    gateway = await simulator("21.44")
    gateway.tokens["ours"] = "Home_Owner"
    client = Client(gateway)
    async with client.polling():
        assert await fault.happen(gateway, 0.02) is not None
        await asyncio.sleep(PAUSE)
    assert client.harmed
    again = Client(gateway)
    gateway.tokens["ours"] = "Home_Owner"
    async with again.polling(), asyncio.timeout(10):
        while len(again.answers) < len(PATHS):
            await asyncio.sleep(PAUSE)
    assert not again.harmed
    assert not gateway.faults.active


async def test_a_fault_that_nobody_meets_is_not_waited_for(
    simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dozen, "MET_WITHIN", 0.05)
    gateway = await simulator("21.44")
    assert [await fault.happen(gateway, 0.0) for fault in DOZEN if not fault.lasts] == [None] * 9
    assert not gateway.faults.active


def test_the_names_are_all_different() -> None:
    assert len({fault.name for fault in DOZEN}) == len(DOZEN) >= 12


# -- what stands on what -----------------------------------------------------------------------------------------------


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
def test_an_entity_stands_on_its_own_endpoint(key: str, on: Any) -> None:
    assert [hides for hides in (METERS, BATTERY, GRID) if hides(shown("x", key))] == ([on] if on else [])


def test_what_is_about_a_powerwall_is_told_by_its_serial() -> None:
    assert of_part("TG1")(shown("x", part="TG1"))
    assert not of_part("TG1")(shown("x", part="TG2"))


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_what_shows_nothing_is_hidden_until_it_does_again() -> None:
    watch = Watch([shown("a"), shown("b"), shown("never")])
    for entity_id, state in (("a", "1"), ("b", "2"), ("never", "unknown"), ("of another integration", "1")):
        watch.hear(entity_id, state)
    watch.begin()
    assert watch.normal == {"a", "b"}
    began = watch.whole_at
    for entity_id in ("a", "never", "b"):
        watch.hear(entity_id, "unavailable")
    watch.hear("a", None)
    watch.hear("b", "unknown")
    assert list(watch.hidden) == ["a", "b"]
    assert not await watch.is_whole(0.0)
    waiting = asyncio.create_task(watch.is_whole(10.0))
    await asyncio.sleep(0)
    watch.hear("a", "1")
    await asyncio.sleep(0)
    assert not waiting.done()
    assert watch.whole_at == began
    watch.hear("b", "2")
    assert await waiting
    assert watch.whole_at > began
    watch.begin()
    assert not watch.hidden


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_requests_that_follow_each_other_closely_are_one_poll() -> None:
    assert polls(0.0, []) == 0
    assert polls(0.0, [5.0]) == 1
    assert polls(0.0, [35.5, 5.0, 5.3, 5.6, 35.0, 65.0]) == 3
    assert polls(4.8, [35.5, 5.0, 5.3, 5.6, 35.0, 65.0]) == 2


class Standing:
    """In place of a side with its Home Assistant: polls a gateway's meters, and shows what it hears of them."""

    name = domain = "powerwall"

    def __init__(self, gateway: Simulator, log: Path, *, latches: bool = False, wakes: bool = True) -> None:
        self.watch = Watch([shown("a", "sensor.solar_power"), shown("b", "sensor.charge")])
        self.log = log
        self.tasks = 7
        self.reloads = 0
        self._gateway = gateway
        self._latches = latches
        """Whether it stops for good when an answer is bad."""

        self._wakes = wakes
        """Whether it goes on when it is loaded anew."""

        self._stopped = False
        self._say("powerwall begins")

    def _say(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"2026-11-26 10:00:00.000 ERROR (MainThread) [x] {text}\n")

    async def probe(self) -> dict[str, int]:
        """Tell what it holds."""
        return {"tasks": self.tasks, "sockets": 3}

    async def reload(self) -> None:
        """Begin anew."""
        self.reloads += 1
        self._stopped = not self._wakes

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[Sufferer]:
        """Go on polling."""
        self._gateway.tokens["ours"] = "Home_Owner"
        side: Any = self
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            await self._poll(session)
            task = asyncio.create_task(self._go_on(session))
            sufferer = Sufferer(side, self._gateway, self.watch)
            await sufferer.settle()
            yield sufferer
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
        self.watch.hear("b", "2")
        self.watch.hear("a", "1" if good else "unavailable")
        if not good:
            self._say("powerwall has failed\nTraceback (most recent call last):\n  File x")
            self._say("something else")
            self._stopped = self._latches


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for hundredths of seconds where it is seconds."""
    for name in ("LEEWAY", "BETWEEN_LOOKS", "LEFT_WITHIN"):
        monkeypatch.setattr(suffering, name, PAUSE)
    monkeypatch.setattr(suffering, "SAME_POLL", 0.0)


GIVEN_UP = 0.3
"""Seconds after which nobody waits any longer for what does not come."""


ONE_502 = DOZEN[0]


@pytest.mark.usefixtures("impatient")
async def test_a_side_that_comes_back_has_its_costs_counted(simulator: StartSimulator, tmp_path: Path) -> None:
    side = Standing(await simulator("21.44"), tmp_path / "output.log")
    async with side.polling() as sufferer:
        suffered = await sufferer.suffer(ONE_502, 1.0)
    assert (suffered.met, suffered.hidden, suffered.of, suffered.beyond) == (True, 1, 2, ())
    assert suffered.hidden_after is not None
    assert suffered.back_after is not None
    assert suffered.polls == 1
    assert suffered.requests >= 2
    assert (suffered.records, suffered.tracebacks, suffered.most_records) == (1, 1, 2)
    assert (suffered.tasks_left, suffered.sockets_left, side.reloads) == (0, 0, 0)


@pytest.mark.usefixtures("impatient")
async def test_a_side_that_stops_is_loaded_anew(
    simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suffering, "BACK_WITHIN", GIVEN_UP)
    side = Standing(await simulator("21.44"), tmp_path / "output.log", latches=True)
    async with side.polling() as sufferer:
        suffered = await sufferer.suffer(ONE_502, 1.0)
        assert (suffered.back_after, suffered.polls, side.reloads) == (None, 0, 1)
        assert suffered.in_words == "1 of 2 hidden, STOPPED until reloaded"
        assert await side.watch.is_whole(0.0)


@pytest.mark.usefixtures("impatient")
async def test_a_side_that_stays_away_ends_the_run(
    simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BACK_WITHIN", "LOADED_WITHIN"):
        monkeypatch.setattr(suffering, name, GIVEN_UP)
    side = Standing(await simulator("21.44"), tmp_path / "output.log", latches=True, wakes=False)
    async with side.polling() as sufferer:
        with pytest.raises(ProcessError, match="does not come back"):
            await sufferer.suffer(ONE_502, 1.0)
    assert side.reloads == suffering.RELOADS


@pytest.mark.usefixtures("impatient")
async def test_what_stays_and_what_is_hidden_without_need_is_seen(simulator: StartSimulator, tmp_path: Path) -> None:
    side = Standing(await simulator("21.44"), tmp_path / "output.log")
    elsewhere = replace(ONE_502, hides=lambda _: GRID)
    async with side.polling() as sufferer:
        side.tasks += 2
        suffered = await sufferer.suffer(elsewhere, 1.0)
    assert (suffered.tasks_left, suffered.sockets_left, suffered.beyond) == (2, 0, ("a",))


def test_records_of_the_log_have_their_tracebacks(tmp_path: Path) -> None:
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


# -- the verdict -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, []),
        ({"hidden": 0, "hidden_after": None, "back_after": 0.0, "polls": 0}, []),
        ({"met": False}, ["did not ask any more"]),
        ({"beyond": ("sensor.x",)}, ["hidden without need: sensor.x"]),
        ({"back_after": None, "polls": 0}, ["not back until loaded anew"]),
        ({"polls": 2}, ["back after 2 polls"]),
        ({"records": 3}, ["3 log records"]),
        ({"records": 4, "most_records": 4}, []),
        ({"tracebacks": 1}, ["1 tracebacks"]),
        ({"tasks_left": 1, "sockets_left": 2}, ["1 tasks stay", "2 sockets stay"]),
    ],
)
def test_what_a_fault_should_not_have_cost_is_said(changes: dict[str, Any], complaint: list[str]) -> None:
    assert list(complaints(cost(**changes))) == complaint


def test_the_table_has_both_sides_of_each_fault() -> None:
    stopped = cost(of=37, hidden=37, hidden_after=0.2, back_after=None, polls=0, requests=9, records=4, tracebacks=3)
    nothing = cost(hidden=0, hidden_after=None, back_after=0.0, polls=0)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table({"core": [stopped, cost(met=False)], "ours": [cost(), nothing]}))
    rows = [" ".join(line.split()) for line in capture.get().splitlines() if "one 502" in line]
    assert rows == [
        "one 502 37 of 37 0.2 s STOPPED 0 9 4, 3 tracebacks 12 of 51 0.4 s 5.2 s 1 13 2",
        "one 502 did not ask none 13 2",
    ]
    assert sums([stopped, nothing]) == (
        "1 of 2 faults hid something, 1 stopped it for good; 6 log records, 3 of them with a traceback"
    )
