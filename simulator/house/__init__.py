"""The house behind the meters: sun, people, Powerwalls and grid."""

from simulator.house.battery import Pack
from simulator.house.house import LOS_ANGELES, SUMMER_NOON, Flow, House

__all__ = ["LOS_ANGELES", "SUMMER_NOON", "Flow", "House", "Pack"]
