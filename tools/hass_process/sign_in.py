"""Sign in to a Home Assistant, new or configured, and get a token."""

from typing import Any
from uuid import uuid4

import aiohttp

from tools.hass_process import websocket

USER_NAME = "powerwall"
PASSWORD = "powerwall"
TOKEN_DAYS = 30


class SignInError(Exception):
    """Home Assistant did not let us in."""


async def sign_in(session: aiohttp.ClientSession, url: str) -> str:
    """Return a token that outlives the day; a fresh Home Assistant gets its owner first."""
    done = await _onboarding_done(session, url)
    if "user" in done:
        token = await _exchange(session, url, await _log_in(session, url))
    else:
        token = await _exchange(session, url, await _create_owner(session, url))
    if "integration" not in done:
        body = {"client_id": f"{url}/", "redirect_uri": f"{url}/"}
        await _post(session, f"{url}/api/onboarding/integration", body, token)
    async with websocket.connect(session, url, token) as home:
        name = f"powerwall_gateway tools {uuid4()}"
        long_lived: str = await home.command("auth/long_lived_access_token", client_name=name, lifespan=TOKEN_DAYS)
    return long_lived


async def _onboarding_done(session: aiohttp.ClientSession, url: str) -> set[str]:
    """Return the steps that are done; Home Assistant serves this page no more when all of them are."""
    async with session.get(f"{url}/api/onboarding") as response:
        if response.status == 404:
            return {"user", "integration"}
        response.raise_for_status()
        return {step["step"] for step in await response.json() if step["done"]}


async def _create_owner(session: aiohttp.ClientSession, url: str) -> str:
    owner = {
        "name": "Owner",
        "username": USER_NAME,
        "password": PASSWORD,
        "client_id": f"{url}/",
        "language": "en",
    }
    code: str = (await _post(session, f"{url}/api/onboarding/users", owner))["auth_code"]
    return code


async def _log_in(session: aiohttp.ClientSession, url: str) -> str:
    """Log in like a user on the web page."""
    start = {"client_id": f"{url}/", "handler": ["homeassistant", None], "redirect_uri": f"{url}/"}
    flow = await _post(session, f"{url}/auth/login_flow", start)
    values = {"client_id": f"{url}/", "username": USER_NAME, "password": PASSWORD}
    result = await _post(session, f"{url}/auth/login_flow/{flow['flow_id']}", values)
    if result["type"] != "create_entry":
        raise SignInError(
            f"This Home Assistant refuses the user name {USER_NAME} with the password {PASSWORD}: "
            "its folder was not made by this tool. Choose another folder."
        )
    code: str = result["result"]
    return code


async def _exchange(session: aiohttp.ClientSession, url: str, code: str) -> str:
    form = {"grant_type": "authorization_code", "code": code, "client_id": f"{url}/"}
    async with session.post(f"{url}/auth/token", data=form) as response:
        response.raise_for_status()
        token: str = (await response.json())["access_token"]
    return token


async def _post(
    session: aiohttp.ClientSession, address: str, body: dict[str, Any], token: str | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.post(address, json=body, headers=headers) as response:
        response.raise_for_status()
        result: dict[str, Any] = await response.json()
    return result
