"""Shapes of what systems show, what has drifted from them, codes that no dictionary has"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "shape",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind"),
    )
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("system", "kind", "field", "at", "what", "risk", "moved_to", "formats", "place")
        ),
        sa.Column("found_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("ended_by", sa.String()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "unknown_code",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_at", sa.Float(), nullable=False),
        sa.Column("last_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind", "field", "code"),
    )


def downgrade() -> None:
    for name in ("unknown_code", "drift", "shape"):
        op.drop_table(name)
