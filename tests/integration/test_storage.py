"""The stored data of an entry, if files are moved or cannot be written or read."""

import asyncio
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.storage import EntryStore, async_get_store
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError

NAME = f"{DOMAIN}.entry"
FORMER = f"{NAME}.key"


@pytest.fixture
def former(hass_storage: dict[str, Any]) -> None:
    """Store a key in a file of its own, as earlier versions did."""
    hass_storage[NAME] = {"version": 1, "minor_version": 1, "key": NAME, "data": {"return_charge": 35.0}}
    key = {"private_key": "a key", "unconfirmed_since": 1_796_045_260.5}
    hass_storage[FORMER] = {"version": 1, "minor_version": 1, "key": FORMER, "data": key}


async def reread(hass: HomeAssistant) -> EntryStore:
    """Return the stored data as another process loads it."""
    store = EntryStore(hass, "entry")
    await store.async_load()
    return store


@pytest.mark.usefixtures("former")
async def test_key_moves_out_of_its_former_file(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    store = await async_get_store(hass, "entry")
    assert (store.private_key, store.unconfirmed_since, store.return_charge) == (b"a key", 1_796_045_260.5, 35.0)
    assert FORMER not in hass_storage
    again = await reread(hass)
    assert (again.private_key, again.unconfirmed_since, again.return_charge) == (b"a key", 1_796_045_260.5, 35.0)


@pytest.mark.usefixtures("former")
async def test_former_file_stays_until_the_key_is_on_disk(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    with patch.object(Store, "_async_write_data", side_effect=WriteError("No space left on device")):
        assert (await reread(hass)).private_key == b"a key"
    assert FORMER in hass_storage
    assert (await reread(hass)).private_key == b"a key"
    assert FORMER not in hass_storage


@pytest.mark.usefixtures("former")
async def test_former_file_that_cannot_be_read_once_keeps_the_key(hass: HomeAssistant) -> None:
    load = Store.async_load

    async def fail(store: Store[Any]) -> Any:
        if store.key == FORMER:
            raise HomeAssistantError("the file cannot be read")
        return await load(store)

    with patch.object(Store, "async_load", fail):
        store = await reread(hass)
    assert not await store.async_set_return_charge(40.0)
    assert (await reread(hass)).private_key == b"a key"


@pytest.mark.usefixtures("former")
async def test_moved_key_wins_over_a_former_file_that_a_crash_left(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass_storage[NAME]["data"] |= {"private_key": None}
    assert (await reread(hass)).private_key is None
    assert FORMER not in hass_storage


@pytest.mark.usefixtures("former")
async def test_all_users_wait_for_the_key_to_be_moved(hass: HomeAssistant) -> None:
    first, second = await asyncio.gather(*(async_get_store(hass, "entry") for _ in range(2)))
    assert first is second
    assert first.private_key == b"a key"


async def test_file_of_a_later_version_is_not_overwritten(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    later = {"version": 2, "minor_version": 1, "key": NAME, "data": {"private_key": "a key"}}
    hass_storage[NAME] = dict(later)
    store = await async_get_store(hass, "entry")
    assert not await store.async_set_return_charge(35.0)
    assert not await store.async_set_key(b"another key")
    assert store.private_key is None
    assert hass_storage[NAME] == later


async def test_nothing_counts_as_stored_while_home_assistant_stops(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    store = await async_get_store(hass, "entry")
    hass.set_state(CoreState.stopping)
    assert not await store.async_set_return_charge(35.0)
    assert not await store.async_set_key(b"a key")
    assert store.private_key is None
    assert NAME not in hass_storage
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    hass.set_state(CoreState.running)
    again = await reread(hass)
    assert (again.return_charge, again.private_key) == (35.0, None)


@pytest.mark.usefixtures("former")
async def test_removed_entry_leaves_no_file(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    with patch.object(Store, "_async_write_data", side_effect=WriteError("No space left on device")):
        store = await async_get_store(hass, "entry")
    await store.async_remove()
    assert not {NAME, FORMER} & hass_storage.keys()
