"""Serve `customer/registration`: the owner and the accepted agreements."""

from simulator.gateway.call import ACCEPTED, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.wire import Json


def registration_1_15(gateway: Gateway) -> Json:
    """`customer/registration` of 2018."""
    state = gateway.registration
    return {
        **state.consents,
        "registered": state.registered,
        "emailed_registration": state.emailed,
        "skipped_registration": state.skipped,
        "timed_out_registration": False,
    }


def registration(gateway: Gateway) -> Json:
    """`customer/registration`."""
    state = gateway.registration
    return {**state.consents, "registered": state.registered, "timed_out_registration": False}


def customer_1_15(gateway: Gateway) -> Json:
    """Return the owner: `customer` of 2018."""
    state = gateway.registration
    return {
        "city": "New York",
        "state": "New York ",
        "zip": "10010-2841",
        "country": "US",
        "registered": state.registered,
        "privacy_notice": state.consents["privacy_notice"],
        "limited_warranty": state.consents["limited_warranty"],
        "emailed_registration": state.emailed,
    }


def customer(gateway: Gateway) -> Json:
    """Return the owner: `customer`."""
    consents = gateway.registration.consents
    return {
        "marketing": consents["marketing"],
        "registered": gateway.registration.registered,
        "privacy_notice": consents["privacy_notice"],
        "grid_services": consents["grid_services"],
        "limited_warranty": consents["limited_warranty"],
    }


def customer_24(gateway: Gateway) -> Json:
    """Return the owner: `customer` since 23.x."""
    return {"registered": gateway.registration.registered}


def agree(gateway: Gateway, call: Call) -> Response:
    """`POST customer/registration/legal`: changes the given consents and returns all four."""
    form = call.json()
    consents = gateway.registration.consents
    if form is None or not form.keys() <= consents.keys() or not _are_booleans(form):
        return error(400, "invalid request body", "Unable to save registration")
    consents.update({name: value for name, value in form.items() if value is None or isinstance(value, bool)})
    return Response(payload=dict(consents))


def _are_booleans(form: dict[str, object]) -> bool:
    return all(value is None or isinstance(value, bool) for value in form.values())


def skip(gateway: Gateway, _: Call) -> Response:
    """`POST customer/registration/skip`."""
    gateway.registration.skipped = True
    return ACCEPTED


def email(gateway: Gateway, _: Call) -> Response:
    """`POST customer/registration/emailed`."""
    gateway.registration.emailed = True
    return ACCEPTED
