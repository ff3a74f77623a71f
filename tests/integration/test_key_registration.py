"""Register the signing key through the built-in integrations Tesla Fleet and Teslemetry."""

from collections.abc import AsyncIterator
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tesla_fleet_api.tesla import EnergySiteRouter
from tesla_fleet_api.teslemetry import Teslemetry
import voluptuous as vol

from custom_components.powerwall_gateway import config_flow, diagnostics
from custom_components.powerwall_gateway.const import CONF_CONSENT, CONF_SITE, DOMAIN
from custom_components.powerwall_gateway.gateway.signed.keys import public_part
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from simulator import Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pem

from .conftest import SetUp, state_of
from .signing import ALLOWED, Owner
from .tesla_cloud import SITE_ID, SITE_NAME, TOKEN, TeslaCloud, set_up_tesla_fleet

pytestmark = pytest.mark.usefixtures("quick_signing")

OTHER_SITE = SITE_ID + 1
AGREED = {CONF_SITE: "0", CONF_CONSENT: True}


@pytest.fixture
async def gateway(simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Start a Powerwall 3, and create keys at once: a real one takes seconds."""
    monkeypatch.setattr(config_flow, "make_key", pem)
    return await start(simulator, "pw3")


@pytest.fixture
async def cloud(gateway: Simulator) -> TeslaCloud:
    """Return Tesla's cloud, which knows the gateway."""
    cloud = TeslaCloud()
    cloud.gateways[SITE_ID] = gateway
    return cloud


@pytest.fixture
async def url(cloud: TeslaCloud) -> AsyncIterator[str]:
    """Serve Tesla's cloud."""
    async with cloud.running() as url:
        yield url


@pytest.fixture
async def account(hass: HomeAssistant, url: str, monkeypatch: pytest.MonkeyPatch) -> MockConfigEntry:
    """Set up the built-in integration Tesla Fleet."""
    return await set_up_tesla_fleet(hass, url, monkeypatch)


def sites(owner: Owner) -> list[str]:
    """Return the energy sites in the form."""
    (selector,) = [value for key, value in owner.shown["data_schema"].schema.items() if key == CONF_SITE]
    return [option["label"] for option in selector.config["options"]]


def preselected(owner: Owner) -> str | None:
    """Return the preselected site of the form."""
    (key,) = [key for key in owner.shown["data_schema"].schema if key == CONF_SITE]
    return None if key.default is vol.UNDEFINED else key.default()


async def test_key_is_registered_through_tesla_fleet(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp, cloud: TeslaCloud, account: MockConfigEntry
) -> None:
    owner = Owner(hass, await set_up(gateway, options=ALLOWED))
    await owner.open("pairing", "make_key")
    assert (owner.shown["step_id"], owner.shown["menu_options"]) == ("key_made", ["register_account", "register_key"])
    shown_again = await hass.config_entries.options.async_configure(owner.shown["flow_id"])
    assert shown_again["menu_options"] == owner.shown["menu_options"]
    await owner.submit({"next_step_id": "register_account"})
    assert (sites(owner), preselected(owner)) == ([f"{SITE_NAME} (Tesla Fleet)"], "0")
    await owner.submit({**AGREED, CONF_CONSENT: False})
    assert (owner.shown["step_id"], owner.error) == ("register_account", "consent_missing")
    assert cloud.commands == []
    await owner.submit(AGREED)
    assert (owner.shown["step_id"], owner.error) == ("check_key", None)
    (command,) = cloud.commands
    assert command["command_properties"]["message"] == {
        "authorization": {
            "add_authorized_client_request": {
                "key_type": 1,
                "public_key": public_part(pem()),
                "authorized_client_type": 1,
                "description": "Home Assistant",
            }
        }
    }
    await owner.submit({})
    assert owner.error == "key_unconfirmed"
    gateway.flip_switch()
    await owner.submit({})
    assert owner.is_done
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"
    assert len(cloud.commands) == 1


async def test_nothing_is_sent_without_the_form(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp, cloud: TeslaCloud, account: MockConfigEntry
) -> None:
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    await owner.submit({"next_step_id": "register_key"})
    await owner.submit({})
    assert (owner.shown["step_id"], owner.error) == ("check_key", "key_unknown")
    await owner.open("pairing")
    assert owner.shown["menu_options"] == ["register_account", "register_key", "known_keys", "remove_key"]
    assert cloud.commands == []


async def test_registration_requires_a_loaded_account(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp, account: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(account.entry_id)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    assert owner.shown["step_id"] == "register_key"


async def test_only_the_matching_site_is_offered(
    hass: HomeAssistant,
    gateway: Simulator,
    simulator: StartSimulator,
    set_up: SetUp,
    cloud: TeslaCloud,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud.gateways = {OTHER_SITE: await simulator("26.18", serial="TG7777777777BB"), SITE_ID: gateway}
    await set_up_tesla_fleet(hass, url, monkeypatch)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    await owner.submit({"next_step_id": "register_account"})
    assert (len(sites(owner)), preselected(owner)) == (1, "0")
    await owner.submit(AGREED)
    assert [request for request, _ in cloud.requests if "/command" in request] == [
        f"POST /api/1/energy_sites/{SITE_ID}/command"
    ]


async def test_owner_selects_a_site_that_does_not_report_its_gateway(
    hass: HomeAssistant,
    gateway: Simulator,
    set_up: SetUp,
    cloud: TeslaCloud,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud.gateways[OTHER_SITE] = gateway
    cloud.reports_gateways = False
    await set_up_tesla_fleet(hass, url, monkeypatch)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    await owner.submit({"next_step_id": "register_account"})
    assert (len(sites(owner)), preselected(owner)) == (2, None)
    await owner.submit({**AGREED, CONF_SITE: "1"})
    assert cloud.requests[-1][0] == f"POST /api/1/energy_sites/{OTHER_SITE}/command"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401}, "register_denied"),
        ({"status": 403}, "register_denied"),
        ({"status": 429}, "register_failed"),
        ({"status": 503}, "register_failed"),
        ({"is_silent": True}, "register_no_answer"),
    ],
)
async def test_failed_registration_names_the_reason_and_can_be_repeated(
    hass: HomeAssistant,
    gateway: Simulator,
    set_up: SetUp,
    cloud: TeslaCloud,
    account: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    error: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    await owner.submit({"next_step_id": "register_account"})
    shown = [owner.shown]
    vars(cloud).update(fault)
    await owner.submit(AGREED)
    assert (owner.shown["step_id"], owner.error) == ("register_account", error)
    assert bool(owner.shown["description_placeholders"].get("reason")) == (error != "register_no_answer")
    shown.append(owner.shown)
    vars(cloud).update(status=200, is_silent=False)
    await owner.submit(AGREED)
    assert (owner.shown["step_id"], owner.error) == ("check_key", None)
    shown += [owner.shown, await diagnostics.async_get_config_entry_diagnostics(hass, owner.entry)]
    texts = json.dumps(shown, default=lambda each: getattr(each, "config", None) or str(each))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(f"custom_components.{DOMAIN}")]
    for secret in (str(SITE_ID), TOKEN, gateway.din, gateway.serial, *pem().decode().splitlines()[2:-2]):
        assert secret not in texts
        assert secret not in "".join(ours)


async def test_registration_through_teslemetry_goes_to_its_cloud(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp, cloud: TeslaCloud, url: str
) -> None:
    """With a local client in front of the cloud, the registration still goes to the cloud."""
    site = Teslemetry(async_get_clientsession(hass), TOKEN, url).energySites.create(SITE_ID)
    data = {"components_battery": True, "components_gateways": [{"din": gateway.din}]}
    energy = SimpleNamespace(
        api=EnergySiteRouter(object(), site),
        info_coordinator=SimpleNamespace(data=data),
        device={"name": SITE_NAME},
    )
    entry = MockConfigEntry(domain="teslemetry")
    entry.runtime_data = SimpleNamespace(energysites=[energy])
    entry.add_to_hass(hass)
    entry.mock_state(hass, ConfigEntryState.LOADED)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    await owner.submit({"next_step_id": "register_account"})
    assert sites(owner) == [f"{SITE_NAME} (Teslemetry)"]
    await owner.submit(AGREED)
    assert (owner.shown["step_id"], owner.error) == ("check_key", None)
    ((path, body),) = cloud.requests
    assert path == f"POST /api/1/energy_sites/{SITE_ID}/command/add_authorized_client"
    assert body["public_key"] == public_part(pem())
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)


async def test_unknown_form_of_the_runtime_data_only_hides_the_registration(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    entry = MockConfigEntry(domain="teslemetry")
    entry.runtime_data = SimpleNamespace(energysites=[object()])
    entry.add_to_hass(hass)
    entry.mock_state(hass, ConfigEntryState.LOADED)
    owner = Owner(hass, await set_up(gateway))
    await owner.open("pairing", "make_key")
    assert (owner.shown["type"], owner.shown["step_id"]) == (FlowResultType.FORM, "register_key")
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)
