"""Payloads that never change."""

from simulator.wire import Json

NO_GENERATORS: Json = {"disconnect_type": "None", "generators": []}
GENERATORS: Json = {
    "disconnect_type": "DownstreamATS",
    "generators": [{"brand": "Generac", "model": "7228", "power_rating_watts": 7500}],
}
"""No source shows one: an entry is like one of `solars`."""
DISCONNECT_TYPES: Json = ["DownstreamATS"]
METERS_FINE: Json = {"status": "", "errors": None}
AUTOCONFIG: Json = {
    "status": "not_applicable",
    "running": False,
    "retry_possible": False,
    "have_registered": False,
    "have_timezone": False,
    "have_gridcode": False,
    "grid_availability": "",
}

SOLARS_1_15: Json = [
    {"brand": "SolarEdge Technologies", "model": "SE5000 (240V) w/ -ER-US or A-US", "power_rating_watts": 6000}
]
SOLARS: Json = [{"brand": "Enphase Energy", "model": "IQ7PLUS-72-x-US (240V)", "power_rating_watts": 5250}]
SOLARS_PLUS: Json = [{"brand": "Tesla", "model": "Solar Inverter 7.6", "power_rating_watts": 7600}]

INSTALLER_1_15: Json = {"company": "Tesla Timbuktu", "customer_id": "01234567", "phone": "8885551212"}
