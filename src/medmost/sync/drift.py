"""A system's shape changes under way: the touched field is held, every other one goes on (reliability F28).

Judged before a page is absorbed, so that the page which shows the change is handled by what it taught. A held field
keeps the value last known; nothing is emptied at the other side because a field vanished.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import msgspec

from medmost.domain.record import Doc, Problem, Side
from medmost.mapping.drift import Finding, formats_for, is_lost, lacking, look, look_at_types, places_of
from medmost.mapping.language import FieldRule, KindRule
from medmost.mapping.shape import Profile, Shape, places
from medmost.mapping.shares import WINDOW, Recent, new_codes, shifted, shown_codes
from medmost.mapping.trial import wire_at
from medmost.store import drift
from medmost.store.drift import Drifted
from medmost.store.pairs import PairRow
from medmost.sync import doubt
from medmost.sync.desk import Desk
from medmost.sync.holding import end, take_down
from medmost.sync.house import Seen
from medmost.sync.shapes import Where
from medmost.systems.emias import wire as emias_wire
from medmost.systems.gosuslugi import wire as gosuslugi_wire

KEEP_RECORDS, KEEP_SECONDS = 500, 30.0
"""What was counted is written down after so many records, or after so long."""
UNFIT_RUN = 5
"""Different records in a row whose value of one field does not fit, before it is the system that has changed."""
PROOF_RUN = 3
"""Different records in a row that show a held field again before it is let go."""
_decode = msgspec.json.Decoder(Shape).decode
_ROW = re.compile(r"(\w+)\[(\d+)\]\.(\w+)")


def judge(desk: Desk, seen: Sequence[Seen]) -> None:
    """What a page says of the shapes, before any of it is absorbed."""
    groups: dict[Where, list[Seen]] = {}
    for one in seen:
        o = one.observation
        if o.doc is not None:
            groups.setdefault((o.side, o.kind), []).append(one)
    for where, part in groups.items():
        _judge(desk, where, part)


def _judge(desk: Desk, where: Where, part: list[Seen]) -> None:
    side, rule = where[0], desk.house.mappings[where[1]].rule
    profile = _profile(desk, where)
    docs = [one.observation.doc or {} for one in part]
    told, new = profile.meet(docs, desk.house.watch.sections(where, rule))
    for signature, doc in new.items():
        for found in look(rule, side, profile.shape, _own(rule, side), doc, profile.known[signature]):
            take_down(desk, where, found)
    doubtful = [(doc, places(doc)) for one, doc in zip(part, docs, strict=True) if one.reading and one.reading.problems]
    sample = profile.types(docs)
    for doc, shown in [*sample, *doubtful]:
        for found in look_at_types(rule, side, profile.shape, doc, shown):
            take_down(desk, where, found)
    _compare(desk, where, profile, sample)
    _count_missing(desk, where, profile, part, told)
    _count_unfit(desk, where, rule, part)
    if desk.house.watch.held.get(where):
        _see_returned(desk, where, part)
    _keep(desk, where, profile)


def _own(rule: KindRule, side: Side) -> frozenset[str]:
    """Members that the system itself writes: they come and go."""
    names = gosuslugi_wire.NAMES if side is Side.GOSUSLUGI else emias_wire.NAMES
    told = (names.ref, names.version, names.stamp, names.origin, names.deleted, rule.moved_from, rule.moved_to)
    return frozenset(name for name in told if name)


def _profile(desk: Desk, where: Where) -> Profile:
    watch = desk.house.watch
    if where not in watch.profiles:
        body = drift.shape(desk.tx, where[0].value, where[1])
        watch.profiles[where] = Profile(_decode(body) if body is not None else None)
        watch.kept_at[where] = desk.now
    return watch.profiles[where]


def _keep(desk: Desk, where: Where, profile: Profile) -> None:
    counted, watch = profile.fresh.total(), desk.house.watch
    young, doubts = profile.shape.records < KEEP_RECORDS, doubt.of(watch, where)
    due = young or counted >= KEEP_RECORDS or desk.now - watch.kept_at[where] >= KEEP_SECONDS
    if not due and doubts == profile.shape.doubts:
        return
    profile.settle()
    profile.shape.doubts = doubts
    watch.kept_at[where] = desk.now
    drift.save_shape(desk.tx, where[0].value, where[1], msgspec.json.encode(profile.shape))


def _compare(desk: Desk, where: Where, profile: Profile, sample: list[tuple[Doc, dict[str, str]]]) -> None:
    """Codes and shares of the sample, against what was learned before."""
    (side, kind), watch = where, desk.house.watch
    rule = desk.house.mappings[kind].rule
    listed, recent = watch.codes(where, rule), watch.recent.setdefault(where, Recent())
    codes = [one for doc, _ in sample for one in shown_codes(doc, listed)]
    for _, shown in sample:
        recent.add(shown)
    for found in [*new_codes(rule, side, profile.shape, codes), *shifted(rule, side, profile.shape, recent)]:
        take_down(desk, where, found)
    profile.codes(codes)
    if recent.records >= WINDOW:
        del watch.recent[where]


def judge_after_write(desk: Desk, row: PairRow, seen: Seen) -> None:
    """A record shown after a write of ours, without a field that the body we wrote had: nobody emptied it.

    Whether the system keeps it and shows it no more is doubted (sync.doubt); in between nothing of it is carried.
    """
    o, reading = seen.observation, seen.reading
    state = row.pair.side(o.side)
    if state.sent is None or state.sent.op == "delete" or o.version <= state.version or reading is None:
        return
    wrote = {**(state.now or {} if state.sent.op == "put" else {}), **state.sent.fields}
    lost = [name for name, value in wrote.items() if value is not None and reading.fields.get(name) is None]
    if not lost or reading.problems:
        return
    where = o.side, o.kind
    profile, held = _profile(desk, where), desk.house.watch.held.get(where, frozenset())
    for field in lost:
        rule = _rule(desk, o.kind, field)
        if field not in held and not rule.rows and places_of(rule, o.side):
            desk.house.watch.doubts.setdefault((*where, field), set()).add(o.ref)
            _miss(desk, where, profile, rule, {o.ref}, seen)
    _keep(desk, where, profile)


# ---------------------------------------------------------------- fields that are not there, or do not fit
def _count_missing(desk: Desk, where: Where, profile: Profile, part: list[Seen], told: list[Hashable]) -> None:
    side, kind = where
    watch, held = desk.house.watch, desk.house.watch.held.get(where, frozenset())
    lacks = [lacking(desk.house.mappings[kind].rule, side, profile, one) for one in dict.fromkeys(told)]
    none_shows = frozenset.intersection(*lacks)
    for name in [name for name in watch.lacking if name[:2] == where and name[2] not in none_shows]:
        if name in watch.doubts and not _shown(desk, part, name[2]):
            continue  # too little is learned to expect it: a record that shows it ends the doubt
        del watch.lacking[name]
        if name[2] not in held:
            doubt.over(desk, where, name[2])
    for field in sorted(none_shows - held):
        rule = _rule(desk, kind, field)
        refs = {one.observation.ref for one in part if rule.required or _had(desk, one, field)}
        if not refs:
            continue  # new records that never had it say nothing: nobody has to fill in what is not required
        if (side, kind, field) in watch.doubts or doubt.never_missed(profile.shape, places_of(rule, side)):
            watch.doubts.setdefault((side, kind, field), set()).update(refs)
        _miss(desk, where, profile, rule, refs, part[-1])


def _miss(desk: Desk, where: Where, profile: Profile, rule: FieldRule, refs: set[str], last: Seen) -> None:
    """These records do not show the field; enough in a row and it is lost."""
    name: tuple[Side, str, str] = (*where, rule.name)
    run = desk.house.watch.lacking.setdefault(name, set())
    run.update(refs)
    share = profile.shape.share(places_of(rule, where[0]))
    if is_lost(share, len(run), always=name in desk.house.watch.doubts):
        take_down(desk, where, _gone(rule, where[0], last))


def _shown(desk: Desk, part: list[Seen], field: str) -> bool:
    places = places_of(_rule(desk, part[0].observation.kind, field), part[0].observation.side)
    return any(wire_at(one.observation.doc, at) is not None for one in part for at in places)


def _had(desk: Desk, one: Seen, field: str) -> bool:
    """Whether this very record showed the field when it was seen before, and it was not we who emptied it."""
    o = one.observation
    id_, _ = desk.alias(o.kind, o.side, o.ref)
    row = desk.rows.get(id_) if id_ is not None else None
    state = row.pair.side(o.side) if row is not None else None
    if state is None or state.ref != o.ref or (state.sent is not None and field in state.sent.fields):
        return False
    return (state.now or {}).get(field) is not None


def _gone(rule: FieldRule, side: Side, last: Seen) -> Finding:
    """A field that records have lost: under one of its other names, or altogether."""
    at, *others = places_of(rule, side)
    to = next((other for other in others if wire_at(last.observation.doc, other) is not None), "")
    return Finding(what="renamed" if to else "lost", risk="breaking", field=rule.name, at=at, to=to)


def _count_unfit(desk: Desk, where: Where, rule: KindRule, part: list[Seen]) -> None:
    watch, (side, kind) = desk.house.watch, where
    counted = any(name[:2] == where for name in watch.unfit)
    if not counted and not any(one.reading is not None and one.reading.problems for one in part):
        return
    for one in part:
        problems = one.reading.problems if one.reading is not None else ()
        if not problems and not counted:
            continue
        wrong = {problem.field: problem for problem in problems if problem.reason != "missing"}
        for name in [name for name in watch.unfit if name[:2] == where and name[2] not in wrong]:
            del watch.unfit[name]
        for field, problem in wrong.items():
            if problem.reason == "unknown_code":
                _meet_code(desk, where, one, field)
            run = watch.unfit.setdefault((side, kind, field), set())
            run.add(one.observation.ref)
            counted = True
            if len(run) >= UNFIT_RUN and field not in watch.held.get(where, frozenset()):
                _unfit(desk, where, rule, one, problem)


def _unfit(desk: Desk, where: Where, rule: KindRule, one: Seen, problem: Problem) -> None:
    field = next((field for field in rule.fields if field.name == problem.field), None)
    if field is None or not places_of(field, where[0]):
        return
    at = places_of(field, where[0])[0]
    what, formats = ("code", ()) if problem.reason == "unknown_code" else ("format", _formats(field, where, one, at))
    take_down(desk, where, Finding(what=what, risk="breaking", field=field.name, at=at, formats=formats))  # type: ignore[arg-type]  # one of two words


def _formats(field: FieldRule, where: Where, one: Seen, at: str) -> tuple[str, ...]:
    return formats_for(field, where[0], wire_at(one.observation.doc, at))


def _meet_code(desk: Desk, where: Where, one: Seen, field: str) -> None:
    """Lists a code that the dictionary does not have; a field ruled by a dictionary holds no personal value."""
    side, kind = where
    row, doc, name = _ROW.fullmatch(field), one.observation.doc, field
    rule = _rule(desk, kind, row[1] if row else field)
    place = rule.place(side)
    found, there = (wire_at(doc, place.at) if place is not None else None), None
    if row is not None:
        there = next((inner.place(side) for inner in rule.rows if inner.name == row[3]), None)
        number = int(row[2])
        found = wire_at(found[number], there.at) if there and isinstance(found, list) else None
        name = f"{row[1]}[].{row[3]}"
    if isinstance(found, str | int):
        drift.meet_code(desk.tx, side.value, kind, name, str(found), desk.now)
        if place is not None:
            at = place.at if there is None else f"{place.at}[].{there.at}"
            take_down(desk, where, Finding(what="code", risk="risky", field=name, at=at))


def _rule(desk: Desk, kind: str, field: str) -> FieldRule:
    return next(one for one in desk.house.mappings[kind].rule.fields if one.name == field)


def _see_returned(desk: Desk, where: Where, part: list[Seen]) -> None:
    side, kind = where
    for name in sorted(desk.house.watch.held.get(where, ())):
        rule, proof = _rule(desk, kind, name), desk.house.watch.back.setdefault((side, kind, name), set())
        for one in part:
            wrong = {problem.field for problem in one.reading.problems} if one.reading else {name}
            if name in wrong or wire_at(one.observation.doc, places_of(rule, side)[0]) is None:
                proof.clear()
            else:
                proof.add(one.observation.ref)
        if len(proof) >= PROOF_RUN:
            ends = [one for one in drift.standing(desk.tx) if _is(one, where, name)]
            end(desk, ends, "returned")
            doubt.over(desk, where, name)


def _is(one: Drifted, where: Where, field: str) -> bool:
    return (one.system, one.kind, one.field) == (where[0].value, where[1], field)
