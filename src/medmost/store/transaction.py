"""What a unit of work may do with the state database: the seam that SQLite and PostgreSQL share.

One text of a query serves both engines: values stand for ``?``, an upsert is ``ON CONFLICT``, a truth is 0 or 1.
An `sqlite3.Connection` is one as it stands; PostgreSQL's is `store.postgresql.Statements`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol


class Rows(Protocol):
    """The answer to a statement: its rows in order, each a sequence of column values."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement wrote."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """Statements of one transaction. Who gave it commits it or rolls it back."""

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows: ...

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        """The same statement with each row of values; nothing is answered but `rowcount`."""
