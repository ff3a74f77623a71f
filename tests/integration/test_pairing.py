"""The owner's key: how it is made known, what the gateway says of it, and what it makes possible."""

from functools import partial
import json
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import diagnostics, keeper, options_flow, pairing
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_PRIVATE_KEY, DOMAIN
from custom_components.powerwall_gateway.coordinator import grid
from custom_components.powerwall_gateway.gateway import IslandControl, SignedOperation, public_part
from custom_components.powerwall_gateway.gateway.change import Watch
from custom_components.powerwall_gateway.gateway.signed import PATH
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from tests.conftest import StartSimulator
from tests.gateway.profiles import start
from tests.pairing import SIGNED, pair, pem, public_key
from tests.simulator import House, Simulator

from .conftest import SetUp, state_of
from .controlling import asked_for, call, logged_in, writes

ALLOWED = {CONF_ALLOW_CONTROL: True}
SHORT = Watch(0.005, 0.02, 0.1)


@pytest.fixture(autouse=True)
def impatient_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds where it is minutes."""
    monkeypatch.setattr(grid, "GRID_INTERVAL", 60.0)
    monkeypatch.setattr(diagnostics, "PAUSE", 0.0)
    monkeypatch.setattr(keeper, "SignedOperation", partial(SignedOperation, reading_back=SHORT, following=SHORT))


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that takes signed requests."""
    gateway = await start(simulator, request.param, house=House(charge=60))
    gateway.house.solar_power, gateway.house.home_power = 0.0, 2000.0
    return gateway


class Owner:
    """Somebody at the options."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        self.hass = hass
        self.entry = entry
        self.shown: Any = None

    async def open(self, *choices: str) -> Any:
        """Open the options and choose from their menus."""
        self.shown = await self.hass.config_entries.options.async_init(self.entry.entry_id)
        for choice in choices:
            await self.answer({"next_step_id": choice})
        return self.shown

    async def answer(self, typed: dict[str, Any]) -> Any:
        """Answer a form, and let what follows be done."""
        self.shown = await self.hass.config_entries.options.async_configure(self.shown["flow_id"], typed)
        await self.hass.async_block_till_done()
        return self.shown

    async def paste(self, key: bytes) -> Any:
        """Paste a key."""
        await self.open("pairing", "paste_key")
        return await self.answer({CONF_PRIVATE_KEY: key.decode()})

    @property
    def error(self) -> str | None:
        """What stands above the form."""
        errors: dict[str, str] = self.shown["errors"] or {}
        return next(iter(errors.values()), None)

    @property
    def is_done(self) -> bool:
        """Whether the form is through."""
        return bool(self.shown["type"] is FlowResultType.CREATE_ENTRY)


async def keep_key(hass: HomeAssistant, entry: MockConfigEntry, number: int = 0) -> None:
    """Put a key where an earlier process kept it, and load the entry with it."""
    await pairing.KeyStore(hass, entry.entry_id).async_keep(pem(number))
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


# -- the form ----------------------------------------------------------------------------------------------------------


async def test_a_key_of_another_tool(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "select", "operation_mode") is None
    owner = Owner(hass, entry)
    await owner.paste(pem())
    assert owner.is_done
    assert entry.options == ALLOWED
    assert entry.state.name == "LOADED"
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"
    assert float(state_of(hass, gateway, "number", "backup_reserve") or 0) == pytest.approx(20)
    assert gateway.logins == 1


async def test_a_new_key_step_by_step(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start(simulator, "pw3")
    monkeypatch.setattr(options_flow, "make_key", pem)  # a real one takes seconds
    owner = Owner(hass, await set_up(gateway, options=ALLOWED))
    await owner.open("pairing", "make_key")
    assert (owner.shown["step_id"], owner.error) == ("check_key", None)
    assert owner.shown["description_placeholders"]["public_key"] == public_part(pem())
    await owner.answer({})
    assert owner.error == "key_unknown"
    gateway.gateway.keyring.register(public_key())
    await owner.answer({})
    assert owner.error == "key_unconfirmed"
    gateway.flip_switch()
    await owner.answer({})
    assert owner.is_done
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"


async def test_a_key_that_was_not_confirmed_in_time(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start(simulator, "pw3")
    gateway.gateway.keyring.register(public_key())
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(pem())
    assert owner.error == "key_unconfirmed"
    monkeypatch.setattr(pairing, "WINDOW", -1.0)
    await owner.answer({})
    assert owner.error == "key_expired"
    await owner.answer({})
    assert owner.error == "key_unconfirmed"  # it was registered anew, for all that is known


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, "busy"),
        ({"status": 404}, "nothing_signed"),
        ({"drop": True}, "cannot_connect"),
        ({"status": 200, "body": b"<html>"}, "unexpected_answer"),
    ],
)
async def test_what_stands_against_it(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, fault: dict[str, Any], error: str
) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    owner = Owner(hass, await set_up(gateway))
    gateway.faults.add(PATH, **fault)
    await owner.paste(pem())
    assert owner.error == error
    gateway.faults.clear()
    await owner.answer({})
    assert owner.is_done


async def test_clocks_that_differ(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    gateway.gateway.clock_ahead = 60.0
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(pem())
    assert owner.error == "clocks_differ"


async def test_what_is_no_key(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    owner = Owner(hass, await set_up(gateway))
    await owner.paste(b"no key")
    assert (owner.shown["step_id"], owner.error) == ("paste_key", "invalid_key")
    assert not await pairing.KeyStore(hass, owner.entry.entry_id).async_load()


async def test_the_key_is_taken_out_again(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.runtime_data.control.allowed
    owner = Owner(hass, entry)
    await owner.open("pairing", "remove_key")
    await owner.answer({})
    assert owner.is_done
    assert not entry.runtime_data.control.allowed
    assert state_of(hass, gateway, "select", "operation_mode") == "unavailable"
    assert not await pairing.KeyStore(hass, entry.entry_id).async_load()
    await owner.open("pairing")
    assert owner.shown["menu_options"] == ["make_key", "paste_key"]


async def test_where_nothing_is_signed_the_options_are_as_ever(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    owner = Owner(hass, await set_up(await simulator("21.44")))
    await owner.open()
    assert (owner.shown["type"], owner.shown["step_id"]) == (FlowResultType.FORM, "settings")


async def test_nothing_is_asked_where_a_login_stops_the_powerwall(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    owner = Owner(hass, await set_up(gateway))
    before = len(gateway.requests)
    await owner.open()
    assert owner.shown["step_id"] == "settings"
    assert "/tedapi/din" not in [request.path for request in gateway.requests[before:]]


async def test_a_key_waits_for_an_entry_that_is_loaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3")
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    owner = Owner(hass, entry)
    await owner.open("pairing", "check_key")
    await owner.answer({})
    assert (owner.shown["type"], owner.shown["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def test_a_library_that_cannot_be_had(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "SIGNED_REQUIREMENT", "aiopowerwall>=99")
    monkeypatch.setattr("homeassistant.util.package.install_package", lambda *_, **__: False)
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.state.name == "LOADED"
    assert not entry.runtime_data.control.allowed
    owner = Owner(hass, entry)
    await owner.open("pairing", "check_key")
    await owner.answer({})
    assert owner.error == "library_missing"


# -- what it makes possible --------------------------------------------------------------------------------------------


async def test_mode_and_reserve_are_set(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    await call(hass, gateway, "select", "operation_mode", "select_option", option="autonomous")
    assert (gateway.house.mode, gateway.house.reserve) == ("autonomous", 33.5)
    assert state_of(hass, gateway, "select", "operation_mode") == "autonomous"
    assert float(state_of(hass, gateway, "number", "backup_reserve") or 0) == pytest.approx(30)
    answer = await hass.services.async_call(
        DOMAIN, "set_operation", {"mode": "self_consumption", "reserve": 40}, blocking=True, return_response=True
    )
    assert answer == {"mode": "self_consumption", "reserve": 40}


async def test_it_survives_a_restart_without_a_login(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert entry.runtime_data.control.allowed
    assert gateway.logins == 1


async def test_without_consent_a_key_changes_nothing(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    assert not entry.runtime_data.control.allowed
    assert state_of(hass, gateway, "select", "operation_mode") is None


async def test_without_a_key_nothing_is_signed(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    assert not entry.runtime_data.control.allowed
    assert not any("tedapi" in request.path for request in gateway.requests)


async def test_reading_stays_unsigned_where_it_can(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "26.18")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    before = asked_for(gateway, PATH)
    await entry.runtime_data.settings.async_refresh()
    assert asked_for(gateway, PATH) == before


async def test_a_key_that_is_not_taken_takes_nothing_away(
    hass: HomeAssistant, old: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, entry = old
    await keep_key(hass, entry)
    await logged_in(hass, entry)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert writes(gateway)[-1]["backup_reserve_percent"] == pytest.approx(33.5)


async def test_a_key_is_taken_as_soon_as_it_is_confirmed(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    gateway.gateway.keyring.register(public_key())
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    assert state_of(hass, gateway, "select", "operation_mode") is None
    gateway.flip_switch()
    await entry.runtime_data.settings.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "select", "operation_mode") == "self_consumption"


async def test_a_key_that_is_taken_away(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert refused.value.translation_key == "key_unknown"
    assert state_of(hass, gateway, "number", "backup_reserve") == "unavailable"


async def test_what_is_only_stored_is_said_with_the_firmware(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    gateway.gateway.follows_config = False
    with pytest.raises(HomeAssistantError) as not_followed:
        await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    assert not_followed.value.translation_key == "operation_not_followed"
    assert not_followed.value.translation_placeholders == {"firmware": gateway.gateway.nameplate.version.split()[0]}


async def test_what_flows_to_and_from_the_grid(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    assert state_of(hass, gateway, "switch", "grid_charging") is None
    await keep_key(hass, entry)
    kept = gateway.gateway.site_settings
    assert state_of(hass, gateway, "switch", "grid_charging") == "on"
    await call(hass, gateway, "switch", "grid_charging", "turn_off")
    assert state_of(hass, gateway, "switch", "grid_charging") == "off"
    assert kept == {"disallow_charge_from_grid_with_solar_installed": True}
    await call(hass, gateway, "switch", "grid_charging", "turn_on")
    assert (state_of(hass, gateway, "switch", "grid_charging"), kept) == ("on", {})
    assert state_of(hass, gateway, "select", "export_rule") == "unknown"
    await call(hass, gateway, "select", "export_rule", "select_option", option="pv_only")
    assert state_of(hass, gateway, "select", "export_rule") == "pv_only"
    assert kept == {"customer_preferred_export_rule": "pv_only"}
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "switch", "grid_charging", "turn_off")
    assert refused.value.translation_key == "key_unknown"
    assert state_of(hass, gateway, "switch", "grid_charging") == "unavailable"


async def test_a_powerwall_3_leaves_the_grid_and_comes_back(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Watch(0.005, 0.01, 0.5)
    monkeypatch.setattr(keeper, "IslandControl", partial(IslandControl, leaving=quick, returning=quick))
    gateway = await start(simulator, "pw3", speed=1000.0)
    house = gateway.house
    house.charge, house.solar_power, house.home_power = 80.0, 0.0, 100.0
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    assert state_of(hass, gateway, "switch", "off_grid") is None
    await keep_key(hass, entry)
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert house.grid_status == "SystemIslandedActive"
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert house.grid_status == "SystemGridConnected"


async def test_where_a_login_is_enough_to_leave_the_grid_nothing_is_signed(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "26.18", speed=1000.0)
    house = gateway.house
    house.charge, house.solar_power, house.home_power = 80.0, 0.0, 100.0
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    before = asked_for(gateway, PATH)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert house.grid_status == "SystemIslandedActive"
    assert asked_for(gateway, PATH) == before


# -- where it is kept --------------------------------------------------------------------------------------------------


async def test_the_key_is_in_private_storage_and_nowhere_else(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    simulator: StartSimulator,
    set_up: SetUp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway)
    owner = Owner(hass, entry)
    await owner.paste(pem())
    assert _kept_in(hass_storage) == [f"{DOMAIN}.{entry.entry_id}.key"]
    assert pairing.KeyStore(hass, entry.entry_id)._store._private
    told = json.dumps(await diagnostics.async_get_config_entry_diagnostics(hass, entry), default=str)
    # What the test harness itself logs of its storage in memory does not count.
    logged = [record.getMessage() for record in caplog.records if "homeassistant_custom_component" not in record.name]
    for secret in _secrets():
        assert secret not in told
        assert secret not in "".join(logged), [r.name for r in caplog.records if secret in r.getMessage()]
    assert json.loads(told)["gateway"]["key"] == {"verified": True, "firmware": "26.26.4"}
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert _kept_in(hass_storage) == []


def _secrets() -> list[str]:
    """Give the lines of the private key, but for the first and last, which are the same in all."""
    return pem().decode().splitlines()[2:-2]


def _kept_in(storage: dict[str, Any]) -> list[str]:
    return [name for name, content in storage.items() if any(secret in str(content) for secret in _secrets())]
