"""What goes wrong with a gateway: what stops core's `powerwall` for good, and the heaviest besides."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import json
from time import monotonic
from typing import Any, Final

from simulator import Simulator
from simulator.front import Request
from simulator.gateway.answers import Call

from .standing import BATTERY, GRID, METERS, METERS_AND_ESTIMATES, Hides, anything, of_part

AGGREGATES: Final = "meters/aggregates"
SYSTEM: Final = "system_status"
CHARGE: Final = "system_status/soe"
GRID_STATUS: Final = "system_status/grid_status"
LOGIN: Final = "login/Basic"
EVERY: Final = "*"

LASTS: Final = 40.0
"""Seconds: core polls every 30 s, so that it meets everything that lasts so long."""

HANGS: Final = 60.0
"""Seconds, for what a poll takes ten of to find out."""

MET_WITHIN: Final = 150.0
"""Seconds; who has not met a fault that waits for the next request by then does not poll any more."""

POLL: Final = 3.0
"""Seconds in which a poll has asked for all: core's ten requests take one where an answer takes 100 ms."""

LOOK_AGAIN: Final = 0.01
FOREVER: Final = 86_400.0
PACK: Final = 2
HTML: Final = b"<html><body><h1>It works!</h1></body></html>"
UNHEARD_OF: Final = "SystemGridUnheardOf"

type Json = dict[str, Any]

type Happening = Callable[[Simulator, float], Awaitable[float | None]]
"""Has it happen to a gateway, so many times as long as usual; gives the moment it was over, None if nobody met it."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    happen: Happening
    hides: Callable[[Simulator], Hides]
    """Which of our entities may show nothing meanwhile."""

    pulse: str = AGGREGATES
    """The path by whose requests the polls are counted."""

    lasts: float = 0.0
    """Seconds; 0 for what meets one request, and is over."""

    states: int = 1
    """How many things it is, one after the other: each may be told of in the log as it begins, and as it is over."""


async def _first_request(simulator: Simulator, meets: Callable[[Request], bool]) -> float | None:
    """Give the moment of the next request that meets something; None where nobody asks any more."""
    since, end = len(simulator.requests), monotonic() + MET_WITHIN
    while monotonic() < end:
        for request in simulator.requests[since:]:
            if meets(request):
                return request.at
        await asyncio.sleep(LOOK_AGAIN)
    return None


def _once(name: str, hides: Hides, *harms: tuple[str, Callable[[Simulator], Json]], pulse: str = AGGREGATES) -> Fault:
    """Give a fault that meets the next request to one of some paths, and no other."""
    paths = {path for path, _ in harms}

    async def happen(simulator: Simulator, _: float) -> float | None:
        for path, harm in harms:
            simulator.faults.add(path, times=1, **harm(simulator))
        met_at = await _first_request(simulator, lambda request: request.path in paths)
        simulator.faults.clear()
        return met_at

    return Fault(name, happen, lambda _: hides, pulse)


def _one_poll(name: str, hides: Hides, path: str, harm: Callable[[Simulator], Json]) -> Fault:
    """Give a fault that meets all that one poll asks of a path: core's asks three times for one of them."""

    async def happen(simulator: Simulator, _: float) -> float | None:
        simulator.faults.add(path, **harm(simulator))
        met_at = await _first_request(simulator, lambda request: request.path == path)
        if met_at is not None:
            await asyncio.sleep(POLL)
        simulator.faults.clear()
        return met_at

    return Fault(name, happen, lambda _: hides, path)


def _lasting(
    name: str,
    hides: Callable[[Simulator], Hides],
    begin: Callable[[Simulator], object],
    end: Callable[[Simulator], object] = lambda simulator: simulator.faults.clear(),
    *,
    pulse: str = AGGREGATES,
    lasts: float = LASTS,
) -> Fault:
    """Give a fault that lasts for a while, whoever asks."""

    async def happen(simulator: Simulator, times: float) -> float:
        begin(simulator)
        await asyncio.sleep(lasts * times)
        end(simulator)
        return monotonic()

    return Fault(name, happen, hides, pulse, lasts)


def _answer(**harm: Any) -> Callable[[Simulator], Json]:
    return lambda _: harm


def payload_of(simulator: Simulator, path: str) -> Json:
    """Give what a gateway answers now."""
    endpoint = simulator.profile.endpoints[path]["GET"]
    answer: Any = endpoint.answer(simulator.gateway, Call(method="GET", path=path, target=path)).payload
    return dict(answer)


def _changed(path: str, **fields: Any) -> Callable[[Simulator], Json]:
    """Answer as usual but for some fields."""
    return lambda simulator: {"status": 200, "body": payload_of(simulator, path) | fields}


def _without(path: str, field: str) -> Callable[[Simulator], Json]:
    """Answer as usual but for one field that is not there."""

    def answer(simulator: Simulator) -> Json:
        payload = payload_of(simulator, path)
        del payload[field]
        return {"status": 200, "body": payload}

    return answer


def _truncated(path: str) -> Callable[[Simulator], Json]:
    def answer(simulator: Simulator) -> Json:
        whole = json.dumps(payload_of(simulator, path)).encode()
        return {"status": 200, "body": whole[: len(whole) // 2], "content_type": "application/json"}

    return answer


def _invent_grid_state(simulator: Simulator) -> None:
    simulator.overrides[GRID_STATUS] = payload_of(simulator, GRID_STATUS) | {"grid_status": UNHEARD_OF}
    simulator.overrides[SYSTEM] = payload_of(simulator, SYSTEM) | {"system_island_state": UNHEARD_OF}


async def _lose_session(simulator: Simulator, _: float) -> float | None:
    """End all sessions; it is over with the next request, which is refused for that."""
    simulator.tokens.clear()
    return await _first_request(simulator, lambda request: not request.authenticated)


async def _boot(simulator: Simulator, _: float) -> float | None:
    """Lose all sessions, and refuse one login that is right."""
    simulator.tokens.clear()
    return await _REFUSED_LOGIN.happen(simulator, 1.0)


async def _be_off(simulator: Simulator, seconds: float) -> None:
    """Have nobody listen."""
    async with simulator.unreachable():
        await asyncio.sleep(seconds)


async def _refuse(simulator: Simulator, times: float) -> float:
    await _be_off(simulator, LASTS * times)
    return monotonic()


async def _reboot(simulator: Simulator, times: float) -> float:
    """Be off, without a session afterwards, and answer 502 until the Powerwall runs."""
    simulator.tokens.clear()
    simulator.running = False
    await _be_off(simulator, LASTS / 2 * times)
    await asyncio.sleep(LASTS / 2 * times)
    simulator.running = True
    return monotonic()


def _all(_: Simulator) -> Hides:
    return anything


def _missing_pack(simulator: Simulator) -> Hides:
    return of_part(simulator.gateway.nameplate.serial_of_pack(PACK))


_REFUSED_LOGIN: Final = _once("", anything, (LOGIN, _answer(status=401)))

DOZEN: Final = (
    _once("one 502", METERS, (AGGREGATES, _answer(status=502))),
    _once(
        "one charge that is empty", BATTERY, (CHARGE, _answer(status=200)), (SYSTEM, _answer(status=200)), pulse=SYSTEM
    ),
    _once(
        "one charge that is null",
        BATTERY,
        (CHARGE, _changed(CHARGE, percentage=None)),
        (SYSTEM, _changed(SYSTEM, nominal_energy_remaining=None)),
        pulse=SYSTEM,
    ),
    _once(
        "one answer without the battery's meter", METERS_AND_ESTIMATES, (AGGREGATES, _without(AGGREGATES, "battery"))
    ),
    _one_poll("one poll without the Powerwalls", BATTERY, SYSTEM, _without(SYSTEM, "battery_blocks")),
    _once("one answer broken off", METERS, (AGGREGATES, _truncated(AGGREGATES))),
    _once("one HTML page with 200", METERS, (AGGREGATES, _answer(status=200, body=HTML, content_type="text/html"))),
    Fault("session lost", _lose_session, _all),
    Fault("session lost, and one login refused", _boot, _all),
    _lasting("403 to everything", _all, lambda simulator: simulator.faults.add(EVERY, method="GET", status=403)),
    _lasting("429 to everything", _all, lambda simulator: simulator.faults.add(EVERY, method="GET", status=429)),
    _lasting(
        "a grid state nobody knows",
        lambda _: GRID,
        _invent_grid_state,
        lambda simulator: simulator.overrides.clear(),
        pulse=GRID_STATUS,
    ),
    _lasting(
        "a Powerwall missing",
        _missing_pack,
        lambda simulator: simulator.home.remove_pack(PACK),
        lambda simulator: simulator.home.add_pack(PACK),
        pulse=SYSTEM,
    ),
    Fault("connections refused", _refuse, _all, lasts=LASTS),
    _lasting("no answers", _all, lambda simulator: simulator.faults.add(EVERY, delay=FOREVER), lasts=HANGS),
    Fault("reboot: off, no session, 502", _reboot, _all, lasts=LASTS, states=2),
)
"""In the order they happen."""
