"""Orders to the simulator: read from JSON and checked as a whole, before anything happens."""

from dataclasses import dataclass, fields
from datetime import datetime
import json
import math

from .faults import Fault
from .wire import go_json


class MistakeError(Exception):
    """The caller asked for something that does not exist; the text says what does."""


@dataclass(frozen=True)
class Pin:
    """A power held at a number; None lets the model decide again."""

    watts: float | None


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What to do; None leaves things as they are."""

    grid: str | None
    running: bool | None
    connected_to_tesla: bool | None
    lose_sessions: bool | None
    switch: bool | None
    """Somebody flips a Powerwall's switch, or walks away."""
    new_firmware: bool | None
    """Is there some for `system/update` to find?"""
    latency: float | None
    speed: float | None
    time: datetime | None
    charge: float | None
    solar_power: Pin | None
    home_power: Pin | None
    clear_faults: bool | None
    fault: Fault | None


def parse(body: bytes) -> Orders:
    """Read the orders of a JSON object."""
    try:
        form = json.loads(body)
    except ValueError:
        form = None
    if not isinstance(form, dict):
        raise MistakeError('Send a JSON object, for example {"grid": "down"}.')
    read = _Reader(form)
    read.only(*(order.name for order in fields(Orders)))
    return Orders(
        grid=read.choice("grid", "up", "down"),
        running=read.flag("running"),
        connected_to_tesla=read.flag("connected_to_tesla"),
        lose_sessions=read.flag("lose_sessions"),
        switch=read.flag("switch"),
        new_firmware=read.flag("new_firmware"),
        latency=read.number("latency", 0, 3600),
        speed=read.number("speed", 0, 100_000),
        time=read.time("time"),
        charge=read.number("charge", 0, 100),
        solar_power=read.pin("solar_power"),
        home_power=read.pin("home_power"),
        clear_faults=read.flag("clear_faults"),
        fault=_fault(form["fault"]) if "fault" in form else None,
    )


def _fault(form: object) -> Fault:
    if not isinstance(form, dict):
        raise MistakeError('"fault" is an object, for example {"path": "status", "status": 503, "times": 3}.')
    read = _Reader(form)
    read.only("path", "status", "body", "content_type", "delay", "drop", "after", "times")
    path = read.text("path")
    if not path:
        raise MistakeError('A fault needs a "path" below /api/, for example "meters/aggregates", or "*" for all.')
    body = form.get("body", "")
    status, times = read.number("status", 100, 599), read.number("times", 1, 1_000_000)
    fault = Fault(
        path=path.removeprefix("/").removeprefix("api/"),
        status=None if status is None else int(status),
        body=(body if isinstance(body, str) else go_json(body)).encode(),
        content_type=read.text("content_type"),
        delay=read.number("delay", 0, 3600) or 0.0,
        drop=read.flag("drop") or False,
        after=read.flag("after") or False,
        times=None if times is None else int(times),
    )
    if not fault.harms:
        raise MistakeError('A fault needs a "status", a "delay" or "drop".')
    return fault


class _Reader:
    """Takes values out of a JSON object and explains what is wrong with them."""

    def __init__(self, form: dict[str, object]) -> None:
        self._form = form

    def only(self, *names: str) -> None:
        unknown = sorted(self._form.keys() - set(names))
        if unknown:
            raise MistakeError(f"Nobody knows {', '.join(unknown)}; there is {', '.join(names)}.")

    def choice(self, name: str, *choices: str) -> str | None:
        value = self._form.get(name, choices[0])
        if value not in choices:
            raise MistakeError(f'"{name}" is {" or ".join(json.dumps(choice) for choice in choices)}.')
        return str(value) if name in self._form else None

    def flag(self, name: str) -> bool | None:
        value = self._form.get(name, False)
        if not isinstance(value, bool):
            raise MistakeError(f'"{name}" is true or false.')
        return value if name in self._form else None

    def text(self, name: str) -> str | None:
        value = self._form.get(name)
        if value is not None and not isinstance(value, str):
            raise MistakeError(f'"{name}" is a text.')
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        if name not in self._form:
            return None
        value = self._form[name]
        real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(value, int | float) or not real or not least <= value <= most:
            raise MistakeError(f'"{name}" is a number from {least:g} to {most:g}.')
        return value

    def pin(self, name: str) -> Pin | None:
        if name in self._form and self._form[name] is None:
            return Pin(None)
        watts = self.number(name, -1_000, 100_000)
        return None if watts is None else Pin(watts)

    def time(self, name: str) -> datetime | None:
        if name not in self._form:
            return None
        try:
            return datetime.fromisoformat(str(self._form[name]))
        except ValueError:
            raise MistakeError(f'"{name}" is a local time such as "2026-06-21T13:00".') from None
