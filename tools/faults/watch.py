"""Which entities of a side show something, and since when they do not."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Self

from tools.benchmarks.facts import NO_VALUE, Shown
from tools.benchmarks.sides import Side


class Watch:
    """Hears of every state of one integration's entities."""

    def __init__(self, entities: Iterable[Shown]) -> None:
        self.entities = {entity.entity_id: entity for entity in entities}
        self.normal: frozenset[str] = frozenset()
        """Those that showed something when it last began."""

        self.hidden: dict[str, float] = {}
        """Those of them that did not since then, and when that was first so (`time.monotonic()`)."""

        self.whole_at = 0.0
        """When the last of them was back, or it began."""

        self._shows: set[str] = set()
        self._heard = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, side: Side, still: float) -> AsyncIterator[Self]:
        """Listen to a side's entities, when there have been no more of them for so many seconds."""
        watch = cls(entity for entity in await side.wait_for_entities(still) if entity.on_by_default)
        async with side.api.websocket() as home, asyncio.TaskGroup() as group:
            changes = await home.subscribe("subscribe_events", event_type="state_changed")
            for state in (await side.api.states()).values():
                watch.hear(state.entity_id, state.state)
            listening = group.create_task(watch._listen(changes))
            yield watch
            listening.cancel()

    async def _listen(self, changes: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            change = (await changes.get())["data"]
            state = change["new_state"]
            self.hear(change["entity_id"], None if state is None else state["state"])

    def begin(self) -> None:
        """Take what is shown now for normal."""
        self.normal = frozenset(self._shows)
        self.hidden = {}
        self.whole_at = monotonic()

    def hear(self, entity_id: str, state: str | None) -> None:
        """Take what an entity says now; None for one that is gone."""
        if entity_id not in self.entities:
            return
        whole = self.normal <= self._shows
        if state is None or state in NO_VALUE:
            self._shows.discard(entity_id)
            if entity_id in self.normal:
                self.hidden.setdefault(entity_id, monotonic())
        else:
            self._shows.add(entity_id)
        if not whole and self.normal <= self._shows:
            self.whole_at = monotonic()
        self._heard.set()

    async def is_whole(self, limit: float) -> bool:
        """Wait until all that showed something do so again, for at most so many seconds."""
        try:
            async with asyncio.timeout(limit):
                while not self.normal <= self._shows:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return False
        return True
