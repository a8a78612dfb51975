"""The merge against an oracle that knows nothing of it: two fields whole, three fields by a million samples."""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from typing import Any

import pytest

from medmost.domain.kinds import Kind
from medmost.domain.merge import WHOLE, Merged, merge
from medmost.domain.record import Pair, Problem, Sent, Side, SideState, Wanted
from unit import merge_cases as cases
from unit import merge_oracle as oracle
from unit.merge_oracle import UNSET, E, G, Spec

SAMPLES = int(os.environ.get("MEDMOST_MERGE_SAMPLES") or (1_000_000 if os.environ.get("MEDMOST_FULL") else 150_000))


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Any:
    bench, began = cases.Bench(), time.process_time()
    yield bench
    with capsys.disabled():
        sys.stdout.write(f"\n  {bench.cases:,} cases equal to the oracle, {time.process_time() - began:.1f} s ")


# ---------------------------------------------------------------- two fields, whole
def test_two_fields_of_every_owner_agree(bench: cases.Bench) -> None:
    plain = [*cases.REPLACED.values(), *cases.RULED, cases.ABSENT]
    for one, other in itertools.combinations_with_replacement(plain, 2):
        second = cases.named(other, "g")
        bench.check_all(one, second)
        if "person" in (one.spec.owner, other.spec.owner):
            bench.check_all(one, second, clinical=True)
            for source in (G, E):
                bench.check_all(one, second, source=source)


@pytest.mark.full
def test_states_and_histories_beside_any_field_agree(bench: cases.Bench) -> None:
    for one in (cases.STATE, cases.HISTORY):
        for other in (*cases.REPLACED.values(), cases.HISTORY):
            bench.check_all(one, cases.named(other, "g"))
        for other in (cases.REPLACED["person"], cases.REPLACED["emias"]):
            bench.check_all(one, cases.named(other, "g"), clinical=True)
        for source in (G, E):
            bench.check_all(one, cases.named(cases.REPLACED["person"], "g"), source=source)
    bench.check_all(cases.STATE, cases.named(cases.STATE, "g"))


@pytest.mark.full
def test_a_follower_goes_with_its_leader(bench: cases.Bench) -> None:
    leaders = (cases.STATE, cases.REPLACED["emias"], cases.REPLACED["person"])
    for follower, leader in itertools.product(cases.FOLLOWERS, leaders):
        bench.check_all(leader, follower)
    for leader in leaders:
        bench.check_all(cases.FOLLOWERS[0], leader, clinical=True)
        bench.check_all(cases.FOLLOWERS[0], leader, source=E)


@pytest.mark.full
def test_doubt_decisions_and_echoes_agree(bench: cases.Bench) -> None:
    """Every mark on everything that one field may show, beside each typical state of another."""
    other = cases.sort(cases.TYPICAL, "g", owner="person")
    for one in (*cases.REPLACED.values(), *cases.RULED, cases.STATE, cases.HISTORY):
        for source in cases.SOURCES:
            bench.check_all(cases.with_marks(one), other, source=source)
        bench.check_all(cases.with_marks(one), other, clinical=True)
    leader = cases.sort(cases.TYPICAL, "f", owner="person")
    for follower in cases.FOLLOWERS:
        bench.check_all(leader, cases.with_marks(follower))
        bench.check_all(cases.with_marks(leader), follower)


# ---------------------------------------------------------------- three fields, sampled
def test_three_fields_agree_in_a_million_samples(bench: cases.Bench) -> None:
    draw = random.Random(2026)
    plain = [*cases.REPLACED.values(), *cases.RULED, cases.ABSENT, cases.STATE, cases.HISTORY]
    sorts = [*plain, *(cases.with_marks(one, 3) for one in plain)]
    followers = [cases.named(one, "h") for one in cases.FOLLOWERS]
    while bench.cases < SAMPLES:
        first, second = (draw.choice(sorts) for _ in range(2))
        third = draw.choice(followers) if draw.random() < 0.3 else cases.named(draw.choice(sorts), "h")
        chosen = (first, cases.named(second, "g"), third)
        later, source, clinical = draw.choice((G, E, None)), draw.choice((None, None, G, E)), draw.random() < 0.5
        each = [draw.choices(list(zip(one.shown, one.fates[later, source], strict=True)), k=200) for one in chosen]
        for case in zip(*each, strict=True):
            shown, fates = zip(*case, strict=True)
            bench.check(chosen, shown, fates, later, source, clinical)


# ---------------------------------------------------------------- a record that one side has
NEVER_OR_GONE = ("never", "gone")
WRITES = (None, "put", "create", "delete")
BEFORE = (UNSET, "a", "b", None)


def sent(op: Any) -> Sent | None:
    return op and Sent(op=op, fields={"f": "a"}, source={}, doc={}, expected=1, ref="r", key="k", origin=None)


def lone_cases() -> Any:
    values = [(now, before) for now in ("a", None, "refused") for before in BEFORE]
    settled = (True, False)
    return itertools.product(
        cases.SOURCES, ((G, E), (G,), (E,)), (G, E), NEVER_OR_GONE, WRITES, settled, values, (("a", "a"), ("a", "b")),
        ({}, {"f": ("z", (G,))}, {"f": ("z", (E,))}), (None, G),
    )  # fmt: skip


def test_a_record_at_one_side_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    count = 0
    kinds: dict[Any, Kind] = {}
    for source, creates, here, there, op, ever, (now, before), (g_now, g_before), wanted, only in lone_cases():
        key = (source, creates, only)
        if key not in kinds:
            specs = (Spec("f"), Spec("g", only=only))
            kinds[key] = Kind(
                name="thing", collection="things", title_ru="", title_en="", key=("f",),
                fields=tuple(map(cases.field, specs)), source=source and Side(source),
                creates=tuple(map(Side, creates)), refusal={"NO": {"f": "refused", "g": None}},
            )  # fmt: skip
        pair = Pair(
            id=1,
            kind="thing",
            wanted={name: Wanted(value, list(map(Side, todo))) for name, (value, todo) in wanted.items()},
        )
        state, lack = pair.side(Side(here)), pair.side(Side(here).other)
        state.presence, state.now, state.doc = "here", {"f": now, "g": g_now}, {}
        state.settled = {"g": g_before, **({} if before == UNSET else {"f": before})} if ever else None
        lack.presence, lack.sent = there, sent(op)
        fields = [(Spec("f"), now, before), (Spec("g", only=only), g_now, g_before)]
        expected = oracle.alone(
            oracle.Alone(here, there == "gone", fields, ever, op is not None, creates, source, {"f": "refused"}, wanted)
        )
        merged = merge(pair, kinds[key])
        count += 1
        words: list[Any] = [(plan.op, side.value, plan.fields) for side, plan in merged.writes.items()]
        words += ["foreign"] * merged.foreign + ["edit/delete"] * (WHOLE in merged.conflicts)
        assert (words or ["nothing"]) == [expected], (key, here, there, op, ever, now, before, g_now, g_before, wanted)
        if WHOLE in merged.conflicts:
            assert merged.conflicts == {WHOLE: (pair.gosuslugi.now, pair.emias.now)}
        assert (merged.over, merged.level, merged.decided, merged.overtaken) == (False, [], [], [])
    with capsys.disabled():
        sys.stdout.write(f"\n  {count:,} lone records equal to the oracle ")


def test_a_pair_is_over_once_nothing_is_unanswered() -> None:
    kind = Kind(
        name="thing", collection="things", title_ru="", title_en="", key=("f",), fields=(cases.field(Spec("f")),)
    )
    for g, e, at_g, at_e in itertools.product(NEVER_OR_GONE, NEVER_OR_GONE, WRITES, WRITES):
        pair = Pair(id=1, kind="thing", gosuslugi=SideState(presence=g, sent=sent(at_g)),
                    emias=SideState(presence=e, sent=sent(at_e)))  # fmt: skip
        merged = merge(pair, kind)
        assert merged.over is (at_g is at_e is None)
        assert merged == Merged(over=merged.over)


def test_what_may_not_be_judged_is_left_alone() -> None:
    """Held, refused, unreadable or unread pairs, whatever their sides show."""
    kind = Kind(
        name="thing", collection="things", title_ru="", title_en="", key=("f",), fields=(cases.field(Spec("f")),)
    )
    trouble = Problem("f", "format", "text")
    for g, e in itertools.product(("never", "here", "gone"), repeat=2):
        for spoiled in ("hold", "refused", "gosuslugi", "emias", "unread gosuslugi", "unread emias"):
            pair = Pair(id=1, kind="thing", **{spoiled: "why"} if spoiled in ("hold", "refused") else {})
            for side, presence in ((Side.GOSUSLUGI, g), (Side.EMIAS, e)):
                state = pair.side(side)
                state.presence, state.now = presence, {"f": side.value} if presence == "here" else None
                state.problems = (trouble,) if spoiled == side.value else ()
                if spoiled == f"unread {side.value}":
                    state.presence, state.now = "here", None
            merged = merge(pair, kind)
            assert merged == Merged()
