"""Spoiled bytes in place of an answer's body, at every method of the client, and in what people and files say.

The wire itself has its own: `test_transport.py`. A hundred inputs for each endpoint here, 20,000 with
`scripts/test --deep`.
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
from custom_components.powerwall_gateway.gateway.transport import Answer
from tests.client.calls import ask
from tests.client.conftest import Client
from tests.client.examples import example
from tests.conftest import StartSimulator, is_deep
from tests.fuzz.inputs import JSON_WORDS, SEED, Thrown, spoiled

INPUTS: Final = 20_000 if is_deep() else 100
"""For each endpoint, and for each that reads what people or files say."""


class Wireless(Transport):
    """Answers everything with the same bytes, as if they had come over the wire."""

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
    ) -> Answer:
        return Answer(status=200, body=self.body, cookies={})


@pytest.fixture
def wireless(session: ClientSession) -> Wireless:
    """Give a connection for which nobody has to listen."""
    return Wireless(session, Address.parse("127.0.0.1"))


@pytest.fixture
async def answers(simulator: StartSimulator, client: Client) -> dict[str, bytes]:
    """Give what a gateway of 21.44 answers at each path that can be read without an effect."""
    powerwall = await client(await simulator("21.44"))
    await powerwall.login()
    answers = {}
    for path in READABLE_PATHS:
        with suppress(GatewayError):
            answers[path] = orjson.dumps(await powerwall.peek(path))
    return answers


def models_of(reader: Callable[[Any], object]) -> Iterator[type[Model]]:
    """Give the model that reads an endpoint's answers, if there is one."""
    values = inspect.getclosurevars(reader).nonlocals
    if "model" in values:
        yield values["model"]
    elif "read" in values:
        yield from models_of(values["read"])


def good_bodies(name: str, answers: Mapping[str, bytes]) -> list[bytes]:
    """Give what an endpoint may answer: what the simulator says, and examples of its model alone and in a list."""
    payloads: list[Any] = [
        form
        for model in models_of(ENDPOINTS[name].model)
        for payload in [example(model)]
        for form in (payload, [payload], {"a": payload})
    ]
    simulated = answers.get(ENDPOINTS[name].path)
    return [*filter(None, [simulated]), *map(orjson.dumps, payloads or [{}, ["a", "b"]])]


def look_at(read: Any) -> None:
    """Ask a model for everything it can work out."""
    for model in read.values() if isinstance(read, dict) else read if isinstance(read, tuple) else (read,):
        for name, value in inspect.getmembers_static(type(model)) if isinstance(model, Model) else ():
            if isinstance(value, property):
                getattr(model, name)


@pytest.mark.parametrize("access", Access)
async def test_any_bytes_make_a_model_or_a_gateway_error(
    wireless: Wireless, answers: dict[str, bytes], thrown: Thrown, access: Access
) -> None:
    chance = Random(SEED)
    read = refused = 0
    for name in (name for name, endpoint in ENDPOINTS.items() if endpoint.access is access):
        bodies = good_bodies(name, answers)
        for _ in range(INPUTS):
            wireless.body = spoiled(chance.choice(bodies), JSON_WORDS, chance)
            powerwall = PowerwallGateway(wireless, Credentials(password="12345"))
            thrown.inputs += 1
            try:
                look_at(await ask(powerwall, name))
                read += 1
            except GatewayError:
                refused += 1
            except Exception as err:
                err.add_note(f"{name}, answered {wireless.body!r}")
                raise
    assert read
    assert refused


# -- what people and files say -----------------------------------------------------------------------------------------


UNDER_WAY: Final = {
    "kind": "stop",
    "began": 1.5e9,
    "ends": None,
    "packs": ["TG1234567890AB"],
    "gateway": {"host": "192.168.1.50:8443", "scheme": "https", "fingerprint": "00" * 32},
    "session": None,
}
JOURNALS: Final = [
    {"version": 1, "logins": [1.5e9, 1500000001], "under_way": None},
    {"version": 1, "logins": [], "under_way": UNDER_WAY},
    {"version": 1, "logins": [1.5e9], "under_way": {**UNDER_WAY, "kind": "login", "session": {"session": None}}},
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
PLACES: Final = [
    b"192.168.1.50",
    b"Powerwall.LAN:8443",
    b"http://192.168.1.50/summary",
    b"[fd00::17]:8443",
    b"fe80::1%eth0",
]
SERIALS: Final = [b"TG1234567890AB", b"1232100-00-E--TG1234567890AB", b" t1234567890 "]
TEXT_WORDS: Final = (
    *(b":", b"[", b"]", b"--", b"%", b".", b"/", b"::", b"://", b"@", b" ", b"\n", b"\0", b"\xff"),
    *("٣".encode(), "²".encode(), "İ".encode(), "ß".encode(), b"99999", b"1" * 5000),
)


@pytest.fixture
def restore(wireless: Wireless) -> Callable[[object], None]:
    """Take up a login that was kept."""
    return lambda kept: PowerwallGateway(wireless, Credentials(password="12345")).restore_login(kept)


def test_a_spoiled_journal_is_read_or_corrupt(thrown: Thrown) -> None:
    for journal in JOURNALS:
        assert JournalRecord.from_json(journal).to_json() == journal
    for kept in _spoiled_json([orjson.dumps(journal) for journal in JOURNALS], thrown):
        try:
            JournalRecord.from_json(kept)
        except JournalError:
            continue


def test_of_a_spoiled_login_what_makes_sense_is_taken_up(restore: Callable[[object], None], thrown: Thrown) -> None:
    for kept in _spoiled_json([orjson.dumps(login) for login in LOGINS], thrown):
        restore(kept)


@pytest.mark.parametrize(
    ("parse", "examples"), [(Address.parse, PLACES), (parse_serial, SERIALS)], ids=["address", "serial"]
)
def test_what_people_type_is_understood_or_a_value_error(
    thrown: Thrown, parse: Callable[[str], object], examples: list[bytes]
) -> None:
    for typed in _spoiled_texts(examples, thrown):
        try:
            assert str(parse(typed))
        except ValueError:
            continue


def test_what_is_no_number_of_a_gateway_is_none(thrown: Thrown) -> None:
    for typed in _spoiled_texts(SERIALS, thrown):
        assert (found := Din.parse(typed)) is None or isinstance(found, Din)


def _spoiled_texts(examples: list[bytes], thrown: Thrown) -> Iterator[str]:
    chance = Random(SEED)
    for _ in range(INPUTS):
        thrown.inputs += 1
        yield spoiled(chance.choice(examples), TEXT_WORDS, chance).decode(errors="replace")


def _spoiled_json(examples: list[bytes], thrown: Thrown) -> Iterator[object]:
    """Give spoiled examples, as far as they are JSON still: what is none is found out before it is read."""
    chance = Random(SEED)
    for _ in range(INPUTS):
        try:
            content = orjson.loads(spoiled(chance.choice(examples), JSON_WORDS, chance))
        except ValueError:
            continue
        thrown.inputs += 1
        yield content
