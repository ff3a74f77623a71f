"""The content of Home Assistant's `.storage` folder before its first start.

These three files keep it on this machine: HTTP on 127.0.0.1 alone, no multicast outside loopback, and no onboarding
step that would start integrations which live in the internet.
"""

import json
from pathlib import Path
from typing import Any

from homeassistant.components.http import config as http
from homeassistant.components.network.const import (
    STORAGE_KEY as NETWORK_STORAGE_KEY,
    STORAGE_VERSION as NETWORK_STORAGE_VERSION,
)
from homeassistant.components.onboarding import (
    STORAGE_KEY as ONBOARDING_STORAGE_KEY,
    STORAGE_VERSION as ONBOARDING_STORAGE_VERSION,
)
from homeassistant.components.onboarding.const import STEP_ANALYTICS, STEP_CORE_CONFIG
from homeassistant.util import dt as dt_util


def seed(folder: Path, port: int) -> None:
    """Write the files, each only where it is missing; the HTTP port always."""
    storage = folder / ".storage"
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(storage, http.STORAGE_KEY, http.STORAGE_VERSION, http.STORAGE_MINOR_VERSION, _http(port))
    if not (storage / NETWORK_STORAGE_KEY).exists():
        _write(storage, NETWORK_STORAGE_KEY, NETWORK_STORAGE_VERSION, 1, {"configured_adapters": ["lo"]})
    if not (storage / ONBOARDING_STORAGE_KEY).exists():
        done = {"done": [STEP_CORE_CONFIG, STEP_ANALYTICS]}
        _write(storage, ONBOARDING_STORAGE_KEY, ONBOARDING_STORAGE_VERSION, 1, done)


def _http(port: int) -> dict[str, Any]:
    """Return the HTTP configuration as a confirmed one: a pending one ends Home Assistant after five minutes."""
    stable = http.HTTP_STORAGE_SCHEMA(
        {"server_host": ["127.0.0.1"], "server_port": port, "cors_allowed_origins": [], "ip_ban_enabled": False}
    )
    stable |= {"created_at": dt_util.utcnow().isoformat(), "error": None, "error_message": None}
    return {"stable": stable, "pending": None, "yaml_migration_done": True}


def _write(storage: Path, key: str, version: int, minor_version: int, data: dict[str, Any]) -> None:
    content = {"version": version, "minor_version": minor_version, "key": key, "data": data}
    (storage / key).write_text(json.dumps(content, indent=2), encoding="utf-8")
