"""Life at one system, switched on and off: so many acts of people a second."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

_LOG = logging.getLogger("medmost_stand.life")


class Acting(Protocol):
    """Somebody who does one act of a person at a time (`medmost_stand.life.Life`)."""

    async def act(self) -> None: ...


class Living:
    """`rate` is acts a second; 0 is stillness. An act that fails is logged by its kind of error, life goes on."""

    def __init__(self, life: Acting) -> None:
        self._life = life
        self._task: asyncio.Task[None] | None = None
        self.rate = 0.0
        self.acts = 0
        self.failed = 0

    async def set(self, rate: float) -> None:
        """Changes the rate; returns when no act of the old one is under way."""
        await self.stop()
        self.rate = rate
        if rate > 0:
            self._task = asyncio.create_task(self._live(1 / rate))

    async def stop(self) -> None:
        """Stillness."""
        self.rate = 0.0
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _live(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await self._life.act()
                self.acts += 1
            except Exception as error:  # one strange act must not end life; no values are logged
                self.failed += 1
                _LOG.warning("an act of life failed: %s", type(error).__name__)
            due = max(due + pause, loop.time() - 1)  # a stall is not made up for by a burst
            await asyncio.sleep(max(0.0, due - loop.time()))
