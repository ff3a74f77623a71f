"""New firmware: `system/update/status`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .base import Model
from .fields import epoch_ms


class UpdateState(StrEnum):
    """How far an update is. The names are the gateway's own; what they mean is the seed's."""

    CHECKING = "/clear_update_status"
    """It looks for new firmware: ask again until the state is another."""

    DOWNLOADING = "/download"
    DOWNLOADED = "/update_downloaded"
    """Ready to update."""

    STAGED = "/update_staged"
    SUCCEEDED = "/update_succeeded"

    FAILED = "/update_failed"
    """Failed, or there was nothing to do: the words say which."""

    NO_UPDATE = "/update_unknown"
    """What 21.x says while nothing goes on."""


@dataclass(frozen=True, kw_only=True)
class UpdateInfo(Model):
    """What an update's state is about."""

    status: tuple[str, ...] | None = None
    """`nonactionable` (all is well), `ignoring` (perhaps something may not be interrupted), `error`."""


@dataclass(frozen=True, kw_only=True)
class SystemUpdate(Model):
    """`GET /api/system/update/status`. Seed, `system/update/status`.

    The seed reads its `current_time` of 1422697552910 as April 2018; it is January 2015,
    what a gateway's clock said.
    """

    state: UpdateState | None = None
    info: UpdateInfo | None = None

    version: str | None = None
    """The firmware that runs; 21.39 and later, as `status` prints it."""

    offline_updating: bool | None = None
    """21.39 and later."""

    offline_update_error: str | None = None
    """21.39 and later; empty where there is none."""

    estimated_bytes_per_second: float | None = None
    """Of a download; 21.39 and later, null while there is none."""

    current_time: datetime | None = epoch_ms(compare=False)
    """The gateway's clock."""

    last_status_time: datetime | None = epoch_ms(compare=False)
    """When the state was last told; 21.39 and later."""

    @property
    def words(self) -> tuple[str, ...]:
        """What the state is about, see `UpdateInfo.status`."""
        return (self.info.status if self.info else None) or ()
