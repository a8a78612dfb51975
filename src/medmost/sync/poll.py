"""Polling: pages of changes go to `absorb`, each together with its cursor (design §2, invariant I4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.record import Observation, Side
from medmost.queue.embedded import Doorbell
from medmost.store import ledgers
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.absorb import absorb_page
from medmost.sync.braking import known_here, whole_reading
from medmost.sync.house import House
from medmost.sync.sealing import quarantine_ref
from medmost.systems.contract import Page, System

READ_PAGE, READ_AT_ONCE = 200, 16
Leads = Callable[[], Awaitable[bool]]
"""May this process go on reading that system? Asked before each page is taken in."""


async def always() -> bool:
    """Nobody else reads."""
    return True


class Passed(msgspec.Struct):
    """One pass over one kind of one system."""

    read: int = 0
    live: int = 0  # of those read, the ones that are no tombstones
    new: int = 0
    error: MedmostError | None = None
    handed_over: bool = False  # another process leads now: the rest is its


class Poller:
    """Reads one system's changes, kind by kind."""

    def __init__(self, house: House, database: Database, system: System, bell: Doorbell) -> None:
        self.house, self.database, self.system, self.bell = house, database, system, bell
        self.side: Side = system.side

    async def one_pass(
        self, kind: str, how: Literal["changes", "everything"] = "changes", leads: Leads = always
    ) -> Passed:
        """One pass. A page that is not what it should be stops it; the cursor stays after the last good page.

        It ends there, too, when this process leads no more: the one that does goes on from that cursor.
        """
        passed = Passed()
        side, now = self.side.value, self.house.clock.now
        await self.database.write(lambda tx: ledgers.begin_pass(tx, side, kind, now()))
        position = await self.database.read(lambda tx: ledgers.cursor(tx, side, kind))
        whole = how == "everything" or position is None
        known = await self.database.read(partial(known_here, side=self.side, kind=kind)) if whole else None
        correlation = self.house.name()
        pages = self.system.changes(kind, position) if how == "changes" else self.system.everything(kind)
        try:
            await self._absorb(kind, pages, passed, f"poll.{how}", correlation, keep=how == "changes", leads=leads)
        except Transient as error:
            passed.error = error
            return passed
        if passed.handed_over:
            return passed
        await self.database.write(partial(self._end_pass, kind=kind, listed=passed.live, known=known))
        return passed

    def _end_pass(self, tx: Transaction, kind: str, listed: int, known: int | None) -> None:
        """`listed`: live records; `known`: those known before a reading from the very beginning, None for another."""
        ledgers.end_pass(tx, self.side.value, kind, self.house.clock.now())
        if known is not None:
            whole_reading(tx, self.house, self.side, kind, listed, known)

    async def _absorb(
        self,
        kind: str,
        pages: AsyncIterator[Page],
        passed: Passed,
        act: str,
        correlation: str,
        *,
        keep: bool,
        leads: Leads,
    ) -> None:
        async for page in pages:
            if not await leads():
                passed.handed_over = True
                return
            seen = [self.house.understand(one) for one in page.observations]
            cursor = (self.side.value, kind, dict(page.cursor)) if keep else None
            new = await self.database.write(
                partial(absorb_page, house=self.house, seen=seen, act=act, correlation=correlation, cursor=cursor)
            )
            passed.read += len(seen)
            passed.live += sum(not one.observation.gone for one in seen)
            passed.new += new
            if new:
                self.bell.ring("deliver.gosuslugi", "deliver.emias")

    async def backlog(self, refs: list[tuple[str, str]]) -> int:
        """Reads single records afresh: what a link has just opened. (kind, ref); a page of them in a transaction."""
        found = 0
        for start in range(0, len(refs), READ_PAGE):
            part = refs[start : start + READ_PAGE]
            reading = asyncio.Semaphore(READ_AT_ONCE)
            told = await asyncio.gather(*(self._read(kind, ref, reading) for kind, ref in part))
            seen = [self.house.understand(observation) for observation in told if observation is not None]
            found += await self.database.write(partial(absorb_page, house=self.house, seen=seen, act="read"))
        if found:
            self.bell.ring("deliver.gosuslugi", "deliver.emias")
        return found

    async def _read(self, kind: str, ref: str, reading: asyncio.Semaphore) -> Observation | None:
        async with reading:
            seen = await self.system.read(kind, ref)
        if seen is not None and seen.ref != ref:  # another record altogether (F29)
            await self.database.write(lambda tx: quarantine_ref(tx, self.house, kind, self.side, ref))
            return None
        return seen
