"""Cursors, books, settings, credentials, the inbox of webhook ids, stages and events: small tables, small queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from medmost.domain.errors import Fatal
from medmost.store import brakes
from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction, alone

Tx = Transaction
"""A transaction under way, on the writer's thread."""
GOES_ON = 3600.0
"""Seconds for which a pass that was cut off is the same pass as the one that goes on from its cursor."""


# ---------------------------------------------------------------- cursors
def cursor(tx: Transaction, system: str, kind: str) -> dict[str, Any] | None:
    row = tx.execute("SELECT position FROM cursor WHERE system = ? AND kind = ?", (system, kind)).fetchone()
    return orjson.loads(row[0]) if row and row[0] else None


def move_cursor(tx: Transaction, system: str, kind: str, position: dict[str, Any]) -> None:
    """The cursor moves only with its page."""
    tx.execute(
        "INSERT INTO cursor (system, kind, position, deletes, changes, older) VALUES (?,?,?,0,0,0) "
        "ON CONFLICT (system, kind) DO UPDATE SET position = excluded.position",
        (system, kind, orjson.dumps(position)),
    )


class Tally(NamedTuple):
    """What one side showed of one kind since its pass under way began, webhooks and single reads included."""

    deletes: int = 0
    changes: int = 0  # of pairs that were level once
    older: int = 0  # versions before the one we know


def tally(tx: Transaction, system: str, kind: str, more: Tally) -> Tally:
    """Adds `more` and returns the sums."""
    row = tx.execute(
        "INSERT INTO cursor (system, kind, deletes, changes, older) VALUES (?,?,?,?,?) ON CONFLICT (system, kind) "
        "DO UPDATE SET deletes = cursor.deletes + excluded.deletes, changes = cursor.changes + excluded.changes, "
        "older = cursor.older + excluded.older RETURNING deletes, changes, older",
        (system, kind, *more),
    ).fetchone()
    return Tally(*row)


def forget_tally(tx: Transaction, system: str, kind: str) -> None:
    """Counting begins anew; nothing in place of a system or kind means all of them."""
    tx.execute(
        "UPDATE cursor SET deletes = 0, changes = 0, older = 0 WHERE ? IN ('', system) AND ? IN ('', kind)",
        (system, kind),
    )


def begin_pass(tx: Transaction, system: str, kind: str, at: float) -> None:
    """A new pass counts from nothing. One that goes on where the last was cut off, by a fault or a kill, counts on.

    Else many small pieces of one mass delete would each stay below the limit. After `GOES_ON` it is another pass.
    """
    query = "SELECT started_at, finished_at FROM cursor WHERE system = ? AND kind = ?"
    began, ended = tx.execute(query, (system, kind)).fetchone() or (None, None)
    if began is not None and (ended is None or ended < began) and at - GOES_ON <= began <= at:
        return
    tx.execute(
        "INSERT INTO cursor (system, kind, started_at, deletes, changes, older) VALUES (?,?,?,0,0,0) "
        "ON CONFLICT (system, kind) "
        "DO UPDATE SET started_at = excluded.started_at, deletes = 0, changes = 0, older = 0",
        (system, kind, at),
    )


def end_pass(tx: Transaction, system: str, kind: str, at: float) -> None:
    tx.execute("UPDATE cursor SET finished_at = ? WHERE system = ? AND kind = ?", (at, system, kind))


def pass_began(tx: Transaction, system: str, kind: str) -> float:
    """When the last pass began; 0 where there was none."""
    row = tx.execute("SELECT started_at FROM cursor WHERE system = ? AND kind = ?", (system, kind)).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


def passes(tx: Transaction) -> dict[tuple[str, str], float | None]:
    return {(system, kind): at for system, kind, at in tx.execute("SELECT system, kind, finished_at FROM cursor")}


# ---------------------------------------------------------------- books
def enter(tx: Transaction, counts: Iterable[tuple[str, str, str, int]]) -> None:
    """Adds (system, kind, account, count) to the books."""
    tx.executemany(
        "INSERT INTO books (system, kind, account, shard, count) VALUES (?,?,?,0,?) "
        "ON CONFLICT (system, kind, account, shard) DO UPDATE SET count = books.count + excluded.count",
        sorted(counts),  # in one order, so that an engine with row locks cannot deadlock
    )


def books(tx: Transaction) -> dict[tuple[str, str, str], int]:
    query = "SELECT system, kind, account, CAST(SUM(count) AS BIGINT) FROM books GROUP BY system, kind, account"
    return {(system, kind, account): count for system, kind, account, count in tx.execute(query)}


# ---------------------------------------------------------------- settings, credentials
def setting(tx: Transaction, name: str) -> str | None:
    row = tx.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_setting(tx: Transaction, name: str, value: str) -> None:
    tx.execute(
        "INSERT INTO setting (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def recognise(tx: Tx, cipher: Cipher) -> bool:
    """Writes the key's public name into a fresh state, and says whether it was one.

    Raises Fatal when the state was made with another key.

    Without this look a wrong key would go on unseen: its blind indexes find nothing, so every record would be new.
    """
    known = setting(tx, "kid")
    if known is None:
        alone(tx)
        set_setting(tx, "kid", cipher.kid.hex())
        return True
    if known != cipher.kid.hex():
        raise Fatal(
            "MM-KEY-OTHER",
            "База состояния зашифрована другим ключом: верните прежний файл ключа (state.key)",
            "the state is sealed with another key: bring back the former key file (state.key)",
        )
    return False


def count_up(tx: Transaction, name: str) -> int:
    """A number that never repeats: fencing tokens."""
    tx.execute(
        "INSERT INTO setting (name, value) VALUES (?, '1') ON CONFLICT (name) "
        "DO UPDATE SET value = CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT)",
        (name,),
    )
    return int(setting(tx, name) or 0)


def credential(tx: Transaction, cipher: Cipher, name: str) -> bytes | None:
    row = tx.execute("SELECT body FROM credential WHERE name = ?", (name,)).fetchone()
    return cipher.open("credential", name, None, row[0]) if row else None


def set_credential(tx: Transaction, cipher: Cipher, name: str, body: bytes | None) -> None:
    """Keeps the newest secret of that name; None forgets it."""
    if body is None:
        tx.execute("DELETE FROM credential WHERE name = ?", (name,))
        return
    tx.execute(
        "INSERT INTO credential (name, body) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (name, cipher.seal("credential", name, None, body)),
    )


# ---------------------------------------------------------------- webhook inbox
def first_time(tx: Transaction, side: str, id_: str, at: float) -> bool:
    """Remembers a webhook's id; False when it has been here before."""
    query = "INSERT INTO inbox (side, id, at) VALUES (?,?,?) ON CONFLICT DO NOTHING"
    return tx.execute(query, (side, id_, at)).rowcount == 1


def forget_inbox(tx: Transaction, before: float) -> int:
    return tx.execute("DELETE FROM inbox WHERE at < ?", (before,)).rowcount


# ---------------------------------------------------------------- stages
def stages(tx: Transaction) -> dict[str, tuple[str, str, bool]]:
    """kind -> (stage, why it is held, paused by a person)."""
    held = brakes.why(tx)
    everything = held.get(brakes.EVERYTHING, "")
    return {
        kind: (stage, ", ".join(filter(None, (held.get(kind), everything))), bool(paused))
        for kind, stage, paused in tx.execute("SELECT kind, stage, paused FROM stage").fetchall()
    }


def set_stage(tx: Transaction, kind: str, stage: str) -> None:
    tx.execute(
        "INSERT INTO stage (kind, stage, paused) VALUES (?,?,0) "
        "ON CONFLICT (kind) DO UPDATE SET stage = excluded.stage",
        (kind, stage),
    )


def set_paused(tx: Transaction, kind: str, paused: bool) -> None:
    tx.execute("UPDATE stage SET paused = ? WHERE kind = ?", (int(paused), kind))


# ---------------------------------------------------------------- events for the notices
def tell(tx: Transaction, at: float, event: str, system: str = "", kind: str = "", code: str = "") -> None:
    tx.execute("INSERT INTO event (at, event, system, kind, code) VALUES (?,?,?,?,?)", (at, event, system, kind, code))


def events_after(tx: Transaction, after: int, limit: int = 500) -> list[tuple[int, float, str, str, str, str]]:
    query = "SELECT id, at, event, system, kind, code FROM event WHERE id > ? ORDER BY id LIMIT ?"
    return tx.execute(query, (after, limit)).fetchall()


def forget_events(tx: Transaction, ids: Iterable[int]) -> None:
    """Exactly those that were told: one with a lower id may have been committed since."""
    tx.executemany("DELETE FROM event WHERE id = ?", [(id_,) for id_ in ids])
