"""Redact the gateway's texts for logs and the user interface: short, printable, without serials, tokens and addresses.

Any device on the network can respond in place of the gateway. Every text is therefore cut before a pattern is applied,
and every pattern takes time in proportion to the text.
"""

from ipaddress import AddressValueError, IPv6Address
import re
from typing import Final

LONGEST: Final = 2_000
"""Characters of one text; the longest that real gateways were seen to send have a few hundred."""

MOST: Final = 1_000
"""Texts in one list."""

ALNUM: Final = r"[0-9A-Za-z]"
_HEX: Final = r"[0-9A-Fa-f]"
_DOTTED: Final = r"(?:\d{1,3}\.){3}\d{1,3}"

SERIAL: Final = rf"(?i:(?:T|TG|CN|JBL|OBB|VAH)(?={ALNUM}*\d{{4}})\d{ALNUM}{{6,}}?)(?=synchrometer|(?!{ALNUM}))"
"""Of gateways, Powerwalls, inverters and meters (reference, 9). A synchrometer's kind follows without a separator."""

IN_DIN: Final = rf"(?<=\d{{7}}-\d\d-[A-Za-z]--){ALNUM}+"
EMAIL: Final = r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)+"
"""Possessive, so that a long run without an `@` is scanned once, not once from each of its characters."""

MAC: Final = rf"(?<!{_HEX})(?<!\b{_HEX}{{2}}[:-])(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}(?![0-9A-Fa-f:-])"
IPV4: Final = rf"(?<![0-9A-Za-z.]){_DOTTED}(?![0-9A-Za-z]|\.\d)"
IPV6: Final = (
    rf"(?<![0-9A-Za-z.])(?:{_HEX}{{0,4}}:){{2,7}}(?:{_DOTTED}|{_HEX}{{0,4}})(?![0-9A-Za-z:])(?:%[\w.-]{{1,64}})?"
)
"""Also matches a time of day: see `is_ipv6`."""

_LONG: Final = r"[A-Za-z0-9+/_-]{32,}=*"
"""As long as a token."""

_LATER: Final = r"\bT[A-Z]?[0-9][A-Z0-9]{7,}\b"
"""A serial of an unknown form. The installer's first password is an S and the serial."""

_SENSITIVE: Final = re.compile(
    "|".join((IN_DIN, _LONG, EMAIL, MAC, f"(?P<ipv6>{IPV6})", IPV4, rf"(?<!{ALNUM})S?{SERIAL}", _LATER))
)
_BREAKS: Final = " \t\n,;\"'{}[]()"


def is_ipv6(text: str) -> bool:
    """Return True for an IPv6 address, with a zone or without, False for a time of day."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def cut(text: str) -> str:
    """Cut a text to `LONGEST` characters, between two words: half a serial would not be recognized."""
    if len(text) <= LONGEST:
        return text
    return text[: max(text.rfind(sign, 0, LONGEST) for sign in _BREAKS) + 1] + "…"


def strip_control_characters(text: str) -> str:
    """Cut a text, and replace characters that cannot be printed by blanks.

    A line break would begin another record in a log, and a terminal executes escape sequences.
    """
    text = cut(text)
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def redact(text: str) -> str:
    """Replace every serial, token and address by an ellipsis, after `strip_control_characters`."""
    return _SENSITIVE.sub(_replacement, strip_control_characters(text))


def _replacement(found: re.Match[str]) -> str:
    return found[0] if found.lastgroup == "ipv6" and not is_ipv6(found[0]) else "…"
