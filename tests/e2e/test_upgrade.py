"""A real Home Assistant starts on storage that commit 8216f2d wrote, and the integration migrates all of it.

`stored_by_8216f2d/` holds the files of a Home Assistant 2026.10.4 that ran that commit with four simulated gateways:
a customer login whose counters were replaced and whose home is off-grid, a signing key, a refused password, and an
installer login that was killed while it had stopped its Powerwall. Left out are other integrations, most entities of
all but the first gateway, and what Home Assistant takes from an integration again (names, capabilities). Fields of the
entity registry that equal those in `every_entity` stand there once. The private key, addresses and fingerprints are
placeholders, and the wait after the refused password is ten minutes longer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import re
from typing import Any, Final

import pytest

from simulator import SimulatedHome, Simulator
from tests.conftest import StartSimulator
from tests.signing_keys import pair, pem
from tools.child_process import free_port
from tools.crash_test.crash_points import Plan
from tools.dev_server.integration import DOMAIN
from tools.hass_process import HomeAssistant, errors_about
from tools.hass_process.configuration import REPOSITORY

STORED: Final = Path(__file__).parent / "stored_by_8216f2d"
WRITTEN: Final = datetime(2026, 11, 30, 13, 27, 42, tzinfo=UTC)

CUSTOMER: Final = "TG121000000A01"
INSTALLER: Final = "TG118000000B02"
WITH_KEY: Final = "TG121000000C03"
REFUSED: Final = "TG121000000D04"

_AGE: Final = datetime.now(UTC) - WRITTEN
_TIME: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d.*")


def shifted(content: Any) -> Any:
    """Return JSON with all times moved to the present."""
    match content:
        case dict():
            return {key: shifted(value) for key, value in content.items()}
        case list():
            return [shifted(value) for value in content]
        case float() if content > 1.7e9:
            return content + _AGE.total_seconds()
        case str() if _TIME.fullmatch(content):
            return (datetime.fromisoformat(content) + _AGE).isoformat()
        case _:
            return content


def stored(name: str) -> Any:
    """Return the content of a file with its times moved to the present."""
    return shifted(json.loads((STORED / name).read_text(encoding="utf-8")))


def install(storage: Path, gateways: dict[str, Simulator]) -> None:
    """Write the files, for the gateways of this test."""
    storage.mkdir(parents=True)
    placeholders = {"a private key": pem().decode()}
    for serial, gateway in gateways.items():
        placeholders[f"host of {serial}"] = f"{gateway.host}:{gateway.port}"
        placeholders[f"fingerprint of {serial}"] = gateway.fingerprint.hex() if gateway.fingerprint else ""
    for path in STORED.iterdir():
        content = stored(path.name)
        if path.name == "core.entity_registry":
            every_entity = content["data"].pop("every_entity")
            content["data"]["entities"] = [every_entity | entity for entity in content["data"]["entities"]]
        text = json.dumps(content)
        for placeholder, value in placeholders.items():
            text = text.replace(json.dumps(placeholder), json.dumps(value))
        (storage / path.name).write_text(text, encoding="utf-8")


def entries_in(storage: Path) -> dict[str, dict[str, Any]]:
    """Return the config entries on disk by their unique ids."""
    content = json.loads((storage / "core.config_entries").read_text(encoding="utf-8"))
    return {entry["unique_id"]: entry for entry in content["data"]["entries"] if entry["domain"] == DOMAIN}


def let_in(gateway: Simulator, login: dict[str, Any]) -> None:
    """Accept a stored session at a gateway."""
    gateway.tokens[login["session"]["token"]] = login["session"]["roles"][0]


async def until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something."""
    try:
        async with asyncio.timeout(60):
            while not await true():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"Waited in vain: {what}")


@pytest.fixture
async def gateways(simulator: StartSimulator) -> dict[str, Simulator]:
    """Start the gateways as the earlier process left them."""
    customer = await simulator("21.44", serial=CUSTOMER)
    customer.home.charge = 80.0
    customer.home.off_grid_on_purpose = True
    customer.home.advance(5)
    customer.home.energies.grid_import = 1350.0105339030638  # of the second meter, 100 Wh after it was read last
    customer.home.energies.grid_export = 1136916.7808710341
    customer.home.energies.solar = 2118.345455375928
    installer = await simulator("1.15.0", serial=INSTALLER, speed=1.0)
    installer.running = False
    simulated = SimulatedHome(packs=1, charge=80)
    with_key = await simulator("26.18", serial=WITH_KEY, password="the owner's own", home=simulated)
    pair(with_key)
    refused = await simulator("21.44", serial=REFUSED, password="another one")
    return {CUSTOMER: customer, INSTALLER: installer, WITH_KEY: with_key, REFUSED: refused}


async def test_upgrade(gateways: dict[str, Simulator], tmp_path: Path) -> None:
    folder = tmp_path / "home"
    storage = folder / ".storage"
    install(storage, gateways)
    before = entries_in(storage)
    registry = json.loads((storage / "core.entity_registry").read_text(encoding="utf-8"))["data"]["entities"]
    for serial in (CUSTOMER, WITH_KEY):
        let_in(gateways[serial], stored(f"{DOMAIN}.{before[serial]['entry_id']}")["data"]["login"])
    let_in(gateways[INSTALLER], stored(f"{DOMAIN}.journal.{before[INSTALLER]['entry_id']}")["under_way"])
    program = (
        "-m",
        "tools.crash_test.child",
        json.dumps(asdict(Plan(trace=str(tmp_path / "trace"), seconds_on_grid=3600))),
    )

    async with HomeAssistant(folder, free_port(), program=program, path=(folder, REPOSITORY)) as home:

        async def shows(entity_id: str, wanted: str) -> bool:
            state = (await home.api.states()).get(entity_id)
            return state is not None and state.state == wanted

        async def energy(name: str) -> float:
            return float((await home.api.states())[f"sensor.home_energy_gateway_{name}"].state)

        # The recovery journal, of an entry that could not be set up.
        async def recovered() -> bool:
            journal = storage / f"{DOMAIN}.journal.{before[INSTALLER]['entry_id']}"
            return gateways[INSTALLER].running and json.loads(journal.read_bytes())["under_way"] is None

        await until(recovered, "the Powerwall to run and the journal to be closed")

        # The signing key and the session.
        mode = "select.home_energy_gateway_operation_mode"
        await until(lambda: shows(mode, "self_consumption"), "the operation mode")
        await home.api.call_service("select", "select_option", entity_id=mode, option="backup")
        assert gateways[WITH_KEY].home.mode == "backup"

        # The outage log.
        customer, log = gateways[CUSTOMER], stored(f"{DOMAIN}.{before[CUSTOMER]['entry_id']}")["data"]["grid"]
        await until(lambda: shows("switch.home_energy_gateway_off_grid", "on"), "the off-grid switch")
        states = await home.api.states()
        last_outage = datetime.fromisoformat(states["sensor.home_energy_gateway_last_outage"].state)
        assert abs(last_outage - datetime.fromisoformat(log["last_outage"])) < timedelta(seconds=3)
        event = states["event.home_energy_gateway_grid_event"].attributes
        assert (event["event_type"], event["charge_at_start"]) == ("islanded", 79.2)

        # The lifetime energies, which go on from what was shown of the first meter.
        assert await energy("grid_import") == pytest.approx(3276.78267, abs=1e-4)
        assert await energy("grid_export") == pytest.approx(1136.91678, abs=1e-4)
        assert await energy("solar_production") == pytest.approx(5534.39130, abs=1e-4)

        # The return charge of a home that Home Assistant took off-grid.
        async def is_reconnecting() -> bool:
            return not customer.home.off_grid_on_purpose

        assert not await is_reconnecting()
        customer.home.charge = 36.0  # app 32.6%
        await until(is_reconnecting, "the home to reconnect to the grid")

        assert (await home.api.states())["sensor.our_house"].attributes["friendly_name"] == "Our house"
        unique_ids = {entity["entity_id"]: entity for entity in await home.api.command("config/entity_registry/list")}
        for entity in registry:
            now = unique_ids[entity["entity_id"]]
            for field in ("unique_id", "config_entry_id", "name", "disabled_by"):
                assert now[field] == entity[field], entity["entity_id"]
        by_id = {entry["entry_id"]: entry["state"] for entry in await home.api.entries(DOMAIN)}
        by_serial = {serial: by_id[entry["entry_id"]] for serial, entry in before.items()}
        # After the second rejected login, a setup waits for another password.
        assert by_serial.pop(REFUSED) in {"setup_retry", "setup_error"}
        assert set(by_serial.values()) == {"loaded"}
        assert errors_about(home.log, DOMAIN) == []

    assert {serial: gateway.logins for serial, gateway in gateways.items()} == dict.fromkeys(gateways, 0)
    kept = storage / f"{DOMAIN}.{before[WITH_KEY]['entry_id']}"  # the key has moved into the file of its entry
    assert json.loads(kept.read_bytes())["data"]["private_key"] == pem().decode()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not kept.with_name(f"{kept.name}.key").exists()
    after = entries_in(storage)
    assert after.keys() == before.keys()
    for serial, entry in after.items():
        for field in ("entry_id", "unique_id", "title", "data", "options", "version", "disabled_by"):
            assert entry[field] == before[serial][field]
