"""No log, state, diagnostics or error contains personal data or secrets."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
import json
import logging
import re
from typing import Any

from aiohttp import ClientTimeout
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import after_poll, coordinator as coordinators, diagnostics, hub, services
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway.endpoints import READABLE_PATHS
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.control import FAST_TIMINGS, logged_in
from tests.unit.test_response_redaction import secrets_of

from .conftest import SetUp

FIRMWARE = ("1.15.0", "21.44")
TITLE = "Home Energy Gateway"
"""The site's name is the entry's title, which the owner may change; it is in every entity's name."""

PUBLIC = {TITLE, '"Home"', "Tesla Timbuktu"}
"""Redacted in responses, but allowed elsewhere: the Wi-Fi is named Home, and the company is one of thousands."""

ACTIONS: dict[str, dict[str, Any]] = {
    "set_operation": {"mode": "backup", "reserve": 30},
    "start": {},
    "check_update": {},
    "run_connection_test": {},
}


@pytest.fixture(autouse=True)
async def short_timings(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds instead of seconds, and report lasting conditions at once."""
    monkeypatch.setattr(diagnostics, "PAUSE", 0.0)
    timings = replace(FAST_TIMINGS, patience=0.05)
    monkeypatch.setattr(hub, "SAFETY_TIMINGS", timings)
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", timings)
    monkeypatch.setattr(coordinators, "GRID_INTERVAL", 60.0)
    monkeypatch.setattr(after_poll, "UNREACHABLE_FOR", 0.0)
    monkeypatch.setattr(after_poll, "FAULT_FOR", 0.0)
    monkeypatch.setattr(after_poll, "IDLE_FOR", -1.0)
    monkeypatch.setattr(services, "UPDATE_INTERVAL", 0.01)
    monkeypatch.setattr(services, "UPDATE_LIMIT", 0.02)
    monkeypatch.setattr(services, "TEST_INTERVAL", 0.01)
    monkeypatch.setattr(services, "TEST_LIMIT", 0.02)


class OutputRecorder:
    """Records all output of the integration, and searches it for secrets."""

    def __init__(self, hass: HomeAssistant, gateway: Simulator, caplog: pytest.LogCaptureFixture) -> None:
        self.outputs: list[tuple[str, str]] = []
        self._hass = hass
        self._gateway = gateway
        self._caplog = caplog
        self._secrets = set(secrets_of(gateway)) - PUBLIC

    def record(self, where: str, what: object) -> None:
        """Record one output."""
        text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False, default=str)
        self.outputs.append((where, text))

    def record_error(self, where: str, err: BaseException | None) -> None:
        """Record an error with its placeholders and causes."""
        while err is not None:
            self.record(where, f"{err} {err.args} {getattr(err, 'translation_placeholders', None)}")
            err = err.__cause__

    async def record_everything(self, entry: MockConfigEntry) -> None:
        """Record the states, devices, issues and diagnostics of an entry."""
        hass = self._hass
        self._secrets |= set(self._gateway.tokens)
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
            if state := hass.states.get(entity.entity_id):
                self.record(entity.entity_id, {"state": state.state, **state.attributes})
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            # The serial number and the address of a device are shown in their own fields.
            shown = (device.name, device.model, device.model_id, device.sw_version, device.hw_version)
            self.record("device", " ".join(filter(None, shown)))
        for issue in ir.async_get(hass).issues.values():
            if issue.domain == DOMAIN:
                self.record(f"issue {issue.translation_key}", [issue.translation_placeholders, issue.data])
        self.record("entry", [entry.reason, entry.error_reason_translation_placeholders, entry.title])
        self.record("diagnostics", await diagnostics.async_get_config_entry_diagnostics(hass, entry))
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            if entry.state is ConfigEntryState.LOADED and device.serial_number != self._gateway.serial:
                self.record("diagnostics", await diagnostics.async_get_device_diagnostics(hass, entry, device))
                break

    async def call_actions(self) -> None:
        """Call every action, and record its response or error."""
        calls = [*ACTIONS.items(), *(("get_endpoint", {"path": path}) for path in READABLE_PATHS)]
        for name, data in calls:
            has_response = name != "start"
            try:
                response = await self._hass.services.async_call(
                    DOMAIN, name, data, blocking=True, return_response=has_response
                )
                self.record(name, response)
            except HomeAssistantError as err:
                self.record_error(name, err)

    def leaked(self) -> list[str]:
        """Return the secrets in the recorded outputs and in the log."""
        self.outputs += [
            ("log", f"{record.name}: {record.getMessage()} {record.exc_text or ''}")
            for record in self._caplog.records
            if record.name.startswith((f"custom_components.{DOMAIN}", "homeassistant"))
        ]
        secrets = self._secrets | {f"{self._gateway.host}:{self._gateway.port}"}
        any_of = re.compile(rf"(?<![0-9A-Za-z.])(?:{'|'.join(map(re.escape, secrets))})(?![0-9A-Za-z])")
        return sorted({f"{secret} in {where}" for where, what in self.outputs for secret in any_of.findall(what)})


def override_every_path(gateway: Simulator, response: Any) -> None:
    """Return the same JSON from every path that is read."""
    for path in (*READABLE_PATHS, "system/update/status"):
        gateway.overrides[path] = response


def text_with_secrets(gateway: Simulator) -> str:
    """Return an error text with secrets, as a gateway may send it."""
    own = gateway.gateway
    return f"{gateway.din} {own.pack_serials} {own.meter_serial} {list(gateway.tokens)} 192.168.1.77 02:00:00:00:00:01"


def fail_with_secrets(status: int) -> Callable[[Simulator], None]:
    """Let every request fail with an error text that contains secrets."""

    def fault(gateway: Simulator) -> None:
        gateway.faults.clear()
        text = text_with_secrets(gateway)
        gateway.faults.add("*", status=status, body={"code": status, "error": text, "message": text})

    return fault


def _all_dropped(gateway: Simulator) -> None:
    gateway.faults.clear()
    gateway.faults.add("*", drop=True)


def _garbage(gateway: Simulator) -> None:
    gateway.faults.add("*", status=200, body=f"<html>{text_with_secrets(gateway)}".encode())


def _personal_data_everywhere(gateway: Simulator) -> None:
    """Return personal data from every path, under keys of other paths and in fields of other types."""
    personal = {"din": gateway.din, "serial": gateway.serial, "ip": "192.168.1.77"}
    keys = (
        "version", "start_time", "up_time_seconds", "status", "running", "state", "grid_status", "percentage", "site",
        "battery", "load", "solar", "system_island_state", "battery_blocks", "grid_faults", "powerwalls", "problems",
        "real_mode", "mode", "backup_reserve_percent", "site_name", "max_site_meter_power_kW", "grid_code", "error",
    )  # fmt: skip
    override_every_path(gateway, {**personal, **{key: [personal, gateway.serial] for key in keys}})


def _texts_everywhere(gateway: Simulator) -> None:
    override_every_path(gateway, dict.fromkeys(("status", "grid_status", "state", "real_mode", "site"), gateway.serial))


def _lists_everywhere(gateway: Simulator) -> None:
    override_every_path(gateway, [gateway.din, {"serial": gateway.serial, "type": gateway.serial}])


def _serials_in_texts(gateway: Simulator) -> None:
    pack = gateway.gateway.pack_serials[1]
    gateway.gateway.problems.append(f"{pack} at 192.168.1.77 is in trouble")
    gateway.home.pack(2).disabled_reasons[:] = [f"Disabled by {pack}"]
    gateway.overrides["site_info"] = {"site_name": TITLE, "note": f"It is {gateway.password}!"}
    gateway.overrides["system/update/status"] = {"state": "/update_failed", "info": {"status": [pack, gateway.din]}}


def _stopped(gateway: Simulator) -> None:
    gateway.running = False


def _outage(gateway: Simulator) -> None:
    gateway.home.outage()
    gateway.home.advance(5)


def _sessions_lost(gateway: Simulator) -> None:
    gateway.tokens.clear()


def _password_changed(gateway: Simulator) -> None:
    gateway.tokens.clear()
    gateway.password = "another one"


def _slow(gateway: Simulator) -> None:
    gateway.faults.add("*", delay=0.03)


async def _another_certificate(gateway: Simulator) -> None:
    async with gateway.unreachable():
        gateway.renew_certificate()


def _another_gateway(gateway: Simulator) -> None:
    gateway.serial = "TG9999999999ZZ"


CASES: dict[str, tuple[Callable[[Simulator], Awaitable[None] | None], ...]] = {
    "no fault": (lambda _: None,),
    "errors with secrets": tuple(map(fail_with_secrets, (400, 401, 403, 404, 418, 429, 500, 502, 503))),
    "malformed response, then none": (_garbage, _all_dropped),
    "personal data everywhere": (_personal_data_everywhere, _texts_everywhere, _lists_everywhere),
    "serials in texts": (_serials_in_texts,),
    "stopped in an outage": (_outage, _stopped),
    "sessions lost": (_sessions_lost,),
    "password changed": (_password_changed,),
    "another gateway": (_another_gateway,),
    "another certificate": (_another_certificate,),
    "timeouts": (_slow,),
}
"""One or more faults in sequence."""


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("case", CASES)
async def test_no_output_contains_a_secret(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    caplog: pytest.LogCaptureFixture,
    firmware: str,
    case: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    later: dict[str, Any] = {"password": "sunshine at noon", "powerwall_plus": True} if firmware == "21.44" else {}
    gateway: Simulator = await simulator(firmware, **later)
    gateway.gateway.wifi_scan.start(0)
    gateway.gateway.wifi_scan.seconds = 1e-9
    recorder = OutputRecorder(hass, gateway, caplog)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    if firmware == "1.15.0":
        await logged_in(hass, entry)  # otherwise every unload would wait for the interrupted login
    for fault in CASES[case]:
        if (pending := fault(gateway)) is not None:
            await pending
        if fault is _slow:
            entry.runtime_data.gateway.connection._timeout = ClientTimeout(total=0.02)  # enough for a handshake
        await poll(hass, entry)
        await recorder.record_everything(entry)
    await recorder.call_actions()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await recorder.record_everything(entry)
    await run_config_flow(hass, gateway, recorder)
    assert recorder.leaked() == []
    assert len(recorder.outputs) > 50
    await unload(hass, gateway)


async def unload(hass: HomeAssistant, gateway: Simulator) -> None:
    """Unload all entries, and wait until the supervisors have started the Powerwalls."""
    gateway.faults.clear()
    gateway.overrides.clear()
    entry_ids = hass.config_entries.async_entry_ids()
    for entry_id in entry_ids:
        await hass.config_entries.async_unload(entry_id)
    await until(lambda: not any(hub.async_get_supervisor(hass, entry_id) for entry_id in entry_ids))


async def poll(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll everything twice."""
    data = entry.runtime_data
    for _ in range(2):
        for coordinator in (data.grid, data.settings, data.live, data.detail, data.inventory):
            await coordinator.async_refresh()
    await hass.async_block_till_done()


async def run_config_flow(hass: HomeAssistant, gateway: Simulator, recorder: OutputRecorder) -> None:
    """Run the config flow with a wrong password."""
    flows = hass.config_entries.flow
    flow: Any = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    typed = {
        CONF_HOST: f"{gateway.host}:{gateway.port}",
        "serial": gateway.serial,
        CONF_PASSWORD: "sunshine at night",
        CONF_ALLOW_CONTROL: True,
        "more": {"username": "customer"},
    }
    for _ in range(4):
        if flow["type"] == "progress":
            await hass.async_block_till_done()
            flow = await flows.async_configure(flow["flow_id"])
        if flow["type"] != "form":
            break
        entered = {str(key): typed[str(key)] for key in flow["data_schema"].schema}
        flow = await flows.async_configure(flow["flow_id"], entered)
        placeholders = dict(flow.get("description_placeholders") or {})
        placeholders.pop("host", None)  # entered in the form before
        placeholders.pop("fingerprint", None)
        placeholders.pop("din", None)  # the entered serial number with the part number in front
        recorder.record("config flow", [placeholders, flow.get("errors"), flow.get("reason")])
        if flow["type"] == "form":
            suggested = [(key.description, str(key)) for key in flow["data_schema"].schema if "password" in str(key)]
            recorder.record("config flow", suggested)
    if flow["type"] == "form":
        flows.async_abort(flow["flow_id"])
