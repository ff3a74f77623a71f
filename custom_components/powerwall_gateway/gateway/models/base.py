"""Decode the gateway's JSON objects into frozen, comparable dataclasses.

The decoder of a field follows from its annotation, or is declared by `fields.py`. A key that is missing or null is
None, an unknown key is ignored, and a value that does not fit costs its own field only: None, and one log line per
process.

A `#:` after a field documents it: unit, sign, and the firmware that sends it.

No library does this: strict ones lose a response over one field, and tolerant ones call Python for every value
(`docs/dev/performance.md`).
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from enum import StrEnum
from functools import partial
from types import NoneType
from typing import Any, Self, get_args, get_origin, get_type_hints

from .fields import DECODERS, Decoder, as_dict, as_str, decode_items, warn_once


@dataclass(frozen=True, kw_only=True)
class Model:
    """Base of every model: a frozen dataclass whose fields are all optional."""

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Decode a JSON value; None for anything but an object."""
        return cls.from_dict(value) if isinstance(value, dict) else None

    @classmethod
    def from_dict(cls, wire: dict[Any, Any]) -> Self:
        """Decode a JSON object with any content.

        Every poll comes through here. Nearly every value has the right type, and is taken without another call.
        """
        normalize, entries = _plans.get(cls) or plan_of(cls)
        get = (normalize(wire) if normalize else wire).get
        model = object.__new__(cls)
        values = model.__dict__
        for name, key, as_is, decode in entries:
            value = get(key)
            values[name] = value if value.__class__ in as_is else decode(value)
        return model

    @classmethod
    def has_known_key(cls, wire: dict[Any, Any]) -> bool:
        """Return True if a JSON object has any of the fields. One without is another endpoint's."""
        normalize, entries = plan_of(cls)
        normalized = normalize(wire) if normalize else wire
        return any(key in normalized for _, key, _, _ in entries)

    @classmethod
    def wire_keys(cls) -> tuple[str, ...]:
        """Return the key of each field in JSON, in the order of the fields."""
        return tuple(key for _, key, _, _ in plan_of(cls)[1])

    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the forms that firmware has had into the one that the fields describe."""
        return wire


type _Normalize = Callable[[dict[Any, Any]], dict[Any, Any]]
type _Decode = Callable[[Any], Any]
type _Plan = tuple[_Normalize | None, tuple[tuple[str, str, frozenset[type], _Decode], ...]]

_plans: dict[type[Model], _Plan] = {}


def plan_of(model: type[Model]) -> _Plan:
    """Return each field's name, its key in JSON, the types that are taken as they are, and the decoder of others."""
    if model not in _plans:
        hints = get_type_hints(model)
        entries = tuple(_entry(model, each, hints[each.name]) for each in fields(model))
        _plans[model] = (None if model.normalize is Model.normalize else model.normalize, entries)
    return _plans[model]


def check_models(base: type[Model] = Model) -> None:
    """Raise a TypeError for a field whose annotation has no decoder, or a declared decoder of another type."""
    for model in base.__subclasses__():
        plan_of(model)
        check_models(model)


def _entry(model: type[Model], declared: Field[Any], annotation: Any) -> tuple[str, str, frozenset[type], _Decode]:
    key: str = declared.metadata.get("key") or declared.name
    kind, *others = get_args(annotation) or (None,)
    nested = _nested(key, kind) if others == [NoneType] else None
    decoder: Decoder | None = declared.metadata.get("decoder") or DECODERS.get(annotation) or nested
    if decoder is None or annotation != (decoder.kind or kind) | None:
        raise TypeError(f"No decoder of {model.__name__}.{declared.name} makes {annotation}")
    return declared.name, key, frozenset((NoneType, *decoder.as_is)), _tolerant(key, decoder)


def _tolerant(key: str, decoder: Decoder) -> _Decode:
    """Return a decoder that logs what does not fit, instead of raising."""
    strict = decoder.decode

    def decode(value: Any) -> Any:
        try:
            return strict(value)
        except KeyError:
            found = repr(value)
        except TypeError, ValueError:
            found = type(value).__name__
        warn_once(key, decoder.expected, found)
        return None

    return decode


def _nested(key: str, kind: Any) -> Decoder | None:
    """Return the decoder of an enum, a model, or a list of models."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum(kind)
    if _is_model(kind):
        return Decoder(kind, "an object", lambda value: kind.from_dict(as_dict(value)))
    item, *rest = get_args(kind) or (None,)
    if get_origin(kind) is tuple and rest == [...] and _is_model(item):
        return Decoder(kind, "a list of objects", partial(decode_items, key, item.read))
    return None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)


def _enum(states: type[StrEnum]) -> Decoder:
    known = {str(state): state for state in states}

    def decode(value: Any) -> StrEnum:
        """Raise KeyError for a state that Tesla added since: it is named in the log."""
        return known[as_str(value)]

    return Decoder(states, "a known state", decode)
