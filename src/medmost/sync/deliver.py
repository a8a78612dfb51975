"""Delivers to one side: claims what is due, sends it, commits the answers as they come in, in batches.

One loop per side. Answers never wait for the slowest request of their batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from medmost.domain.record import Observation, Side
from medmost.queue.embedded import Doorbell
from medmost.store import aliases, deliveries
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.claim import claim
from medmost.sync.feed import Choice, Feed
from medmost.sync.flight import Flight, Kinship, Outcome, fly
from medmost.sync.house import House
from medmost.sync.settle import settle
from medmost.systems.contract import System

log = structlog.get_logger()
IDLE_SECONDS = 1.0  # the sweep: finds due rows though nobody rang


class Deliverer:
    """Brings one side level, as long as rows are due."""

    def __init__(
        self,
        house: House,
        database: Database,
        system: System,
        bell: Doorbell,
        *,
        in_flight: int = 64,
        told: Callable[[list[Outcome]], None] = lambda _: None,
        feed: Feed | None = None,
    ) -> None:
        self.house, self.database, self.system, self.bell = house, database, system, bell
        self.side: Side = system.side
        self.topic = f"deliver.{self.side}"
        self._most = in_flight
        self._told = told
        self._feed = feed
        self._fed = False  # while the feed reads: single passes take what is due straight
        self._flying: set[asyncio.Task[None]] = set()
        self._landed: list[Outcome] = []
        self._settling = asyncio.Lock()
        self._broken: BaseException | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; what is on the wire then is waited for."""
        feeding = None if self._feed is None else asyncio.create_task(self._feed.run(stop))
        self._fed = feeding is not None
        try:
            while not stop.is_set():
                if not await self._turn():
                    await self.bell.wait(self.topic, IDLE_SECONDS)
                if feeding is not None and feeding.done() and not stop.is_set():
                    feeding.result()  # a feed ends with `stop` only; what it raised is a mistake of ours
        finally:
            self._fed = False
            if feeding is not None:
                stop.set()
                await asyncio.wait((feeding,))
        await self.drain_flights()

    async def _turn(self) -> bool:
        """Settles what has landed and claims into free room. False when there was nothing to do."""
        if self._broken is not None:
            raise self._broken
        room = 0 if self.house.resting(self.side) else self._most - len(self._flying)
        landed, flights = await self._commit(room if room * 4 >= self._most else 0)
        for flight in flights:
            task = asyncio.create_task(self._fly(flight))
            self._flying.add(task)
            task.add_done_callback(self._ended)
        if flights or landed or self._landed:  # what landed during the commit is settled by the next one
            return True
        if self._flying:
            await asyncio.wait(self._flying, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            return True
        return False

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A flight never raises; if one does, the program is wrong and must not go on as if nothing were."""
        self._flying.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()

    async def _fly(self, flight: Flight) -> None:
        outcome = await fly(flight, self.system, self._related, self.house.clock.now)
        self._landed.append(outcome)

    async def _related(self, flight: Flight, found: Observation) -> Kinship:
        """Our mark is ours, whatever became of the record. Else unbound or bound to this very pair is ours, and for
        kinds whose keys come free only if it is the same life: a former record of the pair may be there, cancelled.
        """
        bound = await self.database.read(lambda tx: aliases.holder(tx, flight.kind, flight.side, found.ref))
        free = bound in (None, flight.pair)
        if free and found.origin is not None and found.origin == flight.origin:
            return "ours"
        mapping = self.house.mappings[flight.kind]
        if mapping.kind.releases_key and found.doc is not None and flight.doc is not None:
            ours, theirs = (mapping.read(flight.side, doc).fields for doc in (flight.doc, found.doc))
            if mapping.kind.key_released(ours) or mapping.kind.key_released(theirs):
                alike = mapping.kind.key_released(ours) == mapping.kind.key_released(theirs)
                return "ours" if alike and free else "stranger"
        return "ours" if free else "twin"

    async def _commit(self, room: int) -> tuple[bool, list[Flight]]:
        """Answers and new claims in one transaction: half the commits. Whether anything had landed, and the claims."""
        async with self._settling:
            landed, self._landed = self._landed, []
            choice = self._choice(room)
            if not landed and choice is None:
                return False, []
            flights = await self.database.write(partial(self._work, landed=landed, room=room, choice=choice))
            looked = await self._feed.looked() if self._feed is not None and choice is not None else False
            if landed:
                self._told(landed)
                self.bell.ring(self.topic, f"deliver.{self.side.other}")
            return bool(landed) or looked, flights

    def _choice(self, room: int) -> Choice | None:
        """How the next claim chooses; None for no claim."""
        if not room:
            return None
        return self._feed.wanted(room) if self._feed is not None and self._fed else Choice()

    def _work(self, tx: Transaction, landed: list[Outcome], room: int, choice: Choice | None) -> list[Flight]:
        if landed:
            settle(tx, self.house, landed)
        return [] if choice is None else claim(tx, self.house, self.side, room, choice.choose)

    async def drain_flights(self) -> None:
        """Waits for what is on the wire and commits its answers."""
        while self._flying or self._landed:
            if self._flying:
                await asyncio.wait(self._flying)
            await self._commit(0)

    async def until_quiet(self, patience: float = 60.0) -> bool:
        """Delivers until nothing is due; rows that wait are given `patience` seconds. For single passes."""
        deadline = self.house.clock.now() + patience
        while True:
            if await self._turn():
                continue
            wake = await self.database.read(deliveries.next_wake)
            if wake is None or wake > deadline:
                return wake is None
            await asyncio.sleep(max(0.01, min(wake - self.house.clock.now(), 1.0)))
