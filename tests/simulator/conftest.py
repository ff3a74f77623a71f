"""The fixtures of the client tests."""

from tests.client.conftest import client, connect, session

__all__ = ["client", "connect", "session"]
