"""Alembic's environment. The engine hands its open connection in; there is no ini file."""

from __future__ import annotations

from alembic import context

from medmost.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
