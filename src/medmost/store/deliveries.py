"""Delivery rows: "side S is behind for pair P". No payload, at most one per pair and side (design §2.3)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from medmost.store.transaction import Transaction

DUE, IN_FLIGHT, WAITING, AWAITING, DEAD = "due", "in_flight", "waiting", "awaiting_answer", "dead"

LONGEST_WAIT = 7200.0
"""Seconds; no wait of ours is as long (a Retry-After is cut at an hour). A row that seems to wait longer was written
before our clock was set back (I21). It must stay above every wait: a row that is woken at once, and told to wait again,
would ask a struggling system without end."""


class Delivery(msgspec.Struct):
    pair: int
    side: str
    kind: str
    rank: int
    state: str
    token: int
    attempts: int
    first_at: float
    not_before: float
    lease_until: float | None
    reason: str
    correlation: str


COLUMNS = "pair, side, kind, rank, state, token, attempts, first_at, not_before, lease_until, reason, correlation"
_SAVE = (
    f"INSERT INTO delivery ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (pair, side) DO UPDATE SET "  # noqa: S608  # constants
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[2:])
)


def of_pairs(tx: Transaction, pairs: Iterable[int]) -> dict[tuple[int, str], Delivery]:
    found: dict[tuple[int, str], Delivery] = {}
    wanted = sorted(set(pairs))
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        query = f"SELECT {COLUMNS} FROM delivery WHERE pair IN ({','.join('?' * len(part))})"  # noqa: S608  # only marks
        found.update(((row[0], row[1]), Delivery(*row)) for row in tx.execute(query, part))
    return found


def save(tx: Transaction, rows: Iterable[Delivery]) -> None:
    tx.executemany(
        _SAVE,
        [
            (
                row.pair, row.side, row.kind, row.rank, row.state, row.token, row.attempts, row.first_at,
                row.not_before, row.lease_until, row.reason, row.correlation,
            )
            for row in rows
        ],
    )  # fmt: skip


def remove(tx: Transaction, keys: Iterable[tuple[int, str]]) -> None:
    tx.executemany("DELETE FROM delivery WHERE pair = ? AND side = ?", keys)


_AWAKE = (
    "(state IN ('waiting', 'awaiting_answer') AND not_before <= ?) OR (state = 'waiting' AND not_before > ?) OR "
    "(state = 'in_flight' AND (lease_until <= ? OR lease_until > ?))"
)


def any_work(tx: Transaction, side: str, now: float) -> bool:
    """One cheap look: is a row of this side due, or is any row's wait over? Most turns of a deliverer end here."""
    query = (
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM delivery WHERE side = ? AND state = 'due') "  # noqa: S608  # constants
        f"OR EXISTS (SELECT 1 FROM delivery WHERE {_AWAKE})"
    )
    far = now + LONGEST_WAIT
    return tx.execute(query, (side, now, far, now, far)).fetchone() is not None


def wake(tx: Transaction, now: float, limit: int = 1000) -> int:
    """Rows whose wait is over, and rows in flight whose lease has run out, are due again."""
    query = (
        "UPDATE delivery SET state = 'due' WHERE rowid IN (SELECT rowid FROM delivery WHERE "  # noqa: S608  # constants
        f"{_AWAKE} LIMIT ? /*+ FOR UPDATE SKIP LOCKED */)"
    )
    far = now + LONGEST_WAIT
    return tx.execute(query, (now, far, now, far, limit)).rowcount


def clock_set_back(tx: Transaction, seconds: float) -> int:
    """Our own clock was set back by so many seconds: nobody waits longer for that (I21)."""
    query = (
        "UPDATE delivery SET not_before = not_before - ?, lease_until = lease_until - ?, "
        "first_at = first_at - ?, relayed_until = relayed_until - ? WHERE state != 'dead'"
    )
    return tx.execute(query, (seconds,) * 4).rowcount


def first_due(tx: Transaction, side: str, kinds: Iterable[str]) -> tuple[int, str] | None:
    """Rank and kind of what a side is to get first: parents go before their children. None where nothing is due."""
    query = "SELECT rank FROM delivery WHERE side = ? AND state = 'due' AND kind = ? ORDER BY rank LIMIT 1"
    found = ((kind, tx.execute(query, (side, kind)).fetchone()) for kind in kinds)
    return min(((row[0], kind) for kind, row in found if row is not None), default=None)


def claim(
    tx: Transaction, side: str, first: tuple[int, str], *, limit: int, token: int, until: float
) -> list[Delivery]:
    """Takes due rows of one side, of one rank and kind, under a fencing token."""
    rows = tx.execute(
        f"UPDATE delivery SET state = 'in_flight', token = ?, lease_until = ?, attempts = attempts + 1, "  # noqa: S608  # constants
        # Of an engine with row locks both rows are taken, or none, without waiting: who works on the pair goes on.
        "relayed_until = NULL WHERE rowid IN (SELECT owed.rowid FROM delivery AS owed "
        "/*+ JOIN pair ON pair.id = owed.pair */ WHERE owed.side = ? AND owed.state = 'due' AND owed.rank = ? "
        f"AND owed.kind = ? ORDER BY owed.pair LIMIT ? /*+ FOR UPDATE SKIP LOCKED */) RETURNING {COLUMNS}",
        (token, until, side, *first, limit),
    ).fetchall()
    return sorted((Delivery(*row) for row in rows), key=lambda row: row.pair)


def pending(tx: Transaction) -> dict[str, int]:
    found = dict.fromkeys((DUE, IN_FLIGHT, WAITING, AWAITING, DEAD), 0)
    found.update(tx.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state").fetchall())
    return found


def next_wake(tx: Transaction) -> float | None:
    """When the earliest waiting row is due or a lease runs out."""
    row = tx.execute(
        "SELECT MIN(CASE state WHEN 'in_flight' THEN lease_until ELSE not_before END) "
        "FROM delivery WHERE state IN ('waiting', 'in_flight', 'awaiting_answer')"
    ).fetchone()
    return None if row[0] is None else float(row[0])


def release_in_flight(tx: Transaction) -> int:
    """At the start of the only process: whoever held these leases is gone. Unanswered requests stay unanswered."""
    return tx.execute("UPDATE delivery SET state = 'due', lease_until = NULL WHERE state = 'in_flight'").rowcount


def any_waiting_for(tx: Transaction, what: str) -> bool:
    """Does any row wait for a reason that begins so?"""
    query = "SELECT 1 FROM delivery WHERE state = 'waiting' AND substr(reason, 1, ?) = ? LIMIT 1"
    return tx.execute(query, (len(what), what)).fetchone() is not None


def release_waiting(tx: Transaction, side: str, reason: str) -> int:
    """A system is back: what waited only for it is due now."""
    return tx.execute(
        "UPDATE delivery SET state = 'due' WHERE state = 'waiting' AND side = ? AND reason = ?", (side, reason)
    ).rowcount
