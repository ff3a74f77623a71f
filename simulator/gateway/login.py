"""Passwords, tokens and roles: which logins the gateway accepts, and what each may do."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
import json
import secrets
import time
from typing import NamedTuple
from urllib.parse import parse_qsl

from simulator.gateway.call import Call, Response, error
from simulator.wire import Json, go_json

TOKEN_BYTES = 64
FAILURES_ALLOWED = 5
"""The real threshold is unknown."""
PRESENCE_SECONDS = 300.0
"""A guess: long enough to walk back from the Powerwall."""
LOCKED_SECONDS = 300.0
"""Owners advise to wait 5 to 30 minutes."""

TOO_MANY = error(429, "Api Limit reached for this endpoint", "API Limit Reached")


@dataclass(frozen=True, kw_only=True)
class LoginRules:
    """The login of a firmware."""

    password: Callable[[str], str]
    """The password of a gateway's serial, unless another one is set."""
    roles: dict[str, str]
    """Role by user name; the empty user name stands for any other."""
    behind_switch: dict[str, str] = field(default_factory=dict)
    """Roles that require turning a Powerwall off and on by its switch."""
    wrong: str
    """The error text for a wrong password."""
    default_refused: bool = False
    """True if the owner must set a password before the first login."""
    stopping_roles: frozenset[str] = frozenset()
    """Roles whose login stops the batteries."""
    cookies: bool = False
    presented: frozenset[str] = frozenset({"bearer", "cookie"})
    """Accepted ways to send a token: some firmware of early 2021 ignored the Bearer."""
    login_time: bool = False
    unknown_token: int = 403
    """Status for a token the gateway does not know (any more)."""


class Admission(NamedTuple):
    """The response to a login, and the role that logged in."""

    response: Response
    role: str | None = None


class Presence:
    """Proof of presence at the Powerwall by its switch."""

    def __init__(self) -> None:
        self.seconds = PRESENCE_SECONDS
        """Seconds for which a wait for the switch, and a proof of presence, last."""
        self._asked_until = 0.0
        self._proven_until = 0.0

    @property
    def asked(self) -> bool:
        """Return whether the gateway waits for the switch."""
        return time.monotonic() < self._asked_until

    @property
    def proven(self) -> bool:
        """Return whether a Powerwall was turned off and on a short time ago."""
        return time.monotonic() < self._proven_until

    def ask(self) -> None:
        """Start to wait. Turning a Powerwall off and on before that does not count."""
        self._asked_until = time.monotonic() + self.seconds
        self._proven_until = 0.0

    def flip(self) -> None:
        """Turn a Powerwall off and on by its switch."""
        self._proven_until = time.monotonic() + self.seconds

    def end(self) -> None:
        """End the wait and the proof of presence."""
        self._asked_until = self._proven_until = 0.0


class LoginDesk:
    """Logins and their tokens."""

    def __init__(self, rules: LoginRules, password: str, default: str) -> None:
        self.rules = rules
        self.password = password
        self.default = default
        """The default password."""
        self.presence = Presence()
        self.tokens: dict[str, str] = {}
        """Role by valid token; several are valid at the same time."""
        self.failures_allowed = FAILURES_ALLOWED
        self.locked_seconds = LOCKED_SECONDS
        self._failures = 0
        self._locked_until = 0.0

    def login(self, call: Call, now: str) -> Admission:
        """Respond to a login; `now` is the gateway's time."""
        if time.monotonic() < self._locked_until:
            return Admission(TOO_MANY)
        form = _form(call.body)
        if form is None:
            return Admission(error(400, "invalid login request", "Login Error"))
        user = str(form.get("username", ""))
        role, switch = self._role(user), user in self.rules.behind_switch
        if switch and not self.presence.proven:
            return Admission(error(401, f"roles [{role}] require physical access", "Login Error"))
        if role is None or form.get("password") != self.password:
            return Admission(self._refuse())
        if self.rules.default_refused and self.password == self.default:
            return Admission(error(401, "default password not supported", "Login Error"))
        return Admission(self._welcome(role, form.get("email"), now), role)

    def toggle_login(self, call: Call, now: str) -> Admission:
        """Respond to a login by the switch, which requires no password."""
        form = call.json() if call.body else {}
        role = None if form is None else self._role(str(form.get("username", "installer")))
        if role is None or not self.presence.asked:
            return Admission(error(400, "toggle auth was not started", "Login Error"))
        if not self.presence.proven:
            return Admission(error(417, "waiting for the switch", "Login Error"))
        return Admission(self._welcome(role, None, now), role)

    def _role(self, user: str) -> str | None:
        return self.rules.behind_switch.get(user) or self.rules.roles.get(user, self.rules.roles.get(""))

    def _refuse(self) -> Response:
        self._failures += 1
        if self._failures >= self.failures_allowed:
            self._failures = 0
            self._locked_until = time.monotonic() + self.locked_seconds
        return error(401, self.rules.wrong, "Login Error")

    def _welcome(self, role: str, email: object, now: str) -> Response:
        self._failures = 0
        token = urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).decode()
        self.tokens[token] = role
        record: dict[str, Json] = {
            "email": email if isinstance(email, str) else "" if self.rules.cookies else None,
            "firstname": "Tesla",
            "lastname": "Energy",
            "roles": [role],
            "token": token,
            "provider": "Basic",
        }
        if self.rules.login_time:
            record["loginTime"] = now
        if not self.rules.cookies:
            return Response(payload=record)
        packed = b64encode(go_json(record).encode()).decode()
        return Response(payload=record, cookies=(f"AuthCookie={token}; Path=/", f"UserRecord={packed}; Path=/"))


def _form(body: bytes) -> dict[str, object] | None:
    """Read a login's body: JSON under any content type, or a form."""
    try:
        value = json.loads(body)
    except ValueError:
        fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return {**fields} or None
    return value if isinstance(value, dict) else None
