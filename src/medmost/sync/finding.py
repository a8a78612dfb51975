"""Which pair an observation belongs to: by ref, by our mark, by key, or none yet (design §2a.2)."""

from __future__ import annotations

from medmost.domain.kinds import Kind
from medmost.domain.record import Observation, Pair, Reading, Side
from medmost.store.aliases import former
from medmost.store.pairs import PairRow
from medmost.sync import sealing
from medmost.sync.desk import Desk
from medmost.sync.house import Seen
from medmost.sync.replan import DUPLICATE, IDENTITY, join, replan


def pair_of(desk: Desk, seen: Seen) -> PairRow | None:
    o = seen.observation
    known, gone_version = desk.holder(o.kind, o.side, o.ref)
    if known is not None:
        return desk.rows.get(known)
    ours = _by_origin(desk, o)
    if o.gone:
        return _tombstone_of_unknown(desk, o, ours, gone_version)
    if gone_version is not None and gone_version >= o.version:
        return None  # an older page must not bring it back
    if ours is not None and ours.pair.side(o.side).ref and ours.pair.side(o.side).presence == "here":
        desk.bind(o.kind, o.side, o.ref, ours.pair.id)  # a second record with our mark
        ours.pair.hold = DUPLICATE
        replan(desk, ours)
        return None
    row = _moved(desk, seen) or _match(desk, seen, ours)
    state = row.pair.side(o.side)
    state.ref = o.ref
    if ours is None and seen.moved_from is None:
        sealing.meets(desk, row, seen)
    desk.bind(o.kind, o.side, o.ref, row.pair.id)
    return row


def _by_origin(desk: Desk, o: Observation) -> PairRow | None:
    marked = desk.house.cipher.marked(o.origin)
    if marked is None:
        return None
    desk.load([marked[0]])
    row = desk.rows.get(marked[0])
    return row if row is not None and row.pair.kind == o.kind and not row.pair.closed else None


def _tombstone_of_unknown(desk: Desk, o: Observation, ours: PairRow | None, known: int | None) -> PairRow | None:
    if ours is None or ours.pair.side(o.side).ref is not None:
        if known is None or known < o.version:
            desk.bind(o.kind, o.side, o.ref, None, o.version)
        return None
    state, other = ours.pair.side(o.side), ours.pair.side(o.side.other)
    if state.sent is not None:  # our copy was made, and deleted before we heard of it
        state.settled = dict(state.sent.fields)
        other.settled = {**(other.settled or {}), **state.sent.source}
        state.sent = None
    state.ref = o.ref
    desk.bind(o.kind, o.side, o.ref, ours.pair.id)
    return ours


def _match(desk: Desk, seen: Seen, ours: PairRow | None) -> PairRow:
    o = seen.observation
    if ours is not None:
        if ours.pair.side(o.side).presence == "gone":
            _vacate(ours.pair, o.side)
        return ours
    twin = False
    for row in desk.with_key(o.kind, seen.key_index):
        if row.pair.hold:
            continue
        state = row.pair.side(o.side)
        free = state.ref is None or state.presence == "gone"
        if seen.moved_to is None and not _same_life(desk.house.kind(o.kind), row.pair, o, seen.reading):
            continue  # a moved record only looks ended
        if free:
            _vacate(row.pair, o.side)
            return row
        twin = twin or row.key_live
    known = _by_sent_key(desk, seen) or _by_moved_key(desk, seen) or _by_former_number(desk, seen)
    if known is not None:
        return known
    row = desk.new_pair(o.kind)
    if _number_of_another(desk, seen):
        row.pair.hold = IDENTITY
    if twin and seen.key_index is not None and not _released(desk, seen):
        row.pair.hold = DUPLICATE
    return row


def _moved(desk: Desk, seen: Seen) -> PairRow | None:
    """A moved visit is a new record of the same pair (design §6): it takes the old one's place."""
    o = seen.observation
    if seen.moved_from is None:
        return None
    known, _ = desk.alias(o.kind, o.side, seen.moved_from)
    row = desk.rows.get(known) if known is not None else None
    if row is None or row.pair.closed or row.pair.side(o.side).ref != seen.moved_from:
        return None
    _vacate(row.pair, o.side)
    return row


def follow(desk: Desk, row: PairRow, o: Observation, successor: str, key: bytes | None) -> bool:
    """The old record of a moved visit says where it went. Its cancellation is nobody's: the pair goes on there.

    False where it cannot: the successor has a whole pair of its own. Then this record ends like any other.
    """
    if row.pair.closed or row.pair.side(o.side).ref != o.ref:
        return False
    other = desk.alias(o.kind, o.side, successor)[0] or row.pair.id
    if other == row.pair.id:
        desk.bind(o.kind, o.side, successor, row.pair.id)
        _vacate(row.pair, o.side, successor)
        state = row.pair.side(o.side)
        if state.presence != "here":  # not even the old one was known: the successor is there, and still to be read
            state.presence, state.now, state.doc = "here", None, None
    elif _is_empty(row.pair) or join(desk, row, desk.rows[other], but=o.side):  # its successor was here first
        desk.bind(o.kind, o.side, o.ref, other)
        row.pair.side(o.side).ref = None
    else:
        return False
    if key is not None:
        desk.former_key(row.pair.kind, key, other)
    replan(desk, row)
    return True


def _is_empty(pair: Pair) -> bool:
    """Nothing is known of either side: the pair was made for the record that is being looked at.

    Neither is anything known of a record that only a former one in its chain of moves has named: it has no version yet.
    """
    return all(pair.side(side).version < 0 and pair.side(side).sent is None for side in Side)


def _by_sent_key(desk: Desk, seen: Seen) -> PairRow | None:
    """The pair that *sent* a create with this key, though its own key has moved on since [sent_key]."""
    o = seen.observation
    if seen.key_index is None:
        return None
    found = former(desk.tx, o.kind, [seen.key_index]).get(seen.key_index)
    row = desk.rows.get(found) if found is not None else None
    if row is None or row.pair.closed:
        return None
    state, kind = row.pair.side(o.side), desk.house.kind(o.kind)
    sent = state.sent
    if sent is None or sent.op != "create" or state.presence == "here":
        return None
    if desk.house.key_index(kind, sent.fields) != seen.key_index:
        return None
    _vacate(row.pair, o.side)
    return row


def _by_moved_key(desk: Desk, seen: Seen) -> PairRow | None:
    """The pair whose visit stood under this key until EMIAS moved it: the portal still shows the old hour."""
    o = seen.observation
    if seen.key_index is None or desk.house.kind(o.kind).moved_from is None:
        return None
    found = former(desk.tx, o.kind, [seen.key_index]).get(seen.key_index)
    row = desk.rows.get(found) if found is not None else None
    if row is None or row.pair.closed or row.pair.hold or row.pair.side(o.side.other).presence != "here":
        return None
    state = row.pair.side(o.side)
    return row if state.ref is None and state.presence == "never" and state.sent is None else None


def _holder_of_former(desk: Desk, seen: Seen) -> PairRow | None:
    """The policy that had this number once, where it has another now (F39)."""
    o = seen.observation
    if seen.key_index is None or not desk.house.is_person(desk.house.kind(o.kind)):
        return None
    found = former(desk.tx, o.kind, [seen.key_index]).get(seen.key_index)
    row = desk.rows.get(found) if found is not None else None
    return None if row is None or row.pair.closed or row.pair.hold else row


def _by_former_number(desk: Desk, seen: Seen) -> PairRow | None:
    """A former number stays good for finding, as long as the place of this side is free."""
    row = _holder_of_former(desk, seen)
    if row is None or row.pair.side(seen.observation.side).sent is not None:
        return None
    state = row.pair.side(seen.observation.side)
    if state.ref is not None and state.presence != "gone":
        return None
    _vacate(row.pair, seen.observation.side)
    return row


def _number_of_another(desk: Desk, seen: Seen) -> bool:
    """A former number comes up by itself beside its holder: a merger undone, or a person with two policies."""
    row = _holder_of_former(desk, seen)
    if row is None or seen.reading is None or seen.reading.problems:
        return False
    known = row.pair.side(seen.observation.side).now
    return known is not None and not sealing.surely_another(known, seen.reading.fields)


def _vacate(pair: Pair, side: Side, ref: str | None = None) -> None:
    """A new record takes the place of one that is gone, or moved, or was never there.

    A change that was sent to the former one says nothing about it; our create may still be its origin.
    """
    state = pair.side(side)
    state.ref, state.version = ref, -1
    if state.sent is not None and state.sent.op != "create":
        state.sent = None


def _released(desk: Desk, seen: Seen) -> bool:
    return seen.reading is not None and desk.house.kind(seen.observation.kind).key_released(seen.reading.fields)


def _same_life(kind: Kind, pair: Pair, o: Observation, reading: Reading | None) -> bool:
    """May this record be the other half of the pair, though one of them has given up its natural key?

    A cancelled visit and a new booking of the same hour are two visits; the one and its own cancellation are one.
    Only at first meeting, where no settled state can tell, the change stamps decide: what was booked after the
    cancellation is another visit. What has gone on from its first state is no new booking: the two disagree.
    """
    if reading is None or not kind.releases_key:
        return True
    other = pair.side(o.side.other)
    if other.now is None:
        return True
    ended_here, ended_there = kind.key_released(reading.fields), kind.key_released(other.now)
    if ended_here == ended_there:
        return True
    if not kind.is_fresh(other.now if ended_here else reading.fields):
        return True
    if o.stamp is None or other.stamp is None:
        return False
    return (o.stamp > other.stamp) if ended_here else (o.stamp < other.stamp)
