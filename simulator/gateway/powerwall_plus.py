"""A Powerwall+: a Powerwall with a solar inverter that reports its strings of panels.

Names and states as on 23.28; no source shows them at night, so they do not change.
"""

from typing import NamedTuple

from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import SYNCHROMETER, readings
from simulator.wire import Json

SHARES = (0.28, 0.0, 0.36)
"""Share of the solar power on each string; the last has the rest. Nothing is wired to the second."""
VOLTAGES = (241.9, -2.3, 274.3, 274.6)
"""V of each string in the sun."""
POWER_LIMIT = 7_600
"""W"""

PVAC_ALERTS = (
    "PVAC_a001_inv_L1_HW_overcurrent",
    "PVAC_a008_inv_HVBus_undervoltage",
    "PVAC_a010_inv_AC_overvoltage",
    "PVAC_a014_PVS_disabled_relay",
    "PVAC_a019_ambient_overtemperature",
    "PVAC_a025_PVS_Status_mia",
    "PVAC_a030_fan_faulted",
    "PVAC_a033_VFCheck_OF",
    "PVAC_a041_excess_PV_clamp_triggered",
)
PVS_ALERTS = (
    "PVS_a010_PvIsolationTotal",
    "PVS_a017_MciStringA",
    "PVS_a018_MciStringB",
    "PVS_a019_MciStringC",
    "PVS_a020_MciStringD",
    "PVS_a021_RapidShutdown",
    "PVS_a029_PvArcFault",
)
"""Some of the names; a real one lists twice to seven times as many."""
NOT_WIRED = "PVS_a018_MciStringB"
"""Raised without a fault, too: no device responds at an input without panels."""

METER_SERIAL = "VAH4819AB0815"
METER_SHORT_ID = "70815"
METER_SCALE = 2
"""The meter for the utility measures one line of the inverter; the other carries the same."""


class PanelString(NamedTuple):
    """One string of panels."""

    connected: bool
    voltage: float
    current: float
    power: int


def strings(gateway: Gateway) -> list[PanelString]:
    """Measure the strings, whose powers add up to that of the solar meter."""
    power = max(0, round(readings(gateway, SYNCHROMETER)["solar"].power))
    powers = [round(power * share) for share in SHARES]
    return [_string(*each) for each in zip(VOLTAGES, [*powers, power - sum(powers)], strict=True)]


def _string(bright: float, power: int) -> PanelString:
    """Measure a string; it has a voltage from the first light on."""
    connected = bright > 0
    voltage = round(bright * power / (power + 5), 1) if connected else bright
    return PanelString(connected, voltage, round(power / voltage, 2) if power else 0.0, power)


def solar_powerwall(gateway: Gateway) -> Json:
    """`solar_powerwall`."""
    home = gateway.home
    made = readings(gateway, SYNCHROMETER)["solar"]
    shifted = home.islanded and home.frequency != 60.0
    return {
        "pvac_status": {
            "state": "PVAC_Active",
            "disabled": False,
            "disabled_reasons": [],
            "grid_state": "Grid_Uncompliant" if shifted else "Grid_Compliant",
            "inv_state": "INV_Grid_Connected",
            "v_out": made.voltage,
            "f_out": made.frequency,
            "p_out": made.power,
            "q_out": made.reactive,
            "i_out": made.current,
            "string_vitals": [
                {
                    "string_id": number,
                    "connected": string.connected,
                    "measured_voltage": string.voltage,
                    "current": string.current,
                    "measured_power": string.power,
                }
                for number, string in enumerate(strings(gateway), 1)
            ],
        },
        "pvs_status": {
            "state": "PVS_Active",
            "disabled": False,
            "enable_output": True,
            "v_ll": made.voltage,
            "self_test_state": "PVS_SelfTestOff",
        },
        "pv_power_limit": POWER_LIMIT,
        "power_status_setpoint": "on",
        "pvac_alerts": _alerts(gateway, PVAC_ALERTS, {"PVAC_alertMatrixIndex": 0}),
        "pvs_alerts": _alerts(gateway, PVS_ALERTS, {}),
    }


def _alerts(gateway: Gateway, names: tuple[str, ...], more: dict[str, Json]) -> Json:
    head: dict[str, Json] = {"LastRxTime": gateway.stamp(names[0]), "ReceivedMuxBitmask": 1}
    return {**head, **more, **{name: name == NOT_WIRED or name in gateway.alerts for name in names}}


# -- revenue grade meter -----------------------------------------------------------------------------------------------


WIRINGS: list[Json] = [
    {
        "type": "solarRGM",
        "valid": [True, False, False, False],
        "inverted": [False] * 4,
        "real_power_scale_factor": METER_SCALE,
    }
]
METER: Json = {
    "serial": METER_SERIAL,
    "short_id": METER_SHORT_ID,
    "type": "neurio_w2_tcp",
    "connected": True,
    "cts": WIRINGS,
    "ip_address": f"PWRview-{METER_SHORT_ID}",
    "mac": "02-00-00-00-00-03",
}
"""The revenue grade meter at the inverter, a part of `meters`."""


def meter_reading(gateway: Gateway) -> Json:
    """Read that meter, a part of `meters/readings`."""
    made = readings(gateway, SYNCHROMETER)["solar"]
    nothing: Json = {"ct": 0, "v_V": 0, "p_W": 0, "q_VAR": 0, "eExp_Ws": 0, "eImp_Ws": 0}
    return {
        "error": "",
        "data": {
            "IP": f"PWRview-{METER_SHORT_ID}",
            "sensorId": "0x0000C47F51019B7D",
            "firmwareVersion": "1.7.1-Tesla",
            "f_Hz": made.frequency,
            "cts": [
                {
                    "ct": 1,
                    "v_V": round(made.voltage / 2, 2),
                    "p_W": made.power / METER_SCALE,
                    "q_VAR": made.reactive / METER_SCALE,
                    "eExp_Ws": round(made.imported / METER_SCALE * 3600),
                    "eImp_Ws": round(made.exported / METER_SCALE * 3600),
                },
                nothing,
                nothing,
                nothing,
            ],
        },
    }
