"""Redact personal data in diagnostics and in the gateway's responses, so that they can be shown to others.

Text stays if its key is known to be harmless. All other text of the gateway becomes a pseudonym of the same form,
always the same for the same text, so that the simulator can replay the responses. Passwords and tokens become
`REDACTED`, and so do numbers that can be personal.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
import re
import secrets
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PASSWORD

from .const import CONF_SCHEME, CONF_SERIAL
from .gateway import Address, Credentials, models
from .gateway.text_redaction import ALNUM, EMAIL, IN_DIN, IPV4, IPV6, MAC, SERIAL, cut, is_ipv6

REDACTED: Final = "**REDACTED**"

PAYLOAD: Final = "payload"
"""The key in diagnostics of the gateway's responses, in which text is only harmless if its key is listed."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SECRET_KEYS: Final = ("password", "token", "secret", "psk", "cookie", "cookies", "userrecord")
"""Ends of the keys of secrets. Keys are compared in lower case, without underscores and dashes."""

_PERSONAL_KEYS: Final = _set(
    "customerid firstname hostname hwaddress ipaddress lastname networkname sensorid shortid sitename siteuid username"
)
_PERSONAL_WORDS: Final = _set(
    "address addresses bssid coordinates din email geo gps host ip lat latitude lng lon longitude mac mobile owner"
    " phone postal postcode serial ssid street telephone vin zip"
)
"""Words in the keys of personal data: `installationAddressLine1` has one. A number there is personal, too, and a
text is also replaced inside other texts."""

_HARMLESS_KEYS: Final = _set(
    "alertname alerts backupconfiguration brand canreboot category commandsource country ct1 ct2 ct3 currenttime"
    " customerpreferredexportrule decodedalert defaultrealmode devicetype disabledreasons disconnecttype"
    " ecupackagepartnumber ecutype endtime error failures firmwareversion generators/disconnecttypes githash gridcode"
    " gridfaults gridphasesetting gridstate gridstatus info interface invstate islandmode lastcommunicationtime"
    " lastphaseenergycommunicationtime lastphasepowercommunicationtime lastphasevoltagecommunicationtime"
    " laststatustime lasttoggletimestamp message mode model networks/wifisecuritytypes offlineupdateerror"
    " ongridcheckerror opseqstate packagepartnumber phasedetectionlasterror pinvgridstate pinvstate powersupplymode"
    " progress provider realmode region regions results roles securitytype selfteststate solarinstallation"
    " solarinstallationtype solars/brands starttime statereason states status synctype systemislandstate tegtype"
    " timestamp timezone type units uptime uptimeseconds version"
)
"""Keys of text that describes a system and is not personal."""

_CONTEXTUAL_KEYS: Final = frozenset({"disruptive", "endtime"})
"""Next to one of these keys, `name` is the name of a test, and harmless."""

_HARMLESS_VALUES: Final = frozenset(
    str(state)
    for name in models.__all__
    if isinstance(states := getattr(models, name), type) and issubclass(states, StrEnum)
    for state in states
) | {"site", "solar", "battery", "load"}
"""Known states, and the locations of meters."""

_KEYS: Final = frozenset(
    key
    for name in models.__all__
    if isinstance(model := getattr(models, name), type) and issubclass(model, models.Model)
    for key in model.wire_keys()
)
"""Keys that the client reads. A number at another key that is as long as a telephone number may be one."""

_LONG_NUMBER: Final = 10**6

_NOT_IDENTIFYING: Final = frozenset(
    {
        "default_eth",
        "default_gsm",
        "ethernet_tesla_internal_default",
        "gsm_tesla_internal_default",
        "192.168.90.2",  # service interface
        "192.168.91.1",  # own Wi-Fi
        "127.0.0.1",
        "::1",
        "::",
    }
)
"""Names and addresses that every gateway has."""

_END: Final = rf"(?=synchrometer|(?!{ALNUM}))"
"""A synchrometer's kind follows its serial without a separator."""

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
"""Patterns that are redacted in every text."""

_IDENTITY: Final = re.compile(r"^\d{7}-\d\d-[A-Za-z]--|synchrometer[XY]$")
"""Around a serial: the part number of a DIN, and the kind of a synchrometer."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_./-]+")

_LONG: Final = 8
_LONG_WITH_DIGITS: Final = 5
_MOST: Final = 200
"""Names with at least this many characters are replaced inside other texts, up to `_MOST` names: "Home" is part of
many texts, and more names than that come from a catalog."""

_LONGEST: Final = 200
"""Characters of a text that gets a pseudonym; a longer one becomes `REDACTED`."""

_HEAD: Final = re.compile(r"[A-Z]{1,3}(?=\d)|0x|(?:Neurio|PWRview)-")
"""Start of a serial, of a hexadecimal number and of a meter's name. Pseudonyms keep it: it only says the kind."""

_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f:-]{8,}")

_ATTEMPTS: Final = 20
"""Attempts to find an unused pseudonym: for one digit there are only ten."""


class _Pseudonyms:
    """Replace texts by random ones of the same form. The same text always gets the same pseudonym."""

    def __init__(self) -> None:
        self._by_lower_case: dict[str, str] = {}
        self._used: set[str] = set()

    def get(self, original: str, kind: str | None = None) -> str:
        """Return the pseudonym of a text: a digit for each digit, and a letter for each letter.

        An `email`, `ipv4` or `ipv6` gets an address that is reserved for documents or benchmarks. A text in lower
        case gets the same pseudonym in lower case: a serial in a host name is.
        """
        if (pseudonym := self._by_lower_case.get(original.lower())) is None:
            pseudonym = self._by_lower_case[original.lower()] = self._new(original, kind)
            self._used |= {original, pseudonym}
        return pseudonym.lower() if original.islower() else pseudonym

    def _new(self, original: str, kind: str | None) -> str:
        number = len(self._by_lower_case) + 1
        match kind:
            case "email":
                return f"person{number}@example.invalid"
            case "ipv4":
                return str(IPv4Address("192.0.2.0" if number < 255 else "198.18.0.0") + number)
            case "ipv6":
                return str(IPv6Address("2001:db8::") + number)
        attempts = (_random_like(original) for _ in range(_ATTEMPTS))
        return next((each for each in attempts if each not in {original, *self._used}), _random_like(original))


def _random_like(original: str) -> str:
    """Return random characters in place of letters and digits, but for the start that only says the kind."""
    head = _HEAD.match(original)
    start = head.end() if head else 0
    letters = 6 if _HEXADECIMAL.fullmatch(original[start:]) else 26

    def random(character: str) -> str:
        if character.isdigit():
            return secrets.choice(digits)
        if not character.isalpha():
            return character
        return secrets.choice((ascii_uppercase if character.isupper() else ascii_lowercase)[:letters])

    return original[:start] + "".join(map(random, original[start:]))


def _is_ipv4(text: str) -> bool:
    """Return whether a text is an IPv4 address and no netmask, which is ones and then zeros."""
    try:
        zeros = int(IPv4Address(text)) ^ 0xFFFFFFFF
    except AddressValueError:
        return False
    return zeros & (zeros + 1) != 0


def redactor_for(entry: ConfigEntry) -> Redactor:
    """Return a redactor that knows the gateway of an entry, and the texts that its owner entered."""
    address = Address.parse(entry.data[CONF_HOST], entry.data[CONF_SCHEME])
    serial: str = entry.data[CONF_SERIAL]
    passwords = (entry.data.get(CONF_PASSWORD, ""), Credentials.of_installer(serial).password)
    return Redactor((serial, address.host, entry.title, *passwords))


class Redactor:
    """Redact one response, or several in which the same text gets the same pseudonym."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Redact the `known` texts at every key: the gateway's serial, its host, its password."""
        self._pseudonyms = _Pseudonyms()
        self._names: dict[str, None] = {}
        self._inside: re.Pattern[str] | None = None
        for name in known:
            self._learn(name)

    def redact(self, value: Any) -> Any:
        """Return the same JSON (dicts, lists or tuples, and what is in them), redacted."""
        for name in _names_in(value):
            self._learn(name)
        self._inside = _any_of(self._names)
        return self._clean(value)

    def redact_payload(self, path: str, payload: Any) -> Any:
        """Return the gateway's response at a path, redacted."""
        return self.redact({path: {PAYLOAD: payload}})[path][PAYLOAD]

    def _learn(self, name: str) -> None:
        name = _bare(name)
        if name and name not in _NOT_IDENTIFYING and len(name) <= _LONGEST and self._clean_whole(name) is None:
            self._names[name] = None

    def _clean(self, value: Any, key: str = "", *, payload: bool = False, personal: bool = False) -> Any:
        """Redact the value of a `key`; in a `payload`, all text that is not known to be harmless."""
        if isinstance(value, Mapping):
            is_test = not _CONTEXTUAL_KEYS.isdisjoint(map(_plain, value))
            return {
                self._clean_key(name, payload=payload): REDACTED
                if item and _is_secret(name)
                else self._clean(
                    item,
                    # A payload that is a list has the key of its path, and a test's name that of its status.
                    key if name == PAYLOAD and not payload else "status" if name == "name" and is_test else str(name),
                    payload=payload or name == PAYLOAD,
                    personal=personal or _is_personal(name),
                )
                for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._clean(item, key, payload=payload, personal=personal) for item in value]
        if isinstance(value, str):
            if personal or (payload and _plain(key) not in _HARMLESS_KEYS and value.strip() not in _HARMLESS_VALUES):
                return self._pseudonym(value)
            return self._clean_text(cut(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            long = payload and key not in _KEYS and abs(value) >= _LONG_NUMBER and value % 1 == 0
            return REDACTED if personal or long else value
        return value

    def _clean_key(self, key: Any, *, payload: bool) -> Any:
        """Redact a key that is not the gateway's own, but a serial or a name by which something is listed."""
        if not isinstance(key, str) or key in _KEYS:
            return key
        if payload and (key in self._names or not _IDENTIFIER.fullmatch(key) or sum(map(str.isdigit, key)) >= 4):
            return self._pseudonym(key)
        return self._clean_text(key) if any(map(str.isdigit, key)) else key

    def _pseudonym(self, text: str) -> str:
        name = _bare(text)
        if not name or name in _NOT_IDENTIFYING:
            return text
        if len(name) > _LONGEST:
            return REDACTED
        whole = self._clean_whole(name)
        return text.replace(name, self._pseudonyms.get(name) if whole is None else whole)

    def _clean_whole(self, name: str) -> str | None:
        """Return a name redacted if all of it is an address or a token; otherwise None."""
        return self._clean_always(name) if _ALWAYS.fullmatch(name) and not re.fullmatch(SERIAL, name) else None

    def _clean_text(self, text: str) -> str:
        if (name := text.strip()) in self._names:
            return text.replace(name, self._pseudonyms.get(name))
        text = self._clean_always(text)
        return self._inside.sub(lambda found: self._pseudonyms.get(found[0]), text) if self._inside else text

    def _clean_always(self, text: str) -> str:
        return _ALWAYS.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        text, kind = found[0], found.lastgroup
        if kind == "token":
            return REDACTED
        # A netmask and a time of day look like addresses.
        if (
            text in _NOT_IDENTIFYING
            or (kind == "ipv4" and not _is_ipv4(text))
            or (kind == "ipv6" and not is_ipv6(text))
        ):
            return text
        return self._pseudonyms.get(text, kind)


def _bare(text: str) -> str:
    return _IDENTITY.sub("", text.strip())


def _plain(key: object) -> str:
    return key.lower().replace("_", "").replace("-", "") if isinstance(key, str) else ""


def _is_secret(key: object) -> bool:
    return _plain(key).endswith(_SECRET_KEYS)


def _is_personal(key: object) -> bool:
    return _plain(key) in _PERSONAL_KEYS or (
        isinstance(key, str) and any(word.lower() in _PERSONAL_WORDS for word in _WORD.findall(key))
    )


def _names_in(value: Any, *, personal: bool = False) -> Iterator[str]:
    """Yield every text that is personal by its key."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not _is_secret(key):
                yield from _names_in(item, personal=personal or _is_personal(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names_in(item, personal=personal)
    elif personal and isinstance(value, str):
        yield value


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern for the names that are replaced inside other texts."""
    long = [name for name in names if len(name) >= (_LONG_WITH_DIGITS if re.search(r"\d", name) else _LONG)][:_MOST]
    words = "|".join(map(re.escape, sorted(long, key=len, reverse=True)))
    return re.compile(rf"(?<!{ALNUM})(?:{words}){_END}") if words else None
