"""Every limit that the README and the docs promise is the one of the code, and the page still has its number."""

from datetime import timedelta
import re
from typing import Any, Final, NamedTuple

import pytest

from custom_components.powerwall_gateway import (
    after_poll,
    config_flow,
    const,
    control,
    energy_filter,
    entity,
    estimates,
    flow_split,
    lost_meters,
    services,
    signing_key,
    sub_devices,
)
from custom_components.powerwall_gateway.const import (
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_RETURN_CHARGE,
    DOMAIN,
)
from custom_components.powerwall_gateway.gateway import HIDDEN_PERCENT, auth, backoff, firmware, scheduler, transport
from custom_components.powerwall_gateway.gateway.control import battery_power, islanding, signed_operation
from custom_components.powerwall_gateway.gateway.stop_safety import journal, supervisor
from homeassistant.util.yaml import load_yaml_dict
from tests.helpers import INTEGRATION, ROOT

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

README = "README.md"
AUTOMATIONS = "docs/automations.md"
CONTROL = "docs/control.md"
ENERGY = "docs/energy-dashboard.md"
ENTITIES = "docs/entities.md"
INSTALLATION = "docs/installation.md"
KEYS = "docs/powerwall-3-and-keys.md"
SECURITY = "docs/security.md"
TROUBLESHOOTING = "docs/troubleshooting.md"
DEV_ARCHITECTURE = "docs/dev/architecture.md"
DEV_CONTROL = "docs/dev/control.md"
DEV_DEMO = "docs/dev/demo.md"
DEV_ENERGY = "docs/dev/energy.md"
DEV_ENTITY = "docs/dev/adding-an-entity.md"
DEV_PERFORMANCE = "docs/dev/performance.md"
DEV_RELIABILITY = "docs/dev/reliability.md"
DEV_SECURITY = "docs/dev/security.md"

TIMINGS: Final = supervisor.SafetyTimings()
ACTIONS: Final = load_yaml_dict(str(INTEGRATION / "services.yaml"))


def option(key: str) -> tuple[Any, float, float]:
    """Return the default of an option that is a number, and its range."""
    ((field, selector),) = [item for item in config_flow.SETTINGS.schema.items() if item[0] == key]
    config = selector.validators[0].config
    return field.default(), config["min"], config["max"]


class Limit(NamedTuple):
    """A limit of the code, its promised value, and the pages that promise it, each with its words.

    "…" in the words stands for any others of the same sentence.
    """

    name: str
    value: object
    promised: object
    pages: dict[str, str]


LIMITS: Final = [
    # -- stopping the Powerwall, and going off-grid
    Limit("grid before a stop", TIMINGS.connected, MINUTE, {CONTROL: "connected to the grid for 1 minute"}),
    Limit("grid before a login", TIMINGS.connected, MINUTE, {DEV_CONTROL: "on the grid for 60 seconds"}),
    Limit("watch after a login", TIMINGS.steady, MINUTE, {DEV_CONTROL: "running for a minute"}),
    Limit("longest stop", supervisor.LONGEST_STOP, HOUR, {CONTROL: "`duration`: … at most 60 minutes"}),
    Limit(
        "default stop",
        services.STOP({})["duration"],
        timedelta(minutes=5),
        {CONTROL: "`duration`: 5 minutes by default"},
    ),
    Limit(
        "default stop in the form",
        timedelta(**ACTIONS["stop"]["fields"]["duration"]["default"]),
        timedelta(minutes=5),
        {CONTROL: "`duration`: 5 minutes by default"},
    ),
    Limit(
        "longest hold of the charge",
        control.LONGEST_TEMPORARY,
        timedelta(hours=24),
        {CONTROL: "`duration`: 12 hours by default, at most 24 hours"},
    ),
    Limit(
        "default hold of the charge",
        (control.TEMPORARY_FOR, timedelta(**ACTIONS["hold"]["fields"]["duration"]["default"])),
        (timedelta(hours=12), timedelta(hours=12)),
        {CONTROL: "`duration`: 12 hours by default, at most 24 hours"},
    ),
    Limit(
        "charge or discharge",
        (services.DISPATCH_FOR, timedelta(**ACTIONS["dispatch"]["fields"]["duration"]["default"])),
        (timedelta(minutes=30), timedelta(minutes=30)),
        {CONTROL: "`duration`: 30 minutes by default, at most 24 hours"},
    ),
    Limit(
        "power to charge or discharge",
        (services.LEAST_POWER, services.MOST_POWER),
        tuple(ACTIONS["dispatch"]["fields"]["power"]["selector"]["number"][end] for end in ("min", "max")),
        {CONTROL: "`power` (500 to 10,000 W)", DEV_CONTROL: "more than 10 kW is rejected"},
    ),
    Limit(
        "charge or discharge without Home Assistant",
        (battery_power.LEASE, battery_power.FOLLOW.limit, battery_power.EMPTY),
        (120, 30.0, 5.0),
        {CONTROL: "the limit is 5%", DEV_CONTROL: "Send it for 120 seconds, and poll the battery for 30 seconds"},
    ),
    Limit(
        "renewal of a charge or discharge",
        (control.DISPATCH_WATCH, control.DISPATCH_RENEW),
        (2.0, 45.0),
        {DEV_CONTROL: "Every 45 seconds, read everything again", CONTROL: "settings every 45 seconds"},
    ),
    Limit(
        "age of a journal that is confirmed first",
        journal.DAY,
        DAY,
        {CONTROL: "more than 1 day", DEV_CONTROL: "older than a day"},
    ),
    Limit("logins a day", supervisor.LOGINS_A_DAY, 3, {DEV_CONTROL: "3 logins a day by default"}),
    Limit("logins a day, option", option(CONF_LOGIN_LIMIT), (3, 1, 10), {INSTALLATION: "| 3 | 1 to 10 |"}),
    Limit(
        "charge to go off-grid",
        islanding.LEAST_CHARGE,
        20.0,
        {CONTROL: "Reconnect to grid at (at least 20%)", DEV_CONTROL: "state of charge … below 20%"},
    ),
    Limit("charge to reconnect", option(CONF_RETURN_CHARGE), (20, 20, 95), {INSTALLATION: "| 20% | 20 to 95% |"}),
    Limit("default charge to reconnect", const.RETURN_CHARGE, 20.0, {INSTALLATION: "| 20% | 20 to 95% |"}),
    Limit(
        "off-grid request that is not followed",
        islanding.GO_OFF_GRID.limit,
        30.0,
        {CONTROL: "grid after 30 seconds", DEV_CONTROL: "taken back after 30 seconds"},
    ),
    Limit(
        "battery that does not follow",
        signed_operation.FOLLOW.limit,
        2 * MINUTE,
        {DEV_CONTROL: "watched for 2 minutes"},
    ),
    Limit(
        "reserve of the action",
        [ACTIONS["set_operation"]["fields"]["reserve"]["selector"]["number"][end] for end in ("min", "max")],
        [0, 100],
        {CONTROL: "`reserve` (0 to 100%)"},
    ),
    # -- repair issues and devices
    Limit("unreachable", after_poll.UNREACHABLE_FOR, HOUR, {TROUBLESHOOTING: "responded for 1 hour"}),
    Limit(
        "idle battery",
        after_poll.IDLE_FOR,
        2 * DAY,
        {TROUBLESHOOTING: "idle … 2 days"},
    ),
    Limit(
        "missing device",
        sub_devices.REMOVED_AFTER,
        HOUR,
        {
            TROUBLESHOOTING: "1 hour … device is removed",
            DEV_ARCHITECTURE: "A device is removed if complete responses have not reported it for an hour",
        },
    ),
    Limit(
        "meter without contact",
        lost_meters.LOST_AFTER,
        MINUTE,
        {TROUBLESHOOTING: "meter for more than 1 minute"},
    ),
    Limit(
        "refused logins",
        const.REFUSALS_BEFORE_REAUTH,
        2,
        {
            INSTALLATION: "stored password more than once",
            DEV_ARCHITECTURE: "Reauthentication starts at the second rejected login",
            DEV_RELIABILITY: "a password that was refused twice",
        },
    ),
    Limit("gateway that starts", auth._STARTING, timedelta(minutes=5), {DEV_ARCHITECTURE: "within 5 minutes of the"}),
    # -- polling
    Limit(
        "grid interval",
        const.GRID_INTERVAL,
        1.0,
        {
            DEV_PERFORMANCE: "| grid status | 1 s (option) |",
            TROUBLESHOOTING: "grid status every second",
            DEV_ARCHITECTURE: "The default interval is 1 second",
            DEV_ENTITY: "`grid` (1 second)",
        },
    ),
    Limit("grid interval, option", option(CONF_GRID_INTERVAL), (1, 1, 60), {INSTALLATION: "| 1 s | 1 to 60 s |"}),
    Limit(
        "live interval",
        const.LIVE_INTERVAL,
        5.0,
        {
            README: "grid, read every 5 seconds",
            DEV_PERFORMANCE: "| power, energy, state of charge; each Powerwall 2 and Powerwall+ | 5 s (option) |",
            DEV_ENTITY: "`live` (5 seconds)",
        },
    ),
    Limit("live interval, option", option(CONF_LIVE_INTERVAL), (5, 5, 60), {INSTALLATION: "| 5 s | 5 to 60 s |"}),
    Limit(
        "detail interval",
        const.DETAIL_INTERVAL,
        30.0,
        {
            INSTALLATION: "every 30 seconds to 15 minutes",
            DEV_PERFORMANCE: "| 30 s, enabled entities only |",
            KEYS: "reads them every 30-60 seconds",
            DEV_ENTITY: "`detail` (30 seconds)",
        },
    ),
    Limit(
        "settings interval",
        const.SETTINGS_INTERVAL,
        MINUTE,
        {
            DEV_PERFORMANCE: "connection to Tesla | 60 s |",
            KEYS: "checks the key once a minute",
            DEV_ENTITY: "`settings` (60 seconds)",
        },
    ),
    Limit(
        "inventory interval",
        const.INVENTORY_INTERVAL,
        15 * MINUTE,
        {
            INSTALLATION: "every 30 seconds to 15 minutes",
            DEV_PERFORMANCE: "| networks, updates, hardware | 15 min, and at start |",
            DEV_ENTITY: "`inventory` (15 minutes)",
            DEV_RELIABILITY: "hardware is polled every 15 minutes",
        },
    ),
    Limit(
        "duty cycle",
        round(scheduler.SHARE + 0.01, 9),  # which pays back what was spent in advance
        0.25,
        {
            INSTALLATION: "at most 25% of its time",
            DEV_ARCHITECTURE: "At most 25% of the gateway's time",
        },
    ),
    Limit(
        "intervals for which a value is kept",
        const.KEPT_INTERVALS,
        3,
        {DEV_ARCHITECTURE: "for 3 intervals, and for at least 10 seconds"},
    ),
    Limit(
        "seconds for which a value is kept",
        const.KEPT_AT_LEAST,
        10.0,
        {
            DEV_ARCHITECTURE: "for 3 intervals, and for at least 10 seconds",
            DEV_RELIABILITY: "kept for 10 seconds after a failed poll",
        },
    ),
    # -- states
    Limit(
        "throttle of powers",
        entity.POWER_THROTTLE,
        (10.0, 30.0),
        {ENTITIES: "change of power … can take 30 seconds", DEV_ENTITY: "at least 10 W … after 30 seconds"},
    ),
    Limit("large change of power", entity.POWER_THROTTLE.at_once, 100.0, {ENTITIES: "change of power below 100 W"}),
    Limit(
        "large share of power",
        100 * entity.LARGE_SHARE,
        5.0,
        {ENTITIES: "below 5% of the last value"},
    ),
    Limit("throttle of energies", entity.ENERGY_THROTTLE, (0.0, 60.0), {ENTITIES: "energy appear once a minute"}),
    Limit(
        "throttle of a Powerwall",
        entity.POWERWALL_THROTTLE,
        (0.0, 30.0),
        {ENTITIES: "each Powerwall … twice a minute"},
    ),
    Limit(
        "throttle of a Powerwall's power",
        entity.POWERWALL_POWER_THROTTLE,
        (10.0, 30.0),
        {ENTITIES: "each Powerwall … twice a minute"},
    ),
    Limit(
        "settled grid",
        const.GRID_SETTLES,
        30.0,
        {
            AUTOMATIONS: "grid … for 30 seconds",
            DEV_DEMO: "grid … for 30 seconds",
        },
    ),
    Limit(
        "average of the estimates", estimates._AVERAGED_SECONDS, 5 * MINUTE, {ENTITIES: "power of the last 5 minutes"}
    ),
    Limit("idle power", estimates.IDLE_POWER, 50.0, {ENTITIES: "idle (below 50 W)"}),
    Limit(
        "hidden percent",
        HIDDEN_PERCENT,
        5.0,
        {
            INSTALLATION: "5% of the battery that the app hides",
            TROUBLESHOOTING: "the 5% that the app hides",
            ENTITIES: "the bottom 5% that the app hides",
        },
    ),
    # -- energies
    Limit(
        "another counter",
        energy_filter.LASTING_SECONDS,
        15 * MINUTE,
        {
            ENERGY: "new counter after 15 minutes",
            TROUBLESHOOTING: "or after [15 minutes]",
            DEV_ENERGY: "for 3 polls and 15 minutes",
        },
    ),
    Limit("polls of another counter", energy_filter.LASTING_POLLS, 3, {DEV_ENERGY: "for 3 polls and 15 minutes"}),
    Limit(
        "power of a home",
        energy_filter.HOME_POWER * energy_filter._MARGIN,
        75_000.0,
        {DEV_ENERGY: "18.75 kWh in 15 minutes"},
    ),
    Limit(
        "power of a Powerwall",
        energy_filter.POWERWALL_POWER * energy_filter._MARGIN,
        17_250.0,
        {DEV_ENERGY: "a Powerwall's own: 17.25 kW, 4.3 kWh"},
    ),
    Limit("step back of a counter", energy_filter.TOLERANCE, 100.0, {DEV_ENERGY: "less by up to 100 Wh"}),
    Limit("lifetime of a counter", energy_filter.LIFETIME, 1e9, {DEV_ENERGY: "above 1 GWh"}),
    Limit("energy that waits for its source", flow_split.LARGEST_REST, 1000.0, {DEV_ENERGY: "up to 1 kWh"}),
    # -- requests, logins and the signing key
    Limit(
        "time of a response",
        transport.TIMEOUT,
        10.0,
        {
            DEV_SECURITY: "and to 10 seconds",
            DEV_RELIABILITY: "time limit of 10 seconds",
        },
    ),
    Limit(
        "size of a response",
        transport.MAX_BYTES,
        4_000_000,
        {DEV_SECURITY: "limited to 4 million bytes"},
    ),
    Limit("ports", transport.STANDARD_PORTS, {"https": 443, "http": 80}, {INSTALLATION: "443 of the gateway (port 80"}),
    Limit(
        "pause without a response",
        backoff.LONGEST_WHEN_SILENT,
        10.0,
        {
            DEV_ARCHITECTURE: "then longer, up to 10 seconds",
            DEV_RELIABILITY: "10 seconds at most while the gateway does not respond",
        },
    ),
    Limit(
        "Retry-After",
        backoff.LONGEST_RETRY_AFTER,
        15 * MINUTE,
        {DEV_RELIABILITY: "Retry-After … 15 minutes at most"},
    ),
    Limit(
        "wait after a refused login",
        (auth.SessionManager.FIRST_WAIT, auth.SessionManager.LONGEST_WAIT),
        (30.0, 30 * MINUTE),
        {DEV_RELIABILITY: "30 seconds … 30 minutes"},
    ),
    Limit(
        "wait after a lost login",
        (auth.FIRST_WHEN_LOST, auth.LONGEST_WHEN_LOST),
        (2.0, MINUTE),
        {DEV_RELIABILITY: "after 2 to 60 seconds"},
    ),
    Limit(
        "default password",
        auth.Credentials.of_customer("TG1234567890AB").password,
        "890AB",
        {INSTALLATION: "last 5 characters of the serial number"},
    ),
    Limit(
        "time to confirm a key",
        signing_key.WINDOW,
        10 * MINUTE,
        {KEYS: "within 10 minutes, confirm the key"},
    ),
    # -- firmware
    Limit(
        "login that stops the Powerwall",
        firmware._LOGIN_LEAVES_RUNNING,
        (20, 49),
        {
            README: "below 20.49, a login stops the Powerwall",
            CONTROL: "below firmware 20.49, each login stops the Powerwall",
            INSTALLATION: "below firmware 20.49, Home Assistant then logs in",
        },
    ),
    Limit(
        "customer login",
        firmware._CUSTOMER_READS_ONLY,
        (1, 37),
        {README: "| 1.37 to 20.48 |", CONTROL: "| below 1.37 |"},
    ),
    Limit(
        "encryption",
        firmware._ENCRYPTED,
        (1, 20),  # 1.17 is the last version before it
        {INSTALLATION: "80 on firmware 1.15-1.17", SECURITY: "1.15-1.17 … unencrypted HTTP"},
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_documented_limit_is_the_one_of_the_code(limit: Limit) -> None:
    value = limit.value
    if isinstance(value, entity.StateThrottle):
        value = (value.step, value.every)
    assert value == limit.promised
    for page, words in limit.pages.items():
        found = re.escape(_plain(words)).replace("\\ …\\ ", "[^.|]*")
        assert re.search(found, _plain((ROOT / page).read_text(encoding="utf-8"))), f"{page} no longer says: {words}"


def _plain(text: str) -> str:
    """Return a text in lower case and one line, without emphasis, with small numbers as digits."""
    text = " ".join(text.replace("**", "").lower().split())
    return re.sub(r"\b(one|two|three|five|ten)\b", lambda word: _NUMBERS[word[0]], text)


_NUMBERS: Final = {"one": "1", "two": "2", "three": "3", "five": "5", "ten": "10"}


@pytest.mark.parametrize("name", ["hold_charge", "storm", "time_of_use"])
def test_blueprint_tries_again_for_as_long_as_documented(name: str) -> None:
    text = (ROOT / "blueprints" / "automation" / DOMAIN / f"{name}.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repeat\.index == (\d+)", text)) == {"30"}
    assert set(re.findall(r"- delay:\n +(\w+: \d+)", text)) == {"minutes: 1"}
    assert "try again every minute for 30 minutes" in _plain((ROOT / AUTOMATIONS).read_text(encoding="utf-8"))
