"""Page objects of Home Assistant's frontend, which find everything by its texts."""

from pathlib import Path
import re

from playwright.async_api import Locator, expect

from tools.dev_server.integration import DOMAIN
from tools.ui.page import Page

BRAND = "Tesla Powerwall Gateway"
SOON = 30.0
"""Time limit of a page in seconds."""


class Frontend:
    """Home Assistant's frontend, as its owner uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.texts = page.texts
        self._tab = page.tab
        self._tab.set_default_timeout(1000 * SOON)

    # -- adding --------------------------------------------------------------------------------------------------------

    async def add_integration(self) -> None:
        """Select the integration from the list of all integrations."""
        await self.page.open("/config/integrations/dashboard")
        await (
            self._tab.locator("ha-button, ha-fab")
            .filter(has_text=self.texts("ui.panel.config.integrations.add_integration"))
            .last.click()
        )
        await self._tab.locator("dialog-add-integration input").first.fill("Powerwall")
        await self._tab.locator("ha-integration-list-item").filter(has_text=BRAND).click()
        await self.field("host").wait_for()

    async def enter_address(self, host: str, serial: str) -> None:
        """Fill in the first form."""
        await self.field("host").fill(host)
        await self.field("serial").fill(serial)

    async def enter_password(self, password: str) -> None:
        """Fill in the password."""
        await self.field("password").fill(password)

    async def submit(self) -> None:
        """Send a form."""
        await self.button(self.texts("ui.panel.config.integrations.config_flow.submit")).click()

    async def skip_and_finish(self) -> None:
        """Leave the devices' names and areas as they are."""
        await self._finish("finish_skip")

    # -- a device's page -----------------------------------------------------------------------------------------------

    async def open_device(self, device_id: str) -> None:
        """Open a device's page and wait for its entities."""
        await self.page.open(f"/config/devices/device/{device_id}")
        await self._tab.locator("ha-device-entities-card").first.wait_for()

    def row(self, name: str) -> Locator:
        """Return the row of an entity on a device's page."""
        exact = re.compile(rf"^\s*{re.escape(name)}\s*$")
        return self._tab.locator("ha-device-entities-card hui-generic-entity-row").filter(
            has=self._tab.locator(".info").filter(has_text=exact)
        )

    def select(self, name: str) -> Locator:
        """Return the row of a select entity."""
        return self._tab.locator("hui-select-entity-row").filter(has_text=name)

    async def expect_value(self, name: str, value: str | re.Pattern[str], limit: float = SOON) -> None:
        """Wait until an entity's row shows a value."""
        await expect(self.row(name)).to_contain_text(value, timeout=1000 * limit)

    async def expect_text(self, text: str, limit: float = SOON) -> None:
        """Wait until a text is visible."""
        await expect(self._tab.get_by_text(text).first).to_be_visible(timeout=1000 * limit)

    async def expect_in_viewport(self, text: str, limit: float = SOON) -> None:
        """Wait until a text is visible without scrolling."""
        await expect(self._tab.get_by_text(text).first).to_be_in_viewport(ratio=1, timeout=1000 * limit)

    async def expect_selected(self, name: str, option: str, limit: float = SOON) -> None:
        """Wait until a select entity's row shows an option."""
        await expect(self.select(name)).to_contain_text(option, timeout=1000 * limit)

    async def select_option(self, name: str, option: str) -> None:
        """Select an option of a select entity."""
        await self.select(name).locator("ha-picker-field").click()
        await self._tab.locator("ha-dropdown-item").filter(has_text=option).click()

    async def slide(self, name: str, value: float) -> None:
        """Move the slider of a number entity to a value."""
        slider = self.row(name).locator("ha-slider")
        await slider.evaluate(
            "(slider, value) => { slider.value = value;"
            " slider.dispatchEvent(new Event('change', {bubbles: true, composed: true})); }",
            value,
        )

    async def check(self, label: str) -> None:
        """Turn on a checkbox of a form."""
        field = self._tab.locator("ha-form-boolean").filter(has_text=label)
        await field.locator("[part=control]").click()
        await expect(field.get_by_role("checkbox")).to_be_checked()

    async def toggle(self, name: str) -> None:
        """Toggle a switch entity."""
        await self.row(name).locator("ha-entity-toggle").click()

    async def expect_on(self, name: str, limit: float = SOON, *, on: bool = True) -> None:
        """Wait until the switch in an entity's row is on, or off."""
        await expect(self.row(name).get_by_role("switch")).to_be_checked(checked=on, timeout=1000 * limit)

    # -- the entry -----------------------------------------------------------------------------------------------------

    async def open_entry(self) -> None:
        """Open the integration's page."""
        await self.page.open(f"/config/integrations/integration/{DOMAIN}")
        await self._tab.locator("ha-config-entry-row").first.wait_for()

    async def configure(self) -> None:
        """Open the options."""
        await self.button(self.texts("ui.panel.config.integrations.config_entry.configure")).click()

    async def create_key(self) -> str:
        """Create a signing key, and return the public part that the form shows."""
        await self.configure()
        await self.choose_menu_option(self.texts.ours("options.step.init.menu_options.pairing"))
        await self.choose_menu_option(self.texts.ours("options.step.pairing.menu_options.make_key"))
        return await self._tab.locator("code").filter(has_text=re.compile("^MII")).inner_text()

    async def choose_in_menu(self, text: str) -> None:
        """Select an item of the entry's menu."""
        await self._tab.locator("ha-config-entry-row ha-dropdown > *").first.click()
        await self._tab.locator("ha-config-entry-row ha-dropdown-item").filter(has_text=text).click()

    async def download_diagnostics(self, to: Path) -> None:
        """Download the entry's diagnostics into a file."""
        async with self._tab.expect_download() as download:
            await self.choose_in_menu(self.texts("ui.panel.config.integrations.config_entry.download_diagnostics"))
        await (await download.value).save_as(to)

    async def remove(self) -> None:
        """Remove the entry, and confirm."""
        delete = self.texts("ui.panel.config.integrations.config_entry.delete")
        await self.choose_in_menu(delete)
        await self.button(delete).click()

    # -- the tools -----------------------------------------------------------------------------------------------------

    async def open_action(self, name: str) -> None:
        """Open an action of the integration on the page of all actions."""
        self.page.ids.add(action := f"{DOMAIN}.{name}")
        await self.page.open(f"/config/tools/action?service={action}")
        await self.expect_text(self.texts.ours(f"services.{name}.name"))

    async def perform_action(self) -> None:
        """Perform the action that is open."""
        await self.button(self.texts("ui.panel.config.tools.tabs.actions.call_service")).click()

    async def choose_radio(self, option: str) -> None:
        """Select an option of radio buttons."""
        await self._tab.locator("ha-radio-option").filter(has_text=re.compile(rf"^\s*{re.escape(option)}\s*$")).click()

    # -- repairs -------------------------------------------------------------------------------------------------------

    async def open_repairs(self) -> None:
        """Open the repairs."""
        await self.page.open("/config/repairs")

    async def open_repair(self, title: str) -> None:
        """Open a repair issue."""
        await (
            self._tab.locator("ha-config-repairs ha-list-item, ha-config-repairs ha-list-item-button")
            .filter(has_text=title)
            .click()
        )

    async def choose_menu_option(self, option: str) -> None:
        """Select an option of a dialog's menu."""
        await self._tab.locator("step-flow-menu").get_by_text(option, exact=True).click()

    async def close_dialog(self) -> None:
        """Close the last dialog of a flow."""
        await self._finish("finish")

    async def _finish(self, how: str) -> None:
        """Close the dialog, and wait for its step back in the browser's history."""
        button = self.button(self.texts(f"ui.panel.config.integrations.config_flow.{how}"))
        await button.click()
        await button.wait_for(state="hidden")
        await self._tab.wait_for_function("!history.state?.dialog")

    # -- all pages -----------------------------------------------------------------------------------------------------

    def field(self, name: str) -> Locator:
        """Return the field with a name."""
        return self._tab.locator(f"input[name={name}]")

    def number(self, label: str) -> Locator:
        """Return the number field with a label."""
        return self._tab.get_by_role("spinbutton", name=label)

    def button(self, text: str) -> Locator:
        """Return the button with a text."""
        return self._tab.get_by_role("button", name=text, exact=True)
