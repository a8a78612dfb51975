"""Which due rows lie in the broker, and which of them are taken straight because it keeps silent.

A row is in the broker while it is due and `relayed_until` lies ahead. Whoever claims it clears the mark, so that it is
published anew when it falls due again. Rows are found by their state, never by "number greater than the last one": a
transaction that began earlier may commit later (reliability §1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medmost.store.deliveries import COLUMNS, Delivery
from medmost.store.transaction import Transaction

GRACE_SECONDS = 5.0
"""A row that nobody published for so long is taken straight: there is no relay, or no broker to relay to."""
RELAY_SECONDS = 30.0
"""What is still due after so long in the broker is published again."""
OVERDUE_SECONDS = 3 * RELAY_SECONDS
"""A row due for so long is taken straight, though the broker confirmed it again and again."""


def mark(tx: Transaction, side: str, kinds: Iterable[str], *, now: float, most: int) -> list[int]:
    """Pairs to be published, marked as being in the broker: parents before children, at most `most` at a time there."""
    room = most - in_broker(tx, side, now)
    chosen: list[int] = []
    for kind in kinds:
        if room <= len(chosen):
            break
        due = "state = 'due' AND side = ? AND kind = ? AND (relayed_until IS NULL OR relayed_until <= ?)"
        query = (
            f"UPDATE delivery SET relayed_until = ? WHERE {due} AND pair IN "  # noqa: S608  # constants
            f"(SELECT pair FROM delivery WHERE {due} ORDER BY rank, pair LIMIT ?) RETURNING pair"
        )
        values = (now + RELAY_SECONDS, side, kind, now, side, kind, now, room - len(chosen))
        chosen += sorted(row[0] for row in tx.execute(query, values).fetchall())
    return chosen


def unmark(tx: Transaction, side: str, pairs: Sequence[int]) -> None:
    """They did not get there."""
    tx.executemany(
        "UPDATE delivery SET relayed_until = NULL WHERE pair = ? AND side = ?", [(pair, side) for pair in pairs]
    )


def in_broker(tx: Transaction, side: str, now: float) -> int:
    query = "SELECT COUNT(*) FROM delivery WHERE side = ? AND relayed_until > ? AND state = 'due'"
    return int(tx.execute(query, (side, now)).fetchone()[0])


def to_publish(tx: Transaction, side: str, kinds: Iterable[str], now: float) -> bool:
    """Is there anything that `mark` would choose, or rows whose wait is over?"""
    query = (
        "SELECT 1 FROM delivery WHERE side = ? AND state = 'due' AND kind = ? AND "
        "(relayed_until IS NULL OR relayed_until <= ?) LIMIT 1"
    )
    if any(tx.execute(query, (side, kind, now)).fetchone() for kind in kinds):
        return True
    waits = "SELECT 1 FROM delivery WHERE state IN ('waiting', 'awaiting_answer') AND not_before <= ? LIMIT 1"
    return tx.execute(waits, (now,)).fetchone() is not None


def still_due(tx: Transaction, side: str, kinds: Iterable[str], pairs: Sequence[int]) -> list[tuple[int, int]]:
    """Rank and pair of those that this side is behind for now, parents first. A doubled or old reference names none."""
    names = list(kinds)
    if not names or not pairs:
        return []
    query = (
        "SELECT rank, pair FROM delivery WHERE state = 'due' AND side = ? "  # noqa: S608  # only marks
        f"AND kind IN ({_marks(names)}) AND pair IN ({_marks(pairs)}) ORDER BY rank, pair"
    )
    return [(row[0], row[1]) for row in tx.execute(query, (side, *names, *pairs)).fetchall()]


def left_over(tx: Transaction, side: str, kinds: Iterable[str], *, now: float, limit: int) -> list[int]:
    """Due rows that the broker has nothing to do with, or kept too long."""
    query = (
        "SELECT pair FROM delivery WHERE state = 'due' AND side = ? AND kind = ? AND "
        "((relayed_until IS NULL AND not_before <= ?) OR not_before <= ?) ORDER BY rank, pair LIMIT ?"
    )
    for kind in kinds:
        found = tx.execute(query, (side, kind, now - GRACE_SECONDS, now - OVERDUE_SECONDS, limit)).fetchall()
        if found:
            return [row[0] for row in found]
    return []


def take(tx: Transaction, side: str, pairs: Sequence[int], *, token: int, until: float) -> list[Delivery]:
    """Claims due rows of these pairs under a fencing token, as `deliveries.claim` does; not one that is locked."""
    rows = tx.execute(
        "UPDATE delivery SET state = 'in_flight', token = ?, lease_until = ?, attempts = attempts + 1, "  # noqa: S608  # constants and marks
        "relayed_until = NULL WHERE state = 'due' AND side = ? AND pair IN (SELECT owed.pair FROM delivery AS owed "
        f"/*+ JOIN pair ON pair.id = owed.pair */ WHERE owed.side = ? AND owed.pair IN ({_marks(pairs)}) "
        f"AND owed.state = 'due' ORDER BY owed.pair /*+ FOR UPDATE SKIP LOCKED */) RETURNING {COLUMNS}",
        (token, until, side, side, *pairs),
    ).fetchall()
    return sorted((Delivery(*row) for row in rows), key=lambda row: row.pair)


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
