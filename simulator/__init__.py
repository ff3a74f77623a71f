"""A simulated Powerwall gateway: `python -m simulator` serves it by itself.

`home` is the physics and knows no HTTP; `gateway` is what a gateway knows, answers and whom it lets in; `firmware`
holds one table per firmware; `front` puts faults between the gateway and HTTP; `control` is the way behind it all.
"""

from simulator.faults import Fault, Faults
from simulator.firmware import PROFILES
from simulator.front import Request
from simulator.gateway import Profile
from simulator.home import SimulatedHome
from simulator.simulator import Simulator

__all__ = ["PROFILES", "Fault", "Faults", "Profile", "Request", "SimulatedHome", "Simulator"]
