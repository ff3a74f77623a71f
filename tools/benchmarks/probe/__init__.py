"""A custom component that measures the Home Assistant that loads it, for `scripts/bench`.

`GET /api/bench_probe` returns the reading, `POST` resets the blocks and returns it, too. Home Assistant knows this
package by another name than this repository, so that it imports nothing of it.
"""

from collections.abc import Callable
import heapq
import os
from selectors import DefaultSelector
from threading import get_ident
from time import monotonic, perf_counter, process_time, thread_time
from typing import Any, Final

from aiohttp import web
import voluptuous as vol

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.helpers.typing import ConfigType

DOMAIN: Final = "bench_probe"
URL: Final = "/api/bench_probe"
WATCH: Final = "watch"
"""The integration whose first state is waited for."""

CONFIG_SCHEMA: Final = vol.Schema(
    {DOMAIN: vol.Schema({vol.Optional(WATCH, default=""): cv.string})}, extra=vol.ALLOW_EXTRA
)
NO_VALUE: Final = frozenset({STATE_UNAVAILABLE, STATE_UNKNOWN})
KEPT: Final = 10
"""Number of longest blocks."""


class Blocks:
    """The longest times between two select calls of the event loop."""

    def __init__(self) -> None:
        self._thread = get_ident()
        self.forget()

    def forget(self) -> None:
        """Reset the longest blocks."""
        self._longest: list[float] = []
        self._longest_cpu: list[float] = []
        self._began, self._began_cpu = perf_counter(), thread_time()

    def around(self, select: Callable[..., Any]) -> Callable[..., Any]:
        """Put a stopwatch around the wait for something to do."""

        def watched(selector: Any, timeout: float | None = None) -> Any:
            if get_ident() != self._thread:
                return select(selector, timeout)
            _keep(self._longest, perf_counter() - self._began)
            _keep(self._longest_cpu, thread_time() - self._began_cpu)
            ready = select(selector, timeout)
            self._began, self._began_cpu = perf_counter(), thread_time()
            return ready

        return watched

    def as_dict(self) -> dict[str, list[float]]:
        """Return the longest in seconds, the longest of them first."""
        return {
            "blocks": sorted(self._longest, reverse=True),
            "blocks_cpu": sorted(self._longest_cpu, reverse=True),
        }


def _keep(longest: list[float], seconds: float) -> None:
    if len(longest) < KEPT:
        heapq.heappush(longest, seconds)
    elif seconds > longest[0]:
        heapq.heapreplace(longest, seconds)


class FirstState:
    """The time of an integration's first state."""

    def __init__(self, hass: HomeAssistant, integration: str) -> None:
        self.at: float | None = None
        """`time.monotonic()`, which is the same for all processes."""

        self._entities = er.async_get(hass)
        self._integration = integration
        self._stop = hass.bus.async_listen(EVENT_STATE_CHANGED, self._look)

    @callback
    def _look(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is None or state.state in NO_VALUE:
            return
        entity = self._entities.async_get(state.entity_id)
        if entity is not None and entity.platform == self._integration:
            self.at = monotonic()
            self._stop()


class ProbeView(HomeAssistantView):
    """Endpoint of the measurements."""

    url = URL
    name = "api:bench_probe"

    def __init__(self, blocks: Blocks, first_state: FirstState) -> None:
        self._blocks = blocks
        self._first_state = first_state

    async def get(self, _: web.Request) -> web.Response:
        """Return the reading."""
        return self._reading()

    async def post(self, _: web.Request) -> web.Response:
        """Reset the blocks, and return the reading."""
        self._blocks.forget()
        return self._reading()

    def _reading(self) -> web.Response:
        reading = {
            "pid": os.getpid(),
            "at": monotonic(),
            "process_cpu": process_time(),
            "loop_cpu": thread_time(),
            "first_state_at": self._first_state.at,
            **self._blocks.as_dict(),
        }
        return self.json(reading)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Begin to watch."""
    blocks = Blocks()
    watch_selector(blocks)
    hass.http.register_view(ProbeView(blocks, FirstState(hass, config[DOMAIN][WATCH])))
    return True


def watch_selector(blocks: Blocks) -> None:
    """Watch the loop of this thread from its next select on."""
    owner: Any = DefaultSelector
    owner.select = blocks.around(owner.select)
