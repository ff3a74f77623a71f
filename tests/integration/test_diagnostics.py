"""The diagnostics: no personal data, and the simulator can replay them."""

import json
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.powerwall_gateway import diagnostics
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.replay import NoRecordingError, Recording
from tests.conftest import StartSimulator
from tests.integration.control import poll
from tests.unit.test_response_redaction import PERSONAL, PERSONAL_PARTS, as_text, secrets_in, secrets_of

from .conftest import Loaded, SetUp

_MOVING = ("started", "running_since", "last_outage")


@pytest.fixture(autouse=True)
async def short_timings(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up the download of diagnostics, without pauses between the requests."""
    monkeypatch.setattr(diagnostics, "PAUSE", 0.0)
    assert await async_setup_component(hass, "diagnostics", {})


async def download(hass: HomeAssistant, client: ClientSessionGenerator, entry: MockConfigEntry) -> Any:
    """Download an entry's diagnostics as JSON over HTTP, as the frontend does."""
    return await get_diagnostics_for_config_entry(hass, client, entry)


def entities_of(hass: HomeAssistant, entry: MockConfigEntry) -> list[tuple[str, str]]:
    """Return all entities, with the states that do not depend on time.

    Powerwalls are numbered in the order of their serials, and pseudonyms have another order.
    """
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return sorted(
        (re.sub(r"(powerwall|meter|inverter)_\d", r"\1", one.entity_id), state.state)
        for one in found
        if not one.unique_id.endswith(_MOVING) and (state := hass.states.get(one.entity_id))
    )


@pytest.mark.parametrize(
    ("firmware", "password", "least"),
    [("1.15.0", None, 8), ("21.44", None, 30), ("24.36", "sunshine", 20), ("pw3", None, 3)],
)
async def test_a_gateway_can_be_replayed_from_its_diagnostics(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    simulator: StartSimulator,
    set_up: SetUp,
    firmware: str,
    password: str | None,
    least: int,
) -> None:
    gateway: Simulator = await simulator(firmware, password=password)
    entry = await set_up(gateway)
    found = await download(hass, hass_client, entry)
    assert sum("payload" in response for response in found["payloads"].values()) >= least
    assert secrets_in(as_text(found), secrets_of(gateway)) == []
    before = entities_of(hass, entry)
    assert len(before) >= 14
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()

    recording = Recording.read(json.dumps({"home_assistant": {}, "data": found}))
    assert recording.firmware == firmware
    assert recording.serial != gateway.serial
    again: Simulator = await simulator(recording.firmware, serial=recording.serial, password=password)
    again.home.outage()  # not in the recording, because no login may read it
    recording.play(again)
    assert entities_of(hass, await set_up(again)) == before


async def test_replayed_meters_stay_in_contact(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.gateway.lost_meters["solar"] = None
    entry = await set_up(gateway)
    gateway.home.advance(300)
    await entry.runtime_data.live.async_refresh()
    found = await download(hass, hass_client, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    recording = Recording.read(json.dumps(found))
    again: Simulator = await simulator(recording.firmware, serial=recording.serial)
    recording.play(again)
    entry = await set_up(again)
    seen: set[str | None] = set()
    for _ in range(2):
        meters = entry.runtime_data.live.data.meters.value
        assert (meters.solar.instant_power, meters.load.instant_power) == (None, None)
        assert meters.site.instant_power is not None
        seen.add(meters.site.last_communication)
        again.home.advance(100)
        await entry.runtime_data.live.async_refresh()
    assert len(seen) == 2


async def test_stopped_powerwall_is_replayed_as_stopped(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.running = False
    entry = await set_up(gateway)
    found = await download(hass, hass_client, entry)
    assert found["payloads"]["meters/aggregates"]["status"] == 502
    before = entities_of(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    recording = Recording.read(json.dumps(found))
    again: Simulator = await simulator(recording.firmware, serial=recording.serial)
    recording.play(again)
    assert entities_of(hass, await set_up(again)) == before


async def test_value_of_an_unknown_key_is_redacted_and_the_replay_still_works(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.overrides["status"] = {**PERSONAL, "version": "21.44 223a56cd", "din": gateway.din}
    gateway.overrides["troubleshooting/problems"] = [PERSONAL]
    entry = await set_up(gateway)
    found = await download(hass, hass_client, entry)
    action_response = await hass.services.async_call(
        DOMAIN, "get_endpoint", {"path": "status"}, blocking=True, return_response=True
    )
    for shown in (found["payloads"]["status"], action_response):
        assert "21.44 223a56cd" in as_text(shown)
        assert [part for part in PERSONAL_PARTS if part in as_text(shown)] == []
    assert not [name for name in ("Jane", "Elm Street", "4155551212") if name in as_text(found)]
    before = entities_of(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    recording = Recording.read(json.dumps(found))
    again: Simulator = await simulator(recording.firmware, serial=recording.serial)
    recording.play(again)
    assert entities_of(hass, await set_up(again)) == before


async def test_diagnostics_has_status_of_the_integration(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    gateway.faults.add("networks", status=503)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    logins = gateway.logins
    found = await download(hass, hass_client, entry)
    assert gateway.logins == logins  # a rejected request causes no login
    assert found["entry"]["state"] == "ConfigEntryState.LOADED"
    assert found["journal"] == {"open": False, "kind": None, "logins_today": 0}
    assert found["gateway"]["firmware"] == "21.44"
    assert found["gateway"]["capabilities"]["roles"] == ["Home_Owner"]
    assert found["gateway"]["capabilities"]["has_system_status"] is True
    # The integration does not request this path.
    assert "site_info/grid_codes" not in found["gateway"]["capabilities"]["missing"]
    assert found["gateway"]["control"]["off_grid"] is True
    assert found["coordinators"]["live"]["interval"] == 5.0
    assert found["requests"]["login/Basic"]["requests"] == logins == 1
    networks = found["requests"]["networks"]
    assert networks["failures"] == networks["waits"] == networks["requests"] >= 1
    assert "503" in networks["last_error"]
    assert networks["last_error_seconds_ago"] >= 0
    assert "503" in found["coordinators"]["inventory"]["results"]["networks"]["error"]
    meters = found["coordinators"]["live"]["results"]["meters"]
    assert meters["error"] is None
    assert meters["age"] >= 0
    assert found["payloads"]["networks"] == {
        "error": "networks: too many requests, or the gateway is busy (503)",
        "status": 503,
    }
    assert "installer/companies" not in found["payloads"]


async def test_device_diagnostics_has_the_powerwalls_data(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, loaded: Loaded
) -> None:
    gateway, entry = loaded
    gateway.home.outage()
    await poll(hass, entry, "live")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    serial = gateway.gateway.pack_serials[0]
    device = next(device for device in devices if device.serial_number == serial)
    found = await get_diagnostics_for_device(hass, hass_client, entry, device)
    assert found["gateway"]["alerts"] == ["PINV_a006_vfCheckUnderFrequency"]
    pseudonym = found["device"]["serial_number"]
    assert pseudonym != serial
    assert pseudonym in [
        pack["PackageSerialNumber"] for pack in found["payloads"]["powerwalls"]["payload"]["powerwalls"]
    ]
    charge = next(value for key, value in found["device"]["entities"].items() if key.endswith(f"{pseudonym}_charge"))
    assert float(charge) > 0
    assert secrets_in(as_text(found), secrets_of(gateway)) == []


async def test_diagnostics_sends_one_request_to_an_unreachable_gateway(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, loaded: Loaded
) -> None:
    gateway, entry = loaded
    await gateway.stop()
    found = await download(hass, hass_client, entry)
    assert len(found["payloads"]) == 1
    assert "no connection" in next(iter(found["payloads"].values()))["error"]


async def test_diagnostics_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    await gateway.stop()
    entry = await set_up(gateway)
    found = await download(hass, hass_client, entry)
    assert found["entry"]["state"] == "ConfigEntryState.SETUP_RETRY"
    assert found["entry"]["data"]["password"] == "**REDACTED**"
    assert "payloads" not in found
    with pytest.raises(NoRecordingError):
        Recording.read(json.dumps(found))
