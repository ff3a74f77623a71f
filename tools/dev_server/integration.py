"""Add the integration like an owner, through its config flow."""

from collections.abc import Callable
from typing import Any

from tools.hass_process import Api

DOMAIN = "powerwall_gateway"


class FlowError(Exception):
    """The config flow ended without an entry. The text is the error that the form shows."""


async def ensure_entities(
    api: Api, host: str, serial: str, password: str | None, notify: Callable[[str], None]
) -> dict[str, str]:
    """Return the entity ids by key of this gateway's entry; a folder that was kept may have it already."""
    for entry in await api.entries(DOMAIN):
        ids = await entity_ids(api, serial)
        if entry["state"] == "loaded" and ids:
            notify(f"Home Assistant has {entry['title']} already.")
            return ids
        notify(f"{entry['title']} in this folder does not respond as {serial}: it is removed and added again.")
        await api.remove_entry(entry["entry_id"])
    await add(api, host, serial, password)
    if not (ids := await entity_ids(api, serial)):
        raise FlowError("The integration made no entities; home-assistant.log in the configuration folder says why.")
    return ids


async def add(api: Api, host: str, serial: str, password: str | None, username: str = "customer") -> str:
    """Complete the config flow and return the id of the entry."""
    step = await api.start_flow(DOMAIN)
    step = await api.continue_flow(step["flow_id"], {"host": host, "serial": serial})
    if step["type"] == "form" and step["step_id"] == "login":
        if password is None:
            raise FlowError("The gateway wants a login: give the password of its customer login with --password.")
        login = {"password": password, "allow_control": True, "more": {"username": username}}
        step = await api.continue_flow(step["flow_id"], login)
    elif step["type"] == "form" and step["step_id"] in {"control", "control_encrypted"}:
        step = await api.continue_flow(step["flow_id"], {"allow_control": True})
    if step["type"] == "form" and step["step_id"] == "confirm":
        step = await api.continue_flow(step["flow_id"], {})
    if step["type"] != "create_entry":
        raise FlowError(await _why(api, step))
    entry = step["result"]
    if entry["state"] != "loaded":
        raise FlowError(f"The integration was added but is not loaded ({entry['state']}): {entry['reason']}")
    entry_id: str = entry["entry_id"]
    return entry_id


async def _why(api: Api, step: dict[str, Any]) -> str:
    """Return the integration's text for an aborted flow or a form error."""
    texts = await api.translations(DOMAIN, "config")
    prefix = f"component.{DOMAIN}.config"
    if step["type"] == "abort":
        reason: str = step["reason"]
        return texts.get(f"{prefix}.abort.{reason}", reason)
    reasons = [
        f"{field}: {texts.get(f'{prefix}.error.{error}', error)}" for field, error in (step["errors"] or {}).items()
    ]
    return "; ".join(reasons) or f"The config flow asks for a step this tool does not know: {step['step_id']}"


async def device_ids(api: Api) -> dict[str, str]:
    """Return the device ids by identifier: the gateway's is its serial."""
    devices = await api.command("config/device_registry/list")
    identifiers = {device["id"]: dict(device["identifiers"]).get(DOMAIN) for device in devices}
    return {identifier: device_id for device_id, identifier in identifiers.items() if identifier}


async def entity_ids(api: Api, serial: str) -> dict[str, str]:
    """Return the entity ids by key; a whole DIN will do for the serial, as in the config flow."""
    prefix = f"{serial.strip().upper().rpartition('--')[2]}_"
    return {
        unique_id.removeprefix(prefix): entity_id
        for unique_id, entity_id in (await api.entity_ids(DOMAIN)).items()
        if unique_id.startswith(prefix)
    }
