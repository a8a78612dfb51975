"""From the state database to the broker: due rows are published as references, and again when they lie there too long.

A row is marked in one transaction, published after it, and unmarked when the broker did not confirm. Killed in between,
the mark runs out and the row is published again; what was published twice is looked at twice. However long the backlog,
only so much of it lies in the broker: the rest waits in its rows.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from medmost.domain.errors import MedmostError, Unusable
from medmost.domain.pacing import OUTAGE
from medmost.domain.record import BOTH, Side
from medmost.queue.contract import Queue
from medmost.queue.embedded import Doorbell
from medmost.store import deliveries, ledgers, relaying
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.feed import LEAST_PAUSE, pause
from medmost.sync.house import House
from medmost.sync.stages import open_kinds

log = structlog.get_logger()
WINDOW = 2000
"""References of one side in the broker at a time."""
IDLE_SECONDS = 0.5
"""A relay looks this often, though nobody in its own process rang."""


class Relay:
    """Publishes for both sides; any number of processes may do it at once."""

    def __init__(self, house: House, database: Database, queue: Queue, bell: Doorbell) -> None:
        self._house, self._database, self._queue, self._bell = house, database, queue, bell
        self.trouble: dict[Side, MedmostError | None] = dict.fromkeys(BOTH)
        for side in BOTH:
            bell.also(f"deliver.{side}", f"relay.{side}")

    def status(self) -> dict[str, str | None]:
        """The broker, and the code of what is wrong with it."""
        codes = [error.code for error in self.trouble.values() if error is not None]
        return {"broker": self._queue.name, "code": min(codes, default=None)}

    async def run(self, stop: asyncio.Event) -> None:
        await asyncio.gather(*(self._loop(side, stop) for side in BOTH))

    async def _loop(self, side: Side, stop: asyncio.Event) -> None:
        tries = 0
        while not stop.is_set():
            try:
                moved = await self.turn(side)
            except Unusable:
                raise
            except MedmostError as error:
                tries += 1
                if self.trouble[side] is None:
                    log.warning("the broker takes nothing", side=side.value, code=error.code)
                self.trouble[side] = error
                self._bell.ring(f"deliver.{side}")
                await pause(stop, LEAST_PAUSE + OUTAGE.wait(tries, self._house.chance()))
                continue
            if not moved:
                await self._bell.wait(f"relay.{side}", IDLE_SECONDS)
            elif self.trouble[side] is not None:
                log.info("the broker takes references again", side=side.value)
                self.trouble[side], tries = None, 0

    async def turn(self, side: Side) -> int:
        """Publishes what is due and not there yet; how many. Raises Transient: those rows are not marked any more."""
        if self._house.resting(side) or not await self._database.read(partial(self._any, side=side)):
            return 0
        await self._queue.prepare()  # a broker that is lost costs no marks
        pairs = await self._database.write(partial(self._mark, side=side))
        if pairs:
            try:
                await self._queue.publish(f"deliver.{side}", pairs)
            except MedmostError:
                await self._database.write(partial(relaying.unmark, side=side.value, pairs=pairs))
                raise
        return len(pairs)

    def _any(self, tx: Transaction, side: Side) -> bool:
        return relaying.to_publish(tx, side.value, self._kinds(tx), self._house.clock.now())

    def _mark(self, tx: Transaction, side: Side) -> list[int]:
        now = self._house.clock.now()
        deliveries.wake(tx, now)
        return relaying.mark(tx, side.value, self._kinds(tx), now=now, most=WINDOW)

    def _kinds(self, tx: Transaction) -> dict[str, int]:
        return open_kinds(ledgers.stages(tx), self._house.mappings)
