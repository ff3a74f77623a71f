"""Set the export rule and charging from the grid with signed requests."""

from collections.abc import AsyncIterator
import json
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayConnectionError,
    GatewayKeyError,
    GatewayRefusedError,
    GridPolicy,
)
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.models import ExportRule
from custom_components.powerwall_gateway.gateway.signed.client import PATH, SignedGateway
from simulator import Simulator
from simulator.gateway import config_file
from tests.client.conftest import Client
from tests.client.expected_errors import raises_command_error
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pair, pem, public_key

NO_CHARGING = {"disallow_charge_from_grid_with_solar_installed": True}


class Owner:
    """A client with a key, and its gateway."""

    def __init__(self, simulator: Simulator, signed: SignedGateway) -> None:
        self.simulator = simulator
        self.signed = signed
        self.rules = GridPolicy(signed, read_back=Polling(0.005, 0.02, 0.1))

    @property
    def kept(self) -> dict[str, Any]:
        """The settings that the gateway stores."""
        return dict(self.simulator.gateway.site_settings)

    def fail_at_write(self, **fault: Any) -> None:
        """Inject a fault into the write, which follows two reads."""
        self.simulator.faults.add(PATH, delay=1e-9, times=2)
        self.simulator.faults.add(PATH, **fault)


@pytest.fixture
async def owner(simulator: StartSimulator, client: Client) -> AsyncIterator[Owner]:
    """Pair a gateway."""
    gateway = await start(simulator, "pw3")
    pair(gateway)
    signed = SignedGateway(await client(gateway), pem())
    await signed.check_key()
    yield Owner(gateway, signed)
    await signed.close()


async def test_export_rule_is_set(owner: Owner) -> None:
    assert owner.rules.allowed
    assert (await owner.signed.config()).export_rule is None
    for rule in (ExportRule.SOLAR, ExportRule.NOTHING, ExportRule.EVERYTHING):
        await owner.rules.set_export(rule)
        assert owner.kept == {"customer_preferred_export_rule": rule}
        assert (await owner.signed.config()).export_rule is rule


async def test_grid_charging_is_set(owner: Owner) -> None:
    assert (await owner.signed.config()).charges_from_grid
    await owner.rules.set_grid_charging(allowed=False)
    assert owner.kept == NO_CHARGING
    assert not (await owner.signed.config()).charges_from_grid
    await owner.rules.set_grid_charging(allowed=True)
    assert owner.kept == {}


async def test_limits_of_the_grid_are_set(owner: Owner) -> None:
    config = await owner.signed.config()
    assert (config.import_limit, config.export_limit) == (14, 14)
    await owner.rules.set_import_limit(12.5)
    await owner.rules.set_export_limit(0)
    assert owner.kept == {"max_site_meter_power_ac": 12.5, "min_site_meter_power_ac": 0}
    config = await owner.signed.config()
    assert (config.import_limit, config.export_limit) == (12.5, 0)


async def test_current_setting_is_not_written(owner: Owner) -> None:
    before = len(owner.simulator.requests)
    await owner.rules.set_grid_charging(allowed=True)
    assert len(owner.simulator.requests) == before + 1


@pytest.mark.parametrize("site_info", [None, "nonsense"])
async def test_set_grid_charging_writes_where_the_setting_could_not_be_read(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, site_info: Any
) -> None:
    owner.simulator.gateway.site_settings.update(NO_CHARGING)
    shown, unreadable = config_file.read, [json.dumps({"site_info": site_info}).encode()]
    monkeypatch.setattr(config_file, "read", lambda gateway: unreadable.pop() if unreadable else shown(gateway))
    await owner.rules.set_grid_charging(allowed=True)
    assert owner.kept == {}


async def test_lost_response_is_confirmed_by_reading(owner: Owner) -> None:
    owner.fail_at_write(drop=True, after=True, times=1)
    await owner.rules.set_grid_charging(allowed=False)
    assert owner.kept == NO_CHARGING


async def test_lost_request_raises(owner: Owner) -> None:
    owner.fail_at_write(drop=True, times=1)
    with pytest.raises(GatewayConnectionError):
        await owner.rules.set_grid_charging(allowed=False)
    assert owner.kept == {}


async def test_refused_write_raises(owner: Owner) -> None:
    owner.fail_at_write(status=500, times=1)
    with pytest.raises(GatewayRefusedError):
        await owner.rules.set_export(ExportRule.SOLAR)
    assert owner.kept == {}


async def test_write_that_does_not_show_raises(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "write", lambda *_: None)
    with raises_command_error(CommandFailure.GRID_POLICY_NOT_APPLIED):
        await owner.rules.set_export(ExportRule.SOLAR)


async def test_removed_key_raises(owner: Owner) -> None:
    owner.simulator.gateway.keyring.forget(public_key())
    with pytest.raises(GatewayKeyError):
        await owner.rules.set_export(ExportRule.SOLAR)
    assert not owner.rules.allowed
