"""The tamper-evident journal: one entry per transaction, chained per writer (design §2b; reliability.md §3.9).

An entry says who did what to which pairs; it holds pair ids and codes, never values. The hash of each entry covers
the previous one; a signed checkpoint of all heads stops whole tails from being cut unseen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import rfc8785

from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction

START = bytes(32)
LATEST = 1e18  # later than any entry


def append(tx: Transaction, writer: str, at: float, entry: dict[str, Any], pairs: list[int]) -> None:
    head = tx.execute("SELECT seq, hash FROM journal WHERE writer = ? ORDER BY seq DESC LIMIT 1", (writer,)).fetchone()
    seq, previous = (head[0] + 1, head[1]) if head else (1, START)
    text = rfc8785.dumps({"seq": seq, "at": round(at, 3), "writer": writer, **entry})
    tx.execute(
        "INSERT INTO journal (writer, seq, at, entry, hash) VALUES (?,?,?,?,?)",
        (writer, seq, at, text.decode(), _chain(previous, text)),
    )
    tx.executemany(
        "INSERT INTO journal_pair (pair, writer, seq) VALUES (?,?,?) ON CONFLICT DO NOTHING",
        [(pair, writer, seq) for pair in pairs],
    )


def _chain(previous: bytes, text: bytes) -> bytes:
    return hashlib.sha256(previous + text).digest()


def heads(tx: Transaction) -> dict[str, tuple[int, bytes]]:
    rows = tx.execute("SELECT writer, MAX(seq) FROM journal GROUP BY writer ORDER BY writer").fetchall()
    return {
        writer: (seq, tx.execute("SELECT hash FROM journal WHERE writer = ? AND seq = ?", (writer, seq)).fetchone()[0])
        for writer, seq in rows
    }


def checkpoint(tx: Transaction, cipher: Cipher, at: float) -> None:
    """Signs all heads; written each minute and at a clean stop."""
    told = rfc8785.dumps({writer: [seq, digest.hex()] for writer, (seq, digest) in heads(tx).items()})
    tx.execute(
        "INSERT INTO checkpoint (at, heads, signature) VALUES (?,?,?) ON CONFLICT (at) "
        "DO UPDATE SET heads = excluded.heads, signature = excluded.signature",
        (at, told.decode(), cipher.sign(told)),
    )


def verify(tx: Transaction, cipher: Cipher) -> list[str]:
    """Every break of a chain and every checkpoint that no longer fits, in words; empty means untouched."""
    broken: list[str] = []
    known: dict[tuple[str, int], str] = {}
    last: dict[str, tuple[int, bytes]] = {}
    for writer, seq, entry, digest in tx.execute("SELECT writer, seq, entry, hash FROM journal ORDER BY writer, seq"):
        before_seq, before = last.get(writer, (0, START))
        if seq != before_seq + 1:
            broken.append(f"{writer}: {before_seq + 1}…{seq - 1} missing")
        elif _chain(before, entry.encode()) != digest:
            broken.append(f"{writer}: entry {seq} does not fit its hash")
        last[writer] = (seq, digest)
        known[writer, seq] = digest.hex()
    for at, told, signature in tx.execute("SELECT at, heads, signature FROM checkpoint ORDER BY at"):
        if cipher.sign(told.encode()) != signature:
            broken.append(f"checkpoint {at:.0f}: signature does not fit")
            continue
        broken += [
            f"checkpoint {at:.0f}: {writer} had entry {seq} that is gone or other"
            for writer, (seq, digest) in _heads_of(told)
            if known.get((writer, seq)) != digest
        ]
    return broken


def _heads_of(told: str) -> Iterator[tuple[str, tuple[int, str]]]:
    yield from json.loads(told).items()


def newest(
    tx: Transaction, *, act: str | None = None, actor: str | None = None, before: float | None = None, limit: int = 50
) -> list[str]:
    """Entries of all writers, the newest first; `before`: only older ones."""
    wanted: list[str] = ["at < ?"]
    told: list[float | str] = [before if before is not None else LATEST]
    for name, value in (("act", act), ("actor", actor)):
        if value:
            wanted.append("entry LIKE ? ESCAPE '!'")  # entries are canonical JSON: a member has one spelling
            member = f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}"
            told.append("%" + re.sub(r"([!%_])", r"!\1", member) + "%")
    query = f"SELECT entry FROM journal WHERE {' AND '.join(wanted)} ORDER BY at DESC LIMIT ?"  # noqa: S608  # constants
    return [row[0] for row in tx.execute(query, (*told, limit))]


def story(tx: Transaction, pair: int, limit: int = 200) -> list[str]:
    """The entries that name a pair, oldest first."""
    query = (
        "SELECT entry FROM journal JOIN journal_pair AS named USING (writer, seq) "
        "WHERE named.pair = ? ORDER BY at LIMIT ?"
    )
    return [row[0] for row in tx.execute(query, (pair, limit))]
