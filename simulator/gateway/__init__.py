"""The gateway without HTTP: its state, responses and access rules."""

from simulator.gateway.gateway import Gateway
from simulator.gateway.profile import Profile

__all__ = ["Gateway", "Profile"]
