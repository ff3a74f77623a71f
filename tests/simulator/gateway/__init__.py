"""The gateway without its HTTP: what it knows, what it answers and whom it lets in."""

from .gateway import Gateway
from .profile import Profile

__all__ = ["Gateway", "Profile"]
