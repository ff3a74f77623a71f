"""Waits that double after each failure, and the backoff of a whole gateway.

The wait before the next login is in `test_auth_backoff.py`, the backoff with real requests in
`test_scheduler_gateway.py`, and the backoff in Home Assistant in `tests/integration/test_polling.py`.
"""

from contextlib import nullcontext
from itertools import islice

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    Priority,
    RequestScheduler,
)
from custom_components.powerwall_gateway.gateway.backoff import (
    FIRST_WHEN_BUSY,
    LONGEST_WHEN_BUSY,
    LONGEST_WHEN_SILENT,
    Polling,
    poll_until,
    wait_after,
    waits,
)
from tests.client.virtual_time import VirtualTime


class FakeGateway:
    """A gateway whose responses a test chooses, and a clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.scheduler = RequestScheduler(clock=lambda: self.now)
        self.schedule = self.scheduler.add_schedule(Priority.LIVE, 5.0)

    async def respond(self) -> None:
        """Respond to a request."""
        async with self.scheduler.turn():
            pass

    async def fail(self, err: GatewayError, *, polled: bool = True) -> None:
        """Fail a request of a poll, or one of a command."""
        with self.schedule.round() if polled else nullcontext(), pytest.raises(type(err)):
            await self._raise(err)

    async def _raise(self, err: GatewayError) -> None:
        async with self.scheduler.turn():
            raise err

    def backoff(self) -> float:
        """Return the seconds until the backoff ends."""
        began, seconds = self.now, 0.0
        while self.scheduler.backoff.error:
            seconds += 0.5
            self.now = began + seconds
        self.now = began
        return seconds


def rate_limited(status: int = 503, path: str = "operation", retry_after: float | None = None) -> GatewayRateLimitError:
    """Return the error of a rate limit, by default without Retry-After."""
    named = retry_after is not None
    return GatewayRateLimitError("busy", path=path, status=status, named=named, retry_after=retry_after or 60.0)


def test_wait_doubles_to_the_longest() -> None:
    assert list(islice(waits(1.0, 10.0), 6)) == [1, 2, 4, 8, 10, 10]


def test_wait_after_very_many_failures_is_the_longest() -> None:
    assert wait_after(1_000_000, 0.5, 1800.0) == 1800.0


async def test_backoff_after_503_doubles() -> None:
    gateway = FakeGateway()
    seconds = []
    for _ in range(6):
        await gateway.fail(rate_limited())
        seconds.append(gateway.backoff())
        gateway.now += seconds[-1]
    assert seconds == [FIRST_WHEN_BUSY, 10, 20, 40, LONGEST_WHEN_BUSY, LONGEST_WHEN_BUSY]
    await gateway.respond()
    await gateway.fail(rate_limited())
    assert gateway.backoff() == FIRST_WHEN_BUSY


async def test_backoff_honors_retry_after() -> None:
    gateway = FakeGateway()
    await gateway.fail(rate_limited(429, retry_after=120))
    await gateway.respond()
    assert gateway.backoff() == 120
    assert isinstance(gateway.schedule.backoff_error, GatewayRateLimitError)


async def test_backoff_limits_retry_after() -> None:
    gateway = FakeGateway()
    await gateway.fail(rate_limited(retry_after=86400))
    assert gateway.backoff() == 900


@pytest.mark.parametrize(
    "err",
    [
        rate_limited(429),
        rate_limited(429, "login/Basic", retry_after=300),
        GatewayAuthenticationRequiredError("no", status=403),
    ],
)
async def test_backoff_ignores_a_429_of_one_endpoint(err: GatewayError) -> None:
    gateway = FakeGateway()
    await gateway.fail(err)
    assert gateway.scheduler.backoff.error is None


async def test_backoff_ignores_a_503_of_a_command() -> None:
    gateway = FakeGateway()
    await gateway.fail(rate_limited(path="system/update/urgency"), polled=False)
    assert gateway.scheduler.backoff.error is None


async def test_backoff_without_a_response_doubles() -> None:
    gateway = FakeGateway()
    seconds = []
    for _ in range(7):
        await gateway.fail(GatewayConnectionError("no response"))
        seconds.append(gateway.backoff())
        gateway.now += seconds[-1]
    assert seconds == [0, 1, 2, 4, 8, LONGEST_WHEN_SILENT, LONGEST_WHEN_SILENT]
    await gateway.fail(GatewayConnectionError("no response"))
    await gateway.respond()
    assert gateway.scheduler.backoff.error is None


async def test_retry_after_survives_lost_responses() -> None:
    """Commands continue during a backoff. Two lost responses and a good one do not change it."""
    gateway = FakeGateway()
    await gateway.fail(rate_limited(retry_after=900))
    for _ in range(2):
        await gateway.fail(GatewayConnectionError("no response"), polled=False)
    await gateway.respond()
    assert gateway.backoff() == 900
    assert isinstance(gateway.schedule.backoff_error, GatewayRateLimitError)


async def test_backoff_longer_wait_is_not_shortened_by_a_later_one() -> None:
    gateway = FakeGateway()
    await gateway.fail(rate_limited(retry_after=800))
    await gateway.fail(rate_limited(retry_after=30))
    assert gateway.backoff() == 800
    await gateway.fail(rate_limited(retry_after=850))
    assert gateway.backoff() == 850


async def test_backoff_503_is_a_response() -> None:
    gateway = FakeGateway()
    await gateway.fail(GatewayConnectionError("no response"))
    await gateway.fail(rate_limited())
    gateway.now += FIRST_WHEN_BUSY
    await gateway.fail(GatewayConnectionError("no response"))
    assert gateway.backoff() == 0


async def test_backoff_an_error_is_a_response() -> None:
    gateway = FakeGateway()
    await gateway.fail(GatewayConnectionError("no response"))
    await gateway.fail(GatewayNotFoundError("no such path", status=404))
    await gateway.fail(GatewayConnectionError("no response"))
    assert gateway.backoff() == 0


async def test_backoff_another_certificate_is_no_response() -> None:
    gateway = FakeGateway()
    for _ in range(2):
        await gateway.fail(GatewayCertificateError("another certificate", fingerprint=b""))
    assert gateway.backoff() == 1
    assert isinstance(gateway.scheduler.backoff.error, GatewayCertificateError)


@pytest.mark.parametrize("err", [GatewayConnectionError("no response"), rate_limited()])
async def test_backoff_error_has_no_traceback(err: GatewayError) -> None:
    """Its frames would keep passwords in memory."""
    gateway = FakeGateway()
    for _ in range(2):
        await gateway.fail(err)
    kept = gateway.scheduler.backoff.error
    assert kept is not None
    assert kept is not err
    assert str(kept) == str(err)
    assert kept.__traceback__ is None


class Reads:
    """Reads of which each has its result or error, and the times at which they happened."""

    def __init__(self, clock: VirtualTime, *results: int | Exception) -> None:
        self._clock = clock
        self._began = clock.now
        self._results = list(results)
        self.at: list[float] = []

    async def read(self) -> int:
        """Return the next result; the last one is repeated."""
        self.at.append(self._clock.now - self._began)
        result = self._results.pop(0) if len(self._results) > 1 else self._results[0]
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Replace the clock of the running loop and of the backoff."""
    clock = VirtualTime()
    clock.install(monkeypatch)
    return clock


POLLING = Polling(first_pause=1.0, longest_pause=4.0, limit=11.0)
ERROR = GatewayConnectionError("no response")


async def test_poll_until_returns_the_first_value_that_is_done(clock: VirtualTime) -> None:
    reads = Reads(clock, 1, ERROR, 3, 4)
    assert await poll_until(reads.read, lambda value: value >= 3, POLLING) == 3
    assert reads.at == [0, 1, 3]


async def test_poll_until_doubles_its_pauses_and_returns_the_last_value_at_its_limit(clock: VirtualTime) -> None:
    reads = Reads(clock, 1)
    assert await poll_until(reads.read, lambda value: value >= 3, POLLING) == 1
    assert reads.at == [0, 1, 3, 7, 11]


async def test_poll_until_raises_the_last_error_at_its_limit(clock: VirtualTime) -> None:
    reads = Reads(clock, 1, ERROR)
    with pytest.raises(GatewayConnectionError):
        await poll_until(reads.read, lambda value: value >= 3, POLLING)
    assert reads.at == [0, 1, 3, 7, 11]


async def test_poll_until_raises_another_error_at_once(clock: VirtualTime) -> None:
    reads = Reads(clock, TypeError())
    with pytest.raises(TypeError):
        await poll_until(reads.read, bool, POLLING)
    assert reads.at == [0]
