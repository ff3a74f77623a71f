"""An entry that is disabled while the Powerwall may be stopped: the Powerwall is started all the same."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

import aiohttp

from simulator import Simulator
from simulator.gateway.call import Call
from tests.conftest import StartSimulator
from tests.helpers import until
from tools.child_process import free_port
from tools.crash_test.crash_points import Plan
from tools.dev_server.integration import DOMAIN, add
from tools.hass_process import HomeAssistant, WebSocketError
from tools.hass_process.configuration import REPOSITORY

NEVER = 3600.0
"""Seconds on the grid before a login, where there is to be none."""

SOON = 1.5


def process(folder: Path, port: int, seconds_on_grid: float) -> HomeAssistant:
    """Return a Home Assistant in which the supervisor's minutes are seconds."""
    plan = Plan(trace=str(folder.with_suffix(".trace")), seconds_on_grid=seconds_on_grid)
    return HomeAssistant(
        folder,
        port,
        program=("-m", "tools.crash_test.child", json.dumps(asdict(plan))),
        path=(folder, REPOSITORY),
        notify=lambda _: None,
    )


def stored(folder: Path) -> dict[str, Any]:
    """Return the entry as it is on disk."""
    content = json.loads((folder / ".storage" / "core.config_entries").read_text(encoding="utf-8"))
    (entry,) = [entry for entry in content["data"]["entries"] if entry["domain"] == DOMAIN]
    return dict(entry)


def repairs(folder: Path) -> str:
    """Return the repairs that are on disk."""
    path = folder / ".storage" / "repairs.issue_registry"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def journal_is_open(folder: Path) -> bool:
    """Return whether a journal on disk is open."""
    journals = list((folder / ".storage").glob(f"{DOMAIN}.journal.*"))
    return any(json.loads(journal.read_bytes())["under_way"] for journal in journals)


async def disable(home: HomeAssistant, entry_id: str) -> None:
    """Disable the entry like the owner. Home Assistant may be killed before its response."""
    with suppress(aiohttp.ClientError, WebSocketError, OSError, TypeError):
        await home.api.command("config_entries/disable", entry_id=entry_id, disabled_by="user")


async def leave_stopped(gateway: Simulator, folder: Path, port: int) -> None:
    """Have Home Assistant die while its login has stopped the Powerwall, the gateway is silent, and the owner disables.

    The last process has not found a gateway that responds.
    """
    async with process(folder, port, NEVER) as home:
        await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)

    def silence_after_login(step: str, call: Call) -> None:
        if (step, call.path) == ("acted", "login/Basic"):
            gateway.faults.add("*", drop=True)

    gateway.server.observer = silence_after_login  # before the start: the login may come during it
    home = process(folder, port, SOON)
    with suppress(aiohttp.ClientError, OSError):
        async with home:
            await until(lambda: gateway.faults.active and journal_is_open(folder), seconds=60)
            gateway.server.observer = lambda *_: None
            disabling = asyncio.ensure_future(disable(home, stored(folder)["entry_id"]))
            # Home Assistant stores its entries after a second, and its repairs after ten.
            await until(lambda: "disabled_later" in repairs(folder), seconds=60)
            home.kill()
            await home.wait()
            await disabling
    assert not gateway.gateway.home.running
    assert journal_is_open(folder)
    assert stored(folder)["disabled_by"] is None


async def test_powerwall_of_a_disabled_entry_starts_after_a_crash(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway, folder, port = await simulator("1.15.0", speed=1.0), tmp_path / "home", free_port()
    await leave_stopped(gateway, folder, port)
    gateway.faults.clear()
    async with process(folder, port, NEVER) as home:
        await until(lambda: gateway.running and not journal_is_open(folder), seconds=60)
        await until(lambda: stored(folder)["disabled_by"] == "user", seconds=60)
        issues = (await home.api.command("repairs/list_issues"))["issues"]
        assert [issue["issue_id"] for issue in issues if issue["domain"] == DOMAIN] == []
    assert gateway.logins == 1


async def test_entry_is_disabled_once_the_owner_confirms_that_it_runs(
    simulator: StartSimulator, tmp_path: Path
) -> None:
    gateway, folder, port = await simulator("1.15.0", speed=1.0), tmp_path / "home", free_port()
    await leave_stopped(gateway, folder, port)
    async with process(folder, port, NEVER) as home:
        (entry,) = await home.api.entries(DOMAIN)
        path = "/api/repairs/issues/fix"
        flow = await home.api.request(
            "POST", path, {"handler": DOMAIN, "issue_id": f"disabled_later_{entry['entry_id']}"}
        )
        assert flow["menu_options"] == ["disable", "keep"]
        step = await home.api.request("POST", f"{path}/{flow['flow_id']}", {"next_step_id": "disable"})
        assert step["type"] == "create_entry"
        await until(lambda: stored(folder)["disabled_by"] == "user", seconds=60)
        assert not journal_is_open(folder)
