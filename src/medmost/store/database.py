"""One SQLite file, one writing connection on one thread, readers beside it.

System SQLite 3.40 has a WAL bug with several writers, so there is exactly one (design §12). Work is given as plain
functions over a cursor-like transaction: the caller's coroutine waits, the loop goes on.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from medmost.domain.errors import Fatal
from medmost.store import schema

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Database:
    """Runs units of work. `executor` is the seam: a simulation runs them inline."""

    def __init__(self, path: Path, executor: Executor | None = None) -> None:
        self.path = path
        self._writer_thread = executor or ThreadPoolExecutor(1, thread_name_prefix="state-writer")
        self._reader_thread = executor or ThreadPoolExecutor(1, thread_name_prefix="state-reader")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    async def open(self) -> Database:
        """Migrates the file, checks it, opens it.

        Raises:
            Fatal: the file is damaged or newer than this program.
        """
        await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._open)
        return self

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        schema.upgrade(self.path)
        if new:
            self.path.chmod(0o600)
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = on")
        verdict = self._writer.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise Fatal(
                "MM-STATE-DAMAGED",
                f"База состояния {self.path.name} повреждена: восстановите её командой medmost restore",
                f"the state database {self.path.name} is damaged: bring it back with medmost restore",
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        for pragma in (
            "journal_mode = wal",
            "synchronous = full",
            "wal_autocheckpoint = 10000",
            "cache_size = -65536",
            "temp_store = memory",
            "secure_delete = on",
        ):
            connection.execute("PRAGMA " + pragma)
        return connection

    async def write(self, work: Work[T]) -> T:
        """One transaction: commits when `work` returns, rolls back when it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._transaction, work)

    def _transaction(self, work: Work[T]) -> T:
        connection = self._open_connection(self._writer)
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    async def read(self, work: Work[T]) -> T:
        """A consistent look that never waits for the writer."""
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._look, work)

    def _look(self, work: Work[T]) -> T:
        connection = self._open_connection(self._reader)
        connection.execute("BEGIN")
        try:
            return work(connection)
        finally:
            connection.execute("ROLLBACK")

    def _open_connection(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is None:
            raise RuntimeError("the state database is not open")
        return connection

    async def backup(self, target: Path) -> None:
        """A consistent copy by SQLite's own backup, taken while work goes on."""

        def copy(connection: sqlite3.Connection) -> None:
            with sqlite3.connect(target) as other:
                connection.backup(other)
            other.close()
            target.chmod(0o600)

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer_thread, copy, self._open_connection(self._writer))

    async def close(self) -> None:
        def close() -> None:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

        await asyncio.get_running_loop().run_in_executor(self._writer_thread, close)
        for thread in (self._writer_thread, self._reader_thread):
            thread.shutdown(wait=True)
