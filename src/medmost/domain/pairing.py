"""How a pair moves: a version seen, an answer received, a write without answer, a person's decision.

Pure functions over one `Pair` (they change it in place; the store saves it in the same transaction). Each rule is
one of design §2a; the names in brackets are the flags of the model that shows what breaks without it.
"""

from __future__ import annotations

from typing import Any, Literal

from medmost.domain import history
from medmost.domain.kinds import Kind, Owner, Style
from medmost.domain.record import Doc, Fields, Observation, Pair, Reading, Sent, Side, SideState, Wanted

Outcome = Literal["answered", "seen", "nothing"]


def take(
    pair: Pair,
    kind: Kind,
    seen: Observation,
    reading: Reading | None,
    *,
    flying: bool = False,
    ended: bool = False,
) -> bool:
    """A version of one side. Older ones never replace newer ones; an equal one only resolves doubt [ver_order].

    `reading` is None for a tombstone and for a body we may not keep. Returns whether something new was learned.
    """
    state = pair.side(seen.side)
    if seen.version < state.version:
        return False
    if seen.version == state.version and not (state.doc is None and state.presence == "here"):
        resolve(pair, kind, seen.side, flying=flying, ended=ended)
        return False
    state.version = seen.version
    state.presence = "gone" if seen.gone else "here"
    state.stamp = seen.stamp
    state.origin = seen.origin or state.origin
    state.doc = seen.doc if reading is not None else None
    state.problems = reading.problems if reading else ()
    state.now = reading.fields if reading and not reading.problems else None
    pair.refused = None  # a refusal holds until one side changes
    resolve(pair, kind, seen.side, flying=flying, ended=ended)
    return True


def resolve(pair: Pair, kind: Kind, target: Side, *, flying: bool, ended: bool) -> None:
    """An unanswered write meets what its side shows (design §2a.7).

    `flying`: the answer may still come. `ended`: the request's own deadline has passed, so what is not there did not
    happen.
    """
    state, other = pair.side(target), pair.side(target.other)
    sent = state.sent
    if sent is None:
        return
    flying = flying and not ended
    if state.presence == "gone":
        if sent.op == "delete":
            settle_delete(pair, target, state.version)
        elif (sent.op == "put" and not flying) or (sent.op == "create" and ended):
            state.sent = None
        return
    if state.presence != "here":
        return
    if sent.op == "create" and state.origin != sent.origin:  # the system's own: ours was not made, first meeting
        state.sent = sent if flying else None
        return
    if sent.op != "create" and state.version == sent.expected:
        if ended:  # it did not happen, and a late copy carries a version that is gone by then
            remember_late(state, sent.fields)
            state.sent = None
        return
    if sent.op == "delete":
        if not flying:
            state.sent = None
        return
    if state.now is None:
        return  # not readable now: whether ours is in it shows when it can be read again
    _settle_arrived(pair, state, other, sent, target)
    if not flying:
        _end_doubt(pair, kind, target, sent)
    elif sent.op == "put" and not sent.fields:
        state.sent = None  # all of it is there, whatever the answer will say


def _end_doubt(pair: Pair, kind: Kind, target: Side, sent: Sent) -> None:
    state = pair.side(target)
    for name, value in sent.fields.items():
        _doubt(pair, kind, target, name, value)
    state.sent = None
    if state.settled is None:
        state.settled = {}


def _settle_arrived(pair: Pair, state: SideState, other: SideState, sent: Sent, target: Side) -> None:
    """What the side shows as we sent it has arrived: exactly those fields settle."""
    assert state.now is not None
    for name in list(sent.fields):
        if state.now.get(name) == sent.fields[name]:
            _settle(state, name, sent.fields[name])
            _settle(other, name, sent.source.get(name))
            del sent.fields[name]
            unwant(pair, name, target)


def _doubt(pair: Pair, kind: Kind, target: Side, name: str, value: Any) -> None:
    """Neither the old value nor ours: a person decides unless the owner's rule is safe [unsure]."""
    state, other = pair.side(target), pair.side(target.other)
    sent, shown = state.sent, (state.now or {}).get(name)
    old = [fields[name] for fields in (state.settled or {}, sent.before if sent else {}) if name in fields]
    if shown in old:
        remember_late(state, {name: value})  # not applied: still behind
        return
    field = kind.field(name)
    if kind.source is not None or field.source is not None:
        return  # the ruling side decides in any case
    if field.style is not Style.REPLACE:
        return  # forward-only states, followers and histories decide by value
    if _respelt(value, shown):  # it arrived, and the system keeps it in its own letters
        _settle(state, name, shown)
        _settle(other, name, (sent.source if sent else {}).get(name))
        unwant(pair, name, target)
        return
    if sent is not None and sent.op == "create":  # its origin id proves that it arrived: what differs changed since
        _settle(state, name, value)
        _settle(other, name, sent.source.get(name))
        return
    if field.owner is Owner.LATEST:
        return  # decided by stamps
    # A source that cannot be read just now may not have moved since: what was entered here would then be on top of it.
    unread = other.presence == "here" and other.now is None
    moved = not unread and (other.now is None or sent is None or other.now.get(name) != sent.source.get(name))
    safe = field.owner.value == target.other.value and moved
    if not safe and name not in pair.unsure:
        pair.unsure.append(name)


def _respelt(sent: Any, shown: Any) -> bool:
    """The same words but for case and spaces: what a system does to a text that it takes."""
    if not isinstance(sent, str) or not isinstance(shown, str):
        return False
    return sent.casefold().split() == shown.casefold().split()


def remember_late(state: SideState, fields: Fields) -> None:
    """Values sent without proof may still appear as echoes; they are nobody's change [echo]."""
    for name, value in fields.items():
        known = state.late.setdefault(name, [])
        if value not in known:
            known.append(value)
            del known[:-4]


def _settle(state: SideState, name: str, value: Any) -> None:
    if state.settled is None:
        state.settled = {}
    state.settled[name] = value


def unwant(pair: Pair, name: str, target: Side) -> None:
    wanted = pair.wanted.get(name)
    if wanted is not None and target in wanted.todo:
        wanted.todo.remove(target)
        if not wanted.todo:
            del pair.wanted[name]


def plan_sent(
    pair: Pair,
    target: Side,
    *,
    op: Literal["create", "put", "delete"],
    fields: Fields,
    doc: Doc | None,
    key: str,
    origin: str | None,
    until: float,
) -> Sent:
    """What is about to leave, to be committed before it does (design §2a.5)."""
    state, other = pair.side(target), pair.side(target.other)
    source = {name: (other.now or {}).get(name) for name in fields}
    state.sent = Sent(
        op=op,
        fields=dict(fields),
        source=source,
        before={name: (state.now or {}).get(name) for name in fields} if op == "put" else {},
        doc=doc,
        expected=state.version,
        ref=state.ref,
        key=key,
        origin=origin,
        until=until,
    )
    return state.sent


def settle_answer(pair: Pair, kind: Kind, target: Side, answer: Observation, reading: Reading) -> None:
    """The system answered our create or put with the record: exactly the fields carried settle (design §2a.6)."""
    state, other = pair.side(target), pair.side(target.other)
    sent = state.sent
    assert sent is not None
    if sent.op == "create":
        if state.ref != answer.ref:  # versions of a former record say nothing about this one
            state.ref, state.version = answer.ref, -1
        state.incarnation += 1
    if reading.problems:  # it took the write and shows something we cannot read: an ordinary look sorts it out
        state.sent = None
        take(pair, kind, answer, reading)
        return
    if answer.version > state.version:
        state.version, state.presence = answer.version, "here"
        state.doc, state.now, state.stamp, state.problems = answer.doc, reading.fields, answer.stamp, ()
        state.origin = answer.origin or state.origin
    for name in sent.fields:
        _settle(state, name, reading.fields.get(name))
        _settle(other, name, sent.source.get(name))
        unwant(pair, name, target)
        if name in pair.unsure:
            pair.unsure.remove(name)
        if kind.field(name).style is Style.GROW and history.lacks(reading.fields.get(name) or (), sent.fields[name]):
            pair.unsure.append(name)  # it took the rows and does not show them: once is enough, a person looks
    state.sent = None


def settle_delete(pair: Pair, target: Side, version: int) -> None:
    """Our own delete is done. It is not a person's: a source that came back meanwhile is created anew [own_delete]."""
    state = pair.side(target)
    state.presence, state.now, state.doc, state.sent, state.version = "gone", None, None, None, version
    if pair.side(target.other).presence == "here":
        reborn(pair, target)


def reborn(pair: Pair, target: Side) -> None:
    """The side counts as never seen: the record is made there anew, as another incarnation."""
    state, other = pair.side(target), pair.side(target.other)
    fresh = SideState(incarnation=state.incarnation + 1)
    if target is Side.GOSUSLUGI:
        pair.gosuslugi = fresh
    else:
        pair.emias = fresh
    other.settled = None


def nothing_there(pair: Pair, target: Side) -> None:
    """The look found nothing after the request's deadline: it never happened, the next try is another incarnation."""
    state = pair.side(target)
    state.sent = None
    state.incarnation += 1


def made_and_gone(pair: Pair, target: Side, answer: Observation) -> None:
    """The look for our create found its tombstone: a person deleted our copy, which then was level [grave_origin]."""
    state, other = pair.side(target), pair.side(target.other)
    sent = state.sent
    assert sent is not None
    state.ref, state.version, state.presence = answer.ref, answer.version, "gone"
    state.now = state.doc = state.sent = None
    state.incarnation += 1
    state.settled = dict(sent.fields)
    other.settled = {**(other.settled or {}), **sent.source}


def decide(pair: Pair, name: str, value: Any) -> None:
    """A person chose a value: both present values count as settled, and sides that lack the choice get it."""
    todo = []
    for side in (Side.GOSUSLUGI, Side.EMIAS):
        state = pair.side(side)
        if state.presence != "here":
            continue
        _settle(state, name, (state.now or {}).get(name))
        if (state.now or {}).get(name) != value:
            todo.append(side)
    if name in pair.unsure:
        pair.unsure.remove(name)
    if todo:
        pair.wanted[name] = Wanted(value, todo)


def leave(pair: Pair, name: str) -> None:
    """A person leaves both sides as they are until either changes: settled as shown, nothing is carried."""
    for side in (Side.GOSUSLUGI, Side.EMIAS):
        state = pair.side(side)
        if state.presence == "here":
            _settle(state, name, (state.now or {}).get(name))
    if name in pair.unsure:
        pair.unsure.remove(name)
    pair.wanted.pop(name, None)


def moved_on(pair: Pair, kind: Kind, source: Side, sent: Sent) -> bool:
    """Whether a state of the source has gone on since it was sent: what was refused is no longer what is there."""
    now = pair.side(source).now or {}
    states = [field.name for field in kind.fields if field.style is Style.FORWARD and field.name in sent.source]
    return any(now.get(name) != sent.source[name] for name in states)


def write_back(pair: Pair, source: Side, fields: Fields) -> None:
    """A refusal of the other system becomes values of the source (visit → rejected, with the reason)."""
    for name, value in fields.items():
        decide_at = pair.side(source)
        _settle(decide_at, name, (decide_at.now or {}).get(name))
        pair.wanted[name] = Wanted(value, [source])
