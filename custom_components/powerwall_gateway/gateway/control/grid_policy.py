"""What may flow to and from the grid: written once with a signed request, and read back."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayCertificateError,
    GatewayClockError,
    GatewayError,
    GatewayKeyError,
    GatewayRateLimitError,
    GatewayRefusedError,
)
from ..models import ConfigFile, ExportRule
from .signed_operation import READING_BACK
from .writer import Watch

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

_EXPORT: Final = "site_info.customer_preferred_export_rule"
_NO_CHARGING: Final = "site_info.disallow_charge_from_grid_with_solar_installed"

_NOT_DONE: Final = (
    CommandError,
    GatewayKeyError,
    GatewayClockError,
    GatewayCertificateError,
    GatewayRateLimitError,
    GatewayRefusedError,
)
"""What a write can fail with that is known not to have been stored."""


class GridPolicy:
    """Sets what may be exported, and whether the battery may be charged from the grid."""

    def __init__(self, signed: SignedGateway, *, reading_back: Watch = READING_BACK) -> None:
        self._signed = signed
        self._reading_back = reading_back
        self._turn = asyncio.Lock()

    @property
    def allowed(self) -> bool:
        """Whether it is worth a try: once the gateway has taken the key."""
        return self._signed.verified is True

    async def set_export(self, rule: ExportRule) -> None:
        """Say what may flow to the grid. Raises `CommandError` where the gateway shows something else."""
        await self._set({_EXPORT: rule}, lambda config: config.export_rule is rule)

    async def set_grid_charging(self, *, allowed: bool) -> None:
        """Say whether the battery may be charged from the grid. Raises as `set_export` does."""
        await self._set({_NO_CHARGING: not allowed}, lambda config: config.charges_from_grid is allowed)

    async def _set(self, values: Mapping[str, Any], stands: Callable[[ConfigFile], bool]) -> None:
        async with self._turn:
            if stands(await self._signed.config()):
                return
            try:
                await self._signed.write(values)
            except _NOT_DONE:
                raise
            except GatewayError:
                # What became of it is not known until it is read back.
                if not stands(await self._reading_back.until(self._signed.config, stands)):
                    raise
            if not stands(await self._reading_back.until(self._signed.config, stands)):
                raise CommandError(
                    "the gateway accepted the write and shows something else",
                    reason=CommandFailure.GRID_POLICY_NOT_APPLIED,
                )

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        async with self._turn:
            pass
