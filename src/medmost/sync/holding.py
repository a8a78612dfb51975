"""Fields held because their system's shape has changed: the value last known stays, nothing of the field is carried.

Everything else of the record goes on. A hold ends when the field is back, when the mapping says another thing of it, or
by a person's word.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from medmost.domain.record import BOTH, Pair, Reading, Side
from medmost.mapping.drift import Finding
from medmost.mapping.language import FieldRule, RowField
from medmost.store import drift
from medmost.store.drift import Drifted
from medmost.store.pairs import PairRow
from medmost.sync.desk import Desk
from medmost.sync.house import House, Seen
from medmost.sync.replan import replan
from medmost.sync.shapes import Where


def take_down(desk: Desk, where: Where, found: Finding) -> None:
    """A finding, once; where it breaks something its field is held from this page on and a person is called."""
    side, kind = where
    breaking = found.risk == "breaking"
    held = found.field in desk.house.watch.held.get(where, frozenset())
    if breaking and held and drift.holds(desk.tx, side.value, kind, found.field):
        return  # held in memory alone: the unit of work that found it was taken back, and finds it again
    one = Drifted(
        id=0, system=side.value, kind=kind, field=found.field, at=found.at, what=found.what, risk=found.risk,
        moved_to=found.to, formats=",".join(found.formats), place=place_told(desk.house, kind, side, found.field),
        found_at=desk.now,
    )  # fmt: skip
    if not drift.find(desk.tx, one):
        return
    desk.noted["drift"] = f"{found.code} {side.value} {kind} {found.field or found.at}"
    if breaking:
        desk.house.watch.hold(where, found.field)
        desk.tell("drift", side.value, kind, found.code)
        _read_again(desk, where)


def place_told(house: House, kind: str, side: Side, field: str) -> str:
    """What the mapping says of a field at a side; a finding ends once that is another thing."""
    name, _, row = field.partition("[].")
    rule: RowField | None = next((one for one in house.mappings[kind].rule.fields if one.name == name), None)
    if row and isinstance(rule, FieldRule):
        rule = next((one for one in rule.rows if one.name == row), None)
    return "" if rule is None else msgspec.json.encode([rule.place(side), rule.codes]).decode()


def _read_again(desk: Desk, where: Where) -> None:
    """Records that were unreadable for the field's sake before it was held."""
    side, kind = where
    query = "SELECT id FROM pair WHERE kind = ? AND state = 'invalid' ORDER BY id LIMIT 1000"
    ids = [row[0] for row in desk.tx.execute(query, (kind,))]
    desk.load(ids)
    for id_ in ids:
        state = desk.rows[id_].pair.side(side)
        if state.problems and state.doc is not None:
            reading = desk.house.mappings[kind].read(side, state.doc)
            kept = withheld(desk.house, where, reading, desk.rows[id_])
            state.problems, state.now = kept.problems, (None if kept.problems else kept.fields)
            replan(desk, desk.rows[id_])


def withheld(house: House, where: Where, reading: Reading, row: PairRow) -> Reading:
    """A reading in which held fields have their last known values; what was never known stays as it was read."""
    held, state = house.watch.held.get(where, frozenset()), row.pair.side(where[0])
    kept = house.watch.kept(where, state.ref)
    if state.sent is not None:
        kept -= state.sent.fields.keys()  # else we have emptied it
    if not held and not kept:
        return reading
    known = state.now or state.settled or {}
    wrong = {problem.field.split("[")[0] for problem in reading.problems}
    lost = {name for name in held if name in known and (reading.fields.get(name) is None or name in wrong)}
    lost |= {name for name in kept - wrong if known.get(name) is not None and reading.fields.get(name) is None}
    if not lost:
        return reading
    problems = tuple(one for one in reading.problems if one.field.split("[")[0] not in lost)
    return Reading({**reading.fields, **{name: known[name] for name in lost}}, problems)


def withhold(house: House, seen: Seen, row: PairRow) -> None:
    """The same for an observation whose pair is known: the indexes follow."""
    o = seen.observation
    if seen.reading is None or not (house.watch.held.get((o.side, o.kind)) or house.watch.doubts):
        return
    kept = withheld(house, (o.side, o.kind), seen.reading, row)
    if kept is seen.reading:
        return
    kind = house.mappings[o.kind].kind
    seen.reading = kept
    seen.key_index = house.key_index(kind, kept.fields)
    seen.patient_index = house.patient_index(kind, kept.fields) or row.patient_index


def keeps_back(house: House, kind: str, side: Side, op: str) -> bool:
    """Must this write wait? A new record would be incomplete, and where the patient cannot be seen nothing is sent."""
    held = house.watch.held.get((side, kind))
    return held is not None and (op == "create" or house.mappings[kind].kind.patient in held)


def end(desk: Desk, found: Sequence[Drifted], by: str) -> None:
    """Findings that are over: their fields are carried again, records met meanwhile are read afresh."""
    drift.end(desk.tx, [one.id for one in found], by, desk.now)
    for one in found:
        where = Side(one.system), one.kind
        if one.risk == "breaking":
            desk.house.watch.let_go(where, one.field)
            desk.house.watch.back.pop((*where, one.field), None)
            desk.tell("drift-ok", one.system, one.kind, f"MM-DRIFT-{one.what.upper()}")
        desk.noted["drift-ended"] = f"{one.system} {one.kind} {one.field or one.at} {by}"
    for one in found:  # once none of them holds the field any more
        if one.risk == "breaking":
            _unread(desk, (Side(one.system), one.kind), one)


def _unread(desk: Desk, where: Where, one: Drifted) -> None:
    """Bodies taken while the field was held show a shape that is no more: read again before anything is sent.

    Pairs of which the other side moved meanwhile are merged again: the hold kept the field's change back there, too.
    """
    side, kind = where
    if kind not in desk.house.mappings:
        return
    query = "SELECT id FROM pair WHERE kind = ? AND (g_seen_at >= ? OR e_seen_at >= ?) AND state != 'closed'"
    since = drift.held_since(desk.tx, one)
    ids = [row[0] for row in desk.tx.execute(query, (kind, since, since))]
    desk.load(ids)
    for id_ in ids:
        state = desk.rows[id_].pair.side(side)
        if state.doc is not None and state.presence == "here" and state.sent is None:
            reading = desk.house.mappings[kind].read(side, state.doc)
            known = (state.now or {}).get(one.field)
            if state.now is None or reading.problems or reading.fields.get(one.field) != known:
                if known is not None and reading.fields.get(one.field) is None:
                    _meet_again(desk, desk.rows[id_].pair, side, one.field)
                state.doc, state.now, state.problems = None, None, ()
        replan(desk, desk.rows[id_])


def _meet_again(desk: Desk, pair: Pair, side: Side, field: str) -> None:
    """Where a field stays away that was not shown for a while, nobody knows who emptied it: as at first meeting.

    Its owner decides, and a person where that would be the side that lost it (design §2a.3).
    """
    kind = desk.house.kind(pair.kind)
    for one in BOTH:
        (pair.side(one).settled or {}).pop(field, None)
    if kind.field(field).owner.value != side.other.value and field not in pair.unsure:
        pair.unsure.append(field)


def load_watch(desk: Desk) -> None:
    """At start: fields that were held stay so, unless the mapping says another thing of them now."""
    answered = []
    for one in drift.standing(desk.tx):
        side = Side(one.system)
        if one.kind in desk.house.mappings and place_told(desk.house, one.kind, side, one.field) == one.place:
            if one.risk == "breaking":
                desk.house.watch.hold((side, one.kind), one.field)
        else:
            answered.append(one)
    drift.end(desk.tx, [one.id for one in answered], "mapping", desk.now)
    for one in answered:
        if one.risk == "breaking":
            desk.tell("drift-ok", one.system, one.kind, f"MM-DRIFT-{one.what.upper()}")
    if answered:
        desk.put_back(ended=[f"{one.system} {one.kind} {one.field}" for one in answered])
