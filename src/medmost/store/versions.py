"""Versions of mappings: the one people have approved per kind, the one that waits for them, and former ones."""

from __future__ import annotations

from typing import Literal

import msgspec
import orjson

from medmost.store import ledgers
from medmost.store.transaction import Transaction

State = Literal["approved", "waiting", "former"]


class Version(msgspec.Struct, frozen=True):
    """`rule` is what the version means (mapping.version.meaning); no part of it is about a record."""

    kind: str
    hash: str
    rule: bytes
    state: State
    seen_at: float
    decided_by: str


def known(tx: Transaction, state: State) -> dict[str, Version]:
    """The version of each kind that is in this state."""
    query = "SELECT kind, hash, rule, state, seen_at, decided_by FROM mapping_version WHERE state = ?"
    return {row[0]: Version(*row) for row in tx.execute(query, (state,))}


def keep(tx: Transaction, version: Version) -> None:
    """Takes a version down; the one that was in its state before becomes a former one."""
    tx.execute(
        "UPDATE mapping_version SET state = 'former' WHERE kind = ? AND state = ? AND hash != ?",
        (version.kind, version.state, version.hash),
    )
    tx.execute(
        "INSERT INTO mapping_version (kind, hash, rule, state, seen_at, decided_by) VALUES (?,?,?,?,?,?) "
        "ON CONFLICT (kind, hash) DO UPDATE SET rule = excluded.rule, state = excluded.state, "
        "seen_at = excluded.seen_at, decided_by = excluded.decided_by",
        (version.kind, version.hash, version.rule, version.state, version.seen_at, version.decided_by),
    )


def retire(tx: Transaction, kind: str, state: State) -> None:
    tx.execute("UPDATE mapping_version SET state = 'former' WHERE kind = ? AND state = ?", (kind, state))


# ---------------------------------------------------------------- how far the stored records were read again
def read_by(tx: Transaction, kind: str) -> tuple[str, int | None]:
    """The version that the stored records of a kind are being read by, and the last pair done; None: all of them."""
    told = ledgers.setting(tx, f"mapping_read.{kind}")
    if told is None:
        return "", None
    hash_, upto = orjson.loads(told)
    return str(hash_), upto


def set_read_by(tx: Transaction, kind: str, hash_: str, upto: int | None) -> None:
    ledgers.set_setting(tx, f"mapping_read.{kind}", orjson.dumps([hash_, upto]).decode())


def next_pairs(tx: Transaction, kind: str, after: int, limit: int) -> list[int]:
    """Ids of live pairs of a kind, in order."""
    query = "SELECT id FROM pair WHERE kind = ? AND id > ? AND state != 'closed' ORDER BY id LIMIT ?"
    return [row[0] for row in tx.execute(query, (kind, after, limit))]
