"""The state on a PostgreSQL server: any number of processes write to it at the same time.

Units of work may meet there, and three things keep them apart:

* Rows that a unit of work changes are locked when they are read, in id order (`pairs.by_ids`); claims pass by what
  somebody else holds (``SKIP LOCKED``).
* Every writing transaction holds the *roll* together with the others. What rests on a row not being there needs the
  roll for itself (`transaction.alone`); where it cannot be had at once, the work begins anew and waits for it first.
* What meets all the same (deadlock, serialization, a unique key) is rolled back by the server and begins anew.

A COMMIT without an answer is looked up by its transaction id and never repeated unseen.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import SystemRandom

import psycopg
from psycopg import errors

from medmost.store import schema
from medmost.store.database import Database, T, Work
from medmost.store.server import Server, contended, name_lost, server_trouble, unknown_commit
from medmost.store.statements import Statements
from medmost.store.troubles import by_its_own_means

NAMES = 0x6D6564
"""The advisory locks of the names of processes."""
ROLL = 0x6D65646D6F02
"""The advisory lock of all that write."""
TRIES = 12
"""So often a unit of work begins anew because it met another one."""
SAME_KEY_TRIES = 4
"""A key that is still taken then is no meeting: the work itself is wrong."""
PATIENCE = 30.0
"""Seconds that a server may be away, as in a restart, before a unit of work gives up."""
_MET = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable, errors.UniqueViolation)
_chance = SystemRandom().random


class _Anew(Exception):
    """The roll is shared with others just now: begin anew, and alone."""


class PostgresqlDatabase(Database):
    """One writing connection and one that reads, each on its own thread, as beside SQLite; others have theirs."""

    shared = True

    def __init__(self, url: str, password: str | None = None, *, patience: float = PATIENCE) -> None:
        self._writing, self._reading = Server(url, password, self._name_ourselves), Server(url, password)
        self._number: int | None = None
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="state-writer")
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="state-reader")
        self._patience = patience
        self._closing = threading.Event()

    async def open(self) -> PostgresqlDatabase:
        """Migrates the database, and takes a name that no other process has.

        Raises:
            Unusable: the server does not answer, or lets us not in.
            Fatal: the state is newer than this program.
        """
        await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._migrate)
        return self

    def _migrate(self) -> None:
        try:
            schema.upgrade_server(self._writing.connection())
        except psycopg.Error as error:
            raise server_trouble(error) from error

    def _name_ourselves(self, connection: psycopg.Connection) -> None:
        """The lowest number that no process has, as long as the connection lives; the same one after a lost one.

        Raises Unusable where the number is another's by now: what we hold under its name is no longer ours.
        """
        until = time.monotonic() + self._patience
        for number in itertools.count(1) if self._number is None else itertools.repeat(self._number):
            if _value(connection, "SELECT pg_try_advisory_lock(%s, %s::integer)", NAMES, number):
                self._number, self.writer = number, "main" if number == 1 else f"main-{number}"
                return
            if self._number is not None:
                if time.monotonic() > until or self._closing.is_set():
                    raise name_lost(self.writer)
                self._pause(0.2)  # the server has not noticed yet that our former connection is gone

    async def write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._transaction, work)

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._look, work)

    # ---------------------------------------------------------------- writing
    def _transaction(self, work: Work[T]) -> T:
        met, alone = 0, False
        away_until = time.monotonic() + self._patience
        while True:
            try:
                return self._once(work, alone)
            except _Anew:
                alone = True
            except _MET as error:
                met += 1
                if isinstance(error, errors.UniqueViolation) and met == SAME_KEY_TRIES:
                    raise
                if met == TRIES:
                    raise contended(error) from error
                self._pause(0.005 * 2 ** min(met, 7))
            except psycopg.Error as error:
                if not self._writing.lost() or time.monotonic() > away_until or self._closing.is_set():
                    raise server_trouble(error) from error
                self._pause(0.5)

    def _once(self, work: Work[T], alone: bool) -> T:
        """One try. Where it raises, nothing of it is in the database."""
        connection = self._writing.connection()

        def take_roll() -> None:
            if not alone and not _value(connection, "SELECT pg_try_advisory_xact_lock(%s)", ROLL):
                raise _Anew

        try:
            lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
            connection.execute(f"BEGIN; SELECT {lock}({ROLL})", prepare=False)
            result = work(Statements(connection, take_roll))
            mark = _value(connection, "SELECT pg_current_xact_id_if_assigned()::text")
        except BaseException:
            self._writing.roll_back()
            raise
        if self._commit(connection, mark):
            return result
        raise errors.SerializationFailure("the server came back without this transaction")

    def _commit(self, connection: psycopg.Connection, mark: str | None) -> bool:
        """False where the server lost the transaction, so that it may begin anew.

        Raises:
            Unusable: nobody can tell what became of it.
        """
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if not self._writing.lost():
                self._writing.roll_back()
                raise
            return mark is not None and self._looked_up(mark, error)
        return True

    def _looked_up(self, mark: str, lost: psycopg.Error) -> bool:
        """What became of a transaction whose COMMIT had no answer."""
        until = time.monotonic() + self._patience
        while time.monotonic() < until and not self._closing.is_set():
            try:
                state = _value(self._writing.connection(), "SELECT pg_xact_status(%s::xid8)", mark)
            except psycopg.OperationalError:
                self._pause(0.5)
                continue
            except psycopg.Error as error:  # a server that knows nothing of it: another one, or one gone back
                raise unknown_commit(error) from error
            if state in ("committed", "aborted"):
                return state == "committed"
            if state is None:
                break
            self._pause(0.1)  # its server process has not noticed yet that we are gone
        raise unknown_commit(lost) from lost

    # ---------------------------------------------------------------- reading
    def _look(self, work: Work[T]) -> T:
        until = time.monotonic() + self._patience
        while True:
            try:
                connection = self._reading.connection()
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    return work(Statements(connection))
                finally:
                    self._reading.roll_back()
            except psycopg.Error as error:
                if not self._reading.lost() or time.monotonic() > until or self._closing.is_set():
                    raise server_trouble(error) from error
                self._pause(0.5)

    def _pause(self, seconds: float) -> None:
        self._closing.wait(seconds * (0.5 + _chance()))

    # ---------------------------------------------------------------- the end
    async def backup(self, target: Path) -> None:  # noqa: ARG002  # the port's
        raise by_its_own_means()

    async def close(self) -> None:
        self._closing.set()
        loop = asyncio.get_running_loop()
        for thread, server in ((self._reader_thread, self._reading), (self._writer_thread, self._writing)):
            await loop.run_in_executor(thread, server.close)
            thread.shutdown(wait=True)


def _value(connection: psycopg.Connection, query: str, *values: object) -> str | None:
    row = connection.execute(query, values).fetchone()
    return None if row is None else row[0]
