"""Endpoints of the login: login, logout, confirmation at the Powerwall's switch, change of the password."""

from simulator.gateway.call import ACCEPTED, GONE, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.login import Admission
from simulator.wire import Json


def login(gateway: Gateway, call: Call) -> Response:
    """`POST login/Basic`."""
    return _admit(gateway, gateway.desk.login(call, gateway.stamp("login")))


def _admit(gateway: Gateway, admission: Admission) -> Response:
    """Log in, which stops the Powerwall for some roles."""
    if admission.role in gateway.desk.rules.stopping_roles:
        gateway.stop()
    return admission.response


def logout(gateway: Gateway, call: Call) -> Response:
    """`GET logout`: ends the session of the request's token, if it has one."""
    if call.token is not None:
        gateway.desk.tokens.pop(call.token, None)
    return GONE


def toggle_supported(gateway: Gateway) -> Json:
    """`auth/toggle/supported`: a Powerwall's switch is only watched while the system runs."""
    return {"toggle_auth_supported": gateway.running}


def start_toggle(gateway: Gateway, _: Call) -> Response:
    """`POST auth/toggle/start`: from now on turning a Powerwall off and on counts."""
    if not gateway.running:
        return error(400, "toggle auth not supported", "Unable to start toggle auth")
    gateway.desk.presence.ask()
    return ACCEPTED


def toggle_login(gateway: Gateway, call: Call) -> Response:
    """`POST auth/toggle/login`: rejected until a Powerwall was turned off and on."""
    return _admit(gateway, gateway.desk.toggle_login(call, gateway.stamp("login")))


def end_toggle(gateway: Gateway, _: Call) -> Response:
    """`DELETE auth/toggle/login`: stop waiting for the switch."""
    if not gateway.desk.presence.asked:
        return error(404, "no toggle auth in progress", "Unable to stop toggle auth")
    gateway.desk.presence.end()
    return Response()


def change_password(gateway: Gateway, call: Call) -> Response:
    """`POST password/change`: with the old password, or with the switch instead."""
    form = call.json() or {}
    new, desk = form.get("new_password"), gateway.desk
    by_switch = form.get("toggled_pw") is True
    allowed = desk.presence.proven if by_switch else form.get("old_password") == desk.password
    if not allowed or not isinstance(new, str) or not new:
        return error(400, "invalid password", "Unable to change password")
    desk.password = new
    return Response(payload={"password": new})


def beyond(_: Gateway, call: Call) -> Response:
    """Return an error, because no source describes the next step."""
    return error(501, "not simulated", f"No source shows the response of a real gateway to {call.method} {call.path}")
