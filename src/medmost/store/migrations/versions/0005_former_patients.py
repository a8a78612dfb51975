"""Former policy numbers of a person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "former_patient",
        sa.Column("patient_index", sa.LargeBinary(), nullable=False),
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("patient_index", "pair"),
    )
    op.create_index("former_patient_pair", "former_patient", ["pair"])


def downgrade() -> None:
    op.drop_index("former_patient_pair", table_name="former_patient")
    op.drop_table("former_patient")
