"""The simulated home behind the meters: sun, appliances, Powerwalls and grid."""

from simulator.home.battery import Pack
from simulator.home.home import LOS_ANGELES, SUMMER_NOON, Flow, SimulatedHome

__all__ = ["LOS_ANGELES", "SUMMER_NOON", "Flow", "Pack", "SimulatedHome"]
