"""Check for new firmware, download it and stage it, one step at a time."""

from simulator.gateway.call import ACCEPTED, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.wire import Json

STEPS = ("/clear_update_status", "/download", "/update_downloaded")
"""Values of `state` before the last one, `/update_staged`."""


def update_status_1_15(gateway: Gateway) -> Json:
    """`system/update/status` of 2018."""
    time = gateway.home.clock // 1_000_000
    return {"state": "/update_failed", "info": {"status": ["nonactionable"]}, "current_time": time}


def update_status(gateway: Gateway) -> Json:
    """`system/update/status`."""
    state, words = _state(gateway)
    time = gateway.home.clock // 1_000_000
    return {
        "state": state,
        "info": {"status": [words]},
        "current_time": time,
        "last_status_time": time if gateway.update.begun else time - 6_371_100,
        "version": gateway.nameplate.version,
        "offline_updating": False,
        "offline_update_error": "",
        "estimated_bytes_per_second": 250_000 if state == "/download" else None,
    }


def _state(gateway: Gateway) -> tuple[str, str]:
    """Return the state and its status text."""
    job = gateway.update
    if not job.begun:
        return "/update_unknown", "nonactionable"
    found = gateway.new_firmware and gateway.connected_to_tesla
    if job.running:
        return STEPS[int(job.progress * len(STEPS)) if found else 0], "ignoring"
    if not gateway.connected_to_tesla:
        return "/update_failed", "error"
    return "/update_staged" if found else "/update_failed", "nonactionable"


def update(gateway: Gateway, _: Call) -> Response:
    """`POST system/update`: checks for new firmware, and stages it if there is some."""
    gateway.update.start(gateway.home.clock)
    return ACCEPTED


def urgency(_gateway: Gateway, _: Call) -> Response:
    """`system/update/urgency`: no source shows another response."""
    return error(503, "no urgency known", "Unable to get update urgency")
