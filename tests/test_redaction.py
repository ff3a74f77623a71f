"""What says whose a system is, taken out of everything a gateway answers."""

import json
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
from custom_components.powerwall_gateway.redaction import Redactor
from custom_components.powerwall_gateway.services.look import PATHS
from tests.conftest import StartSimulator
from tests.simulator import Simulator
from tests.simulator.firmware import PROFILES
from tests.simulator.gateway.ct_meters import SHORT_ID

_OWN = {"password": "the owner's own"}
PASSWORDS: dict[str, dict[str, Any]] = {"24.36": _OWN, "26.18": _OWN}
"""From 24.36 on the one it comes with is refused."""

PEOPLES = (
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
"""What the simulated gateways tell of their owners and installers, but for what is beneath."""

WORDS = ('"Home"',)
"""The Wi-Fi's name, which is part of other texts."""


async def answers_of(simulator: Simulator) -> dict[str, Any]:
    """Ask a gateway for everything that may be asked, with a login."""
    async with open_session() as session:
        connection = await find(session, Address.parse(f"{simulator.host}:{simulator.port}"))
        gateway = PowerwallGateway(connection, Credentials(password=simulator.password))
        await gateway.login(although_it_stops=True)
        simulator.running = True
        answers: dict[str, Any] = {}
        for path in PATHS:
            try:
                answers[path] = await gateway.get(path)
            except GatewayError:
                continue
        return answers


def secrets_of(simulator: Simulator) -> list[str]:
    """Give all that must not be seen of a gateway."""
    gateway = simulator.gateway
    own = [gateway.serial, gateway.din, gateway.meter_serial, *gateway.pack_serials]
    return [*own, simulator.password, *simulator.tokens, *PEOPLES, *WORDS]


def texts_of(value: Any) -> str:
    """Give a JSON value as it is printed."""
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("firmware", PROFILES)
async def test_nobody_is_recognised_by_any_answer(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware, **PASSWORDS.get(firmware, {}))
    gateway.gateway.wifi_scan.start(0)
    gateway.gateway.wifi_scan.seconds = 1e-9
    gateway.house.outage()
    gateway.house.advance(5)
    answers = await answers_of(gateway)
    assert len(answers) >= (3 if firmware == "pw3" else 20)
    for path, answer in answers.items():
        redacted = texts_of(Redactor().redact(answer))
        for secret in secrets_of(gateway):
            # The list of all installers is anybody's.
            if (path, secret) != ("installer/companies", "Tesla Timbuktu"):
                assert secret not in redacted, f"{secret} in {path}"


async def test_there_was_something_to_take_out(simulator: StartSimulator) -> None:
    seen = ""
    secrets: set[str] = set()
    for firmware in ("1.15.0", "21.44"):
        gateway = await simulator(firmware)
        gateway.gateway.wifi_scan.start(0)
        gateway.gateway.wifi_scan.seconds = 1e-9
        seen += texts_of(await answers_of(gateway))
        secrets |= {*secrets_of(gateway)} - {gateway.password, *gateway.tokens}
    assert {secret for secret in secrets if secret not in seen} == set()
