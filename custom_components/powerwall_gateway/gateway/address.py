"""Where a gateway lives: host, port and scheme."""

from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
import re
from typing import Literal, Self, override

type Scheme = Literal["http", "https"]

STANDARD_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
# The gateway ends a TLS handshake that names a server it does not know; these it knows
# (reference: go-powerwall, firmware 1.20 and later). An IP address names none, which it takes too.
_SERVER_NAMES = frozenset({"teg", "powerwall", "powerpack"})


@dataclass(frozen=True, kw_only=True)
class Address:
    """Host (name or IP address), an explicit port or None for the scheme's own, and the scheme."""

    host: str
    port: int | None = None
    scheme: Scheme = "https"

    @classmethod
    def parse(cls, text: str, scheme: Scheme = "https") -> Self:
        """Read `host`, `host:port` or `[ipv6]:port` as a person types it; a pasted URL is forgiven.

        Raises ValueError for what cannot be a host.
        """
        text = text.strip()
        if match := re.match(r"^(https?)://", text, re.IGNORECASE):
            text = text[match.end() :]
        text = text.split("/", 1)[0]
        if match := re.fullmatch(r"\[(?P<host>[^\]]+)\](?::(?P<port>\d{1,5}))?", text):
            host, port = str(ip_address(match["host"])), match["port"]
        elif text.count(":") > 1:
            host, port = str(ip_address(text)), None
        else:
            host, _, port = text.partition(":")
            if not _HOST_NAME.fullmatch(host):
                raise ValueError(f"{host!r} is no host name or IP address")
        if port is not None and port != "" and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is no port")
        return cls(host=host.lower(), port=int(port) if port else None, scheme=scheme)

    def over(self, scheme: Scheme) -> Self:
        """Give the same place by another scheme."""
        return replace(self, scheme=scheme)

    @cached_property
    def url(self) -> str:
        """The base URL, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in {None, STANDARD_PORTS[self.scheme]} else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @cached_property
    def server_name(self) -> str | None:
        """The name to ask for in the TLS handshake, None to leave it to the host."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.host if self.host in _SERVER_NAMES else "powerwall"
        return None

    @override
    def __str__(self) -> str:
        """Give what the person typed: the host, and the port where there was one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host
