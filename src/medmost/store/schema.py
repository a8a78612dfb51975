"""Brings a state database to the present schema (Alembic); refuses one that is newer than this program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from medmost.domain.errors import Fatal

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(path: Path) -> None:
    """Runs every migration that `path` lacks.

    Raises:
        Fatal: the database was written by a newer medmost.
    """
    present = revision(path)
    if present is None or present != newest():  # nearly always there is nothing to do, and Alembic takes long to load
        _migrate(path, present)


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


def _migrate(path: Path, present: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise Fatal(
            "MM-STATE-NEWER",
            f"База состояния версии {present} создана более новой программой: обновите medmost",
            f"the state database has revision {present}, written by a newer medmost: update the program",
        )
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
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
        engine.dispose()
