"""Run a real Home Assistant in a child process."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
import sys
from time import monotonic
from types import TracebackType
from typing import NoReturn, Self

import aiohttp

from homeassistant.const import RESTART_EXIT_CODE, __version__ as home_assistant_version
from tools.child_process import ChildProcess, ProcessError, port_is_free
from tools.hass_process import configuration
from tools.hass_process.api import Api
from tools.hass_process.log import errors_about, log_of
from tools.hass_process.sign_in import sign_in

START_LIMIT = 120
STOP_LIMIT = 30


class HomeAssistant:
    """Home Assistant on 127.0.0.1 alone: `async with HomeAssistant(folder, port) as home: await home.api.states()`."""

    api: Api

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        program: Sequence[str] = ("-m", "homeassistant"),
        path: Sequence[Path] = (),
        time_zone: str = "UTC",
        language: str = "en",
        notify: Callable[[str], None] = print,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._time_zone = time_zone
        self._language = language
        self._notify = notify
        self._process = ChildProcess(
            "Home Assistant",
            [sys.executable, *program, "--skip-pip", "--log-no-color", "-c", str(self.folder)],
            log=log_of(self.folder),
            folder=self.folder,
            python_path=(*path, configuration.STUBS),
        )

    @property
    def log(self) -> Path:
        """The log file of this Home Assistant."""
        return self._process.log

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait until the process ends, and return its exit code."""
        return await self._process.wait()

    def check_port(self) -> None:
        """Raise an error if the port is in use."""
        if not port_is_free(self.port):
            raise ProcessError(
                f"Port {self.port} of 127.0.0.1 is in use, perhaps by another Home Assistant. "
                "End that one, or choose another port with --port."
            )

    async def __aenter__(self) -> Self:
        self.check_port()
        configuration.write(self.folder, self.port, self._time_zone, self._language)
        self._session = aiohttp.ClientSession()
        try:
            await self._start()
            self.api = Api(self._session, self.url, await sign_in(self._session, self.url))
            await self._wait_until_running()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def supervise(self) -> NoReturn:
        """Restart Home Assistant when its web page requests it; raise an error if it ends by itself."""
        while await self._process.wait() == RESTART_EXIT_CODE:
            await self._start()
            await self._wait_until_running()
        raise self._process.ended()

    async def _start(self) -> None:
        """Start the process and wait until it responds over HTTP."""
        self._started_at = monotonic()
        self._notify(f"Starting Home Assistant {home_assistant_version} on {self.url} …")
        await self._process.start()
        while not await self._responds():
            await self._wait_a_little()

    async def _wait_until_running(self) -> None:
        while (config := await self.api.core_config())["state"] != "RUNNING":
            await self._wait_a_little()
        if config["recovery_mode"]:
            reasons = errors_about(self.log, "configuration.yaml")
            raise ProcessError("\n".join(["Home Assistant runs in recovery mode, without the integration:", *reasons]))
        self._notify(f"Home Assistant runs after {monotonic() - self._started_at:.1f} s.")

    async def _responds(self) -> bool:
        """Return whether the web page is served: it is the last part that the first requests need."""
        try:
            async with self._session.get(f"{self.url}/manifest.json") as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    async def _wait_a_little(self) -> None:
        self._process.check()
        waited = monotonic() - self._started_at
        if waited > START_LIMIT:
            raise ProcessError(
                f"Home Assistant was not ready after {START_LIMIT} s. Its last lines:\n{self._process.tail()}"
            )
        await asyncio.sleep(0.1)

    async def _stop(self) -> None:
        await self._session.close()
        try:
            await self._process.stop(STOP_LIMIT)
        except TimeoutError:
            self._notify(f"Home Assistant did not stop within {STOP_LIMIT} s and was killed.")
