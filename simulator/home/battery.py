"""The Powerwalls: stored energy, power limits, and losses."""

from dataclasses import dataclass, field

CAPACITY = 13_500.0
"""Wh a pack holds."""
CONTINUOUS_POWER = 5_000.0
"""W a pack charges or discharges with."""
PEAK_POWER = 7_000.0
"""W a pack supplies for a moment when the home is off-grid."""
ONE_WAY_EFFICIENCY = 0.95
"""Charging and discharging each lose five percent: about ninety percent for the round trip."""
EMPTY = 5.0
"""Raw percent at which a pack stops discharging; 0% in the app."""
TAPER = 4.0
"""Percent below full over which charging slows down."""


@dataclass
class Pack:
    """One Powerwall."""

    number: int
    """Counts from 1; the same while the home exists, also if others are removed."""
    remaining: float
    """Wh"""
    charged: float
    """Wh taken in over its life, measured outside (AC)."""
    discharged: float
    """Wh given over its life, measured outside (AC)."""
    capacity: float = CAPACITY
    temperature: float = 40.3
    """Degrees Celsius of a Powerwall 3's warmest part, or of a Powerwall 2's heat sink."""
    full_cycles: int = 0
    """The reported number of full cycles: 0 on both Powerwall 3 that an owner has read."""
    disabled_reasons: list[str] = field(default_factory=list)
    """A pack with a reason here is disabled, and the gateway returns nulls for it."""

    @property
    def enabled(self) -> bool:
        """Return whether the Powerwall is enabled."""
        return not self.disabled_reasons


class Battery:
    """All packs as one."""

    def __init__(self, packs: int, charge: float) -> None:
        self.packs = [
            Pack(
                number=number,
                remaining=CAPACITY * charge / 100,
                charged=1_638_140 - 61_370 * (number - 1),
                discharged=1_469_030 - 55_090 * (number - 1),
            )
            for number in range(1, packs + 1)
        ]
        self._removed: dict[int, Pack] = {}

    # -- list of Powerwalls --------------------------------------------------------------------------------------------

    def pack(self, number: int) -> Pack:
        """Find a Powerwall by its number. Raises ValueError if there is none."""
        for pack in self.packs:
            if pack.number == number:
                return pack
        numbers = ", ".join(str(pack.number) for pack in self.packs)
        raise ValueError(f"There is no Powerwall {number}; there is {numbers}.")

    def add(self, number: int | None = None) -> Pack:
        """Add a Powerwall: a removed one returns unchanged, any other is new and charged like the rest.

        Without a number it is one that never existed. Raises ValueError if it exists already.
        """
        if number is None:
            number = 1 + max([*self._removed, *(pack.number for pack in self.packs)])
        if any(pack.number == number for pack in self.packs):
            raise ValueError(f"Powerwall {number} is there already.")
        pack = self._removed.pop(number, None) or Pack(number, CAPACITY * self.charge / 100, 0.0, 0.0)
        self.packs.append(pack)
        self.packs.sort(key=lambda each: each.number)
        return pack

    def remove(self, number: int) -> Pack:
        """Remove a Powerwall. Only its energy counters stay. Raises ValueError for the last."""
        pack = self.pack(number)
        if len(self.packs) == 1:
            raise ValueError("The home needs at least one Powerwall.")
        self.packs.remove(pack)
        self._removed[number] = pack
        return pack

    # -- stored energy -------------------------------------------------------------------------------------------------

    @property
    def ever(self) -> list[Pack]:
        """All packs, also removed ones: a lifetime counter does not fall when one is removed."""
        return [*self.packs, *self._removed.values()]

    @property
    def active(self) -> list[Pack]:
        """The enabled packs."""
        return [pack for pack in self.packs if pack.enabled]

    @property
    def capacity(self) -> int:
        """Wh of the enabled packs, each in whole Wh as the gateway counts."""
        return sum(round(pack.capacity) for pack in self.active)

    @property
    def remaining(self) -> int:
        """Wh left in the enabled packs, each in whole Wh as the gateway counts."""
        return sum(round(pack.remaining) for pack in self.active)

    @property
    def charge(self) -> float:
        """Raw percent, as the gateway returns it."""
        return 100 * self.remaining / self.capacity if self.capacity else 0.0

    @charge.setter
    def charge(self, percent: float) -> None:
        for pack in self.packs:
            pack.remaining = pack.capacity * percent / 100

    @property
    def max_charge_power(self) -> float:
        """W the packs take now: less and less when nearly full."""
        room = 100 - self.charge
        if room <= 0:
            return 0.0
        return len(self.active) * CONTINUOUS_POWER * min(1.0, max(0.02, room / TAPER))

    @property
    def max_discharge_power(self) -> float:
        """W the packs give for as long as they last."""
        return len(self.active) * CONTINUOUS_POWER if self.charge > EMPTY else 0.0

    @property
    def max_island_power(self) -> float:
        """W the packs supply for a moment in a grid outage."""
        return len(self.active) * PEAK_POWER if self.charge > EMPTY else 0.0

    def exchange(self, power: float, hours: float) -> None:
        """Discharge (power above zero) or charge for a while."""
        for pack, share in zip(self.active, self.shares(power), strict=True):
            energy = abs(power) * share * hours
            if power > 0:
                pack.discharged += energy
                pack.remaining = max(0.0, pack.remaining - energy / ONE_WAY_EFFICIENCY)
            else:
                pack.charged += energy
                pack.remaining = min(pack.capacity, pack.remaining + energy * ONE_WAY_EFFICIENCY)

    def shares(self, power: float) -> list[float]:
        """Return each active pack's share of a power: a fuller one gives more, an emptier one takes more."""
        packs = self.active
        weights = [pack.remaining if power > 0 else pack.capacity - pack.remaining for pack in packs]
        total = sum(weights)
        return [weight / total if total else 1 / len(packs) for weight in weights]
