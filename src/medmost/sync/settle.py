"""What comes of deliveries, in one transaction: exactly the fields carried settle, or the row waits, or it is parked.

The one ladder that handles Transient, Stale and Refused (design §2a.6–8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medmost.domain import pairing
from medmost.domain.errors import Refused, Transient
from medmost.domain.pacing import OUTAGE
from medmost.domain.record import Observation, Side
from medmost.store import deliveries
from medmost.store.deliveries import Delivery
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync import drift, sealing
from medmost.sync.absorb import UNREADABLE, observe
from medmost.sync.desk import Desk
from medmost.sync.flight import Flight, Outcome
from medmost.sync.holding import withhold
from medmost.sync.house import House, Seen
from medmost.sync.parents import PATIENCE, WAITS_FOR, parent_under_way, wake_children
from medmost.sync.replan import DUPLICATE, replan

GIVE_UP_AFTER = 72 * 3600.0
PASSING_TRIES = 8
TWIN_TRIES, TWIN = 10, "MM-TWIN"  # a natural key that another pair's record holds is waited for: about four minutes
UNREADABLE_RECHECK = 600.0  # seconds; its next version ends the wait at once
OTHER_RECHECK = 60.0  # seconds after an answer that was another record
RESULT_PATIENCE = 3600.0  # seconds an accepted request may take before its record is looked at
PASSING = {
    "SIM_UNKNOWN_REFERENCE": "parent",
    "unknown_reference": "parent",
    # Booked at both systems for two people: EMIAS rules, and the portal's own visit is about to be rejected.
    "slot_taken": "slot",
}
"""Refusals that what is under way elsewhere ends by itself: tried again for a minute before a person is called."""


def settle(
    tx: Transaction, house: House, outcomes: Sequence[Outcome], chance: Callable[[], float] | None = None
) -> None:
    """Commits a batch of answers. `chance` draws the jitter of waits; the house's own unless given."""
    chance = chance or house.chance
    desk = Desk(tx, house, "answer")
    seen = {id(o): house.understand(o.seen) for o in outcomes if o.seen is not None}
    for kind in dict.fromkeys(o.flight.kind for o in outcomes):
        desk.lay_out(kind, [seen[id(o)] for o in outcomes if o.flight.kind == kind and id(o) in seen])
    desk.load([o.flight.pair for o in outcomes])
    for outcome in outcomes:
        if id(outcome) in seen and outcome.flight.pair in desk.rows:
            drift.judge_after_write(desk, desk.rows[outcome.flight.pair], seen[id(outcome)])
            withhold(house, seen[id(outcome)], desk.rows[outcome.flight.pair])
        _settle_one(desk, outcome, seen.get(id(outcome)), chance)
    told: dict[str, int] = {}
    for outcome in outcomes:
        name = f"{outcome.flight.side.value} {outcome.flight.op} {outcome.what}"
        told[name] = told.get(name, 0) + 1
    desk.put_back(answers=told)
    if desk.landed and deliveries.any_waiting_for(tx, WAITS_FOR):
        wake_children(tx, desk.landed, outcomes[0].flight.side)


def _settle_one(desk: Desk, outcome: Outcome, seen: Seen | None, chance: Callable[[], float]) -> None:
    flight = outcome.flight
    row = desk.rows.get(flight.pair)
    delivery = desk.delivery(flight.pair, flight.side)
    holds = delivery is not None and delivery.token == flight.token and delivery.state == deliveries.IN_FLIGHT
    if row is None or delivery is None or not holds or row.pair.closed or row.pair.side(flight.side).sent is None:
        if delivery is not None and holds:  # nothing is unanswered any more
            desk.drop_row(flight.pair, flight.side)
        if seen is not None:
            observe(desk, seen)  # a flight that lost its lease may look, not settle [fence]
        if row is not None:
            replan(desk, row)
        return
    if outcome.what == "ok" and seen is not None:
        _answered(desk, row, flight, seen)
    elif outcome.what == "seen":
        _looked(desk, row, flight, delivery, seen)
    elif outcome.what == "nothing":
        _found_nothing(desk, row, flight, delivery)
    elif outcome.what == "twin":
        _found_twin(desk, row, flight, delivery)
    elif outcome.what == "accepted":
        _accepted(desk, row, flight, delivery)
    elif outcome.what == "other":
        _about_another(desk, row, flight, delivery)
    elif outcome.what == "late":
        _wait(desk, row, delivery, desk.now, "lease")
    elif isinstance(outcome.error, Refused):
        _refused(desk, row, flight, delivery, outcome.error)
    elif isinstance(outcome.error, Transient):
        _unanswered(desk, row, flight, delivery, outcome.error, chance)


# ---------------------------------------------------------------- answers
def _answered(desk: Desk, row: PairRow, flight: Flight, seen: Seen) -> None:
    o, side = seen.observation, flight.side
    desk.drop_row(row.pair.id, side)
    if flight.op == "delete":
        pairing.settle_delete(row.pair, side, o.version)
    elif o.gone or seen.reading is None:
        row.pair.side(side).sent = None
        observe(desk, seen)
    elif _other_person(desk, row, flight, seen):
        return
    else:
        if flight.op == "create" and not _bind_created(desk, row, side, o):
            return
        kind = desk.house.kind(flight.kind)
        pairing.settle_answer(row.pair, kind, side, o, seen.reading)
        if flight.op == "create":
            desk.landed.append(row.pair.id)
        _known_tombstone(desk, row, side, o)
    row.seen[side.value] = desk.now
    desk.count(side, flight.kind, "delivered")
    replan(desk, row)


def _other_person(desk: Desk, row: PairRow, flight: Flight, seen: Seen) -> bool:
    """An answer that shows another patient's record is an incident: nothing of it is kept (F29)."""
    kind = desk.house.kind(flight.kind)
    shown = seen.reading.fields if seen.reading is not None and not seen.reading.problems else None
    if kind.personal:
        if shown is None or desk.same_patient(row.patient_index, seen.patient_index):
            return False
    elif not sealing.answers_about_another(desk, row, flight.side, shown):
        return False
    row.pair.side(flight.side).sent = None
    sealing.quarantine(desk, row, flight.side)
    return True


def _about_another(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery) -> None:
    """Another record in place of ours. Whether our write arrived is looked for; a patient's pair stands still."""
    _wait(desk, row, delivery, desk.now + OTHER_RECHECK, "other")
    kind = desk.house.kind(flight.kind)
    if kind.personal or desk.house.is_person(kind):
        sealing.quarantine(desk, row, flight.side)


def _bind_created(desk: Desk, row: PairRow, side: Side, o: Observation) -> bool:
    """The created record belongs to this pair, unless it is bound elsewhere: then both are held."""
    bound, gone_version = desk.holder(o.kind, side, o.ref)
    state = row.pair.side(side)
    if bound not in (None, row.pair.id):
        other = desk.rows.get(bound or 0)
        for one in (row, other):
            if one is not None:
                one.pair.hold = DUPLICATE
        state.sent = None
        replan(desk, row)
        if other is not None:
            replan(desk, other)
        return False
    if state.ref not in (None, o.ref) and state.presence == "here":
        row.pair.hold = DUPLICATE
        state.sent = None
        desk.bind(o.kind, side, o.ref, row.pair.id)
        replan(desk, row)
        return False
    desk.bind(o.kind, side, o.ref, row.pair.id, gone_version)
    return True


def _known_tombstone(desk: Desk, row: PairRow, side: Side, o: Observation) -> None:
    """We heard of the record's end before we heard that it had been made."""
    gone = desk.alias(o.kind, side, o.ref)[1]
    state = row.pair.side(side)
    if gone is not None and gone > state.version:
        state.version, state.presence, state.now, state.doc = gone, "gone", None, None


def _accepted(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery) -> None:
    """The result comes later, as an observation; it may have been here first. After a while somebody looks."""
    state, kind = row.pair.side(flight.side), desk.house.kind(flight.kind)
    if state.sent is not None and state.presence == "here" and state.version != state.sent.expected:
        pairing.resolve(row.pair, kind, flight.side, flying=False, ended=True)
    if state.sent is None:
        desk.drop_row(row.pair.id, flight.side)
    else:
        delivery.state, delivery.reason = deliveries.AWAITING, "accepted"
        delivery.not_before = desk.now + RESULT_PATIENCE
        desk.put_row(delivery)
    replan(desk, row)


# ---------------------------------------------------------------- looks
def _looked(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery, seen: Seen | None) -> None:
    side, pair = flight.side, row.pair
    kind = desk.house.kind(flight.kind)
    state = pair.side(side)
    if seen is None:  # the system does not know its own ref: absence is never a delete
        _wait(desk, row, delivery, desk.now + 60.0, "missing")
        return
    o = seen.observation
    if flight.op == "create":
        if o.gone:
            desk.bind(o.kind, side, o.ref, pair.id)
            pairing.made_and_gone(pair, side, o)
            desk.drop_row(pair.id, side)
            replan(desk, row)
            return
        bound, _ = desk.holder(o.kind, side, o.ref)
        if bound not in (None, pair.id):
            _wait(desk, row, delivery, desk.now + 1.0, "bound")
            return
        if state.ref is None or (state.presence == "gone" and state.ref != o.ref):
            state.ref, state.version = o.ref, -1
            desk.bind(o.kind, side, o.ref, pair.id)
    observe(desk, seen)
    ended = flight.ended or not flight.again  # a write that was answered 412 did not happen
    if state.sent is not None:
        pairing.resolve(pair, kind, side, flying=False, ended=ended or flight.op == "create")
    if state.sent is not None:
        if state.problems:
            _wait(desk, row, delivery, desk.now + UNREADABLE_RECHECK, UNREADABLE)
        else:
            _wait(desk, row, delivery, max(desk.now + 0.2, state.sent.until), "unanswered")
        replan(desk, row)
        return
    desk.drop_row(pair.id, side)
    replan(desk, row)


def _found_nothing(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery) -> None:
    state = row.pair.side(flight.side)
    assert state.sent is not None
    if not flight.ended:
        _wait(desk, row, delivery, state.sent.until, "unanswered")
        return
    pairing.nothing_there(row.pair, flight.side)
    desk.drop_row(row.pair.id, flight.side)
    replan(desk, row)


def _found_twin(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery) -> None:
    """Another pair's record holds our natural key there. It may be about to give it up; else a person looks."""
    state = row.pair.side(flight.side)
    assert state.sent is not None
    if flight.again and not flight.ended:
        _wait(desk, row, delivery, state.sent.until, "unanswered")
        return
    pairing.nothing_there(row.pair, flight.side)
    if delivery.attempts < TWIN_TRIES:
        _wait(desk, row, delivery, desk.now + 0.25 * 2**delivery.attempts, "twin")
        return
    desk.drop_row(row.pair.id, flight.side)
    row.pair.refused = f"{flight.side.value} {TWIN}"
    desk.tell("refused", flight.side.value, flight.kind, TWIN)
    desk.count(flight.side, flight.kind, "refusals")
    replan(desk, row)


# ---------------------------------------------------------------- waiting and parking
def _wait(desk: Desk, row: PairRow, delivery: Delivery, until: float, reason: str) -> None:
    delivery.state, delivery.not_before, delivery.reason = deliveries.WAITING, until, reason
    if desk.now - delivery.first_at > GIVE_UP_AFTER:
        delivery.state = deliveries.DEAD
        desk.tell("dead", delivery.side, delivery.kind, "MM-DELIVERY-DEAD")
    desk.put_row(delivery)
    desk.dirty.add(row.pair.id)


def _unanswered(
    desk: Desk, row: PairRow, flight: Flight, delivery: Delivery, error: Transient, chance: Callable[[], float]
) -> None:
    """Wait and repeat. What never left is forgotten, so that the next try starts clean."""
    if not error.arrived and not flight.again:
        row.pair.side(flight.side).sent = None
    pause = OUTAGE.wait(delivery.attempts, chance(), error.retry_after)
    reason = "unreachable" if not error.arrived else error.code
    _wait(desk, row, delivery, desk.now + pause, reason)


def _refused(desk: Desk, row: PairRow, flight: Flight, delivery: Delivery, error: Refused) -> None:
    kind, pair, side = desk.house.kind(flight.kind), row.pair, flight.side
    sent, pair.side(side).sent = pair.side(side).sent, None
    parent = parent_under_way(desk, row, side) if PASSING.get(error.said) == "parent" else None
    if parent is not None:
        delivery.attempts -= 1  # nothing is wrong with this one
        _wait(desk, row, delivery, desk.now + PATIENCE, f"{WAITS_FOR}{parent}")
        return
    if error.said in PASSING and delivery.attempts < PASSING_TRIES:
        _wait(desk, row, delivery, desk.now + 0.25 * 2**delivery.attempts, PASSING[error.said])
        return
    desk.drop_row(pair.id, side)
    if flight.op == "create" and error.said in kind.refusal:
        told = {name: error.reason if value is None else value for name, value in kind.refusal[error.said].items()}
        if sent is None or not pairing.moved_on(pair, kind, side.other, sent):
            pairing.write_back(pair, side.other, told)
    else:
        pair.refused = f"{side.value} {error.said}: {error.reason}"
        desk.tell("refused", side.value, flight.kind, error.said)
        desk.count(side, flight.kind, "refusals")
    replan(desk, row)
