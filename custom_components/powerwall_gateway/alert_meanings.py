"""The known alerts of a gateway: what each means, how severe it is, and who can do something about it.

No complete list is public. Names and meanings come from the alert table of Tesla's Powerhub manual, from pypowerwall's
list of devices and alerts, and from owners' reports (pypowerwall issues 42 and 60, Powerwall-Dashboard issues 158, 577
and 753). Where only a name is known, the meaning says what the words of the name say.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Severity(StrEnum):
    """Severity of an alert."""

    INFO = "info"
    """Normal operation, and limits that are set on purpose."""

    WARNING = "warning"
    """Something is not as it should be, and the system continues to work."""

    PROBLEM = "problem"
    """Something does not work."""


class Actor(StrEnum):
    """Person who can do something about an alert."""

    OWNER = "owner"
    INSTALLER = "installer"


class Meaning(NamedTuple):
    """Meaning of an alert."""

    text: str
    severity: Severity
    actor: Actor | None = None


_INFO, _WARNING, _PROBLEM = Severity.INFO, Severity.WARNING, Severity.PROBLEM
_OWNER, _INSTALLER = Actor.OWNER, Actor.INSTALLER

_SYSTEM: Final = {
    "SystemConnectedToGrid": Meaning("The system is connected to the grid.", _INFO),
    "SystemGridConnected": Meaning("The system is connected to the grid.", _INFO),
    "SystemIslandedActive": Meaning("The home is off-grid, and the Powerwall supplies it.", _INFO),
    "SystemIslandedReady": Meaning("The system is ready to go off-grid.", _INFO),
    "SystemTransitionToGrid": Meaning("The system reconnects to the grid.", _INFO),
    "SystemTransitionToIsland": Meaning("The system disconnects from the grid.", _INFO),
    "SystemMicroGridFaulted": Meaning("The off-grid supply of the home failed.", _PROBLEM, _OWNER),
    "SystemWaitForUser": Meaning("The system is off-grid, and stopped until someone starts it.", _PROBLEM, _OWNER),
    "WaitForUserNoInvertersReady": Meaning(
        "The battery shut down more than once in a grid outage, and someone has to start it again.", _PROBLEM, _OWNER
    ),
    "ScheduledIslandContactorOpen": Meaning("The home was taken off-grid on purpose.", _INFO),
    "UnscheduledIslandContactorOpen": Meaning("The system disconnected from the grid because of an outage.", _WARNING),
    "GridFaultContactorTrip": Meaning("A fault of the grid made the system disconnect from it.", _WARNING),
    "IslandChecksFailed": Meaning("A check before going off-grid failed.", _WARNING),
    "IslandingControllerMIA": Meaning(
        "The gateway lost contact with the controller that disconnects from the grid.", _PROBLEM, _INSTALLER
    ),
    "BackfeedLimited": Meaning("The export to the grid is limited, for example until it is permitted.", _INFO),
    "PanelMaxCurrentLimited": Meaning("The power is limited to protect the electrical panel.", _INFO),
    "RealPowerAvailableLimited": Meaning(
        "More power is requested than the battery can charge or discharge now.", _INFO
    ),
    "RealPowerConfigLimited": Meaning("A limit from the installation reduces the power.", _INFO),
    "SelfConsumptionReservedLimit": Meaning(
        "The battery reached the backup reserve, and the grid supplies the home.", _INFO
    ),
    "SiteMaxPowerLimited": Meaning("The maximum power of the site limits the battery.", _INFO),
    "SiteMinPowerLimited": Meaning("The minimum power of the site limits the battery.", _INFO),
    "SolarChargeOnlyLimited": Meaning("The battery may charge from solar only, and there is not enough solar.", _INFO),
    "BatteryHealthSelfTestActive": Meaning("The battery tests itself.", _INFO),
    "PodCommissionTime": Meaning("The commissioning time of a Powerwall is reported, also in normal operation.", _INFO),
    "PodCommissionTimeError": Meaning("The commissioning time of a Powerwall could not be set.", _WARNING),
    "GridCodesWrite": Meaning("The rules of the grid were written to a Powerwall.", _INFO),
    "GridCodesWriteError": Meaning("The rules of the grid could not be written to a Powerwall.", _WARNING),
    "FWUpdateSucceeded": Meaning("The last firmware update succeeded.", _INFO),
    "FWUpdateFailed": Meaning("The last firmware update failed.", _WARNING),
    "BatteryBreakerOpen": Meaning("The circuit breaker of a Powerwall is off.", _PROBLEM, _OWNER),
    "BatteryComms": Meaning("The gateway lost contact with a Powerwall.", _PROBLEM, _INSTALLER),
    "BatteryDisabled": Meaning("A Powerwall is disabled.", _PROBLEM, _INSTALLER),
    "BatteryFault": Meaning("A Powerwall has a fault.", _PROBLEM, _INSTALLER),
    "BatteryUnexpectedPower": Meaning("The battery's meter does not measure the power that was requested.", _WARNING),
    "ExcessiveVoltageDrop": Meaning(
        "The voltage between the Powerwall and the gateway drops too much, maybe because of a loose wire.",
        _PROBLEM,
        _INSTALLER,
    ),
    "SiteMeterComms": Meaning("The gateway lost contact with the meter of the grid.", _PROBLEM, _INSTALLER),
    "SolarMeterComms": Meaning("The gateway lost contact with the solar meter.", _PROBLEM, _INSTALLER),
    "SolarRGMMeterComms": Meaning(
        "The gateway lost contact with the revenue meter of the solar inverter.", _WARNING, _INSTALLER
    ),
    "PVInverterComms": Meaning("The gateway lost contact with a solar inverter.", _PROBLEM, _INSTALLER),
    "DeviceShutdownRequested": Meaning("Someone requested that the system shuts down.", _WARNING, _OWNER),
    "SystemShutdown": Meaning("A switch or an input shut the system down.", _PROBLEM, _OWNER),
    "HighCPU": Meaning("The gateway is busy, often because of too many requests or logins.", _WARNING, _OWNER),
    "CANUsageAlert": Meaning("The cable between the gateway and the Powerwalls carries too many messages.", _WARNING),
    "OpticasterExe": Meaning("Tesla's program that controls the battery does not run.", _PROBLEM, _INSTALLER),
}
"""Alerts of the whole system."""

_POWERWALL: Final = {
    "THC_w042_POD_MIA": Meaning("A Powerwall's controller lost contact with its battery.", _WARNING, _INSTALLER),
    "THC_w051_Thermal_Power_Req_Not_Met": Meaning("The cooling or heating of a Powerwall needs more power.", _WARNING),
    "THC_w061_CAN_TX_FIFO_Overflow": Meaning("A Powerwall's controller could not send all messages.", _WARNING),
    "THC_w155_Backup_Genealogy_Updated": Meaning("A Powerwall's controller saved its parts list.", _INFO),
    "POD_f029_HW_CMA_OV": Meaning("The voltage of a battery cell is too high.", _PROBLEM, _INSTALLER),
    "POD_f053_SW_CMA_Cell_MIA": Meaning("A battery cell cannot be measured.", _PROBLEM, _INSTALLER),
    "POD_w017_SW_Batt_Volt_Sens_Irrational": Meaning("The battery's voltage is not plausible.", _WARNING),
    "POD_w024_HW_Fault_Asserted": Meaning("The hardware of a battery reports a fault.", _WARNING, _INSTALLER),
    "POD_w029_HW_CMA_OV": Meaning("The voltage of a battery cell is high.", _WARNING),
    "POD_w031_SW_Brick_OV": Meaning("The voltage of a group of battery cells is too high.", _WARNING),
    "POD_w041_SW_CMA_Comm_Integrity": Meaning("The measurement of battery cells has faulty messages.", _WARNING),
    "POD_w044_SW_Brick_UV_Warning": Meaning("The voltage of a group of battery cells is low.", _WARNING),
    "POD_w045_SW_Brick_OV_Warning": Meaning("The voltage of a group of battery cells is high.", _WARNING),
    "POD_w048_SW_Cell_Voltage_Sens": Meaning("The voltage of a battery cell is measured unreliably.", _WARNING),
    "POD_w049_SW_CMA_Voltage_Mismatch": Meaning("Two measurements of the cell voltage differ.", _WARNING),
    "POD_w058_SW_App_Boot": Meaning("The battery's controller started.", _INFO),
    "POD_w063_SW_SOC_Imbalance": Meaning("The cells of a battery are charged differently.", _WARNING),
    "POD_w064_SW_Brick_Low_Capacity": Meaning("A group of battery cells has a low capacity.", _WARNING, _INSTALLER),
    "POD_w067_SW_Not_Enough_Energy_Precharge": Meaning("The battery has too little energy to start.", _WARNING, _OWNER),
    "POD_w090_SW_SOC_Imbalance_Limit_Charge": Meaning(
        "Cells that are charged differently limit the charging.", _WARNING
    ),
    "POD_w093_SW_Charge_Request": Meaning("The battery is very low and has to be charged.", _WARNING, _OWNER),
    "POD_w105_SW_EOD": Meaning("The battery is discharged to its limit.", _INFO),
    "POD_w109_SW_Self_Test_Request_Not_Serviced": Meaning("The battery could not run a self-test.", _WARNING),
    "POD_w110_SW_EOC": Meaning("The battery is full.", _INFO),
    "PINV_a010_can_gtwMIA": Meaning(
        "A Powerwall lost contact with the gateway, for example during an update.", _WARNING
    ),
    "PINV_a011_can_podMIA": Meaning("A Powerwall's inverter lost contact with its battery.", _WARNING, _INSTALLER),
    "PINV_a022_SwitchingBridgeIrrational": Meaning(
        "A measurement was not plausible, as when the grid fails.", _WARNING
    ),
    "PINV_a023_LossOfCurrentControl": Meaning("A Powerwall's inverter could not control its current.", _WARNING),
    "PINV_a039_can_thcMIA": Meaning(
        "A Powerwall's inverter lost contact with its controller, as in an update.", _WARNING
    ),
    "PINV_a041_sensedGridDisturbance": Meaning("A Powerwall noticed a disturbance of the grid.", _WARNING),
    "PINV_a043_gridResistanceTooHigh": Meaning("The resistance of the connection to the grid is high.", _WARNING),
    "PINV_a047_BusCatcherActivated": Meaning("The inverter limited the voltage inside a Powerwall.", _WARNING),
    "PINV_a067_overvoltageNeutralChassis": Meaning(
        "There is a voltage between neutral and chassis, as reported by many systems that work.", _INFO
    ),
    "PINV_a086_motorStarting": Meaning("A Powerwall starts a motor, for example of an air conditioner.", _INFO),
    "SYNC_a001_SW_App_Boot": Meaning("The controller of the grid connection started.", _INFO),
    "SYNC_a020_LoadsDropped": Meaning("The supply of the home was interrupted.", _WARNING),
    "SYNC_a030_Sitemaster_MIA": Meaning(
        "The controller of the grid connection lost contact with the gateway.", _WARNING
    ),
    "SYNC_a036_LoadsDroppedLong": Meaning("The supply of the home was interrupted for a longer time.", _WARNING),
    "SYNC_a038_DoOpenArguments": Meaning("The system is requested to disconnect from the grid.", _INFO),
    "SYNC_a044_IslanderDisconnectWithin2s": Meaning("The system disconnected from the grid within 2 seconds.", _INFO),
    "SYNC_a046_DoCloseArguments": Meaning("The system is requested to reconnect to the grid.", _INFO),
}
"""Alerts of a Powerwall (THC), its battery (POD) and its inverter (PINV), and of the grid connection (SYNC)."""

_OF_GRID: Final = {
    "UnderVoltage": "The voltage of the grid is too low.",
    "OverVoltage": "The voltage of the grid is too high.",
    "UnderFrequency": "The frequency of the grid is too low.",
    "OverFrequency": "The frequency of the grid is too high.",
    "Rocof": "The frequency of the grid changes too fast.",
    "PIIErrorHigh": "The inverter cannot follow the frequency of the grid.",
}
_GRID: Final = {
    name: Meaning(_OF_GRID[kind], _WARNING)
    for kind, names in {
        "UnderVoltage": "PINV_a004_vfCheckUnderVoltage PINV_a016_basicAcCheckUnderVoltage SYNC_a005_vfCheckUnderVoltage"
        " PVAC_a011_inv_AC_undervoltage PVAC_a032_VFCheck_UV",
        "OverVoltage": "PINV_a005_vfCheckOverVoltage PVAC_a010_inv_AC_overvoltage PVAC_a026_inv_AC_peak_overvoltage"
        " PVAC_a031_VFCheck_OV",
        "UnderFrequency": "PINV_a006_vfCheckUnderFrequency PVAC_a013_inv_AC_underfrequency PVAC_a034_VFCheck_UF",
        "OverFrequency": "PINV_a007_vfCheckOverFrequency PVAC_a012_inv_AC_overfrequency PVAC_a033_VFCheck_OF",
        "Rocof": "PINV_a008_vfCheckRocof PVAC_a035_VFCheck_RoCoF",
        "PIIErrorHigh": "PINV_a001_vfCheckPIIErrorHigh",
    }.items()
    for name in names.split()
}
"""Faults of the grid, which also the voltage or frequency of an off-grid home can raise."""

_SOLAR: Final = {
    "PVAC_a009_SwAppBoot": Meaning("The solar inverter started.", _INFO),
    "PVAC_a014_PVS_disabled_relay": Meaning(
        "The solar strings are not connected, as at night and while starting.", _INFO
    ),
    "PVAC_a019_ambient_overtemperature": Meaning("The solar inverter's surroundings are too hot.", _WARNING, _OWNER),
    "PVAC_a020_dsp_overtemperature": Meaning("The solar inverter is too hot.", _WARNING, _OWNER),
    "PVAC_a021_dcac_heatsink_overtemperature": Meaning("The solar inverter is too hot.", _WARNING, _OWNER),
    "PVAC_a022_mppt_heatsink_overtemperature": Meaning("The solar inverter is too hot.", _WARNING, _OWNER),
    "PVAC_a024_PVACrx_Command_mia": Meaning("The solar inverter receives no commands.", _WARNING),
    "PVAC_a025_PVS_Status_mia": Meaning("The solar inverter lost contact with the monitor of its strings.", _WARNING),
    "PVAC_a027_inv_K1_relay_welded": Meaning("A relay of the solar inverter is stuck.", _PROBLEM, _INSTALLER),
    "PVAC_a028_inv_K2_relay_welded": Meaning("A relay of the solar inverter is stuck.", _PROBLEM, _INSTALLER),
    "PVAC_a029_pump_faulted": Meaning("The solar inverter's pump has a fault.", _WARNING, _INSTALLER),
    "PVAC_a030_fan_faulted": Meaning("The solar inverter's fan has a fault.", _WARNING, _INSTALLER),
    "PVAC_a041_excess_PV_clamp_triggered": Meaning("The solar inverter limited a surplus of solar power.", _INFO),
    "PVAC_a041_virtual_clamper_triggered": Meaning("The solar inverter limited a surplus of solar power.", _INFO),
    "PVAC_a043_fan_speed_mismatch_detected": Meaning(
        "The solar inverter's fan runs at the wrong speed.", _WARNING, _INSTALLER
    ),
    "PVS_a002_SW_App_Boot": Meaning("The monitor of the solar strings started.", _INFO),
    "PVS_a010_PvIsolationTotal": Meaning("The insulation of the solar strings is too low.", _PROBLEM, _INSTALLER),
    "PVS_a015_SelfTestGroundFault": Meaning(
        "The test for ground faults of the solar strings failed.", _PROBLEM, _INSTALLER
    ),
    "PVS_a021_RapidShutdown": Meaning("The emergency switch turned the solar panels off.", _PROBLEM, _OWNER),
    "PVS_a029_PvArcFault": Meaning("An arc was detected in the solar wiring.", _PROBLEM, _INSTALLER),
    "PVS_a035_PvArcDetected": Meaning("An arc was detected in the solar wiring.", _PROBLEM, _INSTALLER),
    "PVS_a036_PvArcLockout": Meaning("The solar inverter stays off after an arc in the wiring.", _PROBLEM, _INSTALLER),
    "PVS_a037_PvArcFault2": Meaning("An arc was detected in the solar wiring.", _PROBLEM, _INSTALLER),
    "PVS_a039_SelfTestRelayFault": Meaning("A relay of the solar strings failed its test.", _PROBLEM, _INSTALLER),
    "PVS_a043_LockedPvStringSafety": Meaning("The solar strings stay off for safety.", _PROBLEM, _INSTALLER),
    "PVS_a044_FaultStatePvStringSafety": Meaning(
        "The safety monitor of the solar strings has a fault.", _PROBLEM, _INSTALLER
    ),
    "PVS_a048_DcSensorIrrationalFault": Meaning(
        "A sensor of the solar strings is not plausible.", _WARNING, _INSTALLER
    ),
    "PVS_a050_RelayCoilIrrationalWarning": Meaning("A relay of the solar strings is not plausible.", _WARNING),
    "PVS_a051_DcBusShortCircuitDetected": Meaning("The solar inverter has a short circuit.", _PROBLEM, _INSTALLER),
    "PVS_a058_MciOpenOnFault": Meaning(
        "The switches at the solar panels opened because of a fault.", _PROBLEM, _INSTALLER
    ),
    "PVS_a059_MciOpen": Meaning("The switches at the solar panels are open, as at night.", _INFO),
    "PVS_a060_MciClose": Meaning("The switches at the solar panels are closed, as in sunlight.", _INFO),
    **{
        f"PVS_a{number:03}_PvIsolationString{letter}": Meaning(
            f"The insulation of solar string {letter} is too low.", _PROBLEM, _INSTALLER
        )
        for number, letter in enumerate("ABCD", start=11)
    },
    # Also an input that no string is connected to raises it (pypowerwall).
    **{
        f"PVS_a{number:03}_MciString{letter}": Meaning(f"Solar string {letter} is not connected.", _INFO)
        for number, letter in enumerate("ABCD", start=17)
    },
    **{
        name: Meaning("The voltage at a switch of the solar panels is not as expected.", _WARNING)
        for name in (
            "PVS_a026_Mci1PvVoltage",
            "PVS_a027_Mci2PvVoltage",
            "PVS_a031_Mci3PvVoltage",
            "PVS_a032_Mci4PvVoltage",
        )
    },
}
"""Alerts of a Tesla solar inverter (PVAC) and the monitor of its strings (PVS)."""

MEANINGS: Final[dict[str, Meaning]] = _SYSTEM | _POWERWALL | _GRID | _SOLAR
"""Known alerts by name."""


def describe(name: str) -> dict[str, Any]:
    """Return an alert as attributes. Of an unknown one, only the name is known."""
    known = MEANINGS.get(name)
    return {
        "name": name,
        "meaning": known.text if known else None,
        "severity": known.severity.value if known else None,
        "can_act": known.actor.value if known and known.actor else None,
    }


def count(names: Iterable[str]) -> int:
    """Return the number of alerts, without those of normal operation. An unknown one counts."""
    return sum(not (known := MEANINGS.get(name)) or known.severity is not Severity.INFO for name in set(names))


def must_act(name: str) -> bool:
    """Return whether something does not work, and the owner or the installer can do something about it."""
    known = MEANINGS.get(name)
    return known is not None and known.severity is Severity.PROBLEM and known.actor is not None
