"""What the state knows of an object, and whether that accounts for a difference that the audit saw.

A difference that a person has on the list already (an open conflict, a refusal, an invalid record) is *known*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from medmost.domain.kinds import Kind
from medmost.domain.merge import WHOLE
from medmost.domain.record import BOTH, Side
from medmost.store import aliases, conflicts, deliveries
from medmost.store.transaction import Transaction

OPEN_STATES = frozenset(("invalid", "foreign", "refused", "ambiguous", "quarantined", "no_consent"))
"""States of a pair that wait for a person, whatever its fields are (design §2a)."""


class Standing(msgspec.Struct, frozen=True):
    """A pair as it stands in the state."""

    pair: int
    state: str
    refs: dict[Side, str | None]
    versions: dict[Side, int]
    conflicts: frozenset[str]
    delivering: bool  # a delivery is due or under way


Place = tuple[Side, str]
"""Side and reference of a record."""


def standings(tx: Transaction, kind: str, places: Iterable[Place]) -> dict[Place, Standing]:
    """The pairs that these records belong to; records that the state has not met are left out."""
    wanted = list(dict.fromkeys(places))
    owners: dict[Place, int] = {}
    for side in BOTH:
        refs = [ref for at, ref in wanted if at is side]
        for ref, (pair, _) in aliases.find(tx, kind, side.value, refs).items():
            if pair is not None:
                owners[side, ref] = pair
    found = _by_id(tx, sorted(set(owners.values())))
    return {place: found[pair] for place, pair in owners.items() if pair in found}


def _by_id(tx: Transaction, ids: Sequence[int]) -> dict[int, Standing]:
    found: dict[int, Standing] = {}
    fields = conflicts.open_fields(tx, ids)
    owed = {pair for pair, _ in deliveries.of_pairs(tx, ids)}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        query = (
            "SELECT id, state, g_ref, e_ref, g_version, e_version FROM pair "  # noqa: S608  # only marks
            f"WHERE id IN ({','.join('?' * len(part))})"
        )
        for id_, state, g_ref, e_ref, g_version, e_version in tx.execute(query, part):
            found[id_] = Standing(
                pair=id_,
                state=state,
                refs={Side.GOSUSLUGI: g_ref, Side.EMIAS: e_ref},
                versions={Side.GOSUSLUGI: g_version, Side.EMIAS: e_version},
                conflicts=frozenset(fields.get(id_, {})),
                delivering=id_ in owed,
            )
    return found


def bound_refs(tx: Transaction, kind: str, after: int, limit: int) -> tuple[list[tuple[str, str]], int]:
    """References (gosuslugi, emias) of the next pairs that have both sides, and where to go on; 0 at the end."""
    query = "SELECT id, g_ref, e_ref FROM pair WHERE kind = ? AND id > ? AND state != 'closed' ORDER BY id LIMIT ?"
    rows = tx.execute(query, (kind, after, limit)).fetchall()
    return [(g, e) for _, g, e in rows if g and e], rows[-1][0] if rows else 0


def excuse(kind: Kind, what: str, fields: Sequence[str], standing: Standing | None) -> tuple[str | None, list[str]]:
    """The open state that accounts for a difference, or None and the fields that nothing accounts for."""
    if standing is None:
        return None, list(fields)
    if standing.state in OPEN_STATES:
        return standing.state, []
    if what == "differing":
        whole = WHOLE in standing.conflicts or (kind.clinical and bool(standing.conflicts))
        left = [] if whole else [name for name in fields if name not in standing.conflicts]
        return (None, left) if left else ("conflict", [])
    if what.startswith("missing") and standing.conflicts:
        return "conflict", []
    return None, list(fields)


def is_former(kind: Kind, side: Side, ref: str, standing: Standing | None) -> bool:
    """Did another record take this one's place in its pair (a visit that EMIAS moved)?"""
    return (
        standing is not None
        and bool(kind.releases_key)
        and standing.state != "closed"
        and standing.refs[side] not in (None, ref)
    )


def belongs_nowhere(kind: Kind, missing_at: Side) -> bool:
    """May no record be made at the side that lacks it? Then an object at the other side only is foreign."""
    return kind.source is missing_at or missing_at not in kind.creates
