"""What SQLite says when the file or disk under it fails, as an error of recovery; our own mistakes stay themselves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from medmost.domain.errors import Fatal, Unusable

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNUSABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


def file_trouble(path: Path, error: BaseException | None) -> Unusable | None:
    """The Unusable for a damaged or unusable file; None where the error is about something else."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without what it was doing
    if code in _DAMAGED:
        return damaged(path)
    if code in _UNUSABLE:
        return Unusable(
            "MM-STATE-WRITE",
            f"База состояния {path.name} не читается или не записывается ({error}): проверьте место на диске и права",
            f"the state database {path.name} cannot be read or written ({error}): check free space and permissions",
        )
    return None


def is_io_error(error: BaseException) -> bool:
    """Whether the disk itself failed, as against a full one or a mistake."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def damaged(path: Path) -> Unusable:
    return Unusable(
        "MM-STATE-DAMAGED",
        f"База состояния {path.name} повреждена: восстановите её командой medmost restore",
        f"the state database {path.name} is damaged: bring it back with medmost restore",
    )


def by_its_own_means() -> Fatal:
    return Fatal(
        "MM-STATE-DUMP",
        "Состояние хранится на сервере PostgreSQL: копируют и возвращают его pg_dump и pg_restore",
        "the state lives on a PostgreSQL server: pg_dump and pg_restore copy it and bring it back",
    )
