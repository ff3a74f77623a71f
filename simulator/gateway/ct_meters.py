"""The meters as hardware: their wiring, and the readings of each current transformer (CT)."""

from dataclasses import dataclass

from simulator.gateway.call import Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import NEURIO, Reading, reactive_power, readings
from simulator.home import Flow
from simulator.wire import Json

SHORT_ID = "49123"
SHARES = (0.6, 0.4)
"""Share of the power on each of the home's two lines."""
CHANNELS = 4


@dataclass(frozen=True)
class CurrentTransformer:
    """A channel of a meter."""

    voltage: float
    power: float
    reactive: float
    exported: float
    """Wh"""
    imported: float
    """Wh; a positive power counts here, so the sun's energy does too."""


def neurio(gateway: Gateway) -> Json:
    """`meters` of 2018: one Neurio, two channels for the sun and two for the site."""
    return [
        {
            "serial": gateway.meter_serial,
            "short_id": SHORT_ID,
            "connected": True,
            "cts": [_wiring("solar", (2, 3)), _wiring("site", (0, 1))],
        }
    ]


def neurio_1_50(gateway: Gateway) -> Json:
    """`meters` of 2020: with the kind of the meter."""
    return [
        {
            "serial": gateway.meter_serial,
            "short_id": SHORT_ID,
            "type": "neurio_tcp",
            "connected": True,
            "cts": [_wiring("solar", (2, 3), 1), _wiring("site", (0, 1), 1)],
            "ip_address": f"Neurio-{SHORT_ID}",
        }
    ]


def _wiring(kind: str, channels: tuple[int, ...], scale: int | None = None) -> Json:
    valid = [channel in channels for channel in range(CHANNELS)]
    factor: dict[str, Json] = {} if scale is None else {"real_power_scale_factor": scale}
    return {"type": kind, "valid": valid, "inverted": [False] * CHANNELS, **factor}


def neurio_readings(gateway: Gateway) -> Json:
    """`meters/readings` of 2018. Energies are watt-seconds."""
    return {
        gateway.meter_serial: {
            "error": "",
            "data": {
                "IP": f"Neurio-{SHORT_ID}",
                "sensorId": "0x0000C47F51019B7D",
                "firmwareVersion": "Tesla-0.0.7",
                "f_Hz": round(gateway.home.frequency, 2),
                "cts": [_neurio_channel(number, channel) for number, channel in enumerate(_channels(gateway), 1)],
            },
        }
    }


def _neurio_channel(number: int, channel: CurrentTransformer) -> Json:
    return {
        "ct": number,
        "v_V": round(channel.voltage, 2),
        "p_W": round(channel.power, 2),
        "q_VAR": round(channel.reactive, 2),
        "eExp_Ws": round(channel.exported * 3600),
        "eImp_Ws": round(channel.imported * 3600),
    }


def _channels(gateway: Gateway) -> list[CurrentTransformer]:
    """Read the site's two lines, then the sun's two."""
    home = gateway.home
    flow: Flow = home.flow
    site, solar = (reactive_power(gateway, name, middle) for name, middle in (("site", -140.0), ("solar", 53.0)))
    counters = (
        (flow.grid, 0.0 if home.islanded else site, home.grid_export_energy, home.grid_import_energy),
        (flow.solar, solar, home.energies.solar_standby, home.solar_energy),
    )
    return [
        CurrentTransformer(
            home.voltage / 2 + number / 4, power * share, reactive * share, exported * share, imported * share
        )
        for power, reactive, exported, imported in counters
        for number, share in enumerate(SHARES)
    ]


def site(gateway: Gateway) -> Json:
    """`meters/site` of a Neurio (2018 to 2020)."""
    return [_single(gateway, "site", (0, 1), readings(gateway, NEURIO)["site"])]


def solar(gateway: Gateway) -> Json:
    """`meters/solar` of a Neurio. A bare meter counts positive power as imported, so the sun's is."""
    whole = readings(gateway, NEURIO)["solar"]
    return [_single(gateway, "solar", (2, 3), whole._replace(exported=whole.imported, imported=whole.exported))]


def _single(gateway: Gateway, location: str, channels: tuple[int, ...], reading: Reading) -> Json:
    """Return a meter by phase. A Neurio of 2018 reports only voltages, counted from its first input."""
    return {
        "id": 0,
        "location": location,
        "type": "neurio_tcp",
        "cts": [channel in channels for channel in range(CHANNELS)],
        "inverted": [False] * CHANNELS,
        "connection": {
            "ip_address": f"Neurio-{SHORT_ID}",
            "port": 443,
            "short_id": SHORT_ID,
            "device_serial": gateway.meter_serial,
            "neurio_connected": location not in gateway.lost_meters,
            "https_conf": {},
        },
        "Cached_readings": {
            "last_communication_time": gateway.meter_stamp(location),
            "instant_power": reading.power,
            "instant_reactive_power": reading.reactive,
            "instant_apparent_power": reading.apparent,
            "frequency": reading.frequency,
            "energy_exported": reading.exported,
            "energy_imported": reading.imported,
            "instant_average_voltage": reading.voltage,
            "instant_total_current": 0,
            **{f"i_{line}_current": 0 for line in "abc"},
            **{f"v_l{number}n": round(gateway.home.voltage / 2 + number / 4, 2) for number in (1, 2)},
            "serial_number": "0x0000C47F51019B7D",
            "version": "Tesla-0.0.7",
        },
    }


def verify(gateway: Gateway, call: Call) -> Response:
    """`POST meters/{serial}/verify`: check that a meter exists. The web page sends blanks around the serial."""
    form = call.json() or {}
    serial, short_id = str(form.get("serial", "")).strip(), form.get("short_id")
    known = call.arguments["serial"].strip() == serial == gateway.meter_serial and short_id == SHORT_ID
    if not known:
        return error(400, f"no meter {call.arguments['serial'].strip()}", "Unable to verify meter")
    return Response(payload={"serial": gateway.meter_serial, "short_id": SHORT_ID, "connected": True})
