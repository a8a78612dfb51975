"""Our own clock, watched against a steady one: waits are written in wall time, so that they outlive a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from medmost.store import deliveries
from medmost.store.database import Database
from medmost.sync.house import House

log = structlog.get_logger()
CLOCK_STEP = 5.0
"""Seconds by which our wall clock may fall behind the steady one between two looks."""


class OwnClock:
    """A clock that is set back must not prolong any wait (I21)."""

    def __init__(self, house: House, database: Database, told: Callable[[float], None]) -> None:
        self._house, self._database, self._told = house, database, told
        self._seen: tuple[float, float] | None = None  # wall and steady time when last looked

    async def look(self) -> None:
        now, steady = self._house.clock.now(), asyncio.get_running_loop().time()
        was, self._seen = self._seen, (now, steady)
        lost = 0.0 if was is None else (steady - was[1]) - (now - was[0])
        if lost > CLOCK_STEP:
            log.warning("our clock was set back", seconds=round(lost))
            await self._database.write(lambda tx: deliveries.clock_set_back(tx, lost))
            self._told(lost)
