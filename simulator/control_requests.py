"""Requests to `/simulator`: parsed from JSON and validated as a whole before anything changes."""

from base64 import b64decode
from dataclasses import dataclass, fields
from datetime import datetime
import json
import math

from cryptography.hazmat.primitives.serialization import load_der_public_key

from simulator.faults import Fault
from simulator.wire import go_json

PACK_VERBS = ("disable", "enable", "add", "remove")
MOST_PACKS = 10
DISABLED = "DisabledExcessiveVoltageDrop"
"""Why a Powerwall is disabled, unless another reason is given."""


class MistakeError(Exception):
    """The request names something that does not exist. The text lists what exists."""


@dataclass(frozen=True)
class Pin:
    """A power held at a number; None lets the model decide again."""

    watts: float | None


@dataclass(frozen=True)
class PackOrder:
    """A change of one Powerwall. They count from 1."""

    verb: str
    """`disable`, `enable`, `add` or `remove`."""
    number: int
    reason: str = DISABLED


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The orders of one request; None changes nothing."""

    grid: str | None
    running: bool | None
    connected_to_tesla: bool | None
    lose_sessions: bool | None
    switch: bool | None
    """True turns a Powerwall off and on by its switch, false ends that proof of presence."""
    register_key: bytes | None
    """A public key for signed requests, as Tesla's cloud registers it."""
    follows_config: bool | None
    """True if the battery follows signed requests."""
    new_firmware: bool | None
    """True if `system/update` finds new firmware."""
    latency: float | None
    speed: float | None
    time: datetime | None
    charge: float | None
    solar_power: Pin | None
    home_power: Pin | None
    generator_power: Pin | None
    off_grid: bool | None
    """Go off-grid intentionally, as with `v2/islanding/mode`, or reconnect."""
    pack: PackOrder | None
    lose_meter: str | None
    """The gateway loses contact with a meter: its values and its time no longer change."""
    find_meters: bool | None
    """The gateway is in contact with every meter again."""
    in_sync: bool | None
    ethernet: bool | None
    """True if a cable is plugged in."""
    wifi_signal: int | None
    cellular_signal: int | None
    problem: str | None
    """One more for `troubleshooting/problems`."""
    clear_problems: bool | None
    alert: str | None
    """One more alert, of the system or of a Powerwall+."""
    clear_alerts: bool | None
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
    read.only(*names())
    return Orders(
        grid=read.choice("grid", "up", "down"),
        running=read.flag("running"),
        connected_to_tesla=read.flag("connected_to_tesla"),
        lose_sessions=read.flag("lose_sessions"),
        switch=read.flag("switch"),
        register_key=read.key("register_key"),
        follows_config=read.flag("follows_config"),
        new_firmware=read.flag("new_firmware"),
        latency=read.number("latency", 0, 3600),
        speed=read.number("speed", 0, 100_000),
        time=read.time("time"),
        charge=read.number("charge", 0, 100),
        solar_power=read.pin("solar_power"),
        home_power=read.pin("home_power"),
        generator_power=read.pin("generator_power"),
        off_grid=read.flag("off_grid"),
        pack=_pack_order(form, read),
        lose_meter=read.choice("lose_meter", "site", "solar", "battery", "generator"),
        find_meters=read.flag("find_meters"),
        in_sync=read.flag("in_sync"),
        ethernet=read.flag("ethernet"),
        wifi_signal=read.whole("wifi_signal", 0, 100),
        cellular_signal=read.whole("cellular_signal", 0, 100),
        problem=read.text("problem"),
        clear_problems=read.flag("clear_problems"),
        alert=read.text("alert"),
        clear_alerts=read.flag("clear_alerts"),
        clear_faults=read.flag("clear_faults"),
        fault=_fault(form["fault"]) if "fault" in form else None,
    )


def names() -> list[str]:
    """List the orders by name. Each change of a Powerwall is one."""
    orders = [order.name for order in fields(Orders)]
    place = orders.index("pack")
    return [*orders[:place], *(f"{verb}_pack" for verb in PACK_VERBS), "reason", *orders[place + 1 :]]


def _pack_order(form: dict[str, object], read: _Reader) -> PackOrder | None:
    """Read the change of a Powerwall. Only one at a time, so that it happens as a whole or not at all."""
    verbs = [verb for verb in PACK_VERBS if f"{verb}_pack" in form]
    if len(verbs) > 1:
        raise MistakeError(f"Send one at a time: {', '.join(f'"{verb}_pack"' for verb in verbs)}.")
    reason = read.text("reason")
    if reason is not None and verbs != ["disable"]:
        raise MistakeError('"reason" goes with "disable_pack".')
    number = read.whole(f"{verbs[0]}_pack", 1, MOST_PACKS) if verbs else None
    return None if number is None else PackOrder(verbs[0], number, reason or DISABLED)


def _fault(form: object) -> Fault:
    if not isinstance(form, dict):
        raise MistakeError('"fault" is an object, for example {"path": "status", "status": 503, "times": 3}.')
    read = _Reader(form)
    read.only("path", "method", "status", "body", "content_type", "delay", "drop", "after", "times")
    path = read.text("path")
    if not path:
        raise MistakeError('A fault needs a "path" below /api/, for example "meters/aggregates", or "*" for all.')
    body = form.get("body", "")
    status, times = read.whole("status", 100, 599), read.whole("times", 1, 1_000_000)
    fault = Fault(
        path=path if path.startswith("/tedapi/") else path.removeprefix("/").removeprefix("api/"),
        method=read.text("method"),
        status=status,
        body=(body if isinstance(body, str) else go_json(body)).encode(),
        content_type=read.text("content_type"),
        delay=read.number("delay", 0, 3600) or 0.0,
        drop=read.flag("drop") or False,
        after=read.flag("after") or False,
        times=times,
    )
    if not fault.harms:
        raise MistakeError('A fault needs a "status", a "delay" or "drop".')
    return fault


class _Reader:
    """Read values of a JSON object, with errors that explain a wrong one."""

    def __init__(self, form: dict[str, object]) -> None:
        self._form = form

    def only(self, *names: str) -> None:
        unknown = sorted(self._form.keys() - set(names))
        if unknown:
            raise MistakeError(f"Unknown: {', '.join(unknown)}. Known: {', '.join(names)}.")

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

    def key(self, name: str) -> bytes | None:
        if name not in self._form:
            return None
        try:
            key = b64decode(self.text(name) or "", validate=True)
            load_der_public_key(key)
        except ValueError:
            raise MistakeError(f'"{name}" is a public RSA key, PKCS #1 in base64.') from None
        return key

    def number(self, name: str, least: float, most: float) -> float | None:
        if name not in self._form:
            return None
        value = self._form[name]
        real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(value, int | float) or not real or not least <= value <= most:
            raise MistakeError(f'"{name}" is a number from {least:g} to {most:g}.')
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self.number(name, least, most)
        if value is not None and value != int(value):
            raise MistakeError(f'"{name}" is a whole number.')
        return None if value is None else int(value)

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
