"""Mode and reserve, as the gateway stores them."""

from contextlib import suppress
from enum import Enum
from math import isfinite
from typing import Final

from ..exceptions import GatewayError, GatewayNotFoundError
from ..models import Operation, OperationMode
from .caller import BaseClient
from .endpoint import Access, endpoint


class _Unsent(Enum):
    """What is left out of a write, which is not the same as null."""

    UNSENT = "unsent"


UNSENT: Final = _Unsent.UNSENT


class OperationApi(BaseClient):
    """The endpoints of the operation."""

    @endpoint("GET", "operation", Access.LOGIN)
    async def operation(self) -> Operation:
        """Read mode and reserve."""
        return await self._read("operation", Operation)

    @endpoint("POST", "operation", Access.INSTALLER, effect=True)
    async def set_operation(
        self, *, mode: OperationMode, reserve_raw: float, max_pv_export_power_kw: float | _Unsent | None = UNSENT
    ) -> Operation | None:
        """Store mode and reserve, both at once. The battery does nothing else until `config_completed` commits it.

        `reserve_raw` is in % on the gateway's own scale, see `raw_from_app`. The limit of
        solar export is in kW, None for no limit; left out, it is not sent.

        Firmware before 1.21 calls the mode by another key, so the status is read first if it
        never was. Gives what the gateway answers, if anything: an echo on 1.15.

        Raises `GatewayRefusedError` with the gateway's words for a mode that it does not take:
        all but self-consumption and backup. A number that can be no reserve or limit raises
        `GatewayError` before anything is sent.
        """
        if not 0 <= reserve_raw <= 100:
            raise GatewayError(
                f"a reserve of {reserve_raw} % is not between 0 and 100: nothing was sent", path="operation"
            )
        if isinstance(max_pv_export_power_kw, float | int) and not isfinite(max_pv_export_power_kw):
            raise GatewayError(f"{max_pv_export_power_kw} kW is no limit: nothing was sent", path="operation")
        if self.capabilities.status is None:
            with suppress(GatewayNotFoundError):
                await self._read_status()
        wanted = {self.capabilities.operation_mode_key: mode, "backup_reserve_percent": reserve_raw}
        if max_pv_export_power_kw is not UNSENT:
            wanted["max_pv_export_power_kW"] = max_pv_export_power_kw
        return await self._send_for("POST", "operation", Operation, wanted)
