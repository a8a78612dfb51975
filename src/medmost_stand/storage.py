"""One system's SQLite file: what is kept over a stop, written in groups before answers leave."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
  collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, stamp INTEGER NOT NULL,
  origin TEXT, deleted INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (collection, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effect (n INTEGER PRIMARY KEY, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answer (
  client TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, at REAL NOT NULL,
  status INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscription (
  id TEXT PRIMARY KEY, client TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
  collections BLOB NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
  id TEXT PRIMARY KEY, subscription TEXT NOT NULL, collection TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS file (
  owner TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (owner, kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
TABLES = ("record", "effect", "answer", "subscription", "outbox", "file", "meta")


class Storage:
    """A queue of statements in front of one SQLite connection.

    Whoever has written awaits `committed()` before answering: all that was queued in one turn of the event
    loop shares a transaction. With `durable` the file survives a killed process (WAL, synchronous=NORMAL).
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(f"PRAGMA synchronous={'NORMAL' if durable else 'OFF'}")
        self._connection.executescript(_SCHEMA)
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._waiting: list[asyncio.Future[None]] = []

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Queues one statement for the transaction of this turn."""
        self._pending.append((sql, values))

    def put_meta(self, name: str, value: bytes) -> None:
        """Queues a named value."""
        self.write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def meta(self, name: str) -> bytes | None:
        """A named value; None if it was never put."""
        rows = self.read("SELECT value FROM meta WHERE name = ?", (name,))
        return bytes(rows[0][0]) if rows else None

    async def committed(self) -> None:
        """Returns when everything queued so far is in the file; raises what SQLite raised."""
        if not self._pending:
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit_group)
        written = loop.create_future()
        self._waiting.append(written)
        await written

    def _commit_group(self) -> None:
        waiting, self._waiting = self._waiting, []
        failure: sqlite3.Error | None = None
        try:
            self.flush()
        except sqlite3.Error as error:
            failure = error
        for written in waiting:
            if written.done():
                continue  # its call was given up meanwhile
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)

    def flush(self) -> None:
        """Commits the queue now."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        execute = self._connection.execute
        execute("BEGIN")
        try:
            for sql, values in pending:
                execute(sql, values)
        except sqlite3.Error:
            execute("ROLLBACK")
            raise
        execute("COMMIT")

    def fill(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Writes many rows in a transaction of their own."""
        self.flush()
        self._connection.execute("BEGIN")
        self._connection.executemany(sql, rows)
        self._connection.execute("COMMIT")

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query, including what is still queued."""
        self.flush()
        return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Commits what is queued and closes the file."""
        self.flush()
        self._connection.close()
