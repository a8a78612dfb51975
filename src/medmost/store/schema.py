"""Brings a state database to the present schema (Alembic); refuses one that is newer than this program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from medmost.domain.errors import Fatal

if TYPE_CHECKING:
    import psycopg

MIGRATIONS = Path(__file__).parent / "migrations"
TURN = 0x6D65646D6F01
"""The advisory lock under which one process at a time migrates a PostgreSQL state."""


def upgrade(path: Path) -> None:
    """Runs every migration that `path` lacks.

    Raises:
        Fatal: the database was written by a newer medmost.
    """
    present = revision(path)
    if present is None or present != newest():  # nearly always there is nothing to do, and Alembic takes long to load
        _migrate(f"sqlite:///{path}", present)


def upgrade_server(connection: psycopg.Connection) -> None:
    """The same for a state on PostgreSQL (`connection` commits by itself): all that it lacks, or nothing of it.

    Raises:
        Fatal: the database was written by a newer medmost.
    """
    if server_revision(connection) == newest():
        return
    connection.execute("SELECT pg_advisory_lock(%s)", (TURN,))
    try:
        present = server_revision(connection)  # another process may have been quicker
        if present != newest():
            connection.autocommit = False
            _migrate("postgresql+psycopg://", present, connection)
    finally:
        connection.rollback()
        connection.autocommit = True
        connection.execute("SELECT pg_advisory_unlock(%s)", (TURN,))


def newest() -> str:
    """The revision of this program: files in `versions` are named in order, ``0001_first.py``."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def revision(path: Path) -> str | None:
    """What a database has; None for one that was never migrated. Raises sqlite3.DatabaseError for no database."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path, timeout=30)) as base:
        if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        row = base.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])


def server_revision(connection: psycopg.Connection) -> str | None:
    there = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _migrate(url: str, present: str | None, given: psycopg.Connection | None = None) -> None:
    """`given`: an open connection to work on; who gave it commits."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool, StaticPool

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise Fatal(
            "MM-STATE-NEWER",
            f"База состояния версии {present} создана более новой программой: обновите medmost",
            f"the state database has revision {present}, written by a newer medmost: update the program",
        )
    if given is None:
        engine = create_engine(url, poolclass=NullPool)
    else:
        engine = create_engine(url, poolclass=StaticPool, creator=lambda: given)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):  # a full disk is told of as everywhere else (store.troubles)
            raise error.orig from error
        raise
    finally:
        if given is None:
            engine.dispose()
