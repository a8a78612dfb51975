"""The state's tables: the migrations make what they say."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from medmost.store import schema
from medmost.store.tables import metadata


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "state.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.db'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        found = sa.inspect(connection)
        for table in metadata.sorted_tables:
            made = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(made) == set(table.columns.keys())
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
            for column in table.columns:
                assert made[column.name]["nullable"] is column.nullable or column.primary_key
            indexes = {one["name"]: one for one in found.get_indexes(table.name)}
            assert set(indexes) == {index.name for index in table.indexes}
            for index in table.indexes:
                made_index = indexes[str(index.name)]
                assert (made_index["column_names"], bool(made_index["unique"])) == (
                    [column.name for column in index.columns], bool(index.unique),
                )  # fmt: skip
                where = index.dialect_options["sqlite"]["where"]
                made_where = made_index.get("dialect_options", {}).get("sqlite_where")
                assert (None if where is None else str(where)) == (None if made_where is None else str(made_where))
    engine.dispose()
