"""Signed requests against the simulated gateway."""

import asyncio
from collections.abc import Callable
import logging
import threading
from time import time

from aiohttp import ClientSession, ClientTimeout
from aiopowerwall import PowerwallClient, PowerwallConnectionError, transport
from cryptography.hazmat.primitives.asymmetric import rsa
import pytest
from tesla_protocol.energy_device.signed_message_pb2 import RoutableMessage

from custom_components.powerwall_gateway.gateway import (
    GatewayCertificateError,
    GatewayClockError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayResponseError,
    GatewayTimeoutError,
    KeyProblem,
)
from custom_components.powerwall_gateway.gateway.models import PV_STRINGS, ExportRule, OperationMode, PvString
from custom_components.powerwall_gateway.gateway.scheduler import Priority
from custom_components.powerwall_gateway.gateway.signed.client import PATH
from simulator import SimulatedHome, Simulator
from tests.client.expected_errors import raises_login_stops
from tests.client.signing import DIN, Sign, powerwall_of, verified
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.signing_keys import pair, pem, public_key


@pytest.fixture(params=["pw3"])
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests."""
    return await start(simulator, request.param)


async def test_signed_client_reads_and_writes(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    assert verified(signed) is None
    config = await signed.config()
    assert (config.operation.operation_mode, config.operation.backup_reserve_percent) == (
        OperationMode.SELF_CONSUMPTION,
        24,
    )
    assert verified(signed) is True
    await signed.write(
        {
            "default_real_mode": "backup",
            "site_info.customer_preferred_export_rule": "pv_only",
            "site_info.disallow_charge_from_grid_with_solar_installed": True,
        }
    )
    config = await signed.config()
    assert config.site_info
    assert config.default_real_mode is OperationMode.BACKUP
    assert config.site_info.export_rule is ExportRule.SOLAR
    assert config.site_info.grid_charging_disallowed is True
    assert gateway.home.mode == "backup"


async def test_signed_client_reads_the_firmware(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    assert await signed.check_key()
    assert signed.firmware == gateway.gateway.nameplate.version.split()[0]


async def test_check_key_sends_nothing_after_an_accepted_request(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.check_key()
    await signed.check_key()
    assert request_count(gateway, PATH) == 2
    await signed.config()
    await signed.check_key()
    assert request_count(gateway, PATH) == 3
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(GatewayKeyError):
        await signed.check_key()


async def test_signed_client_reads_the_powerwalls(simulator: StartSimulator, sign: Sign) -> None:
    gateway = await start(simulator, "pw3", home=SimulatedHome(packs=3, charge=60))
    gateway.gateway.expansions = {3}
    leader, follower, expansion = gateway.home.packs
    leader.remaining, expansion.remaining = 6000.0, 9000.0
    follower.disabled_reasons = ["DisabledExcessiveVoltageDrop"]
    pair(gateway)
    signed = await sign(gateway)
    serials = gateway.gateway.pack_serials
    assert serials[0] == gateway.serial

    controller = await signed.controller()
    assert [block.serial_number for block in controller.battery_blocks] == serials[:2]
    assert [block.disabled_reasons for block in controller.battery_blocks] == [(), ("DisabledExcessiveVoltageDrop",)]
    assert controller.alerts == ("FWUpdateSucceeded", "SystemConnectedToGrid")

    components, config = await signed.components(), await signed.config()
    # Nothing is reported about the follower.
    first, second = components.battery_blocks(controller, config.expansions)
    assert config.vin == gateway.din
    assert config.expansions == {serials[2]}
    assert [(block.serial_number, block.part_number) for block in (first, second)] == [
        (gateway.serial, "1707000-11-L"),
        (serials[2], "1807000-10-B"),
    ]
    assert (first.nominal_energy_remaining, second.nominal_energy_remaining) == (6000, 9000)
    assert (first.voltage, first.frequency) == (round(gateway.home.voltage, 1), gateway.home.frequency)
    assert (second.voltage, second.frequency) == (None, None)
    assert controller.nominal_energy_remaining == 6000 + 9000
    assert controller.nominal_full_pack_energy == pytest.approx(
        sum(block.nominal_full_pack_energy or 0 for block in (first, second))
    )


async def test_signed_client_reads_the_strings(gateway: Simulator, sign: Sign) -> None:
    gateway.gateway.wired_strings = "ABD"
    gateway.home.solar_power = 3000.0
    pair(gateway)
    signed = await sign(gateway)

    components = await signed.components()
    assert components.strings_of("TG1250620009ZZ") is None
    strings = dict(zip(PV_STRINGS, components.strings_of(gateway.serial) or (), strict=True))
    assert [letter for letter, string in strings.items() if string.connected] == ["A", "B", "D"]
    assert (strings["A"].voltage, strings["A"].current, strings["A"].state) == (260, 3.85, "Pv_Active")
    assert [string.power for string in strings.values()] == [1001.0, 1001.0, 0.0, 1000.6, 0.0, 0.0]
    assert strings["F"].state == "Pv_Active_Parallel"

    gateway.home.solar_power = 0.0
    strings_at_night = (await signed.components()).strings_of(gateway.serial) or ()
    assert {(string.connected, string.power, string.state) for string in strings_at_night} == {
        (False, 0.0, "Pv_Standby")
    }

    gateway.gateway.wired_strings = None
    assert (await signed.components()).strings_of(gateway.serial) == (PvString(),) * 6


async def test_signed_client_schedules_and_cancels_a_full_backup(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed, event = await sign(gateway), gateway.gateway.full_backup
    for seconds in (3600, 7200):  # the second one replaces the first
        await signed.schedule_full_backup(seconds)
        until = (await signed.full_backup()).until
        assert until
        assert abs(until.timestamp() - time() - seconds) < 60
    event.start = 1_700_000_000
    assert (await signed.full_backup()).until is None  # it is over, and still listed
    event.start, event.duration = 2**62, 2**31
    with pytest.raises(GatewayInvalidResponseError):
        await signed.full_backup()
    await signed.cancel_full_backup()
    assert (await signed.full_backup()).until is None
    event.follows = "unsupported"
    for request in (signed.full_backup(), signed.schedule_full_backup(3600)):
        with pytest.raises(GatewayNotFoundError):
            await request
    assert verified(signed)


async def test_signed_client_uses_the_session(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await powerwall_of(signed).login()
    for _ in range(2):
        await signed.config()
    assert (gateway.logins, request_count(gateway, DIN)) == (1, 1)
    gateway.tokens.clear()
    await signed.config()
    assert gateway.logins == 1


async def test_signed_client_does_not_log_in_if_that_stops(simulator: StartSimulator, sign: Sign) -> None:
    gateway = await simulator("1.50.1")
    gateway.faults.add(DIN, status=403)
    with raises_login_stops():
        await (await sign(gateway)).config()
    assert (gateway.logins, gateway.stopped_seconds) == (0, 0.0)


async def test_signed_client_raises_login_error(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    with pytest.raises(GatewayLoginError):
        await (await sign(gateway, password="wrong")).config()


async def test_signed_request_on_old_firmware_raises_not_found(simulator: StartSimulator, sign: Sign) -> None:
    signed = await sign(await simulator("21.44"))
    with pytest.raises(GatewayNotFoundError):
        await signed.config()
    assert verified(signed) is None
    assert not powerwall_of(signed).capabilities.has(DIN)


@pytest.mark.parametrize("ahead", [60.0, -600.0])
async def test_different_clocks_raise_clock_error(gateway: Simulator, sign: Sign, ahead: float) -> None:
    pair(gateway)
    gateway.gateway.clock_ahead = ahead
    signed = await sign(gateway)
    with pytest.raises(GatewayClockError):
        await signed.config()
    assert verified(signed) is None
    gateway.gateway.clock_ahead = 0
    assert await signed.config()


async def test_expired_signature_is_renewed(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    gateway.gateway.clock_ahead = 60.0

    def come_to_its_senses(step: str, _: object) -> None:
        if step == "acted" and request_count(gateway, PATH) == 1:
            gateway.gateway.clock_ahead = 0.0

    gateway.server.observer = come_to_its_senses
    assert await signed.config()
    assert request_count(gateway, PATH) == 2


async def test_signed_request_to_another_gateway_raises(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.config()
    gateway.serial = "TG9999999999ZZ"
    with pytest.raises(GatewayKeyError) as refused:
        await signed.config()
    assert refused.value.problem is KeyProblem.BAD_SIGNATURE
    assert await signed.config()


@pytest.mark.parametrize(
    ("status", "error"), [(429, GatewayRateLimitError), (503, GatewayRateLimitError), (404, GatewayNotFoundError)]
)
async def test_signed_request_raises_the_exception_of_each_status(
    gateway: Simulator, sign: Sign, status: int, error: type[GatewayError]
) -> None:
    pair(gateway)
    signed = await sign(gateway)
    gateway.faults.add(PATH, status=status, retry_after=7 if status != 404 else None)
    with pytest.raises(error) as raised:
        await signed.config()
    if isinstance(raised.value, GatewayRateLimitError):
        assert raised.value.retry_after == 7
    gateway.faults.clear()
    assert await signed.config()


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"\x1f\x8bno"])
async def test_signed_request_rejects_a_malformed_response(gateway: Simulator, sign: Sign, body: bytes) -> None:
    pair(gateway)
    signed = await sign(gateway)
    gateway.faults.add(PATH, status=200, body=body)
    with pytest.raises(GatewayResponseError):
        await signed.config()


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"\x1f\x8bno"])
async def test_signed_request_rejects_an_invalid_din(gateway: Simulator, sign: Sign, body: bytes) -> None:
    pair(gateway)
    signed = await sign(gateway)
    gateway.faults.add(DIN, status=200, body=body, times=1)
    with pytest.raises(GatewayInvalidResponseError):
        await signed.config()
    assert await signed.config()


async def test_signing_library_logs_no_secret(gateway: Simulator, sign: Sign, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pair(gateway)
    signed = await sign(gateway)
    await signed.island(off_grid=True)
    gateway.faults.add(PATH, status=200, body=RoutableMessage(uuid=gateway.din.encode()).SerializeToString())
    with pytest.raises(GatewayResponseError):
        await signed.config()
    assert "aiopowerwall" not in {record.name.partition(".")[0] for record in caplog.records}
    gateway.faults.clear()
    async with PowerwallClient(host="127.0.0.1:1", gateway_password="", rsa_private_key_pem=pem()) as others:
        others._din = gateway.din
        with pytest.raises(PowerwallConnectionError):
            await others.set_island_mode(off_grid=True)
    assert "aiopowerwall" in {record.name.partition(".")[0] for record in caplog.records}


async def test_signed_request_without_a_response_raises(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    connection = powerwall_of(signed).connection
    gateway.faults.add(PATH, delay=30.0)
    limit, connection._timeout = connection._timeout, ClientTimeout(total=0.1)
    with pytest.raises(GatewayTimeoutError):
        await signed.config()
    connection._timeout = limit
    gateway.faults.clear()
    gateway.faults.add(PATH, drop=True)
    with pytest.raises(GatewayConnectionError):
        await signed.config()


async def test_signed_request_with_another_certificate_sends_nothing(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.config()
    async with gateway.unreachable():
        gateway.renew_certificate()
    before = len(gateway.requests)
    with pytest.raises(GatewayCertificateError):
        await signed.config()
    assert len(gateway.requests) == before


async def test_signed_requests_are_scheduled_and_counted(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.check_key()
    gateway.latency = 0.05
    connection = powerwall_of(signed).connection
    cadence = connection.scheduler.add_schedule(Priority.SETTINGS, 60.0)
    with cadence.round():
        await signed.config()
    assert cadence.cost >= 0.05
    assert connection.stats[PATH].requests == 2


async def test_signed_requests_wait_for_their_turn(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.check_key()
    under_way = 0
    most = 0

    def count(step: str, _: object) -> None:
        nonlocal under_way, most
        under_way += 1 if step == "sent" else -1
        most = max(most, under_way)

    gateway.server.observer = count
    gateway.latency = 0.01
    await asyncio.gather(*(ask() for ask in (signed.config, powerwall_of(signed).soe) for _ in range(3)))
    assert (most, under_way) == (1, 0)


async def test_signing_runs_in_another_thread(gateway: Simulator, sign: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
    pair(gateway)
    threads: list[threading.Thread] = []

    def noting[**P, T](work: Callable[P, T]) -> Callable[P, T]:
        def note(*args: P.args, **kwargs: P.kwargs) -> T:
            threads.append(threading.current_thread())
            return work(*args, **kwargs)

        return note

    monkeypatch.setattr(transport.V1rTransport, "_sign", noting(transport.V1rTransport._sign))
    loaded = noting(transport.V1rTransport._load_private_key)
    monkeypatch.setattr(transport.V1rTransport, "_load_private_key", staticmethod(loaded))
    await (await sign(gateway)).config()
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_close_during_signing_ends_the_request(
    gateway: Simulator, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(gateway)
    signed = await sign(gateway)
    signing, closed = threading.Event(), threading.Event()
    signature_of = transport.V1rTransport._sign

    def wait_and_sign(self: transport.V1rTransport, payload: bytes) -> bytes:
        signing.set()
        closed.wait(20)
        return signature_of(self, payload)

    monkeypatch.setattr(transport.V1rTransport, "_sign", wait_and_sign)
    asking = asyncio.create_task(signed.config())
    await asyncio.to_thread(signing.wait, 20)
    await signed.close()
    closed.set()
    with pytest.raises(GatewayConnectionError):
        await asking


async def test_close_during_opening_ends_the_request(
    gateway: Simulator, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(gateway)
    signed = await sign(gateway)
    loading, closed = threading.Event(), threading.Event()
    load = transport.V1rTransport._load_private_key
    sessions: list[ClientSession] = []
    connection = powerwall_of(signed).connection
    open_session_for_library = connection.open_library_session

    def wait_and_load(key: bytes) -> rsa.RSAPrivateKey:
        loading.set()
        closed.wait(20)
        return load(key)

    def note_session() -> ClientSession:
        sessions.append(open_session_for_library())
        return sessions[-1]

    monkeypatch.setattr(transport.V1rTransport, "_load_private_key", staticmethod(wait_and_load))
    monkeypatch.setattr(connection, "open_library_session", note_session)
    asking = asyncio.create_task(signed.config())
    await asyncio.to_thread(loading.wait, 20)
    await signed.close()
    closed.set()
    with pytest.raises(GatewayConnectionError):
        await asking
    assert [session.closed for session in sessions] == [True]
    with pytest.raises(GatewayConnectionError):
        await signed.config()
    assert all(session.closed for session in sessions)
