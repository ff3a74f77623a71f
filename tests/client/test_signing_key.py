"""Create a signing key, and read one that the owner pastes."""

import pytest

from custom_components.powerwall_gateway.gateway.signed.keys import make_key, public_part, read_key
from tests.signing_keys import pem


def test_key_is_parsed_in_every_form() -> None:
    text = pem().decode()
    assert read_key(text) == read_key(f"Here it is:\n\n{text}\n") == read_key(text.replace("\n", " ")) == pem()
    assert public_part(pem())


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----"]
)
def test_invalid_key_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="no "):
        read_key(text)


def test_generated_key_is_valid() -> None:
    key = make_key()
    assert read_key(key.decode()) == key
    assert len(public_part(key)) > 690  # 4096 bits in base64
