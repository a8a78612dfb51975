"""Stored records read again by another version of their mapping, without asking either system.

What nobody changed stays unchanged in the new reading: a field that stood as it settled is taken as settled in its new
form. Where the two sides were level and the new version reads them differently, it is as at their first meeting: the
field's owner decides, or a person (design §2a.3).
"""

from __future__ import annotations

from collections.abc import Callable

from medmost.domain.kinds import Kind
from medmost.domain.record import BOTH, Fields, Pair, Problem, Reading, Side, SideState
from medmost.mapping.contract import Mapping

Keep = Callable[[Side, Reading], Reading]
"""What becomes of a reading where fields of that side are held (sync.drift.withheld)."""


def reread(pair: Pair, mapping: Mapping, kept: Keep = lambda _, reading: reading) -> bool:
    """Reads both bodies of a pair again, where they are kept. Returns whether anything is other than before."""
    before = {side: pair.side(side).now for side in BOTH}
    after = {side: _read(pair.side(side), side, mapping, kept) for side in BOTH}
    touched = False
    for side in BOTH:
        state, (now, problems) = pair.side(side), after[side]
        touched = touched or now != before[side] or problems != state.problems
    if not touched:
        return False
    for field in mapping.kind.fields:
        _settle_again(pair, field.name, before, {side: after[side][0] for side in BOTH})
    for side in BOTH:
        state = pair.side(side)
        state.now, state.problems = after[side]
    _forget_fields(pair, mapping.kind)
    return True


def _read(state: SideState, side: Side, mapping: Mapping, kept: Keep) -> tuple[Fields | None, tuple[Problem, ...]]:
    if state.doc is None or state.presence != "here":
        return state.now, state.problems
    reading = kept(side, mapping.read(side, state.doc))
    return (None if reading.problems else reading.fields), reading.problems


def _settle_again(pair: Pair, name: str, before: dict[Side, Fields | None], after: dict[Side, Fields | None]) -> None:
    at_rest = {side: _at_rest(pair.side(side), name, before[side]) for side in BOTH}
    new = {side: fields.get(name) for side, fields in after.items() if fields is not None}
    old = {side: fields.get(name) for side, fields in before.items() if fields is not None}
    apart = len(new) == len(BOTH) and new[Side.GOSUSLUGI] != new[Side.EMIAS]
    together = len(old) == len(BOTH) and old[Side.GOSUSLUGI] == old[Side.EMIAS]
    for side in BOTH:
        settled = pair.side(side).settled
        if settled is None or side not in new:
            continue
        if all(at_rest.values()) and apart and together:
            settled.pop(name, None)
        elif at_rest[side]:
            settled[name] = new[side]


def _at_rest(state: SideState, name: str, now: Fields | None) -> bool:
    settled = state.settled
    return settled is not None and now is not None and name in settled and now.get(name) == settled[name]


def _forget_fields(pair: Pair, kind: Kind) -> None:
    """Nothing stays of fields that the new version has no more."""
    names = {field.name for field in kind.fields}
    for side in BOTH:
        settled = pair.side(side).settled
        for name in [name for name in settled or () if name not in names]:
            assert settled is not None
            del settled[name]
    pair.unsure = [name for name in pair.unsure if name in names]
    pair.wanted = {name: wanted for name, wanted in pair.wanted.items() if name in names}
