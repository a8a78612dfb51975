"""The only way in. Observations of either system meet their pairs; everything that follows commits in one transaction.

Polling, webhooks, answers, migration, repairs and decisions all end here (design §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medmost.domain.pairing import take
from medmost.domain.record import Fields, Observation, Side, SideState
from medmost.store import ledgers
from medmost.store.deliveries import DEAD, DUE, WAITING
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync import braking, drift, sealing
from medmost.sync.desk import Desk
from medmost.sync.finding import follow, pair_of
from medmost.sync.holding import withhold
from medmost.sync.house import House, Seen
from medmost.sync.replan import replan

WEBHOOK = "webhook"
"""The act of a system's own notice, which may have waited while newer news came by another way."""
REPAIR = "audit.repair"
"""The act of a person's repair: what the same version did not show before counts then."""
UNREADABLE = "unreadable"
"""Why a row waits whose side shows something that does not fit its mapping, so that no doubt can be ended."""


def absorb_page(
    tx: Transaction,
    house: House,
    seen: Sequence[Seen],
    *,
    act: str,
    correlation: str = "",
    cursor: tuple[str, str, dict[str, Any]] | None = None,
) -> int:
    """A page of observations, and the cursor with it. Returns how many brought something new."""
    desk = Desk(tx, house, act, correlation, late=act == WEBHOOK)
    for kind in dict.fromkeys(s.observation.kind for s in seen):
        desk.lay_out(kind, [s for s in seen if s.observation.kind == kind])
    drift.judge(desk, seen)
    learned = sum([observe(desk, s) for s in seen])
    if cursor is not None:
        ledgers.move_cursor(tx, *cursor)
    braking.judge(desk)
    desk.put_back(**({"read": len(seen), "new": learned} if learned else {}))
    return learned


def observe(desk: Desk, seen: Seen) -> bool:
    """One observation. Returns whether anything new was learned."""
    o = seen.observation
    desk.count(o.side, o.kind, "detected")
    row = pair_of(desk, seen)
    if row is not None and seen.moved_to is not None and follow(desk, row, o, seen.moved_to, seen.key_index):
        desk.count(o.side, o.kind, "unchanged")
        return True
    if row is None:
        desk.count(o.side, o.kind, "unchanged")
        return False
    state = row.pair.side(o.side)
    if row.pair.closed or state.ref != o.ref:  # a former record of this pair
        desk.count(o.side, o.kind, "unchanged")
        return False
    drift.judge_after_write(desk, row, seen)
    withhold(desk.house, seen, row)
    kind = desk.house.kind(o.kind)
    readable = not kind.personal or desk.linked(seen.patient_index)
    fresh = o.version > state.version
    if desk.act == REPAIR and _shows_more(state, seen):
        state.doc = None
    if not fresh and not _worth_a_look(state, readable):
        if o.version < state.version and not desk.late and _known_before(desk, row, o):
            desk.tally(o.side, o.kind, older=True)  # no answer of ours has overtaken this page: the system went back
        desk.count(o.side, o.kind, "unchanged")
        return False
    if fresh and sealing.stranger(desk, row, seen):
        sealing.quarantine(desk, row, o.side)
        desk.count(o.side, o.kind, "quarantined")
        return True
    if kind.personal and fresh and seen.patient_index is not None and row.patient_index is None:
        desk.show_patient(row, seen.patient_index)
    before, was, ours = state.now, state.presence, state.sent
    learned = take(row.pair, kind, o, seen.reading if readable else None, flying=desk.flying(row.pair.id, o.side))
    if learned and fresh:
        if not o.gone:
            _tally_change(desk, row, o, None if ours else before)
        elif was == "here" and (ours is None or ours.op != "delete"):  # the end of it is news, and not our own doing
            desk.tally(o.side, o.kind, delete=True)
    row.seen[o.side.value] = desk.now
    if row.key_index is None and seen.key_index is not None:
        desk.show_key(row, seen.key_index, live=not row.pair.hold)
    sealing.settle_doubt(row)
    replan(desk, row)
    if learned:
        _revive(desk, row)
    desk.count(o.side, o.kind, row.state if learned else "unchanged")
    return learned


def _known_before(desk: Desk, row: PairRow, o: Observation) -> bool:
    """Whether what we know of this record was known before the present pass began to read."""
    return row.seen.get(o.side.value, desk.now) < desk.pass_began(o.side, o.kind)


def _tally_change(desk: Desk, row: PairRow, o: Observation, before: Fields | None) -> None:
    """What the brakes count besides deletes: known records that somebody changed, each once in a pass."""
    state = row.pair.side(o.side)
    if before is not None and state.settled is not None and state.now != before:
        desk.tally(o.side, o.kind, change=row.seen.get(o.side.value, 0.0) < desk.pass_began(o.side, o.kind))


def _shows_more(state: SideState, seen: Seen) -> bool:
    """The very version that is known, with values it did not show when it was met, and no other difference (F28).

    A value that changed silently is no such: that one is a person's (design §2a.3).
    """
    if state.version != seen.observation.version or state.presence != "here" or state.sent is not None:
        return False
    if state.now is None or seen.reading is None or seen.reading.problems:
        return False
    other = [name for name, value in seen.reading.fields.items() if value != state.now.get(name)]
    return bool(other) and all(state.now.get(name) is None for name in other)


def _worth_a_look(state: SideState, readable: bool) -> bool:
    """An equal version still matters where a write is unanswered, or where a body may be kept at last."""
    return state.sent is not None or (readable and state.presence == "here" and state.doc is None)


def _revive(desk: Desk, row: PairRow) -> None:
    """What was given up after 72 hours, or could not be read, is tried again once a side has changed."""
    for side in Side:
        delivery = desk.delivery(row.pair.id, side)
        if delivery is None:
            continue
        if delivery.state == DEAD:
            delivery.state, delivery.first_at, delivery.attempts = DUE, desk.now, 0
            desk.put_row(delivery)
        elif delivery.state == WAITING and delivery.reason == UNREADABLE:
            delivery.state = DUE
            desk.put_row(delivery)
