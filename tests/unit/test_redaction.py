"""Redact personal data from all responses of a gateway."""

from collections.abc import Iterable
import json
import re
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    Credentials,
    GatewayError,
    PowerwallGateway,
    find,
    open_session,
)
from custom_components.powerwall_gateway.gateway.endpoints import READABLE_PATHS
from custom_components.powerwall_gateway.redaction import Redactor
from simulator import Simulator
from simulator.firmware import PROFILES
from simulator.gateway.ct_meters import SHORT_ID
from tests.conftest import StartSimulator

_OWN = {"password": "the owner's own"}
PASSWORDS: dict[str, dict[str, Any]] = {"24.36": _OWN, "26.18": _OWN}
"""From 24.36 on the default password is rejected."""

PERSONAL_TEXTS = (
    "10010",
    "New York",
    "01234567",
    "592ff91a-2372-46d5-85dd-35966a6ba1ae",
    "8885551212",
    "installer@example.com",
    "Tesla Timbuktu",
    "0x0000C47F51019B7D",
    SHORT_ID,
    "192.168.1.77",
    "192.168.1.1",
    "10.64.0.2",
    "02:00:00:00:00:01",
    "02:00:00:00:01:43",
    "Home Energy Gateway",
    "Café Zentrale",
    "Nachbars Netz / 2",
)
"""Personal data of owners and installers in the simulated gateways' responses."""

WIFI_NAME = '"Home"'
"""With quotes, because the word is part of other texts."""


async def responses_of(simulator: Simulator) -> dict[str, Any]:
    """Log in and read all endpoints that are safe to read."""
    async with open_session() as session:
        connection = await find(session, Address.parse(f"{simulator.host}:{simulator.port}"))
        gateway = PowerwallGateway(connection, Credentials(password=simulator.password))
        await gateway.login(allow_stop=True)
        simulator.running = True
        responses: dict[str, Any] = {}
        for path in READABLE_PATHS:
            try:
                responses[path] = await gateway.get(path)
            except GatewayError:
                continue
        return responses


def secrets_of(simulator: Simulator) -> list[str]:
    """Return the secrets and personal data of a gateway, which no output may contain."""
    gateway = simulator.gateway
    own = [gateway.serial, gateway.din, gateway.meter_serial, *gateway.pack_serials]
    return [*own, simulator.password, *simulator.tokens, *PERSONAL_TEXTS, WIFI_NAME]


def as_text(value: Any) -> str:
    """Return a JSON value as text."""
    return json.dumps(value, ensure_ascii=False)


def secrets_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the secrets that a text contains. Digits in the middle of a longer number are not a postal code."""
    return [secret for secret in secrets if re.search(rf"(?<![0-9.]){re.escape(secret)}(?![0-9])", text)]


def test_digits_within_a_longer_number_are_no_postal_code() -> None:
    text = as_text({"energy": 3100104.5, "power": 0.10010, "at": "12:00:00.10010", "zip": "10010", "city": "New York"})
    assert secrets_in(text, ["10010", "New York", "London"]) == ["10010", "New York"]
    assert secrets_in(as_text({"energy": 3100104.5, "power": 1.10010}), ["10010"]) == []


@pytest.mark.parametrize("firmware", PROFILES)
async def test_redacted_responses_contain_no_personal_data(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware, **PASSWORDS.get(firmware, {}))
    gateway.gateway.wifi_scan.start(0)
    gateway.gateway.wifi_scan.seconds = 1e-9
    gateway.home.outage()
    gateway.home.advance(5)
    responses = await responses_of(gateway)
    assert len(responses) >= (3 if firmware == "pw3" else 20)
    for path, response in responses.items():
        redacted = as_text(Redactor().redact_payload(path, response))
        # The list of all installers is public.
        public = {"Tesla Timbuktu"} if path == "installer/companies" else set()
        assert set(secrets_in(redacted, secrets_of(gateway))) <= public, path


async def test_responses_contain_every_secret_before_redaction(simulator: StartSimulator) -> None:
    seen = ""
    secrets: set[str] = set()
    for firmware in ("1.15.0", "21.44"):
        gateway = await simulator(firmware)
        gateway.gateway.wifi_scan.start(0)
        gateway.gateway.wifi_scan.seconds = 1e-9
        seen += as_text(await responses_of(gateway))
        secrets |= {*secrets_of(gateway)} - {gateway.password, *gateway.tokens}
    assert {secret for secret in secrets if secret not in seen} == set()


PERSONAL: dict[str, Any] = {
    "owner": "Jane Smith",
    "notes": "Key under the mat of no. 12",
    "gps": {"x": 37.774929, "y": [-122.419416]},
    "homeLat": 37.774929,
    "longitude": -122.419416,
    "location": "Elm Street 12",
    "installationAddressLine1": "Elm Street 12",
    "installation-address-line-2": {"flat": "Left, 3rd floor", "level": 3},
    "contact": 4155551212,
    "phone": 4155551212,
    "name": "Jane Smith",
    "status_text": "Jane Smith is away",
    "nested": [{"deeper": {"customer": ["Jane Smith", {"called": "Jane Smith"}]}}],
    "rooms": {"Jane Smith": 3, "Z99X1234": {"power": 4.5}, "jane@smith.example": 1, "10.1.2.3": 2, "4155551212": True},
    "reservation": 4155551212,
    "zip": 94117,
    "modem": "fe80::1ff:fe23:4567:890a%eth0",
    "long": "Jane Smith " * 100,
}
"""Personal data under keys that no known firmware sends."""

PERSONAL_PARTS = (
    "Jane",
    "Smith",
    "Elm Street",
    "the mat",
    "37.77",
    "122.41",
    "Left, 3rd",
    "415555",
    "94117",
    "Z99X1234",
    "10.1.2.3",
    "fe80",
    "23:4567:890a",
)
"""Parts of the texts and numbers in `PERSONAL`."""


@pytest.mark.parametrize("path", ["system_status", "solars/brands"])
@pytest.mark.parametrize(
    "wrap", [lambda value: value, lambda value: [value], lambda value: {"battery_blocks": [value]}]
)
def test_redactor_replaces_personal_values_of_unknown_keys(path: str, wrap: Any) -> None:
    payload = wrap(PERSONAL)
    redactor = Redactor(("TG1234567890AB",))
    for redacted in (
        redactor.redact_payload(path, payload),
        redactor.redact({"entry": {"title": "x"}, "payloads": {path: {"payload": payload}}}),
    ):
        shown = as_text(redacted)
        assert [part for part in PERSONAL_PARTS if part in shown] == []


def test_redactor_keeps_values_that_describe_the_system() -> None:
    payload = {
        "version": "26.18.0 3a2b1c0d",
        "system_island_state": "SystemGridConnected",
        "new_state": "SystemIslandedActive",
        "type": "solar",
        "running": True,
        "absent": None,
        "instant_power": -1234.5,
        "energy_exported": 4155551212,
        "new_power": 999999,
        "new_ratio": 1234567.25,
        "last_communication_time": "2021-12-13T00:24:46.192394307-07:00",
        "mask": "255.255.255.0",
        "ip": "192.168.91.1",
        "disabled_reasons": ["DisabledExcessiveVoltageDrop"],
        "test": {"name": "Enable switch", "category": "InternalComms", "disruptive": False},
        "empty": "",
    }
    assert Redactor().redact_payload("system_status", payload) == payload
    assert Redactor().redact_payload("solars/brands", ["ABB", "SolarEdge"]) == ["ABB", "SolarEdge"]
    assert Redactor().redact_payload("new/list", ["Jane Smith"]) != ["Jane Smith"]


def test_redactor_gives_the_same_text_the_same_pseudonym_everywhere() -> None:
    redacted = Redactor().redact_payload("new", {"a": "Jane S.", "b": ["Jane S."], "version": "1.0", "c": "1.0"})
    assert redacted["a"] == redacted["b"][0] != "Jane S."
    assert len(redacted["a"]) == len("Jane S.")
    assert redacted["version"] == "1.0" != redacted["c"]


def test_redactor_replaces_a_personal_text_within_kept_texts() -> None:
    redacted = Redactor().redact_payload(
        "new", {"owner": "Jane Smith", "error": "Jane Smith is not logged in", "Jane Smith": {"status": "ok"}}
    )
    assert redacted["error"] == f"{redacted['owner']} is not logged in"
    assert redacted[redacted["owner"]] == {"status": "ok"}
