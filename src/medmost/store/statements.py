"""Statements of the house as PostgreSQL takes them. One text serves both engines; what differs is put right here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from medmost.store.transaction import Rows

if TYPE_CHECKING:
    import psycopg

_HINT = re.compile(r"/\*\+(.*?)\*/", re.DOTALL)
_ROWID = re.compile(r"\browid\b")


@lru_cache(4096)
def in_postgresql(query: str, writing: bool) -> str:
    """``?`` becomes ``%s`` and a row's place gets its other name; what stands in ``/*+ … */`` is for row locks.

    SQLite takes those for remarks, and a look that only reads locks nothing.
    """
    if writing:
        query = _HINT.sub(r"\1", query)
    return _ROWID.sub("ctid", query).replace("%", "%%").replace("?", "%s")


class Statements:
    """A transaction on PostgreSQL (`store.transaction.Transaction`)."""

    def __init__(self, connection: psycopg.Connection, alone: Callable[[], None] | None = None) -> None:
        """`alone` makes this the only transaction that writes; None where nothing is written at all."""
        self._connection, self._alone = connection, alone
        self._writing = alone is not None

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        text = in_postgresql(query, self._writing)
        return self._connection.execute(text, values, binary=True)

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        cursor = self._connection.cursor()
        cursor.executemany(in_postgresql(query, self._writing), rows)
        return cursor

    def alone(self) -> None:
        if self._alone is not None:
            self._alone()
