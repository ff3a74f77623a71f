"""Endpoints of the owner, the registration, and the installer."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    PowerwallGateway,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.models import CustomerRegistration
from tests.client.conftest import Client
from tests.conftest import StartSimulator


async def legal(powerwall: PowerwallGateway) -> object:
    """Set the consents."""
    consents = {"marketing": False, "privacy_notice": True, "limited_warranty": True, "grid_services": None}
    return await powerwall.call(endpoints.CUSTOMER_REGISTRATION_LEGAL, consents)


SENDS: dict[str, Callable[[PowerwallGateway], Awaitable[object]]] = {
    "customer/registration/legal": legal,
    "customer/registration/skip": lambda powerwall: powerwall.call(endpoints.CUSTOMER_REGISTRATION_SKIP),
    "customer/registration/emailed": lambda powerwall: powerwall.call(endpoints.CUSTOMER_REGISTRATION_EMAILED),
}


# -- the owner ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firmware", "body"),
    [
        (
            "1.15.0",
            {"city": "New York", "state": "New York ", "zip": "10010-2841", "country": "US", "registered": True},
        ),
        ("21.44", {"registered": True, "marketing": True, "privacy_notice": True, "grid_services": False}),
        ("24.36", {"registered": True}),
    ],
)
async def test_owner_is_decoded(simulator: StartSimulator, client: Client, firmware: str, body: dict[str, Any]) -> None:
    gateway = await simulator(firmware)
    gateway.faults.add("customer", status=200, body=body)
    assert await (await client(gateway)).call(endpoints.CUSTOMER) == body


@pytest.mark.parametrize("word", [True, False, None])
@pytest.mark.parametrize("key", ["privacy_notice", "limited_warranty", "grid_services", "marketing"])
async def test_consents_are_true_false_or_none(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture, key: str, word: bool | None
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["customer/registration"] = {key: word, "registered": True, "timed_out_registration": False}
    registration = await (await client(gateway, password=None)).customer_registration()
    assert getattr(registration, key) is word
    assert (registration.registered, registration.timed_out_registration) == (True, False)
    assert registration.skipped_registration is None
    assert not [record for record in caplog.records if record.name.startswith("custom_components")]


async def test_registration_of_1_15_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    registration = await (await client(gateway, password=None)).customer_registration()
    assert registration == CustomerRegistration(
        privacy_notice=True,
        limited_warranty=True,
        registered=True,
        emailed_registration=True,
        skipped_registration=False,
        timed_out_registration=False,
    )


# -- consents ----------------------------------------------------------------------------------------------------------


async def test_registration_sends_all_consents(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    response: dict[str, Any] = {"marketing": False, "privacy_notice": True}
    gateway.faults.add("customer/registration/legal", status=200, body=response)
    registration = await legal(await client(gateway))
    arrived = gateway.requests[-1]
    assert (arrived.method, arrived.path) == ("POST", "customer/registration/legal")
    assert orjson.loads(arrived.body) == {
        "marketing": False,
        "privacy_notice": True,
        "limited_warranty": True,
        "grid_services": None,
    }
    assert registration == CustomerRegistration(marketing=False, privacy_notice=True)


@pytest.mark.parametrize("path", SENDS)
async def test_registration_without_a_body_returns_none(simulator: StartSimulator, client: Client, path: str) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=202)
    assert await SENDS[path](await client(gateway)) is None
    assert (gateway.requests[-1].method, gateway.requests[-1].path) == ("POST", path)


# -- the installer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False])
async def test_installer_of_firmware_21_is_decoded(simulator: StartSimulator, client: Client, running: bool) -> None:
    gateway = await simulator("21.44")
    gateway.running = running
    installer = await (await client(gateway)).call(endpoints.INSTALLER)
    assert installer.get("run_sitemaster") is (True if running else None)
    assert (installer["location"], installer["mounting"], installer["wiring"]) == ("Outdoor", "Floor", "Side")
    assert installer["installation_types"] == ["Residential"]


async def test_installer_companies_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    companies = [{"company": f"Énergie {number}", "customer_id": f"AN-{number:07}"} for number in range(4676)]
    gateway.faults.add("installer/companies", status=200, body=companies)
    assert await (await client(gateway, password=None)).call(endpoints.INSTALLER_COMPANIES) == companies
