"""Snapshots of every entity of every firmware: dashboards and statistics depend on them."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.powerwall_gateway import coordinator
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from custom_components.powerwall_gateway.sensor import CALCULATED_ENERGY_SENSORS
from homeassistant.const import CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_component import DATA_INSTANCES
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import poll
from tests.signing_keys import pair

from .conftest import SetUp
from .signing import keep_key

_MOVING = {"started", "running_since"} | {sensor.key for sensor in CALCULATED_ENERGY_SENSORS}
"""Keys whose states depend on when the test runs."""


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write snapshots like Home Assistant."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


def _as_it_is(_: Simulator) -> None:
    """Keep the state of the home."""


def _stopped(gateway: Simulator) -> None:
    gateway.running = False


def _one_pack_disabled(gateway: Simulator) -> None:
    gateway.home.packs[1].disabled_reasons = ["DisabledExcessiveVoltageDrop"]


@pytest.mark.parametrize("platform", ["sensor", "binary_sensor", "event"])
@pytest.mark.parametrize(
    ("firmware", "prepare"),
    [
        pytest.param("1.15.0", _as_it_is, id="1.15.0"),
        pytest.param("21.44", _as_it_is, id="21.44-running"),
        pytest.param("21.44", _stopped, id="21.44-stopped"),
        pytest.param("21.44", _one_pack_disabled, id="21.44-one-pack-disabled"),
        pytest.param("24.36", _as_it_is, id="24.36"),
        pytest.param("pw3", _as_it_is, id="pw3"),
        pytest.param("pw3", pair, id="pw3-key"),
    ],
)
async def test_the_entities(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    snapshot: SnapshotAssertion,
    all_enabled: None,
    firmware: str,
    prepare: Callable[[Simulator], None],
    platform: str,
) -> None:
    # Firmware 24.36 rejects the password on the label.
    gateway = await simulator(firmware, **({"password": "sunshine"} if firmware == "24.36" else {}))
    prepare(gateway)
    entry = await set_up(gateway)
    if prepare is pair:
        await keep_key(hass, entry)
    await poll(hass, entry, "live")
    assert _entities(hass, entry, gateway, {platform}) == snapshot


@pytest.mark.parametrize(
    ("firmware", "username", "prepare"),
    [
        pytest.param("1.15.0", "customer", _as_it_is, id="1.15.0"),
        pytest.param("21.44", "customer", _as_it_is, id="21.44-running"),
        pytest.param("21.44", "installer", _as_it_is, id="21.44-installer"),
        pytest.param("24.36", "customer", _as_it_is, id="24.36"),
        pytest.param("pw3", "customer", _as_it_is, id="pw3"),
        pytest.param("pw3", "customer", pair, id="pw3-key"),
    ],
)
async def test_the_controls(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    snapshot: SnapshotAssertion,
    all_enabled: None,
    monkeypatch: pytest.MonkeyPatch,
    firmware: str,
    username: str,
    prepare: Callable[[Simulator], None],
) -> None:
    monkeypatch.setattr(coordinator, "GRID_INTERVAL", 60.0)  # so that no login happens meanwhile
    gateway = await simulator(firmware, **({"password": "sunshine"} if firmware == "24.36" else {}))
    gateway.flip_switch()
    prepare(gateway)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True}, **{CONF_USERNAME: username})
    if prepare is pair:
        await keep_key(hass, entry)
    assert _entities(hass, entry, gateway, {"button", "number", "select", "switch"}) == snapshot


@pytest.mark.parametrize(
    ("firmware", "prepare"),
    [
        pytest.param("1.15.0", _as_it_is, id="1.15.0"),
        pytest.param("21.44", _as_it_is, id="21.44"),
        pytest.param("24.36", _as_it_is, id="24.36"),
        pytest.param("26.18", pair, id="26.18-key"),
    ],
)
async def test_a_plain_site_shows_few_entities(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    quick_signing: None,
    firmware: str,
    prepare: Callable[[Simulator], None],
) -> None:
    """Only the most used entities of two Powerwalls are enabled by default."""
    gateway = await simulator(firmware, **({} if firmware in {"1.15.0", "21.44"} else {"password": "sunshine"}))
    gateway.flip_switch()
    prepare(gateway)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    if prepare is pair:
        await keep_key(hass, entry)
    await poll(hass, entry, "live")
    assert len(gateway.home.packs) == 2
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert 20 < sum(entity.disabled_by is None for entity in entities) <= 37


def _entities(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator, platforms: set[str]
) -> dict[str, dict[str, Any]]:
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        entity.entity_id: _shape(hass, entity, simulator.serial)
        for entity in sorted(entities, key=lambda entity: entity.entity_id)
        if entity.domain in platforms
    }


def _shape(hass: HomeAssistant, entity: er.RegistryEntry, serial: str) -> dict[str, Any]:
    """Describe an entity without fields that differ between Home Assistant releases."""
    key = entity.unique_id.removeprefix(f"{serial}_")
    state = hass.states.get(entity.entity_id)
    shown = hass.data[DATA_INSTANCES][entity.domain].get_entity(entity.entity_id)
    assert shown is not None
    return {
        "key": key,
        "name": entity.original_name,
        "device_class": entity.original_device_class,
        "state_class": (entity.capabilities or {}).get("state_class"),
        "unit": entity.unit_of_measurement,
        "category": entity.entity_category,
        "enabled": shown.entity_description.entity_registry_enabled_default,
        "state": state.state if state and key not in _MOVING else None,
    }
