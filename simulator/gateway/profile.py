"""The endpoints and behavior of a firmware."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from simulator.gateway.call import Call, Response
from simulator.gateway.gateway import Gateway
from simulator.gateway.login import LoginRules
from simulator.gateway.nameplate import Nameplate
from simulator.wire import Json


class Access(Enum):
    """Access to an endpoint."""

    OPEN = "anyone"
    LOGIN = "anyone who is logged in"
    INSTALLER = "an installer, who needs the switch of a Powerwall"


INSTALLER_ROLES = frozenset({"Provider_Engineer", "Tesla_Engineer"})


@dataclass(frozen=True)
class Endpoint:
    """One verb on one path."""

    response: Callable[[Gateway, Call], Response]
    access: Access
    live: bool = False
    """Live data is 502 while the sitemaster is stopped."""

    def admits(self, role: str | None) -> bool:
        """Return whether this role (None: not logged in) may use the endpoint."""
        if self.access is Access.OPEN:
            return True
        return role is not None and (self.access is Access.LOGIN or role in INSTALLER_ROLES)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The data of one firmware."""

    firmware: str
    tls: bool
    redirects: bool = False
    """True if plain HTTP redirects to HTTPS."""
    headers: Mapping[str, str]
    error_headers: Mapping[str, str]
    """Sent in addition with JSON errors."""
    nameplate: Nameplate
    login: LoginRules
    endpoints: Mapping[str, Mapping[str, Endpoint]]
    """By path below /api/, then by verb; a path that begins with a slash is not below it."""
    powerwall_plus: Mapping[str, Mapping[str, Endpoint]] = field(default_factory=dict)
    """The same, for additional endpoints with a Powerwall+. Empty on older firmware."""


type Payload = Callable[[Gateway], Json]


def reads(payload: Payload, access: Access, *, live: bool = False) -> dict[str, Endpoint]:
    """Return the endpoint of a path that only supports GET."""
    return {"GET": Endpoint(lambda gateway, _: Response(payload=payload(gateway)), access, live)}
