"""Fixtures with Home Assistant, the integration, and a simulated gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
import json
from pathlib import Path
import re
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import after_poll, config_flow, coordinator, hub
from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_SCHEME,
    CONF_SERIAL,
    CONFIG_MINOR_VERSION,
    CONFIG_VERSION,
    DOMAIN,
)
from custom_components.powerwall_gateway.gateway import backoff
from homeassistant.const import CONF_HOST, CONF_PASSWORD, EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import save_yaml
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import FAST_TIMINGS, logged_in
from tests.integration.signing import quick_signing

__all__ = ["quick_signing"]

BLUEPRINTS = Path(__file__).parent.parent.parent / "blueprints" / "automation" / DOMAIN

AUTOMATIONS = "automations.yaml"
"""The file in a test's folder with its automation, for a restart."""

type Automate = Callable[..., Awaitable[None]]
type SetUp = Callable[..., Awaitable[MockConfigEntry]]

type Loaded = tuple[Simulator, MockConfigEntry]
"""A simulated gateway and its entry, which is set up."""


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """Return a configuration folder for each test: the recovery journal is a real file in it."""
    (tmp_path / ".storage").mkdir()
    return str(tmp_path)


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load the integration of this repository."""


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the next step without a progress step, however busy the machine is, unless a test sets SHOWN_AFTER."""
    monkeypatch.setattr(config_flow, "SHOWN_AFTER", 30.0)
    monkeypatch.setattr(config_flow, "SHOWN_FOR", 0.0)


def entry_for(simulator: Simulator, *, options: dict[str, Any] | None = None, **data: Any) -> MockConfigEntry:
    """Return the entry that the config flow would create."""
    tls = simulator.fingerprint is not None
    return MockConfigEntry(
        domain=DOMAIN,
        title="Home Energy Gateway",
        unique_id=simulator.serial,
        version=CONFIG_VERSION,
        minor_version=CONFIG_MINOR_VERSION,
        data={
            CONF_HOST: f"{simulator.host}:{simulator.port}",
            CONF_SCHEME: "https" if tls else "http",
            CONF_FINGERPRINT: simulator.fingerprint.hex() if simulator.fingerprint else None,
            CONF_SERIAL: simulator.serial,
            CONF_MAC: None,
            **({CONF_PASSWORD: simulator.password} if tls else {}),
            **data,
        },
        options=options or {},
    )


@pytest.fixture
def set_up(hass: HomeAssistant) -> SetUp:
    """Add an entry for a simulated gateway and set it up."""

    async def set_up(simulator: Simulator, *, options: dict[str, Any] | None = None, **data: Any) -> MockConfigEntry:
        entry = entry_for(simulator, options=options, **data)
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        return entry

    return set_up


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable every entity, including those that are disabled by default."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


@pytest.fixture
def short_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the supervisor's waits from a minute to milliseconds, and poll the grid only when a test does."""
    monkeypatch.setattr(hub, "SAFETY_TIMINGS", FAST_TIMINGS)
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", FAST_TIMINGS)
    monkeypatch.setattr(coordinator, "GRID_INTERVAL", 60.0)


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send the next request at once after a gateway did not respond or was busy."""
    monkeypatch.setattr(backoff, "FIRST_WHEN_SILENT", 0.0)
    monkeypatch.setattr(backoff, "FIRST_WHEN_BUSY", 0.02)


@pytest.fixture
async def loaded(simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Set up a gateway with firmware 21.44."""
    gateway = await simulator("21.44")
    return gateway, await set_up(gateway)


@pytest.fixture
async def old(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None) -> Loaded:
    """Set up a gateway with firmware 1.15 and control allowed, and wait for its login."""
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    await logged_in(hass, entry)
    return gateway, entry


@pytest.fixture
async def automate(hass: HomeAssistant) -> AsyncIterator[Automate]:
    """Create an automation from a blueprint, like an owner or like Home Assistant at its start."""

    async def automate(
        name: str, *, at_start: bool = False, pause: dict[str, int] | None = None, **inputs: Any
    ) -> None:
        folder = Path(hass.config.path("blueprints", "automation", DOMAIN))
        shutil.copytree(BLUEPRINTS, folder, dirs_exist_ok=True)
        if pause:
            file = folder / f"{name}.yaml"
            file.write_text(re.sub(r"delay:\n +minutes: 1\n", f"delay: {json.dumps(pause)}\n", file.read_text()))
        path = f"{DOMAIN}/{name}.yaml"
        config = {"automation": [{"id": name, "alias": name, "use_blueprint": {"path": path, "input": inputs}}]}
        save_yaml(hass.config.path(AUTOMATIONS), config)
        assert await async_setup_component(hass, "automation", config)
        if at_start:
            hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
            await hass.async_block_till_done()
        assert hass.states.get(f"automation.{name}")

    yield automate
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


def state_of(hass: HomeAssistant, simulator: Simulator, platform: str, key: str) -> str | None:
    """Return the state of the entity with this key, None if there is no such entity."""
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, f"{simulator.serial}_{key}")
    state = hass.states.get(entity_id) if entity_id else None
    return state.state if state else None
