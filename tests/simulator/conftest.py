"""Fixtures of the client tests, for the tests of the simulator."""

from tests.client.conftest import client, connect, session

__all__ = ["client", "connect", "session"]
