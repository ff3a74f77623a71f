"""Set mode and reserve with signed requests: written once, read back, and checked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayClockError,
    GatewayKeyError,
    OperationController,
    OperationSettings,
    SignedOperationController,
)
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.models import OperationMode
from custom_components.powerwall_gateway.gateway.signed.client import PATH, SignedGateway
from simulator import SimulatedHome, Simulator
from simulator.gateway import config_file
from tests.client.conftest import Client
from tests.client.expected_errors import raises_command_error
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pair, pem, public_key

BACKUP, TARIFF, SELF_POWERED = OperationMode.BACKUP, OperationMode.AUTONOMOUS, OperationMode.SELF_CONSUMPTION
SHORT = Polling(0.005, 0.02, 0.1)


class Operator:
    """A client that sets mode and reserve with a key, and its gateway."""

    def __init__(self, simulator: Simulator, signed: SignedGateway, operation: OperationController) -> None:
        self.simulator = simulator
        self.signed = signed
        self.operation = operation
        self.written: list[bytes] = []

    def may(self) -> bool:
        """Return whether setting is allowed now."""
        return self.operation.allowed

    async def set(self, **wish: Any) -> OperationSettings:
        """Set values, and return the result that was read back."""
        return await self.operation.set(**wish)

    @property
    def follows(self) -> tuple[str, float]:
        """The mode and the reserve that the battery follows."""
        return (self.simulator.home.mode, self.simulator.home.reserve)

    @property
    def requests(self) -> int:
        """The number of signed requests."""
        return sum(request.path == PATH for request in self.simulator.requests)

    def fail_at(self, number: int, **fault: Any) -> None:
        """Inject a fault into a signed request by number, from 1."""
        if number > 1:
            self.simulator.faults.add(PATH, delay=1e-9, times=number - 1)
        self.simulator.faults.add(PATH, **fault)


@pytest.fixture(params=["26.18"])
async def operator(
    simulator: StartSimulator, client: Client, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Operator]:
    """Pair a gateway whose battery supplies the home, and record its writes."""
    gateway = await start(simulator, request.param, home=SimulatedHome(charge=60))
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    pair(gateway)
    powerwall = await client(gateway)
    signed = SignedGateway(powerwall, pem())
    operation = SignedOperationController(powerwall, signed, read_back=SHORT, follow=SHORT)
    operator = Operator(gateway, signed, operation)
    write = config_file.write

    def note(*arguments: Any) -> None:
        operator.written.append(arguments[1])
        write(*arguments)

    monkeypatch.setattr(config_file, "write", note)
    await signed.check_key()
    yield operator
    await signed.close()


WRITE = 3
"""Of the signed requests of a change: it is read, read again by the library, and written."""


async def test_set_is_allowed_while_the_gateway_accepts_the_key(operator: Operator) -> None:
    assert operator.may()
    assert operator.operation.modes == (SELF_POWERED, BACKUP, TARIFF)
    operator.simulator.gateway.keyring.forget(public_key())
    with pytest.raises(GatewayKeyError):
        await operator.set(reserve=30)
    assert not operator.may()
    pair(operator.simulator)
    assert (await operator.operation.read()).reserve == pytest.approx(20)
    assert operator.may()


async def test_set_writes_mode_and_reserve_at_once(operator: Operator) -> None:
    settings = await operator.set(mode=TARIFF, reserve=30)
    assert settings.mode is TARIFF
    assert settings.reserve == pytest.approx(30)
    assert operator.follows == ("autonomous", 33.5)
    assert len(operator.written) == 1


async def test_set_keeps_the_other_setting(operator: Operator) -> None:
    await operator.set(reserve=30)
    assert operator.follows == ("self_consumption", 33.5)
    await operator.set(mode=TARIFF)
    assert operator.follows == ("autonomous", 33.5)


async def test_current_settings_are_not_written(operator: Operator) -> None:
    await operator.set(mode=SELF_POWERED, reserve=20)
    assert operator.written == []


@pytest.mark.parametrize("wish", [{}, {"reserve": 101}, {"mode": OperationMode.SCHEDULER}])
async def test_set_rejects_invalid_values(operator: Operator, wish: dict[str, Any]) -> None:
    before = operator.requests
    with pytest.raises(ValueError, match="nothing was sent"):
        await operator.set(**wish)
    assert operator.requests == before


async def test_waiting_sets_become_one_write(operator: Operator) -> None:
    first = asyncio.create_task(operator.set(reserve=30))
    await asyncio.sleep(0)
    await asyncio.gather(operator.set(reserve=40), operator.set(mode=TARIFF), operator.set(reserve=50))
    await first
    assert len(operator.written) <= 2
    assert operator.follows == ("autonomous", 52.5)


async def test_set_on_a_stopped_powerwall_raises(operator: Operator) -> None:
    operator.simulator.running = False
    with raises_command_error(CommandFailure.STOPPED):
        await operator.set(reserve=30)
    assert operator.written == []


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 429, 500, 503])
async def test_set_raises_if_the_write_is_refused(operator: Operator, status: int) -> None:
    operator.fail_at(WRITE, status=status, times=1)
    with raises_command_error(CommandFailure.REFUSED):
        await operator.set(mode=BACKUP)
    assert operator.written == []


async def test_set_raises_on_a_conflicting_write(operator: Operator) -> None:
    def interfere(step: str, _: object) -> None:
        if step == "acted" and operator.requests == 3:
            operator.simulator.gateway.operation.reserve = 50

    operator.simulator.server.observer = interfere
    with raises_command_error(CommandFailure.CONFLICT):
        await operator.set(mode=TARIFF)
    assert operator.written == []
    assert operator.simulator.gateway.operation.mode == "self_consumption"


async def test_set_with_a_lost_response_is_confirmed_by_reading(operator: Operator) -> None:
    operator.fail_at(WRITE, drop=True, after=True, times=1)
    assert (await operator.set(reserve=30)).reserve == pytest.approx(30)
    assert len(operator.written) == 1


async def test_set_with_a_lost_request_is_unknown(operator: Operator) -> None:
    operator.fail_at(WRITE, drop=True, times=1)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.set(reserve=30)
    assert operator.written == []


async def test_set_without_any_response_is_unknown(operator: Operator) -> None:
    operator.fail_at(WRITE, drop=True, after=True)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.set(reserve=30)
    assert len(operator.written) == 1


async def test_set_writes_nothing_if_reading_fails(operator: Operator) -> None:
    operator.simulator.gateway.clock_ahead = 60.0
    with pytest.raises(GatewayClockError):
        await operator.set(reserve=30)
    assert operator.written == []


async def test_set_that_does_not_show_is_not_applied(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "write", lambda *_: None)
    with raises_command_error(CommandFailure.NOT_APPLIED) as not_applied:
        await operator.set(mode=BACKUP, reserve=30)
    assert not_applied.value.mode == "self_consumption"
    assert not_applied.value.reserve == pytest.approx(20)


# -- settings that are only stored -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", [{"mode": BACKUP}, {"reserve": 90}])
async def test_set_is_not_followed_if_the_battery_keeps_discharging(operator: Operator, wish: dict[str, Any]) -> None:
    operator.simulator.gateway.follows_config = False
    with raises_command_error(CommandFailure.NOT_FOLLOWED) as not_followed:
        await operator.set(**wish)
    assert not_followed.value.firmware == operator.signed.firmware
    assert len(operator.written) == 1


async def test_set_is_followed_if_the_battery_stops_discharging(operator: Operator) -> None:
    await operator.set(mode=BACKUP)
    assert operator.simulator.home.battery_power < 100


async def test_set_is_not_followed_if_the_battery_stays_idle(operator: Operator) -> None:
    await operator.set(mode=BACKUP)
    operator.simulator.home.charge = 60
    operator.simulator.gateway.follows_config = False
    with raises_command_error(CommandFailure.NOT_FOLLOWED):
        await operator.set(mode=SELF_POWERED)


@pytest.mark.parametrize("wish", [{"reserve": 30}, {"mode": TARIFF}])
async def test_set_that_changes_no_power_is_not_checked(operator: Operator, wish: dict[str, Any]) -> None:
    operator.simulator.gateway.follows_config = False
    await operator.set(**wish)
    assert operator.follows == ("self_consumption", 24)


async def test_set_off_grid_is_not_checked(operator: Operator) -> None:
    home = operator.simulator.home
    home.outage()
    home.advance(10)
    await operator.set(mode=BACKUP)
    assert operator.follows[0] == "backup"
