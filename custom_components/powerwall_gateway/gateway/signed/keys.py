"""Make or read the private key for signed requests, and get the public key to register.

Imported before aiopowerwall is installed, so it is separate from `client`.
"""

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
"""As in Tesla's own clients."""

_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----", re.DOTALL)


def make_key() -> bytes:
    """Return a new private key, PEM. This takes seconds of computing, tens of seconds on a small machine."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=_BITS))


def read_key(text: str) -> bytes:
    """Return the private RSA key in a text, PEM. Line breaks may be missing.

    Raises ValueError for anything else, also for a public key and for a key with a password.
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
    """Return the public key as it is registered with Tesla: PKCS #1 in base64."""
    key = load_pem_private_key(private_key, password=None).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
