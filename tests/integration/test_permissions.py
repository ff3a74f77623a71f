"""Permissions of Home Assistant's users."""

from functools import partial
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.powerwall_gateway import hub
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway import IslandingController
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import entity_registry as er
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.integration.control import entity_of, follows, writes

from .conftest import Loaded, SetUp
from .test_off_grid import LEAVE, QUICK, RETURN, orders
from .test_services import ACTIONS


async def test_actions_require_an_administrator(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hass_read_only_user: MockUser
) -> None:
    gateway = await simulator("21.44")
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    before = len(gateway.requests)
    assert set(hass.services.async_services()[DOMAIN]) == set(ACTIONS)
    for action, data in ACTIONS.items():
        with pytest.raises(Unauthorized):
            await hass.services.async_call(
                DOMAIN,
                action,
                data,
                blocking=True,
                context=Context(user_id=hass_read_only_user.id),
                return_response=action == "get_endpoint",
            )
    assert {request.path for request in gateway.requests[before:]} <= {"system_status/grid_status"}


async def act(hass: HomeAssistant, user: MockUser, domain: str, action: str, **data: Any) -> None:
    """Call an action as a user does."""
    await hass.services.async_call(domain, action, data, blocking=True, context=Context(user_id=user.id))


def family_member(hass: HomeAssistant) -> MockUser:
    """Add a user without administrator rights who may control entities."""
    user = MockUser(name="A family member", groups=[]).add_to_hass(hass)
    user.mock_policy({"entities": True})
    return user


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("domain", "action", "data"),
    [
        ("select", "select_option", {"option": "backup"}),
        ("number", "set_value", {"value": 30}),
        ("button", "press", {}),
    ],
)
async def test_entities_follow_home_assistants_permissions(
    hass: HomeAssistant,
    old: Loaded,
    hass_read_only_user: MockUser,
    domain: str,
    action: str,
    data: dict[str, Any],
) -> None:
    """A user with read access changes nothing. Others may, as with all of Home Assistant's entities."""
    gateway, entry = old
    (entity_id,) = (
        entity.entity_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if entity.domain == domain
    )
    before, stood = len(writes(gateway)), follows(gateway)
    started = request_count(gateway, "sitemaster/run")
    with pytest.raises(Unauthorized):
        await act(hass, hass_read_only_user, domain, action, entity_id=entity_id, **data)
    assert (len(writes(gateway)), follows(gateway)) == (before, stood)
    assert request_count(gateway, "sitemaster/run") == started
    await act(hass, family_member(hass), domain, action, entity_id=entity_id, **data)
    assert (follows(gateway), request_count(gateway, "sitemaster/run")) != (stood, started)


async def test_off_grid_switch_follows_home_assistants_permissions(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    hass_read_only_user: MockUser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "IslandingController", partial(IslandingController, off_grid=QUICK, on_grid=QUICK))
    gateway = await simulator("21.44", speed=1000.0)
    gateway.home.charge, gateway.home.solar_power, gateway.home.home_power = 80.0, 0.0, 100.0
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    entity_id = entity_of(hass, gateway, "switch", "off_grid")
    member = family_member(hass)
    for action, allowed in (("turn_on", []), ("turn_off", [LEAVE])):
        with pytest.raises(Unauthorized):
            await act(hass, hass_read_only_user, "switch", action, entity_id=entity_id)
        assert orders(gateway) == allowed
        await act(hass, member, "switch", action, entity_id=entity_id)
    assert orders(gateway) == [LEAVE, RETURN]
