"""States of power: few enough for the database, and true to the energy."""

from random import Random

from custom_components.powerwall_gateway.entity import POWER_THROTTLE
from simulator.home import SimulatedHome

POLL = 5.0


def test_power_throttle_lively_day_keeps_the_energy_in_few_states() -> None:
    """In a home whose load moves by tens of watts at every poll, the states add up to the energy within 0.5%."""
    home, noise = SimulatedHome(packs=2, charge=60.0), Random(1)
    last, written_at, states, polls = 0.0, 0.0, 0, int(86_400 / POLL)
    energy = of_states = 0.0
    for number in range(polls):
        home.advance(POLL)
        power = round(home.flow.home + noise.gauss(0, 40))
        if POWER_THROTTLE.should_write(power, last, POLL * number - written_at):
            last, written_at, states = power, POLL * number, states + 1
        energy += power * POLL
        of_states += last * POLL
    assert abs(of_states / energy - 1) < 0.005
    assert states < polls / 3
