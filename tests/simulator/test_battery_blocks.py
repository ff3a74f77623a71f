"""Simulated Powerwalls that fail, are removed, and return."""

from typing import Any, NamedTuple

import pytest

from simulator import SimulatedHome, Simulator, protobuf
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator

FIRMWARE = ["21.44", "24.36"]
"""Firmware that reports each Powerwall."""
REASON = "DisabledSelfTestFailed"


class BlockReports(NamedTuple):
    """The values of all Powerwalls at one moment."""

    blocks: list[dict[str, Any]]
    listed: list[str]
    percentage: float
    full: float
    remaining: float
    available: int
    site_energy: float


async def block_reports(browser: Browser) -> BlockReports:
    """Read all endpoints that list Powerwalls."""
    system = (await browser.get("system_status")).json
    return BlockReports(
        blocks=system["battery_blocks"],
        listed=[pack["PackageSerialNumber"] for pack in (await browser.get("powerwalls")).json["powerwalls"]],
        percentage=(await browser.get("system_status/soe")).json["percentage"],
        full=system["nominal_full_pack_energy"],
        remaining=system["nominal_energy_remaining"],
        available=system["available_blocks"],
        site_energy=(await browser.get("site_info")).json["nominal_system_energy_kWh"],
    )


def fits_together(seen: BlockReports) -> bool:
    """Return whether the responses agree on the Powerwalls and on the energy of the enabled ones."""
    working = [block for block in seen.blocks if not block["disabled_reasons"]]
    return (
        [block["PackageSerialNumber"] for block in seen.blocks] == seen.listed
        and seen.site_energy == 13.5 * len(seen.listed)
        and seen.available == len(working)
        and seen.full == sum(block["nominal_full_pack_energy"] for block in working)
        and seen.remaining == sum(block["nominal_energy_remaining"] for block in working)
        and seen.percentage == 100 * seen.remaining / seen.full
    )


def of_pack(gateway: Simulator, number: int) -> str:
    """Return a pack's serial."""
    return gateway.gateway.nameplate.serial_of_pack(number)


@pytest.mark.parametrize("firmware", FIRMWARE)
async def test_disabled_powerwall_is_enabled_again(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    async with Browser(gateway) as browser:
        await browser.login()
        before = await block_reports(browser)
        truth = (await browser.post("/simulator", {"disable_pack": 2, "reason": REASON})).json
        assert [pack["disabled_reasons"] for pack in truth["packs"]] == [[], [REASON]]
        failed = await block_reports(browser)
        assert fits_together(before)
        assert fits_together(failed)
        assert [block["disabled_reasons"] for block in failed.blocks] == [[], [REASON]]
        assert [block["p_out"] is None for block in failed.blocks] == [False, True]
        assert [block["backup_ready"] for block in failed.blocks] == [True, False]
        await browser.post("/simulator", {"disable_pack": 2})
        assert (await block_reports(browser)).blocks[1]["disabled_reasons"] == ["DisabledExcessiveVoltageDrop"]
        await browser.post("/simulator", {"enable_pack": 2})
        assert await block_reports(browser) == before


@pytest.mark.parametrize("firmware", FIRMWARE)
async def test_removed_powerwall_returns_unchanged(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    simulated = gateway.home
    async with Browser(gateway) as browser:
        await browser.login()
        before = await block_reports(browser)
        assert before.listed == [of_pack(gateway, 1), of_pack(gateway, 2)]
        truth = (await browser.post("/simulator", {"remove_pack": 1})).json
        assert [(pack["number"], pack["serial"]) for pack in truth["packs"]] == [(2, of_pack(gateway, 2))]
        alone = await block_reports(browser)
        assert alone.listed == [of_pack(gateway, 2)]  # no other Powerwall gets its serial number
        assert fits_together(alone)
        assert alone.full == before.full / 2
        simulated.advance(1800)
        await browser.post("/simulator", {"add_pack": 1})
        again = await block_reports(browser)
        assert fits_together(again)
        assert again.listed == before.listed
        assert again.blocks[0]["nominal_energy_remaining"] == before.blocks[0]["nominal_energy_remaining"]
        assert again.blocks[1]["nominal_energy_remaining"] > before.blocks[1]["nominal_energy_remaining"]


async def test_new_powerwall_is_charged_like_the_others(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        before = await block_reports(browser)
        await browser.post("/simulator", {"add_pack": 3})
        more = await block_reports(browser)
        assert fits_together(more)
        assert more.listed == [*before.listed, of_pack(gateway, 3)]
        assert more.percentage == pytest.approx(before.percentage)
        assert (more.blocks[2]["energy_charged"], more.blocks[2]["energy_discharged"]) == (0, 0)
        assert of_pack(gateway, 3).encode() in (await browser.get("devices/vitals")).body
        await browser.post("/simulator", {"remove_pack": 3})
        assert await block_reports(browser) == before
        assert of_pack(gateway, 3).encode() not in (await browser.get("devices/vitals")).body


@pytest.mark.parametrize("firmware", ["1.15.0", "1.50.1"])
async def test_powerwalls_are_added_and_removed_on_old_firmware(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware)
    async with Browser(gateway) as browser:
        for order, numbers in (({"remove_pack": 1}, [2]), ({"add_pack": 4}, [2, 4]), ({"add_pack": 1}, [1, 2, 4])):
            await browser.post("/simulator", order)
            packs = (await browser.get("powerwalls")).json["powerwalls"]
            assert [pack["PackageSerialNumber"] for pack in packs] == [of_pack(gateway, each) for each in numbers]
            energy = 13.5 if firmware == "1.15.0" else 13.5 * len(numbers)
            assert (await browser.get("site_info")).json["nominal_system_energy_kWh"] == energy
            assert (await browser.get("system_status/soe")).json["percentage"] == pytest.approx(62)


async def test_powerwall_plus_stays_the_first_powerwall(simulator: StartSimulator) -> None:
    gateway = await start(simulator, "24.36", powerwall_plus=True)

    async def kinds(browser: Browser) -> list[str]:
        return [pack["type"] for pack in (await browser.get("powerwalls")).json["powerwalls"]]

    async with Browser(gateway) as browser:
        await browser.login()
        gateway.home.remove_pack(1)
        assert await kinds(browser) == ["ACPW"]
        assert (await browser.get("solar_powerwall")).status == 200  # the inverter of the panels stays
        gateway.home.add_pack(1)
        assert await kinds(browser) == ["SolarPowerwall", "ACPW"]


async def test_lifetime_counters_never_fall(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    simulated = gateway.home
    async with Browser(gateway) as browser:
        await browser.login()
        before = (await browser.get("meters/aggregates")).json
        simulated.remove_pack(2)
        after = (await browser.get("meters/aggregates")).json
    for meter in ("battery", "load"):
        for key in ("energy_imported", "energy_exported"):
            assert after[meter][key] == before[meter][key]
    home = simulated.home_energy
    simulated.add_pack()
    assert simulated.home_energy == home


async def test_vitals_list_the_present_powerwalls(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        gateway.home.remove_pack(1)
        gateway.home.pack(2).disabled_reasons.append(REASON)
        body = (await browser.get("devices/vitals")).body
    assert of_pack(gateway, 1).encode() not in body
    assert of_pack(gateway, 2).encode() in body
    assert protobuf.text(3, REASON) in body


async def test_grid_fault_is_reported_by_a_present_powerwall(simulator: StartSimulator) -> None:
    gateway = await start(simulator, "24.36", powerwall_plus=True)
    async with Browser(gateway) as browser:
        await browser.login()
        gateway.home.outage()
        for number, part_number in ((1, "2012170-25-E"), (2, "3012170-05-B")):
            (fault,) = (await browser.get("system_status/grid_faults")).json
            assert fault["ecu_package_serial_number"] == of_pack(gateway, number)
            assert fault["ecu_package_part_number"] == part_number
            if number == 1:
                gateway.home.remove_pack(1)


def test_powerwall_numbers_count_up() -> None:
    simulated = SimulatedHome(packs=2)
    assert [pack.number for pack in simulated.packs] == [1, 2]
    assert simulated.add_pack().number == 3
    simulated.remove_pack(3)
    assert simulated.add_pack().number == 4  # the third may return
    assert simulated.add_pack(3).number == 3
    assert [pack.number for pack in simulated.packs] == [1, 2, 3, 4]


def test_home_power_is_limited_by_its_powerwalls() -> None:
    simulated = SimulatedHome()
    simulated.solar_power, simulated.home_power = 0, 20_000
    assert simulated.battery_power == 10_000
    simulated.remove_pack(2)
    assert simulated.battery_power == 5_000
    simulated.add_pack(2)
    simulated.add_pack(3)
    assert simulated.battery_power == 15_000


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"disable_pack": 3}, "There is no Powerwall 3; there is 1, 2."),
        ({"enable_pack": 9}, "There is no Powerwall 9"),
        ({"remove_pack": 3}, "There is no Powerwall 3"),
        ({"add_pack": 2}, "Powerwall 2 is there already."),
        ({"add_pack": 0}, '"add_pack" is a number from 1 to 10.'),
        ({"add_pack": 2.5}, '"add_pack" is a whole number.'),
        ({"disable_pack": True}, '"disable_pack" is a number'),
        ({"disable_pack": 1, "reason": 3}, '"reason" is a text.'),
        ({"enable_pack": 1, "reason": REASON}, '"reason" goes with "disable_pack".'),
        ({"reason": REASON}, '"reason" goes with "disable_pack".'),
        ({"disable_pack": 1, "remove_pack": 2}, 'Send one at a time: "disable_pack", "remove_pack".'),
        ({"pack": 2}, "Unknown: pack. Known: grid"),
    ],
)
async def test_invalid_orders_change_nothing(simulator: StartSimulator, order: dict[str, object], words: str) -> None:
    async with Browser(await simulator("21.44")) as browser:
        before = (await browser.get("/simulator")).json
        seen = await browser.post("/simulator", {"grid": "down", "speed": 60, **order})
        assert (seen.status, words in seen.json["error"]) == (400, True), seen.json
        assert (await browser.get("/simulator")).json == before


async def test_last_powerwall_cannot_be_removed(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", home=SimulatedHome(packs=1))
    async with Browser(gateway) as browser:
        seen = await browser.post("/simulator", {"remove_pack": 1})
    assert (seen.status, seen.json["error"]) == (400, "The home needs at least one Powerwall.")
    assert len(gateway.home.packs) == 1
