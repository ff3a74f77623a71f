"""Responses to signed device queries: all devices, and the components of the leader."""

from collections.abc import Collection
import json
from typing import Any, Final

from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import SYNCHROMETER, readings
from simulator.gateway.synchrometers import SHARES, SITE
from simulator.home.battery import CAPACITY, Pack
from simulator.wire import Json

INNER_PART_NUMBER: Final = "1800420-11-F"
"""Of the pack inside a Powerwall 3."""

STRINGS: Final = "ABCDEF"
PARALLEL: Final = "BF"
"""Inputs that an installer has joined to the one before, with panels or without (pypowerwall, issue 131)."""
STRING_VOLTAGES: Final = (260, 260, 192, 212, 214, 212)
"""V of each input in the sun, as different owners report them. Real ones are whole volts."""
BARE_VOLTAGES: Final = (0, 0, 0, 4, 0, -2)
"""V of each input that nothing is wired to."""
DUSK: Final = 14
"""V of every string that has no sun (PowerSync)."""


AMP_HOURS: Final = 173.3
"""Ah of a new pack, as empty places report them (pypowerwall)."""


def response(gateway: Gateway, query: bytes, variables: str) -> str:
    """Respond to a query by its name. Its variables name the signals of the components."""
    named = json.loads(variables)
    if b"ComponentsQuery" not in query:
        return json.dumps(_controller(gateway) | _boards(gateway, named.get("msaSignals", ())))
    components = _components(gateway)
    for group, parts in components.items():
        for part in parts:
            wanted = set(named.get(f"{group}SignalNames", ())) - gateway.unknown_signals
            part["signals"] = [signal for signal in part["signals"] if signal["name"] in wanted]
    return json.dumps({"components": components})


def _boards(gateway: Gateway, names: Collection[str]) -> dict[str, Json]:
    """Return the boards of the long query, which names their signals: of a Powerwall 2 two each, in this order."""
    if not names:
        return {}
    boards: list[dict[str, Any]] = [{"partNumber": "", "serialNumber": "", **_part(THC_AmbientTemp=None)}]
    for pack, din in gateway.packs_by_din:
        part_number, _, serial = din.partition("--")
        if not part_number.startswith(("1707000", "1807000")):  # a Powerwall 3 has no such boards
            boards += [
                {"partNumber": part_number, "serialNumber": serial, **_part(THC_AmbientTemp=pack.temperature - 18.3)},
                {
                    "partNumber": "1081100-10-Q",
                    "serialNumber": f"CN{pack.number:012d}",
                    **_part(PINV_HeatsinkTemp=pack.temperature),
                },
            ]
    for board in boards:
        known = set(names) - gateway.unknown_signals
        board["signals"] = [signal for signal in board["signals"] if signal["name"] in known]
    return {"components": {"msa": boards[::-1] if gateway.shuffles_boards else boards}}


def _controller(gateway: Gateway) -> dict[str, Json]:
    """`DeviceControllerQuery`: the system as a whole, and which Powerwalls there are; expansions are not listed."""
    home = gateway.home
    flow = home.flow
    powers = {"SITE": flow.grid, "BATTERY": flow.battery, "LOAD": flow.home, "SOLAR": flow.solar}
    return {
        "control": {
            "systemStatus": {
                "nominalFullPackEnergyWh": round(home.battery.capacity),
                "nominalEnergyRemainingWh": round(home.battery.remaining),
            },
            "islanding": {"contactorClosed": not home.islanded, "gridOK": home.grid.up, "microGridOK": True},
            "meterAggregates": [{"location": place, "realPowerW": power} for place, power in powers.items()],
            "alerts": {"active": _alerts(gateway)},
            "batteryBlocks": [
                {"din": din, "disableReasons": pack.disabled_reasons or None}
                for pack, din in gateway.packs_by_din
                if pack.number not in gateway.expansions
            ],
        },
        "system": {"sitemanagerStatus": {"isRunning": gateway.running}},
        "esCan": {"bus": {"SYNC": {f"METER_{name}_AcMeasurements": _synchrometer(gateway, name) for name in "XY"}}},
        "neurio": {"isDetectingWiredMeters": False, "pairings": [], "readings": gateway.neurio_readings},
    }


def _synchrometer(gateway: Gateway, name: str) -> Json:
    """Return what a synchrometer measures: X the grid on two lines, Y nothing. One out of contact reports zeros."""
    is_missing = "site" in gateway.lost_meters
    site = readings(gateway, SYNCHROMETER)["site"]
    shares = dict(zip("AB", SHARES[SITE], strict=True)) if name == "X" and not is_missing else {}
    measured: dict[str, Json] = {"isMIA": is_missing, "isComplete": not is_missing}
    for number, letter in enumerate("ABC", start=1):
        share = shares.get(letter, 0)
        measured |= {
            f"METER_{name}_CT{letter}_InstRealPower": round(site.power * share),
            f"METER_{name}_CT{letter}_InstReactivePower": round(site.reactive * share),
            f"METER_{name}_CT{letter}_I": round(site.current * share, 4),
            f"METER_{name}_VL{number}N": round(gateway.home.voltage / 2 + number / 100, 2) if share else 0.44,
        }
    return measured


def _alerts(gateway: Gateway) -> list[Json]:
    """Return the active alerts. Some report a success or a normal state."""
    state = "SystemIslandedActive" if gateway.home.islanded else "SystemConnectedToGrid"
    return ["FWUpdateSucceeded", state, *sorted(gateway.alerts)]


def _components(gateway: Gateway) -> dict[str, list[dict[str, Any]]]:
    """`ComponentsQuery`: the components of the leader, whichever device the query names.

    `bms` and `hvp` belong together place by place: the Powerwall first, then its expansions,
    its followers, and two places for ones that are not there. The pack inside a Powerwall 3 has a
    label of its own, which is not the DIN; a follower's place often has none. What the battery
    gives is left out: its sign is unknown.
    """
    home = gateway.home
    empty = (
        _part(BMS_nominalEnergyRemaining=0.0, BMS_nominalFullPackEnergy=13.5, BMS_LOG_cacAvg=AMP_HOURS),
        _part(BMS_nominalEnergyRemaining=None, BMS_nominalFullPackEnergy=None, BMS_LOG_cacAvg=None),
    )
    own = [(pack, din) for pack, din in gateway.packs_by_din if pack.number in {1, *gateway.expansions}]
    followers = [each for each in gateway.packs_by_din if each not in own]
    hvp = [_label(_din_inside(pack, din), pack) for pack, din in own]
    hvp += [_label(_din_inside(pack, din) if gateway.labels_followers else "--", pack) for pack, din in followers]
    return {
        "pch": [
            _part(
                PCH_State="Pch_Active",
                PCH_AcFrequency=home.frequency,
                PCH_AcVoltageAB=round(home.voltage, 1),
                PCH_AcMode="AcMode_GridForming" if home.islanded else "AcMode_GridFollowing",
                PCH_AmbientTemp=home.packs[0].temperature + 5.7,
                PCH_FanSpeed_A=1395,
                PCH_FanSpeed_B=1397,
                **_strings(gateway),
            )
        ],
        "bms": [*(_battery(pack) for pack, _ in (*own, *followers)), *empty],
        "hvp": [*hvp, *(_label("--") for _ in empty)],
        "baggr": [_part(BAGGR_NumBatteriesConnected=len(own), BAGGR_NumBatteriesPresent=len(own))],
    }


def _strings(gateway: Gateway) -> dict[str, float | str]:
    """Return the signals of the inputs for panels, which share the power of the sun equally."""
    if gateway.wired_strings is None:
        return {}
    power = max(0.0, gateway.home.flow.solar) / (len(gateway.wired_strings) or 1)
    signals: dict[str, float | str] = {}
    for letter, bright, bare in zip(STRINGS, STRING_VOLTAGES, BARE_VOLTAGES, strict=True):
        wired = letter in gateway.wired_strings
        active = "Pv_Active_Parallel" if letter in PARALLEL else "Pv_Active"
        signals |= {
            f"PCH_PvState_{letter}": active if power else "Pv_Standby",
            f"PCH_PvVoltage{letter}": (bright if power else DUSK) if wired else bare,
            f"PCH_PvCurrent{letter}": round(power / bright, 2) if wired else 0,
        }
    return signals


def _battery(pack: Pack) -> dict[str, Any]:
    """Return a Powerwall's energies in kWh, to 10 Wh, of which a disabled one reports none, and its statistics."""
    remaining, full = (round(energy / 1000, 2) for energy in (pack.remaining, pack.capacity))
    return _part(
        BMS_nominalEnergyRemaining=remaining if pack.enabled else None,
        BMS_nominalFullPackEnergy=full if pack.enabled else None,
        BMS_kwhDischargeTotal=round(pack.discharged / 1000, 3),
        BMS_LOG_cacAvg=round(AMP_HOURS * pack.capacity / CAPACITY, 1),
        BMS_LOG_numFullBattCycles=pack.full_cycles,
        BMS_LOG_selfDischargeRate=0.392,
    )


def _din_inside(pack: Pack, din: str) -> str:
    """Return the label of a pack: the one inside the Powerwall that leads has a serial of its own."""
    return f"{INNER_PART_NUMBER}--TG1252{pack.number:06d}Y5" if din.startswith("1707000") else din


def _label(din: str, pack: Pack | None = None) -> dict[str, Any]:
    part_number, _, serial = din.partition("--")
    highest = pack.temperature if pack else None
    lowest = pack.temperature - 4.5 if pack else None
    return {
        "partNumber": part_number,
        "serialNumber": serial,
        **_part(HVP_PackTempMax=highest, HVP_PackTempMin=lowest),
    }


def _part(**signals: float | str | None) -> dict[str, Any]:
    """Return a component with its signals. Each has its value under one of three keys."""
    return {
        "signals": [
            {
                "name": name,
                "value": None if isinstance(value, str) else value,
                "textValue": value if isinstance(value, str) else None,
                "boolValue": None,
            }
            for name, value in signals.items()
        ],
        "activeAlerts": [],
    }
