"""Fuzz the bodies of responses at every method of the client, the stored files, and the user's input.

`test_transport.py` fuzzes HTTP itself. 100 inputs for each endpoint, 20,000 with `scripts/test --deep`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
import inspect
from random import Random
from typing import Any, Final, override

from aiohttp import ClientSession
import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    Credentials,
    GatewayError,
    JournalError,
    JournalRecord,
    PowerwallGateway,
    Transport,
    parse_serial,
)
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS, READABLE_PATHS, Access
from custom_components.powerwall_gateway.gateway.models import Din, Model
from custom_components.powerwall_gateway.gateway.transport import Response
from tests.client.conftest import Client
from tests.client.endpoint_calls import call_endpoint
from tests.client.example_payloads import example
from tests.conftest import StartSimulator, is_deep
from tests.fuzz.inputs import JSON_WORDS, SEED, InputCounter, mutate

INPUTS: Final = 20_000 if is_deep() else 100
"""For each endpoint and each parser."""


class FakeTransport(Transport):
    """Respond to every request with the same bytes."""

    body = b""

    @override
    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Response:
        return Response(status=200, body=self.body, cookies={})


@pytest.fixture
def transport(session: ClientSession) -> FakeTransport:
    """Return a transport without a server."""
    return FakeTransport(session, Address.parse("127.0.0.1"))


@pytest.fixture
async def responses(simulator: StartSimulator, client: Client) -> dict[str, bytes]:
    """Return the responses of a gateway with 21.44 at each path that can be read without an effect."""
    powerwall = await client(await simulator("21.44"))
    await powerwall.login()
    responses = {}
    for path in READABLE_PATHS:
        with suppress(GatewayError):
            responses[path] = orjson.dumps(await powerwall.peek(path))
    return responses


def models_of(reader: Callable[[Any], object]) -> Iterator[type[Model]]:
    """Yield the model of an endpoint's responses, if there is one."""
    values = inspect.getclosurevars(reader).nonlocals
    if "model" in values:
        yield values["model"]
    elif "read" in values:
        yield from models_of(values["read"])


def good_bodies(name: str, responses: Mapping[str, bytes]) -> list[bytes]:
    """Return valid bodies of an endpoint: the simulator's response, and examples of its model alone and in a list."""
    payloads: list[Any] = [
        form
        for model in models_of(ENDPOINTS[name].model)
        for payload in [example(model)]
        for form in (payload, [payload], {"a": payload})
    ]
    simulated = responses.get(ENDPOINTS[name].path)
    return [*filter(None, [simulated]), *map(orjson.dumps, payloads or [{}, ["a", "b"]])]


def read_properties(read: Any) -> None:
    """Read every property of a model."""
    for model in read.values() if isinstance(read, dict) else read if isinstance(read, tuple) else (read,):
        for name, value in inspect.getmembers_static(type(model)) if isinstance(model, Model) else ():
            if isinstance(value, property):
                getattr(model, name)


@pytest.mark.parametrize("access", Access)
async def test_any_body_is_a_model_or_a_gateway_error(
    transport: FakeTransport, responses: dict[str, bytes], counter: InputCounter, access: Access
) -> None:
    random = Random(SEED)
    read = refused = 0
    for name in (name for name, endpoint in ENDPOINTS.items() if endpoint.access is access):
        bodies = good_bodies(name, responses)
        for _ in range(INPUTS):
            transport.body = mutate(random.choice(bodies), JSON_WORDS, random)
            powerwall = PowerwallGateway(transport, Credentials(password="12345"))
            counter.inputs += 1
            try:
                read_properties(await call_endpoint(powerwall, name))
                read += 1
            except GatewayError:
                refused += 1
            except Exception as err:
                err.add_note(f"{name}, received {transport.body!r}")
                raise
    assert read
    assert refused


# -- files and user input ----------------------------------------------------------------------------------------------


OPEN_JOURNAL: Final = {
    "kind": "stop",
    "began": 1.5e9,
    "ends": None,
    "packs": ["TG1234567890AB"],
    "gateway": {"host": "192.168.1.50:8443", "scheme": "https", "fingerprint": "00" * 32},
    "session": None,
}
JOURNALS: Final = [
    {"version": 1, "logins": [1.5e9, 1500000001], "under_way": None},
    {"version": 1, "logins": [], "under_way": OPEN_JOURNAL},
    {"version": 1, "logins": [1.5e9], "under_way": {**OPEN_JOURNAL, "kind": "login", "session": {"session": None}}},
]
LOGINS: Final = [
    {"session": None, "failures": 3, "refusals": 1, "not_before": 1.9e9},
    {
        "session": {"token": "aB3_", "cookies": {"AuthCookie": "a", "UserRecord": "b"}, "roles": ["Home_Owner"]},
        "failures": 0,
        "refusals": 0,
        "not_before": 0.0,
    },
]
ADDRESSES: Final = [
    b"192.168.1.50",
    b"Powerwall.LAN:8443",
    b"http://192.168.1.50/summary",
    b"[fd00::17]:8443",
    b"fe80::1%eth0",
]
SERIALS: Final = [b"TG1234567890AB", b"1232100-00-E--TG1234567890AB", b" t1234567890 "]
FUZZ_TEXTS: Final = (
    *(b":", b"[", b"]", b"--", b"%", b".", b"/", b"::", b"://", b"@", b" ", b"\n", b"\0", b"\xff"),
    *("٣".encode(), "²".encode(), "İ".encode(), "ß".encode(), b"99999", b"1" * 5000),
)


@pytest.fixture
def restore(transport: FakeTransport) -> Callable[[object], None]:
    """Restore a stored login."""
    return lambda kept: PowerwallGateway(transport, Credentials(password="12345")).restore_login(kept)


def test_mutated_journal_is_read_or_corrupt(counter: InputCounter) -> None:
    for journal in JOURNALS:
        assert JournalRecord.from_json(journal).to_json() == journal
    for kept in _mutated_json([orjson.dumps(journal) for journal in JOURNALS], counter):
        try:
            JournalRecord.from_json(kept)
        except JournalError:
            continue


def test_mutated_login_is_restored_without_exception(restore: Callable[[object], None], counter: InputCounter) -> None:
    for kept in _mutated_json([orjson.dumps(login) for login in LOGINS], counter):
        restore(kept)


@pytest.mark.parametrize(
    ("parse", "examples"), [(Address.parse, ADDRESSES), (parse_serial, SERIALS)], ids=["address", "serial"]
)
def test_user_input_is_parsed_or_a_value_error(
    counter: InputCounter, parse: Callable[[str], object], examples: list[bytes]
) -> None:
    for typed in _mutated_texts(examples, counter):
        try:
            parsed = parse(typed)
        except ValueError:
            continue
        assert str(parse(str(parsed))) == str(parsed), typed


def test_mutated_din_is_parsed_or_none(counter: InputCounter) -> None:
    for typed in _mutated_texts(SERIALS, counter):
        if found := Din.parse(typed):
            assert f"{found.part_number}--{found.serial_number}" == typed.strip().upper(), typed


def _mutated_texts(examples: list[bytes], counter: InputCounter) -> Iterator[str]:
    random = Random(SEED)
    for _ in range(INPUTS):
        counter.inputs += 1
        yield mutate(random.choice(examples), FUZZ_TEXTS, random).decode(errors="replace")


def _mutated_json(examples: list[bytes], counter: InputCounter) -> Iterator[object]:
    """Yield mutated examples that are still JSON: anything else is rejected before it is parsed."""
    random = Random(SEED)
    for _ in range(INPUTS):
        try:
            content = orjson.loads(mutate(random.choice(examples), JSON_WORDS, random))
        except ValueError:
            continue
        counter.inputs += 1
        yield content
