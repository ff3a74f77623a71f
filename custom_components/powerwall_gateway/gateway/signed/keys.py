"""The key that requests are signed with: made, read from what people paste, and its public part to register."""

from base64 import b64encode
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

_BITS: Final = 4096
"""What Tesla's own clients register."""

_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----", re.DOTALL)


def make_key() -> bytes:
    """Make a new private key, PEM. It takes seconds of computing, tens on a small machine."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=_BITS))


def read_key(text: str) -> bytes:
    """Read a private RSA key from its file's text, also one that lost its line breaks on the way.

    Raises `ValueError` for anything else, a key with a password or the public part among it.
    """
    if (found := _PEM.search(text)) is None:
        raise ValueError("no key in PEM")
    label, body = found[1], "".join(found[2].split())
    try:
        key = load_pem_private_key(f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode(), password=None)
    except (TypeError, ValueError) as err:
        raise ValueError("no private key without a password") from err
    if isinstance(key, rsa.RSAPrivateKey):
        return _pem(key)
    raise ValueError("no RSA key")


def public_part(private_key: bytes) -> str:
    """Give what is registered with Tesla: PKCS #1 in base64."""
    key = load_pem_private_key(private_key, password=None).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
