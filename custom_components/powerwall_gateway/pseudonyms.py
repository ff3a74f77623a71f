"""Other names for what must not be known: of the same form, and always the same for the same."""

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
import re
import secrets
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from .gateway.redact import is_ipv6

_HEAD: Final = re.compile(r"[A-Z]{1,3}(?=\d)|0x|(?:Neurio|PWRview)-")
"""What a serial, a number in hexadecimal and a meter's name begin with: it says no more than what they are."""

_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f:-]{8,}")

_TRIES: Final = 20
"""Until a pseudonym is given that somebody has already: there are but ten of one digit."""


class Pseudonyms:
    """Gives originals other names, at random: nobody finds the way back, and two of these have nothing in common."""

    def __init__(self) -> None:
        self._by_original: dict[str, str] = {}
        self._by_small_letters: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, original: str) -> str:
        """Give the pseudonym of a name or number: a digit for each digit, a letter for each letter."""
        return self._get(original, self._new)

    def of_ipv4(self, address: str) -> str:
        """Give an address that is nobody's. A netmask stays, and so does what is no address."""
        if not _is_ipv4(address):
            return address
        # The two ranges are for documents and for benchmarks.
        number = len(self._by_original) + 1
        first = IPv4Address("192.0.2.0" if number < 255 else "198.18.0.0")
        return self._get(address, lambda _: str(first + number))

    def of_ipv6(self, address: str) -> str:
        """Give an address that is nobody's. What is none stays, the time of day for instance."""
        if not is_ipv6(address):
            return address
        number = len(self._by_original) + 1
        return self._get(address, lambda _: str(IPv6Address("2001:db8::") + number))

    def of_email(self, address: str) -> str:
        """Give an address that no mail goes to."""
        number = len(self._by_original) + 1
        return self._get(address, lambda _: f"person{number}@example.invalid")

    def _get(self, original: str, make: Callable[[str], str]) -> str:
        if (known := self._by_original.get(original)) is not None:
            return known
        # A serial in a host's name is in small letters.
        alike = self._by_small_letters.get(original.lower()) or make(original)
        pseudonym = alike.lower() if original.islower() else alike
        self._by_original[original] = pseudonym
        self._by_small_letters.setdefault(original.lower(), pseudonym)
        self._taken |= {original, pseudonym}
        return pseudonym

    def _new(self, original: str) -> str:
        pseudonym = _of_the_form(original)
        for _ in range(_TRIES):
            if pseudonym not in self._taken and pseudonym != original:
                break
            pseudonym = _of_the_form(original)
        return pseudonym


def _of_the_form(original: str) -> str:
    head = _HEAD.match(original)
    kept = head[0] if head else ""
    tail = original[len(kept) :]
    letters = 6 if _HEXADECIMAL.fullmatch(tail) else 26
    return kept + "".join(_like(character, letters) for character in tail)


def _like(character: str, letters: int) -> str:
    if character.isdigit():
        return secrets.choice(digits)
    if not character.isalpha():
        return character
    return secrets.choice((ascii_uppercase if character.isupper() else ascii_lowercase)[:letters])


def _is_ipv4(text: str) -> bool:
    """Tell an address from a netmask, which is ones and then zeros, and from what is neither."""
    try:
        zeros = int(IPv4Address(text)) ^ 0xFFFFFFFF
    except AddressValueError:
        return False
    return zeros & (zeros + 1) != 0
