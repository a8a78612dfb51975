"""Which process polls a system, however many there are: they must not multiply its load (reliability §5.3).

Held under a lease that is renewed while a pass goes on, however long it takes.
"""

from __future__ import annotations

from functools import partial

from medmost.domain.record import Side
from medmost.store import leases
from medmost.store.database import Database
from medmost.sync.house import House

LEADS_SECONDS = 180.0
"""A poller leads for so long without a further word; longer than any single call may take."""
RENEWS_SECONDS = LEADS_SECONDS / 3
"""So early that two renewals may come late."""


class Leader:
    """This process's part in polling one system."""

    def __init__(self, house: House, database: Database, side: Side) -> None:
        self._house, self._database, self._name = house, database, f"poll.{side}"
        self._taken: float | None = None

    async def leads(self) -> bool:
        """May this process go on reading? Takes the lease or renews it; asks the state only where it must.

        A clock that was set back counts as a lease that has to be renewed.
        """
        now = self._house.clock.now()
        if self._taken is None or not 0 <= now - self._taken < RENEWS_SECONDS:
            take = partial(leases.take, name=self._name, holder=self._house.writer, now=now, seconds=LEADS_SECONDS)
            self._taken = now if await self._database.write(take) is not None else None
        return self._taken is not None
