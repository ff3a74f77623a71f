"""The fixtures of the client tests."""

from tests.client.conftest import client, connect, session, thrown

__all__ = ["client", "connect", "session", "thrown"]
