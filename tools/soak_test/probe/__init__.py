"""A custom component that reads the resources of the Home Assistant that loads it, for `scripts/soak`.

`GET /api/soak_probe` returns the reading; `POST` with `{"speed": 20}` lets its clock run faster from now on.
"""

import asyncio
from contextlib import suppress
import gc
from pathlib import Path
import sys
import threading
from time import monotonic
from typing import Any, Final

from aiohttp import web

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.helpers.typing import ConfigType
from tools.soak_test.clock import CLOCK

DOMAIN: Final = "soak_probe"
URL: Final = "/api/soak_probe"

CONFIG_SCHEMA: Final = cv.empty_config_schema(DOMAIN)


class ProbeView(HomeAssistantView):
    """Endpoint of the resources."""

    url = URL
    name = "api:soak_probe"

    async def get(self, request: web.Request) -> web.Response:
        """Return the reading."""
        return self.json(await _reading(request.app[KEY_HASS]))

    async def post(self, request: web.Request) -> web.Response:
        """Set the speed of the clock, and return the resources."""
        CLOCK.speed = (await request.json())["speed"]
        return self.json(await _reading(request.app[KEY_HASS]))


async def _reading(hass: HomeAssistant) -> dict[str, Any]:
    tasks = len(asyncio.all_tasks()) - 1  # without the one that responds here
    return {
        "at": monotonic(),
        "tasks": tasks,
        "settings_interval": _settings_interval(hass),
        **await hass.async_add_executor_job(_look_at_process),
    }


def _settings_interval(hass: HomeAssistant) -> float:
    """Return the seconds between two polls of the settings. They stretch while responses take long."""
    entries = hass.config_entries.async_loaded_entries("powerwall_gateway")
    intervals = [entry.runtime_data.settings.update_interval.total_seconds() for entry in entries]
    return max(intervals, default=0.0)


def _look_at_process() -> dict[str, Any]:
    gc.collect()  # objects that wait for that are no leak
    return {
        "memory": _resident(Path("/proc/self/status").read_text(encoding="utf-8")),
        "objects": sys.getallocatedblocks() / 1000,
        "threads": threading.active_count(),
        "sockets": _sockets(Path("/proc/self/fd")),
    }


def _resident(status: str) -> float:
    """Return the MiB in `/proc/PID/status`."""
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _sockets(descriptors: Path) -> int:
    count = 0
    for descriptor in descriptors.iterdir():
        with suppress(FileNotFoundError):  # the one this list is read by
            count += str(descriptor.readlink()).startswith("socket:")
    return count


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Start to serve."""
    hass.http.register_view(ProbeView())
    return True
