"""How a pair moves, on pairs alone: a version seen, an answer received, a write unanswered, a person's decision."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain import pairing
from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.merge import merge
from medmost.domain.record import BOTH, Observation, Pair, Problem, Reading, Sent, Side, SideState, Wanted

G, E = Side.GOSUSLUGI, Side.EMIAS


def kind(owner: Owner = Owner.PERSON, **more: Any) -> Kind:
    field = Field(name="f", owner=owner, **more)
    return Kind(name="thing", collection="things", title_ru="", title_en="", fields=(field,), key=("key",))


def seen(version: int, value: Any = "a", ref: str = "e1", origin: str | None = None) -> tuple[Observation, Reading]:
    doc = {"f": value}
    return Observation(side=E, kind="thing", ref=ref, version=version, doc=doc, origin=origin), Reading({"f": value})


def gone(version: int) -> Observation:
    return Observation(side=E, kind="thing", ref="e1", version=version, doc=None)


def side(value: Any, settled: Any = "a", version: int = 1, ref: str = "e1", **more: Any) -> SideState:
    return SideState(ref=ref, version=version, presence="here", doc={"f": value}, now={"f": value},
                     settled={"f": settled}, **more)  # fmt: skip


def put(value: Any = "b", source: Any = "b", expected: int = 1) -> Sent:
    return Sent(op="put", fields={"f": value}, source={"f": source}, doc={"f": value}, expected=expected, ref="e1",
                key="k", origin=None, before={"f": "a"})  # fmt: skip


def carrying(now: Any = "b", **more: Any) -> Pair:
    """Gosuslugi shows b, which was sent to EMIAS over an a."""
    return Pair(id=1, kind="thing", gosuslugi=side(now, ref="g1"), emias=side("a", sent=put(**more)))


# ---------------------------------------------------------------- versions
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("abc")), min_size=1, max_size=8))
def test_the_newest_version_stays_in_any_order(versions: list[tuple[int, str]]) -> None:
    pair, first = Pair(id=1, kind="thing"), dict(reversed(versions))
    for version, value in versions:
        pairing.take(pair, kind(), *seen(version, value))
    newest = max(first)
    assert (pair.emias.version, pair.emias.now) == (newest, {"f": first[newest]})


def test_a_tombstone_empties_and_a_newer_version_fills() -> None:
    pair = Pair(id=1, kind="thing", emias=side("a"))
    assert pairing.take(pair, kind(), gone(2), None)
    assert (pair.emias.presence, pair.emias.now) == ("gone", None)
    assert not pairing.take(pair, kind(), *seen(1))
    assert pair.emias.presence == "gone"


def test_a_body_that_may_be_kept_now_is_taken_at_its_version() -> None:
    pair = Pair(id=1, kind="thing", emias=SideState(ref="e1", version=3, presence="here"))
    assert pairing.take(pair, kind(), *seen(3))
    assert pair.emias.now == {"f": "a"}


def test_a_change_ends_a_refusal() -> None:
    pair = Pair(id=1, kind="thing", emias=side("a"), refused="no")
    pairing.take(pair, kind(), *seen(1))
    assert pair.refused == "no"
    pairing.take(pair, kind(), *seen(2))
    assert pair.refused is None


# ---------------------------------------------------------------- answers
def test_an_answer_settles_both_in_their_own_words() -> None:
    pair = carrying(value="b", source="b")
    pairing.settle_answer(pair, kind(), E, *seen(2, "B"))
    assert (pair.gosuslugi.settled, pair.emias.settled) == ({"f": "b"}, {"f": "B"})
    assert pair.emias.sent is None
    assert not merge(pair, kind()).writes


def test_an_answer_settles_what_was_sent_not_what_is_there_now() -> None:
    pair = carrying(now="newer")
    pairing.settle_answer(pair, kind(), E, *seen(2, "b"))
    assert pair.gosuslugi.settled == {"f": "b"}
    assert merge(pair, kind()).writes[E].fields == {"f": "newer"}


def test_an_older_answer_settles_but_does_not_move_back() -> None:
    pair = carrying()
    pairing.take(pair, kind(), *seen(3, "person"), flying=True)
    pairing.settle_answer(pair, kind(), E, *seen(2, "b"))
    assert (pair.emias.version, pair.emias.now, pair.emias.settled) == (3, {"f": "person"}, {"f": "b"})
    assert merge(pair, kind()).writes[G].fields == {"f": "person"}


def test_an_unreadable_answer_settles_nothing() -> None:
    pair = carrying()
    answer, _ = seen(2, "?")
    pairing.settle_answer(pair, kind(), E, answer, Reading({"f": None}, (Problem("f", "format", "text"),)))
    assert (pair.emias.settled, pair.emias.sent) == ({"f": "a"}, None)


def test_rows_that_were_taken_and_are_not_shown_are_asked_about() -> None:
    """Else they would be written again for ever."""
    rows = [{"id": "1", "status_id": 2, "at": "2026-11-23T10:00"}]
    pair = Pair(id=1, kind="thing", gosuslugi=side(rows, ref="g1"), emias=side([], settled=[], sent=put(rows, rows)))
    growing = kind(style=Style.GROW)
    pairing.settle_answer(pair, growing, E, *seen(2, []))
    merged = merge(pair, growing)
    assert not merged.writes
    assert set(merged.conflicts) == {"f"}


# ---------------------------------------------------------------- no answer: every end of it
DOUBT: dict[str, tuple[Owner, Any, Any, str]] = {
    # what EMIAS shows at a newer version, what Gosuslugi shows by now -> what follows
    "it arrived": (Owner.PERSON, "b", "b", "level"),
    "it arrived, the source moved on": (Owner.PERSON, "b", "c", "E:=c"),
    "not applied, another field changed": (Owner.PERSON, "a", "b", "E:=b"),
    "a third value is a person's": (Owner.PERSON, "x", "b", "conflict"),
    "a third value though the target's side rules": (Owner.EMIAS, "x", "b", "conflict"),
    "a third value where the source rules, unmoved": (Owner.GOSUSLUGI, "x", "b", "conflict"),
    "a third value where the source rules and moved": (Owner.GOSUSLUGI, "x", "c", "E:=c"),
}


@pytest.mark.parametrize(("owner", "shows", "source", "expected"), DOUBT.values(), ids=DOUBT)
def test_doubt_ends_by_what_is_shown(owner: Owner, shows: Any, source: Any, expected: str) -> None:
    one, pair = kind(owner), carrying(now=source)
    pairing.take(pair, one, *seen(2, shows))
    assert pair.emias.sent is None
    merged = merge(pair, one)
    if "f" in merged.conflicts or "f" in merged.level:
        assert ("conflict" if "f" in merged.conflicts else "level") == expected
    else:
        assert [f"{s.value[0].upper()}:={plan.fields['f']}" for s, plan in merged.writes.items()] == [expected]


def test_an_unmoved_version_means_nothing_before_the_deadline() -> None:
    pair = carrying()
    pairing.resolve(pair, kind(), E, flying=False, ended=False)
    assert pair.emias.sent is not None
    pairing.resolve(pair, kind(), E, flying=False, ended=True)
    assert pair.emias.sent is None
    assert pair.emias.late == {"f": ["b"]}


def test_nothing_is_doubted_while_an_answer_may_come() -> None:
    pair = carrying()
    pairing.take(pair, kind(), *seen(2, "x"), flying=True)
    assert pair.emias.sent is not None
    assert pair.unsure == []


def test_doubt_about_an_unreadable_record_waits() -> None:
    pair = carrying()
    answer, _ = seen(2, "?")
    pairing.take(pair, kind(), answer, Reading({"f": None}, (Problem("f", "format", "text"),)))
    assert pair.emias.sent is not None
    pairing.take(pair, kind(), *seen(3, "b"))
    assert pair.emias.sent is None
    assert "f" in merge(pair, kind()).level


def test_late_values_are_remembered_once_and_not_for_ever() -> None:
    state = SideState()
    for value in "abcdeea":
        pairing.remember_late(state, {"f": value})
    assert len(state.late["f"]) == 4
    assert state.late["f"][-1] == "a"


# ---------------------------------------------------------------- deletes, births, decisions
def test_our_own_delete_closes_the_pair_unless_the_source_is_back() -> None:
    for back in (False, True):
        left = side("a", ref="g2") if back else SideState(ref="g1", version=2, presence="gone", settled={"f": "a"})
        pair = Pair(id=1, kind="thing", gosuslugi=left, emias=side("a", incarnation=1))
        pair.emias.sent = Sent(op="delete", fields={}, source={}, doc=None, expected=1, ref="e1", key="k", origin=None)
        pairing.settle_delete(pair, E, 2)
        merged = merge(pair, kind())
        assert merged.over is not back
        assert [plan.op for plan in merged.writes.values()] == (["create"] if back else [])
        assert pair.emias.incarnation == (2 if back else 1)


def test_a_delete_that_only_a_tombstone_tells_of_is_ours_too() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("a", ref="g2"), emias=side("a"))
    pair.emias.sent = Sent(op="delete", fields={}, source={}, doc=None, expected=1, ref="e1", key="k", origin=None)
    pairing.take(pair, kind(), gone(2), None)
    assert merge(pair, kind()).writes[E].op == "create"


def test_a_created_record_replaces_a_former_one_of_higher_version() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("b", ref="g1"),
                emias=SideState(ref="e1", version=9, presence="gone"))  # fmt: skip
    pair.emias.sent = Sent(op="create", fields={"f": "b"}, source={"f": "b"}, doc={}, expected=-1, ref=None, key="k",
                           origin="mark")  # fmt: skip
    pairing.settle_answer(pair, kind(), E, *seen(1, "b", ref="e2", origin="mark"))
    assert (pair.emias.ref, pair.emias.version, pair.emias.presence) == ("e2", 1, "here")
    assert pair.emias.incarnation == 1


def test_nothing_there_begins_another_incarnation() -> None:
    pair = carrying()
    pairing.nothing_there(pair, E)
    assert (pair.emias.sent, pair.emias.incarnation) == (None, 1)


@pytest.mark.parametrize("chosen", ["x", "y", "z"])
def test_a_decision_settles_both_and_goes_where_it_lacks(chosen: str) -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("x", ref="g1"), emias=side("y"), unsure=["f"])
    pairing.decide(pair, "f", chosen)
    merged = merge(pair, kind())
    assert {s for s in BOTH if s in merged.writes} == {s for s, v in ((G, "x"), (E, "y")) if v != chosen}
    assert all(plan.fields == {"f": chosen} for plan in merged.writes.values())
    assert pair.unsure == []


def test_left_as_it_is_nothing_is_carried() -> None:
    for presence in ("here", "gone"):
        pair = Pair(id=1, kind="thing", gosuslugi=side("x", ref="g1"), emias=side("y"), unsure=["f"])
        pair.emias.presence, pair.wanted["f"] = presence, Wanted("z", [E])
        for _ in range(2):
            pairing.leave(pair, "f")
        assert (pair.unsure, pair.wanted) == ([], {})
        assert "f" not in merge(pair, kind()).conflicts
        assert pair.gosuslugi.settled == {"f": "x"}
        assert pair.emias.settled == {"f": "y" if presence == "here" else "a"}


def test_an_answer_takes_a_decision_off_the_list() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("x", ref="g1"), emias=side("y"))
    pairing.decide(pair, "f", "x")
    pairing.plan_sent(pair, E, op="put", fields={"f": "x"}, doc={}, key="k", origin=None, until=1.0)
    pairing.settle_answer(pair, kind(), E, *seen(2, "x"))
    assert pair.wanted == {}


def test_a_refusal_is_wanted_at_the_source() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("booked", ref="g1"))
    pairing.write_back(pair, G, {"f": "rejected"})
    assert pair.wanted == {"f": Wanted("rejected", [G])}
    assert merge(pair, kind()).writes[G].fields == {"f": "rejected"}


@pytest.mark.parametrize(
    ("style", "shown", "moved"),
    [
        (Style.FORWARD, "cancelled", True),  # what was refused is no longer what is there: try the newer state
        (Style.FORWARD, "booked", False),
        (Style.REPLACE, "cancelled", False),  # only a state goes on; another value is a correction of the same record
    ],
)
def test_a_refusal_counts_for_the_state_that_was_sent(style: Style, shown: str, moved: bool) -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side(shown, ref="g1"))
    assert pairing.moved_on(pair, kind(style=style), G, put("booked", source="booked")) is moved
    pair.gosuslugi.now = None
    assert pairing.moved_on(pair, kind(style=style), G, put("booked", source="booked")) is (style is Style.FORWARD)
