"""Start simulated gateways of any firmware with a password that they accept."""

from typing import Any

from simulator import Simulator
from simulator.gateway.state import Job
from tests.conftest import StartSimulator

_OWN = {"password": "the owner's own"}
OPTIONS: dict[str, dict[str, Any]] = {"24.36": _OWN, "26.18": _OWN}
"""From 24.36 on the password it comes with is refused."""


async def start(simulator: StartSimulator, firmware: str, **options: Any) -> Simulator:
    """Start a gateway that lets its owner in."""
    return await simulator(firmware, **OPTIONS.get(firmware, {}), **options)


class Hands:
    """Moves a job of the gateway's by hand."""

    def __init__(self, job: Job) -> None:
        self._now = 0.0
        self._job = job
        job.clock = lambda: self._now

    def move(self, progress: float) -> None:
        """Do a part of the job."""
        self._now += progress * self._job.seconds
