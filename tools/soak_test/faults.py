"""Random faults of a gateway that end by themselves, drawn by a seed."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from simulator import Simulator
from simulator.malformed_responses import BODIES, HTML, STATUSES
from simulator.scenarios import (
    EVERY_PATH,
    FOREVER,
    Scenario,
    fault,
    override,
    powerwall_removed,
    session_lost,
    stopped,
    unknown_grid_state,
)
from tools.soak_test.environment import Environment

LIVE: Final = ("meters/aggregates", "system_status", "system_status/soe", "system_status/grid_status", "sitemaster")
PATHS: Final = (EVERY_PATH, *LIVE)
SHORT: Final = (1.0, 90.0)
LONG: Final = (60.0, 400.0)
HOURS: Final = (3600.0, 10_800.0)
"""Seconds."""

BOOT_STATUSES: Final = (404, 502, 503)
"""Statuses that a gateway returns while it starts, in this order."""

LONG_TEXTS: Final = {
    "one word": b"a" * 200_000,
    "dots": b"a." * 100_000,
    "an address without an end": b"someone@" + b"example." * 25_000,
    "digits": b"1" * 200_000,
    "colons": b"fe80:" * 40_000,
    "blanks": b" " * 200_000,
}
"""200 kB each, of kinds for which a slow regular expression takes minutes."""

AWAY: Final[dict[str, Scenario]] = {
    "connections refused": Simulator.unreachable,
    "connections cut": fault(drop=True),
    "no responses": fault(delay=FOREVER),
    "503 without Retry-After": fault(status=503),
    "502": fault(status=502, body=HTML),
}


@dataclass(frozen=True)
class Fault:
    """A fault that lasts for a while."""

    name: str
    detail: str
    seconds: float
    inject: Callable[[Environment], AbstractAsyncContextManager[Any]]

    @property
    def text(self) -> str:
        """Return name and detail."""
        return f"{self.name} ({self.detail})" if self.detail else self.name


type Drawn = tuple[str, Scenario]
"""Detail and scenario."""


def _status(dice: Random) -> Drawn:
    path, status, body = dice.choice(PATHS), dice.choice(STATUSES), dice.choice((b"", HTML, b"{}"))
    return f"{status} on {path}", fault(path, status=status, body=body)


def _single_status(dice: Random) -> Drawn:
    path, status, times = dice.choice(PATHS), dice.choice(STATUSES), dice.randint(1, 3)
    return f"{status} on {path}, {times} times", fault(path, status=status, times=times)


def _busy(dice: Random) -> Drawn:
    status, seconds = dice.choice((429, 503)), dice.randint(1, 60)
    return f"{status}, in {seconds} s", fault(status=status, retry_after=seconds)


def _body(dice: Random) -> Drawn:
    path, name = dice.choice(PATHS), dice.choice(list(BODIES))
    return f"{name} on {path}", fault(path, status=200, body=BODIES[name])


def _silent(dice: Random) -> Drawn:
    path = dice.choice(PATHS)
    return path, fault(path, delay=FOREVER)


def _dropped(dice: Random) -> Drawn:
    path = dice.choice(PATHS)
    return path, fault(path, drop=True)


def _long_text(dice: Random) -> Drawn:
    path, name = dice.choice(PATHS), dice.choice(list(LONG_TEXTS))
    body = b'{"error": "' + LONG_TEXTS[name] + b'", "message": "' + LONG_TEXTS[name] + b'"}'
    status = dice.choice((200, 403, 500, 503))
    return f"{name} with {status} on {path}", fault(path, status=status, body=body)


def _away(dice: Random) -> Drawn:
    name = dice.choice(list(AWAY))
    return name, AWAY[name]


def _off(dice: Random) -> Drawn:
    return ("boots", _rebooting) if dice.choice((True, False)) else ("network", Simulator.unreachable)


@asynccontextmanager
async def _rebooting(simulator: Simulator) -> AsyncIterator[None]:
    async with simulator.unreachable(), session_lost(simulator):
        yield


def _boot(_: Random) -> Drawn:
    @asynccontextmanager
    async def scenario(simulator: Simulator) -> AsyncIterator[None]:
        simulator.tokens.clear()
        for status in BOOT_STATUSES:
            simulator.faults.add(EVERY_PATH, status=status, times=20)
        yield
        simulator.faults.clear()

    return ", ".join(map(str, BOOT_STATUSES)), scenario


def _always(scenario: Scenario) -> Callable[[Random], Drawn]:
    return lambda _: ("", scenario)


@asynccontextmanager
async def _outage(simulator: Simulator) -> AsyncIterator[None]:
    simulator.home.charge = max(simulator.home.charge, 90.0)
    simulator.home.outage()
    yield
    simulator.home.restore()


@asynccontextmanager
async def _powerwall_disabled(simulator: Simulator) -> AsyncIterator[None]:
    reasons = simulator.home.packs[-1].disabled_reasons
    reasons.append("DisabledExcessiveVoltageDrop")
    yield
    reasons.clear()


def _counters(dice: Random) -> Drawn:
    reading = dice.choice((0, 1, 99_000_000, -1, -4_670_814, -(2**31)))
    wrong = {"instant_power": 1, "energy_imported": reading, "energy_exported": reading}
    meters = dict.fromkeys(("site", "solar", "battery", "load"), wrong)
    return f"{reading} Wh", override("meters/aggregates", lambda _: dict(meters))


def _shifted_counters(dice: Random) -> Drawn:
    offset = dice.choice((-20_000_000.0, -4_000_000.0, -3_276_432.0, 12_000_000.0, 2.0**32))

    @asynccontextmanager
    async def scenario(simulator: Simulator) -> AsyncIterator[None]:
        simulator.gateway.counter_offset = offset
        yield
        simulator.gateway.counter_offset = 0.0

    return f"by {offset:.0f} Wh", scenario


KINDS: Final[dict[str, tuple[Callable[[Random], Drawn], tuple[float, float]]]] = {
    "another status": (_status, LONG),
    "another status a few times": (_single_status, SHORT),
    "asks to wait": (_busy, SHORT),
    "another body": (_body, LONG),
    "silent": (_silent, LONG),
    "connections cut": (_dropped, LONG),
    "gateway off": (_off, LONG),
    "sessions lost": (_always(session_lost), SHORT),
    "Powerwall stopped": (_always(stopped), LONG),
    "outage": (_always(_outage), LONG),
    "outage of hours": (_always(_outage), HOURS),
    "unknown grid state": (_always(unknown_grid_state), LONG),
    "gateway away for hours": (_away, HOURS),
    "gateway boots": (_boot, LONG),
    "long texts": (_long_text, LONG),
    "Powerwall disabled": (_always(_powerwall_disabled), LONG),
    "Powerwall gone": (_always(powerwall_removed()), LONG),
    "counters wrong": (_counters, LONG),
    "counters shifted": (_shifted_counters, HOURS),
}
SLOW: Final = "slow"
RELOADED: Final = "entry reloaded"


def faults(seed: int) -> Iterator[Fault]:
    """Draw faults without an end: every kind once before any is repeated, in an order by the seed."""
    dice = Random(seed)
    while True:
        for name in dice.sample([*KINDS, SLOW, RELOADED], len(KINDS) + 2):
            yield _draw(name, dice)


def _draw(name: str, dice: Random) -> Fault:
    if name == SLOW:
        path, delay = dice.choice(PATHS), dice.choice((0.5, 2.0, 8.0, 15.0))
        return Fault(
            name,
            f"{delay:g} s on {path}",
            _seconds(dice, LONG),
            lambda environment: fault(path, delay=delay / environment.speed)(environment.simulator),
        )
    if name == RELOADED:
        return Fault(name, "", _seconds(dice, SHORT), _reloaded)
    draw, duration = KINDS[name]
    detail, scenario = draw(dice)
    return Fault(name, detail, _seconds(dice, duration), lambda environment: scenario(environment.simulator))


def _seconds(dice: Random, duration: tuple[float, float]) -> float:
    return round(dice.uniform(*duration), 1)


@asynccontextmanager
async def _reloaded(environment: Environment) -> AsyncIterator[None]:
    await environment.reload()
    yield
