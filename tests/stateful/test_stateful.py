"""Anything may happen at any time, by people, networks, operators: never a wrong row, and in the end all is level.

A hypothesis state machine over the real store and engine (more than 25 rules); a failing run is shrunk to its cause.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from medmost.domain.kinds import Style
from medmost.domain.merge import lives_alone
from medmost.domain.record import BOTH, Doc, Side
from medmost.store import ledgers, pairs
from stateful.bridge import CIPHER, HOUR, KINDS, MAPPINGS, Bridge, read

EXAMPLES, STEPS = (400, 80) if os.environ.get("MEDMOST_FULL") else (15, 40)
PATIENTS = tuple(f"77564108341{n:05d}" for n in range(3))
UNLINKED = PATIENTS[2]
sides = st.sampled_from(BOTH)
kinds = st.sampled_from(KINDS)
patients = st.sampled_from(PATIENTS)
nth = st.integers(0, 7)
FREE = {"policy": ("phone", "email", "last_name"), "visit": ("comment", "room"), "result": ("conclusion",),
        "vaccination": ("series",)}  # fmt: skip
TALK = {"policy": "email", "visit": "comment", "result": "conclusion", "vaccination": "series"}
LATER = {"booked": "arrived", "arrived": "fulfilled"}


def example(kind: str, policy: str, number: int) -> dict[str, Any]:
    """Canonical fields of a record that nobody has yet."""
    if kind == "policy":
        return {"policy_number": policy, "policy_type": "single", "last_name": "Воробьёва", "first_name": "Алёна",
                "birth_date": "1985-03-15", "sex": "female", "snils": "11223344595", "status": "active"}  # fmt: skip
    if kind == "visit":
        return {"policy_number": policy, "organization_oid": "1.2.643.5.1.13.13.12.2.77.10425",
                "doctor_snils": "08765430300", "starts_at": hour(number), "status": "booked",
                "booked_by": "patient"}  # fmt: skip
    if kind == "result":
        return {"policy_number": policy, "document_id": f"d-{number}", "category": "laboratory", "status": "final",
                "title": "Общий анализ крови", "issued_at": hour(number)}  # fmt: skip
    return {"policy_number": policy, "infection": "Грипп", "date": f"2026-10-{1 + number % 28:02d}",
            "dose": str(1 + number // 28), "vaccine": "Ультрикс"}  # fmt: skip


def hour(number: int) -> str:
    return f"2026-12-{1 + number // 10 % 28:02d}T{8 + number % 10:02d}:{number // 280:02d}:00+03:00"


WAITING = ("ambiguous", "quarantined", "refused", "foreign", "invalid")
WORK: Counter[str] = Counter()
"""What the runs of this process came to."""


class AnythingHappens(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108  # memory, where there is some
        self.bridge = Bridge(Path(self.folder.name))
        self.count = 0
        self.spoilt: dict[tuple[Side, str, str], Doc] = {}
        self.linked: set[str] = set()

    @initialize(start=st.booleans())
    def begins(self, start: bool) -> None:
        for policy in PATIENTS[:2]:
            self.enters("policy", Side.EMIAS, policy)
        if start:
            for policy in PATIENTS[:2]:
                self.links(policy)
            self.passes()

    # ------------------------------------------------------------ people at both systems
    def enters(self, kind: str, side: Side, policy: str, number: int | None = None) -> None:
        self.count += 1
        fields = example(kind, policy, self.count if number is None else number)
        self.bridge.systems[side].put(kind, MAPPINGS[kind].write(side, fields, None))

    def pick(self, side: Side, kind: str, number: int) -> str:
        refs = self.bridge.systems[side].refs(kind)
        assume(refs)
        return refs[number % len(refs)]

    def changes(self, side: Side, kind: str, ref: str, fields: dict[str, Any]) -> None:
        system = self.bridge.systems[side]
        system.put(kind, MAPPINGS[kind].write(side, fields, system.doc(kind, ref)), ref)

    @rule(side=sides, policy=patients)
    def somebody_enters_a_policy(self, side: Side, policy: str) -> None:
        known = [
            read(side, "policy", self.bridge.systems[side].doc("policy", ref))
            for ref in self.bridge.systems[side].refs("policy")
        ]
        assume(policy not in {one.get("policy_number") for one in known})
        self.enters("policy", side, policy)

    @rule(side=sides, policy=patients)
    def somebody_books_a_visit(self, side: Side, policy: str) -> None:
        self.enters("visit", side, policy)

    @rule(policy=patients)
    def both_sides_book_the_same_visit(self, policy: str) -> None:
        self.count += 1
        for side in BOTH:
            self.enters("visit", side, policy, self.count)

    @rule(policy=patients)
    def a_laboratory_issues_a_result(self, policy: str) -> None:
        self.enters("result", Side.EMIAS, policy)

    @rule(policy=patients)
    def a_nurse_enters_a_vaccination(self, policy: str) -> None:
        self.enters("vaccination", Side.EMIAS, policy)

    @rule(side=sides, kind=kinds, number=nth, which=nth)
    def somebody_edits_a_record(self, side: Side, kind: str, number: int, which: int) -> None:
        ref, name = self.pick(side, kind, number), FREE[kind][which % len(FREE[kind])]
        self.count += 1
        self.changes(side, kind, ref, {name: self.value(name)})

    def value(self, name: str) -> str:
        if name == "phone":
            return f"+7910{self.count:07d}"
        if name == "email":
            return f"n{self.count}@example.ru"
        letters = "".join(chr(ord("а") + int(digit)) for digit in str(self.count))
        return f"Зн{letters}" if name == "last_name" else f"запись {self.count}"

    @rule(policy=patients)
    def both_sides_edit_one_name(self, policy: str) -> None:
        for side in BOTH:
            self.count += 1
            for ref in self.bridge.systems[side].refs("policy"):
                if read(side, "policy", self.bridge.systems[side].doc("policy", ref)).get("policy_number") == policy:
                    self.changes(side, "policy", ref, {"last_name": self.value("last_name")})
            self.bridge.polls(side, "policy")

    @rule(side=sides, number=nth)
    def a_visit_goes_on(self, side: Side, number: int) -> None:
        ref = self.pick(side, "visit", number)
        status = read(side, "visit", self.bridge.systems[side].doc("visit", ref)).get("status")
        assume(status in LATER)
        self.changes(side, "visit", ref, {"status": LATER[str(status)]})

    @rule(side=sides, number=nth)
    def a_visit_is_cancelled(self, side: Side, number: int) -> None:
        ref = self.pick(side, "visit", number)
        assume(read(side, "visit", self.bridge.systems[side].doc("visit", ref)).get("status") == "booked")
        self.changes(side, "visit", ref, {"status": "cancelled", "cancel_reason": "Заболел"})

    @rule(number=nth)
    def a_clinic_moves_a_visit(self, number: int) -> None:
        emias = self.bridge.systems[Side.EMIAS]
        ref = self.pick(Side.EMIAS, "visit", number)
        doc = emias.doc("visit", ref)
        assume(doc.get("status") == "BOOKED")
        self.count += 1
        moved = MAPPINGS["visit"].write(Side.EMIAS, {"starts_at": hour(self.count)}, doc)
        new = emias.put("visit", {**moved, "movedFrom": ref})
        emias.put("visit", {**doc, "status": "CANCELLED", "movedTo": new}, ref)

    @rule(side=sides, kind=kinds, number=nth)
    def a_record_is_deleted(self, side: Side, kind: str, number: int) -> None:
        ref = self.pick(side, kind, number)
        self.spoilt.pop((side, kind, ref), None)
        self.bridge.systems[side].remove(kind, ref)

    @rule(side=sides, number=nth)
    def a_record_is_spoilt(self, side: Side, number: int) -> None:
        ref = self.pick(side, "policy", number)
        assume((side, "policy", ref) not in self.spoilt)
        doc = self.bridge.systems[side].doc("policy", ref)
        self.spoilt[side, "policy", ref] = doc
        name = "Дата рождения" if side is Side.GOSUSLUGI else "birthDate"
        self.bridge.systems[side].edit("policy", ref, **{name: "32.13.1985"})

    @rule()
    @precondition(lambda self: self.spoilt)
    def a_spoilt_record_is_mended(self) -> None:
        (side, kind, ref), doc = self.spoilt.popitem()
        present = self.bridge.systems[side].doc(kind, ref)
        name = "Дата рождения" if side is Side.GOSUSLUGI else "birthDate"
        self.bridge.systems[side].put(kind, {**present, name: doc[name]}, ref)

    # ------------------------------------------------------------ networks and systems
    @rule(side=sides, calls=st.integers(1, 6))
    def a_system_goes_away(self, side: Side, calls: int) -> None:
        self.bridge.systems[side].goes_down(calls)

    @rule(side=sides, count=st.integers(1, 3))
    def answers_are_lost(self, side: Side, count: int) -> None:
        self.bridge.systems[side].loses_answers(count)

    @rule(side=sides, count=st.integers(1, 3))
    def requests_are_lost(self, side: Side, count: int) -> None:
        self.bridge.systems[side].loses_requests(count)

    @rule(side=sides)
    def a_page_is_broken(self, side: Side) -> None:
        self.bridge.systems[side].breaks_pages()

    @rule(side=sides)
    def credentials_are_not_taken(self, side: Side) -> None:
        self.bridge.systems[side].denies()

    @rule(side=sides, number=nth)
    def a_write_is_refused(self, side: Side, number: int) -> None:
        ref = self.pick(side.other, "policy", number)
        self.count += 1
        self.changes(side.other, "policy", ref, {"email": self.value("email")})
        self.bridge.systems[side].refuses("policy", times=1)
        self.bridge.polls(side.other, "policy")
        self.bridge.delivers(side)

    @rule()
    def a_slot_is_taken_meanwhile(self) -> None:
        self.bridge.systems[Side.EMIAS].refuses("visit", "SIM_SLOT_TAKEN", "Это время уже занято", times=1)

    @rule(side=sides, kind=kinds, number=nth)
    def somebody_edits_just_before_a_write(self, side: Side, kind: str, number: int) -> None:
        ref = self.pick(side, kind, number)
        self.count += 1
        name, value = TALK[kind], self.value(TALK[kind])

        def edit() -> None:
            if ref in self.bridge.systems[side].refs(kind):
                self.changes(side, kind, ref, {name: value})

        self.bridge.systems[side].meanwhile("write", edit)

    # ------------------------------------------------------------ medmost and its people
    @rule(side=sides, kind=kinds)
    def a_poll(self, side: Side, kind: str) -> None:
        self.bridge.polls(side, kind)

    @rule(side=sides, kind=kinds, number=nth)
    def a_webhook(self, side: Side, kind: str, number: int) -> None:
        self.bridge.hears(side, kind, self.pick(side, kind, number))

    @rule(side=sides)
    def a_delivery(self, side: Side) -> None:
        self.bridge.delivers(side)

    @rule(side=sides, when=st.sampled_from(("before", "after")))
    def the_process_dies_delivering(self, side: Side, when: str) -> None:
        self.bridge.dies_delivering(side, when)

    @rule()
    def the_process_restarts(self) -> None:
        self.bridge.restarts()

    @rule(seconds=st.sampled_from((5.0, 70.0, HOUR)))
    def time_passes(self, seconds: float) -> None:
        self.bridge.clock.at += seconds

    @rule()
    def the_house_is_kept(self) -> None:
        self.bridge.run(self.bridge.engine.keep_house())

    @rule(take=sides)
    def an_operator_decides(self, take: Side) -> None:
        self.bridge.decides(take)

    @rule(act=st.sampled_from(("retry", "drop")))
    def an_operator_sees_the_dead(self, act: str) -> None:
        self.bridge.dead(act)

    @rule()
    def an_operator_releases(self) -> None:
        self.bridge.releases()

    @rule(kind=kinds, paused=st.booleans())
    def a_kind_is_paused(self, kind: str, paused: bool) -> None:
        self.bridge.do(lambda tx: ledgers.set_paused(tx, kind, paused))

    @rule(kind=kinds, stage=st.sampled_from(("observe", "full")))
    def a_stage_is_set(self, kind: str, stage: str) -> None:
        self.bridge.do(lambda tx: ledgers.set_stage(tx, kind, stage))

    @rule(policy=st.sampled_from(PATIENTS[:2]))
    def links(self, policy: str) -> None:
        assume(policy not in self.linked)
        self.bridge.links(policy)
        self.linked.add(policy)

    @rule(policy=st.sampled_from(PATIENTS[:2]))
    def a_consent_is_withdrawn(self, policy: str) -> None:
        self.bridge.unlinks(policy)
        self.linked.discard(policy)

    # ------------------------------------------------------------ what must hold
    @invariant()
    def nothing_is_wrong(self) -> None:
        assert self.bridge.troubles() == []

    @invariant()
    def nothing_personal_crosses_without_a_link(self) -> None:
        gosuslugi = self.bridge.systems[Side.GOSUSLUGI]
        ours = {one.ref for one in gosuslugi.written() if one.op == "create"}
        for kind in ("visit", "result", "vaccination"):
            for ref in ours & set(gosuslugi.refs(kind)):
                assert read(Side.GOSUSLUGI, kind, gosuslugi.doc(kind, ref)).get("policy_number") != UNLINKED

    def passes(self) -> None:
        """An hour goes by with everything working."""
        self.bridge.clock.at += HOUR
        for kind in KINDS:
            for side in BOTH:
                self.bridge.polls(side, kind)
        for _ in range(3):
            for side in BOTH:
                self.bridge.delivers(side)

    def teardown(self) -> None:
        try:
            self.comes_to_rest()
        finally:
            self.bridge.ends()
            self.folder.cleanup()

    def comes_to_rest(self) -> None:
        for system in self.bridge.systems.values():
            system.comes_back()
            system.takes_everything()
            system._lost_answers = system._lost_requests = system._broken_pages = system._denied = 0
            system._meanwhile.clear()
        while self.spoilt:
            self.a_spoilt_record_is_mended()
        for kind in KINDS:
            self.bridge.do(
                lambda tx, kind=kind: (ledgers.set_paused(tx, kind, False), ledgers.set_stage(tx, kind, "full"))
            )  # type: ignore[misc]  # lambda defaults are untyped
        for _ in range(10):
            self.passes()
            self.bridge.releases()
            self.bridge.dead("retry")
            self.bridge.decides(Side.EMIAS)
        WORK["conflicts"] += sum(self.bridge.look(lambda tx: tx.execute("SELECT COUNT(*) FROM conflict").fetchone()))
        WORK["refused"] += sum(
            count for (_, _, account), count in self.bridge.look(ledgers.books).items() if account == "refusals"
        )
        WORK["levels"] += sum(
            self.bridge.look(lambda tx: tx.execute("SELECT COUNT(*) FROM pair WHERE state = 'level'").fetchone())
        )
        WORK["writes"] += sum(len(system.written()) for system in self.bridge.systems.values())
        before = {side: len(system.written()) for side, system in self.bridge.systems.items()}
        self.bridge.clock.at += 24 * HOUR
        self.passes()
        self.nothing_is_wrong()
        assert {side: len(system.written()) for side, system in self.bridge.systems.items()} == before
        assert self.differences() == []

    def differences(self) -> list[str]:
        """Records of one key, one at each side, of linked patients: what is carried means the same."""
        found = []
        for kind in KINDS:
            mapping = MAPPINGS[kind].kind
            shown: dict[Side, dict[str, list[dict[str, Any]]]] = {side: defaultdict(list) for side in BOTH}
            for side, system in self.bridge.systems.items():
                for ref in system.refs(kind):
                    fields = read(side, kind, system.doc(kind, ref))
                    if mapping.personal and fields.get("policy_number") not in self.linked:
                        continue
                    key = mapping.key_of(fields)
                    if key is not None and not lives_alone(mapping, fields) and not mapping.key_released(fields):
                        shown[side][key].append(fields)
            held = self.held(kind)
            for key in shown[Side.EMIAS].keys() | shown[Side.GOSUSLUGI].keys():
                here, there = shown[Side.EMIAS].get(key, []), shown[Side.GOSUSLUGI].get(key, [])
                if key in held:
                    continue
                if len(here) != 1 or len(there) != 1:
                    found.append(f"{kind} {key}: {len(here)} at EMIAS, {len(there)} at Gosuslugi")
                else:
                    names = [one.name for one in mapping.fields if one.only is None and one.style is not Style.GROW]
                    unlike = [name for name in names if here[0].get(name) != there[0].get(name)]
                    if unlike:
                        found.append(f"{kind} {key}: {unlike} differ")
        return found

    def held(self, kind: str) -> set[str]:
        """Keys of what waits for a person, by name: two records for one place, refused, foreign."""
        rows = self.bridge.look(lambda tx: tx.execute("SELECT id, state FROM pair WHERE kind = ?", (kind,)).fetchall())
        ids = [id_ for id_, state in rows if state in WAITING]
        keys = set()
        for row in self.bridge.look(lambda tx: pairs.by_ids(tx, CIPHER, ids)).values():
            for side in BOTH:
                key = MAPPINGS[kind].kind.key_of(row.pair.side(side).now or {})
                keys.add(key)
        return {key for key in keys if key is not None}


def test_anything_may_happen() -> None:
    run_state_machine_as_test(
        AnythingHappens,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate, Phase.shrink),
        ),
    )  # fmt: skip


def test_the_machine_works_hard() -> None:
    """What a test never does it never proves: writes, conflicts and deaths all happen in a few runs."""
    rules = [name for name, one in vars(AnythingHappens).items() if hasattr(one, "hypothesis_stateful_rule")]
    assert len(rules) >= 25
    assert all(WORK[what] > 0 for what in ("writes", "conflicts", "refused", "levels")), WORK
