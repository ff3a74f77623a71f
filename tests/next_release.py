"""Run the test harness of the previous release on Home Assistant's newest one (`scripts/test --next`).

Loaded by `-p` before the harness: the newest release insists on being imported before httpx,
and has moved what the harness takes from the logger and from the restored states.
"""

from typing import Any

from homeassistant.components import logger
from homeassistant.components.logger import const, helpers
from homeassistant.helpers.restore_state import RestoreStateData, StoredState

for module in (const, helpers):
    for name in ("DOMAIN", "SERVICE_SET_LEVEL", "_clear_logger_overwrites"):
        if hasattr(module, name) and not hasattr(logger, name):
            setattr(logger, name, getattr(module, name))

newest: Any = RestoreStateData
_stored_state = newest.async_get_stored_state


def _stored_state_or_the_harness_s(states: RestoreStateData, entity_id: str) -> Any:
    """Return a restored state; what the harness put there goes by its entity's id, as it did."""
    given: dict[str, StoredState] | None = vars(states).get("last_states")
    return given.get(entity_id) if given is not None else _stored_state(states, entity_id)


newest.async_get_stored_state = _stored_state_or_the_harness_s
