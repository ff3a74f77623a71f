"""A good payload for each model, made from what its fields expect, and ways to spoil one."""

from dataclasses import Field, fields
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from custom_components.powerwall_gateway.gateway import models
from custom_components.powerwall_gateway.gateway.models import Payload

MODELS = [
    model
    for name in models.__all__
    if isinstance(model := getattr(models, name), type) and issubclass(model, Payload) and model is not Payload
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
"""One of these fits a field of any kind."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=8,
)


def keys_of(model: type[Payload]) -> list[str]:
    """Give the keys that a model reads."""
    return [field.metadata["key"] for field in fields(model)]


def example(model: type[Payload]) -> dict[str, Any]:
    """Make a payload in which every field has a value that fits it, as far as one is known."""
    return {field.metadata["key"]: fitting for field in fields(model) if (fitting := _fitting(field)) is not None}


def _fitting(field: Field[Any]) -> Any:
    for candidate in CANDIDATES:
        if type(candidate) in field.metadata["as_they_are"]:
            return candidate
    for candidate in CANDIDATES:
        if field.metadata["fit"](candidate) is not None:
            return candidate
    return None


@st.composite
def spoiled(draw: st.DrawFn, model: type[Payload]) -> tuple[dict[str, Any], set[str]]:
    """Spoil some keys of a good payload: changed, removed, or added. Gives it with the keys that were spoiled."""
    payload = example(model)
    keys = draw(st.sets(st.sampled_from(sorted(payload)) | st.text(max_size=12), min_size=1, max_size=3))
    for key in keys:
        if draw(st.booleans()) or key not in payload:
            payload[key] = draw(JSON)
        else:
            del payload[key]
    return payload, keys
