"""`scripts/bench outage`, `cost` and `scale`: counters, times, figures and targets."""

from argparse import ArgumentTypeError
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
import json
from pathlib import Path
import sqlite3
from time import sleep, thread_time
from typing import Any, override

import pytest
from rich.console import Console

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from simulator import Simulator
from tests.conftest import StartSimulator
from tools.benchmarks import plain_client, plot, scale
from tools.benchmarks.metrics import (
    CORE_CADENCE,
    DEFAULT,
    Cost,
    Sample,
    count_rows,
    figures as cost_figures,
    resident_memory,
)
from tools.benchmarks.outage import (
    CORE_CYCLE,
    Detection,
    GridWatcher,
    Outage,
    OutageRunner,
    figures as outage_figures,
    plan,
)
from tools.benchmarks.probe import Blocks, FirstState
from tools.benchmarks.report import NEVER, Figure, Target, percentile, report, table
from tools.benchmarks.subjects import ControlApi, Gateway, Subject
from tools.dev_server.target import Target as Address


def printed(figures: list[Figure]) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table("Measured", figures))
    return capture.get()


# -- figures -----------------------------------------------------------------------------------------------------------


def test_percentile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0, 10.0, 6.0, 9.0, 8.0, 7.0]
    assert [percentile(values, percent) for percent in (0, 10, 50, 90, 100)] == [1, 1, 5, 9, 10]
    assert percentile([3.0], 50) == 3
    assert percentile([1.0, NEVER], 100) == NEVER


@pytest.mark.parametrize(
    ("core", "ours", "target", "reached"),
    [
        (10.0, 5.0, None, None),
        (10.0, 5.0, Target(ratio=0.5), True),
        (10.0, 5.1, Target(ratio=0.5), False),
        (10.0, 1.5, Target(value=1.5), True),
        (10.0, 1.6, Target(value=1.5), False),
        (10.0, 4.0, Target(ratio=0.5, value=1.5), False),
        (NEVER, 4.0, Target(ratio=0.5), True),
        (10.0, NEVER, Target(ratio=0.5), False),
        (0.0, 0.0, Target(value=0), True),
    ],
)
def test_target_is_reached_or_missed(core: float, ours: float, target: Target | None, reached: bool | None) -> None:
    assert Figure("something", "s", 1, core, ours, target).reached is reached


def test_table_shows_targets() -> None:
    lines = printed(
        [
            Figure("fast", "s", 1, 16.82, 0.41, Target(ratio=0.05), idle=0.1),
            Figure("slow", "s", 1, 1.0, 2.0, Target(value=1.5)),
            Figure("lost", "s", 1, NEVER, 2.0),
        ]
    ).splitlines()
    (fast,) = (line.split() for line in lines if "fast" in line)
    (slow,) = (line.split() for line in lines if "slow" in line)
    (lost,) = (line.split() for line in lines if "lost" in line)
    assert fast == ["fast,", "s", "0.1", "16.8", "0.4", "0.0244", "≤", "0.05", "x", "core", "reached"]
    assert slow == ["slow,", "s", "1.0", "2.0", "2", "≤", "1.5", "MISSED"]
    assert lost == ["lost,", "s", "never", "2.0"]


def test_report_is_json_without_infinity() -> None:
    figure = Figure("lost", "s", 1, NEVER, 2.0, Target(ratio=0.05))
    written = json.loads(json.dumps(report("outage", {"seed": 1}, [figure], {}), allow_nan=False))
    (read,) = written["figures"]
    assert (read["core"], read["ours"], read["ratio"]) == (None, 2.0, None)
    assert (read["target"], read["reached"]) == ({"ratio": 0.05}, True)


# -- outages -----------------------------------------------------------------------------------------------------------


def test_same_seed_plans_same_outages() -> None:
    outages = plan(30, 6, seed=1)
    assert outages == plan(30, 6, seed=1) != plan(30, 6, seed=2)
    assert Counter(outage.lasts for outage in outages) == {None: 30, 5: 6, 10: 6}
    assert all(0 <= outage.wait <= CORE_CYCLE for outage in outages)


def test_detections_become_statistics() -> None:
    core = [Detection(None, after) for after in (3.0, 16.0, 30.0)] + [
        Detection(5, NEVER),
        Detection(5, 4.0),
        Detection(10, NEVER),
    ]
    ours = [Detection(None, after) for after in (0.3, 0.7, 1.6)] + [
        Detection(5, 1.0),
        Detection(5, 1.0),
        Detection(10, 0.5),
    ]
    rows = outage_figures(core, ours, 100)
    assert [(row.core, row.ours, row.reached) for row in rows] == [
        (16.0, 0.7, True),
        (30.0, 1.6, None),
        (30.0, 1.6, False),
        (1, 0, True),
        (1, 0, True),
    ]
    assert outage_figures(core, ours, 1000)[2].reached is True


class PollingWatcher(GridWatcher):
    """Replace a Home Assistant: poll the simulated gateway while an event is set."""

    @asynccontextmanager
    async def polling(self, gateway: Simulator, enabled: asyncio.Event) -> AsyncIterator[None]:
        """Poll in the background."""

        async def poll() -> None:
            while True:
                await enabled.wait()
                self.update("on" if gateway.home.grid_status == "SystemGridConnected" else "off")
                await asyncio.sleep(0.005)

        task = asyncio.create_task(poll())
        yield
        task.cancel()

    @override
    async def poll_now(self) -> None:
        self.update("on")


async def test_outages_are_detected_and_missed(simulator: StartSimulator, tmp_path: Path) -> None:
    """One that both detect, and a short one while one of them does not poll."""
    both = [await simulator(speed=1.0), await simulator(speed=1.0)]
    messages: list[str] = []
    enabled = [asyncio.Event(), asyncio.Event()]
    async with ControlApi.open(both[0].url) as of_core, ControlApi.open(both[1].url) as of_ours:
        watches = [
            PollingWatcher(Subject(name, "", Gateway(Address("", "", "", None), api), tmp_path, messages.append), "")
            for name, api in (("core", of_core), ("ours", of_ours))
        ]
        runner = OutageRunner(watches[0], watches[1], 0.05, messages.append)
        async with watches[0].polling(both[0], enabled[0]), watches[1].polling(both[1], enabled[1]):
            for event in enabled:
                event.set()
            await runner.run([Outage(0.02, None)])
            enabled[0].clear()
            await runner.run([Outage(0.02, 0.5)])
    (first, second), (ours_first, ours_second) = watches[0].detections, watches[1].detections
    assert first.lasts is ours_first.lasts is None
    assert 0 < first.after < NEVER
    assert 0 < ours_first.after < NEVER
    assert (second.lasts, second.after) == (0.5, NEVER)
    assert 0 < ours_second.after < NEVER
    assert "core missed it, ours after 0." in messages[-1]
    assert [gateway.home.grid_status for gateway in both] == ["SystemGridConnected"] * 2
    assert [gateway.speed for gateway in both] == [1, 1]


def test_chart_is_a_png(tmp_path: Path) -> None:
    file = tmp_path / "outage.png"
    plot.draw_outages([3.0, 16.0, NEVER], [0.3, 0.7, 1.1], "100 ms per response", file)
    assert file.read_bytes().startswith(b"\x89PNG")


# -- cost --------------------------------------------------------------------------------------------------------------


def sample(**changes: Any) -> Sample:
    values: dict[str, Any] = {
        "at": 100.0,
        "process_cpu": 3.0,
        "loop_cpu": 2.0,
        "blocks": [0.009],
        "blocks_cpu": [0.005],
        "pid": 1,
        "requests": Counter({"meters/aggregates": 5, "status": 2}),
        "connections": 3,
        "busy_seconds": 1.0,
    }
    return Sample(**values | changes)


def cost(**changes: Any) -> Cost:
    values: dict[str, Any] = {
        "seconds": 360.0,
        "process_cpu": 0.3,
        "loop_cpu": 0.2,
        "blocks": [0.009],
        "blocks_cpu": [0.005],
    }
    values |= {"requests": {"meters/aggregates": 10, "operation": 20}, "connections": 1, "busy_seconds": 36.0}
    values |= {"rows": {"states": 40}, "memory": 200.0, "starts": [4.0, 9.0, 5.0]}
    return Cost(**values | changes)


def test_cost_is_the_difference_of_two_samples() -> None:
    last = sample(at=160.0, process_cpu=3.5, loop_cpu=2.25, connections=4, busy_seconds=2.5, blocks_cpu=[0.007, 0.001])
    last.requests.update({"meters/aggregates": 12, "operation": 1})
    spent = Cost.between(sample(), last, rows={"states": 9}, starts=[4.0], memory=200.0)
    assert (spent.seconds, spent.process_cpu, spent.loop_cpu) == (60, 0.5, 0.25)
    assert (spent.requests, spent.refreshes, spent.requested) == ({"meters/aggregates": 12, "operation": 1}, 12, 13)
    assert (spent.connections, spent.busy_seconds, spent.blocks_cpu) == (1, 1.5, [0.007, 0.001])
    assert spent.per_hour(spent.requested) == 780
    assert spent.per_refresh(24) == 2
    assert cost(requests={}).per_refresh(24) == NEVER


def test_idle_cost_is_subtracted() -> None:
    idle = cost(seconds=720.0, process_cpu=0.2, loop_cpu=0.1, rows={"states": 4}, requests={})
    alone = cost().above(idle)
    assert alone.process_cpu == pytest.approx(0.2)
    assert alone.loop_cpu == pytest.approx(0.15)
    assert alone.rows == {"states": 38}
    rows = {row.name: row for row in cost_figures(idle, cost(), cost(connections=0), DEFAULT)}
    assert rows["CPU above idle"].core == pytest.approx(2.0)
    assert rows["CPU of a refresh"].core == pytest.approx(20.0)
    assert rows["gateway busy"].core == pytest.approx(10.0)
    assert rows["requests of a refresh"].core == 3
    assert rows["launch to first state"].core == 5
    assert (rows["TLS handshakes"].core, rows["TLS handshakes"].reached) == (10, True)
    assert rows["longest loop block"].idle == 5


def test_targets_depend_on_the_polling_interval() -> None:
    def aimed_at(cadence: str) -> set[str]:
        return {row.name for row in cost_figures(cost(), cost(), cost(), cadence) if row.target}

    always = {"TLS handshakes", "gateway busy", "longest loop block"}
    assert aimed_at(DEFAULT) == always | {"CPU above idle", "recorder rows"}
    assert aimed_at(CORE_CADENCE) == always | {"CPU of a refresh", "requests of a refresh"}


def test_rows_of_a_time_span_are_counted(tmp_path: Path) -> None:
    database = tmp_path / "home-assistant_v2.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE states (last_updated_ts REAL)")
        for name in ("statistics", "statistics_short_term"):
            connection.execute(f"CREATE TABLE {name} (created_ts REAL)")
        connection.executemany("INSERT INTO states VALUES (?)", [(at,) for at in (9.9, 10.0, 15.0, 20.0)])
        connection.execute("INSERT INTO statistics VALUES (12.0)")
        connection.commit()
    assert count_rows(database, 10, 20) == {"states": 2, "statistics": 1, "statistics_short_term": 0}


def test_memory_is_in_mib() -> None:
    assert resident_memory("Name:\tpython\nVmHWM:\t  300000 kB\nVmRSS:\t  204800 kB\nThreads:\t9\n") == 200


# -- the probe ---------------------------------------------------------------------------------------------------------


def test_block_lasts_from_one_select_to_the_next() -> None:
    blocks = Blocks()
    select = blocks.around(_wait_for_something)
    assert select(None) == ["ready"]
    blocks.forget()
    _spin(0.02)
    select(None)
    sleep(0.02)
    select(None)
    reading = blocks.as_dict()
    assert len(reading["blocks"]) == len(reading["blocks_cpu"]) == 2
    assert all(seconds >= 0.02 for seconds in reading["blocks"])
    assert reading["blocks_cpu"][0] >= 0.015 > reading["blocks_cpu"][1]  # asleep, the thread spends nothing
    assert reading["blocks"] == sorted(reading["blocks"], reverse=True)


def _wait_for_something(_selector: object, _timeout: float | None) -> list[str]:
    sleep(0.05)
    return ["ready"]


def _spin(seconds: float) -> None:
    end = thread_time() + seconds
    while thread_time() < end:
        pass


async def test_select_of_another_thread_is_no_block() -> None:
    blocks = Blocks()
    select: Callable[..., object] = blocks.around(lambda _selector, _timeout: None)
    await asyncio.to_thread(select, None)
    assert blocks.as_dict() == {"blocks": [], "blocks_cpu": []}


async def test_first_state_of_an_integration_is_recorded(hass: HomeAssistant) -> None:
    registry = er.async_get(hass)
    theirs = registry.async_get_or_create("sensor", "other", "1").entity_id
    ours = registry.async_get_or_create("sensor", "watched", "1").entity_id
    first = FirstState(hass, "watched")
    noted: list[float | None] = []
    for entity_id, state in (
        (theirs, "5"),
        (ours, STATE_UNAVAILABLE),
        ("sensor.unknown_to_all", "5"),
        (ours, "5"),
        (ours, "6"),
    ):
        hass.states.async_set(entity_id, state)
        await hass.async_block_till_done()
        noted.append(first.at)
    assert noted[:3] == [None] * 3
    assert noted[3] is not None
    assert noted[4] == noted[3]


# -- scale and the plain client ----------------------------------------------------------------------------------------


async def test_plain_client_makes_the_requests_at_their_intervals(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    target = Address(f"{gateway.host}:{gateway.port}", gateway.serial, gateway.url, gateway.password)
    intervals = {"system_status/grid_status": 0.2, "meters/aggregates": 0.5, "login/Basic": 0.1}
    assert await plain_client.measure(target, intervals, 0.9) > 0
    requests = Counter(request.path for request in gateway.requests)
    assert requests == {"login/Basic": 1, "system_status/grid_status": 5, "meters/aggregates": 2}


def test_sizes_are_gateways_by_powerwalls() -> None:
    assert scale.parse_sizes("1x4,10x1") == ((1, 4), (10, 1))


@pytest.mark.parametrize("text", ["", "1", "1x", "0x1", "1x11", "1x2x3", "axb"])
def test_sizes_out_of_range_are_rejected(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="from 1 to 10"):
        scale.parse_sizes(text)


def test_missed_outage_is_named_in_the_table() -> None:
    load = scale.Load(
        gateways=2,
        powerwalls=4,
        entities=100,
        cpu=5.0,
        rows=1234.0,
        memory=12.0,
        block=0.002,
        first_state=2.5,
        outages=[0.5, NEVER, 0.7],
    )
    console = Console(width=140)
    with console.capture() as capture:
        console.print(scale.draw_table([load]))
    row = next(line.split() for line in capture.get().splitlines() if "2 x 4" in line)
    assert row[3:] == ["100", "5.0", "50", "1,234", "12", "2.0", "2.5", "0.70", "missed"]
