"""A gateway's text is escaped: it adds no markup, no template, no path, and no line of a log."""

from contextlib import suppress
import json
import logging
from pathlib import Path
import re
from typing import Any, Final

import pytest

from custom_components.powerwall_gateway import after_poll, coordinator as coordinators, diagnostics
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway import Credentials, GatewayError, PowerwallGateway, find, open_session
from custom_components.powerwall_gateway.gateway.endpoints import READABLE_PATHS
from custom_components.powerwall_gateway.issues import escape_markdown
from homeassistant.components.energy.const import DOMAIN as DASHBOARD
from homeassistant.components.recorder.core import Recorder
from homeassistant.core import HomeAssistant, valid_entity_id
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.helpers import address_of
from tests.integration.config_flow_steps import assert_form, go_on, login, start, typed

TEXTS: Final = Path(diagnostics.__file__).parent / "translations" / "en.json"

MALICIOUS: Final = (
    "[x](javascript:alert(1))![y](http://evil.test/z)<img src=x onerror=alert(1)> www.evil.test"
    " {{ 7 * 191 }}{% set a = 1 %} ../../../../etc/passwd `code` **bold** &lt;b&gt; \x1b[2J\x9b2J\r\n2026 ERROR forged"
)
ACTIVE: Final = re.compile(r"(?<!\\)[\[\]<>{}!*_`&]")
"""Characters that are markup and not literal text."""

NAMED: Final = {"name", "reason", "packs", "alerts", "reserve", "entities", "old", "new"} | {
    *(
        "host",
        "firmware",
        "din",
        "docs",
        "model",
        "fingerprint",
        "trusted",
        "site",
        "powerwalls",
        "public_key",
        "former",
        "serial",
        "own_key",
        "confirmed_keys",
        "other_keys",
    ),
}
"""Placeholders of our texts. A new one must be escaped by `escape_markdown`, unless it is never from a gateway."""

PLAIN: Final = {
    "type",
    "location",
    "state",
    "grid_status",
    "real_mode",
    "mode",
    "system_island_state",
    "din",
    "docs",
    "vin",
}
"""Keys whose values must be known: another value would remove the entity."""


def spoil(part: Any, key: str = "") -> Any:
    """Append the malicious text to every text."""
    if isinstance(part, dict):
        return {name: spoil(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [spoil(value, key) for value in part]
    if not isinstance(part, str) or key in PLAIN:
        return part
    if key == "version":
        return part.split()[0] + MALICIOUS.replace(" ", "")
    return part + MALICIOUS


@pytest.fixture
async def gateway(simulator: StartSimulator) -> Simulator:
    """Start a gateway with malicious text in every text."""
    gateway: Simulator = await simulator("21.44", powerwall_plus=True)
    gateway.home.pack(2).disabled_reasons[:] = ["Disabled"]
    async with open_session() as session:
        powerwall = PowerwallGateway(await find(session, address_of(gateway)), Credentials(password=gateway.password))
        for path in READABLE_PATHS:
            with suppress(GatewayError):
                gateway.overrides[path] = spoil(await powerwall.get(path))
    return gateway


@pytest.fixture(autouse=True)
async def auto_enable_custom_integrations(
    recorder_mock: Recorder, enable_custom_integrations: None, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set up an empty Energy dashboard, and report lasting faults at once."""
    monkeypatch.setattr(after_poll, "FAULT_FOR", 0.0)
    monkeypatch.setattr(coordinators, "GRID_INTERVAL", 60.0)
    assert await async_setup_component(hass, DASHBOARD, {})


async def add(hass: HomeAssistant, gateway: Simulator) -> tuple[Any, list[dict[str, str]]]:
    """Add the gateway like an owner. Return the entry and the placeholders of the forms."""
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, "login")
    named = [flow["description_placeholders"]]
    flow = await go_on(hass, flow, login(gateway.password))
    assert_form(flow, "confirm")
    named.append(flow["description_placeholders"])
    flow = await go_on(hass, flow, {})
    return flow["result"], named


async def test_forms_and_repairs_contain_no_markup(hass: HomeAssistant, gateway: Simulator) -> None:
    entry, named = await add(hass, gateway)
    await entry.runtime_data.live.async_refresh()
    shown = {issue.translation_key: issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN}
    assert {"pack_fault", "energy_dashboard"} <= shown.keys()
    named += [issue.translation_placeholders or {} for issue in shown.values()]
    assert sum("forged" in text for placeholders in named for text in placeholders.values()) > 5
    for placeholders in named:
        for name, text in placeholders.items():
            assert ACTIVE.findall(text) == [], f"{name}: {text}"
            assert "www.evil" not in text


def test_escape_markdown_keeps_literal_text() -> None:
    assert escape_markdown("Home, 2nd floor") == "Home\\, 2nd floor"
    assert escape_markdown("[x](y)") == r"\[x\]\(y\)"
    assert re.sub(r"\\(.)", r"\1", escape_markdown(MALICIOUS)) == MALICIOUS
    assert ACTIVE.findall(MALICIOUS)
    assert ACTIVE.findall(escape_markdown(MALICIOUS)) == []


def test_markdown_texts_have_known_placeholders_only() -> None:
    """Titles and errors are no Markdown: escaped text would be shown with backslashes."""
    texts = json.loads(TEXTS.read_text())
    descriptions: list[str] = []
    others: list[str] = []

    def sort(text: Any, key: str = "") -> None:
        if isinstance(text, dict):
            for name, value in text.items():
                sort(value, name)
        elif key == "description":
            descriptions.append(text)
        elif key == "title":
            others.append(text)

    for section in ("config", "options", "issues"):
        sort(texts[section])
    assert set(re.findall(r"\{(\w+)\}", " ".join(descriptions))) <= NAMED
    assert descriptions
    assert "{" not in "".join(others)


def files(hass: HomeAssistant) -> set[str]:
    """Return the files in the configuration directory."""
    return {str(path) for path in Path(hass.config.config_dir).rglob("*")}


@pytest.mark.usefixtures("all_enabled")
async def test_gateway_texts_are_no_template_path_or_log_line(
    hass: HomeAssistant, gateway: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "homeassistant.components.recorder")  # whose thread goes on after the test
    before = files(hass)
    entry, _ = await add(hass, gateway)
    gateway.faults.add("sitemaster", status=500, body={"error": MALICIOUS, "message": MALICIOUS})
    data = entry.runtime_data
    for coordinator in (data.grid, data.settings, data.live, data.detail, data.inventory):
        await coordinator.async_refresh()
    await hass.async_block_till_done()
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    states = [state for entity in entities if (state := hass.states.get(entity.entity_id))]
    assert len(states) > 100
    shown = json.dumps([[state.state, dict(state.attributes)] for state in states], default=str, ensure_ascii=False)
    assert "{{ 7 * 191 }}" in shown
    assert "1337" not in shown
    assert all(valid_entity_id(state.entity_id) for state in states)
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        assert device.configuration_url in {None, f"https://{gateway.host}:{gateway.port}"}
    await diagnostics.async_get_config_entry_diagnostics(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    assert [name for name in files(hass) - before if "passwd" in name] == []
    records = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith((f"custom_components.{DOMAIN}", "homeassistant"))
    ]
    assert any("forged" in message for message in records)
    assert [message for message in records if "forged" in message and not message.isprintable()] == []
