"""What can go wrong with a gateway and pass by itself, drawn by a seed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from simulator import Simulator

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
HOURS: Final = (3600.0, 10_800.0)
"""Seconds."""

BOOT_STEPS: Final = (404, 502, 503)
"""Statuses that a gateway answers with while it starts, in this order."""

LONG_TEXTS: Final = {
    "one word": b"a" * 200_000,
    "dots": b"a." * 100_000,
    "an address without an end": b"someone@" + b"example." * 25_000,
    "digits": b"1" * 200_000,
    "colons": b"fe80:" * 40_000,
    "blanks": b" " * 200_000,
}
"""200 kB each, of the kinds that a slow pattern would take minutes for."""


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


def _long_text(dice: Random) -> tuple[str, Happening]:
    path, name = dice.choice((EVERY, *LIVE)), dice.choice(list(LONG_TEXTS))
    body = b'{"error": "' + LONG_TEXTS[name] + b'", "message": "' + LONG_TEXTS[name] + b'"}'
    status = dice.choice((200, 403, 500, 503))
    return f"{name} with {status} on {path}", _fault(path, status=status, body=body)


def _hours_away(dice: Random) -> tuple[str, Happening]:
    ways: dict[str, dict[str, Any]] = {
        "connections cut": {"drop": True},
        "silent": {"delay": 86_400.0},
        "503 without Retry-After": {"status": 503},
        "502": {"status": 502, "body": HTML},
    }
    name = dice.choice(("refused", *ways))
    return name, _off(dice)[1] if name == "refused" else _fault(EVERY, **ways[name])


def _boot(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        simulator = scene.simulator
        simulator.tokens.clear()
        for status in BOOT_STEPS:
            simulator.faults.add(EVERY, status=status, times=20)
        yield
        simulator.faults.clear()

    return ", ".join(map(str, BOOT_STEPS)), happening


def _off(dice: Random) -> tuple[str, Happening]:
    boots = dice.choice((True, False))

    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        simulator = scene.simulator
        async with simulator.unreachable():
            if boots:
                simulator.tokens.clear()
            yield

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
        scene.simulator.home.charge = max(scene.simulator.home.charge, 90.0)
        scene.simulator.home.outage()
        yield
        scene.simulator.home.restore()

    return "", happening


def _pack_disabled(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        reasons = scene.simulator.home.packs[-1].disabled_reasons
        reasons.append("DisabledExcessiveVoltageDrop")
        yield
        reasons.clear()

    return "", happening


def _pack_gone(_: Random) -> tuple[str, Happening]:
    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        number = scene.simulator.home.packs[-1].number
        scene.simulator.home.remove_pack(number)
        yield
        scene.simulator.home.add_pack(number)

    return "", happening


def _counters(dice: Random) -> tuple[str, Happening]:
    reading = dice.choice((0, 1, 99_000_000, -1, -4_670_814, -(2**31)))

    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        wrong = {"instant_power": 1, "energy_imported": reading, "energy_exported": reading}
        meters = dict.fromkeys(("site", "solar", "battery", "load"), wrong)
        scene.simulator.overrides["meters/aggregates"] = dict(meters)
        yield
        scene.simulator.overrides.clear()

    return f"{reading} Wh", happening


def _shifted_counters(dice: Random) -> tuple[str, Happening]:
    offset = dice.choice((-20_000_000.0, -4_000_000.0, -3_276_432.0, 12_000_000.0, 2.0**32))

    @asynccontextmanager
    async def happening(scene: Scene) -> AsyncIterator[None]:
        scene.simulator.gateway.counter_offset = offset
        yield
        scene.simulator.gateway.counter_offset = 0.0

    return f"by {offset:.0f} Wh", happening


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
    "outage of hours": (_outage, HOURS),
    "gateway away for hours": (_hours_away, HOURS),
    "gateway boots": (_boot, LONG),
    "long texts": (_long_text, LONG),
    "Powerwall disabled": (_pack_disabled, LONG),
    "Powerwall gone": (_pack_gone, LONG),
    "counters wrong": (_counters, LONG),
    "counters shifted": (_shifted_counters, HOURS),
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
