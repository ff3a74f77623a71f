"""Serve `devices/vitals`: the values of each board as protocol buffers; missing since 23.44."""

from dataclasses import dataclass, field

from simulator import protobuf
from simulator.gateway import powerwall_plus
from simulator.gateway.call import Call, Response
from simulator.gateway.gateway import Gateway
from simulator.gateway.meters import SYNCHROMETER, battery_powers, readings
from simulator.wire import NANOSECONDS

MANUFACTURER = "TESLA"
GATEWAY, THERMAL, POD, INVERTER, SYNCHRONISER = 207, 224, 226, 253, 259
SOLAR_INVERTER, STRING_WATCH = 296, 297
"""Kinds of boards (ECUs)."""
INVERTER_PART_NUMBER, INVERTER_SERIAL = "1538100-00-F", "CN321237C00815"

AMBIENT = 19.5
"""Degrees Celsius in the garage."""

type Vital = bool | float | str


@dataclass(frozen=True)
class Board:
    """One device and its vitals."""

    prefix: str
    kind: int
    part_number: str
    serial: str
    vitals: dict[str, Vital]
    parent: str = ""
    alerts: list[str] = field(default_factory=list)

    @property
    def din(self) -> str:
        """Identity."""
        return f"{self.prefix}--{self.part_number}--{self.serial}"


def vitals(gateway: Gateway, _: Call) -> Response:
    """`devices/vitals`."""
    boards = [protobuf.part(1, _device(gateway, board)) for board in _boards(gateway)]
    return Response(payload=protobuf.message(*boards), content_type="application/octet-stream")


def _boards(gateway: Gateway) -> list[Board]:
    nameplate = gateway.nameplate
    location: dict[str, Vital] = {"STSTSM-Location": "Gateway"}
    alerts = [_contactor(gateway), "FWUpdateSucceeded"]
    station = Board("STSTSM", GATEWAY, nameplate.part_number, gateway.serial, location, alerts=alerts)
    sun = _solar_inverter(gateway, station) if gateway.home.powerwall_plus else []
    return [station, *_packs(gateway, station), *sun, _synchroniser(gateway, station)]


def _contactor(gateway: Gateway) -> str:
    """Return the state of the contactor, and whether the owner went off-grid."""
    if not gateway.home.islanded:
        return "SystemConnectedToGrid"
    return "ScheduledIslandContactorOpen" if gateway.home.off_grid_on_purpose else "UnscheduledIslandContactorOpen"


def _packs(gateway: Gateway, station: Board) -> list[Board]:
    """List each Powerwall's thermal controller, battery and inverter; a disabled one has no numbers."""
    home = gateway.home
    powers = iter(battery_powers(gateway))
    boards = []
    for pack, serial in zip(home.packs, gateway.pack_serials, strict=True):
        energies: dict[str, Vital] = {
            "POD_nom_energy_remaining": float(round(pack.remaining)),
            "POD_nom_full_pack_energy": float(round(pack.capacity)),
        }
        output: dict[str, Vital] = {}
        if pack.enabled:
            output = {
                "PINV_Pout": next(powers) / 1000,
                "PINV_Vout": round(home.voltage, 1),
                "PINV_Fout": home.frequency,
                "PINV_State": "PINV_GridForming" if home.islanded else "PINV_GridFollowing",
            }
        pod = energies | {"POD_ActiveHeating": False} if pack.enabled else {}
        part_number = gateway.part_number_of(pack)
        thermal = Board("TETHC", THERMAL, part_number, serial, {"THC_AmbientTemp": AMBIENT}, station.din)
        boards += [
            thermal,
            Board("TEPOD", POD, part_number, serial, pod, thermal.din),
            Board("TEPINV", INVERTER, part_number, serial, output, thermal.din, list(pack.disabled_reasons)),
        ]
    return boards


def _solar_inverter(gateway: Gateway, station: Board) -> list[Board]:
    """List the inverter of a Powerwall+ and the devices at its strings."""
    made = readings(gateway, SYNCHROMETER)["solar"]
    strings = list(zip("ABCD", powerwall_plus.strings(gateway), strict=True))
    output: dict[str, Vital] = {
        "PVAC_State": "PVAC_Active",
        "PVAC_Pout": made.power,
        "PVAC_Qout": made.reactive,
        "PVAC_Vout": made.voltage,
        "PVAC_Fout": made.frequency,
        "PVAC_Iout": made.current,
        "PVAC_LifetimeEnergyPV_Total": made.exported,
        **{f"PVAC_PVMeasuredVoltage_{letter}": string.voltage for letter, string in strings},
        **{f"PVAC_PVCurrent_{letter}": string.current for letter, string in strings},
        **{f"PVAC_PVMeasuredPower_{letter}": float(string.power) for letter, string in strings},
        **{f"PVAC_PvState_{letter}": "PV_Active" for letter, _ in strings},
    }
    watch: dict[str, Vital] = {
        "PVS_State": "PVS_Active",
        "PVS_EnableOutput": True,
        "PVS_vLL": made.voltage,
        **{f"PVS_String{letter}_Connected": string.connected for letter, string in strings},
    }
    pvac = Board("PVAC", SOLAR_INVERTER, INVERTER_PART_NUMBER, INVERTER_SERIAL, output, station.din)
    alerts = [powerwall_plus.NOT_WIRED]
    return [pvac, Board("PVS", STRING_WATCH, INVERTER_PART_NUMBER, INVERTER_SERIAL, watch, pvac.din, alerts)]


def _synchroniser(gateway: Gateway, station: Board) -> Board:
    home = gateway.home
    site, solar = (readings(gateway, SYNCHROMETER)[name] for name in ("site", "solar"))
    main = home.frequency if home.grid.up else 0.0
    measured: dict[str, Vital] = {
        "ISLAND_FreqL1_Main": main,
        "ISLAND_FreqL1_Load": home.frequency,
        "ISLAND_GridConnected": not home.islanded,
        "METER_X_CTA_InstRealPower": site.power * 0.6,
        "METER_X_CTB_InstRealPower": site.power * 0.4,
        "METER_Y_CTC_InstRealPower": solar.power / 2 if gateway.solar_meter else 0.0,
    }
    return Board("TESYNC", SYNCHRONISER, "1493315-01-F", gateway.meter_serial, measured, station.din)


def _device(gateway: Gateway, board: Board) -> bytes:
    """Encode a board, its vitals and its alerts."""
    labels = (
        (1, board.din),
        (2, board.part_number),
        (3, board.serial),
        (4, MANUFACTURER),
        (6, board.parent),
        (7, gateway.nameplate.git_hash[:14]),
    )
    now = gateway.home.clock // NANOSECONDS
    times = ((8, gateway.booted // NANOSECONDS), (9, now))
    attributes = protobuf.part(1, protobuf.varint(1, board.kind))
    device = protobuf.message(
        *(protobuf.part(number, protobuf.text(1, label)) for number, label in labels if label),
        *(protobuf.part(number, protobuf.varint(1, seconds)) for number, seconds in times),
        protobuf.part(11, attributes),
    )
    return protobuf.message(
        protobuf.part(1, protobuf.part(1, device)),
        *(protobuf.part(2, _vital(name, value)) for name, value in board.vitals.items()),
        *(protobuf.text(3, alert) for alert in board.alerts),
    )


def _vital(name: str, value: Vital) -> bytes:
    if isinstance(value, bool):
        return protobuf.text(1, name) + protobuf.varint(6, value)
    if isinstance(value, str):
        return protobuf.text(1, name) + protobuf.text(5, value)
    return protobuf.text(1, name) + protobuf.double(4, value)
