"""A whole state out of an SQLite file into an empty PostgreSQL database: in one transaction, compared, or not."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Table

from medmost.domain.errors import Fatal
from medmost.store import schema
from medmost.store.server import Server, server_trouble
from medmost.store.tables import metadata

_COPIED = {"FLOAT": "float8", "VARCHAR": "text", "BYTEA": "bytea", "BIGINT": "int8"}
_SIZE = (1 << 64) - 1


def move(source: Path, url: str, password: str | None, told: Callable[[str, int], None]) -> dict[str, int]:
    """Rows moved per table; `told` hears of each table that is done.

    The source is only read: nothing may write to it meanwhile. Both sides are digested as they hold the rows, after
    all of them are written, and before the commit.

    Raises:
        Fatal: the target is not empty, or what it holds differs from the source.
        Unusable: the server takes no work.
    """
    schema.upgrade(source)
    server = Server(url, password)
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as file:
            connection = server.connection()
            schema.upgrade_server(connection)
            with connection.transaction():
                return {table.name: _move_table(file, connection, table, told) for table in metadata.sorted_tables}
    except psycopg.Error as error:
        raise server_trouble(error) from error
    finally:
        server.close()


def _move_table(
    file: sqlite3.Connection, connection: psycopg.Connection, table: Table, told: Callable[[str, int], None]
) -> int:
    names = ", ".join(column.name for column in table.columns)
    chosen = f"SELECT {names} FROM {table.name}"  # noqa: S608  # the schema's own names
    connection.execute(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
    if connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() is not None:  # noqa: S608  # its own names
        raise _unlike(table.name, "не пуста", "is not empty")
    kinds = [column.type.compile(connection_dialect()) for column in table.columns]
    with connection.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_COPIED[kind] for kind in kinds])
        for row in file.execute(chosen):
            copy.write_row([_given(value, kind) for value, kind in zip(row, kinds, strict=True)])
    before = _digest(_given_row(row, kinds) for row in file.execute(chosen))
    with connection.cursor(f"moved_{table.name}", binary=True) as cursor:
        cursor.itersize = 5000
        after = _digest(cursor.execute(chosen))
    if before != after:
        raise _unlike(table.name, "прочитана не такой, как в файле", "does not read as it does in the file")
    for column in table.columns:
        if column.autoincrement is True:
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608  # its own names
                f"GREATEST((SELECT COALESCE(MAX({column.name}), 0) FROM {table.name}), 1))"
            )
    told(table.name, before[0])
    return before[0]


def connection_dialect() -> Any:
    from sqlalchemy.dialects import postgresql

    return postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are untyped


def _given(value: Any, kind: str) -> Any:
    """SQLite keeps a whole number in a column of fractions, and a number in one of texts, where it was given one."""
    if value is None:
        return None
    if kind == "FLOAT":
        return float(value)
    if kind == "VARCHAR":
        return value if isinstance(value, str) else str(value)
    if kind == "BYTEA" and isinstance(value, str):
        return value.encode()
    return value


def _given_row(row: Iterable[Any], kinds: list[str]) -> tuple[Any, ...]:
    return tuple(_given(value, kind) for value, kind in zip(row, kinds, strict=True))


def _digest(rows: Iterable[Any]) -> tuple[int, int]:
    """How many, and a sum over the digests of all rows: their order does not matter."""
    number = total = 0
    for row in rows:
        number += 1
        one = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=8).digest()
        total = (total + int.from_bytes(one)) & _SIZE
    return number, total


def _unlike(table: str, ru: str, en: str) -> Fatal:
    return Fatal(
        "MM-STATE-MOVE",
        f"Состояние не перенесено: таблица {table} в новой базе {ru}",
        f"the state was not moved: table {table} of the new database {en}",
    )
