"""Set the power of the battery with signed requests: what is checked, sent, watched and ended."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Literal

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
)
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.control import battery_power
from custom_components.powerwall_gateway.gateway.control.battery_power import DispatchController, DispatchRequest
from simulator import SimulatedHome, Simulator
from tests.client.signing import Sign, powerwall_of
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pair

CHARGE = DispatchRequest(power=-3000.0)
DISCHARGE = DispatchRequest(power=1500.0)

type Dispatch = Callable[..., Awaitable[DispatchController]]


@pytest.fixture
async def gateway(simulator: StartSimulator) -> Simulator:
    """Start a Powerwall 3 with a battery at 60%, a reserve of 20%, and a home that uses 2 kW without solar."""
    gateway = await start(simulator, "pw3", home=SimulatedHome(charge=62.0))
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    gateway.gateway.site_settings["customer_preferred_export_rule"] = "never"
    pair(gateway)
    return gateway


@pytest.fixture
async def controller(gateway: Simulator, sign: Sign) -> DispatchController:
    """Return a controller that waits for milliseconds only."""
    signed = await sign(gateway)
    return DispatchController(powerwall_of(signed), signed, follow=Polling(0.005, 0.02, 0.1))


def orders(gateway: Simulator) -> list[tuple[float, int] | None]:
    """Return the requests for a power that the gateway accepted; None for one to end it."""
    return gateway.gateway.dispatch.orders


@pytest.mark.parametrize("request_", [CHARGE, DISCHARGE])
async def test_battery_follows_until_it_resumes(
    gateway: Simulator, controller: DispatchController, request_: DispatchRequest
) -> None:
    config = await controller.check(request_)
    assert not orders(gateway)
    await controller.start(request_)
    assert controller.is_running
    assert gateway.home.battery_power == request_.power
    await controller.renew(request_, config, 60)
    assert orders(gateway) == [(request_.power, 120), (request_.power, 60)]
    await controller.resume()
    assert gateway.home.battery_power == 2000


def off_grid(gateway: Simulator) -> None:
    """Start an outage."""
    gateway.home.outage()


def at_the_reserve(gateway: Simulator) -> None:
    """Discharge the battery to the backup reserve."""
    gateway.home.charge = 24.0


def less_need(gateway: Simulator) -> None:
    """Let the home use less than the battery would supply."""
    gateway.home.home_power = 1000.0


def no_grid_charging(gateway: Simulator) -> None:
    """Forbid charging from the grid."""
    gateway.gateway.site_settings["disallow_charge_from_grid_with_solar_installed"] = True


def small_connection(gateway: Simulator) -> None:
    """Limit what may be imported to 4 kW."""
    gateway.gateway.site_settings["max_site_meter_power_ac"] = 4


def full_backup(gateway: Simulator) -> None:
    """Let someone start a full backup in the app."""
    gateway.gateway.full_backup.start, gateway.gateway.full_backup.duration = 0, 2**31


def unknown_grid_services(gateway: Simulator) -> None:
    """Leave out whether the utility uses the battery, like firmware 1.15."""
    gateway.overrides["system_status/grid_status"] = {"grid_status": "SystemGridConnected"}


def other_reserve(gateway: Simulator) -> None:
    """Let someone change the reserve."""
    gateway.gateway.operation.reserve = 30.0


def other_mode(gateway: Simulator) -> None:
    """Let someone change the mode."""
    gateway.gateway.operation.mode = "autonomous"


@pytest.mark.parametrize(
    ("request_", "change", "reason"),
    [
        (CHARGE, off_grid, CommandFailure.DISPATCH_OFF_GRID),
        (DISCHARGE, unknown_grid_services, CommandFailure.DISPATCH_UNSURE),
        (DISCHARGE, at_the_reserve, CommandFailure.DISPATCH_BELOW_RESERVE),
        (DISCHARGE, less_need, CommandFailure.DISPATCH_EXPORTS),
        (CHARGE, no_grid_charging, CommandFailure.DISPATCH_IMPORTS),
        (CHARGE, small_connection, CommandFailure.DISPATCH_IMPORTS),
        (DISCHARGE, full_backup, CommandFailure.DISPATCH_DURING_BACKUP),
        (CHARGE, other_reserve, CommandFailure.DISPATCH_REPLACED),
        (DISCHARGE, other_mode, CommandFailure.DISPATCH_REPLACED),
    ],
)
async def test_refused_before_and_while_the_battery_follows(
    gateway: Simulator,
    controller: DispatchController,
    request_: DispatchRequest,
    change: Callable[[Simulator], None],
    reason: CommandFailure,
) -> None:
    config = await controller.check(request_)
    await controller.start(request_)
    change(gateway)
    with pytest.raises(CommandError) as raised:
        await controller.renew(request_, config)
    assert raised.value.reason is reason
    if reason is not CommandFailure.DISPATCH_REPLACED:
        with pytest.raises(CommandError) as raised:
            await controller.check(request_)
        assert raised.value.reason is reason
    assert len(orders(gateway)) == 1


async def test_discharge_below_the_reserve_and_to_the_grid_only_if_allowed(
    gateway: Simulator, controller: DispatchController
) -> None:
    gateway.home.charge = 15.0
    gateway.gateway.site_settings |= {"customer_preferred_export_rule": "battery_ok", "min_site_meter_power_ac": -2}
    explicit = DispatchRequest(power=3500.0, below_reserve=True)
    await controller.check(explicit)
    await controller.start(explicit)
    assert gateway.home.grid_power == -1500
    with pytest.raises(CommandError) as raised:
        await controller.check(DispatchRequest(power=4500.0, below_reserve=True))
    assert raised.value.reason is CommandFailure.DISPATCH_EXPORTS
    gateway.home.charge = 9.5  # below 5% in the app
    with pytest.raises(CommandError) as raised:
        await controller.check(explicit)
    assert (raised.value.reason, raised.value.least) == (CommandFailure.DISPATCH_BELOW_RESERVE, 5.0)


async def test_solar_may_charge_the_battery_if_the_grid_may_not(
    gateway: Simulator, controller: DispatchController
) -> None:
    no_grid_charging(gateway)
    gateway.home.solar_power = 6000.0
    await controller.check(CHARGE)
    await controller.start(CHARGE)
    assert gateway.home.grid_power == -1000


@pytest.mark.parametrize("follows", ["never", "unsupported"])
async def test_battery_that_does_not_follow_is_reported(
    gateway: Simulator, controller: DispatchController, follows: Literal["never", "unsupported"]
) -> None:
    gateway.gateway.dispatch.follows = follows
    await controller.check(CHARGE)
    with pytest.raises((CommandError, GatewayNotFoundError)) as raised:
        await controller.start(CHARGE)
    if isinstance(raised.value, CommandError):
        assert (raised.value.reason, raised.value.power) == (CommandFailure.DISPATCH_NOT_FOLLOWED, 2000)
    assert controller.is_running is (follows == "never")


async def test_lost_renewal_does_not_count_as_accepted(
    gateway: Simulator, controller: DispatchController, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await controller.check(CHARGE)
    await controller.start(CHARGE)
    gateway.gateway.dispatch.follows = "lost"
    now = monotonic()
    monkeypatch.setattr(battery_power, "monotonic", lambda: now + 60)
    with pytest.raises(GatewayInvalidResponseError):
        await controller.renew(CHARGE, config)
    assert (controller.is_accepted, controller.is_running) == (True, True)
    monkeypatch.setattr(battery_power, "monotonic", lambda: now + 121)
    assert (controller.is_accepted, controller.is_running) == (False, True)


async def test_resume_that_is_ignored_is_reported(gateway: Simulator, controller: DispatchController) -> None:
    await controller.start(CHARGE)
    gateway.gateway.dispatch.resumes = False
    with pytest.raises(CommandError) as raised:
        await controller.resume()
    assert raised.value.reason is CommandFailure.DISPATCH_NOT_ENDED
    assert controller.is_running


async def test_resume_that_changes_nothing_is_done(gateway: Simulator, controller: DispatchController) -> None:
    await controller.resume()
    await controller.start(DispatchRequest(power=2000.0))  # what the battery does anyway
    gateway.gateway.dispatch.resumes = False
    await controller.resume()
    assert not controller.is_running
