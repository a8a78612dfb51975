"""Reading both systems whole and afresh, both sides at the same time, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from medmost.audit.digest import Digester, Noted
from medmost.audit.standing import bound_refs
from medmost.audit.table import Comparison
from medmost.domain.errors import Transient
from medmost.domain.record import Side
from medmost.store import links
from medmost.store.database import Database
from medmost.sync.house import House
from medmost.systems.contract import Page, System
from medmost.systems.limits import PURPOSE

TRIES = 3
RETRY_SECONDS = 2.0
BOUND_PAGE = 10_000

Told = Callable[[int, int | None], None]
"""Records read so far, and how many there are in all where both systems say so."""


class Reader:
    """Fills a comparison with one kind's records."""

    def __init__(self, house: House, database: Database, systems: Mapping[Side, System], told: Told) -> None:
        self._house, self._database, self._systems, self._told = house, database, systems, told
        self._adding = asyncio.Lock()
        self._read: dict[Side, int] = {}
        self._total: dict[Side, int | None] = {}

    async def fill(self, comparison: Comparison, digester: Digester) -> None:
        """Raises what the systems raise; an outage only after several tries."""
        if digester.kind.releases_key:
            await self._bind(comparison, digester.kind.name)
        try:
            async with asyncio.TaskGroup() as group:
                for side in self._systems:
                    group.create_task(self._side(side, comparison, digester))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _bind(self, comparison: Comparison, kind: str) -> None:
        """Records without a key of their own any more find their other half through the state."""
        after = 0
        while True:
            look = partial(bound_refs, kind=kind, after=after, limit=BOUND_PAGE)
            refs, after = await self._database.read(look)
            await asyncio.to_thread(comparison.bind, refs)
            if not after:
                return

    async def _side(self, side: Side, comparison: Comparison, digester: Digester) -> None:
        for left in reversed(range(TRIES)):
            self._read[side], self._total[side] = 0, None
            try:
                PURPOSE.set("audit")  # this task's calls take the audit's share of the limit
                async for page in self._systems[side].everything(digester.kind.name):
                    noted = await self._noted(page, digester)
                    async with self._adding:
                        await asyncio.to_thread(comparison.add, side, noted)
                    self._count(side, page)
                return
            except Transient as error:  # from the beginning: what came twice counts once
                if not left:
                    raise
                await asyncio.sleep(min(error.retry_after or RETRY_SECONDS, 30.0))

    async def _noted(self, page: Page, digester: Digester) -> list[Noted]:
        kind, now = digester.kind, self._house.clock.now()
        seen = [self._house.understand(one) for one in page.observations]
        linked: set[bytes] = set()
        if kind.personal:
            patients = {one.patient_index for one in seen if one.patient_index}
            linked = await self._database.read(partial(links.linked, patients=patients))
        return [
            digester.note(
                one.observation,
                one.reading,
                readable=not kind.personal or one.patient_index in linked or one.patient_index is None,
                now=now,
            )
            for one in seen
        ]

    def _count(self, side: Side, page: Page) -> None:
        self._read[side] += len(page.observations)
        self._total[side] = page.total
        totals = [self._total.get(each) for each in self._systems]
        known = [total for total in totals if total is not None]
        done = sum(self._read.values())
        self._told(done, max(sum(known), done) if len(known) == len(totals) else None)
