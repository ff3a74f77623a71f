"""A Powerwall 3: a key is made in the options, confirmed at the unit, and control is there."""

from base64 import b64decode
from pathlib import Path

import pytest

from tests.conftest import StartSimulator
from tools.browser import Look, desktop, phone
from tools.child_process import free_port
from tools.develop.integration import DOMAIN, add, device_ids
from tools.home_assistant import HomeAssistant, errors_about

from .conftest import Visit

LOOKS = (desktop("de", dark=True), phone("en"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_key_brings_control(simulator: StartSimulator, visit: Visit, tmp_path: Path, look: Look) -> None:
    gateway = await simulator("pw3")
    async with HomeAssistant(tmp_path, free_port(), language=look.language) as home:
        person = await visit(home, look, "pairing")
        await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        await person.look_at_entry()
        key = await person.make_key()
        await person.page.snap("1-key")
        await person.submit()
        await person.reads(person.words.ours("options.error.key_unknown"))
        gateway.gateway.keyring.register(b64decode(key))
        await person.submit()
        await person.reads(person.words.ours("options.error.key_unconfirmed"))
        await person.page.snap("2-unconfirmed")
        gateway.gateway.keyring.confirm()
        await person.submit()
        await person.close_dialog()
        await person.look_at_device((await device_ids(home.api))[gateway.serial])
        mode = "entity.select.operation_mode"
        await person.sees_chosen(person.words.ours(f"{mode}.name"), person.words.ours(f"{mode}.state.self_consumption"))
        await person.page.snap("3-control", 1800)
        assert person.page.complaints == []
        assert errors_about(home.log, DOMAIN) == []
