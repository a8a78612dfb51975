"""The exact rules of design §2a, one test each, on the real engine parts over a real state and two systems in memory.

Names in brackets are the rules' flags in the model that shows what breaks without them. Workers are stepped by hand:
`begin` puts a delivery on the wire, `step` moves it to its next stop (before the effect, after it), `settle` commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medmost.domain.errors import Transient
from medmost.domain.record import BOTH, Doc, Observation, Side
from medmost.store import conflicts, pairs
from medmost.store.pairs import PairRow
from medmost.sync.absorb import absorb_page
from simulation.portals import Flavour, Hook
from simulation.world import CIPHER, Task, World

G, E = Side.GOSUSLUGI, Side.EMIAS
NUMBER = "7756410834100000"
NAMES = {G: {"phone": "Телефон", "insurer": "Страховая организация", "name": "Фамилия", "key": "Номер полиса"},
         E: {"phone": "phone", "name": "lastName", "key": "policyNumber"}}  # fmt: skip
LOST = ("MM-SYS-LOST", "нет ответа", "no answer")


class Bench(World):
    """A world with the words that these tests need; everything is about one policy unless a test says otherwise."""

    def enter(self, side: Side, number: str = NUMBER) -> str:
        fields = self.people.fresh("policy", number)
        return self.portals[side].put("policy", self.people.document("policy", side, fields))

    def edit(self, side: Side, ref: str, name: str, value: str) -> None:
        self.portals[side].edit("policy", ref, **{NAMES[side][name]: value})

    def shown(self, side: Side, ref: str | None = None) -> Doc:
        portal = self.portals[side]
        return portal.doc("policy", ref or portal.refs("policy")[0])

    def sees(self, *sides: Side) -> None:
        for side in sides or BOTH:
            self.finish(self.poll(side, "policy"))

    def sees_all(self, kind: str) -> None:
        for side in BOTH:
            self.finish(self.poll(side, kind))

    def hears(self, seen: Observation) -> None:
        """An observation comes by itself, however old it is."""
        self.database.do(lambda tx: absorb_page(tx, self.house, [self.house.understand(seen)], act="test"))

    def begins(self, side: Side) -> Task:
        """The one delivery that is due to `side` reaches the wire: its first stop."""
        (task,) = self.deliver(side)
        self.step(task)
        return task

    def to(self, task: Task, call: str, *, before: bool) -> None:
        """On to a stop of the wire."""
        while task.at is None or (task.at.call, task.at.before) != (call, before):
            assert self.step(task), f"ended before it reached {call}"

    def ends(self, task: Task) -> None:
        self.finish(task)
        self.settle()

    def settles(self, rounds: int = 30) -> None:
        for _ in range(rounds):
            self.sees()
            tasks = [task for side in BOTH for task in self.deliver(side)]
            for task in tasks:
                self.ends(task)
            self.clock.at += 30.0

    def level(self) -> tuple[str, str]:
        """Two records that have been brought level."""
        self.enter(G)
        self.settles(3)
        assert [row.state for row in self.rows()] == ["level"]
        return self.portals[G].refs("policy")[0], self.portals[E].refs("policy")[0]

    def rows(self) -> list[PairRow]:
        found = self.database.look(lambda tx: pairs.by_ids(tx, CIPHER, range(1, 20)))
        return [row for row in found.values() if not row.pair.closed]

    @property
    def row(self) -> PairRow:
        (one,) = self.rows()
        return one

    def creates(self, side: Side) -> list[str]:
        return [one.ref for one in self.portals[side].written("policy") if one.op == "create"]

    def due(self) -> list[tuple[Any, ...]]:
        return self.database.look(lambda tx: tx.execute("SELECT side, state FROM delivery").fetchall())

    def open(self) -> list[str]:
        return [one.field for one in self.database.look(lambda tx: conflicts.listed(tx, CIPHER))]


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Benches between systems of any flavour."""
    made: list[Bench] = []

    def build(**flavour: bool) -> Bench:
        made.append(Bench(tmp_path, Flavour(**flavour)))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def bench(built: Callable[..., Bench]) -> Bench:
    return built()


@pytest.fixture
def forgetful(built: Callable[..., Bench]) -> Bench:
    """Systems that honour no idempotency key."""
    return built(remembers=False)


# ---------------------------------------------------------------- 1. order
def test_an_older_version_never_replaces_a_newer_one(bench: Bench) -> None:
    """[ver_order]"""
    g, _ = bench.level()
    old = bench.portals[G].seen("policy", g)
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    bench.hears(old)
    assert (bench.row.pair.gosuslugi.now or {})["phone"] == "+79101111111"


def test_a_version_is_no_clock(bench: Bench) -> None:
    g, _ = bench.level()
    newer = msgspec.structs.replace(bench.portals[G].seen("policy", g), version=9, stamp=None)
    bench.hears(newer)
    assert bench.row.pair.gosuslugi.version == 9


# ---------------------------------------------------------------- 2. finding the pair
def test_a_record_is_found_by_our_mark(forgetful: Bench) -> None:
    """Even under another natural key: the mark says whose it is."""
    forgetful.enter(G)
    forgetful.sees()
    task = forgetful.begins(E)
    forgetful.to(task, "write", before=False)
    forgetful.drop(task, leaves=False)
    (ref,) = forgetful.portals[E].refs("policy")
    forgetful.edit(E, ref, "key", "7756410834100003")
    forgetful.sees(E)
    assert forgetful.row.pair.emias.ref == ref


def test_a_record_is_found_by_the_key_that_was_sent(bench: Bench) -> None:
    """[sent_key] The source's key has moved on since; what somebody else entered under the sent key meets the pair."""
    g = bench.enter(G)
    bench.sees()
    task = bench.begins(E)
    bench.edit(G, g, "key", "7756410834100003")
    bench.sees(G)
    e = bench.enter(E)
    bench.sees(E)
    assert bench.row.pair.emias.ref == e
    bench.ends(task)
    bench.settles()
    assert bench.creates(E) == []


def test_a_new_record_takes_the_place_of_one_that_is_gone(bench: Bench) -> None:
    """[rebind]"""
    _, e = bench.level()
    bench.portals[E].remove("policy", e)
    again = bench.enter(E)
    bench.sees(E)
    assert bench.row.pair.emias.ref == again


def test_a_second_record_with_our_mark_holds_the_pair(bench: Bench) -> None:
    """[two_refs]"""
    _, e = bench.level()
    twin = msgspec.structs.replace(bench.portals[E].seen("policy", e), ref="another")
    bench.hears(twin)
    assert bench.row.state == "ambiguous"


def test_a_second_record_of_a_live_key_is_held(bench: Bench) -> None:
    """[key_unique]"""
    bench.level()
    bench.enter(G)
    bench.settles(2)
    assert sorted(row.state for row in bench.rows()) == ["ambiguous", "level"]
    assert len(bench.portals[E].refs("policy")) == 1


def test_a_key_that_comes_to_meet_another_holds_both(bench: Bench) -> None:
    """[key_meets]"""
    bench.level()
    bench.enter(E, "7756410834100001")
    bench.settles(3)
    second = bench.portals[E].refs("policy")[1]
    bench.edit(E, second, "key", NUMBER)
    bench.settles(2)
    assert [row.state for row in bench.rows()] == ["ambiguous", "ambiguous"]


def test_a_tombstone_of_an_unknown_record_is_remembered(bench: Bench) -> None:
    """[graves]"""
    g = bench.enter(G)
    old = bench.portals[G].seen("policy", g)
    bench.portals[G].remove("policy", g)
    bench.hears(bench.portals[G].seen("policy", g))
    bench.hears(old)
    assert bench.rows() == []


def test_a_tombstone_with_our_mark_belongs_to_its_pair(forgetful: Bench) -> None:
    """[grave_origin] Made, deleted by a person, and only then heard of: the delete is carried, not made good."""
    forgetful.enter(G)
    forgetful.sees()
    task = forgetful.begins(E)
    forgetful.to(task, "write", before=False)
    forgetful.drop(task, leaves=False)
    (ref,) = forgetful.portals[E].refs("policy")
    forgetful.portals[E].remove("policy", ref)
    forgetful.settles(4)
    assert [forgetful.portals[side].refs("policy") for side in BOTH] == [[], []]
    assert forgetful.creates(E) == [ref]


@pytest.mark.parametrize("side", BOTH)
def test_keys_that_rotate_cross_no_records(bench: Bench, side: Side) -> None:
    """[key_meets] Three policies exchange their numbers in a circle: each record stays its own person's, at both sides.

    Two that met on the way are held for a person, though the circle may have closed since.
    """
    numbers = [f"775641083410000{last}" for last in range(3)]
    refs = [bench.enter(G, number) for number in numbers]
    bench.settles(4)
    met = {row.pair.id: (row.pair.gosuslugi.ref, row.pair.emias.ref) for row in bench.rows()}
    there = dict(met.values())
    people = {e: bench.shown(E, e)["lastName"] for e in there.values()}
    for ref, number in zip(refs, (*numbers[1:], numbers[0]), strict=True):
        bench.edit(side, ref if side is G else str(there[ref]), "key", number)
    bench.settles(12)
    assert {row.pair.id: (row.pair.gosuslugi.ref, row.pair.emias.ref) for row in bench.rows()} == met
    assert {e: bench.shown(E, e)["lastName"] for e in there.values()} == people
    assert sorted(row.state for row in bench.rows()) == ["ambiguous", "ambiguous", "level"]


def _ended(bench: Bench) -> tuple[str, str]:
    """A record that was level, and that a person has removed: gone at both sides."""
    g, e = bench.level()
    bench.portals[G].remove("policy", g)
    bench.settles(3)
    assert (bench.rows(), bench.portals[E].refs("policy")) == ([], [])
    return g, e


def _enters_again(bench: Bench, side: Side, ref: str) -> None:
    """The system gives the record its former id again, at the next version."""
    doc = bench.people.document("policy", side, bench.people.fresh("policy", NUMBER))
    bench.portals[side].put("policy", doc, ref=ref)


def test_a_former_id_is_a_new_life(bench: Bench) -> None:
    """[F34] Both records have ended; the id comes up again with a newer version."""
    g, _ = _ended(bench)
    _enters_again(bench, G, g)
    bench.settles(3)
    assert [(row.state, row.pair.gosuslugi.ref) for row in bench.rows()] == [("level", g)]
    assert len(bench.portals[E].refs("policy")) == 1


def test_both_former_ids_are_one_new_life(bench: Bench) -> None:
    refs = _ended(bench)
    for side, ref in zip(BOTH, refs, strict=True):
        _enters_again(bench, side, ref)
    bench.sees()
    assert (bench.row.pair.gosuslugi.ref, bench.row.pair.emias.ref) == refs


def test_a_look_adopts_a_former_id_reborn(bench: Bench) -> None:
    """[look_first] It was entered there again unseen, under the id that the ended pair knows."""
    g, e = _ended(bench)
    _enters_again(bench, G, g)
    bench.sees(G)
    _enters_again(bench, E, e)
    bench.ends(bench.begins(E))
    assert (bench.row.pair.emias.ref, bench.row.pair.emias.presence) == (e, "here")
    assert bench.creates(E) == [e]


def test_an_answer_may_give_a_former_id_again(bench: Bench) -> None:
    """A system that revives the deleted record of the same number when it is created anew."""
    g, e = _ended(bench)
    _enters_again(bench, G, g)
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=True)
    bench.portals[E]._new_ref = lambda *_: e  # type: ignore[method-assign]  # the system's own choice of an id
    bench.ends(task)
    assert (bench.row.state, bench.row.pair.emias.ref) == ("level", e)


def test_an_ended_record_is_not_brought_back(bench: Bench) -> None:
    """[graves] By an old page, its own tombstone again, or a notice that is late."""
    g, _ = bench.level()
    alive = bench.portals[G].seen("policy", g)
    bench.portals[G].remove("policy", g)
    bench.settles(3)
    for seen in (alive, bench.portals[G].seen("policy", g), alive):
        bench.hears(seen)
    stale = {"id": g, "version": alive.version, "record": alive.doc}
    bench.finish(bench.notice(Hook("late", G, "policy", stale)))
    assert bench.rows() == []


def test_a_notice_of_a_former_id_is_read_first(bench: Bench) -> None:
    """[hook_read] What it shows was entered again and removed again since."""
    g, _ = _ended(bench)
    _enters_again(bench, G, g)
    shown = {"id": g, "version": bench.portals[G].seen("policy", g).version, "record": bench.shown(G, g)}
    bench.portals[G].remove("policy", g)
    bench.finish(bench.notice(Hook("quick", G, "policy", shown)))
    assert bench.rows() == []


def test_a_notice_of_an_unknown_record_is_read_first(bench: Bench) -> None:
    """[hook_read] The body in a notice may be older than what is there."""
    g = bench.enter(G)
    stale = bench.portals[G].seen("policy", g).doc
    bench.portals[G].remove("policy", g)
    bench.finish(bench.notice(Hook("one", G, "policy", {"id": g, "version": 1, "record": stale})))
    assert bench.rows() == []


# ---------------------------------------------------------------- 4. the delivery row
def test_a_row_exists_only_while_a_side_is_behind(bench: Bench) -> None:
    g, e = bench.level()
    assert bench.due() == []
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    assert bench.due() == [("emias", "due")]
    bench.edit(E, e, "phone", "+79101111111")
    bench.sees(E)
    assert bench.due() == []


# ---------------------------------------------------------------- 5. sending
def test_what_is_sent_is_durable_before_it_leaves(bench: Bench) -> None:
    """[sent]"""
    bench.enter(G)
    bench.sees()
    (task,) = bench.deliver(E)
    assert task.at is None
    bench.restart([1])
    sent = bench.row.pair.emias.sent
    assert sent is not None
    assert (sent.op, sent.origin) == ("create", CIPHER.mark(bench.row.pair.id, 0))


def test_one_flight_at_most_for_a_pair_and_side(bench: Bench) -> None:
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    bench.begins(E)
    bench.edit(G, g, "phone", "+7(910)2222222")
    bench.sees(G)
    assert bench.deliver(E) == []


def test_a_worker_looks_at_its_lease_before_it_sends(bench: Bench) -> None:
    """[lease_check] [wait] Also after a look that took long."""
    bench.enter(G)
    bench.sees()
    task = bench.begins(E)
    bench.to(task, "find", before=False)
    bench.clock.at += bench.house.lease
    bench.ends(task)
    assert bench.portals[E].refs("policy") == []


def test_a_request_never_outlives_its_lease(bench: Bench) -> None:
    """[wait]"""
    bench.enter(G)
    bench.sees()
    task = bench.begins(E)
    assert task.flight is not None
    assert task.flight.lease_until + bench.house.deadline <= bench.clock.at + bench.house.lease
    sent = bench.row.pair.emias.sent
    assert sent is not None
    assert task.flight.lease_until + bench.house.deadline <= sent.until


def test_it_looks_before_the_first_create(bench: Bench) -> None:
    """[look_first] What a person entered there meanwhile, unseen yet, is the other half and no reason for a second."""
    bench.enter(G)
    bench.sees()
    bench.enter(E)
    bench.ends(bench.begins(E))
    assert bench.creates(E) == []
    assert bench.row.pair.emias.presence == "here"


# ---------------------------------------------------------------- 6. the answer
def test_exactly_the_carried_fields_settle(bench: Bench) -> None:
    """[field_settle] An edit made meanwhile is not swallowed by the answer."""
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.edit(G, g, "phone", "+7(910)2222222")
    bench.sees(G)
    bench.ends(task)
    settled = bench.row.pair.gosuslugi.settled
    assert settled is not None
    assert settled["phone"] == "+79101111111"
    bench.settles(2)
    assert bench.shown(E, e)["phone"] == "+79102222222"


def test_each_side_keeps_its_own_spelling(built: Callable[..., Bench]) -> None:
    """A system that writes all in capitals does not make an endless exchange."""
    bench = built(shouts=True)
    g, e = bench.level()
    before = [len(bench.portals[side].effects) for side in BOTH]
    bench.settles(3)
    assert before == [len(bench.portals[side].effects) for side in BOTH]
    assert bench.shown(E, e)["lastName"] == bench.shown(G, g)["Фамилия"].upper() != bench.shown(G, g)["Фамилия"]


def test_an_answer_never_moves_a_side_back(bench: Bench) -> None:
    """[last_look]"""
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    bench.edit(E, e, "name", "Иванова")
    bench.sees(E)
    bench.ends(task)
    state = bench.row.pair.emias
    assert (state.version, (state.now or {})["last_name"]) == (3, "Иванова")


def test_a_flight_that_lost_its_lease_settles_nothing(bench: Bench) -> None:
    """[fence] Its answer is an observation like any other."""
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    slow = bench.begins(E)
    bench.to(slow, "write", before=False)
    bench.clock.at += bench.house.lease + 1
    (quick,) = bench.deliver(E)
    bench.ends(quick)
    assert bench.row.state == "level"
    bench.edit(G, g, "phone", "+7(910)2222222")
    bench.sees(G)
    third = bench.begins(E)
    bench.ends(slow)
    sent = bench.row.pair.emias.sent
    assert sent is not None
    assert sent.fields == {"phone": "+79102222222"}
    bench.ends(third)
    assert bench.row.state == "level"


def test_our_own_echo_is_nobodys_change(bench: Bench) -> None:
    """[eq]"""
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.settles(4)
    assert [len(bench.portals[side].written()) for side in BOTH] == [0, 2]


# ---------------------------------------------------------------- 7. no answer
def test_a_lost_request_is_seen_not_to_have_happened(bench: Bench) -> None:
    """[doubt] The version is as expected: it is sent again, once."""
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.settles(4)
    assert bench.shown(E, e)["phone"] == "+79101111111"
    assert len(bench.portals[E].written()) == 2


def test_a_lost_answer_is_seen_to_have_arrived(bench: Bench) -> None:
    """No second write, and both sides settle."""
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.settles(4)
    assert len(bench.portals[E].written()) == 2
    assert bench.row.state == "level"


def test_a_field_in_doubt_waits_for_the_look(bench: Bench) -> None:
    """[doubt] While the answer is missing nobody merges what it was about."""
    g, e = bench.level()
    bench.edit(G, g, "name", "Иванова")
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.edit(G, g, "name", "Петрова")
    bench.sees(G)
    assert bench.open() == []
    bench.settles(4)
    assert bench.shown(E, e)["lastName"] == "Петрова"


def test_a_third_value_in_doubt_is_a_persons(bench: Bench) -> None:
    """[unsure]"""
    g, e = bench.level()
    bench.edit(G, g, "name", "Иванова")
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    bench.edit(E, e, "name", "Петрова")
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.settles(4)
    assert bench.open() == ["last_name"]
    assert [bench.shown(G, g)["Фамилия"], bench.shown(E, e)["lastName"]] == ["Иванова", "Петрова"]


def test_a_write_without_proof_is_known_when_it_comes_late(bench: Bench) -> None:
    """[echo]"""
    g, e = bench.level()
    bench.edit(G, g, "name", "Иванова")
    bench.sees(G)
    task = bench.begins(E)
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.clock.at += 60
    bench.ends(*bench.deliver(E))
    assert bench.row.pair.emias.late == {"last_name": ["Иванова"]}
    bench.edit(G, g, "name", "Петрова")
    bench.edit(E, e, "name", "Иванова")  # as the late copy would
    bench.settles(4)
    assert bench.open() == []
    assert bench.shown(E, e)["lastName"] == "Петрова"


def test_an_unanswered_create_is_repeated_exactly(forgetful: Bench) -> None:
    """[exact] Same body, same key, same mark, though the source has changed since; the rest follows after it."""
    g = forgetful.enter(G)
    forgetful.sees()
    task = forgetful.begins(E)
    first = task.flight
    forgetful.to(task, "write", before=True)
    forgetful.step(task, Transient(*LOST))
    forgetful.settle()
    forgetful.edit(G, g, "phone", "+7(910)1111111")
    forgetful.sees(G)
    forgetful.clock.at += 60
    (task,) = forgetful.deliver(E)
    assert first is not None
    assert task.flight is not None
    assert (task.flight.key, task.flight.origin, task.flight.doc) == (first.key, first.origin, first.doc)
    forgetful.ends(task)
    forgetful.settles(3)
    assert forgetful.shown(E)["phone"] == "+79101111111"


def test_it_looks_before_a_second_create(forgetful: Bench) -> None:
    """[find]"""
    forgetful.enter(G)
    forgetful.sees()
    task = forgetful.begins(E)
    forgetful.to(task, "write", before=False)
    forgetful.step(task, Transient(*LOST))
    forgetful.settle()
    forgetful.settles(4)
    assert len(forgetful.portals[E].refs("policy")) == 1
    assert forgetful.row.state == "level"


def test_a_look_never_adopts_another_pairs_record(bench: Bench) -> None:
    """[bound] A create whose key another pair's record still holds waits until it is given up."""
    g, e = bench.level()
    bench.edit(G, g, "key", "7756410834100001")
    bench.sees(G)
    bench.enter(G)
    bench.sees(G)
    other = next(row.pair.id for row in bench.rows() if row.pair.gosuslugi.ref != g)
    for task in bench.deliver(E):
        if task.flight and task.flight.pair == other:
            bench.ends(task)
    assert bench.creates(E) == [e]
    bench.settles(6)
    refs = {row.pair.id: row.pair.emias.ref for row in bench.rows()}
    assert len(set(refs.values())) == len(refs)


def test_a_reborn_record_is_another_incarnation(bench: Bench) -> None:
    """[inc] A definite answer ends an incarnation: the next create is not taken for a repetition of the last."""
    bench.enter(G)
    bench.settles(3)
    (e,) = bench.portals[E].refs("policy")
    bench.portals[E].remove("policy", e)
    bench.edit(G, bench.portals[G].refs("policy")[0], "phone", "+7(910)1111111")
    bench.settles(2)
    assert bench.open() == ["*"]
    bench.decide(0, G)
    bench.settles(3)
    marks = {one.origin for one in bench.portals[E]._of("policy").values()}
    assert len(marks) == 2
    assert bench.row.state == "level"


def test_a_created_record_that_was_seen_is_not_made_again(forgetful: Bench) -> None:
    """[seen_create]"""
    forgetful.enter(G)
    forgetful.sees()
    task = forgetful.begins(E)
    forgetful.to(task, "write", before=False)
    forgetful.drop(task, leaves=False)
    forgetful.sees(E)
    forgetful.settles(4)
    assert len(forgetful.creates(E)) == 1
    assert forgetful.row.state == "level"


def test_a_created_visit_that_was_cancelled_unheard_is_not_made_again(forgetful: Bench) -> None:
    """[find] By our mark it is ours, though a cancelled visit has given up its hour."""
    portal, mapping = forgetful.portals[E], forgetful.house.mappings["visit"]
    fields = forgetful.people.fresh("visit", NUMBER)
    forgetful.portals[G].put("visit", forgetful.people.document("visit", G, fields))
    forgetful.sees_all("visit")
    task = forgetful.begins(E)
    forgetful.to(task, "write", before=False)
    forgetful.step(task, Transient(*LOST))
    forgetful.settle()
    (ref,) = portal.refs("visit")
    portal.put("visit", mapping.write(E, {"status": "cancelled"}, portal.doc("visit", ref)), ref)
    for _ in range(3):
        forgetful.clock.at += 60
        for waiting in [*forgetful.deliver(E), *forgetful.deliver(G)]:
            forgetful.ends(waiting)
    assert portal.refs("visit") == [ref]
    assert [row.state for row in forgetful.rows()] == ["level"]


def test_a_repeated_create_may_show_the_present(built: Callable[..., Bench]) -> None:
    """[repeat_seen] What the system replays is the record as it is now: a person's edit in it is not settled away."""
    bench = built(replays_present=True)
    bench.enter(G)
    bench.sees()
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    (e,) = bench.portals[E].refs("policy")
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.edit(E, e, "phone", "+79103333333")
    bench.edit(E, e, "name", "Петрова")
    bench.settles(5)
    assert bench.shown(G)["Фамилия"] == "Петрова" or bench.open() == ["last_name"]
    assert bench.shown(E, e)["lastName"] == "Петрова"


# ---------------------------------------------------------------- 8. stale, refused, accepted
def test_a_stale_write_is_read_and_merged_again(bench: Bench) -> None:
    """[reread]"""
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    bench.edit(E, e, "name", "Петрова")
    bench.ends(bench.begins(E))
    bench.settles(2)
    assert bench.shown(E, e)["phone"] == "+79101111111"
    assert bench.shown(G, g)["Фамилия"] == "Петрова"


def test_a_refused_create_looks_once_more(built: Callable[..., Bench]) -> None:
    """[look_refused] What it met is what a person entered between the look and the write."""
    bench = built(unique=True)
    bench.enter(G)
    bench.sees()
    task = bench.begins(E)
    bench.to(task, "write", before=True)
    e = bench.enter(E)
    bench.ends(task)
    assert bench.row.pair.emias.ref == e
    assert bench.row.state != "refused"


def test_a_refusal_holds_until_a_side_changes(bench: Bench) -> None:
    g = bench.enter(G)
    bench.portals[E].refuses("policy", "SIM_INVALID_FIELD", "нет")
    bench.settles(3)
    assert bench.row.state == "refused"
    assert bench.due() == []
    bench.portals[E].takes_everything()
    bench.settles(2)
    assert bench.row.state == "refused"
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.settles(3)
    assert bench.row.state == "level"


def test_an_accepted_write_ends_with_its_observation(built: Callable[..., Bench]) -> None:
    bench = built(accepts_later=True)
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    bench.ends(bench.begins(E))
    assert bench.due() == [("emias", "awaiting_answer")]
    bench.air.jobs.pop().make()
    bench.sees(E)
    assert bench.due() == []
    assert bench.row.state == "level"


def test_an_accepted_write_may_be_known_already(built: Callable[..., Bench]) -> None:
    """[accept_look]"""
    bench = built(accepts_later=True)
    g, _ = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "write", before=False)
    bench.air.jobs.pop().make()
    bench.sees(E)
    bench.ends(task)
    assert bench.due() == []
    assert bench.row.state == "level"


def test_an_accepted_write_that_never_comes_is_looked_for(built: Callable[..., Bench]) -> None:
    bench = built(accepts_later=True)
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    bench.ends(bench.begins(E))
    bench.air.jobs.clear()
    bench.clock.at += 3601
    bench.ends(*bench.deliver(E))
    bench.ends(*bench.deliver(E))
    bench.air.jobs.pop().make()
    bench.sees(E)
    assert bench.shown(E, e)["phone"] == "+79101111111"


# ---------------------------------------------------------------- 9, 10. our own delete; a person's decision
def test_our_own_delete_is_not_a_persons(bench: Bench) -> None:
    """[own_delete] The source came back while we deleted: its record is made anew."""
    g, e = bench.level()
    bench.portals[G].remove("policy", g)
    bench.sees(G)
    task = bench.begins(E)
    bench.to(task, "delete", before=False)
    bench.enter(G)
    bench.sees(G)
    bench.ends(task)
    bench.settles(3)
    assert bench.open() == []
    assert bench.creates(E) == [e, bench.portals[E].refs("policy")[0]]


def test_a_delete_meets_an_edit(bench: Bench) -> None:
    g, e = bench.level()
    bench.portals[G].remove("policy", g)
    bench.edit(E, e, "name", "Петрова")
    bench.settles(3)
    assert bench.open() == ["*"]
    assert bench.portals[E].refs("policy") == [e]


def test_a_decision_is_carried_and_void_after_a_change(bench: Bench) -> None:
    g, e = bench.level()
    bench.edit(G, g, "name", "Иванова")
    bench.edit(E, e, "name", "Петрова")
    bench.settles(2)
    assert bench.open() == ["last_name"]
    bench.decide(0, G)
    bench.edit(E, e, "name", "Сидорова")
    bench.settles(3)
    assert bench.shown(G, g)["Фамилия"] == "Сидорова"
    assert bench.open() == []


def test_absence_is_never_a_delete(bench: Bench) -> None:
    g, e = bench.level()
    bench.edit(G, g, "phone", "+7(910)1111111")
    bench.sees(G)
    task = bench.begins(E)
    bench.step(task, Transient(*LOST))
    bench.settle()
    bench.clock.at += 60
    kept = bench.portals[E]._of("policy").pop(e)
    bench.ends(*bench.deliver(E))
    assert bench.row.pair.emias.presence == "here"
    assert bench.portals[G].refs("policy") == [g]
    bench.portals[E]._of("policy")[e] = kept
    bench.clock.at += 60
    bench.settles(3)
    assert bench.shown(E, e)["phone"] == "+79101111111"
