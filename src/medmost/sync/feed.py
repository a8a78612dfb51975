"""What a broker handed to this process for one side, until somebody has looked at it.

A reference only says "look": the row is claimed under its lease as without a broker, and the message is acknowledged
after that has been committed. Where the broker is lost, or keeps something to itself, the rows are taken straight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial

import msgspec
import structlog

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.pacing import OUTAGE
from medmost.domain.record import Side
from medmost.queue.contract import Batch, Consumer, Queue
from medmost.queue.embedded import Doorbell
from medmost.store import relaying
from medmost.store.deliveries import Delivery
from medmost.store.transaction import Transaction
from medmost.sync.claim import Choose
from medmost.sync.house import House

log = structlog.get_logger()
TAKE_SECONDS = 1.0
HELD = 200
"""References in hand at most: the others lie where another consumer can have them."""


Take = Callable[[list[int]], list[Delivery]]
LEAST_PAUSE = 0.2
"""Seconds between two tries to reach a broker at least."""


class Held(msgspec.Struct):
    batch: Batch
    left: list[int]


class Choice(msgspec.Struct, frozen=True):
    """How a claim chooses its rows; None takes whatever is due."""

    choose: Choose | None = None


class Feed:
    """One per side and process; `run` beside the deliverer that asks `wanted` and tells `looked`."""

    def __init__(self, house: House, queue: Queue, side: Side, bell: Doorbell) -> None:
        self._house, self._queue, self._side, self._bell = house, queue, side, bell
        self.topic = f"deliver.{side}"
        self.lost = True
        """Until a consumer reads: then everything is taken straight."""
        self._held: deque[Held] = deque()
        self._asked: list[int] = []
        self._rest: set[int] = set()
        self._room = asyncio.Event()
        self._swept = 0.0

    # ------------------------------------------------------------ what the deliverer asks
    def wanted(self, limit: int) -> Choice | None:
        """How the next claim is to choose its rows; None where there is nothing to choose from yet."""
        self._asked = [pair for held in self._held for pair in held.left][: max(limit, 1)]
        if self._asked:
            return Choice(self._choose)
        if self.lost:
            return Choice()
        now = self._house.clock.now()
        if 0 <= now - self._swept < TAKE_SECONDS:
            return None
        self._swept = now
        return Choice(partial(self._sweep, limit=limit))

    def _choose(self, tx: Transaction, kinds: Collection[str], take: Take) -> list[Delivery]:
        """Parents first: what is of a later rank, or locked by somebody, stays in hand for the next claim."""
        due = relaying.still_due(tx, self._side.value, kinds, self._asked)
        first = [pair for rank, pair in due if rank == due[0][0]]
        rows = take(first) if first else []
        self._rest = {pair for _, pair in due} - {row.pair for row in rows}
        return rows

    def _sweep(self, tx: Transaction, kinds: Collection[str], take: Take, *, limit: int) -> list[Delivery]:
        found = relaying.left_over(tx, self._side.value, kinds, now=self._house.clock.now(), limit=limit)
        return take(found) if found else []

    async def looked(self) -> bool:
        """What the last claim chose among is committed: whole messages are acknowledged. False if none was asked for.

        An acknowledgement that fails is no trouble: the message comes again, and the look finds nothing.
        """
        gone, self._asked = set(self._asked) - self._rest, []
        self._rest = set()
        ended = []
        for held in self._held:
            held.left = [pair for pair in held.left if pair not in gone]
        while self._held and not self._held[0].left:
            ended.append(self._held.popleft().batch)
        self._room.set()
        for batch in ended:
            try:
                await batch.ack()
            except Transient as error:
                log.info("not acknowledged: it comes again", topic=self.topic, code=error.code)
        return bool(gone)

    # ------------------------------------------------------------ reading
    async def run(self, stop: asyncio.Event) -> None:
        """Reads until told to stop; opens another consumer whenever one is lost."""
        tries = 0
        while not stop.is_set():
            consumer = None
            try:
                consumer = await self._queue.consume(self.topic)
                self._found()
                tries = 0
                await self._read(consumer, stop)
            except MedmostError as error:
                self._lose(error)
                tries += 1
            finally:
                self._held.clear()  # their messages go to the next consumer
                if consumer is not None:
                    await consumer.close()
            if not stop.is_set():
                await pause(stop, LEAST_PAUSE + OUTAGE.wait(tries, self._house.chance()))

    async def _read(self, consumer: Consumer, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if sum(len(held.left) for held in self._held) >= HELD:
                self._room.clear()
                await self._wait_for_room()
                continue
            batch = await consumer.take(TAKE_SECONDS)
            if batch is not None:
                self._held.append(Held(batch, _unique(batch.refs)))
                self._bell.ring(self.topic)

    async def _wait_for_room(self) -> None:
        try:
            await asyncio.wait_for(self._room.wait(), TAKE_SECONDS)
        except TimeoutError:
            return

    def _found(self) -> None:
        if self.lost:
            log.info("the broker is read", topic=self.topic)
        self.lost = False

    def _lose(self, error: MedmostError) -> None:
        if not self.lost:
            log.warning("the broker is lost: rows are taken straight", topic=self.topic, code=error.code)
        self.lost = True
        self._bell.ring(self.topic)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _unique(refs: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(refs))
