"""Show the progress of steps that take a while, in config, options and repair flows."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

SHOWN_AFTER: Final = 0.3
"""Seconds after which progress is shown."""

SHOWN_FOR: Final = 1.0
"""Seconds for which it is shown at least: a browser that receives the end before it listens waits forever."""


class ProgressFlow[ContextT: FlowContext, ResultT: FlowResult[Any, Any]](FlowHandler[ContextT, ResultT, str]):
    """Run work in the background of a flow, and show its progress unless it is done at once."""

    _work: asyncio.Task[None] | None = None

    async def _async_wait_for(
        self, work: Callable[[], Coroutine[Any, Any, None]], step_id: str, next_step_id: str, **placeholders: str
    ) -> ResultT:
        """Start the work and show its progress. The progress step calls this again until the next step follows."""
        if self._work is None:
            started = self.hass.async_create_task(work(), step_id)
            if (await asyncio.wait({started}, timeout=SHOWN_AFTER))[0]:
                self._work = started
                following: ResultT = await getattr(self, f"async_step_{next_step_id}")()
                return following
            self._work = self.hass.async_create_task(_at_least_shown(started), f"{step_id}, shown")
        if self._work.done():
            return self.async_show_progress_done(next_step_id=next_step_id)
        return self.async_show_progress(
            step_id=step_id,
            progress_action=step_id,
            description_placeholders=placeholders,
            progress_task=self._work,
        )

    async def _async_finish_waiting(self) -> None:
        """Raise what the work raised."""
        if self._work is not None:
            work, self._work = self._work, None
            await work


async def _at_least_shown(started: asyncio.Task[None]) -> None:
    """Wait for work whose progress is shown, and until a browser had the time to listen for its end."""
    await asyncio.gather(started, asyncio.sleep(SHOWN_FOR), return_exceptions=True)
    await started
