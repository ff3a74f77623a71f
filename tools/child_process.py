"""Run a command in a child process: start it, watch it, and always end it."""

import asyncio
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
import os
from pathlib import Path
from shutil import which
import signal
import socket
from typing import BinaryIO

# Linux's util-linux has it: the child gets SIGTERM even when this process is killed without a word.
LEASH = ("setpriv", "--pdeathsig", "TERM")


class ProcessError(Exception):
    """A child process could not be started, or ended when it should not have."""


class ChildProcess:
    """One child process. Its output goes to a log file."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, folder: Path, python_path: Sequence[Path] = ()
    ) -> None:
        self.name = name
        self.log = log
        self._command = [*LEASH, *command] if which(LEASH[0]) else command
        self._folder = folder
        self._environment = child_environment(os.environ, python_path)
        self._process: Process | None = None

    async def start(self) -> None:
        """Start the process; its earlier log is replaced."""
        with self._fresh_log() as log:
            # A session of its own: Ctrl-C in the terminal reaches the parent alone, which ends its children in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )

    def _fresh_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("wb")

    @property
    def running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """Wait until the process ends and return its exit code."""
        if self._process is None:
            raise ProcessError(f"{self.name} was never started.")
        return await self._process.wait()

    def kill(self) -> None:
        """Kill it, as a power cut does."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def check(self) -> None:
        """Raise when the process has ended."""
        if not self.running:
            raise self.ended()

    def ended(self) -> ProcessError:
        """Return an error with the exit code and the last lines of the log."""
        code = None if self._process is None else self._process.returncode
        return ProcessError(f"{self.name} ended by itself (exit code {code}). Its last lines:\n{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (it wrote nothing)"

    async def stop(self, limit: float = 20) -> None:
        """Ask the process to end, and end it when it does not listen."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(limit):
                await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def child_environment(environment: Mapping[str, str], python_path: Sequence[Path]) -> dict[str, str]:
    """Return a child its own Python path, and byte code, because every start without it is a cold one."""
    child = {key: value for key, value in environment.items() if key not in {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}}
    return child | {"PYTHONPATH": os.pathsep.join(map(str, python_path))} if python_path else child


def port_is_free(port: int) -> bool:
    """Return whether a server may listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
