"""Models decode payloads of real gateways, and tolerate wrong values."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.powerwall_gateway.gateway.models import (
    ConfigFile,
    Controller,
    DeviceComponents,
    Din,
    GridState,
    GridStatus,
    Meter,
    MetersAggregates,
    Model,
    Operation,
    OperationMode,
    Powerwalls,
    PvString,
    Sitemaster,
    Status,
    SystemStatus,
)
from custom_components.powerwall_gateway.gateway.models.fields import (
    MAX_WARNINGS,
    parse_duration,
    parse_timestamp,
    warned,
)
from tests.client.example_payloads import JSON, MODELS


@pytest.fixture(autouse=True)
def nothing_warned() -> Iterator[None]:
    """Allow each test to log the same warning."""
    warned.clear()
    yield
    warned.clear()


def test_meter_of_firmware_21_is_decoded() -> None:
    meter = Meter.from_dict(
        {
            "last_communication_time": "2021-12-13T00:24:46.192599545-07:00",
            "instant_power": -21.449996948242188,
            "instant_reactive_power": -771,
            "frequency": 0,
            "energy_exported": 323100.1879863516,
            "energy_imported": 535337,
            "timeout": 1500000000,
        }
    )
    assert meter.instant_power == -21.449996948242188
    assert meter.energy_imported == 535337.0
    assert meter.last_communication_time == datetime(2021, 12, 13, 7, 24, 46, 192599, UTC)


def _energies(remaining: float) -> dict[str, Any]:
    return {"signals": [{"name": "BMS_nominalEnergyRemaining", "value": remaining}, {"name": "BMS_State"}, None, 7]}


def test_energies_and_labels_match_by_position() -> None:
    response = {
        "din": "1707000-11-L--TG1250620004QX",
        "components": {
            "bms": [{"signals": 5}, None, _energies(2), _energies(3)],
            "hvp": [{"serialNumber": "TG0"}, {"serialNumber": "TG1"}, {"serialNumber": "TG2"}],
        },
    }
    blocks = DeviceComponents.from_dict(response).battery_blocks(None, {"TG1", "TG2"})
    assert [(block.serial_number, block.nominal_energy_remaining) for block in blocks] == [
        ("TG1250620004QX", None),
        ("TG1", None),
        ("TG2", 2000),
    ]


def _parts(*rows: tuple[float | None, float | None, str, str]) -> dict[str, Any]:
    """Return a response from rows: remaining energy and capacity in kWh, part number and serial of the label."""

    def signals(**values: float | None) -> dict[str, Any]:
        return {"signals": [{"name": f"BMS_nominal{name}", "value": value} for name, value in values.items()]}

    bms = [signals(EnergyRemaining=remaining, FullPackEnergy=full) for remaining, full, _, _ in rows]
    hvp = [{"partNumber": part_number, "serialNumber": serial} for _, _, part_number, serial in rows]
    return {"din": "1707000-11-L--TG1", "components": {"bms": bms, "hvp": hvp}}


def _system(remaining: float, full: float, *dins: str, disabled: str = "") -> Controller:
    """Return a response of the controller: energies of the whole system in kWh, and the Powerwalls."""
    return Controller.from_dict(
        {
            "control": {
                "systemStatus": {
                    "nominalFullPackEnergyWh": round(1000 * full),
                    "nominalEnergyRemainingWh": round(1000 * remaining),
                },
                "batteryBlocks": [
                    {"din": din, "disableReasons": ["Disabled"] if disabled and disabled in din else None}
                    for din in dins
                ],
            }
        }
    )


_LEADER = (8.1, 14.4, "1800420-11-F", "TG1252040013Y5")
_FOLLOWER = (11.27, 14.38, "", "")
_GHOST = (0.0, 13.5, "", "")
_DINS = ("1707000-11-L--TG1", "1707000-11-L--TG2")


@pytest.mark.parametrize("label", [("", ""), ("1800420-11-F", "TG1252040099Y5"), ("1707000-11-L", "TG2")])
@pytest.mark.parametrize("others", [(), (_GHOST,), (_GHOST, (None, None, "", ""))])
def test_follower_energies_are_system_minus_leader(label: tuple[str, str], others: Any) -> None:
    parts = DeviceComponents.from_dict(_parts(_LEADER, (11.27, 14.38, *label), *others))
    blocks = parts.battery_blocks(_system(19.38, 28.78, *_DINS), ())
    assert [(block.serial_number, block.nominal_full_pack_energy) for block in blocks] == [
        ("TG1", 14400),
        ("TG2", 14380),
    ]
    assert blocks[1].part_number == "1707000-11-L"


@pytest.mark.parametrize(
    ("rows", "system"),
    [
        ((_LEADER, _FOLLOWER), _system(8.1, 14.4, *_DINS)),  # the follower is not in the total
        ((_LEADER, _FOLLOWER), _system(19.38, 28.78, *_DINS, disabled="TG2")),
        ((_LEADER, _FOLLOWER), _system(19.38, 28.78, _DINS[0])),
        ((_LEADER, _FOLLOWER), _system(30.65, 43.16, *_DINS, "1707000-11-L--TG3")),
        ((_LEADER, _FOLLOWER, _FOLLOWER), _system(19.38, 28.78, *_DINS)),  # two positions fit
        ((_LEADER, (5.0, 14.38, "", "")), _system(19.38, 28.78, *_DINS)),
        (((None, None, "", ""), _FOLLOWER), _system(19.38, 28.78, *_DINS)),
        ((_LEADER, _GHOST), _system(8.1, 14.4, _DINS[0])),
    ],
)
def test_uncertain_energies_belong_to_no_follower(rows: Any, system: Controller) -> None:
    blocks = DeviceComponents.from_dict(_parts(*rows)).battery_blocks(system, ())
    assert [block.serial_number for block in blocks] == ["TG1"]


def test_expansion_is_recognized_by_part_number_or_config() -> None:
    rows = (
        _LEADER,
        (9.0, 13.5, "1807000-10-B", "TG7"),
        (9.1, 13.4, "", "TG8"),
        (9.2, 13.3, "1800420-11-F", "TG9"),
    )
    config = ConfigFile.from_dict(
        {"battery_blocks": [{"vin": _DINS[0], "battery_expansions": [{"din": "1807000-10-B--TG8"}, {"din": 5}]}, {}]}
    )
    blocks = DeviceComponents.from_dict(_parts(*rows)).battery_blocks(None, config.expansions)
    assert [block.serial_number for block in blocks] == ["TG1", "TG7", "TG8"]


@pytest.mark.parametrize(
    ("voltage", "current", "connected", "power"),
    [
        (212, 5.15, True, 1091.8),
        (4, 0, False, 0),
        (0, 0.1, False, 0),
        (-2.5, -0.1, False, 0),
        (60, -0.05, True, 0),
        (212, None, True, None),
        (None, 5.15, False, None),
    ],
)
def test_string_power_is_voltage_times_current(
    voltage: float | None, current: float | None, connected: bool, power: float | None
) -> None:
    string = PvString(voltage=voltage, current=current)
    assert (string.connected, string.power) == (connected, power)
    assert not str(string.power).startswith("-")


@pytest.mark.parametrize("nothing", [None, "", 0])
def test_signal_has_a_text_or_a_value(nothing: Any) -> None:
    signals = [
        {"name": "PCH_PvState_B", "textValue": "Pv_Active", "value": nothing},
        {"name": "PCH_PvVoltageB", "textValue": nothing, "value": 300},
        {"name": "PCH_PvCurrentB", "textValue": nothing, "value": 0},
    ]
    components = DeviceComponents.from_dict({"din": "1707000-11-L--TG1", "components": {"pch": [{"signals": signals}]}})
    strings = components.strings_of("TG1") or ()
    assert strings[1] == PvString(state="Pv_Active", voltage=300, current=0)
    assert strings[0] == PvString()


@pytest.mark.parametrize("components", [None, {}, {"bms": None, "hvp": 3}, {"bms": [[]], "hvp": [1], "pch": []}])
@pytest.mark.parametrize("din", [None, "TG1250620004QX", "1707000-11-L--TG1250620004QX"])
def test_empty_components_have_no_energies(components: Any, din: Any) -> None:
    response = DeviceComponents.from_dict({"din": din, "components": components})
    assert all(block.nominal_energy_remaining is None for block in response.battery_blocks(None, ()))


def test_meter_comparison_ignores_timestamp() -> None:
    first = Meter.from_dict({"instant_power": 5, "last_communication_time": "2021-12-13T00:24:46Z"})
    later = Meter.from_dict({"instant_power": 5, "last_communication_time": "2021-12-13T00:24:47Z"})
    assert first == later
    assert first != Meter.from_dict({"instant_power": 6})


@pytest.mark.parametrize(
    ("status", "model"),
    [
        ({"version": "1.15.0\n"}, "Backup Gateway 1"),  # of 2018, when there was only one model
        ({"version": "1.50.1 c58c2df3", "device_type": "hec"}, "Backup Gateway 1"),
        ({"version": "23.36.3", "device_type": "hec", "din": None}, "Backup Gateway 1"),
        ({"version": "21.44", "device_type": "teg"}, None),
        ({"version": "1.43.3"}, None),  # a gateway of 2019 may be a later one
        ({"version": "25.26.0", "din": "1232100-00-E--TG1"}, "Backup Gateway 2"),
        ({"version": "25.26.0", "device_type": "hec", "din": "1232100-00-E--TG1"}, "Backup Gateway 2"),
        ({"version": "25.26.0 abef9ac0", "din": "1538000-00-F--GF1"}, "Solar Inverter"),
        ({"version": "25.26.0 abef9ac0", "din": "1538100-00-F--GF1"}, "Solar Inverter"),
        ({}, None),
    ],
)
def test_gateway_model(status: dict[str, Any], model: str | None) -> None:
    read = Status.from_dict(status)
    assert read.model == model
    assert read.is_solar_inverter is (model == "Solar Inverter")


def test_inverter_type_is_solar_inverter() -> None:
    assert Status.from_dict({"teg_type": "pvinverter"}).is_solar_inverter
    assert not Status.from_dict({"teg_type": "unknown", "din": "1232100-00-E--TG1"}).is_solar_inverter


def test_meters_of_1_15_include_missing_ones() -> None:
    zero = {"last_communication_time": "0001-01-01T00:00:00Z", "instant_power": 0}
    meters = MetersAggregates.from_dict({"site": {"instant_power": 7}, "frequency": zero, "generator": zero})
    assert meters.site is not None
    assert meters.generator is not None
    assert meters.generator.last_communication_time is None
    assert meters.solar is None


def test_disabled_powerwall_has_nulls_and_others_keep_their_values() -> None:
    status = SystemStatus.from_dict(
        {
            "nominal_full_pack_energy": 14066,
            "nominal_energy_remaining": 4080,
            "grid_services_power": orjson.loads(b"-0"),
            "system_island_state": "SystemGridConnected",
            "battery_blocks": [
                {"PackageSerialNumber": "TG1", "p_out": None, "disabled_reasons": ["DisabledExcessiveVoltageDrop"]},
                None,
                "junk",
                {"PackageSerialNumber": "TG2", "p_out": -10, "disabled_reasons": []},
            ],
        }
    )
    assert status.battery_blocks is not None
    broken, working = status.battery_blocks
    assert (broken.serial_number, broken.power) == ("TG1", None)
    assert broken.disabled_reasons == ("DisabledExcessiveVoltageDrop",)
    assert (working.serial_number, working.power, working.disabled_reasons) == ("TG2", -10.0, ())
    assert status.percentage == pytest.approx(29.00611403384047, abs=1e-13)
    assert str(status.grid_services_power) == "0"


@pytest.mark.parametrize("full", [None, 0])
def test_percentage_without_capacity_is_none(full: int | None) -> None:
    status = SystemStatus.from_dict({"nominal_full_pack_energy": full, "nominal_energy_remaining": 1})
    assert status.percentage is None


@pytest.mark.parametrize("state", list(GridState))
def test_grid_state_is_decoded(state: GridState) -> None:
    assert GridStatus.from_dict({"grid_status": str(state)}).grid_status is state


def test_unknown_grid_state_is_none_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        grid = GridStatus.from_dict({"grid_status": "SystemOnTheMoon", "grid_services_active": True})
        assert grid == GridStatus(grid_status=None, grid_services_active=True)
    assert [record.getMessage() for record in caplog.records] == [
        "Ignoring field grid_status: expected a known state, got 'SystemOnTheMoon'"
    ]


def test_number_of_warnings_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(MAX_WARNINGS + 50):
        GridStatus.from_dict({"grid_status": f"State{number}"})
    assert len(caplog.records) == MAX_WARNINGS


@pytest.mark.parametrize(
    ("version", "firmware", "release"),
    [
        ("1.15.0\n", "1.15.0", (1, 15, 0)),
        ("21.44 223a56cd", "21.44", (21, 44)),
        ("23.4.2-1 fe55682a", "23.4.2-1", (23, 4, 2)),
        ("22.26.1-foxtrot 4d562eaf", "22.26.1-foxtrot", (22, 26, 1)),
        ("unreadable", "unreadable", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_status_version_is_parsed(version: str | None, firmware: str | None, release: tuple[int, ...] | None) -> None:
    status = Status.from_dict({"version": version})
    assert (status.firmware, status.release) == (firmware, release)


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [
        ("402h8m19.937911668s", 402 * 3600 + 8 * 60 + 19.937912),
        ("3m2.5s", 182.5),
        ("850ms", 0.85),
        ("12µs", 0.000012),
        ("0s", 0),
        ("-1h", -3600),
    ],
)
def test_go_duration_is_parsed(printed: str, seconds: float) -> None:
    assert parse_duration(printed) == timedelta(seconds=seconds)
    assert Status.from_dict({"up_time_seconds": printed}).up_time == timedelta(seconds=seconds)


@pytest.mark.parametrize("printed", ["", "soon", "12", "3m2", f"{'9' * 30}h"])
def test_invalid_duration_is_none(printed: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(printed)
    assert Status.from_dict({"up_time_seconds": printed}).up_time is None


@pytest.mark.parametrize("printed", ["0001-01-01T00:00:00Z", "2021-12-13T00:24:46", "yesterday", "", 12, None, []])
def test_invalid_timestamp_is_none(printed: object) -> None:
    assert Meter.from_dict({"last_communication_time": printed}).last_communication_time is None


def test_timestamp_with_nanoseconds_is_truncated() -> None:
    assert parse_timestamp("2018-02-22T17:12:56.296673681-08:00") == datetime(2018, 2, 23, 1, 12, 56, 296673, UTC)


@pytest.mark.parametrize(
    ("uptime", "running_for"),
    [("166594s,", timedelta(seconds=166594)), ("log:", None), (None, None)],
)
def test_sitemaster_of_1_15_is_decoded(uptime: str | None, running_for: timedelta | None) -> None:
    sitemaster = Sitemaster.from_dict({"running": False, "uptime": uptime, "connected_to_tesla": True})
    assert sitemaster.running is False
    assert sitemaster.connected_to_tesla is True
    assert sitemaster.running_for == running_for


@pytest.mark.parametrize("key", ["mode", "real_mode"])
def test_operation_mode_is_decoded_from_both_keys(key: str) -> None:
    operation = Operation.from_dict({key: "self_consumption", "backup_reserve_percent": 5.000019999999999})
    assert operation.operation_mode is OperationMode.SELF_CONSUMPTION


def test_powerwalls_of_1_15_are_decoded() -> None:
    packs = Powerwalls.from_dict(
        {"powerwalls": [{"PackagePartNumber": "1092170-03-E", "PackageSerialNumber": "T1234567890"}], "has_sync": True}
    )
    assert packs.powerwalls is not None
    assert packs.powerwalls[0].part_number == "1092170-03-E"
    assert packs.has_sync is True


@pytest.mark.parametrize(
    ("din", "serial", "model"),
    [
        ("1232100-00-E--TG1234567890AB", "TG1234567890AB", "Backup Gateway 2"),
        ("1118431-00-F--T1234567890\n", "T1234567890", "Backup Gateway 1"),
        ("9999999-00-A--cn--1", "CN--1", None),
    ],
)
def test_din_is_split_at_first_double_dash(din: str, serial: str, model: str | None) -> None:
    parsed = Din.parse(din)
    assert parsed is not None
    assert (parsed.serial_number, parsed.model) == (serial, model)


@pytest.mark.parametrize("din", [None, "", "TG1234567890AB", "--TG1", "1232100-00-E--"])
def test_invalid_din_is_none(din: str | None) -> None:
    assert Din.parse(din) is None


@pytest.mark.parametrize("model", MODELS)
def test_wrong_value_never_raises(model: type[Model]) -> None:
    keys = model.wire_keys()
    for key, value in product(keys, (None, True, 3, -0.5, "x", [], [None], {}, {"x": [1]}, "NaN")):
        assert isinstance(model.from_dict(dict.fromkeys(keys) | {key: value}), model)


def test_value_other_than_object_is_none() -> None:
    values: list[Any] = [None, [], "x", 3]
    assert [Meter.read(value) for value in values] == [None] * 4


@given(power=st.floats(-1e6, 1e6), neighbours=st.dictionaries(st.sampled_from(["site", "load", "solar"]), JSON))
def test_meter_is_decoded_next_to_wrong_meters(power: float, neighbours: dict[str, Any]) -> None:
    meters = MetersAggregates.from_dict(neighbours | {"battery": {"instant_power": power, "frequency": "x"}})
    assert meters.battery == Meter(instant_power=power)
