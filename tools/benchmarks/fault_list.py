"""The faults of `scripts/bench faults`: those that stop the built-in `powerwall`, and the most severe others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
import json
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final

from custom_components.powerwall_gateway import DESCRIPTIONS
from custom_components.powerwall_gateway.coordinator import EndpointResult, GridData, LiveData
from custom_components.powerwall_gateway.gateway import GatewayError
from homeassistant.const import Platform
from simulator import Simulator
from simulator.malformed_responses import HTML
from simulator.scenarios import FOREVER, Scenario, fault, payload_of, powerwall_removed, stopped, unknown_grid_state
from simulator.server import Request
from tools.benchmarks.subjects import Entity

AGGREGATES: Final = "meters/aggregates"
SYSTEM: Final = "system_status"
CHARGE: Final = "system_status/soe"
GRID_STATUS: Final = "system_status/grid_status"
LOGIN: Final = "login/Basic"

LASTS: Final = 40.0
"""Seconds: the built-in integration polls every 30 s, so every such fault affects a poll."""

HANGS: Final = 60.0
"""Seconds, for a fault that a poll notices after a time limit of 10 s."""

MET_WITHIN: Final = 150.0
"""Seconds; an integration that has not sent the next request by then has stopped polling."""

POLL: Final = 3.0
"""Seconds for all requests of a poll: the built-in integration's ten take 1 s at 100 ms each."""

CHECK_INTERVAL: Final = 0.01
PACK: Final = 2

type Json = dict[str, Any]
type Depends = Callable[[Entity], bool]
"""Return whether an entity may be hidden because of a fault."""

type Inject = Callable[[Simulator, float], Awaitable[float | None]]
"""Inject a fault, so many times as long as usual. Returns when it was over, or None where no request met it."""


# -- which entities depend on which endpoint ---------------------------------------------------------------------------

_DATA: Final[Mapping[str, Any]] = {"grid": GridData, "live": LiveData}
_NAMES: Final[Any] = SimpleNamespace(
    grid="grid", live="live", detail="detail", settings="settings", inventory="inventory"
)
_ERROR: Final = GatewayError("the failing endpoint", path="")


def depends_on(coordinator: str, *results: str) -> Depends:
    """Return the check whether an entity depends on one of a coordinator's results."""
    keys = frozenset(_keys(coordinator, results))
    return lambda entity: entity.key in keys


def _keys(coordinator: str, results: tuple[str, ...]) -> Iterator[str]:
    failed = _DATA[coordinator](**{result: EndpointResult(error=_ERROR) for result in results})
    data: Any = SimpleNamespace(**{coordinator: SimpleNamespace(data=failed)})
    platforms: Mapping[Platform, Iterable[Any]] = DESCRIPTIONS
    for platform, descriptions in platforms.items():
        for description in descriptions:
            source = description.source
            if source.coordinator_fn(_NAMES) == coordinator and source.result_fn(data, "").error is _ERROR:
                yield f"{platform}.{description.key}"


def of_part(serial: str) -> Depends:
    """Return the check whether an entity belongs to one piece of hardware."""
    return lambda entity: entity.part == serial


def any_entity(_: Entity) -> bool:
    """Allow every entity to be hidden."""
    return True


METERS: Final = depends_on("live", "meters", "shown_meters", "flows")
METERS_AND_ESTIMATES: Final = depends_on("live", "meters", "shown_meters", "flows", "estimates")
"""The estimates depend on the meter of the battery."""

BATTERY: Final = depends_on("live", "battery", "estimates")
GRID: Final = depends_on("grid", "status", "log")


# -- faults ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A fault, how to inject it, and which entities may be hidden meanwhile."""

    name: str
    inject: Inject
    depends: Callable[[Simulator], Depends]
    pulse: str = AGGREGATES
    """The path whose requests count as polls."""

    lasts: float = 0.0
    """Seconds; 0 for a fault of one request."""

    states: int = 1
    """Number of successive faults: each may be logged when it begins and when it ends."""


async def _first_request(simulator: Simulator, meets: Callable[[Request], bool]) -> float | None:
    """Return when the next matching request arrived; None after `MET_WITHIN` seconds."""
    since, end = len(simulator.requests), monotonic() + MET_WITHIN
    while monotonic() < end:
        for request in simulator.requests[since:]:
            if meets(request):
                return request.at
        await asyncio.sleep(CHECK_INTERVAL)
    return None


def _once(
    name: str, depends: Depends, *faults: tuple[str, Callable[[Simulator], Json]], pulse: str = AGGREGATES
) -> Fault:
    """Return a fault of the next request to one of some paths, and no other."""
    paths = {path for path, _ in faults}

    async def inject(simulator: Simulator, _: float) -> float | None:
        for path, fields in faults:
            simulator.faults.add(path, times=1, **fields(simulator))
        met_at = await _first_request(simulator, lambda request: request.path in paths)
        simulator.faults.clear()
        return met_at

    return Fault(name, inject, lambda _: depends, pulse)


def _one_poll(name: str, depends: Depends, path: str, fields: Callable[[Simulator], Json]) -> Fault:
    """Return a fault of all requests of one poll to a path: the built-in integration requests one three times."""

    async def inject(simulator: Simulator, _: float) -> float | None:
        simulator.faults.add(path, **fields(simulator))
        met_at = await _first_request(simulator, lambda request: request.path == path)
        if met_at is not None:
            await asyncio.sleep(POLL)
        simulator.faults.clear()
        return met_at

    return Fault(name, inject, lambda _: depends, path)


def _lasting(
    name: str,
    scenario: Scenario,
    depends: Callable[[Simulator], Depends] = lambda _: any_entity,
    *,
    pulse: str = AGGREGATES,
    lasts: float = LASTS,
) -> Fault:
    """Return a fault that lasts for a while, whether or not a request meets it."""

    async def inject(simulator: Simulator, times: float) -> float:
        async with scenario(simulator):
            await asyncio.sleep(lasts * times)
        return monotonic()

    return Fault(name, inject, depends, pulse, lasts)


def _response(**fields: Any) -> Callable[[Simulator], Json]:
    return lambda _: fields


def _changed(path: str, **fields: Any) -> Callable[[Simulator], Json]:
    return lambda simulator: {"status": 200, "body": payload_of(simulator, path) | fields}


def _without(path: str, field: str) -> Callable[[Simulator], Json]:
    return lambda simulator: {
        "status": 200,
        "body": {key: value for key, value in payload_of(simulator, path).items() if key != field},
    }


def _truncated(path: str) -> Callable[[Simulator], Json]:
    def fields(simulator: Simulator) -> Json:
        whole = json.dumps(payload_of(simulator, path)).encode()
        return {"status": 200, "body": whole[: len(whole) // 2], "content_type": "application/json"}

    return fields


async def _lose_session(simulator: Simulator, _: float) -> float | None:
    """End all sessions. The fault is over with the next request, which is refused for that."""
    simulator.tokens.clear()
    return await _first_request(simulator, lambda request: not request.authenticated)


async def _lose_session_and_refuse_login(simulator: Simulator, _: float) -> float | None:
    """End all sessions, and refuse the next valid login."""
    simulator.tokens.clear()
    return await _REFUSED_LOGIN.inject(simulator, 1.0)


async def _reboot(simulator: Simulator, times: float) -> float:
    """Refuse connections, end all sessions, and return 502 until the Powerwall runs."""
    simulator.tokens.clear()
    async with stopped(simulator):
        async with simulator.unreachable():
            await asyncio.sleep(LASTS / 2 * times)
        await asyncio.sleep(LASTS / 2 * times)
    return monotonic()


_REFUSED_LOGIN: Final = _once("", any_entity, (LOGIN, _response(status=401)))

FAULTS: Final = (
    _once("one 502", METERS, (AGGREGATES, _response(status=502))),
    _once(
        "one charge that is empty",
        BATTERY,
        (CHARGE, _response(status=200)),
        (SYSTEM, _response(status=200)),
        pulse=SYSTEM,
    ),
    _once(
        "one charge that is null",
        BATTERY,
        (CHARGE, _changed(CHARGE, percentage=None)),
        (SYSTEM, _changed(SYSTEM, nominal_energy_remaining=None)),
        pulse=SYSTEM,
    ),
    _once(
        "one response without the battery's meter", METERS_AND_ESTIMATES, (AGGREGATES, _without(AGGREGATES, "battery"))
    ),
    _one_poll("one poll without the Powerwalls", BATTERY, SYSTEM, _without(SYSTEM, "battery_blocks")),
    _once("one truncated response", METERS, (AGGREGATES, _truncated(AGGREGATES))),
    _once("one HTML page with 200", METERS, (AGGREGATES, _response(status=200, body=HTML, content_type="text/html"))),
    Fault("session lost", _lose_session, lambda _: any_entity),
    Fault("session lost, and one login refused", _lose_session_and_refuse_login, lambda _: any_entity),
    _lasting("403 to everything", fault(method="GET", status=403)),
    _lasting("429 to everything", fault(method="GET", status=429)),
    _lasting("an unknown grid state", unknown_grid_state, lambda _: GRID, pulse=GRID_STATUS),
    _lasting(
        "a Powerwall missing",
        powerwall_removed(PACK),
        lambda simulator: of_part(simulator.gateway.nameplate.serial_of_pack(PACK)),
        pulse=SYSTEM,
    ),
    _lasting("connections refused", Simulator.unreachable),
    _lasting("no responses", fault(delay=FOREVER), lasts=HANGS),
    Fault("reboot: off, no session, 502", _reboot, lambda _: any_entity, lasts=LASTS, states=2),
)
"""In the order in which they are injected."""
