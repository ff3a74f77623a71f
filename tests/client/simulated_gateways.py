"""Start simulated gateways of any firmware with a password that they accept."""

from typing import Any

from simulator import Simulator
from simulator.gateway.state import Job
from tests.conftest import StartSimulator

_OWN = {"password": "the owner's own"}
OPTIONS: dict[str, dict[str, Any]] = {"24.36": _OWN, "26.18": _OWN}
"""From 24.36 on the gateway rejects its default password."""


async def start(simulator: StartSimulator, firmware: str, **options: Any) -> Simulator:
    """Start a gateway whose password is accepted."""
    return await simulator(firmware, **OPTIONS.get(firmware, {}), **options)


class JobControl:
    """Control the progress of a job of the gateway."""

    def __init__(self, job: Job) -> None:
        self._now = 0.0
        self._job = job
        job.clock = lambda: self._now

    def move(self, progress: float) -> None:
        """Advance the job by a fraction of its duration."""
        self._now += progress * self._job.seconds
