"""The simulated Powerwall gateway: `python -m simulator` runs it alone.

`home` simulates the physics; `gateway` has the data, responses and access rules of a gateway; `firmware` has one table
per firmware; `server` injects faults between the gateway and HTTP; `control_api` changes everything from outside.
"""

from simulator.faults import Fault, Faults
from simulator.firmware import PROFILES
from simulator.gateway import Profile
from simulator.home import SimulatedHome
from simulator.server import Request
from simulator.simulator import Simulator

__all__ = ["PROFILES", "Fault", "Faults", "Profile", "Request", "SimulatedHome", "Simulator"]
