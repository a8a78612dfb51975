"""Taking due delivery rows and working out, at that moment, what each side lacks (design §2.3, §2a.5).

What is sent is durable before it leaves: `Sent` commits in the transaction that claims.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from collections.abc import Mapping as Mapped

from medmost.domain.merge import Merged, merge
from medmost.domain.pairing import plan_sent
from medmost.domain.record import Sent, Side
from medmost.store import deliveries, ledgers, relaying
from medmost.store.conflicts import Found
from medmost.store.deliveries import Delivery
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.churning import turn_back
from medmost.sync.desk import Desk
from medmost.sync.flight import Flight
from medmost.sync.holding import keeps_back
from medmost.sync.house import House
from medmost.sync.replan import replan
from medmost.sync.sealing import quarantine, sealed
from medmost.sync.stages import open_kinds, within_share

Choose = Callable[[Transaction, Collection[str], Callable[[list[int]], list[Delivery]]], list[Delivery]]
"""Given the kinds that may write and what takes the rows of some pairs: takes those that are wanted."""
CHURN = "MM-BRAKE-CHURN"
NEVER_LEFT = ("", "unreachable", "stage", "unread", "parent")
"""Why a row waited though nothing of it had reached the system, or nothing could be wrong with the system."""
STAGE_RECHECK = 60.0
UNREAD_RECHECK = 0.5


def claim(tx: Transaction, house: House, side: Side, limit: int, choose: Choose | None = None) -> list[Flight]:
    """Up to `limit` flights for one side; parents before children, nothing of a kind that may not write.

    `choose`: which due rows, where a broker says which (`sync.feed`); without it all that are due.
    """
    now = house.clock.now()
    if not deliveries.any_work(tx, side.value, now):
        return []
    deliveries.wake(tx, now)
    shares = open_kinds(ledgers.stages(tx), house.mappings)
    rows = _take(tx, house, side, limit, shares, choose)
    if not rows:
        return []  # nothing is written, so that an idle turn costs no commit
    desk = Desk(tx, house, "claim")
    desk.load([row.pair for row in rows])
    read = {kind for (system, kind), end in ledgers.passes(tx).items() if system == side.value and end is not None}
    flights = [flight for row in rows if (flight := _prepare(desk, row, side, shares, read)) is not None]
    desk.put_back(side=side.value, claimed=len(flights))
    return flights


def _take(
    tx: Transaction, house: House, side: Side, limit: int, kinds: Collection[str], choose: Choose | None
) -> list[Delivery]:
    """Rows under a new fencing token."""
    until = house.clock.now() + house.lease
    if choose is None:
        first = deliveries.first_due(tx, side.value, kinds)
        if first is None:
            return []
        token = ledgers.count_up(tx, "fencing")
        return deliveries.claim(tx, side.value, first, limit=limit, token=token, until=until)

    def take(pairs: list[int]) -> list[Delivery]:
        token = ledgers.count_up(tx, "fencing")
        return relaying.take(tx, side.value, pairs[:limit], token=token, until=until)

    return choose(tx, kinds, take)


def _prepare(
    desk: Desk, claimed: Delivery, side: Side, shares: Mapped[str, int], read: Container[str]
) -> Flight | None:
    """`read`: the kinds this side has been read through once, so that what it holds already is known."""
    row = desk.rows[claimed.pair]
    desk.put_row(claimed)
    pair, kind = row.pair, desk.house.kind(row.pair.kind)
    if kind.personal and not desk.linked(row.patient_index):
        replan(desk, row)
        desk.drop_row(pair.id, side)
        return None
    if not within_share(row.bucket, shares[kind.name]):
        claimed.state, claimed.not_before, claimed.reason = deliveries.WAITING, desk.now + STAGE_RECHECK, "stage"
        return None
    if pair.side(side).sent is not None:
        return _look_again(desk, row, claimed, side)
    merged = merge(pair, kind)
    if side not in merged.writes:
        desk.drop_row(pair.id, side)
        replan(desk, row)
        return None
    if keeps_back(desk.house, kind.name, side, merged.writes[side].op):
        claimed.state, claimed.not_before, claimed.reason = deliveries.WAITING, desk.now + STAGE_RECHECK, "drift"
        claimed.attempts -= 1
        return None
    if merged.writes[side].op == "create" and kind.name not in read:  # its partner may only not have been seen yet
        claimed.state, claimed.not_before, claimed.reason = deliveries.WAITING, desk.now + UNREAD_RECHECK, "unread"
        claimed.attempts -= 1
        return None
    return _first_try(desk, row, claimed, side, merged)


def _look_again(desk: Desk, row: PairRow, claimed: Delivery, side: Side) -> Flight:
    """An earlier try has no answer. A create is repeated exactly as first sent; the rest only looks."""
    pair = row.pair
    sent, other = pair.side(side).sent, pair.side(side.other)
    assert sent is not None
    sent.tries += 1
    desk.dirty.add(pair.id)
    held = pair.hold is not None or not sealed(desk, row, desk.house.kind(pair.kind), side, sent.doc)
    only_look = held or sent.op != "create" or other.presence != "here" or pair.side(side).presence == "gone"
    ended = desk.now >= sent.until
    if not only_look:
        sent.until = desk.now + desk.house.lease
    return _flight(desk, row, claimed, side, sent, again=True, only_look=only_look, ended=ended)


def _first_try(desk: Desk, row: PairRow, claimed: Delivery, side: Side, merged: Merged) -> Flight | None:
    pair = row.pair
    planned, state = merged.writes[side], pair.side(side)
    mapping = desk.house.mappings[pair.kind]
    if turn_back(pair, mapping.kind, side, planned, desk.now):
        desk.tell("refused", side.value, pair.kind, CHURN)
        desk.drop_row(pair.id, side)
        replan(desk, row)
        return None
    doc = None
    if planned.op != "delete":
        doc = mapping.write(side, planned.fields, state.doc if planned.op == "put" else None)
    if not sealed(desk, row, mapping.kind, side, doc):
        desk.drop_row(pair.id, side)
        quarantine(desk, row, side)
        return None
    mark = desk.house.cipher.mark(pair.id, state.incarnation)
    sent = plan_sent(
        pair,
        side,
        op=planned.op,
        fields=planned.fields,
        doc=doc,
        # Only a create is ever repeated; of two changes each has a key of its own, though the version may be the same.
        key=f"{mark}-{side.value[0]}{claimed.token}" if planned.op != "create" else f"{mark}-{side.value[0]}",
        origin=mark if planned.op == "create" else None,
        until=desk.now + desk.house.lease,
    )
    _record_decisions(desk, row, merged, side)
    desk.dirty.add(pair.id)
    return _flight(desk, row, claimed, side, sent, again=False, only_look=False, ended=False)


def _flight(
    desk: Desk, row: PairRow, claimed: Delivery, side: Side, sent: Sent, *, again: bool, only_look: bool, ended: bool
) -> Flight:
    state, mapping = row.pair.side(side), desk.house.mappings[row.pair.kind]
    natural = None
    if sent.op == "create":
        natural = mapping.write(side, {name: sent.fields.get(name) for name in mapping.kind.key}, None)
    return Flight(
        pair=row.pair.id,
        side=side,
        kind=row.pair.kind,
        token=claimed.token,
        lease_until=desk.now + desk.house.lease - desk.house.deadline,
        op=sent.op,
        ref=state.ref if sent.op != "create" else None,
        doc=sent.doc,
        base=state.doc if sent.op == "put" else None,
        expected=sent.expected,
        key=sent.key,
        origin=sent.origin,
        natural=natural,
        again=again,
        repeat=again or (claimed.attempts > 1 and claimed.reason.partition(":")[0] not in NEVER_LEFT),
        only_look=only_look,
        ended=ended,
        correlation=claimed.correlation,
        first_at=claimed.first_at,
    )


def _record_decisions(desk: Desk, row: PairRow, merged: Merged, side: Side) -> None:
    """What an owner's rule decided is written down with the losing value when it is carried."""
    pair = row.pair
    carried = merged.writes[side].fields
    for one in merged.decided:
        if one.field in carried and one.winner is side.other:
            won = (pair.side(one.winner).now or {}).get(one.field)
            g, e = (won, one.lost) if one.winner is Side.GOSUSLUGI else (one.lost, won)
            versions = (pair.gosuslugi.version, pair.emias.version)
            desk.decided(Found(pair.id, pair.kind, one.field, g, e, *versions, "decided", f"owner {one.winner}"))
