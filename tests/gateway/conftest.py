"""Connections and clients to a simulated gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import ClientSession
import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    Connection,
    Credentials,
    Health,
    PowerwallGateway,
    find,
    open_session,
)
from tests.simulator import Simulator

type Connect = Callable[..., Awaitable[Connection]]
type Client = Callable[..., Awaitable[PowerwallGateway]]


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[ClientSession]:
    """Open the kind of session the client wants."""
    async with open_session() as session:
        yield session


@pytest.fixture
def connect(session: ClientSession) -> Connect:
    """Connect to a simulator as it is found, with a time limit that a busy machine keeps."""

    async def connect(simulator: Simulator, limit: float = 10.0) -> Connection:
        return await find(session, address_of(simulator), timeout=limit)

    return connect


@pytest.fixture
def client(connect: Connect) -> Client:
    """Make a client; it has the simulator's password unless told another, or None."""

    async def client(simulator: Simulator, *, password: str | None = "", limit: float = 10.0) -> PowerwallGateway:
        credentials = None if password is None else Credentials(password=password or simulator.password)
        return PowerwallGateway(await connect(simulator, limit), credentials, health=Health())

    return client


def address_of(simulator: Simulator) -> Address:
    """Give the address a person would type."""
    return Address.parse(f"{simulator.host}:{simulator.port}")
