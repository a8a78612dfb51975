"""Which pair a system's own id belongs to, now and formerly; and tombstones of records we never met."""

from __future__ import annotations

from collections.abc import Sequence

from medmost.store.transaction import Transaction, alone


def find(tx: Transaction, kind: str, side: str, refs: Sequence[str]) -> dict[str, tuple[int | None, int | None]]:
    """ref -> (pair, version of the tombstone of an unknown record)."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for start in range(0, len(refs), 500):
        part = refs[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT ref, pair, gone_version FROM alias WHERE kind = ? AND side = ? AND ref IN ({marks})"  # noqa: S608  # only marks
        found.update((ref, (pair, gone)) for ref, pair, gone in tx.execute(query, (kind, side, *part)))
    return found


def holder(tx: Transaction, kind: str, side: str, ref: str) -> int | None:
    """The pair that this record belongs to. What ended with its pair belongs to nobody: its id may come up again."""
    at = "g_ref" if side == "gosuslugi" else "e_ref"
    ended = f"pair.state = 'closed' AND pair.{at} = alias.ref"
    held = f"alias.kind = ? AND side = ? AND ref = ? AND NOT ({ended})"
    query = f"SELECT pair.id FROM alias JOIN pair ON pair.id = alias.pair WHERE {held}"  # noqa: S608  # one of two columns
    row = tx.execute(query, (kind, side, ref)).fetchone()
    return None if row is None else int(row[0])


def save(tx: Transaction, rows: Sequence[tuple[str, str, str, int | None, int | None]]) -> None:
    """Rows of (kind, side, ref, pair, gone_version)."""
    if rows:
        alone(tx)
    tx.executemany(
        "INSERT INTO alias (kind, side, ref, pair, gone_version) VALUES (?,?,?,?,?) ON CONFLICT (kind, side, ref) "
        "DO UPDATE SET pair = excluded.pair, gone_version = excluded.gone_version",
        rows,
    )


def add_former_keys(tx: Transaction, rows: Sequence[tuple[str, bytes, int]]) -> None:
    if rows:
        alone(tx)
    tx.executemany(
        "INSERT INTO former_key (kind, key_index, pair) VALUES (?,?,?) "
        "ON CONFLICT (kind, key_index) DO UPDATE SET pair = excluded.pair",
        rows,
    )


def former(tx: Transaction, kind: str, keys: Sequence[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT key_index, pair FROM former_key WHERE kind = ? AND key_index IN ({marks})"  # noqa: S608  # only marks
        found.update(tx.execute(query, (kind, *part)).fetchall())
    return found
