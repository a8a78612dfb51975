"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:

    op.create_table(
        "alias",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("gone_version", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "side", "ref"),
    )
    with op.batch_alter_table("alias", schema=None) as batch_op:
        batch_op.create_index("alias_pair", ["pair"], unique=False)

    op.create_table(
        "books",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("shard", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind", "account", "shard"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("heads", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "conflict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("g_version", sa.BigInteger(), nullable=False),
        sa.Column("e_version", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.create_index(
            "conflict_open",
            ["pair", "field"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index("conflict_state", ["state", "kind"], unique=False)

    op.create_table(
        "credential",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "cursor",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("position", sa.LargeBinary(), nullable=True),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("deletes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind"),
    )
    op.create_table(
        "delivery",
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rank", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("correlation", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "side"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("delivery_due", ["state", "not_before", "rank", "pair"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "former_key",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key_index", sa.LargeBinary(), nullable=False),
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_index"),
    )
    op.create_table(
        "inbox",
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("side", "id"),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("inbox_at", ["at"], unique=False)

    op.create_table(
        "journal",
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "seq"),
    )
    op.create_table(
        "journal_pair",
        sa.Column("pair", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("pair", "writer", "seq"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("token", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "link",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("policy_index", sa.LargeBinary(), nullable=False),
        sa.Column("account_index", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("consent_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.create_index(
            "link_account",
            ["account_index"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
        batch_op.create_index(
            "link_policy",
            ["policy_index"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.create_table(
        "pair",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key_index", sa.LargeBinary(), nullable=True),
        sa.Column("key_live", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_index", sa.LargeBinary(), nullable=True),
        sa.Column("bucket", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("behind", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("row_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("g_ref", sa.String(), nullable=True),
        sa.Column("g_version", sa.BigInteger(), nullable=False),
        sa.Column("g_presence", sa.String(), nullable=False),
        sa.Column("g_seen_at", sa.Float(), nullable=True),
        sa.Column("g_body", sa.LargeBinary(), nullable=True),
        sa.Column("e_ref", sa.String(), nullable=True),
        sa.Column("e_version", sa.BigInteger(), nullable=False),
        sa.Column("e_presence", sa.String(), nullable=False),
        sa.Column("e_seen_at", sa.Float(), nullable=True),
        sa.Column("e_body", sa.LargeBinary(), nullable=True),
        sa.Column("decisions", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.create_index("pair_any_key", ["kind", "key_index"], unique=False)
        batch_op.create_index(
            "pair_expires",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("expires_at is not null"),
            postgresql_where=sa.text("expires_at is not null"),
        )
        batch_op.create_index(
            "pair_key",
            ["kind", "key_index"],
            unique=True,
            sqlite_where=sa.text("key_live = 1"),
            postgresql_where=sa.text("key_live = 1"),
        )
        batch_op.create_index("pair_patient", ["patient_index"], unique=False)
        batch_op.create_index("pair_state", ["kind", "state"], unique=False)

    op.create_table(
        "setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "stage",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("brake", sa.String(), nullable=False),
        sa.Column("paused", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )


def downgrade() -> None:

    op.drop_table("stage")
    op.drop_table("setting")
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.drop_index("pair_state")
        batch_op.drop_index("pair_patient")
        batch_op.drop_index("pair_key", sqlite_where=sa.text("key_live = 1"), postgresql_where=sa.text("key_live = 1"))
        batch_op.drop_index(
            "pair_expires",
            sqlite_where=sa.text("expires_at is not null"),
            postgresql_where=sa.text("expires_at is not null"),
        )
        batch_op.drop_index("pair_any_key")

    op.drop_table("pair")
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.drop_index(
            "link_policy", sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'")
        )
        batch_op.drop_index(
            "link_account", sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'")
        )

    op.drop_table("link")
    op.drop_table("lease")
    op.drop_table("journal_pair")
    op.drop_table("journal")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("inbox_at")

    op.drop_table("inbox")
    op.drop_table("former_key")
    op.drop_table("event")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_due")

    op.drop_table("delivery")
    op.drop_table("cursor")
    op.drop_table("credential")
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.drop_index("conflict_state")
        batch_op.drop_index(
            "conflict_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )

    op.drop_table("conflict")
    op.drop_table("checkpoint")
    op.drop_table("books")
    with op.batch_alter_table("alias", schema=None) as batch_op:
        batch_op.drop_index("alias_pair")

    op.drop_table("alias")
