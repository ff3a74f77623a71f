"""Short versions of the lists that an installer selects from: inverters, companies, grid codes."""

from simulator.gateway.call import Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.wire import Json

MODELS: dict[str, list[tuple[str, str, int]]] = {
    "ABB": [("PVI-5000-OUTD-US (240V)", "5 kW 240Vac Utility Interactive Inverter", 5000)],
    "Auxin Solar": [],
    "Canadian Solar": [("CSI-7600TL-CT", "7.6 kW 240Vac Utility Interactive Inverter", 7600)],
    "Diehl AKO Stiftung & Co. KG": [("Platinum 4300 TL", "4.3 kW 230Vac Utility Interactive Inverter", 4300)],
    "Enphase Energy": [
        ("IQ6-60-x-US (240V)", "230 W 240Vac Utility Interactive Microinverter", 230),
        ("IQ7PLUS-72-x-US (240V)", "290 W 240Vac Utility Interactive Microinverter", 290),
    ],
    "Fronius": [("Primo 7.6-1 208-240 (240V)", "7.6 kW 240Vac Utility Interactive Inverter", 7600)],
    "i-Energy Corporation": [("GT260 <240V>", "260 W 240Vac Utility Interactive Microinverter", 260)],
    "Sharp / Solaria": [("JH-3500U", "3.5 kW 240Vac Utility Interactive Inverter", 3500)],
    "SMA America": [("SB5.0-1SP-US-40 (240V)", "5 kW 240Vac Utility Interactive Inverter", 5000)],
    "SolarEdge Technologies": [
        ("SE3800H-US", "3.8 kW 240Vac, Utility-Interactive Inverter", 3800),
        ("SE5000 (240V) w/ -ER-US or A-US", "6 kW 240Vac, Utility-Interactive Inverter", 6000),
        ("SE7600 (240V)", "7.6 kW 1-Phase (240Vac) Utility Interactive Inverter", 7600),
    ],
    "Tesla": [("Solar Inverter 7.6", "7.6 kW 240Vac Utility Interactive Inverter", 7600)],
    "Yes! Solar": [("ES5000 (240V)", "5 kW 240Vac Utility Interactive Inverter", 5000)],
    "Zigor Corporación": [("Sunzet 5 TL", "5 kW 230Vac Utility Interactive Inverter", 5000)],
    "シャープ (Sharp)": [("JH-40CD3P", "4 kW 202Vac Utility Interactive Inverter", 4000)],
}
"""By brand: model, description and watts."""


def brands_1_15(_: Gateway) -> Json:
    """`solars/brands` of 2018: ASCII only."""
    return [brand for brand in MODELS if brand.isascii()]


def brands(_: Gateway) -> Json:
    """`solars/brands`."""
    return list(MODELS)


def models(_: Gateway, call: Call) -> Response:
    """`solars/brands/{brand}`."""
    brand = call.arguments["brand"]
    if brand not in MODELS:
        return error(400, f"unknown brand {brand}", "Unable to get solar models")
    return Response(
        payload=[
            {"brand": brand, "model": model, "description": description, "power_rating_watts": watts}
            for model, description, watts in MODELS[brand]
        ]
    )


COMPANIES = (
    ("1 Willpower Ltd", "AN-0000059", "GB"),
    ("1000 Energie", "AN-0000062", "DE"),
    ("Tesla Timbuktu", "01234567", "ML"),
    ("Sonnenhütte & Söhne", "AN-0004711", "DE"),
    ("Watt's Up Électricité", "AN-0001234", "CA"),
)


def companies_1_15(_: Gateway) -> Json:
    """`installer/companies` of 2018."""
    return [{"company": company, "customer_id": number} for company, number, _ in COMPANIES]


def companies(_: Gateway) -> Json:
    """`installer/companies`."""
    return [{"company": company, "customer_id": number, "country": country} for company, number, country in COMPANIES]


GRID_CODES = (
    ("50Hz_230V_1_ASNZS4777.2:2015_AU", "Australia", "*", "ASS4777.2"),
    ("50Hz_230V_1_VDE4105:2011_Germany", "Germany", "*", "VDE4105"),
    ("50Hz_230V_1_G59:UK", "United Kingdom", "*", "G59 21A"),
    ("50Hz_230V_1_G83:UK", "United Kingdom", "*", "G83 16A"),
    ("60Hz_240V_s_IEEE1547:2003", "United States", "*", "IEEE1547"),
    ("60Hz_240V_s_UL1741SA:2016_California", "United States", "California", "UL1741SA"),
    ("60Hz_240V_s_HI14H:2016_Oahu", "United States", "Hawaii", "HI14H Hawai'i 2016"),
)
"""Code, country, state, region."""

UTILITIES = (
    ("60Hz_240V_s_IEEE1547:2003", "United States", "*", "*", "*", "*", "IEEE1547:2003"),
    (
        "60Hz_240V_s_UL1741SA:2019_California",
        "United States",
        "California",
        "*",
        "Pacific Gas and Electric Company",
        "CleanPowerSF (CPSF)",
        "UL1741SA-CA:2019",
    ),
    ("50Hz_230V_1_VDE4105:2018_Germany", "Germany", "*", "*", "*", "*", "VDE-AR-N-4105:2018"),
    (
        "50Hz_230V_1_ASNZS4777.2:2015_AU",
        "Australia",
        "Victoria",
        "Citipower / Powercor Australia",
        "*",
        "*",
        "ASS4777.2:2015",
    ),
)
REGION_COLUMNS = "grid_code,country,state,distributor,utility,retailer,standard"


def _settings(code: str) -> dict[str, Json]:
    """Derive a grid code's settings from its name."""
    frequency, voltage, phase = code.split("_")[:3]
    return {
        "grid_code": code,
        "grid_voltage_setting": int(voltage.removesuffix("V")),
        "grid_freq_setting": int(frequency.removesuffix("Hz")),
        "grid_phase_setting": {"s": "Split", "1": "Single"}[phase],
    }


def grid_codes(_: Gateway) -> Json:
    """`site_info/grid_codes` of 2018: country, state, region."""
    countries: dict[str, dict[str, dict[str, list[Json]]]] = {}
    for code, country, state, region in GRID_CODES:
        countries.setdefault(country, {}).setdefault(state, {}).setdefault(region, []).append(_settings(code))
    return countries


def grid_regions(_: Gateway) -> Json:
    """`site_info/grid_regions`: a CSV text in JSON, and the codes' settings."""
    lines = [REGION_COLUMNS, *(",".join(line) for line in UTILITIES)]
    settings = {line[0]: _settings(line[0]) for line in UTILITIES}
    return {"regions": "\n".join(lines) + "\n", "grid_code_settings": settings}
