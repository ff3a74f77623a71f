"""The gateway without its HTTP: what it knows, what it answers and whom it lets in."""

from simulator.gateway.gateway import Gateway
from simulator.gateway.profile import Profile

__all__ = ["Gateway", "Profile"]
