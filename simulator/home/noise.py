"""Random numbers that depend only on a seed and the time, so that the steps of a simulation don't change them."""

from functools import lru_cache
from random import Random


@lru_cache(maxsize=8192)
def chance(seed: int, subject: str, index: int) -> float:
    """Roll a number from 0 to 1, always the same for the same seed, subject and index."""
    return Random(f"{seed}/{subject}/{index}").random()


def drift(seed: int, subject: str, position: float) -> float:
    """Follow a smooth line from 0 to 1 through the chances at the whole positions."""
    index = int(position // 1)
    part = position - index
    blend = part * part * (3 - 2 * part)
    return chance(seed, subject, index) * (1 - blend) + chance(seed, subject, index + 1) * blend
