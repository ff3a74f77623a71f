"""Scenarios of the connection, the gateway and the login."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from custom_components.powerwall_gateway.const import CONF_FINGERPRINT, DOMAIN
from custom_components.powerwall_gateway.repairs import async_trust_certificate
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.helpers import issue_registry as ir
from simulator import Simulator, scenarios as simulator_scenarios
from simulator.gateway.meters import SYNCHROMETER, aggregates
from simulator.scenarios import fault, payload_of, powerwall_removed, session_lost, unknown_grid_state
from simulator.wire import Json
from tests.fault_injection.impostor_servers import (
    resetting_server,
    server_that_never_accepts,
    server_without_tls,
    silent_server,
)
from tests.fault_injection.scenario_runner import Scenario, ScenarioRunner, Script
from tests.integration.config_flow_steps import assert_abort, go_on, typed
from tests.integration.test_discovery import discover
from tests.integration.test_reconfigure import begin

MINUTE: Final = 60.0

# -- the connection ----------------------------------------------------------------------------------------------------


def _during(scenario: simulator_scenarios.Scenario, seconds: float = 2 * MINUTE) -> Script:
    """Return the script of a simulator's scenario."""

    async def script(runner: ScenarioRunner) -> AsyncIterator[float]:
        async with scenario(runner.gateway):
            yield seconds

    return script


def _impostor(server: Callable[[int], AbstractAsyncContextManager[None]]) -> Script:
    async def script(runner: ScenarioRunner) -> AsyncIterator[float]:
        async with runner.gateway.unreachable() as port, server(port):
            yield 2 * MINUTE

    return script


async def _half_open(runner: ScenarioRunner) -> AsyncIterator[float]:
    with runner.gateway.forgetting_connections():
        yield MINUTE


async def _another_certificate(runner: ScenarioRunner) -> AsyncIterator[float]:
    async with runner.gateway.unreachable():
        runner.gateway.renew_certificate()
    runner.gateway.requests.clear()
    yield 2 * MINUTE
    assert runner.gateway.requests == []


async def _trust(runner: ScenarioRunner) -> None:
    issue = ir.async_get(runner.hass).async_get_issue(DOMAIN, f"certificate_changed_{runner.entry.entry_id}")
    assert issue
    assert issue.translation_placeholders
    async_trust_certificate(runner.hass, runner.entry, issue.translation_placeholders["new"])


async def _without_encryption(runner: ScenarioRunner) -> AsyncIterator[float]:
    impostor = Simulator("1.15.0", serial=runner.gateway.serial)
    async with runner.gateway.unreachable() as port:
        await impostor.start(port)
        yield 2 * MINUTE
        assert impostor.requests == []
        await impostor.stop()


CONNECTION: Final = (
    Scenario(name="refused", script=_during(Simulator.unreachable)),
    Scenario(name="reset", script=_impostor(resetting_server)),
    Scenario(name="half-open", script=_half_open, requests_hang=True),
    Scenario(name="black hole", script=_impostor(silent_server), requests_hang=True),
    Scenario(name="connects but never accepted", script=_impostor(server_that_never_accepts), requests_hang=True),
    Scenario(name="TLS fails", script=_impostor(server_without_tls)),
    Scenario(
        name="another certificate",
        script=_another_certificate,
        user_action=_trust,
        user="accepts it",
    ),
    Scenario(name="HTTP for HTTPS", script=_without_encryption),
)

# -- the gateway -------------------------------------------------------------------------------------------------------


async def _reboot(runner: ScenarioRunner) -> AsyncIterator[float]:
    gateway = runner.gateway
    async with gateway.unreachable():
        yield MINUTE
        gateway.tokens.clear()
    for status in (502, 503, 401):
        gateway.faults.add("*", status=status)
        yield 15.0
        gateway.faults.clear()


async def _upgrade(runner: ScenarioRunner) -> AsyncIterator[float]:
    gateway = runner.gateway
    async with gateway.unreachable():
        yield 3 * MINUTE
        gateway.install("24.36")
    yield 15 * MINUTE  # by then the inventory was polled


async def _upgrade_to_https(runner: ScenarioRunner) -> AsyncIterator[float]:
    gateway, port = runner.gateway, runner.gateway.port
    await gateway.stop()
    yield 3 * MINUTE
    gateway.install("1.50.1")
    await gateway.start(http_port=port)
    yield MINUTE


async def _go_to_https(runner: ScenarioRunner) -> None:
    flow = await begin(runner.hass, runner.entry, typed(runner.gateway))
    assert_abort(await go_on(runner.hass, flow, {}), "reconfigure_successful")
    assert runner.gateway.fingerprint
    assert runner.entry.data[CONF_FINGERPRINT] == runner.gateway.fingerprint.hex()


async def _upgrade_to_a_login(runner: ScenarioRunner) -> AsyncIterator[float]:
    gateway = runner.gateway
    await gateway.stop()
    yield 3 * MINUTE
    gateway.install("21.44")
    gateway.password = "of my own"
    await gateway.start()
    yield MINUTE


async def _type_the_password(runner: ScenarioRunner) -> None:
    flow = await begin(runner.hass, runner.entry, typed(runner.gateway))
    assert_abort(await go_on(runner.hass, flow, {CONF_PASSWORD: runner.gateway.password}), "reconfigure_successful")


async def _pack_added(runner: ScenarioRunner) -> AsyncIterator[float]:
    before = set(runner.harness.states())
    runner.gateway.home.add_pack()
    yield 15.0
    assert any("powerwall_3" in entity_id for entity_id in runner.harness.states().keys() - before)


async def _all_packs_gone(runner: ScenarioRunner) -> AsyncIterator[float]:
    for path, key in (("system_status", "battery_blocks"), ("powerwalls", "powerwalls")):
        runner.gateway.overrides[path] = payload_of(runner.gateway, path) | {key: []}
    yield 16 * MINUTE
    runner.gateway.overrides.clear()


async def _meter_gone(runner: ScenarioRunner) -> AsyncIterator[float]:
    all_meters = aggregates(SYNCHROMETER)

    def without_solar() -> Json:
        meters = all_meters(runner.gateway.gateway)
        assert isinstance(meters, dict)
        return {name: meter for name, meter in meters.items() if name != "solar"}

    runner.gateway.overrides["meters/aggregates"] = without_solar
    yield 2 * MINUTE
    runner.gateway.overrides.clear()


async def _moved(runner: ScenarioRunner) -> AsyncIterator[float]:
    async with runner.gateway.unreachable() as port:
        yield 30.0
    assert_abort(await discover(runner.hass, runner.gateway.din), "already_configured")
    assert runner.entry.data[CONF_HOST] == f"127.0.0.1:{port}"


async def _moved_unseen(runner: ScenarioRunner) -> AsyncIterator[float]:
    await runner.gateway.stop()
    await runner.gateway.start()
    yield 2 * MINUTE


async def _type_the_address(runner: ScenarioRunner) -> None:
    flow = await begin(runner.hass, runner.entry, typed(runner.gateway))
    assert_abort(await go_on(runner.hass, flow, {}), "reconfigure_successful")


async def _unknown_grid_state(runner: ScenarioRunner) -> AsyncIterator[float]:
    runner.gateway.home.outage()
    async with unknown_grid_state(runner.gateway):
        yield 2 * MINUTE
    runner.gateway.home.restore()
    runner.gateway.home.advance(2 * MINUTE)


GATEWAY: Final = (
    Scenario(name="reboot", script=_reboot, back_within=90.0),
    Scenario(name="reboot of 1.15", script=_reboot, firmware="1.15.0", back_within=90.0),
    Scenario(name="upgrade from 21.44 to 24.36", script=_upgrade, password="of my own", changes=True),
    Scenario(
        name="upgrade from 1.15 to 1.50",
        script=_upgrade_to_https,
        firmware="1.15.0",
        changes=True,
        records=3,  # one of them is a 405 of 1.50
        user_action=_go_to_https,
        user="types the address",
    ),
    Scenario(
        name="upgrade from 1.15 to 21.44",
        script=_upgrade_to_a_login,
        firmware="1.15.0",
        changes=True,
        user_action=_type_the_password,
        user="types the password",
    ),
    Scenario(name="500 everywhere", script=_during(fault(status=500))),
    Scenario(name="a Powerwall lost", script=_during(powerwall_removed(2)), may_hide=("_TG",)),
    Scenario(name="a Powerwall added", script=_pack_added, hides=False, changes=True),
    Scenario(name="no Powerwall left", script=_all_packs_gone, may_hide=("_TG",), back_within=900.0),
    Scenario(name="a meter gone", script=_meter_gone, may_hide=("solar",)),
    Scenario(name="another address", script=_moved, host="localhost"),
    Scenario(
        name="another address, unseen",
        script=_moved_unseen,
        user_action=_type_the_address,
        user="types the address",
    ),
    Scenario(name="unknown grid state", script=_unknown_grid_state, may_hide=("grid",), changes=True),
)

# -- the login ---------------------------------------------------------------------------------------------------------


def _login_refused(status: int) -> Scenario:
    @asynccontextmanager
    async def scenario(gateway: Simulator) -> AsyncIterator[None]:
        gateway.tokens.clear()
        async with fault("login/Basic", status=status)(gateway):
            yield

    name = "too many logins" if status == 429 else f"login refused ({status})"
    return Scenario(name=name, script=_during(scenario, MINUTE), back_within=90.0)


LOGIN: Final = (
    Scenario(name="session ended", script=_during(session_lost, MINUTE), hides=False, records=0),
    *(_login_refused(status) for status in (429, 401, 403)),
    *(
        Scenario(name=f"{status} everywhere", script=_during(fault(status=status), MINUTE), back_within=90.0)
        for status in (403, 401)
    ),
)
