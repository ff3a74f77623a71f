"""Signing keys for tests, created only once: an RSA key of this size takes a while."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from simulator import Simulator

SIGNED = ["26.18", "pw3"]
"""Firmware that accepts signed requests."""


@cache
def private_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return a key of one's own by a number. Half as long as real ones, which the gateway's protocol does not mind."""
    assert number >= 0
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(number: int = 0) -> bytes:
    """Return a private key in the format of a key file."""
    return private_key(number).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key(number: int = 0) -> bytes:
    """Return the public key in the format of the gateway."""
    return private_key(number).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def pair(simulator: Simulator, number: int = 0) -> None:
    """Register a key, and confirm it at the Powerwall."""
    simulator.gateway.keyring.register(public_key(number))
    simulator.flip_switch()
