"""Brings a state database to the present schema (Alembic); refuses one that is newer than this program."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from medmost.domain.errors import Fatal
from medmost.store.troubles import file_trouble

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(path: Path) -> None:
    """Runs every migration that `path` lacks.

    Raises:
        Fatal: the database was written by a newer medmost, is damaged, or cannot be written.
    """
    try:
        _upgrade(path)
    except DBAPIError as error:
        trouble = file_trouble(path, error.orig)
        if trouble is None:
            raise
        raise trouble from error


def _upgrade(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present is not None and present not in known:
            raise Fatal(
                "MM-STATE-NEWER",
                f"База состояния версии {present} создана более новой программой: обновите medmost",
                f"the state database has revision {present}, written by a newer medmost: update the program",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
