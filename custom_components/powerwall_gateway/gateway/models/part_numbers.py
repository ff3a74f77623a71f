"""What a part number stands for: `7 digits - 2 digits - revision`, for instance `1232100-00-E`."""

SOLAR_INVERTER = "Solar Inverter"
"""The model of a Tesla inverter that is a gateway itself, on a site without a Powerwall."""

POWERWALL_3_EXPANSION = "Powerwall 3 Expansion"

FIRST_GATEWAY = "Backup Gateway 1"
"""The only gateway until 2019. `status` tells it as device type `hec`, or on older firmware by no device type."""

_GATEWAYS = {
    "1099752": FIRST_GATEWAY,
    "1118431": FIRST_GATEWAY,
    "1152100": "Backup Gateway 2",
    "1232100": "Backup Gateway 2",
    "1534000": SOLAR_INVERTER,
    "1538000": SOLAR_INVERTER,
    "1538100": SOLAR_INVERTER,
    "1707000": "Powerwall 3",
    "1841000": "Gateway 3",
}

_POWERWALLS = {
    "1092170": "Powerwall 2",
    "2012170": "Powerwall 2",
    "3012170": "Powerwall 2",
    "1850000": "Powerwall+",
    "1707000": "Powerwall 3",
    "1807000": POWERWALL_3_EXPANSION,
}

_POWERWALL_PLUS = "SolarPowerwall"


def gateway_model(part_number: str) -> str | None:
    """Give a gateway's name in Tesla's manuals, None for a part that is not known."""
    return _GATEWAYS.get(part_number.partition("-")[0])


def powerwall_model(part_number: str | None, kind: str | None = None) -> str | None:
    """Give a pack's name, None for a part that is not known.

    `kind` is the inventory's `type`, which alone tells a Powerwall+: its pack may have the part
    number of a Powerwall 2 (23.28).
    """
    if kind == _POWERWALL_PLUS:
        return "Powerwall+"
    return _POWERWALLS.get((part_number or "").partition("-")[0])
