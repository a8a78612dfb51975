"""One SQLite file, one writing connection on one thread, readers beside it.

System SQLite 3.40 has a WAL bug with several writers, so there is exactly one (design §12). Work is given as plain
functions over a cursor-like transaction: the caller's coroutine waits, the loop goes on.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from medmost.domain.errors import Fatal, Unusable
from medmost.store import schema
from medmost.store.database import Database, T, Work
from medmost.store.troubles import damaged, file_trouble, is_io_error


class SqliteDatabase(Database):
    """Runs units of work. `executor` is the seam: a simulation runs them inline."""

    def __init__(self, path: Path, executor: Executor | None = None) -> None:
        self.path = path
        self._writer_thread = executor or ThreadPoolExecutor(1, thread_name_prefix="state-writer")
        self._reader_thread = executor or ThreadPoolExecutor(1, thread_name_prefix="state-reader")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._failed: Unusable | None = None  # an I/O error of the writer: what the disk holds is not known any more

    async def open(self) -> SqliteDatabase:
        """Migrates the file, checks it, opens it.

        Raises:
            Fatal: the file is damaged or newer than this program.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer_thread, self._named, self._open)
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
            raise damaged(self.path)

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
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raise damaged(self.path)  # the disk failed while it was set, and SQLite stays with what it had
        return connection

    async def write(self, work: Work[T]) -> T:
        """One transaction: commits when `work` returns, rolls back when it raises.

        Raises:
            Unusable: the file is damaged or the disk takes nothing more. After an I/O error every later write
                raises it, too: a sync that failed once must not be believed when it succeeds (facts F6).
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._writer_thread, self._named, self._transaction, work
        )

    def _transaction(self, work: Work[T]) -> T:
        connection = self._open_connection(self._writer)
        if self._failed is not None:
            raise self._failed
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if is_io_error(error):
                self._failed = file_trouble(self.path, error)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    async def read(self, work: Work[T]) -> T:
        """A consistent look that never waits for the writer. Raises Fatal as `write` does."""
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._named, self._look, work)

    def _named(self, run: Callable[..., T], *given: Work[T]) -> T:
        """A failing file gets its name; any other error is a mistake of ours and goes on as it is."""
        try:
            return run(*given)
        except sqlite3.Error as error:
            trouble = file_trouble(self.path, error)
            if trouble is None:
                raise
            raise trouble from error

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
        """A consistent copy by SQLite's own backup, while work goes on. Raises Fatal where none can be written."""

        def copy(connection: sqlite3.Connection) -> None:
            try:
                with closing(sqlite3.connect(target)) as other:
                    connection.backup(other)
            except sqlite3.Error as error:
                raise Fatal(
                    "MM-STATE-BACKUP",
                    f"Копию не удалось записать в {target} ({error})",
                    f"the copy could not be written to {target} ({error})",
                ) from error
            target.chmod(0o600)

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer_thread, copy, self._open_connection(self._writer))

    async def close(self) -> None:
        """Each connection is closed by the thread that uses it: a look under way ends first."""

        def close_reader() -> None:
            if self._reader is not None:
                self._reader.close()
            self._reader = None

        def close_writer() -> None:
            if self._writer is not None:
                self._writer.close()
            self._writer = None

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader_thread, close_reader)
        await loop.run_in_executor(self._writer_thread, close_writer)
        for thread in (self._writer_thread, self._reader_thread):
            thread.shutdown(wait=True)
