"""Who does what only one may do: a row per name, a fencing token that grows with each new holder."""

from __future__ import annotations

from medmost.store.transaction import Transaction


def take(tx: Transaction, name: str, holder: str, now: float, seconds: float) -> int | None:
    """The lease's token for so many seconds from now; None while somebody else holds it."""
    row = tx.execute(
        "INSERT INTO lease (name, holder, until, token) VALUES (?,?,?,1) ON CONFLICT (name) DO UPDATE SET "
        "token = lease.token + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END, "
        "holder = excluded.holder, until = excluded.until "
        "WHERE lease.holder = excluded.holder OR lease.until <= ? RETURNING token",
        (name, holder, now + seconds, now),
    ).fetchone()
    return None if row is None else int(row[0])


def give_up(tx: Transaction, name: str, holder: str) -> None:
    """The next one need not wait for its end."""
    tx.execute("UPDATE lease SET until = 0 WHERE name = ? AND holder = ?", (name, holder))
