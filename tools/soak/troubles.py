"""What can go wrong with a gateway and pass by itself, drawn by a seed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.simulator import Simulator

LIVE: Final = ("meters/aggregates", "system_status", "system_status/soe", "system_status/grid_status", "sitemaster")
EVERY: Final = "*"
"""Every path."""

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
BODIES: Final = {
    "nothing": b"",
    "half an answer": b'{"site": {"instant_power": 12',
    "HTML": HTML,
    "null": b"null",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a text": b'"busy"',
    "no UTF-8": b'{"percentage": "\xff\xfe"}',
    "not a number": b'{"percentage": NaN, "site": {"instant_power": NaN}}',
    "other types": b'{"percentage": "full", "site": [1], "battery": 7, "grid_status": {}, "battery_blocks": 1}',
    "null fields": b'{"percentage": null, "site": null, "battery": null, "grid_status": null, "battery_blocks": null}',
    "a new grid state": b'{"grid_status": "SystemGridUnheardOf", "system_island_state": "SystemGridUnheardOf"}',
    "deep nesting": b'{"site":' * 5000,
}
STATUSES: Final = (400, 401, 403, 404, 405, 409, 417, 429, 500, 502, 503, 504)
SHORT: Final = (1.0, 90.0)
LONG: Final = (60.0, 400.0)
"""Seconds."""


@dataclass(frozen=True)
class Scene:
    """Where it happens."""

    simulator: Simulator
    speed: float
    """Of Home Assistant's clock: what takes a gateway a second takes it as much less by the wall's."""

    reload: Callable[[], Awaitable[None]]
    """Loads the entry anew, as an owner does."""


type Happening = Callable[[Scene], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong for a while."""

    name: str
    detail: str
    seconds: float
    happening: Happening

    @property
    def text(self) -> str:
        """Say it in a line."""
        return f"{self.name} ({self.detail})" if self.detail else self.name


def _fault(path: str, *, delay: float = 0.0, **fault: Any) -> Happening:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        scene.simulator.faults.add(path, delay=delay / scene.speed, **fault)
        yield
        scene.simulator.faults.clear()

    return happening


def _status(dice: Random) -> tuple[str, Happening]:
    path, status, body = dice.choice((EVERY, *LIVE)), dice.choice(STATUSES), dice.choice((b"", HTML, b"{}"))
    return f"{status} on {path}", _fault(path, status=status, body=body)


def _single_status(dice: Random) -> tuple[str, Happening]:
    path, status, times = dice.choice((EVERY, *LIVE)), dice.choice(STATUSES), dice.randint(1, 3)
    return f"{status} on {path}, {times} times", _fault(path, status=status, times=times)


def _busy(dice: Random) -> tuple[str, Happening]:
    status, seconds = dice.choice((429, 503)), dice.randint(1, 60)
    return f"{status}, in {seconds} s", _fault(EVERY, status=status, retry_after=seconds)


def _body(dice: Random) -> tuple[str, Happening]:
    path, name = dice.choice((EVERY, *LIVE)), dice.choice(list(BODIES))
    return f"{name} on {path}", _fault(path, status=200, body=BODIES[name])


def _slow(dice: Random) -> tuple[str, Happening]:
    path, seconds = dice.choice((EVERY, *LIVE)), dice.choice((0.5, 2.0, 8.0, 15.0))
    return f"{seconds:g} s on {path}", _fault(path, delay=seconds)


def _silent(dice: Random) -> tuple[str, Happening]:
    path = dice.choice((EVERY, *LIVE))
    return path, _fault(path, delay=86_400.0)


def _dropped(dice: Random) -> tuple[str, Happening]:
    path = dice.choice((EVERY, *LIVE))
    return path, _fault(path, drop=True)


def _off(dice: Random) -> tuple[str, Happening]:
    boots = dice.choice((True, False))

    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        simulator, port = scene.simulator, scene.simulator.port
        await simulator.stop()
        if boots:
            simulator.tokens.clear()
        yield
        await simulator.start(port)

    return "it boots" if boots else "the network", happening


def _lost_sessions(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        scene.simulator.tokens.clear()
        yield

    return "", happening


def _stopped(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        scene.simulator.running = False
        yield
        scene.simulator.running = True

    return "", happening


def _outage(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        scene.simulator.house.charge = max(scene.simulator.house.charge, 50.0)
        scene.simulator.house.outage()
        yield
        scene.simulator.house.restore()

    return "", happening


def _pack_disabled(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        reasons = scene.simulator.house.packs[-1].disabled_reasons
        reasons.append("DisabledExcessiveVoltageDrop")
        yield
        reasons.clear()

    return "", happening


def _pack_gone(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        number = scene.simulator.house.packs[-1].number
        scene.simulator.house.remove_pack(number)
        yield
        scene.simulator.house.add_pack(number)

    return "", happening


def _counters(dice: Random) -> tuple[str, Happening]:
    reading = dice.choice((0, 1, 99_000_000))

    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        wrong = {"instant_power": 1, "energy_imported": reading, "energy_exported": reading}
        meters = dict.fromkeys(("site", "solar", "battery", "load"), wrong)
        scene.simulator.overrides["meters/aggregates"] = dict(meters)
        yield
        scene.simulator.overrides.clear()

    return f"{reading} Wh", happening


def _reload(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        await scene.reload()
        yield

    return "", happening


KINDS: Final[dict[str, tuple[Callable[[Random], tuple[str, Happening]], tuple[float, float]]]] = {
    "another status": (_status, LONG),
    "another status a few times": (_single_status, SHORT),
    "asks to wait": (_busy, SHORT),
    "another body": (_body, LONG),
    "slow": (_slow, LONG),
    "silent": (_silent, LONG),
    "connections cut": (_dropped, LONG),
    "gateway off": (_off, LONG),
    "sessions lost": (_lost_sessions, SHORT),
    "Powerwall stopped": (_stopped, LONG),
    "outage": (_outage, LONG),
    "Powerwall disabled": (_pack_disabled, LONG),
    "Powerwall gone": (_pack_gone, LONG),
    "counters wrong": (_counters, LONG),
    "entry loaded anew": (_reload, SHORT),
}


def troubles(seed: int) -> Iterator[Trouble]:
    """Draw troubles without an end: every kind once before any comes again, in an order by the seed."""
    dice = Random(seed)
    while True:
        for name in dice.sample(list(KINDS), len(KINDS)):
            draw, (least, most) = KINDS[name]
            detail, happening = draw(dice)
            yield Trouble(name, detail, round(dice.uniform(least, most), 1), happening)
