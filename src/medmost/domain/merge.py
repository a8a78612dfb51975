"""The three-way merge: what each side lacks, per field, judged against what it showed when they were last level.

Pure. `merge` looks, `settle_level` notes what is level; neither does I/O. The rules are design §2a.3 and §2a.9.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from medmost.domain import history
from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.record import BOTH, Fields, Pair, Side, SideState

LATEST_TIE_SECONDS = 2.0
WHOLE = "*"  # the "field" of a conflict that concerns the record itself


class Planned(msgspec.Struct):
    """One side is behind: what it should be told."""

    op: Literal["create", "put", "delete"]
    fields: Fields


class Decided(msgspec.Struct, frozen=True):
    """Both sides changed a field and the owner's rule chose: applied at once, journalled with the loser."""

    field: str
    winner: Side
    lost: Any


class Merged(msgspec.Struct):
    writes: dict[Side, Planned] = msgspec.field(default_factory=dict)
    conflicts: dict[str, tuple[Any, Any]] = msgspec.field(default_factory=dict)  # field -> (gosuslugi, emias)
    decided: list[Decided] = msgspec.field(default_factory=list)
    level: list[str] = msgspec.field(default_factory=list)
    overtaken: list[str] = msgspec.field(default_factory=list)  # decisions that newer changes made void
    foreign: bool = False
    over: bool = False  # both sides are gone and nothing is unanswered

    def carry(self, side: Side, field: str, value: Any) -> None:
        self.writes.setdefault(side, Planned("put", {})).fields[field] = value


def merge(pair: Pair, kind: Kind) -> Merged:
    """What is to be carried, what needs a person, what is level. Changes nothing."""
    out = Merged()
    g, e = pair.gosuslugi, pair.emias
    if pair.hold or pair.refused or any(side.problems for side in (g, e)):
        return out
    if any(side.presence == "here" and side.now is None for side in (g, e)):
        return out  # body not kept or not yet read: nothing to compare
    if g.presence == "here" and e.presence == "here":
        _merge_fields(pair, kind, out)
        if kind.clinical and out.conflicts:
            out.writes.clear()
            out.decided.clear()
    else:
        _merge_presence(pair, kind, out)
    return out


def settle_level(pair: Pair, merged: Merged) -> None:
    """Fields that look equal are level on both sides at once (design §2a.3)."""
    if merged.level:
        for state in (pair.gosuslugi, pair.emias):
            now, settled = state.now or {}, state.settled or {}
            settled.update({name: now.get(name) for name in merged.level})
            state.settled = settled
        if pair.unsure or pair.wanted:
            pair.unsure = [name for name in pair.unsure if name not in merged.level]
            pair.wanted = {name: wanted for name, wanted in pair.wanted.items() if name not in merged.level}
    for name in merged.overtaken:
        pair.wanted.pop(name, None)


def changed(state: SideState, name: str) -> bool:
    """Did someone change this field at this side since it settled there? Never settled counts as changed."""
    if state.settled is None or name not in state.settled:
        return True
    return bool((state.now or {}).get(name) != state.settled[name])


def lives_alone(kind: Kind, fields: Fields) -> bool:
    """A record the other system refused and that says so (a rejected visit) is level where it is (design §6)."""
    return any(
        value is not None and fields.get(name) == value
        for written in kind.refusal.values()
        for name, value in written.items()
    )


# ---------------------------------------------------------------- records at one side only
def _merge_presence(pair: Pair, kind: Kind, out: Merged) -> None:
    g, e = pair.gosuslugi, pair.emias
    for target in BOTH:
        there, here = pair.side(target), pair.side(target.other)
        if here.presence != "here":
            continue
        if there.presence == "never":
            _merge_newcomer(pair, kind, target, out)
        else:
            _merge_delete(pair, kind, target.other, out)
    if g.presence != "here" and e.presence != "here" and not (g.sent or e.sent):
        out.over = True


def _merge_newcomer(pair: Pair, kind: Kind, target: Side, out: Merged) -> None:
    source = pair.side(target.other)
    assert source.now is not None
    back = {name: w.value for name, w in pair.wanted.items() if target.other in w.todo and not changed(source, name)}
    if back:
        out.writes[target.other] = Planned("put", back)
    elif lives_alone(kind, source.now):
        return
    elif target not in kind.creates or kind.source is target:
        out.foreign = True
    else:
        out.writes[target] = Planned("create", dict(source.now))


def _merge_delete(pair: Pair, kind: Kind, target: Side, out: Merged) -> None:
    """The other side is gone. Carried only if nobody touched the record here since it settled."""
    left, here = pair.side(target.other), pair.side(target)
    if kind.source is target:
        return  # the ruling side still has it: the record is put back, see `reborn`
    if kind.source is target.other:
        out.writes[target] = Planned("delete", {})
        return
    names = [field.name for field in kind.fields if not field.only]
    if left.sent or here.settled is None or any(changed(here, name) for name in names):
        out.conflicts[WHOLE] = (pair.gosuslugi.now, pair.emias.now)
    else:
        out.writes[target] = Planned("delete", {})


# ---------------------------------------------------------------- fields, both sides present
def _merge_fields(pair: Pair, kind: Kind, out: Merged) -> None:
    g, e = pair.gosuslugi.now, pair.emias.now
    assert g is not None
    assert e is not None
    doubtful = {name for sent in (pair.gosuslugi.sent, pair.emias.sent) if sent is not None for name in sent.fields}
    followers = []
    for field in kind.fields:
        name = field.name
        if field.only is not None:
            continue
        if field.style is Style.FOLLOWS:
            followers.append(field)
        elif name not in doubtful:
            x, y = g.get(name), e.get(name)
            if x == y:  # most fields of most records: no call for them
                out.level.append(name)
            else:
                _merge_unequal(pair, kind, field, x, y, out)
    for field in followers:
        _merge_follower(pair, kind, field, field.name in doubtful, out)


def _merge_unequal(pair: Pair, kind: Kind, field: Field, x: Any, y: Any, out: Merged) -> None:
    name = field.name
    if field.style is Style.GROW and history.level(x, y):
        out.level.append(name)
    elif name in pair.unsure:
        out.conflicts[name] = (x, y)
    elif not _merge_wanted(pair, name, out):
        _merge_change(pair, kind, field, out)


def _merge_wanted(pair: Pair, name: str, out: Merged) -> bool:
    """A person's decision goes to the sides that lack it; a newer change makes it void (design §2a.10)."""
    wanted = pair.wanted.get(name)
    if wanted is None:
        return False
    if any(changed(pair.side(side), name) for side in BOTH):
        out.overtaken.append(name)
        return False
    for side in wanted.todo:
        out.carry(side, name, wanted.value)
    return True


def _merge_change(pair: Pair, kind: Kind, field: Field, out: Merged) -> None:
    name, g, e = field.name, pair.gosuslugi, pair.emias
    x, y = (g.now or {}).get(name), (e.now or {}).get(name)
    ruler = field.source or kind.source
    if field.style is Style.GROW:  # rows tell for themselves who lacks them
        _merge_history(name, x, y, ruler, out)
        return
    by_g, by_e = changed(g, name), changed(e, name)
    if by_g and by_e:  # a write of ours that arrived late is nobody's change
        if x in g.late.get(name, ()):
            by_g = False
        if y in e.late.get(name, ()):
            by_e = False
    if not (by_g or by_e):
        return  # nothing changed, yet they differ: nothing is written, the audit reports it
    if ruler is not None:
        out.carry(ruler.other, name, (pair.side(ruler).now or {}).get(name))
        if (by_g, by_e)[ruler is Side.GOSUSLUGI]:
            out.decided.append(Decided(name, ruler, y if ruler is Side.GOSUSLUGI else x))
    elif field.style is Style.FORWARD:
        _merge_state(field, x, y, (by_g, by_e), out)
    elif by_g and by_e:
        _merge_both(pair, field, x, y, out)
    elif by_g:
        out.carry(Side.EMIAS, name, x)
    else:
        out.carry(Side.GOSUSLUGI, name, y)


def _merge_state(field: Field, x: Any, y: Any, changes: tuple[bool, bool], out: Merged) -> None:
    """A state only moves forward; states that no way joins are for a person."""
    if x is None or y in field.order.get(str(x), ()):
        winner, lost, moved = Side.EMIAS, x, changes[0]
    elif y is None or x in field.order.get(str(y), ()):
        winner, lost, moved = Side.GOSUSLUGI, y, changes[1]
    else:
        out.conflicts[field.name] = (x, y)
        return
    out.carry(winner.other, field.name, x if winner is Side.GOSUSLUGI else y)
    if moved:
        out.decided.append(Decided(field.name, winner, lost))


def _merge_history(name: str, x: Any, y: Any, ruler: Side | None, out: Merged) -> None:
    both = history.grow(x or [], y or [])
    for side, rows in ((Side.GOSUSLUGI, x or []), (Side.EMIAS, y or [])):
        if side is not ruler and history.lacks(rows, both):
            out.carry(side, name, both)


def _merge_both(pair: Pair, field: Field, x: Any, y: Any, out: Merged) -> None:
    winner = owner_of(pair, field)
    if winner is None:
        out.conflicts[field.name] = (x, y)
        return
    value, lost = (x, y) if winner is Side.GOSUSLUGI else (y, x)
    out.carry(winner.other, field.name, value)
    out.decided.append(Decided(field.name, winner, lost))


def owner_of(pair: Pair, field: Field) -> Side | None:
    """The side whose value rules when both changed; None is a person (design §6, *Owner*)."""
    if field.owner is Owner.PERSON:
        return None
    if field.owner is Owner.LATEST:
        g, e = pair.gosuslugi.stamp, pair.emias.stamp
        if g is not None and e is not None and (g - e).total_seconds() > LATEST_TIE_SECONDS:
            return Side.GOSUSLUGI
        return Side.EMIAS
    return Side(field.owner.value)


def _merge_follower(pair: Pair, kind: Kind, field: Field, doubtful: bool, out: Merged) -> None:
    """A reason goes where its state went; without a move of the state it merges like any other field."""
    name, leader = field.name, field.leader or ""
    if doubtful or leader in out.conflicts:
        return
    target = next((side for side in BOTH if side in out.writes and leader in out.writes[side].fields), None)
    g, e = pair.gosuslugi.now or {}, pair.emias.now or {}
    x, y = g.get(name), e.get(name)
    if x == y:
        out.level.append(name)
    elif target is not None and name not in pair.wanted:
        won, lost = (x, y) if target is Side.EMIAS else (y, x)
        out.carry(target, name, won)
        if changed(pair.side(target), name):
            out.decided.append(Decided(name, target.other, lost))
    else:
        _merge_unequal(pair, kind, field, x, y, out)
