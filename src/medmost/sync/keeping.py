"""Keeping house: what has run out is forgotten, and the journal's heads are signed."""

from __future__ import annotations

from medmost.store import journal, ledgers, pairs
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.house import House

INBOX_DAYS = 31


async def keep_house(house: House, database: Database) -> None:
    """Forgets past slots and old webhook ids, a page of them in a transaction."""
    now = house.clock.now()
    forgotten = 1
    while forgotten:
        forgotten = await database.write(lambda tx: _forget_expired(tx, now))
    await database.write(lambda tx: ledgers.forget_inbox(tx, now - INBOX_DAYS * 86400))


async def checkpoint(house: House, database: Database) -> None:
    await database.write(lambda tx: journal.checkpoint(tx, house.cipher, house.clock.now()))


def _forget_expired(tx: Transaction, now: float) -> int:
    ids = pairs.expired(tx, now)
    pairs.delete(tx, ids)
    return len(ids)
