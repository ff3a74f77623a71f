"""Chance that depends on nothing but a seed and the time: a day is the same day in whatever steps it is walked."""

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
