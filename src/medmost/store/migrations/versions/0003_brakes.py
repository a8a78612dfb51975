"""Brakes of several kinds in a table of their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "brake",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("released_at", sa.Float()),
        sa.Column("released_by", sa.String()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "brake_standing",
        "brake",
        ["code", "system", "kind"],
        unique=True,
        sqlite_where=sa.text("released_at is null"),
        postgresql_where=sa.text("released_at is null"),
    )
    op.execute(
        "INSERT INTO brake (code, system, kind, detail, opened_at) "
        "SELECT 'MM-BRAKE-DELETES', '', kind, brake, 0 FROM stage WHERE brake != ''"
    )
    op.drop_column("stage", "brake")
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("cursor", sa.Column("changes", whole, nullable=False, server_default="0"))
    op.add_column("cursor", sa.Column("older", whole, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("cursor", "older")
    op.drop_column("cursor", "changes")
    op.add_column("stage", sa.Column("brake", sa.String(), nullable=False, server_default=""))
    op.drop_index("brake_standing", table_name="brake")
    op.drop_table("brake")
