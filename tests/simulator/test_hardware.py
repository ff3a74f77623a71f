"""Optional hardware of the simulated gateway: a Powerwall+, a generator, Ethernet."""

from datetime import datetime
import math
from typing import Any

import pytest

from simulator import PROFILES, SimulatedHome, Simulator, protobuf
from simulator.home import LOS_ANGELES
from tests.client.conftest import Client
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator

PLUS = ["21.44", "24.36"]
NIGHT = datetime(2026, 6, 22, 1, 0, tzinfo=LOS_ANGELES)


async def log_in(gateway: Simulator, browser: Browser) -> None:
    """Log in to a Powerwall that runs, whatever the login did to it."""
    await browser.login()
    gateway.running = True


async def aggregates(browser: Browser) -> Any:
    """Read the meters."""
    return (await browser.get("meters/aggregates")).json


# -- Powerwall+ --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", PLUS)
@pytest.mark.parametrize("hours", [0, 3, 6])
async def test_string_powers_add_up_to_the_solar_power(
    simulator: StartSimulator, client: Client, firmware: str, hours: int
) -> None:
    gateway = await start(simulator, firmware, powerwall_plus=True)
    gateway.home.advance(hours * 3600)
    powerwall = await client(gateway)
    plus, meters = await powerwall.solar_powerwall(), await powerwall.meters_aggregates()
    assert plus.pvac_status is not None
    assert plus.pvac_status.strings is not None
    strings = plus.pvac_status.strings
    assert [string.string_id for string in strings] == [1, 2, 3, 4]
    assert meters.solar is not None
    assert sum(string.power or 0 for string in strings) == meters.solar.instant_power == plus.pvac_status.power
    assert meters.solar.instant_power == pytest.approx(gateway.home.solar_power, abs=1)
    for string in strings:
        assert string.voltage is not None
        assert string.current is not None
        assert string.connected is (string.voltage > 200)
        assert string.voltage * string.current == pytest.approx(string.power, abs=2)
    assert plus.pvac_status.current == pytest.approx((plus.pvac_status.power or 0) / gateway.home.voltage, abs=0.1)
    assert plus.pvs_alerts == ("PVS_a018_MciStringB",)  # nothing is wired to the second


@pytest.mark.parametrize("firmware", PLUS)
async def test_strings_have_no_power_at_night(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await start(simulator, firmware, home=SimulatedHome(NIGHT, powerwall_plus=True))
    status = (await (await client(gateway)).solar_powerwall()).pvac_status
    assert status is not None
    assert status.power is not None
    assert -10 < status.power < 0
    assert [(string.power, string.current) for string in status.strings or ()] == [(0, 0)] * 4


async def test_inverter_throttles_off_grid_with_a_full_battery(simulator: StartSimulator, client: Client) -> None:
    gateway = await start(simulator, "24.36", home=SimulatedHome(charge=100, powerwall_plus=True))
    gateway.home.solar_power, gateway.home.home_power = 5_000, 700
    gateway.home.outage()
    status = (await (await client(gateway)).solar_powerwall()).pvac_status
    assert status is not None
    assert (status.power, status.frequency, status.grid_state) == (700, 62.5, "Grid_Uncompliant")
    assert sum(string.power or 0 for string in status.strings or ()) == 700


@pytest.mark.parametrize("firmware", PLUS)
async def test_powerwall_plus_is_listed(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await start(simulator, firmware, powerwall_plus=True)
    powerwall = await client(gateway)
    inventory = await powerwall.powerwalls()
    first, second = inventory.powerwalls or ()
    assert (first.kind, first.part_number) == ("SolarPowerwall", "2012170-25-E")
    assert (second.kind, second.part_number) == ("ACPW", "3012170-05-B")
    blocks = (await powerwall.system_status()).battery_blocks or ()
    assert [block.part_number for block in blocks] == [first.part_number, second.part_number]
    (solar,) = await powerwall.solars()
    assert (solar.brand, solar.model, solar.power_rating) == ("Tesla", "Solar Inverter 7.6", 7600)
    kinds = {meter.kind: [cts.kind for cts in meter.cts or ()] for meter in await powerwall.meters()}
    assert kinds == {"neurio_w2_tcp": ["solarRGM"], "synchrometerX": ["site"], "synchrometerY": []}
    async with Browser(gateway) as browser:
        await browser.login()
        whole = await aggregates(browser)
        assert (await browser.get("meters/solar")).body == b"null"
        site = (await browser.get("meters/site")).json
        for meter in (await browser.get("meters")).json:
            wired = (await browser.get(f"meters/{meter['serial']}/cts")).json
            assert wired == meter.get("cts", [])
    assert [(meter["id"], meter["type"]) for meter in site] == [(0, "synchrometerX")]
    assert site[0]["Cached_readings"]["instant_power"] == whole["site"]["instant_power"]
    assert whole["site"]["num_meters_aggregated"] == 1
    assert 59.9 < whole["solar"]["frequency"] < 60.1
    assert (whole["solar"]["timeout"], whole["site"]["timeout"]) == (1_000_000_000, 1_500_000_000)


async def test_revenue_meter_is_read_only_while_stopped(simulator: StartSimulator, client: Client) -> None:
    gateway = await start(simulator, "24.36", powerwall_plus=True)
    powerwall = await client(gateway)
    (serial,) = (meter.serial for meter in await powerwall.meters() if meter.kind == "neurio_w2_tcp")
    assert serial is not None
    running = await powerwall.meters_readings()
    assert (len(running), running[serial].error) == (3, "run sitemanager flag enabled, sitemanager process is running")
    gateway.running = False
    reading = (await powerwall.meters_readings())[serial]
    assert reading.error == ""
    assert reading.cts is not None
    (line, *rest) = reading.cts
    assert 2 * (line.power or 0) == pytest.approx(gateway.home.solar_power, abs=1)
    assert 2 * (line.energy_imported or 0) == pytest.approx(gateway.home.solar_energy, abs=1)
    assert {unused.power for unused in rest} == {0}


async def test_powerwall_plus_has_vitals(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", powerwall_plus=True)
    async with Browser(gateway) as browser:
        await browser.login()
        strings = (await browser.get("solar_powerwall")).json["pvac_status"]["string_vitals"]
        vitals = (await browser.get("devices/vitals")).body
    for letter, string in zip("ABCD", strings, strict=True):
        power = protobuf.double(4, string["measured_power"])
        assert protobuf.text(1, f"PVAC_PVMeasuredPower_{letter}") + power in vitals
    first, second = gateway.gateway.pack_serials
    assert protobuf.text(1, f"TETHC--2012170-25-E--{first}") in vitals
    assert protobuf.text(1, f"TETHC--3012170-05-B--{second}") in vitals
    assert protobuf.text(1, "METER_Y_CTC_InstRealPower") + protobuf.double(4, 0) in vitals


@pytest.mark.parametrize("firmware", PLUS)
async def test_strings_require_a_login(simulator: StartSimulator, firmware: str) -> None:
    async with Browser(await start(simulator, firmware, powerwall_plus=True)) as browser:
        assert (await browser.get("solar_powerwall")).status == 403
        await browser.login()
        assert (await browser.get("solar_powerwall")).status == 200
    async with Browser(await start(simulator, firmware)) as browser:
        assert (await browser.get("solar_powerwall")).status == 404
        await browser.login()
        assert (await browser.get("solar_powerwall")).status == 404


@pytest.mark.parametrize("firmware", [name for name, profile in PROFILES.items() if not profile.powerwall_plus])
def test_powerwall_plus_is_missing_on_older_and_newer_firmware(firmware: str) -> None:
    with pytest.raises(ValueError, match=f"Firmware {firmware} knows no Powerwall"):
        Simulator(firmware, powerwall_plus=True)


def test_hardware_of_a_given_home_cannot_be_overridden() -> None:
    with pytest.raises(ValueError, match="Tell the home itself"):
        Simulator("24.36", home=SimulatedHome(), powerwall_plus=True)
    with pytest.raises(ValueError, match="Tell the home itself"):
        Simulator("24.36", home=SimulatedHome(), generator=True)


# -- generator and busway ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", PROFILES)
async def test_generator_starts_in_an_outage(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware, generator=True)
    home = gateway.home
    home.solar_power, home.home_power = 500, 2_000
    async with Browser(gateway) as browser:
        await log_in(gateway, browser)
        waiting = (await aggregates(browser))["generator"]
        assert waiting["instant_power"] == waiting["instant_average_voltage"] == waiting["frequency"] == 0
        assert waiting["last_communication_time"].startswith("2026-06-21T")
        home.outage()
        assert home.generator_power == 0  # the packs make the island first
        home.advance(5)
        meters = await aggregates(browser)
        assert meters["generator"]["instant_power"] == home.generator_power == 7_500
        assert meters["generator"]["instant_average_voltage"] > 200
        assert home.battery_power == -6_000  # the excess charges the battery
        home.advance(3600)
        later = await aggregates(browser)
        home.restore()
        home.advance(30)
        assert (await aggregates(browser))["generator"]["instant_power"] == 0
    made = later["generator"]["energy_exported"] - waiting["energy_exported"]
    assert 7_000 < made < 7_600
    assert later["load"]["energy_imported"] == pytest.approx(home.home_energy, abs=60)


async def test_generator_started_by_hand_never_exports(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", generator=True)
    home = gateway.home
    home.solar_power, home.home_power = 0, 2_000
    async with Browser(gateway) as browser:
        await browser.login()
        truth = (await browser.post("/simulator", {"generator_power": 4_200})).json
        assert (truth["generator_power"], truth["battery_power"], truth["grid_power"]) == (4_200, -2_200, 0)
        meters = await aggregates(browser)
        assert meters["load"]["instant_power"] == 2_000
        assert math.isclose(
            meters["load"]["instant_power"],
            sum(meters[name]["instant_power"] for name in ("site", "battery", "solar", "generator")),
            abs_tol=12,
        )
        home.charge = 100
        assert (home.generator_power, home.grid_power) == (2_000, 0)
        assert (await browser.post("/simulator", {"generator_power": None})).json["generator_power"] == 0


async def test_generator_supplies_load_above_the_battery_limit() -> None:
    home = SimulatedHome(packs=1, generator=True)
    home.solar_power, home.home_power = 0, 6_500
    home.outage()
    home.advance(5)
    home.home_power = 12_000
    assert (home.grid_status, home.generator_power, home.battery_power) == ("SystemIslandedActive", 7_500, 4_500)


@pytest.mark.parametrize("firmware", ["1.15.0", "1.50.1", "21.44", "24.36"])
async def test_generator_is_listed(simulator: StartSimulator, firmware: str) -> None:
    for generator, kind in ((True, "DownstreamATS"), (False, "None")):
        async with Browser(await start(simulator, firmware, generator=generator)) as browser:
            await browser.login()
            response = (await browser.get("generators")).json
            assert (response["disconnect_type"], len(response["generators"])) == (kind, int(generator))
            assert kind in [*(await browser.get("generators/disconnect_types")).json, "None"]


async def test_generator_power_without_a_generator_is_rejected(simulator: StartSimulator) -> None:
    with pytest.raises(ValueError, match="no generator"):
        SimulatedHome().generator_power = 3_000
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        seen = await browser.post("/simulator", {"speed": 7, "remove_pack": 2, "generator_power": 3_000})
    assert seen.status == 400
    assert "no generator" in seen.json["error"]
    assert (gateway.speed, len(gateway.home.packs)) == (0, 2)


@pytest.mark.parametrize("firmware", PROFILES)
async def test_busway_meter_has_the_battery_power(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware, busway=True)
    async with Browser(gateway) as browser:
        await log_in(gateway, browser)
        meters = await aggregates(browser)
    same = ("instant_power", "energy_imported", "energy_exported", "frequency")
    assert {key: meters["busway"][key] for key in same} == {key: meters["battery"][key] for key in same}
    assert not meters["busway"]["last_communication_time"].startswith("0001-")


# -- networks, problems ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", PLUS)
@pytest.mark.parametrize("ethernet", [False, True])
async def test_cable_is_preferred_to_wifi(
    simulator: StartSimulator, client: Client, firmware: str, *, ethernet: bool
) -> None:
    gateway = await start(simulator, firmware, ethernet=ethernet)
    powerwall = await client(gateway)
    cable, radio, wifi = await powerwall.networks()
    assert (cable.connected, cable.primary, cable.reached_tesla, bool(cable.addresses)) == (ethernet,) * 4
    assert (wifi.connected, wifi.primary, wifi.reached_tesla) == (True, not ethernet, not ethernet)
    assert (radio.connected, radio.primary, radio.reached_tesla) == (True, False, False)
    assert (cable.signal_strength, radio.signal_strength, wifi.signal_strength) == (0 if ethernet else None, 85, 53)
    assert [address.prefix_length for each in (radio, wifi) for address in each.addresses or ()] == [32, 24]
    gateway.gateway.connected_to_tesla = False
    assert not any(network.reached_tesla for network in await powerwall.networks())


async def test_cables_and_signals_change(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    async with Browser(gateway) as browser:
        truth = (await browser.post("/simulator", {"ethernet": True, "wifi_signal": 12, "cellular_signal": 0})).json
        assert (truth["ethernet"], truth["wifi_signal"], truth["cellular_signal"]) == (True, 12, 0)
        cable, radio, wifi = await powerwall.networks()
        assert (cable.primary, radio.signal_strength, wifi.signal_strength) == (True, 0, 12)
        await browser.post("/simulator", {"ethernet": False})
        cable, *_ = await powerwall.networks()
        assert (cable.primary, cable.connected) == (False, False)


async def test_cable_on_1_15_has_an_address(simulator: StartSimulator) -> None:
    for ethernet, address in ((False, ""), (True, "192.168.1.76")):
        async with Browser(await simulator("1.15.0", ethernet=ethernet)) as browser:
            await browser.login()
            interfaces = {each["name"]: each for each in (await browser.get("networks")).json}
            assert interfaces["eth0"]["ip_address"] == address
            assert interfaces["wifi0"]["ip_address"] == "192.168.1.77"


@pytest.mark.parametrize("firmware", ["1.50.1", "21.44", "24.36"])
async def test_problems_are_added_and_cleared(simulator: StartSimulator, firmware: str) -> None:
    async with Browser(await start(simulator, firmware)) as browser:
        await browser.login()
        assert (await browser.get("troubleshooting/problems")).json == {"problems": []}
        for words in ("Meter X is not reached", "Sync MIA"):
            await browser.post("/simulator", {"problem": words})
        problems = (await browser.get("troubleshooting/problems")).json
        assert problems == {"problems": ["Meter X is not reached", "Sync MIA"]}
        truth = (await browser.post("/simulator", {"problem": "Only this", "clear_problems": True})).json
        assert truth["problems"] == (await browser.get("troubleshooting/problems")).json["problems"] == ["Only this"]


@pytest.mark.parametrize("firmware", ["1.15.0", "1.50.1"])
async def test_powerwalls_out_of_sync_are_reported(simulator: StartSimulator, firmware: str) -> None:
    async with Browser(await simulator(firmware)) as browser:
        assert (await browser.get("powerwalls")).json["has_sync"] is True
        assert (await browser.post("/simulator", {"in_sync": False})).json["in_sync"] is False
        assert (await browser.get("powerwalls")).json["has_sync"] is False


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_meter_out_of_contact_keeps_its_values(simulator: StartSimulator, firmware: str) -> None:
    async with Browser(gateway := await start(simulator, firmware)) as browser:
        await browser.login()
        gateway.running = True
        gateway.home.solar_power = 3000
        assert (await browser.post("/simulator", {"lose_meter": "solar"})).json["lost_meters"] == ["solar"]
        last = (await browser.get("meters/aggregates")).json
        gateway.home.solar_power = 1000
        gateway.home.advance(300)
        after = (await browser.get("meters/aggregates")).json
        assert after["solar"] == last["solar"]
        assert after["load"]["last_communication_time"] == last["solar"]["last_communication_time"]
        assert after["battery"]["last_communication_time"] > last["battery"]["last_communication_time"]
        assert (await browser.post("/simulator", {"find_meters": True})).json["lost_meters"] == []
        found = (await browser.get("meters/aggregates")).json
        assert found["solar"]["instant_power"] == pytest.approx(1000, abs=5)
        assert len({meter["last_communication_time"][:16] for meter in found.values() if firmware != "1.15.0"}) <= 1
