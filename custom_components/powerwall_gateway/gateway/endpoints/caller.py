"""How an endpoint is asked: with the session there is, a login where one is wanted, and JSON read into models."""

from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from typing import Any, Final, Never

import orjson

from ..auth import Credentials, SessionManager
from ..exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
)
from ..firmware import Capabilities
from ..health import Health
from ..models import Model, Status
from ..scheduler import RequestScheduler
from ..transport import Answer, Transport
from .endpoint import Method

_KEPT_ANSWERS: Final = 32
_KEPT_BYTES: Final = 65_536
"""How many answers are kept to be recognised, and how long one may be: those that are polled are fewer and shorter."""


ABSENT_FOR: Final = 900.0
ABSENT_WHILE_STARTING: Final = 60.0
"""Seconds for which a 404 is believed."""

STARTING: Final = 300.0
"""Seconds after its start in which a gateway may answer 404 to paths that it has."""


class BaseClient:
    """Base of the endpoints' rooms."""

    def __init__(
        self, connection: Transport, credentials: Credentials | None = None, *, health: Health | None = None
    ) -> None:
        self.connection = connection
        self._health = health
        self._login = SessionManager(connection, credentials)
        self._version: str | None = None
        """That was read last."""

        self._started = -inf
        """When the gateway started, by our monotonic clock and what it told last."""

        self._missing: dict[str, float] = {}
        """Until when a path's 404 is believed."""

        self._there: set[str] = set()
        """What this firmware answered: a 404 later on is that of a gateway that starts up, say."""

        self._answers: dict[str, tuple[bytes, Any]] = {}
        """By path, the last answer as it came and as it was read; the newest path last."""

    @property
    def pacer(self) -> RequestScheduler:
        """How often to ask, and when not to."""
        return self.connection.pacer

    @property
    def has_credentials(self) -> bool:
        """Whether it can log in where that is needed."""
        return self._login.possible

    @property
    def has_session(self) -> bool:
        """Whether there is a session, as far as is known: the gateway may have dropped it."""
        return self._login.is_good

    @property
    def login_refusals(self) -> int:
        """How many logins in a row the gateway refused."""
        return self._login.refusals

    @property
    def capabilities(self) -> Capabilities:
        """What is known of this gateway so far, by what it answered."""
        now = monotonic()
        missing = frozenset(path for path, until in self._missing.items() if now < until)
        return Capabilities(status=self._login.status, roles=self.roles, missing=missing)

    @property
    def absent_for(self) -> float:
        """Seconds for which to believe that something is not there: shorter for a gateway that has just started."""
        return ABSENT_WHILE_STARTING if monotonic() - self._started < STARTING else ABSENT_FOR

    @property
    def roles(self) -> tuple[str, ...]:
        """What the present session may be: `Home_Owner`, `Provider_Engineer`, …; empty without one."""
        return self._login.session.roles if self._login.session else ()

    def export_login(self) -> dict[str, Any]:
        """Give the session and the wait after failed logins as JSON, to keep over a restart. It is a secret."""
        return self._login.export()

    def restore_login(self, exported: object) -> None:
        """Take up what `export_login` gave; what makes no sense in it is left out."""
        self._login.restore(exported)

    async def get(self, path: str, *, once: bool = False) -> Any:
        """Read any path as decoded JSON, whatever it is; `once` for one that may have an effect.

        What has an effect may be answered without a body (202): None.
        """

        def read(answer: Answer) -> Any:
            return None if once and not answer.body.strip() else _fit(answer, path, lambda payload: payload)

        return await self._get(path, read, once=once)

    async def peek(self, path: str) -> Any:
        """Read any path as decoded JSON with the session there is: nothing is logged in for it, and nothing noted.

        For a look at all there is, much of which may not be for this login; a denial is raised as it comes.
        """
        answer = await self.connection.request("GET", path, headers=self._login.headers)
        return _fit(answer, path, lambda payload: payload)

    async def _read_status(self) -> Status:
        """Read `status` and keep it.

        Another firmware than last time may have what was missing, and lack what was there, so both
        are forgotten. What was told once stands until another version is told.
        """
        status = await self._read("status", Status)
        if status.version is not None and status.version != self._version:
            self._missing.clear()
            self._there.clear()
            self._version = status.version
        if status.up_time is not None:
            self._started = monotonic() - status.up_time.total_seconds()
        self._login.note(status)
        return status

    async def _read[PayloadT: Model](self, path: str, model: type[PayloadT], *, once: bool = False) -> PayloadT:
        """Read a JSON object; `once` where the reading itself has an effect."""
        return await self._get_model(path, lambda payload: _object(payload, model), once=once)

    async def _read_list[PayloadT: Model](self, path: str, model: type[PayloadT]) -> tuple[PayloadT, ...]:
        """Read a JSON list of objects; `null` is an empty one. What is no object in it is left out."""
        return await self._get_model(path, lambda payload: _objects(payload, model))

    async def _read_map[PayloadT: Model](self, path: str, model: type[PayloadT]) -> dict[str, PayloadT]:
        """Read a JSON object of objects by name; `null` is an empty one. What is no object in it is left out."""
        return await self._get_model(path, lambda payload: _map(payload, model))

    async def _read_texts(self, path: str) -> tuple[str, ...]:
        """Read a JSON list of texts; `null` is an empty one. What is no text in it is left out."""
        return await self._get_model(path, _texts)

    async def _send(self, method: Method, path: str, json: Mapping[str, Any] | None = None) -> Any:
        """Make a call with an effect, once, and give its JSON; None for an empty answer (202, 204)."""
        return await self._send_and_read(method, path, json, lambda payload: payload)

    async def _send_for[PayloadT: Model](
        self, method: Method, path: str, model: type[PayloadT], json: Mapping[str, Any] | None = None
    ) -> PayloadT | None:
        """Make a call with an effect, once, and read the JSON object it answers with; None for an empty answer."""
        return await self._send_and_read(method, path, json, lambda payload: _object(payload, model))

    async def _send_for_list[PayloadT: Model](
        self, method: Method, path: str, model: type[PayloadT], json: Mapping[str, Any] | None = None
    ) -> tuple[PayloadT, ...]:
        """Make a call with an effect, once, and read the JSON list it answers with; empty for an empty answer."""
        return await self._send_and_read(method, path, json, lambda payload: _objects(payload, model)) or ()

    async def _send_and_read[T](
        self, method: Method, path: str, json: Mapping[str, Any] | None, read: Callable[[Any], T]
    ) -> T | None:
        answer = await self._ask(method, path, json, once=True)
        return _fit(answer, path, read) if answer.body.strip() else None

    async def _get_model[T](self, path: str, read: Callable[[Any], T], *, once: bool = False) -> T:
        return await self._get(path, lambda answer: self._recognise(answer, path, read), once=once)

    def _recognise[T](self, answer: Answer, path: str, read: Callable[[Any], T]) -> T:
        """Read an answer; the same bytes as last time are the very same object, and cost nothing."""
        kept = self._answers.pop(path, None)
        model: T = kept[1] if kept and kept[0] == answer.body else _fit(answer, path, read)
        if len(answer.body) <= _KEPT_BYTES:
            self._answers[path] = answer.body, model
            if len(self._answers) > _KEPT_ANSWERS:
                del self._answers[next(iter(self._answers))]
        return model

    async def _get[T](self, path: str, read: Callable[[Answer], T], *, once: bool = False) -> T:
        try:
            payload = read(await self._ask("GET", path, once=once))
        except GatewayError as err:
            if isinstance(err, GatewayNotFoundError) and err.path == path and path not in self._there:
                self._miss(path)
            if self._health:
                self._health.failed(path, err)
            raise
        self._missing.pop(path, None)
        self._there.add(path)
        if self._health:
            self._health.answered(path)
        return payload

    def _miss(self, path: str) -> None:
        """Believe for a while that this firmware lacks a path."""
        self._missing[path] = monotonic() + self.absent_for

    async def _ask(
        self,
        method: Method,
        path: str,
        json: Mapping[str, Any] | None = None,
        *,
        once: bool = False,
        as_bearer: bool = False,
    ) -> Answer:
        async def ask() -> Answer:
            headers = self._login.bearer if as_bearer else self._login.headers
            return await self.connection.request(method, path, json=json, headers=headers, once=once)

        session = self._login.session
        try:
            answer = await ask()
        except GatewayAuthenticationRequiredError as err:
            if not self._login.possible:
                raise
            denial = err
        else:
            self._login.accepted(path)
            return answer
        # What was denied was not done, so asking once more does nothing twice.
        await self._login.renew(spent=session, denied=denial)
        try:
            answer = await ask()
        except GatewayAuthenticationRequiredError as err:
            raise self._login.still_denied(err) from err
        self._login.accepted(path, renewed=True)
        return answer


class _MisfitError(Exception):
    """The JSON is not of the kind that belongs to the path."""


def _json(answer: Answer, path: str) -> Any:
    """Read an answer's JSON, whatever content type it claims: firmware 1.43 says text/plain."""
    try:
        return orjson.loads(answer.body)
    except ValueError as err:
        raise GatewayInvalidResponseError("the answer is no JSON", path=path, status=answer.status) from err


def _fit[T](answer: Answer, path: str, read: Callable[[Any], T]) -> T:
    """Read an answer's JSON, which is an error where it is not of the kind that belongs to the path."""
    try:
        return read(_json(answer, path))
    except _MisfitError as err:
        raise GatewayInvalidResponseError(str(err), path=path, status=answer.status) from err


def _misfit(payload: Any, expected: str) -> Never:
    raise _MisfitError(f"the answer is a {type(payload).__name__} where {expected} belongs")


def _object[PayloadT: Model](payload: Any, model: type[PayloadT]) -> PayloadT:
    if (read := model.read(payload)) is None:
        _misfit(payload, "an object")
    if payload and not model.knows(payload):
        raise _MisfitError("the answer is an object with none of the fields that belong there")
    return read


def _objects[PayloadT: Model](payload: Any, model: type[PayloadT]) -> tuple[PayloadT, ...]:
    if payload is None:
        return ()
    if not isinstance(payload, list):
        _misfit(payload, "a list")
    return tuple(read for item in payload if (read := model.read(item)) is not None)


def _map[PayloadT: Model](payload: Any, model: type[PayloadT]) -> dict[str, PayloadT]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        _misfit(payload, "an object")
    return {name: read for name, item in payload.items() if (read := model.read(item)) is not None}


def _texts(payload: Any) -> tuple[str, ...]:
    if payload is None:
        return ()
    if not isinstance(payload, list):
        _misfit(payload, "a list")
    return tuple(item for item in payload if isinstance(item, str))
