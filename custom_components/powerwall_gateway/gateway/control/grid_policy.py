"""Set what may flow to and from the grid: write once with a signed request, and read back."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..backoff import Polling, poll_until
from ..exceptions import CommandError, CommandFailure, GatewayError
from ..models import ConfigFile, ExportRule
from .signed_operation import NOT_STORED, READ_BACK

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

_EXPORT: Final = "site_info.customer_preferred_export_rule"
_IMPORT_LIMIT: Final = "site_info.max_site_meter_power_ac"
_EXPORT_LIMIT: Final = "site_info.min_site_meter_power_ac"
_NO_CHARGING: Final = "site_info.disallow_charge_from_grid_with_solar_installed"


class GridPolicy:
    """Set what may be exported to the grid, whether the battery may charge from it, and the highest powers of both."""

    def __init__(self, signed: SignedGateway, *, read_back: Polling = READ_BACK) -> None:
        self._signed = signed
        self._polling = read_back
        self._lock = asyncio.Lock()

    @property
    def allowed(self) -> bool:
        """Return whether a write may succeed: the gateway has accepted the key."""
        return self._signed.verified is True

    async def set_export(self, rule: ExportRule) -> None:
        """Set what may be exported. Raises `CommandError` if the gateway shows something else after the write."""
        await self._set({_EXPORT: rule}, lambda config: config.export_rule is rule)

    async def set_grid_charging(self, *, allowed: bool) -> None:
        """Set whether the battery may charge from the grid. Raises the same errors as `set_export`."""
        await self._set({_NO_CHARGING: not allowed}, lambda config: config.charges_from_grid is allowed)

    async def set_import_limit(self, limit: float) -> None:
        """Set the power in kW that may be imported from the grid. Raises the same errors as `set_export`."""
        await self._set({_IMPORT_LIMIT: limit}, lambda config: config.import_limit == limit)

    async def set_export_limit(self, limit: float) -> None:
        """Set the power in kW that may be exported to the grid. Raises the same errors as `set_export`."""
        await self._set({_EXPORT_LIMIT: 0 - limit}, lambda config: config.export_limit == limit)

    async def _set(self, values: Mapping[str, Any], is_set: Callable[[ConfigFile], bool]) -> None:
        async with self._lock:
            if is_set(await self._signed.config()):
                return
            error: GatewayError = CommandError(
                "the gateway accepted the write and shows something else",
                reason=CommandFailure.GRID_POLICY_NOT_APPLIED,
            )
            try:
                await self._signed.write(values)
            except NOT_STORED:
                raise
            except GatewayError as err:
                error = err  # the gateway may have stored the write all the same
            if not is_set(await poll_until(self._signed.config, is_set, self._polling)):
                raise error

    async def finish(self) -> None:
        """Wait until no write is in progress."""
        async with self._lock:
            pass
