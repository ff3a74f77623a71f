"""Redact personal data from all responses of a gateway."""

from collections.abc import Iterable
import json
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.gateway import (
    Address,
    Credentials,
    GatewayError,
    PowerwallGateway,
    find,
    open_session,
)
from custom_components.powerwall_gateway.gateway.endpoints import READABLE_PATHS
from custom_components.powerwall_gateway.response_redaction import REDACTED, Redactor, redactor_for
from simulator import Simulator
from simulator.firmware import PROFILES
from simulator.gateway.ct_meters import SHORT_ID
from tests.conftest import StartSimulator

_OWN = {"password": "the owner's own"}
PASSWORDS: dict[str, dict[str, Any]] = {"24.36": _OWN, "26.18": _OWN}
"""From 24.36 on the default password is rejected."""

PERSONAL_TEXTS = (
    "10010-2841",
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


def test_redactor_addresses_get_addresses_that_are_reserved_for_examples() -> None:
    text = "jane@smith.example at 10.1.2.3 and fd12:3456::789a, netmask 255.255.255.0"
    expected = "person1@example.invalid at 192.0.2.2 and 2001:db8::3, netmask 255.255.255.0"
    assert Redactor().redact({"notes": text}) == {"notes": expected}


def test_redactor_has_an_address_for_more_than_254_texts() -> None:
    redacted = Redactor().redact([f"10.1.{number // 256}.{number % 256}" for number in range(256)])
    assert redacted == [f"192.0.2.{number}" for number in range(1, 255)] + ["198.18.0.255", "198.18.1.0"]


@pytest.mark.parametrize(
    ("personal", "form"),
    [
        ("Jane Smith-42!", r"[A-Z][a-z]{3} [A-Z][a-z]{4}-\d\d!"),
        ("TG1234567890ab", r"TG\d{10}[a-z]{2}"),
        ("0xFEDCBAABCDEFFEDCBAABCDEF", r"0x[A-F]{24}"),
        ("fedcba:abcdef-fedcba", r"[a-f]{6}:[a-f]{6}-[a-f]{6}"),
        ("Neurio-XYZXYZXYZ", r"Neurio-[A-Z]{9}"),
        ("Jane " * 39 + "Smith", r"(?=.*[g-z])(?:[A-Z][a-z]{3} ){39}[A-Z][a-z]{4}"),
        ("Jane " * 39 + "Smiths", r"\*\*REDACTED\*\*"),
        ("  Jane  ", r"  [A-Z][a-z]{3}  "),
        ("1234567-00-E--TG1234567890AB", r"1234567-00-E--TG\d{10}[A-Z]{2}"),
        ("192.168.91.1", r"192\.168\.91\.1"),
    ],
)
def test_redactor_pseudonym_has_the_form_of_the_text(personal: str, form: str) -> None:
    redacted = Redactor().redact_payload("new", {"owner": personal, "copy": personal})
    assert re.fullmatch(form, redacted["owner"])
    assert redacted["copy"] == redacted["owner"]
    assert redacted["owner"] != personal or personal.startswith("192")


def test_redactor_pseudonyms_of_different_texts_differ() -> None:
    for _ in range(200):
        first, second, third = Redactor().redact_payload("new", {"owner": ["a", "b", "c"]})["owner"]
        assert first != "a"
        assert second not in {"a", "b", first}
        assert third not in {"a", "b", "c", first, second}


def test_redactor_has_a_pseudonym_where_all_are_used() -> None:
    redacted = Redactor().redact_payload("new", {"owner": list("0123456789")})["owner"]
    assert re.fullmatch(r"\d{10}", "".join(redacted))


def test_redactor_keeps_the_case_of_a_known_text() -> None:
    redacted = Redactor(("TG1234567890AB",)).redact(["TG1234567890AB", "host-tg1234567890ab.local"])
    assert redacted[0] != "TG1234567890AB"
    assert redacted[1] == f"host-{redacted[0].lower()}.local"


@pytest.mark.parametrize(
    ("name", "is_replaced"),
    [("Jane Doe", True), ("Jane Do", False), ("Room1", True), ("Roo1", False)],
)
def test_redactor_replaces_names_inside_texts_that_are_long_enough(name: str, *, is_replaced: bool) -> None:
    redacted = Redactor().redact_payload("new", {"owner": name, "error": f"for {name}: no, x{name}x"})
    inside = redacted["owner"] if is_replaced else name
    assert redacted["error"] == f"for {inside}: no, x{name}x"


def test_redactor_replaces_the_longest_name_inside_a_text() -> None:
    redacted = Redactor().redact_payload(
        "new", {"owner": ["Jane Doe", "Jane Doe Smith"], "error": "of Jane Doe Smith and Jane Doe"}
    )
    short, long = redacted["owner"]
    assert redacted["error"] == f"of {long} and {short}"


def test_redactor_replaces_a_name_of_200_characters_inside_a_text() -> None:
    name = "Jane " * 39 + "Smith"
    redacted = Redactor().redact_payload("new", {"owner": name, "error": f"for {name}"})
    assert redacted["error"] == f"for {redacted['owner']}"


@pytest.mark.parametrize(
    ("key", "number", "is_redacted"),
    [
        ("new", 10**6, True),
        ("new", -(10**6), True),
        ("new", 10**6 + 1, True),
        ("first-name", 1, True),
        ("last_name", 1, True),
        ("new", 10**6 - 1, False),
        ("new", 1e6, True),
        ("new", 1e6 + 0.5, False),
        ("instant_power", 10**6, False),
        ("zip", 1, True),
        ("homeLat", 1.5, True),
        ("running", True, False),
        ("owner", True, False),
    ],
)
def test_redactor_numbers_that_can_be_personal(key: str, number: float, *, is_redacted: bool) -> None:
    assert Redactor().redact_payload("new", {key: number}) == {key: REDACTED if is_redacted else number}


def test_redactor_long_numbers_outside_a_payload_stay() -> None:
    assert Redactor().redact({"new": 10**6, "zip": 1}) == {"new": 10**6, "zip": REDACTED}


@pytest.mark.parametrize("key", ["password", "X-Auth-Token", "client_secret", "cookies", "user_record"])
def test_redactor_secrets_are_not_shown_at_all(key: str) -> None:
    redacted = Redactor().redact({key: "Jane Smith", "more": {key: {"deep": ["Jane Smith"]}}, "copy": "Jane Smith"})
    assert redacted == {key: REDACTED, "more": {key: REDACTED}, "copy": "Jane Smith"}
    assert Redactor().redact({key: ""}) == {key: ""}


def test_redactor_does_not_learn_names_from_secrets() -> None:
    redacted = Redactor().redact({"password": {"owner": "Jane Smith"}, "copy": "Jane Smith"})
    assert redacted == {"password": REDACTED, "copy": "Jane Smith"}


def test_redactor_tokens_are_not_shown_at_all() -> None:
    token = "Ab-_1" * 16
    assert Redactor().redact({"log": f"token {token}== sent", "owner": token, "short": token[1:]}) == {
        "log": f"token {REDACTED} sent",
        "owner": REDACTED,
        "short": token[1:],
    }


@pytest.mark.parametrize(
    ("key", "is_replaced"),
    [
        ("Jane Smith", True),
        ("a b", True),
        ("x1234", True),
        ("x123", False),
        ("instant_power", False),
        ("ct1", False),
    ],
)
def test_redactor_replaces_keys_by_which_something_is_listed(key: str, *, is_replaced: bool) -> None:
    (redacted,) = Redactor().redact_payload("new", {key: 1})
    assert (redacted != key) is is_replaced
    (outside,) = Redactor().redact({key: 1})
    assert outside == key


def test_redactor_replaces_a_serial_in_a_key_everywhere() -> None:
    (key,) = Redactor().redact({"sensor TG1234567890AB": 1})
    assert re.fullmatch(r"sensor TG\d{10}[A-Z]{2}", key)
    assert key != "sensor TG1234567890AB"
    assert Redactor().redact({7: 1}) == {7: 1}


def test_redactor_name_of_a_test_stays_and_another_name_does_not() -> None:
    payload = [{"name": "Enable switch", "end_time": "x"}, {"name": "Enable switch"}]
    redacted = Redactor().redact_payload("new", payload)
    assert redacted[0]["name"] == "Enable switch" != redacted[1]["name"]


def test_redactor_keeps_texts_that_only_look_like_addresses() -> None:
    texts = ["at 12:34:56", "version 300.1.2.3", "mask 255.255.254.0"]
    assert Redactor().redact(texts) == texts


def test_redactor_keeps_names_that_every_gateway_has() -> None:
    payload = {"network_name": "default_eth", "error": "default_eth: no link, 192.168.90.2 and ::1 respond"}
    assert Redactor().redact_payload("networks", payload) == payload


def test_redactor_for_an_entry_knows_what_its_owner_entered() -> None:
    entry = MockConfigEntry(
        title="Jane's Powerwall",
        data={
            "host": "jane.lan:8443",
            "scheme": "https",
            "serial": "TG1234567890AB",
            "password": "Sesame 42",
        },
    )
    installer = Credentials.of_installer("TG1234567890AB").password
    texts = ["jane.lan", "TG1234567890AB", "Jane's Powerwall", "Sesame 42", installer]
    redacted = redactor_for(entry).redact(texts)
    assert [text for text, shown in zip(texts, redacted, strict=True) if text == shown] == []


def test_redactor_for_an_entry_without_a_password() -> None:
    entry = MockConfigEntry(title="Home 12", data={"host": "10.1.2.3", "scheme": "https", "serial": "TG1234567890AB"})
    assert redactor_for(entry).redact(["", "None", "ok"]) == ["", "None", "ok"]
