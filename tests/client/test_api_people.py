"""The owner, what they agreed to, and the installer."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayConnectionError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    PowerwallGateway,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.models import (
    Customer,
    CustomerRegistration,
    Installer,
    InstallerCompany,
)
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


async def test_the_owner_on_1_15_has_an_address_that_is_never_shown(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    address = {"city": "New York", "state": "New York ", "zip": "10010", "country": "US"}
    consents = {"registered": True, "privacy_notice": True, "emailed_registration": True}
    gateway.faults.add("customer", status=200, body={**address, **consents})
    customer = await (await client(gateway, password=None)).call(endpoints.CUSTOMER)
    assert customer == Customer(
        city="New York",
        state="New York",
        zip_code="10010",
        country="US",
        registered=True,
        privacy_notice=True,
        emailed_registration=True,
    )
    assert "New York" not in repr(customer)
    assert "10010" not in repr(customer)


async def test_the_owner_on_later_firmware_has_consents(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    consents = {"marketing": True, "privacy_notice": True, "grid_services": False, "limited_warranty": True}
    gateway.overrides["customer"] = {"registered": True, **consents}
    powerwall = await client(gateway)
    assert await powerwall.call(endpoints.CUSTOMER) == Customer(
        registered=True, marketing=True, privacy_notice=True, grid_services=False, limited_warranty=True
    )
    gateway.overrides["customer"] = {"registered": True}
    assert await powerwall.call(endpoints.CUSTOMER) == Customer(registered=True)


@pytest.mark.parametrize("word", [True, False, None])
@pytest.mark.parametrize("key", ["privacy_notice", "limited_warranty", "grid_services", "marketing"])
async def test_every_consent_is_a_yes_a_no_or_none(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture, key: str, word: bool | None
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["customer/registration"] = {key: word, "registered": True, "timed_out_registration": False}
    registration = await (await client(gateway, password=None)).customer_registration()
    assert getattr(registration, key) is word
    assert (registration.registered, registration.timed_out_registration) == (True, False)
    assert registration.skipped_registration is None
    assert not [record for record in caplog.records if record.name.startswith("custom_components")]


async def test_the_registration_of_the_seed(simulator: StartSimulator, client: Client) -> None:
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


# -- what the owner says -----------------------------------------------------------------------------------------------


async def test_all_four_consents_are_sent(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    answer: dict[str, Any] = {"marketing": False, "privacy_notice": True}
    gateway.faults.add("customer/registration/legal", status=200, body=answer)
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
async def test_an_empty_answer_is_one_too(simulator: StartSimulator, client: Client, path: str) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=202)
    assert await SENDS[path](await client(gateway)) is None
    assert (gateway.requests[-1].method, gateway.requests[-1].path) == ("POST", path)


@pytest.mark.parametrize("path", ["customer/registration/skip", "customer/registration/emailed"])
async def test_what_needs_no_words_has_none(simulator: StartSimulator, client: Client, path: str) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=204)
    await SENDS[path](await client(gateway))
    assert gateway.requests[-1].body == b""


@pytest.mark.parametrize("path", SENDS)
async def test_an_effect_is_sent_once_whatever_becomes_of_its_answer(
    simulator: StartSimulator, client: Client, path: str
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.call(endpoints.CUSTOMER)
    gateway.faults.add(path, drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await SENDS[path](powerwall)
    assert [request.path for request in gateway.requests].count(path) == 1


@pytest.mark.parametrize("path", SENDS)
@pytest.mark.parametrize("body", [b"<html></html>", b'{"cut": ', b"\xff\xfe"])
async def test_junk_in_answer_to_an_effect(simulator: StartSimulator, client: Client, path: str, body: bytes) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError):
        await SENDS[path](await client(gateway))


@pytest.mark.parametrize("path", ["customer/registration/skip", "customer/registration/emailed"])
async def test_later_firmware_knows_no_skipping(simulator: StartSimulator, client: Client, path: str) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayNotFoundError):
        await SENDS[path](await client(gateway))


# -- the installer -----------------------------------------------------------------------------------------------------


async def test_the_installer_keeps_phone_and_mail_to_itself(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    body = {"company": "Tesla Orange County", "customer_id": "1234567", "phone": "1231234567", "email": "a@example.com"}
    gateway.faults.add("installer", status=200, body=body | {"run_sitemaster": True})
    installer = await (await client(gateway, password=None)).call(endpoints.INSTALLER)
    assert (installer.company, installer.run_sitemaster) == ("Tesla Orange County", True)
    assert (installer.customer_id, installer.phone, installer.email) == ("1234567", "1231234567", "a@example.com")
    for personal in ("1234567", "1231234567", "a@example.com"):
        assert personal not in repr(installer)


@pytest.mark.parametrize("running", [True, False])
async def test_the_installation_of_firmware_21(simulator: StartSimulator, client: Client, running: bool) -> None:
    gateway = await simulator("21.44")
    gateway.running = running
    installer = await (await client(gateway)).call(endpoints.INSTALLER)
    assert installer.run_sitemaster is (True if running else None)
    assert (installer.location, installer.mounting, installer.wiring) == ("Outdoor", "Floor", "Side")
    assert installer.installation_types == ("Residential",)
    assert installer != Installer(run_sitemaster=installer.run_sitemaster)


async def test_thousands_of_companies(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    companies = [{"company": f"Énergie {number}", "customer_id": f"AN-{number:07}"} for number in range(4676)]
    gateway.faults.add("installer/companies", status=200, body=[*companies, {"company": "K", "country": "NZ"}, None])
    read = await (await client(gateway, password=None)).call(endpoints.INSTALLER_COMPANIES)
    assert len(read) == 4677
    assert read[59] == InstallerCompany(company="Énergie 59", customer_id="AN-0000059")
    assert read[-1] == InstallerCompany(company="K", country="NZ")
