"""The meters of a Gateway 2: two synchrometers on the board of the grid contactor."""

from simulator.gateway import powerwall_plus
from simulator.gateway.call import Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import SYNCHROMETER, Reading, readings
from simulator.wire import NEVER, Json

CHANNELS = 4
SITE, SOLAR = (0, 1), (2,)
"""The channels of the home's two lines, and that of the sun."""
SOLAR_SCALE = 2
"""Only one line of the inverter is measured; the other carries the same."""
LINES = ("a", "b", "c")
SHARES = {SITE: (0.6, 0.4), SOLAR: (1.0,)}
"""Share of the power on each channel."""
PHASES: dict[str, Json] = {"ct1": "Phase1", "ct2": "Phase2", "ct3": "Phase1"}
BUSY = "run sitemanager flag enabled, sitemanager process is running"
NOTHING = Reading(0, 0, 0, 0, 0, 0, 0)


def meters(gateway: Gateway) -> Json:
    """`meters`: the serial goes missing while the system is stopped. One that measures nothing has no CTs."""
    stem = gateway.meter_serial if gateway.running else ""
    boards: list[Json] = []
    for kind in ("synchrometerX", "synchrometerY"):
        wirings = _wirings(gateway, kind)
        wired: dict[str, Json] = {"cts": wirings} if wirings else {}
        boards.append({"serial": stem + kind, "short_id": gateway.din, "type": kind, **wired})
    return [powerwall_plus.METER, *boards] if gateway.home.powerwall_plus else boards


def _wirings(gateway: Gateway, kind: str) -> list[Json]:
    if gateway.home.powerwall_plus and kind == "synchrometerY":
        return []
    sun: list[Json] = [_wiring("solar", SOLAR, SOLAR_SCALE)] if gateway.solar_meter else []
    return [_wiring("site", SITE, 1), *(sun if kind == "synchrometerY" else [])]


def _wiring(kind: str, channels: tuple[int, ...], scale: int) -> Json:
    return {"type": kind, "valid": _valid(channels), "inverted": [False] * CHANNELS, "real_power_scale_factor": scale}


def _valid(channels: tuple[int, ...]) -> list[Json]:
    return [channel in channels for channel in range(CHANNELS)]


def site(gateway: Gateway) -> Json:
    """`meters/site`: X measures everything; the purpose of Y is unknown. A Powerwall+ has none (23.28)."""
    whole = readings(gateway, SYNCHROMETER)["site"]
    if gateway.home.powerwall_plus:
        return [_meter(gateway, 0, "site", "synchrometerX", SITE, whole)]
    return [
        _meter(gateway, 0, "site", "synchrometerY", SITE, NOTHING),
        _meter(gateway, 1, "site", "synchrometerX", SITE, whole),
    ]


def solar(gateway: Gateway) -> Json:
    """`meters/solar`: null without a meter. A bare meter counts positive power as imported, so the sun's is."""
    if not gateway.solar_meter:
        return None
    whole = readings(gateway, SYNCHROMETER)["solar"]
    swapped = whole._replace(exported=whole.imported, imported=whole.exported)
    return [_meter(gateway, 0, "solar", "synchrometerY", SOLAR, swapped)]


def _meter(
    gateway: Gateway, number: int, location: str, kind: str, channels: tuple[int, ...], reading: Reading
) -> Json:
    wiring: dict[str, Json] = {}
    if kind == "synchrometerY":
        wiring = {"real_power_scale_factor": SOLAR_SCALE if location == "solar" else 1, "ct_voltage_references": PHASES}
    return {
        "id": number,
        "location": location,
        "type": kind,
        "cts": _valid(channels),
        "inverted": [False] * CHANNELS,
        "connection": {"short_id": gateway.din, "device_serial": gateway.meter_serial + kind, "https_conf": {}},
        **wiring,
        "Cached_readings": _cached(gateway, location, channels, reading),
    }


def _cached(gateway: Gateway, location: str, channels: tuple[int, ...], reading: Reading) -> Json:
    lines = list(zip(channels, SHARES[channels], strict=True))
    measured = gateway.meter_stamp(location)
    currents: dict[str, Json] = {f"i_{line}_current": 0 for line in LINES}
    currents |= {f"i_{LINES[channel]}_current": round(reading.current * share, 4) for channel, share in lines}
    return {
        "last_communication_time": measured,
        "instant_power": reading.power,
        "instant_reactive_power": reading.reactive,
        "instant_apparent_power": reading.apparent,
        "frequency": 0,
        "energy_exported": reading.exported,
        "energy_imported": reading.imported,
        "instant_average_voltage": gateway.home.voltage * SYNCHROMETER.voltage_factor,
        "instant_average_current": reading.current,
        **currents,
        "last_phase_voltage_communication_time": gateway.meter_stamp(location),
        **{f"v_l{channel + 1}n": round(gateway.home.voltage / 2 + channel / 100, 2) for channel in channels},
        "last_phase_power_communication_time": measured,
        **{f"real_power_{LINES[channel]}": reading.power * share for channel, share in lines},
        **{f"reactive_power_{LINES[channel]}": reading.reactive * share for channel, share in lines},
        "last_phase_energy_communication_time": NEVER,
        "serial_number": gateway.meter_serial,
        "version": gateway.nameplate.git_hash[:14],
        "timeout": 1_500_000_000,
        "instant_total_current": reading.current,
    }


def channel_readings(gateway: Gateway) -> Json:
    """`meters/readings`: real values only while the system is stopped; energies are not counted at all."""
    if gateway.running:
        nothing: list[Json] = [_channel(0, 0, 0, 0)] * CHANNELS
        serials = [gateway.meter_serial + kind for kind in ("synchrometerX", "synchrometerY")]
        if gateway.home.powerwall_plus:
            serials.append(powerwall_plus.METER_SERIAL)
        return {serial: {"error": BUSY, "data": {"firmwareVersion": "", "cts": nothing}} for serial in serials}
    now = readings(gateway, SYNCHROMETER)
    lines = [(now["site"], share) for share in SHARES[SITE]]
    sun = (now["solar"], 1 / SOLAR_SCALE) if gateway.solar_meter else (NOTHING, 0)
    channels = {"synchrometerX": [*lines, (NOTHING, 0)], "synchrometerY": [(NOTHING, 0), (NOTHING, 0), sun]}
    voltage = round(gateway.home.voltage / 2, 2)
    boards: dict[str, Json] = {
        kind: {
            "error": "",
            "data": {
                "firmwareVersion": gateway.nameplate.git_hash[:14],
                "cts": [
                    *(
                        _channel(number, voltage, round(reading.power * share), round(reading.reactive * share))
                        for number, (reading, share) in enumerate(measured, 1)
                    ),
                    _channel(0, 0, 0, 0),
                ],
            },
        }
        for kind, measured in channels.items()
    }
    if gateway.home.powerwall_plus:
        boards[powerwall_plus.METER_SERIAL] = powerwall_plus.meter_reading(gateway)
    return boards


def _channel(number: int, voltage: float, power: float, reactive: float) -> Json:
    return {"ct": number, "v_V": voltage, "p_W": power, "q_VAR": reactive, "eExp_Ws": 0, "eImp_Ws": 0}


def transformers(gateway: Gateway, call: Call) -> Response:
    """`meters/{serial}/cts`."""
    serial = call.arguments["serial"]
    for kind in ("synchrometerX", "synchrometerY"):
        if serial.endswith(kind):
            return Response(payload=_wirings(gateway, kind))
    if gateway.home.powerwall_plus and serial == powerwall_plus.METER_SERIAL:
        return Response(payload=powerwall_plus.WIRINGS)
    return error(400, f"no meter {serial}", "Unable to get CTs")


def transformer_config(_: Gateway, call: Call) -> Response:
    """`meters/{serial}/ct_config`: for Neurio meters only."""
    kind = call.arguments["serial"][-len("synchrometerX") :]
    return error(500, f"meter type must be Neurio ({kind})", "Unable to get Amp configuration")


def phases(_: Gateway) -> Json:
    """`synchrometer/ct_voltage_references`."""
    return PHASES


def phase_options(gateway: Gateway, _: Call) -> Response:
    """`synchrometer/ct_voltage_references/options`: only while the system is stopped."""
    if gateway.running:
        words = "Failed to read Synchrometer Y CT available pairings. Please try again or reboot Gateway"
        return error(400, BUSY, words)
    return Response(payload={"ct1": ["Phase1"], "ct2": ["Phase2"], "ct3": ["Phase1", "Phase2"]})
