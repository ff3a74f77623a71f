"""What an owner does at Home Assistant's pages, with the words that stand there."""

from pathlib import Path
import re

from playwright.async_api import Locator, expect

from tools.dev_server.integration import DOMAIN
from tools.ui.page import Page

BRAND = "Tesla Powerwall Gateway"
SOON = 30.0
"""Seconds within which a page shows what it was asked for."""


class Person:
    """An owner at a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.words = page.words
        self._tab = page.tab
        self._tab.set_default_timeout(1000 * SOON)

    # -- adding --------------------------------------------------------------------------------------------------------

    async def begin_to_add(self) -> None:
        """Choose the integration from the list of all."""
        await self.page.open("/config/integrations/dashboard")
        await (
            self._tab.locator("ha-button, ha-fab")
            .filter(has_text=self.words("ui.panel.config.integrations.add_integration"))
            .last.click()
        )
        await self._tab.locator("dialog-add-integration input").first.fill("Powerwall")
        await self._tab.locator("ha-integration-list-item").filter(has_text=BRAND).click()
        await self.field("host").wait_for()

    async def say_where(self, host: str, serial: str) -> None:
        """Fill in the first form."""
        await self.field("host").fill(host)
        await self.field("serial").fill(serial)

    async def say_password(self, password: str) -> None:
        """Fill in the password."""
        await self.field("password").fill(password)

    async def submit(self) -> None:
        """Send a form."""
        await self.button(self.words("ui.panel.config.integrations.config_flow.submit")).click()

    async def skip_and_finish(self) -> None:
        """Leave the devices' names and areas as they are."""
        await self._finish("finish_skip")

    # -- a device's page -----------------------------------------------------------------------------------------------

    async def look_at_device(self, device_id: str) -> None:
        """Open a device's page and wait for its entities."""
        await self.page.open(f"/config/devices/device/{device_id}")
        await self._tab.locator("ha-device-entities-card").first.wait_for()

    def row(self, name: str) -> Locator:
        """Give the row of the entity with this name on a device's page."""
        exact = re.compile(rf"^\s*{re.escape(name)}\s*$")
        return self._tab.locator("ha-device-entities-card hui-generic-entity-row").filter(
            has=self._tab.locator(".info").filter(has_text=exact)
        )

    def select(self, name: str) -> Locator:
        """Give the row of a list to choose from, which has its name inside."""
        return self._tab.locator("hui-select-entity-row").filter(has_text=name)

    async def sees(self, name: str, value: str | re.Pattern[str], limit: float = SOON) -> None:
        """Wait until an entity's row shows a value."""
        await expect(self.row(name)).to_contain_text(value, timeout=1000 * limit)

    async def reads(self, text: str, limit: float = SOON) -> None:
        """Wait until a text stands somewhere on the page."""
        await expect(self._tab.get_by_text(text).first).to_be_visible(timeout=1000 * limit)

    async def reads_at_once(self, text: str, limit: float = SOON) -> None:
        """Wait until a text stands where it is read without scrolling."""
        await expect(self._tab.get_by_text(text).first).to_be_in_viewport(ratio=1, timeout=1000 * limit)

    async def sees_chosen(self, name: str, option: str, limit: float = SOON) -> None:
        """Wait until an entity's row shows what is chosen of its list."""
        await expect(self.select(name)).to_contain_text(option, timeout=1000 * limit)

    async def choose(self, name: str, option: str) -> None:
        """Open the list in an entity's row and click on one of it."""
        await self.select(name).locator("ha-picker-field").click()
        await self._tab.locator("ha-dropdown-item").filter(has_text=option).click()

    async def slide(self, name: str, value: float) -> None:
        """Let go of the slider in an entity's row at a value."""
        slider = self.row(name).locator("ha-slider")
        await slider.evaluate(
            "(slider, value) => { slider.value = value;"
            " slider.dispatchEvent(new Event('change', {bubbles: true, composed: true})); }",
            value,
        )

    async def tick(self, label: str) -> None:
        """Turn on a checkbox of a form, and make sure that it is on."""
        field = self._tab.locator("ha-form-boolean").filter(has_text=label)
        await field.locator("[part=control]").click()
        await expect(field.get_by_role("checkbox")).to_be_checked()

    async def flip(self, name: str) -> None:
        """Flip the switch in an entity's row."""
        await self.row(name).locator("ha-entity-toggle").click()

    async def sees_on(self, name: str, limit: float = SOON) -> None:
        """Wait until the switch in an entity's row is on."""
        await expect(self.row(name).get_by_role("switch")).to_be_checked(timeout=1000 * limit)

    # -- the entry -----------------------------------------------------------------------------------------------------

    async def look_at_entry(self) -> None:
        """Open the integration's page."""
        await self.page.open(f"/config/integrations/integration/{DOMAIN}")
        await self._tab.locator("ha-config-entry-row").first.wait_for()

    async def configure(self) -> None:
        """Open the options."""
        await self.button(self.words("ui.panel.config.integrations.config_entry.configure")).click()

    async def make_key(self) -> str:
        """Have a key made for control, and give the public part that the form shows."""
        await self.configure()
        await self.take(self.words.ours("options.step.init.menu_options.pairing"))
        await self.take(self.words.ours("options.step.pairing.menu_options.make_key"))
        return await self._tab.locator("code").filter(has_text=re.compile("^MII")).inner_text()

    async def choose_in_menu(self, text: str) -> None:
        """Open the menu of the entry and click on one of it."""
        await self._tab.locator("ha-config-entry-row ha-dropdown > *").first.click()
        await self._tab.locator("ha-config-entry-row ha-dropdown-item").filter(has_text=text).click()

    async def download_diagnostics(self, to: Path) -> None:
        """Download the entry's diagnostics into a file."""
        async with self._tab.expect_download() as download:
            await self.choose_in_menu(self.words("ui.panel.config.integrations.config_entry.download_diagnostics"))
        await (await download.value).save_as(to)

    async def remove(self) -> None:
        """Remove the entry, and say yes."""
        delete = self.words("ui.panel.config.integrations.config_entry.delete")
        await self.choose_in_menu(delete)
        await self.button(delete).click()

    # -- repairs -------------------------------------------------------------------------------------------------------

    async def look_at_repairs(self) -> None:
        """Open the repairs."""
        await self.page.open("/config/repairs")

    async def open_repair(self, title: str) -> None:
        """Open one of them."""
        await (
            self._tab.locator("ha-config-repairs ha-list-item, ha-config-repairs ha-list-item-button")
            .filter(has_text=title)
            .click()
        )

    async def take(self, option: str) -> None:
        """Take one of the ways that a dialog offers."""
        await self._tab.locator("step-flow-menu").get_by_text(option, exact=True).click()

    async def close_dialog(self) -> None:
        """Close what says that it is done."""
        await self._finish("finish")

    async def _finish(self, how: str) -> None:
        """Wait until the dialog is gone: it goes a step back in the history, from whatever page is there by then."""
        button = self.button(self.words(f"ui.panel.config.integrations.config_flow.{how}"))
        await button.click()
        await button.wait_for(state="hidden")
        await self._tab.wait_for_function("!history.state?.dialog")

    # -- what all pages have -------------------------------------------------------------------------------------------

    def field(self, name: str) -> Locator:
        """Give the field with this name."""
        return self._tab.locator(f"input[name={name}]")

    def number(self, label: str) -> Locator:
        """Give the field for a number with this label."""
        return self._tab.get_by_role("spinbutton", name=label)

    def button(self, text: str) -> Locator:
        """Give the button with this text."""
        return self._tab.get_by_role("button", name=text, exact=True)
