"""What can become of a connection, a gateway and a login, and then is over."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from custom_components.powerwall_gateway.const import CONF_FINGERPRINT, DOMAIN
from custom_components.powerwall_gateway.repairs import async_trust_certificate
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.helpers import issue_registry as ir
from simulator import Simulator
from simulator.gateway.meters import SYNCHROMETER, aggregates
from simulator.wire import Json
from tests.fault_injection.course import Course, Happening, Upheaval
from tests.fault_injection.stranger import (
    one_who_is_silent,
    one_who_resets,
    one_who_takes_no_connection,
    one_without_tls,
)
from tests.integration.flows import ends, go_on, typed
from tests.integration.test_discovery import discover
from tests.integration.test_reconfigure import begin

MINUTE: Final = 60.0

# -- the connection ----------------------------------------------------------------------------------------------------


async def _refused(course: Course) -> AsyncIterator[float]:
    async with course.gateway.unreachable():
        yield 2 * MINUTE


def _in_its_place(stranger: Callable[[int], AbstractAsyncContextManager[None]]) -> Happening:
    async def happening(course: Course) -> AsyncIterator[float]:
        async with course.gateway.unreachable() as port, stranger(port):
            yield 2 * MINUTE

    return happening


async def _half_open(course: Course) -> AsyncIterator[float]:
    with course.gateway.forgetting_connections():
        yield MINUTE


async def _another_certificate(course: Course) -> AsyncIterator[float]:
    async with course.gateway.unreachable():
        course.gateway.renew_certificate()
    course.gateway.requests.clear()
    yield 2 * MINUTE
    assert course.gateway.requests == []


async def _trust(course: Course) -> None:
    issue = ir.async_get(course.hass).async_get_issue(DOMAIN, f"certificate_changed_{course.entry.entry_id}")
    assert issue
    assert issue.translation_placeholders
    async_trust_certificate(course.hass, course.entry, issue.translation_placeholders["new"])


async def _without_encryption(course: Course) -> AsyncIterator[float]:
    impostor = Simulator("1.15.0", serial=course.gateway.serial)
    async with course.gateway.unreachable() as port:
        await impostor.start(port)
        yield 2 * MINUTE
        assert impostor.requests == []
        await impostor.stop()


CONNECTION: Final = (
    Upheaval(name="refused", happening=_refused),
    Upheaval(name="reset", happening=_in_its_place(one_who_resets)),
    Upheaval(name="half-open", happening=_half_open, silent=True),
    Upheaval(name="black hole", happening=_in_its_place(one_who_is_silent), silent=True),
    Upheaval(name="connects to nobody", happening=_in_its_place(one_who_takes_no_connection), silent=True),
    Upheaval(name="TLS fails", happening=_in_its_place(one_without_tls)),
    Upheaval(
        name="another certificate",
        happening=_another_certificate,
        consent=_trust,
        person="accepts it",
    ),
    Upheaval(name="HTTP for HTTPS", happening=_without_encryption),
)

# -- the gateway -------------------------------------------------------------------------------------------------------


async def _reboot(course: Course) -> AsyncIterator[float]:
    gateway = course.gateway
    async with gateway.unreachable():
        yield MINUTE
        gateway.tokens.clear()
    for status in (502, 503, 401):
        gateway.faults.add("*", status=status)
        yield 15.0
        gateway.faults.clear()


async def _upgrade(course: Course) -> AsyncIterator[float]:
    gateway = course.gateway
    async with gateway.unreachable():
        yield 3 * MINUTE
        gateway.install("24.36")
    yield 15 * MINUTE  # by then the inventory was polled


async def _upgrade_to_https(course: Course) -> AsyncIterator[float]:
    gateway, port = course.gateway, course.gateway.port
    await gateway.stop()
    yield 3 * MINUTE
    gateway.install("1.50.1")
    await gateway.start(http_port=port)
    yield MINUTE


async def _go_to_https(course: Course) -> None:
    flow = await begin(course.hass, course.entry, typed(course.gateway))
    ends(await go_on(course.hass, flow, {}), "reconfigure_successful")
    assert course.gateway.fingerprint
    assert course.entry.data[CONF_FINGERPRINT] == course.gateway.fingerprint.hex()


async def _upgrade_to_a_login(course: Course) -> AsyncIterator[float]:
    gateway = course.gateway
    await gateway.stop()
    yield 3 * MINUTE
    gateway.install("21.44")
    gateway.password = "of my own"
    await gateway.start()
    yield MINUTE


async def _type_the_password(course: Course) -> None:
    flow = await begin(course.hass, course.entry, typed(course.gateway))
    ends(await go_on(course.hass, flow, {CONF_PASSWORD: course.gateway.password}), "reconfigure_successful")


async def _fails(course: Course) -> AsyncIterator[float]:
    course.gateway.faults.add("*", status=500)
    yield 2 * MINUTE
    course.gateway.faults.clear()


async def _pack_lost(course: Course) -> AsyncIterator[float]:
    course.gateway.home.remove_pack(2)
    yield 2 * MINUTE
    course.gateway.home.add_pack(2)


async def _pack_added(course: Course) -> AsyncIterator[float]:
    before = set(course.ward.states())
    course.gateway.home.add_pack()
    yield 15.0
    assert any("powerwall_3" in entity_id for entity_id in course.ward.states().keys() - before)


async def _all_packs_gone(course: Course) -> AsyncIterator[float]:
    client = course.entry.runtime_data.gateway
    course.gateway.overrides["system_status"] = {**await client.get("system_status"), "battery_blocks": []}
    course.gateway.overrides["powerwalls"] = {**await client.get("powerwalls"), "powerwalls": []}
    yield 16 * MINUTE
    course.gateway.overrides.clear()


async def _meter_gone(course: Course) -> AsyncIterator[float]:
    all_meters = aggregates(SYNCHROMETER)

    def without_solar() -> Json:
        meters = all_meters(course.gateway.gateway)
        assert isinstance(meters, dict)
        return {name: meter for name, meter in meters.items() if name != "solar"}

    course.gateway.overrides["meters/aggregates"] = without_solar
    yield 2 * MINUTE
    course.gateway.overrides.clear()


async def _moved(course: Course) -> AsyncIterator[float]:
    async with course.gateway.unreachable() as port:
        yield 30.0
    ends(await discover(course.hass, course.gateway.din), "already_configured")
    assert course.entry.data[CONF_HOST] == f"127.0.0.1:{port}"


async def _moved_unseen(course: Course) -> AsyncIterator[float]:
    await course.gateway.stop()
    await course.gateway.start()
    yield 2 * MINUTE


async def _type_the_address(course: Course) -> None:
    flow = await begin(course.hass, course.entry, typed(course.gateway))
    ends(await go_on(course.hass, flow, {}), "reconfigure_successful")


async def _unheard_of(course: Course) -> AsyncIterator[float]:
    client, state = course.entry.runtime_data.gateway, "SystemGridUnheardOf"
    course.gateway.home.outage()
    for path, key in (("system_status", "system_island_state"), ("system_status/grid_status", "grid_status")):
        course.gateway.overrides[path] = {**await client.get(path), key: state}
    yield 2 * MINUTE
    course.gateway.overrides.clear()
    course.gateway.home.restore()
    course.gateway.home.advance(2 * MINUTE)


GATEWAY: Final = (
    Upheaval(name="reboot", happening=_reboot, back_within=90.0),
    Upheaval(name="reboot of 1.15", happening=_reboot, firmware="1.15.0", back_within=90.0),
    Upheaval(name="upgrade from 21.44 to 24.36", happening=_upgrade, password="of my own", changes=True),
    Upheaval(
        name="upgrade from 1.15 to 1.50",
        happening=_upgrade_to_https,
        firmware="1.15.0",
        changes=True,
        records=3,  # one of them is of what 1.50 answers with 405
        consent=_go_to_https,
        person="types the address",
    ),
    Upheaval(
        name="upgrade from 1.15 to 21.44",
        happening=_upgrade_to_a_login,
        firmware="1.15.0",
        changes=True,
        consent=_type_the_password,
        person="types the password",
    ),
    Upheaval(name="500 everywhere", happening=_fails),
    Upheaval(name="a Powerwall lost", happening=_pack_lost, besides=("_TG",)),
    Upheaval(name="a Powerwall added", happening=_pack_added, hides=False, changes=True),
    Upheaval(name="no Powerwall left", happening=_all_packs_gone, besides=("_TG",), back_within=900.0),
    Upheaval(name="a meter gone", happening=_meter_gone, besides=("solar",)),
    Upheaval(name="another address", happening=_moved, host="localhost"),
    Upheaval(
        name="another address, unseen",
        happening=_moved_unseen,
        consent=_type_the_address,
        person="types the address",
    ),
    Upheaval(name="unknown grid state", happening=_unheard_of, besides=("grid",), changes=True),
)

# -- the login ---------------------------------------------------------------------------------------------------------


def _denied(*faults: dict[str, Any], lost: bool = False) -> Happening:
    """Lose the session, or not, and have what comes then refused for a minute."""

    async def happening(course: Course) -> AsyncIterator[float]:
        if lost:
            course.gateway.tokens.clear()
        for fault in faults:
            course.gateway.faults.add(**fault)
        yield MINUTE
        course.gateway.faults.clear()

    return happening


LOGIN: Final = (
    Upheaval(name="session ended", happening=_denied(lost=True), hides=False, records=0),
    Upheaval(
        name="too many logins",
        happening=_denied({"path": "login/Basic", "status": 429}, lost=True),
        back_within=90.0,
    ),
    Upheaval(
        name="login refused (401)",
        happening=_denied({"path": "login/Basic", "status": 401}, lost=True),
        back_within=90.0,
    ),
    Upheaval(
        name="login refused (403)",
        happening=_denied({"path": "login/Basic", "status": 403}, lost=True),
        back_within=90.0,
    ),
    Upheaval(name="403 everywhere", happening=_denied({"path": "*", "status": 403}), back_within=90.0),
    Upheaval(name="401 everywhere", happening=_denied({"path": "*", "status": 401}), back_within=90.0),
)
