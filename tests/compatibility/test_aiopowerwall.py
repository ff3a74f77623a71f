"""Teslemetry's client for signed requests works with the simulated gateway."""

from collections.abc import AsyncIterator, Callable
import gzip
import json

from aiohttp import ClientSession
from aiopowerwall import (
    PowerwallAuthenticationError,
    PowerwallClient,
    PowerwallFaultError,
    PowerwallProtocolError,
    PowerwallRateLimitError,
    battery_level_raw,
    current_power,
)
from aiopowerwall.transport import V1rTransport
import pytest
from tesla_protocol.energy_device.filestore_api_pb2 import FILE_STORE_API_DOMAIN_CONFIG_JSON
from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

from simulator import Simulator
from simulator.gateway.keys import WINDOW_SECONDS
from tests.client.plain_http import Browser
from tests.conftest import StartSimulator
from tests.signing_keys import SIGNED, pair, pem, public_key

OWN_PASSWORD = "12345"
"""The client logs in with the last five characters of its argument."""

type Client = Callable[..., PowerwallClient]


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests."""
    return await simulator(request.param, password=OWN_PASSWORD)


@pytest.fixture
async def client(gateway: Simulator) -> AsyncIterator[Client]:
    """Make clients, each with a key of its own by number."""
    async with ClientSession() as session:

        def client(number: int = 0) -> PowerwallClient:
            return PowerwallClient(
                host=f"{gateway.host}:{gateway.port}",
                gateway_password=f"ABCDE{OWN_PASSWORD}",
                rsa_private_key_pem=pem(number),
                session=session,
            )

        yield client


async def test_aiopowerwall_reads_and_writes_mode_and_reserve(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    powerwall = client()
    assert await powerwall.connect() == gateway.din
    config = await powerwall.get_config()
    assert (config["default_real_mode"], config["site_info"]["backup_reserve_percent"]) == ("self_consumption", 24)
    await powerwall.set_backup_reserve(30)
    await powerwall.set_operation_mode("autonomous")
    assert (gateway.home.mode, gateway.home.reserve) == ("autonomous", 33.5)
    assert (await powerwall.get_config())["site_info"]["backup_reserve_percent"] == 33.5


async def test_written_mode_is_only_stored_by_some_firmware(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    gateway.gateway.follows_config = False
    await client().set_operation_mode("backup")
    assert (await client().get_config())["default_real_mode"] == "backup"
    assert gateway.home.mode == "self_consumption"


async def test_false_setting_is_removed_from_the_file(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    powerwall = client()
    flag = "disallow_charge_from_grid_with_solar_installed"
    await powerwall.set_grid_import_export(
        customer_preferred_export_rule="pv_only", disallow_charge_from_grid_with_solar_installed=True
    )
    site_info = (await powerwall.get_config())["site_info"]
    assert (site_info["customer_preferred_export_rule"], site_info[flag]) == ("pv_only", True)
    await powerwall.set_grid_charging(True)
    assert flag not in (await powerwall.get_config())["site_info"]


async def test_firmware_details_have_din_and_version(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    system = (await client().get_firmware_details())["system"]
    assert system["gateway"]["serialNumber"] == gateway.serial
    assert system["version"]["text"] == gateway.gateway.nameplate.version


async def test_status_has_the_battery(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    status = await client().get_status()
    assert battery_level_raw(status) == pytest.approx(gateway.home.charge, abs=0.1)
    assert current_power(status)["LOAD"] == pytest.approx(gateway.home.home_power)


async def test_registered_keys_are_listed(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    gateway.gateway.keyring.register(public_key(1))
    clients = (await client().list_authorized_clients())["clients"]
    assert [entry["state"] for entry in clients] == ["VERIFIED", "PENDING_VERIFICATION"]


async def test_unregistered_key_is_rejected(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    with pytest.raises(PowerwallAuthenticationError, match="UNKNOWN_KEY_ID"):
        await client(1).get_config()


async def test_key_is_rejected_until_it_is_confirmed(gateway: Simulator, client: Client) -> None:
    gateway.gateway.keyring.register(public_key())
    with pytest.raises(PowerwallAuthenticationError, match="not verified"):
        await client().get_config()
    gateway.flip_switch()
    assert await client().get_config()


async def test_unconfirmed_key_expires_after_ten_minutes(gateway: Simulator, client: Client) -> None:
    now = 0.0
    keyring = gateway.gateway.keyring
    keyring.clock = lambda: now
    keyring.register(public_key())
    now += WINDOW_SECONDS
    gateway.flip_switch()
    with pytest.raises(PowerwallAuthenticationError, match="not verified"):
        await client().get_config()
    keyring.register(public_key())
    gateway.flip_switch()
    now += WINDOW_SECONDS
    assert await client().get_config()


async def test_removed_key_is_rejected(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(PowerwallAuthenticationError, match="UNKNOWN_KEY_ID"):
        await client().get_config()


@pytest.mark.parametrize(("ahead", "fault"), [(60.0, "TIME_EXPIRED"), (-600.0, "TIME_TO_LIVE_TOO_LONG")])
async def test_signature_expires(gateway: Simulator, client: Client, ahead: float, fault: str) -> None:
    pair(gateway)
    gateway.gateway.clock_ahead = ahead
    with pytest.raises(PowerwallFaultError, match=fault):
        await client().get_config()


async def test_signature_for_another_gateway_is_rejected(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    powerwall = client()
    await powerwall.connect()
    gateway.serial = "TG9999999999ZZ"
    with pytest.raises(PowerwallFaultError, match="INVALID_SIGNATURE"):
        await powerwall.get_config()


@pytest.mark.parametrize("status", [429, 503])
async def test_too_many_requests_raise_rate_limit_error(gateway: Simulator, client: Client, status: int) -> None:
    pair(gateway)
    gateway.faults.add("/tedapi/v1r", status=status)
    with pytest.raises(PowerwallRateLimitError):
        await client().get_config()


async def test_write_after_an_unread_change_is_rejected(
    gateway: Simulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(gateway)
    powerwall = client()
    read = powerwall._read_filestore

    async def read_and_lose_time(din: str, name: str) -> tuple[bytes, bytes]:
        seen = await read(din, name)
        gateway.gateway.operation.reserve = 50
        return seen

    monkeypatch.setattr(powerwall, "_read_filestore", read_and_lose_time)
    with pytest.raises(PowerwallProtocolError):
        await powerwall.set_backup_reserve(30)
    assert gateway.gateway.operation.reserve == 50


async def test_responses_are_compressed(gateway: Simulator) -> None:
    async with Browser(gateway) as browser:
        await browser.login()
        seen = await browser.get("/tedapi/din")
    assert gzip.decompress(seen.body).decode() == gateway.din
    assert "Content-Encoding" not in seen.headers


async def test_leader_responds_for_its_followers(gateway: Simulator) -> None:
    pair(gateway)
    asked = MessageEnvelope()
    asked.recipient.din = "1707000-11-L--TG1250620009ZZ"
    asked.filestore.read_file_request.domain = FILE_STORE_API_DOMAIN_CONFIG_JSON
    asked.filestore.read_file_request.name = "config.json"
    async with ClientSession() as session:
        transport = V1rTransport(f"{gateway.host}:{gateway.port}", OWN_PASSWORD, pem(), session=session)
        response = MessageEnvelope.FromString(await transport.post_v1r(asked.SerializeToString(), gateway.din))
    assert response.sender.din == gateway.din
    assert json.loads(response.filestore.read_file_response.file.blob)["vin"] == gateway.din


async def test_full_backup_is_scheduled_and_canceled_or_said_to_be_missing(gateway: Simulator, client: Client) -> None:
    pair(gateway)
    powerwall = client()
    await powerwall.schedule_max_backup(3600)
    assert (await powerwall.get_backup_events())["manual_backup"]
    await powerwall.cancel_max_backup()
    assert not (await powerwall.get_backup_events())["manual_backup"]
    gateway.gateway.full_backup.follows = "unsupported"
    with pytest.raises(PowerwallProtocolError):
        await powerwall.get_backup_events()
