"""Mistakes planted in the engine, each a rule of design §2a switched off: the simulation must notice every one.

A mistake is a function that is given `patch(owner, name, value)` and puts the wrong thing in the right one's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from medmost.domain import merge as merging
from medmost.domain import pairing
from medmost.domain.kinds import Owner
from medmost.domain.merge import Merged
from medmost.domain.record import BOTH, Observation, Pair, Reading, Side
from medmost.store import deliveries, ledgers
from medmost.sync import absorb, claim, desk, finding, flight, poll, replan, settle
from medmost.sync.deliver import Deliverer
from medmost.sync.house import Seen
from simulation.portals import Stop

Patch = Callable[[Any, str, Any], None]


def no_look_before_a_second_create(patch: Patch) -> None:
    async def blind(*_: Any) -> None:
        return None

    patch(flight, "_look", blind)


def any_record_with_the_key_is_adopted(patch: Patch) -> None:
    async def ours(*_: Any) -> str:
        return "ours"

    patch(Deliverer, "_related", ours)


def whole_records_settle(patch: Patch) -> None:
    right = pairing.settle_answer

    def whole(pair: Pair, kind: Any, target: Side, answer: Observation, reading: Reading) -> None:
        right(pair, kind, target, answer, reading)
        for side in BOTH:
            state = pair.side(side)
            state.settled = dict(state.now or {})

    patch(pairing, "settle_answer", whole)


def nothing_settles_before_both_look_equal(patch: Patch) -> None:
    right = pairing.settle_answer

    def wait(pair: Pair, kind: Any, target: Side, answer: Observation, reading: Reading) -> None:
        kept = {side: dict(pair.side(side).settled or {}) for side in BOTH}
        right(pair, kind, target, answer, reading)
        for side in BOTH:
            pair.side(side).settled = kept[side]

    patch(pairing, "settle_answer", wait)


def an_older_version_replaces_a_newer_one(patch: Patch) -> None:
    right = finding.pair_of

    def forget_order(at: desk.Desk, seen: Seen) -> Any:
        row, o = right(at, seen), seen.observation
        if row is not None and row.pair.side(o.side).ref == o.ref:
            row.pair.side(o.side).version = min(row.pair.side(o.side).version, o.version - 1)
        return row

    patch(absorb, "pair_of", forget_order)


def a_lost_lease_still_settles(patch: Patch) -> None:
    right = settle._settle_one

    def unfenced(at: desk.Desk, outcome: Any, *rest: Any) -> None:
        row = at.delivery(outcome.flight.pair, outcome.flight.side)
        if row is not None:
            row.token, row.state = outcome.flight.token, deliveries.IN_FLIGHT
        right(at, outcome, *rest)

    patch(settle, "_settle_one", unfenced)


def the_cursor_moves_before_its_page(patch: Patch) -> None:
    async def early(self: poll.Poller, kind: str, pages: Any, passed: Any, act: str, told: str, *, keep: bool) -> None:
        async for page in pages:
            seen = [self.house.understand(one) for one in page.observations]
            await self.database.write(
                lambda tx, at=dict(page.cursor): ledgers.move_cursor(tx, self.side.value, kind, at)
            )
            await Stop("page", before=False)
            await self.database.write(lambda tx, s=seen: absorb.absorb_page(tx, self.house, s, act=act))

    patch(poll.Poller, "_absorb", early)


def our_own_write_counts_as_a_change(patch: Patch) -> None:
    right = pairing.settle_answer

    def unrecognised(pair: Pair, kind: Any, target: Side, answer: Observation, reading: Reading) -> None:
        names = list(pair.side(target).sent.fields)  # type: ignore[union-attr]  # an answer to what was sent
        right(pair, kind, target, answer, reading)
        for name in names:
            pair.side(target).settled.pop(name, None)  # type: ignore[union-attr]  # just settled

    patch(pairing, "settle_answer", unrecognised)


def absence_is_a_delete(patch: Patch) -> None:
    right = absorb.absorb_page

    def vanish(tx: Any, house: Any, seen: list[Seen], **rest: Any) -> int:
        learned = right(tx, house, seen, **rest)
        if rest.get("cursor"):
            system, kind, _ = rest["cursor"]
            here = {one.observation.ref for one in seen}
            column = system[0]
            known = tx.execute(
                f"SELECT {column}_ref, {column}_version FROM pair WHERE kind = ? AND {column}_presence = 'here'",  # noqa: S608  # a letter
                (kind,),
            ).fetchall()
            gone = [
                Seen(Observation(side=Side(system), kind=kind, ref=ref, version=version + 1, doc=None), None)
                for ref, version in known
                if ref not in here
            ]
            right(tx, house, gone, act="absence")
        return learned

    patch(poll, "absorb_page", vanish)


def deletes_are_blind(patch: Patch) -> None:
    right = merging._merge_delete

    def always(pair: Pair, kind: Any, target: Side, out: Merged) -> None:
        right(pair, kind, target, out)
        if out.conflicts.pop(merging.WHOLE, None):
            out.writes[target] = merging.Planned("delete", {})

    patch(merging, "_merge_delete", always)


def our_own_delete_is_a_persons(patch: Patch) -> None:
    right = pairing.reborn

    def stillborn(pair: Pair, target: Side) -> None:
        if pair.side(target).presence != "gone":
            right(pair, target)

    patch(pairing, "reborn", stillborn)


def writes_are_unconditional(patch: Patch) -> None:
    right = flight._send

    async def blind(one: Any, system: Any) -> Any:
        if one.ref is not None:
            one = msgspec.structs.replace(one, expected=system.seen(one.kind, one.ref).version)
        return await right(one, system)

    patch(flight, "_send", blind)


def what_is_sent_is_forgotten(patch: Patch) -> None:
    right = claim._flight

    def forgetful(at: desk.Desk, row: Any, claimed: Any, side: Side, sent: Any, **rest: Any) -> Any:
        made = right(at, row, claimed, side, sent, **rest)
        row.pair.side(side).sent = None
        return made

    patch(claim, "_flight", forgetful)


def the_incarnation_never_grows(patch: Patch) -> None:
    right = pairing.reborn

    def same_again(pair: Pair, target: Side) -> None:
        before = pair.side(target).incarnation
        right(pair, target)
        pair.side(target).incarnation = before

    answered = pairing.settle_answer

    def unchanged(pair: Pair, kind: Any, target: Side, *rest: Any) -> None:
        before = pair.side(target).incarnation
        answered(pair, kind, target, *rest)
        pair.side(target).incarnation = before

    patch(pairing, "reborn", same_again)
    patch(replan, "reborn", same_again)
    patch(pairing, "settle_answer", unchanged)


def a_persons_field_is_overwritten(patch: Patch) -> None:
    right = merging._merge_both

    def bold(pair: Pair, field: Any, x: Any, y: Any, out: Merged) -> None:
        if field.owner is Owner.PERSON:
            out.carry(Side.EMIAS, field.name, x)
        else:
            right(pair, field, x, y, out)

    patch(merging, "_merge_both", bold)


def decided_conflicts_are_not_recorded(patch: Patch) -> None:
    patch(claim, "_record_decisions", lambda *_: None)


def consent_is_not_asked(patch: Patch) -> None:
    patch(desk.Desk, "linked", lambda self, patient: True)


def silence_is_success(patch: Patch) -> None:
    right = settle._unanswered

    def trusting(at: desk.Desk, row: Any, one: Any, *rest: Any) -> None:
        state, other = row.pair.side(one.side), row.pair.side(one.side.other)
        if one.op == "put":
            state.settled = {**(state.settled or {}), **state.sent.fields}
            other.settled = {**(other.settled or {}), **state.sent.source}
            state.sent = None
        right(at, row, one, *rest)

    patch(settle, "_unanswered", trusting)


def a_history_is_a_plain_field(patch: Patch) -> None:
    right = merging._merge_change

    def plain(pair: Pair, kind: Any, field: Any, out: Merged) -> None:
        right(pair, kind, msgspec.structs.replace(field, style="replace"), out)

    patch(merging, "_merge_change", plain)


def a_state_may_go_back(patch: Patch) -> None:
    def latest(field: Any, x: Any, y: Any, out: Merged) -> None:
        out.carry(Side.GOSUSLUGI, field.name, y)

    patch(merging, "_merge_state", latest)


def keys_that_meet_are_not_noticed(patch: Patch) -> None:
    patch(finding, "_match", lambda at, seen, ours: ours or at.new_pair(seen.observation.kind))
    patch(replan, "_meets_another", lambda *_: False)


def the_books_forget_what_was_unchanged(patch: Patch) -> None:
    right = desk.Desk.count

    def careless(self: desk.Desk, system: str, kind: str, account: str, number: int = 1) -> None:
        if account != "unchanged":
            right(self, system, kind, account, number)

    patch(desk.Desk, "count", careless)


def level_fields_are_written_again(patch: Patch) -> None:
    right = merging.merge

    def eager(pair: Pair, kind: Any) -> Merged:
        out = right(pair, kind)
        for name in out.level:
            out.carry(Side.EMIAS, name, (pair.emias.now or {}).get(name))
        return out

    patch(claim, "merge", eager)
    patch(replan, "merge", eager)


# Two more that only longer searches notice (`make simulate ARGS=--planted`); their rules have tests of their own in
# tests/unit/test_rules_of_design_2a.py.
RARE: tuple[Callable[[Patch], None], ...] = (a_lost_lease_still_settles, our_own_delete_is_a_persons)
MISTAKES: tuple[Callable[[Patch], None], ...] = (
    no_look_before_a_second_create, any_record_with_the_key_is_adopted, whole_records_settle,
    nothing_settles_before_both_look_equal, an_older_version_replaces_a_newer_one,
    the_cursor_moves_before_its_page, our_own_write_counts_as_a_change, absence_is_a_delete, deletes_are_blind,
     writes_are_unconditional, what_is_sent_is_forgotten, the_incarnation_never_grows,
    a_persons_field_is_overwritten, decided_conflicts_are_not_recorded, consent_is_not_asked, silence_is_success,
    a_history_is_a_plain_field, a_state_may_go_back, keys_that_meet_are_not_noticed,
    the_books_forget_what_was_unchanged, level_fields_are_written_again,
)  # fmt: skip


@contextmanager
def planted(mistake: Callable[[Patch], None]) -> Iterator[None]:
    """The engine with one mistake in it, until the end of the block."""
    undo: list[tuple[Any, str, Any]] = []

    def patch(owner: Any, name: str, value: Any) -> None:
        undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    try:
        mistake(patch)
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)
