"""Redact personal data in diagnostics and in the gateway's responses, so that they can be shown to others.

Text stays where its key is known to be harmless. All other text of the gateway becomes a pseudonym of the same form,
always the same for the same text. Passwords and tokens become `REDACTED`, and so do numbers that can be personal.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PASSWORD

from .const import CONF_SCHEME, CONF_SERIAL
from .gateway import Address, Credentials, models
from .gateway.redact import ALNUM, EMAIL, IN_DIN, IPV4, IPV6, MAC, SERIAL, cut
from .pseudonyms import Pseudonyms

REDACTED: Final = "**REDACTED**"

PAYLOAD: Final = "payload"
"""The key in diagnostics below which everything is the gateway's, and nothing is known to be harmless unless listed."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DOORS: Final = ("password", "token", "secret", "psk", "cookie", "cookies", "userrecord")
"""Ends of the keys of secrets. Keys are compared in small letters, without underscores and dashes."""

_PERSONAL: Final = _set(
    "customerid firstname hostname hwaddress ipaddress lastname networkname sensorid shortid sitename siteuid username"
)
_PERSONAL_WORDS: Final = _set(
    "address addresses bssid coordinates din email geo gps host ip lat latitude lng lon longitude mac mobile owner"
    " phone postal postcode serial ssid street telephone vin zip"
)
"""Words in the keys of personal data: `installationAddressLine1` has one. A number there is personal, too, and a
text is looked for inside of other texts."""

_HARMLESS: Final = _set(
    "alertname backupconfiguration brand canreboot category commandsource country ct1 ct2 ct3 currenttime"
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
"""Keys of text that describes a system and says nothing of its owner."""

_TESTS: Final = frozenset({"disruptive", "endtime"})
"""Next to one of these keys, `name` is that of a test."""

_WORDS: Final = frozenset(
    str(state)
    for name in models.__all__
    if isinstance(states := getattr(models, name), type) and issubclass(states, StrEnum)
    for state in states
) | {"site", "solar", "battery", "load"}
"""Known states, and where a meter is."""

_KEYS: Final = frozenset(
    key
    for name in models.__all__
    if isinstance(model := getattr(models, name), type) and issubclass(model, models.Model)
    for key in model.wire_keys()
)
"""Keys that the client reads. A number below another one that is as long as a telephone number is taken for one."""

_LONG_NUMBER: Final = 10**6

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
"""What is redacted in every text."""

_IDENTITY: Final = re.compile(r"^\d{7}-\d\d-[A-Za-z]--|synchrometer[XY]$")
"""Around a serial: a DIN's part number, and which of two meters it is."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_./-]+")

_LONG: Final = 8
_LONG_WITH_DIGITS: Final = 5
_MOST: Final = 200
"""From how many characters on, and how many of them, names are looked for inside other texts: "Home" stands in many,
and more than that are a catalogue's."""

_LONGEST: Final = 200
"""Characters of a text that gets a pseudonym; a longer one is left out."""


def redactor_for(entry: ConfigEntry) -> Redactor:
    """Return a redactor that knows the gateway of an entry, and the texts that its owner entered."""
    address = Address.parse(entry.data[CONF_HOST], entry.data[CONF_SCHEME])
    serial: str = entry.data[CONF_SERIAL]
    passwords = (entry.data.get(CONF_PASSWORD, ""), Credentials.of_installer(serial).password)
    return Redactor((serial, address.host, entry.title, *passwords))


class Redactor:
    """Redacts one response, or several in which the same text gets the same pseudonym."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """`known` is personal wherever it stands: the gateway's serial, its host, its password."""
        self._pseudonyms = Pseudonyms()
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

    def redact_payload(self, path: str, answer: Any) -> Any:
        """Return what the gateway answered to a path, redacted."""
        return self.redact({path: {PAYLOAD: answer}})[path][PAYLOAD]

    def _learn(self, name: str) -> None:
        name = _bare(name)
        if name and name not in _EVERYBODYS and len(name) <= _LONGEST and self._clean_whole(name) is None:
            self._names[name] = None

    def _clean(self, value: Any, key: str = "", *, payload: bool = False, personal: bool = False) -> Any:
        """Redact what stands at `key`, which is as it came; in a `payload`, all text that is not known."""
        if isinstance(value, Mapping):
            tests = not _TESTS.isdisjoint(map(_plain, value))
            return {
                self._clean_key(name, payload=payload): REDACTED
                if item and _is_door(name)
                else self._clean(
                    item,
                    # A payload that is a list has the key of its path, and a test's name that of its status.
                    key if name == PAYLOAD and not payload else "status" if name == "name" and tests else str(name),
                    payload=payload or name == PAYLOAD,
                    personal=personal or _is_personal(name),
                )
                for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._clean(item, key, payload=payload, personal=personal) for item in value]
        if isinstance(value, str):
            if personal or (payload and _plain(key) not in _HARMLESS and value.strip() not in _WORDS):
                return self._pseudonym(value)
            return self._clean_text(cut(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            long = payload and key not in _KEYS and abs(value) >= _LONG_NUMBER and value % 1 == 0
            return REDACTED if personal or long else value
        return value

    def _clean_key(self, key: Any, *, payload: bool) -> Any:
        """Redact a key that is no word of the gateway's: a serial or a name that things are listed by."""
        if not isinstance(key, str) or key in _KEYS:
            return key
        if payload and (key in self._names or not _IDENTIFIER.fullmatch(key) or sum(map(str.isdigit, key)) >= 4):
            return self._pseudonym(key)
        return self._clean_text(key) if any(map(str.isdigit, key)) else key

    def _pseudonym(self, text: str) -> str:
        name = _bare(text)
        if not name or name in _EVERYBODYS:
            return text
        if len(name) > _LONGEST:
            return REDACTED
        whole = self._clean_whole(name)
        return text.replace(name, self._pseudonyms.of(name) if whole is None else whole)

    def _clean_whole(self, name: str) -> str | None:
        """Redact a name that is an address or a token as a whole; None for another."""
        return self._clean_always(name) if _ALWAYS.fullmatch(name) and not re.fullmatch(SERIAL, name) else None

    def _clean_text(self, text: str) -> str:
        if (name := text.strip()) in self._names:
            return text.replace(name, self._pseudonyms.of(name))
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


def _bare(text: str) -> str:
    return _IDENTITY.sub("", text.strip())


def _plain(key: object) -> str:
    return key.lower().replace("_", "").replace("-", "") if isinstance(key, str) else ""


def _is_door(key: object) -> bool:
    return _plain(key).endswith(_DOORS)


def _is_personal(key: object) -> bool:
    return _plain(key) in _PERSONAL or (
        isinstance(key, str) and any(word.lower() in _PERSONAL_WORDS for word in _WORD.findall(key))
    )


def _names_in(value: Any, *, personal: bool = False) -> Iterator[str]:
    """Yield every text whose key says that it is personal."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not _is_door(key):
                yield from _names_in(item, personal=personal or _is_personal(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names_in(item, personal=personal)
    elif personal and isinstance(value, str):
        yield value


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Make a pattern for those names that are looked for inside other texts."""
    long = [name for name in names if len(name) >= (_LONG_WITH_DIGITS if re.search(r"\d", name) else _LONG)][:_MOST]
    words = "|".join(map(re.escape, sorted(long, key=len, reverse=True)))
    return re.compile(rf"(?<!{ALNUM})(?:{words}){_END}") if words else None
