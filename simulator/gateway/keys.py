"""The public keys that are registered at a gateway, and their confirmation at the Powerwall."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
import time

WINDOW_SECONDS = 600.0
"""Owners report about ten minutes after the registration."""


class KeyState(IntEnum):
    """The state of a key, with the gateway's numbers."""

    PENDING = 1
    EXPIRED = 2
    """It was not confirmed in time. Registering it again reopens the window."""
    VERIFIED = 3


@dataclass
class Key:
    """A registered key."""

    public_key: bytes
    """PKCS #1, DER."""
    description: str
    registered: float
    verified: bool = False
    fault: str | None = None
    """Tesla's name of the fault that rejects the key although it is verified, without `MESSAGEFAULT_ERROR_`."""


class Keyring:
    """Keys by their bytes in a request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.names_unknown = True
        """True if an unknown key gets a fault. Some firmware returns an empty message (pypowerwall, issue 352)."""
        self.unsupported: set[str] = set()
        """Names of requests about keys that the firmware does not implement."""
        self._keys: dict[bytes, Key] = {}

    def register(self, public_key: bytes, description: str = "Home Assistant") -> None:
        """Register a key as Tesla's cloud does; the same key again reopens its window, and stays verified."""
        known = self._keys.get(public_key)
        verified = known is not None and known.verified
        self._keys[public_key] = Key(public_key, description, self.clock(), verified=verified)

    def forget(self, public_key: bytes) -> None:
        """Remove a key, as an owner does in Tesla's app."""
        self._keys.pop(public_key, None)

    def reject(self, public_key: bytes, fault: str | None) -> None:
        """Reject a registered key with a fault, such as `INACTIVE_KEY`, from now on; None accepts it again."""
        self._keys[public_key].fault = fault

    def fault(self, public_key: bytes) -> str | None:
        """Return the fault for a key, or None."""
        return key.fault if (key := self._keys.get(public_key)) else None

    def confirm(self) -> None:
        """Turn a Powerwall off and on by its switch, which verifies all waiting keys."""
        for public_key, key in self._keys.items():
            if self.state(public_key) is KeyState.PENDING:
                key.verified = True

    def state(self, public_key: bytes) -> KeyState | None:
        """Return the state of a key; None for one that was never registered."""
        key = self._keys.get(public_key)
        if key is None:
            return None
        if key.verified:
            return KeyState.VERIFIED
        return KeyState.PENDING if self.clock() - key.registered < WINDOW_SECONDS else KeyState.EXPIRED

    @property
    def keys(self) -> list[Key]:
        """All keys, the oldest first."""
        return list(self._keys.values())
