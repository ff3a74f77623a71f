"""Create a self-signed certificate like the gateway's."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
YEARS = 25
KNOWN_NAMES = frozenset({"teg", "powerwall", "powerpack"})
"""The gateway drops a handshake that asks for any other name; an address asks for none."""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    pem: bytes
    fingerprint: bytes
    """SHA-256 of the certificate."""

    def context(self) -> ssl.SSLContext:
        """Make the server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = _refuse_unknown_name
        with TemporaryDirectory() as folder:
            path = Path(folder, "gateway.pem")
            path.write_bytes(self.pem)
            context.load_cert_chain(path)
        return context


def _refuse_unknown_name(_socket: object, name: str | None, _context: ssl.SSLContext) -> int | None:
    return None if name is None or name in KNOWN_NAMES else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def certificate(serial: str, generation: int = 0) -> Certificate:
    """Make the certificate of a gateway: a serial always has the same one, until it gets the next generation."""
    seed = sha256(f"{serial}/{generation}".encode()).digest()
    key = ec.derive_private_key(int.from_bytes(seed) >> 1, ec.SECP256R1())
    name = seed.hex()[:32]
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(f"{name} CA"))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(seed[:16]))
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_BEFORE + timedelta(days=365 * YEARS))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(known) for known in sorted(KNOWN_NAMES)] + [x509.IPAddress(IPv4Address("192.168.91.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(private + built.public_bytes(Encoding.PEM), built.fingerprint(hashes.SHA256()))


def _name(common: str) -> x509.Name:
    parts = {
        NameOID.COUNTRY_NAME: "US",
        NameOID.STATE_OR_PROVINCE_NAME: "California",
        NameOID.LOCALITY_NAME: "Palo Alto",
        NameOID.ORGANIZATION_NAME: "Tesla",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "Tesla Energy Products",
        NameOID.COMMON_NAME: common,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])
