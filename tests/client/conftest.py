"""Fixtures with connections and clients to a simulated gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

from aiohttp import ClientSession
import pytest

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    PowerwallGateway,
    Transport,
    find,
    open_session,
)
from custom_components.powerwall_gateway.gateway.signed.client import SignedGateway
from custom_components.powerwall_gateway.hub import AvailabilityLog
from simulator import Simulator
from tests.client.operation import Operator, with_session
from tests.client.signing import Sign
from tests.client.stop_safety import Home
from tests.conftest import StartSimulator
from tests.helpers import address_of
from tests.signing_keys import pem

type Connect = Callable[..., Awaitable[Transport]]
type Client = Callable[..., Awaitable[PowerwallGateway]]


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[ClientSession]:
    """Open the session that the client requires."""
    async with open_session() as session:
        yield session


@pytest.fixture
def connect(session: ClientSession) -> Connect:
    """Connect to a simulator as it is found, with a time limit that a busy machine keeps."""

    async def connect(simulator: Simulator, limit: float = 10.0) -> Transport:
        return await find(session, address_of(simulator), timeout=limit)

    return connect


@pytest.fixture
def client(connect: Connect) -> Client:
    """Return a client with the simulator's password, another one, or None."""

    async def client(simulator: Simulator, *, password: str | None = "", limit: float = 10.0) -> PowerwallGateway:
        credentials = None if password is None else Credentials(password=password or simulator.password)
        return PowerwallGateway(await connect(simulator, limit), credentials, on_result=AvailabilityLog().note)

    return client


@pytest.fixture
async def sign(client: Client) -> AsyncIterator[Sign]:
    """Make signing clients, each with a key of its own by number."""
    async with AsyncExitStack() as stack:

        async def sign(simulator: Simulator, number: int = 0, **options: object) -> SignedGateway:
            signed = SignedGateway(await client(simulator, **options), pem(number))
            stack.push_async_callback(signed.close)
            return signed

        yield sign


@pytest.fixture
async def gateway(simulator: StartSimulator) -> Simulator:
    """Start a gateway with firmware 1.15, whose login stops the Powerwall."""
    return await simulator("1.15.0")


@pytest.fixture
async def operator(gateway: Simulator, connect: Connect) -> AsyncIterator[Operator]:
    """Return an operator with a session; nothing that it does stops the Powerwall."""
    operator = with_session(gateway, await connect(gateway))
    gateway.requests.clear()
    yield operator
    assert gateway.stopped_seconds == 0


@pytest.fixture
async def home(gateway: Simulator) -> Home:
    """Return a home with a gateway with firmware 1.15."""
    return Home(gateway)
