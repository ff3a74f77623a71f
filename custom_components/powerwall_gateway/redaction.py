"""Takes out of the gateway's answers what says whose they are, and leaves what they say of the system.

A serial, an address or a name becomes a pseudonym of the same form. What opens a door, a
password or a token, becomes `REDACTED`: nobody has to compare those.
"""

from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Any, Final

from .gateway.words import ALNUM, EMAIL, IN_DIN, IPV4, IPV6, MAC, SERIAL
from .pseudonyms import Pseudonyms

REDACTED: Final = "**REDACTED**"

_DOORS: Final = ("password", "token", "secret", "psk", "cookie", "cookies", "userrecord")
"""How the keys of what opens a door end. Keys are compared in small letters, without underscores and dashes."""

_NAMES: Final = frozenset(
    {
        "address",
        "bssid",
        "customerid",
        "din",
        "email",
        "firstname",
        "gatewaydin",
        "host",
        "hostname",
        "hwaddress",
        "ip",
        "ipaddress",
        "lastname",
        "latitude",
        "longitude",
        "mac",
        "networkname",
        "phone",
        "sensorid",
        "shortid",
        "sitename",
        "siteuid",
        "ssid",
        "street",
        "username",
        "vin",
        "zip",
    }
)
"""The keys of what says whose it is. Every key with `serial` in it is one, too."""

_BESIDE: Final = {
    frozenset({"zip", "city"}): frozenset({"city", "state"}),
    frozenset({"phone", "email"}): frozenset({"company"}),
}
"""Keys that are such ones beside one of these alone: elsewhere a `state` is anything's, and a `company` any of
thousands."""

_EVERYBODYS: Final = frozenset(
    {
        "default_eth",
        "default_gsm",
        "ethernet_tesla_internal_default",
        "gsm_tesla_internal_default",
        "192.168.90.2",  # every gateway's for service
        "192.168.91.1",  # every gateway's in its own Wi-Fi
        "127.0.0.1",
        "::1",
        "::",
    }
)
"""What every gateway has."""

_END: Final = rf"(?=synchrometer|(?!{ALNUM}))"
"""A synchrometer's serial goes over into its kind without a break."""

_ALWAYS: Final = re.compile(
    rf"""
      (?P<din>{IN_DIN})
    | (?P<token>[\w-]{{80,}}=*)
    | (?P<email>{EMAIL})
    | (?P<mac>{MAC})
    | (?P<ipv6>{IPV6})
    | (?P<ipv4>{IPV4})
    | (?<!{ALNUM})(?P<serial>{SERIAL})
    """,
    re.VERBOSE,
)
"""What is taken out wherever it stands."""

_IDENTITY: Final = re.compile(r"^\d{7}-\d\d-[A-Za-z]--|synchrometer[XY]$")
"""What stands around a serial and says nothing of whose it is: a DIN's part number, and which of two meters it is."""

_LONG: Final = 8
_LONG_WITH_DIGITS: Final = 5
_TOO_LONG: Final = 200
_MOST: Final = 200
"""From how many characters on and up to how many, and how many of them, names are looked for inside other texts:
"Home" stands in many, one without end would be looked for without end, and more than that are a catalogue's."""


class Redactor:
    """Takes it out of one answer, or of several in which the same is to be recognised."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """`known` is what must not be seen in any case: the gateway's serial, its host, its password."""
        self._pseudonyms = Pseudonyms()
        self._inside: re.Pattern[str] | None = None
        for name in known:
            self._learn(name)

    def redact(self, value: Any) -> Any:
        """Give the same JSON (dicts, lists or tuples, and what stands in them) with other names."""
        for name in _names_in(value):
            self._learn(name)
        self._inside = _any_of(self._pseudonyms)
        return self._clean(value)

    def _learn(self, name: str) -> None:
        name = _IDENTITY.sub("", name.strip())
        if not name or name in _EVERYBODYS:
            return
        if not _ALWAYS.fullmatch(name) or self._clean_always(name) == name:
            self._pseudonyms.of(name)

    def _clean(self, value: Any, *, is_name: bool = False) -> Any:
        if isinstance(value, Mapping):
            names = _names_among(value)
            return {
                self._clean_key(key): REDACTED
                if item and _is_door(key)
                else self._clean(item, is_name=is_name or key in names)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._clean(item, is_name=is_name) for item in value]
        if isinstance(value, str):
            return self._clean_text(value)
        if is_name and isinstance(value, int | float) and not isinstance(value, bool):
            return REDACTED
        return value

    def _clean_key(self, key: Any) -> Any:
        """Change a serial that things are listed by, and no word of the gateway's, whatever a Wi-Fi is called."""
        return self._clean_text(key) if isinstance(key, str) and any(map(str.isdigit, key)) else key

    def _clean_text(self, text: str) -> str:
        if (bare := text.strip()) in self._pseudonyms:
            return text.replace(bare, self._pseudonyms.of(bare))
        text = self._clean_always(text)
        return self._inside.sub(lambda found: self._pseudonyms.of(found[0]), text) if self._inside else text

    def _clean_always(self, text: str) -> str:
        return _ALWAYS.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        text = found[0]
        if text in _EVERYBODYS:
            return text
        match found.lastgroup:
            case "token":
                return REDACTED
            case "email":
                return self._pseudonyms.of_email(text)
            case "ipv4":
                return self._pseudonyms.of_ipv4(text)
            case "ipv6":
                return self._pseudonyms.of_ipv6(text)
            case _:
                return self._pseudonyms.of(text)


def _is_door(key: object) -> bool:
    return _plain(key).endswith(_DOORS)


def _plain(key: object) -> str:
    return key.lower().replace("_", "").replace("-", "") if isinstance(key, str) else ""


def _names_among(item: Mapping[Any, Any]) -> set[Any]:
    """Give the keys of an object that hold what says whose it is."""
    plain = {key: _plain(key) for key in item}
    telling = _NAMES.union(*(more for company, more in _BESIDE.items() if company & set(plain.values())))
    return {key for key, name in plain.items() if name in telling or "serial" in name}


def _names_in(value: Any, *, is_name: bool = False) -> Iterator[str]:
    """Give every text that says whose it is."""
    if isinstance(value, Mapping):
        names = _names_among(value)
        for key, item in value.items():
            if not _is_door(key):
                yield from _names_in(item, is_name=is_name or key in names)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names_in(item, is_name=is_name)
    elif is_name and isinstance(value, str):
        yield value


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Make a pattern for those names that are looked for inside other texts."""
    long = [
        name for name in names if (_LONG_WITH_DIGITS if re.search(r"\d", name) else _LONG) <= len(name) <= _TOO_LONG
    ][:_MOST]
    words = "|".join(map(re.escape, sorted(long, key=len, reverse=True)))
    return re.compile(rf"(?<!{ALNUM})(?:{words}){_END}") if words else None
