"""The book of accepted writes, `GET /stand/effects`: the witness that nothing was done twice or lost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from medmost_stand.clock import moment
from medmost_stand.dialect import Body
from medmost_stand.records import Record
from medmost_stand.storage import Storage


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: a client's id, or "person"; and the idempotency key the call came with, if any."""

    client: str
    key: str | None = None


def digest(body: Body) -> str:
    """SHA-256 of a body with sorted keys, so that equal bodies have equal digests."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Effects:
    """Numbered from 1 without gaps; one line for each accepted write, whatever else it moved."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.last = int(storage.read("SELECT coalesce(max(n), 0) FROM effect")[0][0])

    def add(self, method: str, record: Record, body: Body, actor: Actor, also: Sequence[Record] = ()) -> None:
        """Books one write; `also` are records the system changed as its consequence."""
        self.last += 1
        line = {
            "n": self.last,
            "at": moment(record.stamp).isoformat(timespec="microseconds"),
            "collection": record.collection,
            "id": record.id,
            "version": record.version,
            "method": method,
            "client": actor.client,
            "key": actor.key,
            "body_hash": digest(body),
        }
        if also:
            line["also"] = [{"collection": r.collection, "id": r.id, "version": r.version} for r in also]
        self._storage.write("INSERT INTO effect VALUES (?, ?)", (self.last, orjson.dumps(line)))

    def after(self, number: int) -> list[bytes]:
        """The JSON lines of the effects that follow a number."""
        rows = self._storage.read("SELECT line FROM effect WHERE n > ? ORDER BY n", (number,))
        return [bytes(row[0]) for row in rows]

    def clear(self) -> None:
        """Starts the book anew (`POST /stand/reset`)."""
        self._storage.write("DELETE FROM effect")
        self.last = 0
