"""Faults that last for a while: a scenario begins when it is entered, and ends without a trace when it is left.

The fault injection tests, the soak test and the benchmarks share them. Single wrong responses are in
`malformed_responses.py`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from simulator.gateway.call import Call
from simulator.simulator import Simulator

type Scenario = Callable[[Simulator], AbstractAsyncContextManager[Any]]

EVERY_PATH: Final = "*"
FOREVER: Final = 86_400.0
"""Seconds of delay: longer than any client waits."""

UNKNOWN_GRID_STATE: Final = "SystemGridUnheardOf"


def payload_of(simulator: Simulator, path: str) -> dict[str, Any]:
    """Return the gateway's present response to a GET."""
    endpoint = simulator.profile.endpoints[path]["GET"]
    payload: Any = endpoint.response(simulator.gateway, Call(method="GET", path=path, target=path)).payload
    return dict(payload)


def fault(path: str = EVERY_PATH, **fields: Any) -> Scenario:
    """Return the scenario of one fault, with the fields of `Faults.add`."""

    @asynccontextmanager
    async def scenario(simulator: Simulator) -> AsyncIterator[None]:
        simulator.faults.add(path, **fields)
        yield
        simulator.faults.clear()

    return scenario


def override(path: str, payload: Callable[[Simulator], Any]) -> Scenario:
    """Return the scenario of one path that returns another payload."""

    @asynccontextmanager
    async def scenario(simulator: Simulator) -> AsyncIterator[None]:
        simulator.overrides[path] = payload(simulator)
        yield
        simulator.overrides.clear()

    return scenario


def powerwall_removed(number: int | None = None) -> Scenario:
    """Return the scenario of a Powerwall, the last one by default, that is removed and put back."""

    @asynccontextmanager
    async def scenario(simulator: Simulator) -> AsyncIterator[None]:
        removed = simulator.home.remove_pack(number or simulator.home.packs[-1].number)
        yield
        simulator.home.add_pack(removed.number)

    return scenario


@asynccontextmanager
async def session_lost(simulator: Simulator) -> AsyncIterator[None]:
    """End every session at the beginning."""
    simulator.tokens.clear()
    yield


@asynccontextmanager
async def stopped(simulator: Simulator) -> AsyncIterator[None]:
    """Stop the Powerwall."""
    simulator.running = False
    yield
    simulator.running = True


@asynccontextmanager
async def unknown_grid_state(simulator: Simulator) -> AsyncIterator[None]:
    """Return a grid state that no firmware is known to have."""
    for path, key in (("system_status", "system_island_state"), ("system_status/grid_status", "grid_status")):
        simulator.overrides[path] = payload_of(simulator, path) | {key: UNKNOWN_GRID_STATE}
    yield
    simulator.overrides.clear()
