"""Laws of the merge, for whatever two sides may show."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.merge import Merged, merge, settle_level
from medmost.domain.record import BOTH, Pair, Side, SideState

VALUES = st.sampled_from(["a", "b", "c", None])
STATES = st.sampled_from(["booked", "arrived", "fulfilled", "cancelled", None])
ORDER = {"booked": ("arrived", "fulfilled", "cancelled"), "arrived": ("fulfilled",)}
SWAPPED = {Owner.GOSUSLUGI: Owner.EMIAS, Owner.EMIAS: Owner.GOSUSLUGI, Owner.PERSON: Owner.PERSON}
OWNERS = st.sampled_from(list(SWAPPED))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Pair, Kind]:
    fields = [Field(name=name, owner=draw(OWNERS)) for name in ("f", "g", "h")]
    fields.append(Field(name="state", style=Style.FORWARD, order=ORDER))
    source = draw(st.sampled_from([None, None, *BOTH]))
    creates = BOTH if source is None else (source.other,)
    kind = Kind(name="thing", collection="things", title_ru="", title_en="", fields=tuple(fields), key=("f",),
                source=source, creates=creates, clinical=draw(st.booleans()))  # fmt: skip
    return Pair(id=1, kind="thing", gosuslugi=draw(sides()), emias=draw(sides())), kind


@st.composite
def sides(draw: st.DrawFn) -> SideState:
    presence = draw(st.sampled_from(["here", "here", "here", "never", "gone"]))
    values = {"f": VALUES, "g": VALUES, "h": VALUES, "state": STATES}
    settled = None if draw(st.booleans()) else draw(st.fixed_dictionaries({}, optional=values))
    state = SideState(presence=presence, settled=None if presence == "never" else settled)
    if presence == "here":
        state.ref, state.version, state.now, state.doc = "r", 1, draw(st.fixed_dictionaries(values)), {}
    return state


def swapped(pair: Pair, kind: Kind) -> tuple[Pair, Kind]:
    fields = tuple(msgspec.structs.replace(field, owner=SWAPPED[field.owner]) for field in kind.fields)
    source = kind.source.other if kind.source else None
    creates = tuple(side.other for side in kind.creates)
    other = copy.deepcopy(pair)
    other.gosuslugi, other.emias = other.emias, other.gosuslugi
    return other, msgspec.structs.replace(kind, fields=fields, source=source, creates=creates)


def plans(merged: Merged, *, other_way: bool = False) -> dict[str, Any]:
    def name(side: Side) -> Side:
        return side.other if other_way else side

    return {
        "writes": {name(side): (plan.op, plan.fields) for side, plan in merged.writes.items()},
        "conflicts": {field: both[::-1] if other_way else both for field, both in merged.conflicts.items()},
        "decided": {(one.field, name(one.winner), one.lost) for one in merged.decided},
        "level": set(merged.level),
        "foreign": merged.foreign,
        "over": merged.over,
    }


@given(cases())
def test_the_merge_changes_nothing_it_is_given(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    before = copy.deepcopy(pair)
    merge(pair, kind)
    assert pair == before


@given(cases())
def test_settling_what_is_level_changes_no_plan(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    first = merge(pair, kind)
    settle_level(pair, first)
    assert plans(merge(pair, kind)) == plans(first)


@given(cases())
def test_both_sides_are_treated_alike(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    assert plans(merge(*swapped(pair, kind)), other_way=True) == plans(merge(pair, kind))


@given(cases())
def test_no_value_is_invented(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    for side, plan in merge(pair, kind).writes.items():
        for name, value in plan.fields.items():
            assert value == (pair.side(side.other).now or {}).get(name)


@given(cases())
def test_nothing_is_written_where_both_are_level(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    pair.emias = copy.deepcopy(pair.gosuslugi)
    if pair.gosuslugi.presence == "here":
        merged = merge(pair, kind)
        assert not merged.writes
        assert not merged.conflicts


@given(cases())
def test_only_what_somebody_changed_is_written(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    for state in (pair.gosuslugi, pair.emias):
        state.settled = dict(state.now) if state.now else state.settled
    if pair.gosuslugi.presence == pair.emias.presence == "here":
        assert not merge(pair, kind).writes


@given(cases())
def test_a_field_is_written_to_one_side_only(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    merged = merge(pair, kind)
    written = [name for plan in merged.writes.values() for name in plan.fields]
    assert len(written) == len(set(written))
    assert not set(written) & (set(merged.conflicts) | set(merged.level))


@given(cases())
def test_carrying_everything_out_leaves_nothing_to_carry(case: tuple[Pair, Kind]) -> None:
    pair, kind = case
    merged = merge(pair, kind)
    for side, plan in merged.writes.items():
        state, other = pair.side(side), pair.side(side.other)
        if plan.op == "delete":
            state.presence, state.now = "gone", None
            continue
        state.presence, state.now = "here", {**(state.now or {}), **plan.fields}
        for name in plan.fields:
            state.settled = {**(state.settled or {}), name: plan.fields[name]}
            other.settled = {**(other.settled or {}), name: (other.now or {}).get(name)}
    if merged.writes:
        assert not merge(pair, kind).writes
