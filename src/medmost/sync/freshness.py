"""How old is what we know? A number per system and kind, and an alarm where it grows though the system answers."""

from __future__ import annotations

from collections.abc import Mapping

from medmost.domain.record import BOTH, Side
from medmost.store import ledgers
from medmost.store.database import Database
from medmost.sync.house import House
from medmost.sync.schedule import Pace

STALE = "MM-STALE"
PROMISE = 900.0
"""Seconds: nothing that a reachable system tells is older (facts/reliability §5.1, G7)."""


class Freshness:
    """`alarm`: seconds beyond the promise, or beyond the longest interval, after which a person is told."""

    def __init__(self, house: House, database: Database, pace: Pace, alarm: float = 300.0) -> None:
        self.house, self.database = house, database
        self.limit = max(PROMISE, 1.1 * pace.most) + alarm
        self.stale: set[tuple[Side, str]] = set()
        self._asked = False

    async def look(self, since: Mapping[Side, float | None]) -> bool:
        """Tells what has grown stale and what is fresh again; whether there was anything to tell.

        `since`: from when on each system has been there to be read; None for one that is away, which has its own alarm.
        """
        passes, stages = await self.database.read(lambda tx: (ledgers.passes(tx), ledgers.stages(tx)))
        now = self.house.clock.now()
        told: list[tuple[str, Side, str]] = []
        for side in BOTH:
            there = since[side]
            for kind in self.house.mappings:
                if there is None or stages.get(kind, ("observe", "", False))[0] == "stopped":
                    continue
                age = now - max(passes.get((side.value, kind)) or 0.0, there)
                was, is_stale = (side, kind) in self.stale, age > self.limit
                if is_stale != was or not (self._asked or is_stale):  # a first look ends what a former process began
                    told.append(("stale" if is_stale else "stale-ok", side, kind))
                (self.stale.add if is_stale else self.stale.discard)((side, kind))
        self._asked = True
        if told:
            await self.database.write(lambda tx: _tell(tx, now, told))
        return bool(told)


def _tell(tx: ledgers.Tx, now: float, told: list[tuple[str, Side, str]]) -> None:
    for what, side, kind in told:
        ledgers.tell(tx, now, what, side.value, kind, STALE)
