"""Charge or discharge at a power for a while with a signing key, and end it in every way."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Literal

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import control, hub
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway import DispatchController
from custom_components.powerwall_gateway.gateway.signed.client import PATH as SIGNED_PATH
from custom_components.powerwall_gateway.storage import EntryStore
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.control import call, entity_of, follows, poll
from tests.signing_keys import pair

from .conftest import Loaded, SetUp, state_of
from .signing import ALLOWED, SHORT, feeding, keep_key

pytestmark = pytest.mark.usefixtures("short_timings", "short_backoff", "quick_signing")

CHARGE = {"direction": "charge", "power": 3000}
DISCHARGE = {"direction": "discharge", "power": 1500}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch and renew the power after milliseconds."""
    monkeypatch.setattr(control, "DISPATCH_WATCH", 0.01)
    monkeypatch.setattr(control, "DISPATCH_RENEW", 0.03)
    monkeypatch.setattr(control, "RETRY", 0.0)


@pytest.fixture
async def loaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> Loaded:
    """Set up a Powerwall 3 with a signing key, and a battery that supplies 2 kW."""
    monkeypatch.setattr(hub, "DispatchController", partial(DispatchController, follow=SHORT))
    gateway = await feeding(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    er.async_get(hass).async_update_entity(entity_of(hass, gateway, "sensor", "dispatch_until"), disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    return gateway, entry


async def action(hass: HomeAssistant, name: str, **data: Any) -> None:
    """Call an action of the integration."""
    await hass.services.async_call(DOMAIN, name, data, blocking=True)


async def refused(hass: HomeAssistant, **data: Any) -> str | None:
    """Return the key of the error with which the action is refused."""
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "dispatch", **data)
    return raised.value.translation_key


def set_power(gateway: Simulator) -> float | None:
    """Return the power in W that was set for the battery."""
    return gateway.gateway.dispatch.power


def shown(hass: HomeAssistant, gateway: Simulator) -> float | None:
    """Return the minutes until the power ends, as the sensor shows them; None if none is set."""
    state = state_of(hass, gateway, "sensor", "dispatch_until")
    assert state not in {None, "unavailable"}
    end = dt_util.parse_datetime(state or "")
    return None if end is None else round((end - dt_util.utcnow()).total_seconds() / 60)


def ended_because(hass: HomeAssistant, gateway: Simulator) -> str | None:
    """Return the reason of an early end, as the sensor shows it."""
    state = hass.states.get(entity_of(hass, gateway, "sensor", "dispatch_until"))
    assert state
    reason: str | None = state.attributes["ended_because"]
    return reason


async def kept(hass: HomeAssistant, entry: MockConfigEntry) -> bool:
    """Return whether it is on disk that the power is to be ended."""
    store = EntryStore(hass, entry.entry_id)
    await store.async_load()
    return store.dispatched


@pytest.mark.parametrize(("data", "power"), [(CHARGE, -3000), (DISCHARGE, 1500)])
async def test_battery_is_dispatched_until_it_is_canceled(
    hass: HomeAssistant, loaded: Loaded, data: dict[str, Any], power: float
) -> None:
    gateway, entry = loaded
    assert shown(hass, gateway) is None
    await action(hass, "dispatch", **data)
    assert gateway.home.battery_power == power
    assert gateway.gateway.dispatch.orders == [(power, 120)]
    assert shown(hass, gateway) == 30
    assert await kept(hass, entry)
    await action(hass, "dispatch", direction="discharge", power=800, duration={"minutes": 1})
    assert gateway.gateway.dispatch.orders[1:] == [(800, 60)]
    assert shown(hass, gateway) == 1
    await action(hass, "cancel_dispatch")
    assert gateway.home.battery_power == 2000
    assert shown(hass, gateway) is None
    assert not await kept(hass, entry)
    await action(hass, "cancel_dispatch")
    assert gateway.gateway.dispatch.orders.count(None) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("clock", [1, -1], ids=["after a suspended host", "with a clock that was set back"])
async def test_dispatch_is_renewed_and_ends_in_time(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    await until(lambda: len(gateway.gateway.dispatch.orders) > 2)
    now, passed = dt_util.utcnow(), monotonic()
    monkeypatch.setattr(dt_util, "utcnow", lambda: now + clock * control.LONGEST_TEMPORARY)
    if clock < 0:
        monkeypatch.setattr(control, "monotonic", lambda: passed + 30 * 60)
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert set_power(gateway) is None
    assert ended_because(hass, gateway) is None
    assert not await kept(hass, entry)


def someone_sets_the_reserve(gateway: Simulator) -> None:
    """Change the reserve like someone with Tesla's app."""
    gateway.gateway.operation.reserve = 50.0
    gateway.gateway.commit()


def someone_sets_the_mode(gateway: Simulator) -> None:
    """Change the mode like someone with Tesla's app."""
    gateway.gateway.operation.mode = "backup"
    gateway.gateway.commit()


def someone_backs_up(gateway: Simulator) -> None:
    """Start a full backup like someone with Tesla's app."""
    gateway.gateway.full_backup.start, gateway.gateway.full_backup.duration = 0, 2**31


def reserve_is_reached(gateway: Simulator) -> None:
    """Let the charge fall to the reserve."""
    gateway.home.charge = 24.0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "dispatched", "reason"),
    [
        (someone_sets_the_reserve, CHARGE, "mode or reserve were changed"),
        (someone_sets_the_mode, DISCHARGE, "mode or reserve were changed"),
        (someone_backs_up, CHARGE, "there is a full backup"),
        (reserve_is_reached, DISCHARGE, "the charge is too low"),
        (lambda gateway: gateway.home.outage(), CHARGE, "the home is off-grid"),
    ],
)
async def test_dispatch_ends_if_something_speaks_against_it(
    hass: HomeAssistant, loaded: Loaded, change: Callable[[Simulator], None], dispatched: dict[str, Any], reason: str
) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **dispatched)
    change(gateway)
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert set_power(gateway) is None
    assert shown(hass, gateway) is None
    assert ended_because(hass, gateway) == reason
    if change is someone_sets_the_reserve:
        assert follows(gateway) == ("self_consumption", 50.0)


async def test_rule_that_is_changed_in_home_assistant_ends_the_dispatch_before_a_renewal(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, entry = loaded
    monkeypatch.setattr(control, "DISPATCH_WATCH", 0.01)
    await action(hass, "dispatch", **CHARGE)
    await call(hass, gateway, "switch", "grid_charging", "turn_off")
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert gateway.gateway.dispatch.orders == [(-3000, 120), None]
    assert "the grid may not supply so much" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_dispatch_ends_after_an_unexpected_error(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    with monkeypatch.context() as broken:
        broken.setattr(control, "_lease", lambda _: 1 / 0)
        await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert set_power(gateway) is None
    assert "after an unexpected error" in caplog.text
    assert ended_because(hass, gateway) == "unexpected error"
    await action(hass, "dispatch", **CHARGE)
    assert ended_because(hass, gateway) is None


@pytest.mark.parametrize(
    ("platform", "key", "name", "data"),
    [
        ("switch", "hold", "turn_on", {}),
        ("number", "backup_reserve", "set_value", {"value": 30}),
        (None, None, "back_up_fully", {}),
    ],
)
async def test_other_controls_end_the_dispatch_first(
    hass: HomeAssistant, loaded: Loaded, platform: str | None, key: str, name: str, data: dict[str, Any]
) -> None:
    gateway, _ = loaded
    await action(hass, "dispatch", **CHARGE)
    if platform is None:
        await action(hass, name)
        assert await refused(hass, **CHARGE) == "backup_in_progress"
    else:
        await call(hass, gateway, platform, key, name, **data)
    assert set_power(gateway) is None
    assert shown(hass, gateway) is None


@pytest.mark.parametrize("ending", ["reloaded", "removed", "disabled"])
async def test_dispatch_ends_with_the_entry(hass: HomeAssistant, loaded: Loaded, ending: str) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    if ending == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_reload(entry.entry_id)
    assert set_power(gateway) is None
    assert not await kept(hass, entry)


@pytest.mark.usefixtures("quick")
async def test_dispatch_of_an_earlier_process_is_ended(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    gateway.faults.add(SIGNED_PATH, drop=True)
    await hass.config_entries.async_unload(entry.entry_id)  # like a crash: the gateway cannot be reached
    assert await kept(hass, entry)
    assert set_power(gateway) == -3000
    gateway.faults.clear()
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await poll(hass, entry, "live")
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert set_power(gateway) is None
    assert not await kept(hass, entry)


@pytest.mark.usefixtures("quick")
async def test_dispatch_without_a_network_is_ended_later(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    gateway.faults.add(SIGNED_PATH, drop=True)
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "cancel_dispatch")
    assert raised.value.translation_key == "no_answer"
    assert await kept(hass, entry)
    gateway.faults.clear()
    await poll(hass, entry, "live")
    await until(lambda: set_power(gateway) is None)
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("lost", ["all requests", "renewals"])
async def test_dispatch_that_cannot_be_renewed_in_time_is_over(
    hass: HomeAssistant,
    loaded: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lost: str,
) -> None:
    gateway, entry = loaded
    monkeypatch.setattr(control, "LEASE", 1)
    await action(hass, "dispatch", **CHARGE)
    if lost == "renewals":
        gateway.gateway.dispatch.follows = "lost"
    else:
        gateway.faults.add(SIGNED_PATH, drop=True)
    await until(lambda: set_power(gateway) is None)
    await until(lambda: shown(hass, gateway) is None)
    assert "Ending the dispatch" in caplog.text
    gateway.faults.clear()
    gateway.gateway.dispatch.follows = "always"
    await poll(hass, entry, "live")
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "change", "key"),
    [
        (CHARGE | {"power": 499}, None, "power_out_of_range"),
        (CHARGE | {"power": 10001}, None, "power_out_of_range"),
        (CHARGE | {"duration": {"seconds": 59}}, None, "duration_out_of_range"),
        (CHARGE, lambda gateway: gateway.home.outage(), "dispatch_off_grid"),
        (DISCHARGE, reserve_is_reached, "dispatch_below_reserve"),
        (DISCHARGE | {"power": 5000}, None, "dispatch_exports"),
        (CHARGE, someone_backs_up, "backup_in_progress"),
    ],
)
async def test_dispatch_is_refused_and_nothing_is_sent(
    hass: HomeAssistant,
    loaded: Loaded,
    data: dict[str, Any],
    change: Callable[[Simulator], None] | None,
    key: str,
) -> None:
    gateway, entry = loaded
    if change is not None:
        change(gateway)
    with pytest.raises(ServiceValidationError) as raised:
        await action(hass, "dispatch", **data)
    assert raised.value.translation_key == key
    assert gateway.gateway.dispatch.orders == []
    assert not await kept(hass, entry)


@pytest.mark.parametrize(
    ("follows_it", "key"), [("never", "dispatch_not_followed"), ("unsupported", "not_on_this_firmware")]
)
async def test_firmware_that_does_not_follow_is_reported(
    hass: HomeAssistant, loaded: Loaded, follows_it: Literal["never", "unsupported"], key: str
) -> None:
    gateway, entry = loaded
    gateway.gateway.dispatch.follows = follows_it
    assert await refused(hass, **CHARGE) == key
    await until(lambda: not entry.runtime_data.control.dispatch.is_active)
    assert gateway.gateway.dispatch.orders == ([(-3000, 120), None] if follows_it == "never" else [])
    assert shown(hass, gateway) is None


async def test_refused_dispatch_leaves_the_one_before(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await action(hass, "dispatch", **CHARGE)
    gateway.gateway.dispatch.follows = "unsupported"
    assert await refused(hass, **DISCHARGE) == "not_on_this_firmware"
    assert gateway.gateway.dispatch.orders == [(-3000, 120)]
    assert shown(hass, gateway) == 30
    assert await kept(hass, entry)
    gateway.gateway.dispatch.follows = "always"
    await action(hass, "cancel_dispatch")
    assert set_power(gateway) is None


async def test_dispatch_needs_a_key(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await feeding(simulator, "26.18")
    await set_up(gateway, options=ALLOWED)
    assert await refused(hass, **CHARGE) == "key_missing"


async def test_dispatch_is_not_started_if_it_cannot_be_stored(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded

    async def fail(*_: object) -> None:
        """Write nothing, like a Store whose disk is full."""

    monkeypatch.setattr(Store, "async_save", fail)
    assert await refused(hass, **CHARGE) == "dispatch_not_kept"
    await poll(hass, entry, "live")
    assert gateway.gateway.dispatch.orders == []
    assert not entry.runtime_data.control.dispatch.is_active


# -- applying settings again -------------------------------------------------------------------------------------------


async def test_settings_are_applied_again_by_a_canceled_full_backup(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    event = gateway.gateway.full_backup
    await action(hass, "dispatch", **CHARGE)
    await action(hass, "reapply_settings")
    assert event.start
    assert event.duration is None
    assert set_power(gateway) is None
    event.cancels = False
    with pytest.raises(HomeAssistantError) as raised:
        await action(hass, "reapply_settings")
    assert raised.value.translation_key == "backup_not_canceled"
    event.duration = 3600
    with pytest.raises(ServiceValidationError) as raised:
        await action(hass, "reapply_settings")
    assert raised.value.translation_key == "backup_in_progress"
    assert event.duration == 3600
