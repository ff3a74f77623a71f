"""The library of Powerwall-Dashboard works with the simulated gateway. It blocks, so it runs in a thread."""

import asyncio
from functools import partial
from pathlib import Path

from pypowerwall import Powerwall
import pytest

from simulator import SimulatedHome, Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pair, pem

# It checks no certificates, and its HTTP library warns at every request.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


async def connect(gateway: Simulator, folder: Path, *, authmode: str = "cookie", **options: str) -> Powerwall:
    """Log in as the owner, without a cache of responses."""
    connect = partial(
        Powerwall,
        f"{gateway.host}:{gateway.port}",
        gateway.password,
        "owner@example.com",
        "America/Los_Angeles",
        pwcacheexpire=0,
        authmode=authmode,
        cachefile=str(folder / "session.json"),
        failover=False,  # to Tesla's cloud
        **options,
    )
    return await asyncio.to_thread(connect)


@pytest.mark.parametrize("authmode", ["cookie", "token"])
@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_pypowerwall_reads_the_power(
    simulator: StartSimulator, tmp_path: Path, firmware: str, authmode: str
) -> None:
    gateway = await simulator(firmware, password="own")
    home = gateway.home
    home.advance(3600)
    powerwall = await connect(gateway, tmp_path, authmode=authmode)
    assert await asyncio.to_thread(powerwall.is_connected) is True
    power = await asyncio.to_thread(powerwall.power)
    assert power == {
        "site": pytest.approx(home.grid_power, abs=1),
        "solar": pytest.approx(home.solar_power, abs=1),
        "battery": pytest.approx(home.battery_power, abs=5),
        "load": pytest.approx(home.home_power, abs=2),
    }
    assert await asyncio.to_thread(powerwall.level) == home.charge
    assert await asyncio.to_thread(powerwall.level, scale=True) == pytest.approx((home.charge - 5) / 0.95)
    assert await asyncio.to_thread(powerwall.get_reserve) == pytest.approx((home.reserve - 5) / 0.95)
    assert await asyncio.to_thread(powerwall.get_mode) == "self_consumption"
    assert await asyncio.to_thread(powerwall.grid_status) == "UP"
    blocks = await asyncio.to_thread(powerwall.battery_blocks)
    assert sum(block["p_out"] for block in blocks.values()) == pytest.approx(power["battery"])
    home.outage()
    home.advance(10)
    assert await asyncio.to_thread(powerwall.grid_status) == "DOWN"
    assert gateway.logins == 1


async def test_pypowerwall_reads_din_and_firmware(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("21.44")
    powerwall = await connect(gateway, tmp_path)
    assert await asyncio.to_thread(powerwall.site_name) == "Home Energy Gateway"
    assert await asyncio.to_thread(powerwall.din) == gateway.din
    assert await asyncio.to_thread(powerwall.version) == "21.44 223a56cd"
    assert await asyncio.to_thread(powerwall.version, int_value=True) == 214400
    assert await asyncio.to_thread(powerwall.uptime) == "55h46m11.937911668s"


async def test_pypowerwall_reads_vitals(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("21.44")
    home = gateway.home
    home.packs[1].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    powerwall = await connect(gateway, tmp_path)
    vitals = await asyncio.to_thread(powerwall.vitals)
    station = vitals[f"STSTSM--{gateway.din}"]
    assert (station["serialNumber"], station["teslaEnergyEcuAttributes"]) == (gateway.serial, {"ecuType": 207})
    assert station["firstCommunicationTime"] < station["lastCommunicationTime"] == home.clock // 1_000_000_000
    packs = {
        serial: [vitals[f"{kind}--3012170-05-B--{serial}"] for kind in ("TETHC", "TEPOD", "TEPINV")]
        for serial in gateway.gateway.pack_serials
    }
    (thermal, pod, inverter), (_, no_pod, no_inverter) = packs.values()
    assert thermal["componentParentDin"] == f"STSTSM--{gateway.din}"
    assert pod["componentParentDin"] == inverter["componentParentDin"]
    assert pod["POD_nom_energy_remaining"] == round(home.packs[0].remaining)
    assert pod["POD_ActiveHeating"] is False
    assert inverter["PINV_Pout"] * 1000 == pytest.approx(home.battery_power, abs=5)
    assert inverter["PINV_State"] == "PINV_GridFollowing"
    assert not any(name.startswith(("POD_", "PINV_")) for name in no_pod | no_inverter)
    assert no_inverter["alerts"] == ["DisabledExcessiveVoltageDrop"]
    (board,) = (vitals[din] for din in vitals if din.startswith("TESYNC"))
    assert board["ISLAND_GridConnected"] is True
    assert board["METER_Y_CTC_InstRealPower"] * 2 == pytest.approx(home.solar_power, abs=1)
    assert set(await asyncio.to_thread(powerwall.temps)) == {din for din in vitals if din.startswith("TETHC")}
    alerts = await asyncio.to_thread(powerwall.alerts)
    assert {"SystemConnectedToGrid", "DisabledExcessiveVoltageDrop"} <= set(alerts)


async def test_pypowerwall_reads_no_vitals_on_24_36(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("24.36", password="own")
    powerwall = await connect(gateway, tmp_path)
    for _ in range(2):
        assert await asyncio.to_thread(powerwall.vitals) is None
    asked = [request.path for request in gateway.requests]
    assert asked.count("devices/vitals") == 1  # it learns that from the 404 and the version
    assert await asyncio.to_thread(powerwall.alerts) == ["SystemConnectedToGrid"]


async def test_pypowerwall_renews_a_lost_session(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("21.44")
    powerwall = await connect(gateway, tmp_path)
    assert await asyncio.to_thread(powerwall.level) == gateway.home.charge
    gateway.tokens.clear()
    assert await asyncio.to_thread(powerwall.level) == gateway.home.charge
    assert gateway.logins == 2


async def test_pypowerwall_write_of_a_customer_is_rejected(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("21.44")
    powerwall = await connect(gateway, tmp_path)
    assert await asyncio.to_thread(powerwall.set_reserve, 50) is None
    refused = gateway.requests[-1]
    assert (refused.method, refused.path, refused.authenticated) == ("POST", "operation", True)
    assert gateway.gateway.operation.reserve == gateway.home.reserve


async def test_pypowerwall_sends_signed_requests(
    simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # they override a session without certificate checks
        monkeypatch.delenv(name, raising=False)
    gateway = await start(simulator, "pw3", home=SimulatedHome(packs=3, charge=60))
    gateway.gateway.expansions = {2}
    pair(gateway)
    key = tmp_path / "key.pem"
    key.write_bytes(pem())
    powerwall = await connect(gateway, tmp_path, rsa_key_path=str(key))
    home = gateway.home
    assert await asyncio.to_thread(powerwall.level) == pytest.approx(home.charge, abs=0.1)
    assert await asyncio.to_thread(powerwall.get_mode) == "self_consumption"
    assert await asyncio.to_thread(powerwall.get_reserve) == pytest.approx((home.reserve - 5) / 0.95)
    await asyncio.to_thread(powerwall.set_reserve, 40)
    assert gateway.gateway.operation.reserve == pytest.approx(43)
    config = await asyncio.to_thread(powerwall.tedapi.get_config, force=True)
    assert [block["type"] for block in config["battery_blocks"]] == ["Powerwall3", "Powerwall3Follower"]
    assert await asyncio.to_thread(powerwall.vitals)
