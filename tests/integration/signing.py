"""A gateway that accepts signed requests, and an entry with a key."""

from functools import partial
from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import coordinator, diagnostics, hub
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_PRIVATE_KEY
from custom_components.powerwall_gateway.gateway import SignedOperationController
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.storage import async_get_store
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from simulator import SimulatedHome, Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pem

ALLOWED: Final = {CONF_ALLOW_CONTROL: True}
SHORT: Final = Polling(0.005, 0.02, 0.1)


@pytest.fixture
def quick_signing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits of signed requests from minutes to milliseconds."""
    monkeypatch.setattr(coordinator, "GRID_INTERVAL", 60.0)
    monkeypatch.setattr(diagnostics, "PAUSE", 0.0)
    monkeypatch.setattr(
        hub, "SignedOperationController", partial(SignedOperationController, read_back=SHORT, follow=SHORT)
    )


async def feeding(simulator: StartSimulator, firmware: str) -> Simulator:
    """Start a gateway that accepts signed requests, with a battery that supplies the home."""
    gateway = await start(simulator, firmware, home=SimulatedHome(charge=60))
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    return gateway


async def keep_key(hass: HomeAssistant, entry: MockConfigEntry, number: int = 0) -> None:
    """Store a key like an earlier process, and reload the entry with it."""
    await (await async_get_store(hass, entry.entry_id)).async_set_key(pem(number))
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


class Owner:
    """The user of the options flow."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        self.hass = hass
        self.entry = entry
        self.shown: Any = None

    async def open(self, *choices: str) -> Any:
        """Open the form and select from its menus."""
        self.shown = await self.hass.config_entries.options.async_init(self.entry.entry_id)
        await self._wait()
        for choice in choices:
            await self.submit({"next_step_id": choice})
        return self.shown

    async def submit(self, typed: dict[str, Any]) -> Any:
        """Submit a form, and wait until its progress ends."""
        self.shown = await self._flows.async_configure(self.shown["flow_id"], typed)
        await self._wait()
        return self.shown

    async def _wait(self) -> None:
        """Wait until the progress ends."""
        await self.hass.async_block_till_done()
        while self.shown["type"] is FlowResultType.SHOW_PROGRESS:
            self.shown = await self._flows.async_configure(self.shown["flow_id"])
            await self.hass.async_block_till_done()

    @property
    def _flows(self) -> Any:
        return self.hass.config_entries.options

    async def paste(self, key: bytes) -> Any:
        """Paste a key."""
        await self.open("pairing", "paste_key")
        return await self.submit({CONF_PRIVATE_KEY: key.decode()})

    @property
    def error(self) -> str | None:
        """Return the first error of the form."""
        errors: dict[str, str] = self.shown["errors"] or {}
        return next(iter(errors.values()), None)

    @property
    def is_done(self) -> bool:
        """Return whether the flow has ended."""
        return bool(self.shown["type"] is FlowResultType.CREATE_ENTRY)
