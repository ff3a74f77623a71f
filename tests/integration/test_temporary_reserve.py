"""Hold the charge or back up fully for a while, on every firmware, and restore the reserve in every way to end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
import errno
from functools import wraps
from time import monotonic
from typing import Any, Literal

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import control, storage
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway import GatewayConnectionError
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.models import OperationMode
from custom_components.powerwall_gateway.gateway.signed.client import PATH as SIGNED_PATH, SignedGateway
from custom_components.powerwall_gateway.storage import EntryStore, Purpose, TemporaryReserve, async_get_store
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import CONF_USERNAME
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError
from simulator import Simulator
from simulator.gateway.call import Call
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.control import call, follows, logged_in, poll, steady_grid, writes
from tests.signing_keys import SIGNED, pair

from .conftest import Loaded, SetUp, state_of
from .signing import ALLOWED, keep_key

pytestmark = pytest.mark.usefixtures("short_timings", "short_backoff", "quick_signing")

BEFORE = ("self_consumption", 24.0)
HELD = ("self_consumption", 60.0)
"""Mode, and reserve in the gateway's percent."""


async def _set_up(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str) -> Loaded:
    """Set up a gateway whose mode and reserve can be set, with a battery at 60.9% that supplies the home."""
    gateway = await start(simulator, firmware)
    gateway.home.charge, gateway.home.solar_power, gateway.home.home_power = 60.9, 0.0, 2000.0
    login = {CONF_USERNAME: "installer"} if firmware == "24.36" else {}
    if firmware == "24.36":
        gateway.flip_switch()
    if firmware in SIGNED:
        pair(gateway)
    entry = await set_up(gateway, options=ALLOWED, **login)
    if firmware == "1.15.0":
        await logged_in(hass, entry)
    if firmware in SIGNED:
        await keep_key(hass, entry)
    return gateway, entry


@pytest.fixture(params=["1.15.0", "24.36", *SIGNED])
async def loaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, request: pytest.FixtureRequest
) -> Loaded:
    """Set up a gateway of each kind: two that are set through the local API, and two with a signing key."""
    return await _set_up(hass, simulator, set_up, request.param)


@pytest.fixture
async def local(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Set up a gateway of 2024 with the installer login."""
    return await _set_up(hass, simulator, set_up, "24.36")


@pytest.fixture
async def signed(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Set up a Powerwall 3 with a signing key."""
    return await _set_up(hass, simulator, set_up, "pw3")


async def action(hass: HomeAssistant, name: str, **data: Any) -> None:
    """Call an action of the integration."""
    await hass.services.async_call(DOMAIN, name, data, blocking=True)


async def kept(hass: HomeAssistant, entry: MockConfigEntry) -> TemporaryReserve | None:
    """Return the temporary reserve on disk."""
    store = EntryStore(hass, entry.entry_id)
    await store.async_load()
    return store.temporary_reserve


async def time_passes(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Move the end of the temporary reserve into the past."""
    store = await async_get_store(hass, entry.entry_id)
    assert store.temporary_reserve
    await store.async_set_temporary_reserve(store.temporary_reserve.ended())


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Load the entry again, as after a restart."""
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


def someone_sets(gateway: Simulator, mode: str, reserve: float) -> None:
    """Change the settings like someone with Tesla's app. The reserve is in the gateway's percent."""
    gateway.gateway.operation.mode, gateway.gateway.operation.reserve = mode, reserve
    gateway.gateway.commit()


def stop_responding(gateway: Simulator) -> None:
    """Stop responding to reads and writes of mode and reserve."""
    for path in ("operation", "status", SIGNED_PATH):
        gateway.faults.add(path, drop=True)


def is_reported(hass: HomeAssistant, entry: MockConfigEntry) -> bool:
    """Return whether a repair issue says that the reserve could not be restored."""
    return ir.async_get(hass).async_get_issue(DOMAIN, f"reserve_left_{entry.entry_id}") is not None


# -- hold and release --------------------------------------------------------------------------------------------------


async def test_hold_keeps_the_charge_over_a_restart_and_release_restores_the_reserve(
    hass: HomeAssistant, loaded: Loaded
) -> None:
    gateway, entry = loaded
    assert state_of(hass, gateway, "switch", "hold") == "off"
    await call(hass, gateway, "switch", "hold", "turn_on")
    assert state_of(hass, gateway, "switch", "hold") == "on"
    assert follows(gateway) == HELD
    gateway.home.advance(3 * 3600)
    assert gateway.home.battery_power == 0
    assert gateway.home.charge == pytest.approx(60.0, abs=0.1)
    await reload(hass, entry)
    await poll(hass, entry, "settings", "live")
    assert state_of(hass, gateway, "switch", "hold") == "on"
    assert follows(gateway) == HELD
    assert await kept(hass, entry)
    await call(hass, gateway, "switch", "hold", "turn_off")
    assert state_of(hass, gateway, "switch", "hold") == "off"
    assert follows(gateway) == BEFORE
    assert await kept(hass, entry) is None


async def test_hold_ends_at_its_time_limit_also_while_home_assistant_is_down(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    monkeypatch.setattr(control, "RETRY", 0.0)
    await action(hass, "hold", duration={"hours": 2})
    temporary = await kept(hass, entry)
    assert temporary
    assert timedelta(minutes=119) < temporary.until - dt_util.utcnow() <= timedelta(hours=2)
    await poll(hass, entry, "live", "settings")
    assert follows(gateway) == HELD
    await time_passes(hass, entry)
    await poll(hass, entry, "live")
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == BEFORE
    await action(hass, "hold")
    await hass.config_entries.async_unload(entry.entry_id)
    await time_passes(hass, entry)
    assert follows(gateway) == HELD
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == BEFORE
    assert await kept(hass, entry) is None


async def test_hold_ends_in_time_with_a_clock_that_was_set_back(
    hass: HomeAssistant, local: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = local
    monkeypatch.setattr(control, "RETRY", 0.0)
    await action(hass, "hold", duration={"hours": 2})
    now, passed = dt_util.utcnow(), monotonic()
    monkeypatch.setattr(dt_util, "utcnow", lambda: now - timedelta(hours=1))
    monkeypatch.setattr(storage, "monotonic", lambda: passed + 7100)
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "switch", "hold") == "on"
    monkeypatch.setattr(storage, "monotonic", lambda: passed + 7200)
    await poll(hass, entry, "live")
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == BEFORE
    assert await kept(hass, entry) is None


async def test_change_by_someone_else_ends_the_hold_without_a_write(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    for theirs in (("self_consumption", 50.0), ("self_consumption", 24.0), ("autonomous", 60.0)):
        await action(hass, "hold")
        commits = gateway.gateway.commission_count
        someone_sets(gateway, *theirs)
        await poll(hass, entry, "settings")
        await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
        assert await kept(hass, entry) is None
        await action(hass, "release")
        assert follows(gateway) == theirs
        assert gateway.gateway.commission_count == commits + 1


async def test_release_after_an_unseen_change_keeps_that_change(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    await action(hass, "hold")
    someone_sets(gateway, "self_consumption", 50.0)
    await action(hass, "release")
    assert follows(gateway) == ("self_consumption", 50.0)
    assert await kept(hass, entry) is None


@pytest.mark.parametrize(
    ("firmware", "ending"),
    [("1.15.0", "not allowed"), ("24.36", "disabled"), ("pw3", "not allowed"), ("pw3", "no key")],
)
async def test_hold_ends_with_control(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str, ending: str
) -> None:
    gateway, entry = await _set_up(hass, simulator, set_up, firmware)
    await action(hass, "hold")
    await end(hass, entry, ending)
    assert follows(gateway) == BEFORE
    assert not is_reported(hass, entry)
    assert await kept(hass, entry) is None


async def end(hass: HomeAssistant, entry: MockConfigEntry, ending: str) -> None:
    """Remove or disable the entry, turn control off, or remove the key."""
    match ending:
        case "removed":
            await hass.config_entries.async_remove(entry.entry_id)
        case "disabled":
            await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        case "not allowed":
            hass.config_entries.async_update_entry(entry, options={CONF_ALLOW_CONTROL: False})
            await hass.config_entries.async_reload(entry.entry_id)
        case "no key":
            await (await async_get_store(hass, entry.entry_id)).async_set_key(None)
            await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.mark.parametrize("ending", ["removed", "disabled"])
async def test_reserve_that_cannot_be_restored_is_reported(hass: HomeAssistant, local: Loaded, ending: str) -> None:
    gateway, entry = local
    await action(hass, "hold")
    stop_responding(gateway)
    await end(hass, entry, ending)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"reserve_left_{entry.entry_id}")
    assert issue
    assert issue.translation_placeholders == {"name": entry.title, "reserve": "20"}
    gateway.faults.clear()
    if ending == "disabled":
        await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
        await until(lambda: follows(gateway) == BEFORE)
        await poll(hass, entry, "settings")
        assert not is_reported(hass, entry)


async def test_reserve_that_is_restored_late_is_reported(
    hass: HomeAssistant, local: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = local
    monkeypatch.setattr(control, "RETRY", 0.0)
    await action(hass, "hold")
    gateway.faults.add("operation", method="POST", status=500)
    with pytest.raises(HomeAssistantError):
        await action(hass, "release")
    assert not is_reported(hass, entry)
    store = await async_get_store(hass, entry.entry_id)
    assert store.temporary_reserve
    late = TemporaryReserve.from_json(
        store.temporary_reserve.to_json() | {"until": (dt_util.utcnow() - timedelta(minutes=10)).timestamp()}
    )
    await store.async_set_temporary_reserve(late)
    await poll(hass, entry, "settings")
    assert is_reported(hass, entry)
    gateway.faults.clear()
    await poll(hass, entry, "live", "settings")
    await until(lambda: not is_reported(hass, entry))
    assert follows(gateway) == BEFORE


# -- changes in Home Assistant -----------------------------------------------------------------------------------------


async def test_new_reserve_replaces_the_hold(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    await action(hass, "hold")
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert state_of(hass, gateway, "switch", "hold") == "off"
    assert follows(gateway) == ("self_consumption", 33.5)
    assert await kept(hass, entry) is None


def meanwhile(client: object, read: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Start `work` during the next read of the client. The read ends after 0.2 s, or with the work."""
    original = getattr(client, read)

    @wraps(original)
    async def slow() -> Any:
        setattr(client, read, original)
        begun.set()
        await asyncio.wait([task], timeout=0.2)
        return await original()

    async def wait_and_work() -> None:
        await begun.wait()
        await work()

    begun = asyncio.Event()
    setattr(client, read, slow)
    task = asyncio.create_task(wait_and_work())
    return task


async def test_reserve_that_is_set_while_a_hold_begins_replaces_it(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    setting = meanwhile(entry.runtime_data.gateway, "soe", lambda: entry.runtime_data.control.async_set(reserve=30.0))
    await action(hass, "hold")
    await setting
    assert follows(gateway) == ("self_consumption", 33.5)
    await action(hass, "release")
    assert follows(gateway) == ("self_consumption", 33.5)
    assert await kept(hass, entry) is None


async def test_reserve_that_is_set_while_a_full_backup_replaces_a_hold_keeps_the_backup(
    hass: HomeAssistant, signed: Loaded
) -> None:
    gateway, entry = signed
    await action(hass, "hold")
    setting = meanwhile(
        entry.runtime_data.control.signed, "full_backup", lambda: entry.runtime_data.control.async_set(reserve=30.0)
    )
    await action(hass, "back_up_fully")
    await setting
    assert backs_up(gateway)
    assert await kept(hass, entry)
    await action(hass, "cancel_backup")
    assert follows(gateway) == ("self_consumption", 33.5)
    assert await kept(hass, entry) is None


async def test_new_mode_restores_the_reserve_in_one_write(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    await action(hass, "hold")
    commits = gateway.gateway.commission_count
    await call(hass, gateway, "select", "operation_mode", "select_option", option="backup")
    assert state_of(hass, gateway, "switch", "hold") == "off"
    assert follows(gateway) == ("backup", 24.0)
    assert gateway.gateway.commission_count == commits + 1
    assert await kept(hass, entry) is None


async def test_second_hold_keeps_the_first_reserve_to_restore(hass: HomeAssistant, local: Loaded) -> None:
    gateway, _ = local
    await action(hass, "hold", duration={"minutes": 1})
    gateway.home.charge = 70.2
    await action(hass, "hold")
    assert follows(gateway) == ("self_consumption", 70.0)
    await action(hass, "release")
    assert follows(gateway) == BEFORE


async def test_release_without_a_hold_changes_nothing(hass: HomeAssistant, local: Loaded) -> None:
    gateway, _ = local
    await action(hass, "release")
    assert writes(gateway) == []


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [{"seconds": 59}, {"hours": 24, "seconds": 1}])
async def test_hold_rejects_a_duration_that_is_out_of_range(
    hass: HomeAssistant, local: Loaded, duration: dict[str, int]
) -> None:
    gateway, _ = local
    with pytest.raises(ServiceValidationError) as raised:
        await action(hass, "hold", duration=duration)
    assert raised.value.translation_key == "duration_out_of_range"
    assert writes(gateway) == []


async def test_hold_is_refused_in_backup_mode(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    someone_sets(gateway, "backup", 24.0)
    with pytest.raises(ServiceValidationError) as raised:
        await action(hass, "hold")
    assert raised.value.translation_key == "hold_in_backup_mode"
    assert follows(gateway) == ("backup", 24.0)
    assert await kept(hass, entry) is None


async def test_hold_needs_permission(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "24.36")
    await set_up(gateway, options=ALLOWED)
    assert state_of(hass, gateway, "switch", "hold") is None
    with pytest.raises(ServiceValidationError) as raised:
        await action(hass, "hold")
    assert raised.value.translation_key == "operation_not_allowed"


async def test_hold_needs_a_stored_reserve(hass: HomeAssistant, local: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _ = local

    async def full(*_: Any) -> None:
        raise WriteError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Store, "_async_write_data", full)
        with pytest.raises(HomeAssistantError) as raised:
            await action(hass, "hold")
    assert raised.value.translation_key == "reserve_not_kept"
    assert writes(gateway) == []
    assert state_of(hass, gateway, "switch", "hold") == "off"

    hass.set_state(CoreState.stopping)
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "hold")
    hass.set_state(CoreState.running)
    assert raised.value.translation_key == "reserve_not_kept"
    assert writes(gateway) == []


@pytest.mark.parametrize(
    ("path", "fault", "key"),
    [
        ("system_status/soe", {"status": 500}, "gateway_refused"),
        ("operation", {"status": 500}, "operation_refused"),
        ("operation", {"status": 200, "body": b"{}"}, "operation_not_applied"),
        ("config/completed", {"status": 503}, "operation_stored_only"),
    ],
)
async def test_failed_hold_raises_the_reason_and_leaves_nothing(
    hass: HomeAssistant,
    local: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fault: dict[str, Any],
    key: str,
) -> None:
    gateway, entry = local
    monkeypatch.setattr(control, "RETRY", 0.0)
    monkeypatch.setattr(entry.runtime_data.control._hub.operation, "read_back", Polling(0.01, 0.01, 0.05))
    gateway.faults.add(path, method="POST" if path == "operation" else "GET", **fault)
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "hold")
    assert raised.value.translation_key == key
    gateway.faults.clear()
    await poll(hass, entry, "live", "settings")
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == BEFORE
    assert gateway.gateway.operation.reserve == pytest.approx(24)
    assert await kept(hass, entry) is None


async def test_hold_that_was_interrupted_is_undone(hass: HomeAssistant, local: Loaded) -> None:
    """Home Assistant ends between the write and its confirmation."""
    gateway, entry = local
    await action(hass, "hold")
    await time_passes(hass, entry)  # store the hold, then write to the gateway
    await reload(hass, entry)
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == BEFORE


async def test_hold_that_the_battery_does_not_follow_is_reported(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed

    def reported() -> bool:
        return ir.async_get(hass).async_get_issue(DOMAIN, f"hold_not_followed_{entry.entry_id}") is not None

    gateway.gateway.follows_config = False
    await action(hass, "hold")
    await poll(hass, entry, "live")
    assert not reported()
    gateway.home.charge = 57.0
    await steady_grid(entry)
    await poll(hass, entry, "live")
    assert reported()
    await action(hass, "release")
    await poll(hass, entry, "live")
    assert not reported()


async def test_values_that_the_gateway_does_not_report_are_no_change(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    await action(hass, "hold")
    gateway.overrides["operation"] = {"real_mode": None, "backup_reserve_percent": None}
    await poll(hass, entry, "settings")
    assert state_of(hass, gateway, "switch", "hold") == "on"
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "release")
    assert raised.value.translation_key == "reserve_not_restored"
    gateway.overrides.clear()
    await action(hass, "release")
    assert follows(gateway) == BEFORE


# -- back up fully -----------------------------------------------------------------------------------------------------


def backs_up(gateway: Simulator) -> bool:
    """Return whether the gateway does a full backup by itself."""
    return gateway.gateway.full_backup.active


def backup_until(hass: HomeAssistant, gateway: Simulator) -> float | None:
    """Return the hours until the full backup ends, as the sensor shows them; None for no full backup."""
    state = state_of(hass, gateway, "sensor", "backup_until")
    assert state not in {None, "unavailable"}
    until = dt_util.parse_datetime(state or "")
    return None if until is None else round((until - dt_util.utcnow()) / timedelta(hours=1), 1)


async def test_full_backup_charges_the_battery_until_it_is_canceled(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    by_itself = gateway.profile.firmware in SIGNED
    await poll(hass, entry, "detail")
    assert backup_until(hass, gateway) is None
    await action(hass, "back_up_fully", duration={"hours": 6})
    assert backup_until(hass, gateway) == 6.0
    assert state_of(hass, gateway, "switch", "hold") == "off"
    assert backs_up(gateway) is by_itself
    assert follows(gateway) == (BEFORE if by_itself else ("self_consumption", 100.0))
    gateway.home.advance(5 * 3600)
    assert gateway.home.charge > 99
    await reload(hass, entry)
    await poll(hass, entry, "detail", "settings")
    assert backup_until(hass, gateway) == 6.0
    await action(hass, "cancel_backup")
    assert backup_until(hass, gateway) is None
    assert not backs_up(gateway)
    assert follows(gateway) == BEFORE
    assert await kept(hass, entry) is None


@pytest.mark.parametrize("follows_it", ["never", "unsupported"])
async def test_full_backup_sets_the_reserve_if_the_gateway_does_not_do_it(
    hass: HomeAssistant, signed: Loaded, follows_it: Literal["never", "unsupported"]
) -> None:
    gateway, entry = signed
    gateway.gateway.full_backup.follows = follows_it
    await action(hass, "hold")
    await action(hass, "back_up_fully")
    assert follows(gateway) == ("self_consumption", 100.0)
    await poll(hass, entry, "detail", "settings", "live")
    assert backup_until(hass, gateway) == 12.0
    await action(hass, "cancel_backup")
    assert follows(gateway) == BEFORE
    assert backup_until(hass, gateway) is None


@pytest.mark.parametrize("ending", ["not allowed", "no key"])
async def test_full_backup_ends_with_control(hass: HomeAssistant, signed: Loaded, ending: str) -> None:
    gateway, entry = signed
    await action(hass, "back_up_fully")
    assert backs_up(gateway)
    await end(hass, entry, ending)
    assert not backs_up(gateway)
    assert await kept(hass, entry) is None


async def test_full_backup_of_someone_else_is_shown_and_kept(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed
    await action(hass, "back_up_fully")
    event = gateway.gateway.full_backup
    event.duration = 3600
    await poll(hass, entry, "detail")
    assert backup_until(hass, gateway) == 1.0
    assert await kept(hass, entry) is None
    await end(hass, entry, "not allowed")
    assert backs_up(gateway)
    event.duration = None


async def test_full_backup_of_someone_else_can_be_canceled(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed
    event = gateway.gateway.full_backup
    event.start, event.duration = round(dt_util.utcnow().timestamp()), 3600
    await poll(hass, entry, "detail")
    assert backup_until(hass, gateway) == 1.0
    event.cancels = False
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "cancel_backup")
    assert raised.value.translation_key == "backup_not_canceled"
    event.cancels = True
    await action(hass, "cancel_backup")
    assert not backs_up(gateway)
    assert backup_until(hass, gateway) is None


async def test_full_backup_with_a_lost_response_is_undone(
    hass: HomeAssistant, signed: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = signed
    monkeypatch.setattr(control, "RETRY", 0.0)
    schedule = SignedGateway.schedule_full_backup

    async def lost(signed: SignedGateway, seconds: int) -> None:
        await schedule(signed, seconds)
        raise GatewayConnectionError("the response was lost")

    with monkeypatch.context() as network:
        network.setattr(SignedGateway, "schedule_full_backup", lost)
        with pytest.raises(HomeAssistantError) as raised:
            await action(hass, "back_up_fully")
    assert raised.value.translation_key == "no_answer"
    assert not backs_up(gateway)
    assert await kept(hass, entry) is None


async def test_refused_full_backup_keeps_the_one_before(
    hass: HomeAssistant, signed: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = signed

    async def refuse(*_: object) -> None:
        raise GatewayConnectionError("no connection")

    await action(hass, "back_up_fully", duration={"hours": 1})
    with monkeypatch.context() as network:
        network.setattr(SignedGateway, "schedule_full_backup", refuse)
        with pytest.raises(HomeAssistantError):
            await action(hass, "back_up_fully", duration={"hours": 3})
    assert backs_up(gateway)
    assert await kept(hass, entry) is not None
    await action(hass, "hold")
    assert not backs_up(gateway)


async def test_reserve_of_a_replaced_backup_is_a_change_during_a_hold(hass: HomeAssistant, local: Loaded) -> None:
    gateway, entry = local
    await action(hass, "back_up_fully")
    await action(hass, "hold")
    someone_sets(gateway, "self_consumption", 100.0)
    await poll(hass, entry, "settings")
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    assert follows(gateway) == ("self_consumption", 100.0)
    assert await kept(hass, entry) is None


async def test_hold_and_full_backup_replace_each_other(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await action(hass, "hold")
    await action(hass, "back_up_fully", duration={"hours": 1})
    assert state_of(hass, gateway, "switch", "hold") == "off"
    await poll(hass, entry, "detail")
    assert backup_until(hass, gateway) == 1.0
    await action(hass, "hold")
    assert follows(gateway) == HELD
    assert not backs_up(gateway)
    assert backup_until(hass, gateway) is None
    await action(hass, "cancel_backup")
    assert follows(gateway) == HELD
    await action(hass, "release")
    assert follows(gateway) == BEFORE


# -- nothing is left ---------------------------------------------------------------------------------------------------


async def wait_until_nothing_is_left(hass: HomeAssistant, loaded: Loaded) -> None:
    """Wait until the former settings are restored, and check that nothing of a temporary reserve is stored."""
    gateway, entry = loaded
    store = await async_get_store(hass, entry.entry_id)
    await until(lambda: follows(gateway) == BEFORE and not backs_up(gateway) and not store.temporary_reserve)
    await hass.async_block_till_done()
    assert gateway.gateway.operation.reserve == pytest.approx(24)
    assert await kept(hass, entry) is None
    assert not is_reported(hass, entry)


@pytest.mark.parametrize("purpose", Purpose)
async def test_nothing_is_left_after_the_end(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, purpose: Purpose
) -> None:
    """Lose the network at the start and at the end, restart, let someone else change it, and remove the entry."""
    gateway, entry = loaded
    by_itself = purpose is Purpose.BACKUP and gateway.profile.firmware in SIGNED
    begin, finish = {Purpose.HOLD: ("hold", "release"), Purpose.BACKUP: ("back_up_fully", "cancel_backup")}[purpose]
    wanted = BEFORE if by_itself else HELD if purpose is Purpose.HOLD else ("self_consumption", 100.0)
    monkeypatch.setattr(control, "RETRY", 0.0)
    if gateway.profile.firmware not in SIGNED:
        monkeypatch.setattr(entry.runtime_data.control._hub.operation, "read_back", Polling(0.01, 0.01, 0.05))

    def is_set() -> bool:
        return follows(gateway) == wanted and backs_up(gateway) is by_itself

    def lose_network(step: str, _: Call) -> None:
        if step == "acted" and is_set():
            stop_responding(gateway)

    if not by_itself:
        gateway.server.observer = lose_network
        with pytest.raises(HomeAssistantError):
            await action(hass, begin)
        gateway.server.observer = lambda *_: None
        assert is_set()
        gateway.faults.clear()
        await poll(hass, entry, "live", "settings")
        await wait_until_nothing_is_left(hass, loaded)

    await action(hass, begin)
    await reload(hass, entry)
    await poll(hass, entry, "settings", "detail")
    assert is_set()
    assert (state_of(hass, gateway, "switch", "hold") == "on") is (purpose is Purpose.HOLD)
    stop_responding(gateway)
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, finish)
    assert raised.value.translation_key == ("backup_not_canceled" if by_itself else "reserve_restored_later")
    assert by_itself or "20%" in str(raised.value)
    assert is_set()
    gateway.faults.clear()
    await reload(hass, entry)  # the request to end it is on disk
    await wait_until_nothing_is_left(hass, loaded)

    await action(hass, begin)
    someone_sets(gateway, "self_consumption", 50.0)
    gateway.gateway.full_backup.duration = None
    await poll(hass, entry, "settings", "detail")
    await until(lambda: state_of(hass, gateway, "switch", "hold") == "off")
    await action(hass, finish)
    assert follows(gateway) == ("self_consumption", 50.0)
    assert await kept(hass, entry) is None

    someone_sets(gateway, *BEFORE)
    await action(hass, begin)
    assert is_set()
    await end(hass, entry, "removed")
    await wait_until_nothing_is_left(hass, loaded)


# -- stored data -------------------------------------------------------------------------------------------------------

STORED = {
    "purpose": "hold",
    "until": 1e9,
    "mode": "self_consumption",
    "before": 20.0,
    "reserves": [57.9],
    "event_end": None,
}


def test_temporary_reserve_survives_the_store() -> None:
    temporary = TemporaryReserve.from_json(STORED)
    assert temporary
    assert (temporary.purpose, temporary.mode) == (Purpose.HOLD, OperationMode.SELF_CONSUMPTION)
    assert temporary.to_json() == STORED


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        STORED | {"purpose": "party"},
        STORED | {"until": "soon"},
        STORED | {"until": 1e300},
        STORED | {"mode": None},
        STORED | {"before": None},
        STORED | {"reserves": 5},
        STORED | {"event_end": "never"},
    ],
)
def test_invalid_stored_reserve_is_ignored(stored: object) -> None:
    assert TemporaryReserve.from_json(stored) is None


@pytest.mark.parametrize(("charge", "raw"), [(60.9, 60), (60.0, 60), (100.0, 100), (5.2, 5), (3.0, 5)])
def test_held_reserve_is_not_above_the_charge(charge: float, raw: float) -> None:
    assert control.held_reserve(charge) == pytest.approx((raw - 5) / 0.95)
