"""Who does what only one may do: a row per name, a fencing token that grows with each new holder."""

from __future__ import annotations

from medmost.store.transaction import Transaction


def take(tx: Transaction, name: str, holder: str, now: float, seconds: float) -> int | None:
    """The lease's token for so many seconds from now; None while somebody else holds it."""
    row = tx.execute("SELECT holder, until, token FROM lease WHERE name = ?", (name,)).fetchone()
    if row is not None and row[0] != holder and row[1] > now:
        return None
    token = 1 if row is None else int(row[2]) + (row[0] != holder)
    tx.execute(
        "INSERT INTO lease (name, holder, until, token) VALUES (?,?,?,?) ON CONFLICT (name) "
        "DO UPDATE SET holder = excluded.holder, until = excluded.until, token = excluded.token",
        (name, holder, now + seconds, token),
    )
    return token


def give_up(tx: Transaction, name: str, holder: str) -> None:
    """The next one need not wait for its end."""
    tx.execute("UPDATE lease SET until = 0 WHERE name = ? AND holder = ?", (name, holder))
