"""The state's schema: what a file has, what this program wants, and what happens in between."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from medmost.domain.errors import Fatal
from medmost.store import schema


def test_newest_file_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.newest()


def test_an_empty_place_gets_every_table(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert schema.revision(path) is None
    schema.upgrade(path)
    assert schema.revision(path) == schema.newest()
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT COUNT(*) FROM pair").fetchone() == (0,)


def test_a_newer_state_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    schema.upgrade(path)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Fatal, match="9999") as refused:
        schema.upgrade(path)
    assert refused.value.code == "MM-STATE-NEWER"
    assert schema.revision(path) == "9999"


def test_a_present_state_opens_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    schema.upgrade(path)
    told = "import sys; from pathlib import Path; from medmost.store import schema; schema.upgrade(Path(sys.argv[1])); "
    told += "sys.exit('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told, str(path)], check=False, timeout=30).returncode == 0
