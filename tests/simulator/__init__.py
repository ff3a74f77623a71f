"""A simulated Powerwall gateway: `python -m tests.simulator` serves it by itself.

`house` is the physics and knows no HTTP; `gateway` is what a gateway knows, answers and whom it lets in; `firmware`
holds one table per firmware; `front` puts faults between the gateway and HTTP; `control` is the way behind it all.
"""

from .faults import Fault, Faults
from .firmware import PROFILES
from .front import Request
from .gateway import Profile
from .house import House
from .simulator import Simulator

__all__ = ["PROFILES", "Fault", "Faults", "House", "Profile", "Request", "Simulator"]
