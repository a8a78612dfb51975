"""What a unit of work may do with the state database: the seam that SQLite and PostgreSQL share.

One text of a query serves both engines: values stand for ``?``, an upsert is ``ON CONFLICT``, a truth is 0 or 1.
An `sqlite3.Connection` is one as it stands; PostgreSQL's is `store.postgresql.Statements`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable


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


@runtime_checkable
class Shared(Protocol):
    """A transaction beside which others may be writing."""

    def alone(self) -> None: ...


def alone(tx: Transaction) -> None:
    """Until the end of this transaction nobody else writes.

    Asked for by all that rests on a row *not* being there, which no row lock can hold: a new pair, a new ref or key,
    a new link. An engine that finds others writing begins the unit of work anew (`store.postgresql`).
    """
    if isinstance(tx, Shared):
        tx.alone()
