"""A simulated Tesla cloud, and the built-in integration Tesla Fleet that is set up with it."""

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import time
from typing import Any, Final

from aiohttp import web
import jwt
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tesla_fleet_api.const import SERVERS

from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from simulator import Simulator

SITE_ID: Final = 2252312345678901
SITE_NAME: Final = "Sunset Boulevard"
TOKEN: Final = jwt.encode(
    {"scp": ["openid", "energy_device_data", "energy_cmds"], "ou_code": "NA", "sub": "account"}, "k" * 32, "HS256"
)


class TeslaCloud:
    """Tesla's Fleet API for one account, whose sites have these gateways.

    `gateways` has the site of each id. It learns a public key as the gateway does, or rejects it with `status`.
    """

    def __init__(self) -> None:
        self.gateways: dict[int, Simulator] = {}
        self.requests: list[tuple[str, Any]] = []
        """Method and path with the body of each request."""

        self.status = 200
        self.is_silent = False
        """Whether it closes the connection instead of responding to a command."""

        self.reports_gateways = True

    @property
    def commands(self) -> list[Any]:
        """Return the bodies of the commands."""
        return [body for request, body in self.requests if request.endswith("/command")]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve the API, and return its address."""
        app = web.Application()
        site = "/api/1/energy_sites/{site}"
        app.router.add_get("/api/1/products", self._products)
        app.router.add_get(f"{site}/site_info", self._site_info)
        app.router.add_get(f"{site}/live_status", self._live_status)
        app.router.add_get(f"{site}/calendar_history", self._history)
        app.router.add_post(f"{site}/command", self._command)
        app.router.add_post(f"{site}/command/add_authorized_client", self._teslemetry_command)
        runner = web.AppRunner(app)
        await runner.setup()
        server = web.TCPSite(runner, "127.0.0.1", 0)
        await server.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _note(self, request: web.Request) -> Any:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        body = await request.json() if request.can_read_body else None
        self.requests.append((f"{request.method} {request.path}", body))
        return body

    async def _products(self, request: web.Request) -> web.Response:
        await self._note(request)
        products = [
            {"energy_site_id": site, "site_name": SITE_NAME, "components": {"battery": True, "solar": True}}
            for site in self.gateways
        ]
        return web.json_response({"response": products, "count": len(products)})

    async def _site_info(self, request: web.Request) -> web.Response:
        await self._note(request)
        gateway = self.gateways[int(request.match_info["site"])]
        known = {"din": gateway.din, "serial_number": gateway.serial, "part_name": "Powerwall 3"}
        gateways = {"gateways": [known]} if self.reports_gateways else {}
        info = {"site_name": SITE_NAME, "components": {"battery": True, "solar": True, **gateways}}
        return web.json_response({"response": info})

    async def _live_status(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.json_response({"response": {"solar_power": 0, "grid_status": "Active", "wall_connectors": []}})

    async def _history(self, request: web.Request) -> web.Response:
        await self._note(request)
        period = {"timestamp": "2026-06-01T00:00:00-07:00", "solar_energy_exported": 1}
        return web.json_response({"response": {"period": "day", "time_series": [period]}})

    async def _command(self, request: web.Request) -> web.Response:
        body = await self._note(request)
        message = body["command_properties"]["message"]
        return self._register(request, message["authorization"]["add_authorized_client_request"])

    async def _teslemetry_command(self, request: web.Request) -> web.Response:
        return self._register(request, await self._note(request))

    def _register(self, request: web.Request, client: dict[str, Any]) -> web.Response:
        if self.is_silent:
            assert request.transport is not None
            request.transport.close()
        if self.status == 200:
            gateway = self.gateways[int(request.match_info["site"])]
            gateway.gateway.keyring.register(b64decode(client["public_key"]))
        error = {"response": None, "error": "refused", "error_description": f"{SITE_ID} {TOKEN}"}
        return web.json_response({"response": {}} if self.status == 200 else error, status=self.status)


async def set_up_tesla_fleet(hass: HomeAssistant, url: str, monkeypatch: Any) -> MockConfigEntry:
    """Set up the built-in integration with an account at a simulated cloud."""
    monkeypatch.setitem(SERVERS, "na", url)
    assert await async_setup_component(hass, "application_credentials", {})
    await async_import_client_credential(hass, "tesla_fleet", ClientCredential("client", "secret"), "tesla_fleet")
    token = {"access_token": TOKEN, "refresh_token": "", "expires_at": time.time() + 3600, "expires_in": 3600}
    entry = MockConfigEntry(
        domain="tesla_fleet",
        version=1,
        unique_id="account",
        data={"auth_implementation": "tesla_fleet", "token": {**token, "token_type": "Bearer"}},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry
