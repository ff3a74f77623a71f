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

from custom_components.powerwall_gateway import coordinator as coordinators, diagnostics, hub, monitor, services
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
from tests.unit.test_redaction import secrets_of

from .conftest import SetUp

FIRMWARE = ("1.15.0", "21.44")
TITLE = "Home Energy Gateway"
"""The site's name is the entry's title, which the owner may change; it is in every entity's name."""

ANYBODYS = {TITLE, '"Home"', "Tesla Timbuktu"}
"""What is a secret where it stands in an answer, and a word elsewhere: the Wi-Fi is called Home, and a company is one
of thousands."""

ACTIONS: dict[str, dict[str, Any]] = {
    "set_operation": {"mode": "backup", "reserve": 30},
    "start": {},
    "check_update": {},
    "run_connection_test": {},
}


@pytest.fixture(autouse=True)
async def short_timings(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds where it is seconds, and find lasting what was seen once."""
    monkeypatch.setattr(diagnostics, "PAUSE", 0.0)
    timings = replace(FAST_TIMINGS, patience=0.05)
    monkeypatch.setattr(hub, "SAFETY_TIMINGS", timings)
    monkeypatch.setattr(monitor, "SAFETY_TIMINGS", timings)
    monkeypatch.setattr(coordinators, "GRID_INTERVAL", 60.0)
    monkeypatch.setattr(monitor, "UNREACHABLE_FOR", 0.0)
    monkeypatch.setattr(monitor, "FAULT_FOR", 0.0)
    monkeypatch.setattr(monitor, "IDLE_FOR", -1.0)
    monkeypatch.setattr(services, "UPDATE_INTERVAL", 0.01)
    monkeypatch.setattr(services, "UPDATE_LIMIT", 0.02)
    monkeypatch.setattr(services, "TEST_INTERVAL", 0.01)
    monkeypatch.setattr(services, "TEST_LIMIT", 0.02)


class Listener:
    """Hears everything that the integration says, and knows what it must not."""

    def __init__(self, hass: HomeAssistant, gateway: Simulator, caplog: pytest.LogCaptureFixture) -> None:
        self.heard: list[tuple[str, str]] = []
        self._hass = hass
        self._gateway = gateway
        self._caplog = caplog
        self._secrets = set(secrets_of(gateway)) - ANYBODYS

    def hear(self, where: str, what: object) -> None:
        """Take something that was said."""
        self.heard.append((where, what if isinstance(what, str) else json.dumps(what, ensure_ascii=False, default=str)))

    def hear_error(self, where: str, err: BaseException | None) -> None:
        """Take an error, with what it names and what caused it."""
        while err is not None:
            self.hear(where, f"{err} {err.args} {getattr(err, 'translation_placeholders', None)}")
            err = err.__cause__

    async def look_around(self, entry: MockConfigEntry) -> None:
        """Take what stands in Home Assistant now, and what its owner can download."""
        hass = self._hass
        self._secrets |= set(self._gateway.tokens)
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
            if state := hass.states.get(entity.entity_id):
                self.hear(entity.entity_id, {"state": state.state, **state.attributes})
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            # Serial number and address are a device's own fields, and nowhere else.
            told = (device.name, device.model, device.model_id, device.sw_version, device.hw_version)
            self.hear("device", " ".join(filter(None, told)))
        for issue in ir.async_get(hass).issues.values():
            if issue.domain == DOMAIN:
                self.hear(f"issue {issue.translation_key}", [issue.translation_placeholders, issue.data])
        self.hear("entry", [entry.reason, entry.error_reason_translation_placeholders, entry.title])
        self.hear("diagnostics", await diagnostics.async_get_config_entry_diagnostics(hass, entry))
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            if entry.state is ConfigEntryState.LOADED and device.serial_number != self._gateway.serial:
                self.hear("diagnostics", await diagnostics.async_get_device_diagnostics(hass, entry, device))
                break

    async def try_everything(self) -> None:
        """Call every action, and take what it answers or fails with."""
        calls = [*ACTIONS.items(), *(("get_endpoint", {"path": path}) for path in READABLE_PATHS)]
        for name, data in calls:
            answers = name != "start"
            try:
                self.hear(
                    name,
                    await self._hass.services.async_call(DOMAIN, name, data, blocking=True, return_response=answers),
                )
            except HomeAssistantError as err:
                self.hear_error(name, err)

    def silence(self) -> list[str]:
        """Tell what was said that must not be said."""
        self.heard += [
            ("log", f"{record.name}: {record.getMessage()} {record.exc_text or ''}")
            for record in self._caplog.records
            if record.name.startswith((f"custom_components.{DOMAIN}", "homeassistant"))
        ]
        secrets = self._secrets | {f"{self._gateway.host}:{self._gateway.port}"}
        any_of = re.compile(rf"(?<![0-9A-Za-z.])(?:{'|'.join(map(re.escape, secrets))})(?![0-9A-Za-z])")
        return sorted({f"{secret} in {where}" for where, what in self.heard for secret in any_of.findall(what)})


def every_path(gateway: Simulator, answer: Callable[[str], Any]) -> None:
    """Let every path that is read answer something else."""
    for path in (*READABLE_PATHS, "system/update/status"):
        gateway.overrides[path] = answer(path)


def confession(gateway: Simulator) -> str:
    """Return what a talkative gateway may say in its errors."""
    own = gateway.gateway
    return f"{gateway.din} {own.pack_serials} {own.meter_serial} {list(gateway.tokens)} 192.168.1.77 02:00:00:00:00:01"


def errors_confess(status: int) -> Callable[[Simulator], None]:
    """Let every answer be an error whose words have secrets in them."""

    def fault(gateway: Simulator) -> None:
        gateway.faults.clear()
        words = confession(gateway)
        gateway.faults.add("*", status=status, body={"code": status, "error": words, "message": words})

    return fault


def _all_dropped(gateway: Simulator) -> None:
    gateway.faults.clear()
    gateway.faults.add("*", drop=True)


def _garbage(gateway: Simulator) -> None:
    gateway.faults.add("*", status=200, body=f"<html>{confession(gateway)}".encode())


def _peoples_data_everywhere(gateway: Simulator) -> None:
    """Answer to everything with whose it is, under keys that belong to other paths, and in fields of other kinds."""
    talk = {"din": gateway.din, "serial": gateway.serial, "ip": "192.168.1.77"}
    keys = (
        "version", "start_time", "up_time_seconds", "status", "running", "state", "grid_status", "percentage", "site",
        "battery", "load", "solar", "system_island_state", "battery_blocks", "grid_faults", "powerwalls", "problems",
        "real_mode", "mode", "backup_reserve_percent", "site_name", "max_site_meter_power_kW", "grid_code", "error",
    )  # fmt: skip
    every_path(gateway, lambda _: {**talk, **{key: [talk, gateway.serial] for key in keys}})


def _texts_everywhere(gateway: Simulator) -> None:
    every_path(
        gateway, lambda _: dict.fromkeys(("status", "grid_status", "state", "real_mode", "site"), gateway.serial)
    )


def _lists_everywhere(gateway: Simulator) -> None:
    every_path(gateway, lambda _: [gateway.din, {"serial": gateway.serial, "type": gateway.serial}])


def _talks_of_serials(gateway: Simulator) -> None:
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
    "all is well": (lambda _: None,),
    "errors that confess": tuple(map(errors_confess, (400, 401, 403, 404, 418, 429, 500, 502, 503))),
    "garbage, and no answer": (_garbage, _all_dropped),
    "whose it is everywhere": (_peoples_data_everywhere, _texts_everywhere, _lists_everywhere),
    "it talks of serials": (_talks_of_serials,),
    "stopped in an outage": (_outage, _stopped),
    "sessions lost": (_sessions_lost,),
    "password changed": (_password_changed,),
    "another gateway": (_another_gateway,),
    "another certificate": (_another_certificate,),
    "too slow": (_slow,),
}
"""Each may go on from one thing to the next."""


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
    listener = Listener(hass, gateway, caplog)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    if firmware == "1.15.0":
        await logged_in(hass, entry)  # a login that is interrupted is waited for at every unload
    for happens in CASES[case]:
        if (under_way := happens(gateway)) is not None:
            await under_way
        if happens is _slow:
            entry.runtime_data.gateway.connection._timeout = ClientTimeout(total=0.02)  # in which a handshake is done
        await poll(hass, entry)
        await listener.look_around(entry)
    await listener.try_everything()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await listener.look_around(entry)
    await add(hass, gateway, listener)
    assert listener.silence() == []
    assert len(listener.heard) > 50
    await leave(hass, gateway)


async def leave(hass: HomeAssistant, gateway: Simulator) -> None:
    """Let everything come to its end: what may be stopped is watched until it runs."""
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


async def add(hass: HomeAssistant, gateway: Simulator, listener: Listener) -> None:
    """Go through the forms once more, as a person who mistypes the password does."""
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
        placeholders.pop("host", None)  # it was typed a moment ago
        placeholders.pop("fingerprint", None)
        placeholders.pop("din", None)  # the form shows the serial that was typed with the part's number in front
        listener.hear("config flow", [placeholders, flow.get("errors"), flow.get("reason")])
        if flow["type"] == "form":
            suggested = [(key.description, str(key)) for key in flow["data_schema"].schema if "password" in str(key)]
            listener.hear("config flow", suggested)
    if flow["type"] == "form":
        flows.async_abort(flow["flow_id"])
