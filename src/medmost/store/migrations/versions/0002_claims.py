"""An index that finds due rows of a side without looking at all of them"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("delivery_claim", "delivery", ["side", "state", "kind", "rank", "pair"], unique=False)


def downgrade() -> None:
    op.drop_index("delivery_claim", table_name="delivery")
