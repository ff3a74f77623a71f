"""Create a valid payload for each model from its decoders, and fuzz input from it."""

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Any

from hypothesis import strategies as st

from custom_components.powerwall_gateway.gateway import models
from custom_components.powerwall_gateway.gateway.models import Model
from custom_components.powerwall_gateway.gateway.models.base import plan_of

MODELS = [
    model
    for name in models.__all__
    if isinstance(model := getattr(models, name), type) and issubclass(model, Model) and model is not Model
]

STATES = [
    str(next(iter(states)))
    for name in models.__all__
    if isinstance(states := getattr(models, name), type) and issubclass(states, StrEnum)
]

CANDIDATES: tuple[Any, ...] = (
    12.5,
    7,
    True,
    "text",
    "402h8m19.937911668s",
    "2021-12-13T00:24:46.192599545-07:00",
    ["a", "b"],
    [True, False],
    [1.5, 2],
    {"a": True},
    [{}],
    [[{}]],
    "[]",
    {},
    *STATES,
)
"""At least one is valid for a field of each type."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=8,
)


def example(model: type[Model]) -> dict[str, Any]:
    """Return a payload with a good value for every field, as far as there is one in `CANDIDATES`."""
    if model is models.BatteryTemperatures:
        signals = [{"name": "THC_AmbientTemp", "value": 21.5}]
        return {"components": {"msa": [{"serialNumber": "TG1", "signals": signals}]}}
    plan = plan_of(model)[1]
    payload = {key: value for _, key, as_is, decode in plan if (value := _fitting(as_is, decode)) is not None}
    return {"control": payload} if model is models.Controller else payload


def _fitting(as_is: frozenset[type], decode: Callable[[Any], Any]) -> Any:
    candidates = sorted(CANDIDATES, key=lambda candidate: type(candidate) not in as_is)
    return next((each for each in candidates if type(each) in as_is or decode(each) is not None), None)


def spoil(payload: dict[str, Any], chance: Random) -> tuple[dict[str, Any], set[str]]:
    """Change, remove or add some keys of a good payload. Return it with these keys."""
    spoiled = dict(payload)
    keys = set(chance.sample([*payload, "unknown", ""], k=chance.randint(1, min(3, len(payload)))))
    for key in keys:
        if key in spoiled and chance.random() < 0.3:
            del spoiled[key]
        else:
            spoiled[key] = random_json(chance)
    return spoiled, keys


def random_json(chance: Random, depth: int = 3) -> Any:
    """Return any JSON."""
    kinds = [*SCALARS, list, dict] if depth else SCALARS
    match chance.choice(kinds):
        case kind if kind is list:
            return [random_json(chance, depth - 1) for _ in range(chance.randint(0, 3))]
        case kind if kind is dict:
            return {chance.choice(FUZZ_TEXTS): random_json(chance, depth - 1) for _ in range(chance.randint(0, 3))}
        case scalar:
            return scalar


FUZZ_TEXTS = ("", "x", "grid_code", "PackageSerialNumber", "name", "cts", "ip", "error", "\u0000", "ä" * 40)
SCALARS: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63, 2**64 - 1, -(2**63), 0.5, -0.0, 1e308, -1e-308),
    *FUZZ_TEXTS,
    *(
        "NaN",
        "null",
        "-",
        "1e9",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999+14:00",
        "999999999999h",
        "[{}]",
        "[",
    ),
]
