"""Until when a delivery row is believed to lie in the broker"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("relayed_until", sa.Float()))
    op.create_index(
        "delivery_relayed",
        "delivery",
        ["side", "relayed_until"],
        sqlite_where=sa.text("relayed_until is not null"),
        postgresql_where=sa.text("relayed_until is not null"),
    )


def downgrade() -> None:
    op.drop_index("delivery_relayed", table_name="delivery")
    op.drop_column("delivery", "relayed_until")
