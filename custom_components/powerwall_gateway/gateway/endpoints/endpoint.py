"""What is known of each endpoint, kept beside the method that asks it.

`docs/api.md` is made of it, and the tests hold it against what really goes over the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final, Literal

type Method = Literal["GET", "POST", "DELETE"]


class Access(StrEnum):
    """Who may ask, by firmware (reference: endpoint by generation)."""

    ANYBODY = "nobody needs a login"
    CUSTOMER_LATER = "none on 1.15, customer since 20.49"
    LOGIN = "installer on 1.15, customer since 20.49"
    CUSTOMER = "customer"
    INSTALLER = "installer, since 1.50 behind the Powerwall's switch"
    UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One call of the gateway's API."""

    method: Method
    path: str
    """Below `/api/`; a `{name}` in it is an argument of the method."""

    access: Access
    since: str = "1.15"
    until: str = ""
    """First and last firmware that has it, where that is known."""

    effect: bool = False
    """Whether asking changes anything. Such a call goes once, over a connection of its own."""

    verified: bool = True
    """Whether a real payload or a second source shows what is sent and answered."""

    def takes(self, path: str) -> bool:
        """Whether a path with its arguments filled in is this one's: exactly, since a stray slash may be another's."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/?#]+", re.escape(self.path))
        return re.fullmatch(pattern, path) is not None


_ATTRIBUTE: Final = "__endpoint__"


def endpoint[**P, R](
    method: Method,
    path: str,
    access: Access,
    *,
    since: str = "1.15",
    until: str = "",
    effect: bool = False,
    verified: bool = True,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Note which endpoint a method asks."""
    described = Endpoint(
        method=method, path=path, access=access, since=since, until=until, effect=effect, verified=verified
    )

    def note(function: Callable[P, R]) -> Callable[P, R]:
        setattr(function, _ATTRIBUTE, described)
        return function

    return note


def endpoints_of(api: type) -> dict[str, Endpoint]:
    """Give the endpoints of a client's class, by method name."""
    return {
        name: described
        for name in dir(api)
        if isinstance(described := getattr(getattr(api, name), _ATTRIBUTE, None), Endpoint)
    }
