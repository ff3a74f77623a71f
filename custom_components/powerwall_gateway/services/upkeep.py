"""The actions that have the gateway look after itself: `check_update`, `run_connection_test`."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse

from ..gateway import GatewayError, GatewayStoppedError, GatewayUnfinishedError, PowerwallGateway
from ..gateway.control.actions import check_for_update
from ..gateway.models import GridState, SystemUpdate
from .target import async_entry_of, failed, schema_with, told, wrong

CHECK_UPDATE: Final = schema_with({})
RUN_CONNECTION_TEST: Final = schema_with({})

UPDATE_INTERVAL: Final = 5.0
UPDATE_LIMIT: Final = 300.0
TEST_INTERVAL: Final = 2.0
TEST_LIMIT: Final = 180.0
"""Seconds between two looks at how far it is, and until nobody waits any longer."""


async def async_check_update(call: ServiceCall) -> ServiceResponse:
    """Have the gateway look for new firmware, and give the state it comes to, with its own words."""
    data = async_entry_of(call).runtime_data
    gateway = data.gateway

    def show(update: SystemUpdate) -> None:
        # Below 20.49 nobody else may ask, so there it is no sensor's.
        if not gateway.capabilities.login_stops_powerwall:
            data.inventory.async_take_update(update)

    with told():
        await _insist_on_grid(gateway)
        try:
            update = await check_for_update(gateway, progress=show, interval=UPDATE_INTERVAL, limit=UPDATE_LIMIT)
        except GatewayUnfinishedError as err:
            raise failed("update_unfinished", minutes=f"{UPDATE_LIMIT / 60:.0f}") from err
    return {"state": update.state.name.lower() if update.state else None, "words": list(update.words)}


async def _insist_on_grid(gateway: PowerwallGateway) -> None:
    """Refuse what may stop the battery while the house lives on it, or where that is not known."""
    try:
        grid = (await gateway.grid_status()).grid_status
    except GatewayStoppedError:
        raise
    except GatewayError as err:
        raise failed("update_unsure") from err
    if grid is None:
        raise failed("update_unsure")
    if grid is not GridState.CONNECTED:
        raise wrong("update_off_grid")


async def async_run_connection_test(call: ServiceCall) -> ServiceResponse:
    """Have the gateway test its way to Tesla, and give the result of each test."""
    gateway = async_entry_of(call).runtime_data.gateway
    with told():
        try:
            tests = await gateway.run_connection_tests(interval=TEST_INTERVAL, limit=TEST_LIMIT)
        except GatewayUnfinishedError as err:
            raise failed("test_unfinished", minutes=f"{TEST_LIMIT / 60:.0f}") from err
    return {
        "passed": tests.passed,
        "tests": {test.name or "": {"passed": test.passed, "error": test.error} for test in tests.tests or ()},
    }
