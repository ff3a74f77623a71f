"""The blueprints for outages, run by Home Assistant's own automations against the simulated gateway."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, async_mock_service

from custom_components.powerwall_gateway import coordinator
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.config import YAML_CONFIG_FILE
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict, save_yaml
from simulator import Simulator
from simulator.home import SimulatedHome
from tests.conftest import StartSimulator
from tests.integration.control import entity_of

from .conftest import AUTOMATIONS, Automate, Loaded, entry_for

BOILER, POOL, SAUNA, CELLAR = (f"input_boolean.{load}" for load in ("boiler", "pool", "sauna", "cellar"))
HELPERS: Final[dict[str, Any]] = {
    "input_boolean": {load.partition(".")[2]: {} for load in (BOILER, POOL, SAUNA, CELLAR)},
    "input_text": {"notes": {}},
}


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """Return a gateway at app 80 % whose grid is restored at once, and its entry."""
    monkeypatch.setattr(coordinator, "GRID_SETTLES", 0.0)
    monkeypatch.setattr(coordinator, "GRID_INTERVAL", 3600.0)
    for component, config in {"homeassistant": {}, "persistent_notification": {}, **HELPERS}.items():
        assert await async_setup_component(hass, component, {component: config})
    gateway = await simulator("21.44")
    gateway.home.charge = 81.0
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    entry = entry_for(gateway)
    entry.add_to_hass(hass)
    # A poll that is in progress while a test lets time pass would take too long.
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return gateway, entry


@pytest.fixture
def phone(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the notifications to the phone."""
    calls: list[ServiceCall] = async_mock_service(hass, "notify", "phone")
    return calls


def entities(hass: HomeAssistant, gateway: Simulator) -> dict[str, str]:
    """Return the inputs that both blueprints have."""
    return {
        "grid_event": entity_of(hass, gateway, "event", "grid_event"),
        "charge": entity_of(hass, gateway, "sensor", "charge"),
    }


async def poll_everything(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll the charge and the grid, and wait for what a change of the grid has polled in the background."""
    await entry.runtime_data.live.async_refresh()
    await entry.runtime_data.grid.async_refresh()
    if refreshing := entry.runtime_data.grid._refreshing:
        await refreshing
    await hass.async_block_till_done()


def cut_grid(simulated: SimulatedHome) -> None:
    """Begin a grid outage."""
    simulated.outage()
    simulated.advance(3)


def restore_grid(simulated: SimulatedHome) -> None:
    """Restore the grid, and wait until the home is connected."""
    simulated.restore()
    simulated.advance(30)


async def begin_outage(hass: HomeAssistant, loaded: Loaded) -> None:
    """Begin a grid outage, and poll."""
    cut_grid(loaded[0].home)
    await poll_everything(hass, loaded[1])


async def end_outage(hass: HomeAssistant, loaded: Loaded) -> None:
    """Restore the grid, and poll."""
    restore_grid(loaded[0].home)
    await poll_everything(hass, loaded[1])


async def falls_to(hass: HomeAssistant, loaded: Loaded, app: float) -> None:
    """Lower the charge to this app %."""
    loaded[0].home.charge = 5 + 0.95 * app
    await poll_everything(hass, loaded[1])


async def wait(hass: HomeAssistant, freezer: FrozenDateTimeFactory, minutes: float) -> None:
    """Advance the time."""
    freezer.tick(timedelta(minutes=minutes))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def restart(
    hass: HomeAssistant, entry: MockConfigEntry, meanwhile: Callable[[], object] = int, *, settle: bool = True
) -> None:
    """Restart what an outage is about: the automations and helpers, which Home Assistant restores, and the entry.

    Without `settle` it does not wait for automations, which may wait for an hour themselves.
    """
    config = HELPERS | load_yaml_dict(hass.config.path(AUTOMATIONS))
    await reload(hass, config, {component: {} for component in config})
    assert await hass.config_entries.async_unload(entry.entry_id)
    meanwhile()
    hass.set_state(CoreState.starting)
    await hass.config_entries.async_setup(entry.entry_id)
    await reload(hass, config, config)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    if settle:
        await hass.async_block_till_done()


async def reload(hass: HomeAssistant, components: Iterable[str], config: dict[str, Any]) -> None:
    """Let Home Assistant read its configuration."""
    save_yaml(hass.config.path(YAML_CONFIG_FILE), config)
    for component in components:
        await hass.services.async_call(component, "reload", blocking=True)
    await hass.async_block_till_done()


# -- telling of it -----------------------------------------------------------------------------------------------------


async def notify(hass: HomeAssistant, loaded: Loaded, automate: Automate, **inputs: Any) -> None:
    """Set up the blueprint that notifies a phone of outages."""
    action = [{"action": "notify.phone", "data": {"title": "{{ title }}", "message": "{{ message }}"}}]
    await automate(
        "outage",
        **entities(hass, loaded[0]),
        time_remaining=entity_of(hass, loaded[0], "sensor", "backup_time_remaining"),
        on_outage=action,
        on_return=action,
        **inputs,
    )


def titles(phone: list[ServiceCall]) -> list[str]:
    """Return the notifications."""
    return [call.data["title"] for call in phone]


async def test_outage_notifies_start_and_end_with_the_charge(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, phone: list[ServiceCall]
) -> None:
    await notify(hass, loaded, automate)
    await begin_outage(hass, loaded)
    assert titles(phone) == ["Grid outage"]
    assert "The battery is at 80" in phone[0].data["message"]
    assert " % and lasts for about " in phone[0].data["message"]
    await falls_to(hass, loaded, 60)
    await end_outage(hass, loaded)
    assert titles(phone) == ["Grid outage", "Grid restored"]
    assert phone[1].data["message"].startswith("After 0:00:0")
    assert "60" in phone[1].data["message"]
    assert "lasts" not in phone[1].data["message"]


async def test_outage_without_backup_time_notifies_the_charge_alone(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    """A Powerwall 3 without a signing key has no sensor for the backup time."""
    await automate("outage", **entities(hass, loaded[0]))
    await begin_outage(hass, loaded)
    (shown,) = _async_get_or_create_notifications(hass).values()
    assert shown["message"].endswith("The battery is at 80 %.")


async def test_outage_without_a_phone_creates_a_notification(
    hass: HomeAssistant, loaded: Loaded, automate: Automate
) -> None:
    remaining = entity_of(hass, loaded[0], "sensor", "backup_time_remaining")
    await automate("outage", **entities(hass, loaded[0]), time_remaining=remaining)
    await begin_outage(hass, loaded)
    (shown,) = _async_get_or_create_notifications(hass).values()
    assert shown["title"] == "Grid outage"


async def test_outage_notifies_only_if_it_lasts(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, phone: list[ServiceCall], freezer: FrozenDateTimeFactory
) -> None:
    await notify(hass, loaded, automate, lasts=5)
    await begin_outage(hass, loaded)
    await wait(hass, freezer, 4)
    await end_outage(hass, loaded)
    await wait(hass, freezer, 10)
    assert phone == []
    await begin_outage(hass, loaded)
    await wait(hass, freezer, 4)
    assert phone == []
    await wait(hass, freezer, 2)
    assert titles(phone) == ["Grid outage"]
    await wait(hass, freezer, 1)
    await end_outage(hass, loaded)
    assert titles(phone) == ["Grid outage", "Grid restored"]


async def test_outage_notifies_the_phones_of_the_form(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    messages = async_mock_service(hass, "notify", "send_message")
    await automate("outage", **entities(hass, loaded[0]), phones=["notify.phone", "notify.tablet"])
    await begin_outage(hass, loaded)
    await end_outage(hass, loaded)
    assert titles(messages) == ["Grid outage", "Grid restored"]
    assert messages[0].data["entity_id"] == ["notify.phone", "notify.tablet"]
    assert messages[0].data["message"].endswith("The battery is at 80 %.")


@pytest.mark.parametrize("minutes", [3, 6])
async def test_outage_wait_continues_after_a_restart(
    hass: HomeAssistant,
    loaded: Loaded,
    automate: Automate,
    phone: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    minutes: int,
) -> None:
    await notify(hass, loaded, automate, lasts=5)
    await begin_outage(hass, loaded)
    await restart(hass, loaded[1], lambda: freezer.tick(timedelta(minutes=minutes)))
    assert titles(phone) == (["Grid outage"] if minutes > 5 else [])
    await wait(hass, freezer, 3)
    assert titles(phone) == ["Grid outage"]


async def test_outage_is_not_notified_again_after_a_restart(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, phone: list[ServiceCall], freezer: FrozenDateTimeFactory
) -> None:
    await notify(hass, loaded, automate)
    await begin_outage(hass, loaded)
    freezer.tick(60)
    await restart(hass, loaded[1])
    await poll_everything(hass, loaded[1])
    assert titles(phone) == ["Grid outage"]
    await end_outage(hass, loaded)
    freezer.tick(60)
    await restart(hass, loaded[1])
    await poll_everything(hass, loaded[1])
    assert titles(phone) == ["Grid outage", "Grid restored"]


async def test_outage_during_downtime_is_notified(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, phone: list[ServiceCall], freezer: FrozenDateTimeFactory
) -> None:
    await notify(hass, loaded, automate)
    for happen in (cut_grid, restore_grid):
        freezer.tick(60)
        await restart(hass, loaded[1], partial(happen, loaded[0].home))
    assert titles(phone) == ["Grid outage", "Grid restored"]


async def test_new_automation_ignores_an_old_outage(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, phone: list[ServiceCall]
) -> None:
    await begin_outage(hass, loaded)
    await end_outage(hass, loaded)
    await notify(hass, loaded, automate)
    await restart(hass, loaded[1])
    assert phone == []


# -- shedding loads ----------------------------------------------------------------------------------------------------


async def shed(hass: HomeAssistant, loaded: Loaded, automate: Automate, **inputs: Any) -> None:
    """Shed the boiler at once, pool and cellar at 60 % and the sauna at 30 %; all but the cellar are on."""
    for load in (BOILER, POOL, SAUNA):
        await hass.services.async_call("input_boolean", "turn_on", {"entity_id": load}, blocking=True)
    await automate(
        "shed_loads",
        **entities(hass, loaded[0]),
        notes="input_text.notes",
        first_loads=[BOILER],
        second_loads=[POOL, CELLAR],
        third_loads=[SAUNA],
        **{"lasts": 0, **inputs},
    )


def on(hass: HomeAssistant) -> set[str]:
    """Return the loads that are on."""
    return {state.entity_id for state in hass.states.async_all("input_boolean") if state.state == "on"}


async def test_load_shedding_follows_the_charge(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    await shed(hass, loaded, automate)
    await falls_to(hass, loaded, 20)  # the grid is connected: nothing is turned off
    assert on(hass) == {BOILER, POOL, SAUNA}
    await falls_to(hass, loaded, 80)
    await begin_outage(hass, loaded)
    assert on(hass) == {POOL, SAUNA}
    await falls_to(hass, loaded, 61)
    assert on(hass) == {POOL, SAUNA}
    await falls_to(hass, loaded, 60)
    assert on(hass) == {SAUNA}
    await falls_to(hass, loaded, 29)
    assert on(hass) == set()
    await end_outage(hass, loaded)
    assert on(hass) == {BOILER, POOL, SAUNA}
    await falls_to(hass, loaded, 80)
    await begin_outage(hass, loaded)
    assert on(hass) == {POOL, SAUNA}


async def test_load_shedding_keeps_manual_changes(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    await shed(hass, loaded, automate)
    await begin_outage(hass, loaded)
    await hass.services.async_call("input_boolean", "turn_on", {"entity_id": BOILER}, blocking=True)
    await hass.services.async_call("input_boolean", "turn_off", {"entity_id": SAUNA}, blocking=True)
    await falls_to(hass, loaded, 20)
    assert on(hass) == {BOILER}
    await end_outage(hass, loaded)
    assert on(hass) == {BOILER, POOL}


async def test_load_shedding_starts_only_if_it_lasts(
    hass: HomeAssistant, loaded: Loaded, automate: Automate, freezer: FrozenDateTimeFactory
) -> None:
    await shed(hass, loaded, automate, lasts=2)
    await begin_outage(hass, loaded)
    await wait(hass, freezer, 1)
    await falls_to(hass, loaded, 50)
    assert on(hass) == {BOILER, POOL, SAUNA}
    await wait(hass, freezer, 2)
    assert on(hass) == {SAUNA}


async def test_load_shedding_continues_after_a_restart(hass: HomeAssistant, loaded: Loaded, automate: Automate) -> None:
    await shed(hass, loaded, automate)
    await begin_outage(hass, loaded)
    await restart(hass, loaded[1], lambda: setattr(loaded[0].home, "charge", 52.5))  # app 50 %
    assert on(hass) == {SAUNA}
    await restart(hass, loaded[1], partial(restore_grid, loaded[0].home))
    assert on(hass) == {BOILER, POOL, SAUNA}
