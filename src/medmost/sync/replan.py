"""After anything happened to a pair: merge it again and bring its delivery rows, conflicts and state in line.

A delivery row exists if and only if the merge says that the side is behind or an answer is missing (design §2a.4).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from medmost.domain.kinds import Kind
from medmost.domain.merge import WHOLE, Merged, merge, settle_level
from medmost.domain.pairing import reborn
from medmost.domain.record import BOTH, Fields, Pair, Side, SideState
from medmost.store import deliveries
from medmost.store.conflicts import Found
from medmost.store.pairs import PairRow
from medmost.sync.desk import Desk
from medmost.sync.house import letter

DUPLICATE, QUARANTINED, IDENTITY = "duplicate", "quarantined", "identity"


def replan(desk: Desk, row: PairRow) -> None:
    """Recomputes everything that follows from a pair's two sides."""
    pair, kind = row.pair, desk.house.kind(row.pair.kind)
    desk.dirty.add(pair.id)
    if pair.closed:
        return
    _show_indexes(desk, row, kind)
    if _meets_another(desk, row, kind):
        return
    _put_back_ruled(pair, kind)
    merged = merge(pair, kind)
    settle_level(pair, merged)
    if merged.over:
        _close(desk, row)
        return
    allowed = not kind.personal or desk.linked(row.patient_index)
    if not allowed:
        _forget_bodies(pair)
    _line_up_conflicts(desk, pair, merged if allowed else Merged())
    _line_up_rows(desk, row, merged.writes if allowed else {})
    row.state = _state(desk, row, kind, merged, allowed)
    row.behind = "".join(letter(side) for side in BOTH if desk.delivery(pair.id, side))


def shown_fields(pair: Pair) -> Fields | None:
    """What the record is known by: as EMIAS shows it, else Gosuslugi, else as we last sent it."""
    for side in (Side.EMIAS, Side.GOSUSLUGI):
        if pair.side(side).now is not None:
            return pair.side(side).now
    for side in (Side.EMIAS, Side.GOSUSLUGI):
        sent = pair.side(side).sent
        if sent is not None and sent.op == "create":
            return sent.fields
    return None


def _show_indexes(desk: Desk, row: PairRow, kind: Kind) -> None:
    fields = shown_fields(row.pair)
    if fields is not None:
        desk.show_key(row, desk.house.key_index(kind, fields), live=not kind.key_released(fields))
        patient = desk.house.patient_index(kind, fields)
        if kind.personal and row.patient_index is not None and not desk.same_patient(row.patient_index, patient):
            row.pair.hold = QUARANTINED  # a known record that shows another patient is an incident, never a change
            desk.tell("quarantined", "", kind.name, "MM-OTHER-PERSON")
        else:
            if desk.house.is_person(kind) and row.patient_index not in (None, patient) and not row.pair.hold:
                desk.former_patient(row.patient_index, row.pair.id)
            desk.show_patient(row, patient)
    if row.pair.hold or row.key_index is None:
        row.key_live = False
    if kind.expires and fields and fields.get(kind.expires):
        row.expires_at = _moment(str(fields[kind.expires]))


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


# ---------------------------------------------------------------- keys that meet
def _meets_another(desk: Desk, row: PairRow, kind: Kind) -> bool:
    """A key that meets another live pair: two halves become one, two wholes are held for a person."""
    if not row.key_live:
        return False
    for other in desk.with_key(kind.name, row.key_index):
        if other is row or not other.key_live or other.pair.hold:
            continue
        if join(desk, row, other) or join(desk, other, row):
            return row.pair.closed
        for one in (row, other):
            one.pair.hold = DUPLICATE
            one.key_live = False
            one.state = "ambiguous"
            desk.dirty.add(one.pair.id)
            for side in BOTH:
                if one.pair.side(side).sent is None:
                    desk.drop_row(one.pair.id, side)
        return True
    return False


def join(desk: Desk, half: PairRow, other: PairRow, but: Side | None = None) -> bool:
    """`half` has one side only and nothing under way, and `other` lacks just that side: it moves over.

    `but`: a side of `half` that counts as nothing, because `other` has what became of it.
    """
    for side in BOTH:
        mine, theirs = half.pair.side(side), other.pair.side(side)
        across = half.pair.side(side.other)
        free = theirs.ref is None and theirs.sent is None and theirs.presence == "never"
        alone = across.presence == "never" and across.sent is None and across.ref is None
        idle = mine.sent is None and (alone or but is side.other)
        if mine.presence == "here" and mine.ref and free and idle and other.pair.side(side.other).presence == "here":
            if side is Side.GOSUSLUGI:
                other.pair.gosuslugi, half.pair.gosuslugi = mine, SideState()
            else:
                other.pair.emias, half.pair.emias = mine, SideState()
            desk.bind(half.pair.kind, side, mine.ref, other.pair.id)
            _close(desk, half)
            replan(desk, other)
            return True
    return False


# ---------------------------------------------------------------- one-way kinds, the end, bodies
def _put_back_ruled(pair: Pair, kind: Kind) -> None:
    """A record that a person removed at the side that only receives is made there again."""
    if kind.source is None:
        return
    target = kind.source.other
    if (
        pair.side(target).presence == "gone"
        and pair.side(kind.source).presence == "here"
        and not pair.side(target).sent
    ):
        reborn(pair, target)


def _close(desk: Desk, row: PairRow) -> None:
    row.pair.closed = True
    row.key_live = False
    row.state, row.behind = "closed", ""
    desk.dirty.add(row.pair.id)
    for side in BOTH:
        row.pair.side(side).sent = None
        desk.drop_row(row.pair.id, side)
    for field in list(desk.open_conflicts.get(row.pair.id, {})):
        desk.end_conflict(row.pair.id, field)


def _forget_bodies(pair: Pair) -> None:
    """Of an unlinked policy's records only reference, version and blind indexes stay (design §8)."""
    for side in BOTH:
        state = pair.side(side)
        state.doc = state.now = state.settled = state.sent = None
        state.late, state.problems = {}, ()
    pair.unsure, pair.wanted, pair.refused = [], {}, None


# ---------------------------------------------------------------- conflicts, rows, state
def _line_up_conflicts(desk: Desk, pair: Pair, merged: Merged) -> None:
    present = desk.open_conflicts.get(pair.id, {})
    versions = (pair.gosuslugi.version, pair.emias.version)
    for field, (g, e) in merged.conflicts.items():
        if present.get(field) != versions:
            desk.conflict(Found(pair.id, pair.kind, field, g, e, *versions))
    for field in [field for field in present if field not in merged.conflicts]:
        desk.end_conflict(pair.id, field)


def _line_up_rows(desk: Desk, row: PairRow, writes: dict[Side, Any]) -> None:
    for side in BOTH:
        behind = side in writes or row.pair.side(side).sent is not None
        present = desk.delivery(row.pair.id, side)
        if behind and present is None:
            desk.owe(row, side)
        elif not behind and present is not None and present.state != deliveries.IN_FLIGHT:
            desk.drop_row(row.pair.id, side)


def _state(desk: Desk, row: PairRow, kind: Kind, merged: Merged, allowed: bool) -> str:
    pair = row.pair
    checks = (
        (pair.hold == QUARANTINED, "quarantined"),
        (pair.hold is not None, "ambiguous"),
        (not allowed, "no_consent"),
        (bool(pair.gosuslugi.problems or pair.emias.problems), "invalid"),
        (pair.refused is not None, "refused"),
        (bool(merged.conflicts) and (kind.clinical or WHOLE in merged.conflicts or not merged.writes), "conflict"),
        (merged.foreign, "foreign"),
        (any(desk.delivery(pair.id, side) for side in BOTH), "behind"),
        (any(pair.side(side).presence == "here" and pair.side(side).now is None for side in BOTH), "behind"),
        (bool(merged.conflicts), "conflict"),
    )
    return next((state for true, state in checks if true), "level")
