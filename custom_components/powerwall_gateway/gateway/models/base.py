"""How a payload of the gateway becomes frozen, comparable data, whatever it holds.

The kinds of fields (`kinds.py`, `times.py`) say what may stand where. A key that is missing
or null is None, an unknown key is ignored, and a value that does not fit costs its own field
only: None, and one log line for as long as the process lives.

No library reads it: those that are strict lose a payload over one field, and those that can
be told otherwise call Python for every value (`docs/performance.md`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
import logging
from types import NoneType
from typing import Any, Self

from ..redact import redact

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Model:
    """Base of every model: a frozen dataclass whose fields are all optional, each made by a kind."""

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Read a JSON value; None for what is no object."""
        return cls.from_dict(value) if isinstance(value, dict) else None

    @classmethod
    def from_dict(cls, wire: dict[Any, Any]) -> Self:
        """Read a JSON object, whatever it holds.

        Every poll comes through here. Nearly every value is what it should be, and is taken
        as it is without another call.
        """
        tidy, entries = _plans.get(cls) or _plan(cls)
        get = (tidy(wire) if tidy else wire).get
        payload = object.__new__(cls)
        values = payload.__dict__
        for name, key, as_they_are, fit in entries:
            value = get(key)
            values[name] = value if value.__class__ in as_they_are else fit(value)
        return payload

    @classmethod
    def knows(cls, wire: dict[Any, Any]) -> bool:
        """Tell whether a JSON object has any of the fields: one without is another payload."""
        tidy, entries = _plans.get(cls) or _plan(cls)
        tidied = tidy(wire) if tidy else wire
        return any(key in tidied for _, key, _, _ in entries)

    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the forms that firmware has had into the one that the fields read, where there were several."""
        return wire


type _Tidy = Callable[[dict[Any, Any]], dict[Any, Any]]
type _Fit = Callable[[Any], Any]
type _Plan = tuple[_Tidy | None, tuple[tuple[str, str, frozenset[type], _Fit], ...]]

_plans: dict[type[Model], _Plan] = {}


def _plan(model: type[Model]) -> _Plan:
    """Note each field's name, its key on the wire, the types that need no fitting, and how the others are fitted."""
    entries = tuple(
        (each.name, each.metadata["key"], each.metadata["as_they_are"], each.metadata["fit"]) for each in fields(model)
    )
    _plans[model] = plan = (None if model.tidy is Model.tidy else model.tidy, entries)
    return plan


class _Misfits:
    """Tells once about each thing a gateway sent that does not fit."""

    LIMIT = 200
    """A gateway gone mad must fill neither the log nor the memory."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Tell everything again."""
        self._told.clear()

    def tell(self, key: str, expected: str, found: str) -> None:
        """Log that `key` should be as `expected` but is as `found`."""
        told = (key, redact(found)[:60])
        if told in self._told or len(self._told) >= self.LIMIT:
            return
        self._told.add(told)
        _LOGGER.warning("The gateway's %s should be %s and is %s: left out", key, expected, told[1])


misfits = _Misfits()


def field_of(key: str, fit: _Fit, *as_they_are: type, compare: bool = True, show: bool = True) -> Any:
    """Make a field that reads `key`. null, and values of these types, are taken as they are."""
    metadata = {"key": key, "fit": fit, "as_they_are": frozenset((NoneType, *as_they_are))}
    return field(default=None, compare=compare, repr=show, metadata=metadata)


def kind_of(key: str, expected: str, fit: _Fit, *as_they_are: type, compare: bool = True, show: bool = True) -> Any:
    """Make a field that reads `key` by `fit`, which answers None for what does not fit."""

    def tell(value: Any) -> Any:
        if (fitting := fit(value)) is None:
            misfits.tell(key, expected, f"a {type(value).__name__}")
        return fitting

    return field_of(key, tell, *as_they_are, compare=compare, show=show)
