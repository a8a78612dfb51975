"""The state database. SQLite and PostgreSQL share these names and keys (design §2b).

Bodies are encrypted blobs (`cipher.py`); what stands in the clear is references, versions, states and keyed digests.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

metadata = MetaData()

WHOLE = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite knows one kind of whole numbers, and a key of it only by the name INTEGER; ids outgrow PostgreSQL's."""


def _side(prefix: str) -> list[Column]:  # type: ignore[type-arg]  # Column's parameter differs per column
    return [
        Column(f"{prefix}_ref", String),
        Column(f"{prefix}_version", BigInteger, nullable=False, default=-1),
        Column(f"{prefix}_presence", String, nullable=False, default="never"),
        Column(f"{prefix}_seen_at", Float),
        Column(f"{prefix}_body", LargeBinary),  # wire document, now, settled, sent, late: encrypted
    ]


pair = Table(
    "pair",
    metadata,
    # Sequential on purpose: neighbouring writes share pages (facts/limits.md, pitfall 6).
    Column("id", WHOLE, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("key_index", LargeBinary),  # blind index of the natural key
    Column("key_live", WHOLE, nullable=False, default=0),  # 0: held, closed or the key was given up
    Column("patient_index", LargeBinary),  # blind index of the patient's policy number
    Column("bucket", WHOLE, nullable=False, default=0),  # stable share of 10 000 for roll-out
    Column("state", String, nullable=False),
    Column("behind", String, nullable=False, default=""),  # G, E, GE or nothing
    Column("expires_at", Float),  # slots: when it may be forgotten
    Column("row_version", WHOLE, nullable=False, default=0),
    *_side("g"),
    *_side("e"),
    Column("decisions", LargeBinary),  # holds, refusals, decisions, doubts: encrypted
    Index(
        "pair_key",
        "kind",
        "key_index",
        unique=True,
        sqlite_where=text("key_live = 1"),
        postgresql_where=text("key_live = 1"),
    ),
    Index("pair_any_key", "kind", "key_index"),
    Index("pair_patient", "patient_index"),
    Index("pair_state", "kind", "state"),
    Index(
        "pair_expires",
        "expires_at",
        sqlite_where=text("expires_at is not null"),
        postgresql_where=text("expires_at is not null"),
    ),
)

alias = Table(
    "alias",
    metadata,
    Column("kind", String, nullable=False),
    Column("side", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("pair", WHOLE),  # null: the tombstone of a record we never met
    Column("gone_version", BigInteger),
    PrimaryKeyConstraint("kind", "side", "ref"),
    Index("alias_pair", "pair"),
)

former_key = Table(
    "former_key",
    metadata,
    Column("kind", String, nullable=False),
    Column("key_index", LargeBinary, nullable=False),
    Column("pair", WHOLE, nullable=False),
    PrimaryKeyConstraint("kind", "key_index"),
)

former_patient = Table(
    "former_patient",
    metadata,
    Column("patient_index", LargeBinary, nullable=False),  # blind index of a number that a policy had once
    Column("pair", WHOLE, nullable=False),  # the policy's
    PrimaryKeyConstraint("patient_index", "pair"),
    Index("former_patient_pair", "pair"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("pair", WHOLE, nullable=False),
    Column("side", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("rank", WHOLE, nullable=False),  # parents before children
    Column("state", String, nullable=False),  # due, in_flight, waiting, awaiting_answer, dead
    Column("token", WHOLE, nullable=False, default=0),
    Column("lease_until", Float),
    Column("not_before", Float, nullable=False, default=0),
    Column("attempts", WHOLE, nullable=False, default=0),
    Column("first_at", Float, nullable=False),
    Column("reason", String, nullable=False, default=""),
    Column("correlation", String, nullable=False, default=""),
    Column("relayed_until", Float),  # believed to lie in the broker until then
    PrimaryKeyConstraint("pair", "side"),
    Index("delivery_due", "state", "not_before", "rank", "pair"),
    # A claim takes a few rows out of a backlog of any length: it must not look at all of them.
    Index("delivery_claim", "side", "state", "kind", "rank", "pair"),
    Index(
        "delivery_relayed",
        "side",
        "relayed_until",
        sqlite_where=text("relayed_until is not null"),
        postgresql_where=text("relayed_until is not null"),
    ),
)

cursor = Table(
    "cursor",
    metadata,
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("position", LargeBinary),  # JSON, the system's own
    Column("started_at", Float),
    Column("finished_at", Float),
    # Seen since the pass under way began, by whatever way they came in: the brakes count them.
    Column("deletes", WHOLE, nullable=False, default=0),
    Column("changes", WHOLE, nullable=False, default=0),  # of pairs that were level once
    Column("older", WHOLE, nullable=False, default=0),  # versions before the one we know
    PrimaryKeyConstraint("system", "kind"),
)

conflict = Table(
    "conflict",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("pair", WHOLE, nullable=False),
    Column("kind", String, nullable=False),
    Column("field", String, nullable=False),
    Column("state", String, nullable=False),  # open, decided (by an owner's rule), resolved (by a person), void
    Column("body", LargeBinary),  # both values and settled: encrypted
    Column("g_version", BigInteger, nullable=False),
    Column("e_version", BigInteger, nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("decided_at", Float),
    Column("decided_by", String),
    Index(
        "conflict_open",
        "pair",
        "field",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("conflict_state", "state", "kind"),
)

books = Table(
    "books",
    metadata,
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("account", String, nullable=False),
    Column("shard", WHOLE, nullable=False, default=0),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("system", "kind", "account", "shard"),
)

journal = Table(
    "journal",
    metadata,
    Column("writer", String, nullable=False),
    Column("seq", WHOLE, nullable=False),
    Column("at", Float, nullable=False),
    Column("entry", String, nullable=False),  # canonical JSON (RFC 8785): pair ids, acts, actors; no values
    Column("hash", LargeBinary, nullable=False),  # SHA-256 over the previous hash and the entry
    PrimaryKeyConstraint("writer", "seq"),
    Index("journal_at", "at"),
)

journal_pair = Table(
    "journal_pair",
    metadata,
    Column("pair", WHOLE, nullable=False),
    Column("writer", String, nullable=False),
    Column("seq", WHOLE, nullable=False),
    PrimaryKeyConstraint("pair", "writer", "seq"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("at", Float, primary_key=True),
    Column("heads", String, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Float, nullable=False),
    Column("token", WHOLE, nullable=False),
)

credential = Table("credential", metadata, Column("name", String, primary_key=True), Column("body", LargeBinary))
setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", String))

inbox = Table(
    "inbox",
    metadata,
    Column("side", String, nullable=False),
    Column("id", String, nullable=False),
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("side", "id"),
    Index("inbox_at", "at"),
)

link = Table(
    "link",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("policy_index", LargeBinary, nullable=False),
    Column("account_index", LargeBinary, nullable=False),
    Column("state", String, nullable=False),  # active, revoked
    Column("body", LargeBinary),  # account, policy number, consent: encrypted
    Column("consent_hash", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Index(
        "link_policy",
        "policy_index",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
    Index(
        "link_account",
        "account_index",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)

stage = Table(
    "stage",
    metadata,
    Column("kind", String, primary_key=True),
    Column("stage", String, nullable=False),
    Column("paused", WHOLE, nullable=False, default=0),
)

brake = Table(
    "brake",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("code", String, nullable=False),  # domain.holds.REASONS
    Column("system", String, nullable=False, default=""),
    Column("kind", String, nullable=False, default=""),  # nothing: all kinds
    Column("detail", String, nullable=False, default=""),  # numbers and codes
    Column("opened_at", Float, nullable=False),
    Column("released_at", Float),
    Column("released_by", String),
    Index(
        "brake_standing",
        "code",
        "system",
        "kind",
        unique=True,
        sqlite_where=text("released_at is null"),
        postgresql_where=text("released_at is null"),
    ),
)

mapping_version = Table(
    "mapping_version",
    metadata,
    Column("kind", String, nullable=False),
    Column("hash", String, nullable=False),  # mapping.version.kind_hash
    Column("rule", LargeBinary, nullable=False),  # what it means, as JSON: rules only, nothing of a record
    Column("state", String, nullable=False),  # approved, waiting (for a person), former
    Column("seen_at", Float, nullable=False),
    Column("decided_by", String, nullable=False, default=""),
    PrimaryKeyConstraint("kind", "hash"),
)

shape = Table(
    "shape",
    metadata,
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # mapping.shape.Shape as JSON; of values only listed codes
    PrimaryKeyConstraint("system", "kind"),
)

drift = Table(
    "drift",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("field", String, nullable=False),  # empty: a place that no rule names
    Column("at", String, nullable=False),
    Column("what", String, nullable=False),  # mapping.drift.What
    Column("risk", String, nullable=False),  # safe, risky, breaking
    Column("moved_to", String, nullable=False),
    Column("formats", String, nullable=False),
    Column("place", String, nullable=False),
    Column("found_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_by", String),
)

unknown_code = Table(
    "unknown_code",
    metadata,
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("field", String, nullable=False),
    Column("code", String, nullable=False),  # of a dictionary-ruled field: no personal value
    Column("count", WHOLE, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    PrimaryKeyConstraint("system", "kind", "field", "code"),
)

account = Table(
    "account",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),  # console.rights.Role
    Column("password", String, nullable=False),  # Argon2id, in PHC form
    Column("created_at", Float, nullable=False),
    Column("created_by", String, nullable=False),
    Column("disabled_at", Float),
)

console_session = Table(
    "console_session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the cookie: a copy of the state lets nobody in
    Column("name", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Index("console_session_name", "name"),
)

event = Table(
    "event",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("event", String, nullable=False),
    Column("system", String, nullable=False, default=""),
    Column("kind", String, nullable=False, default=""),
    Column("code", String, nullable=False, default=""),
)
