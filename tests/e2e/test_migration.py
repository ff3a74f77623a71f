"""Migrate from the built-in integration: one history and one dashboard, also after a restart."""

from pathlib import Path
from typing import Any

from tests.conftest import StartSimulator
from tools.benchmarks.subjects import add_core
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add
from tools.dev_server.target import Target
from tools.hass_process import Api, HomeAssistant, errors_about

LOAD = "sensor.home_energy_gateway_load_power"
CONSUMED = "sensor.home_energy_gateway_load_import"


async def offers(api: Api) -> list[str]:
    """Return the repair issues of the Energy dashboard."""
    issues = (await api.command("repairs/list_issues"))["issues"]
    return [issue["issue_id"] for issue in issues if issue["translation_key"] == "energy_dashboard"]


async def test_migration_continues_history_and_dashboard(
    socket_enabled: None, simulator: StartSimulator, tmp_path: Path
) -> None:
    gateway = await simulator("21.44")
    host = f"{gateway.host}:{gateway.port}"
    port = free_port()
    async with HomeAssistant(tmp_path, port) as home:
        api = home.api
        core = await add_core(api, Target(host, gateway.serial, "", gateway.password, None))
        shown_by_core = (await api.states())[LOAD].state
        await api.command("config_entries/disable", entry_id=core, disabled_by="user")
        gateway.home.advance(3600)
        await add(api, host, gateway.serial, gateway.password)

        (issue_id,) = await offers(api)
        asked = await api.request("POST", "/api/repairs/issues/fix", {"handler": DOMAIN, "issue_id": issue_id})
        done = await api.request("POST", f"/api/repairs/issues/fix/{asked['flow_id']}", {"next_step_id": "add"})
        assert done["type"] == "create_entry"
        path = f"/api/services/{DOMAIN}/take_over?return_response"
        response = (await api.request("POST", path, {"rename": True}))["service_response"]
        assert {LOAD, CONSUMED} <= set(response["renamed"])
        await api.remove_entry(core)

    async with HomeAssistant(tmp_path, port) as home:
        api = home.api
        assert await offers(api) == []
        prefs = await api.command("energy/get_prefs")
        dashboard = {text for source in prefs["energy_sources"] for text in source.values() if isinstance(text, str)}
        assert {"sensor.home_energy_gateway_site_import", "sensor.home_energy_gateway_charge"} <= dashboard
        assert dashboard.isdisjoint(set(response["entities"].values()) - set(response["entities"]))
        states = await api.states()
        assert states[LOAD].attributes["friendly_name"] == "Home Energy Gateway Home power"
        history: Any = await api.request("GET", f"/api/history/period?filter_entity_id={LOAD}")
        recorded = [state for state in history[0] if state["state"] not in {"unavailable", "unknown", ""}]
        assert recorded[0]["state"] == shown_by_core
        assert recorded[-1]["state"] == states[LOAD].state
        assert {state["attributes"]["unit_of_measurement"] for state in recorded} == {"kW"}
        assert errors_about(home.log, DOMAIN) == []
