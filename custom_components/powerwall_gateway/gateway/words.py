"""What a gateway says in words, without what tells whose it is: such words are logged and shown to people."""

import re
from typing import Final

ALNUM: Final = r"[0-9A-Za-z]"

SERIAL: Final = rf"(?i:(?:T|TG|CN|JBL|OBB|VAH)(?={ALNUM}*\d{{4}})\d{ALNUM}{{6,}}?)(?=synchrometer|(?!{ALNUM}))"
"""Of gateways, Powerwalls, inverters and meters (reference, 9); a synchrometer's goes over into its kind."""

IN_DIN: Final = rf"(?<=\d{{7}}-\d\d-[A-Za-z]--){ALNUM}+"
EMAIL: Final = r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"
MAC: Final = r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"
IPV4: Final = r"(?<![0-9A-Za-z.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z]|\.\d)"
IPV6: Final = r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])"

_LONG: Final = r"[A-Za-z0-9+/_-]{32,}=*"
"""What is as long as a token."""

_LATER: Final = r"\bT[A-Z]?[0-9][A-Z0-9]{7,}\b"
"""A serial of a form that was never seen. The installer's first password is an S and the serial."""

_TELLING: Final = re.compile("|".join((IN_DIN, _LONG, EMAIL, MAC, IPV4, rf"(?<!{ALNUM})S?{SERIAL}", _LATER)))


def legible(text: str) -> str:
    """Put a blank in place of whatever cannot be printed.

    In a log a line break would begin another record, and a terminal obeys what an escape tells it.
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def discreet(words: str) -> str:
    """Put an ellipsis in place of every serial, token and address, and make it `legible`."""
    return _TELLING.sub("…", legible(words))
