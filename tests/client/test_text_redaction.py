"""Redact a gateway's text: short, and without serials, tokens and addresses."""

import logging
from pathlib import Path
import subprocess
import sys
from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import GatewayRefusedError, endpoints
from custom_components.powerwall_gateway.gateway.text_redaction import LONGEST, cut, redact
from tests.client.conftest import Client
from tests.conftest import StartSimulator

# -- texts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no route to 2001:db8::1", "no route to …"),
        ("dial tcp [2001:db8:0:0:0:0:0:1]:443: connect: refused", "dial tcp […]:443: connect: refused"),
        ("fe80::1%eth0 is down", "… is down"),
        ("http://[fe80::1%25wlan0]/x", "http://[…]/x"),
        ("listening on ::1", "listening on …"),
        ("::ffff:192.168.1.5 left", "… left"),
        ("64:ff9b::192.0.2.33", "…"),
        ("addr:2001:db8::1", "addr:…"),
        ("2001:db8::/64", "…/64"),
        ("FD00::1.", "…."),
        ("02:00:00:00:00:01 joined", "… joined"),
        ("mac:02:00:00:00:00:01", "mac:…"),
        ("02-00-00-00-00-01", "…"),
        ("at 12:34:56 and 01:02:03.4", "at 12:34:56 and 01:02:03.4"),
        ("2020-01-01T12:34:56Z", "2020-01-01T12:34:56Z"),
        ("std::vector a:b:c 1:2:3:4", "std::vector a:b:c 1:2:3:4"),
        ("ask jane.doe+pw@mail.example.com", "ask …"),
        ("1232100-00-E--TG1234567890AB, STG1234567890AB", "1232100-00-E--…, …"),
    ],
)
def test_discreet_text_has_no_address_and_keeps_times(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("before", range(LONGEST - 20, LONGEST + 2))
def test_cut_text_leaves_no_half_of_a_serial(before: int) -> None:
    shown = redact("x" * (before - 1) + " TG1234567890AB is busy")
    assert "TG" not in shown
    assert len(shown) <= LONGEST + 1


def test_cut_leaves_a_short_text_alone() -> None:
    assert cut("x" * LONGEST) == "x" * LONGEST
    assert cut("x" * (LONGEST + 1)) == "…"


# -- paths -------------------------------------------------------------------------------------------------------------

SERIAL = "ABC1234567890"
SSID = "The Smiths' Wi-Fi"


@pytest.mark.parametrize(
    ("endpoint", "arguments"),
    [
        (endpoints.METERS_VERIFY, {"serial": SERIAL}),
        (endpoints.ENABLE_NETWORK, {"name": SSID}),
        (endpoints.DISABLE_NETWORK, {"name": SSID}),
    ],
    ids=["meters_verify", "enable_network", "disable_network"],
)
async def test_argument_of_a_path_is_sent_and_shown_nowhere(
    simulator: StartSimulator,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    endpoint: endpoints.Endpoint[Any],
    arguments: dict[str, str],
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.powerwall_gateway")
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.faults.add("*", status=500, body={"error": "not now"})
    with pytest.raises(GatewayRefusedError) as raised:
        await powerwall.call(endpoint, {}, **arguments)
    (argument,) = arguments.values()
    assert argument in gateway.requests[-1].path
    assert raised.value.path == (path := endpoint.path)
    paths = powerwall.connection.stats
    assert path in paths
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("custom_components")]
    assert argument not in "".join((str(raised.value), *paths, *map(repr, paths.values()), *logged))


@pytest.mark.parametrize("argument", ["", ".", ".."])
@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (endpoints.METERS_VERIFY, "serial"),
        (endpoints.SOLARS_BRAND, "brand"),
        (endpoints.ENABLE_NETWORK, "name"),
        (endpoints.DISABLE_NETWORK, "name"),
    ],
    ids=["meters_verify", "solars_brand", "enable_network", "disable_network"],
)
async def test_argument_that_leads_to_another_endpoint_is_not_sent(
    simulator: StartSimulator, client: Client, endpoint: endpoints.Endpoint[Any], name: str, argument: str
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="nothing was sent"):
        await powerwall.call(endpoint, **{name: argument})
    assert gateway.requests == []


# -- time limit --------------------------------------------------------------------------------------------------------


def test_longest_texts_of_the_worst_kind_are_read_within_the_limit_of_processor_time() -> None:
    """Read texts of 200 kB at every place that matches one, in a process that the system ends when it goes on and on.

    A pattern that takes the square of the time needs longer for one of these texts than all of them
    together may take. Processor time is counted, so a busy machine changes nothing.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.client.long_texts"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"ended by {done.returncode} after: {done.stdout[-500:]}{done.stderr[-500:]}"
    assert done.stdout.endswith("'done'\n")


async def test_long_error_text_is_cut(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("status", status=500, body=orjson.dumps({"error": "a." * 1_000_000}))
    with pytest.raises(GatewayRefusedError) as raised:
        await powerwall.status()
    assert raised.value.reason == "…"
