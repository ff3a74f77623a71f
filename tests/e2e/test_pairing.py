"""An owner pairs a Powerwall 3 in a real Home Assistant, sets it, and starts Home Assistant again."""

from pathlib import Path

from tests.conftest import StartSimulator
from tests.gateway.browser import Browser
from tools.child_process import free_port
from tools.develop.integration import DOMAIN, add, entity_ids
from tools.home_assistant import HomeAssistant, errors_about

MODE = "operation_mode"
SELECT = f"select.powerwall_gateway_{MODE}"


async def test_a_key_is_made_confirmed_and_used(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("pw3")
    port = free_port()
    async with HomeAssistant(tmp_path, port) as home:
        entry_id = await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        assert MODE not in await entity_ids(home.api, gateway.serial)
        step = await home.api.start_options(entry_id)
        for choice in ("pairing", "make_key"):
            step = await home.api.continue_options(step["flow_id"], {"next_step_id": choice})
        async with Browser(gateway) as tesla:
            await tesla.post("/simulator", {"register_key": step["description_placeholders"]["public_key"]})
        step = await home.api.continue_options(step["flow_id"], {})
        assert step["errors"] == {"base": "key_unconfirmed"}
        gateway.flip_switch()
        step = await home.api.continue_options(step["flow_id"], {})
        assert step["type"] == "create_entry"
        await home.api.wait_for_state(SELECT, "self_consumption")  # the entry is loaded anew
        ids = await entity_ids(home.api, gateway.serial)
        await home.api.call_service("select", "select_option", entity_id=ids[MODE], option="autonomous")
        await home.api.wait_for_state(ids[MODE], "autonomous")
        assert gateway.house.mode == "autonomous"
        assert errors_about(home.log, DOMAIN) == []
    logins = gateway.logins

    async with HomeAssistant(tmp_path, port) as home:
        await home.api.wait_for_state(ids[MODE], "autonomous")
        await home.api.call_service("number", "set_value", entity_id=ids["backup_reserve"], value=40)
        await home.api.wait_for_state(ids["backup_reserve"], "40.0")
        assert gateway.house.reserve == 43
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.logins == logins
