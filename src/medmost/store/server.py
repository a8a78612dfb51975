"""A connection to PostgreSQL that is made anew when it was lost, and what the server's errors mean for us."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psycopg
from psycopg import errors

from medmost.domain.errors import Unusable

SETTINGS = {
    "application_name": "medmost",
    "synchronous_commit": "on",
    "statement_timeout": "120s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "120s",
}
"""What is safe (fact sheet *reliability* §1): nothing waits without end, and a commit is on the disk."""
_FULL = (errors.DiskFull, errors.OutOfMemory)


class Server:
    """One connection, on one thread."""

    def __init__(self, url: str, password: str | None, greet: Callable[[psycopg.Connection], None] | None = None):
        """`greet` is told of each new connection."""
        self._url, self._password, self._greet = url, password, greet
        self._connection: psycopg.Connection | None = None

    def connection(self) -> psycopg.Connection:
        """The open connection, or a new one. Raises psycopg.OperationalError where there is none to be had."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            if self._greet is not None:
                self._greet(self._connection)
        return self._connection

    def _connect(self) -> psycopg.Connection:
        given = {} if self._password is None else {"password": self._password}
        connection = psycopg.connect(
            self._url, autocommit=True, connect_timeout=5, keepalives_idle=20, keepalives_interval=5,
            keepalives_count=3, tcp_user_timeout=20000, **given,  # type: ignore[arg-type]  # libpq's own words
        )  # fmt: skip
        try:
            for name, value in SETTINGS.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        except BaseException:
            connection.close()
            raise
        return connection

    def lost(self) -> bool:
        """Whether the connection is gone, as against a statement that was refused."""
        return self._connection is None or self._connection.closed

    def roll_back(self) -> None:
        """Ends the transaction under way without it; a connection that is gone has done so."""
        if self._connection is not None and not self._connection.closed:
            with contextlib.suppress(psycopg.OperationalError):
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def server_trouble(error: psycopg.Error) -> BaseException:
    """The error of recovery for what the server says; a mistake of ours in a statement stays itself."""
    if isinstance(error, _FULL):
        return Unusable(
            "MM-STATE-WRITE",
            f"Сервер PostgreSQL не может записать состояние ({_words(error)}): проверьте место на его диске",
            f"the PostgreSQL server cannot write the state ({_words(error)}): check the free space on its disk",
        )
    if isinstance(error, (psycopg.OperationalError, errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
        return Unusable(
            "MM-STATE-SERVER",
            f"Сервер PostgreSQL не принимает работу ({_words(error)}): проверьте state.url, сервер и права",
            f"the PostgreSQL server takes no work ({_words(error)}): check state.url, the server and our rights there",
        )
    return error


def contended(error: psycopg.Error) -> Unusable:
    return Unusable(
        "MM-STATE-CONTENDED",
        f"Записи состояния слишком долго заняты другими ({_words(error)}): проверьте, кто держит их на сервере",
        f"rows of the state are held by others for too long ({_words(error)}): see who holds them at the server",
    )


def name_lost(name: str) -> Unusable:
    return Unusable(
        "MM-STATE-NAME",
        f"Связь с PostgreSQL прервалась, и имя «{name}» занял другой процесс: запустите medmost снова",
        f"the connection to PostgreSQL was lost and another process is {name} by now: start medmost again",
    )


def unknown_commit(error: psycopg.Error) -> Unusable:
    return Unusable(
        "MM-STATE-COMMIT",
        f"Неизвестно, принял ли сервер PostgreSQL последнюю запись ({_words(error)}): запустите medmost снова",
        f"nobody can tell whether the PostgreSQL server took the last commit ({_words(error)}): start medmost again",
    )


def _words(error: psycopg.Error) -> str:
    """The first line of what it says; further ones may show values."""
    told = str(error).strip().splitlines()
    return told[0] if told else type(error).__name__
