"""Every end that an unanswered write can come to (design §2a.6–9), as tables on pairs alone."""

from __future__ import annotations

from typing import Any

import pytest

from medmost.domain import pairing
from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.merge import merge
from medmost.domain.record import Observation, Pair, Reading, Sent, Side, SideState, Wanted

G, E = Side.GOSUSLUGI, Side.EMIAS


def kind(**more: Any) -> Kind:
    field = Field(name="f", **{"owner": Owner.PERSON, **more})
    return Kind(name="thing", collection="things", title_ru="", title_en="", fields=(field,), key=("key",))


def write(op: Any, value: Any = "b", **more: Any) -> Sent:
    carried = {} if op == "delete" else {"f": value}
    told = {"fields": carried, "source": dict(carried), "doc": {"f": value}, "expected": 1, "ref": "e1"}
    return Sent(op=op, key="k", origin="mark", **{**told, **more})


def side(value: Any, **more: Any) -> SideState:
    told = {"ref": "r", "version": 2, "presence": "here", "now": {"f": value}, "settled": {"f": "a"}, "doc": {}}
    return SideState(**{**told, **more})


def pair_of(at_e: SideState, sent: Sent | None, g: Any = "b", **more: Any) -> Pair:
    at_e.sent = sent
    return Pair(id=1, kind="thing", gosuslugi=side(g), emias=at_e, **more)


GONE = {"presence": "gone", "now": None, "version": 2}
ENDS: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    # operation, what EMIAS is, at which moments the doubt is over, what was learned
    "a put at the version it was made for": ("put", {"version": 1}, "ended", "late"),
    "a put that arrived": ("put", {"now": {"f": "b"}}, "flying asked ended", "arrived"),
    "a put that did not, another field moved": ("put", {"now": {"f": "a"}}, "asked ended", "late"),
    "a put over a third value": ("put", {"now": {"f": "x"}}, "asked ended", "unsure"),
    "a put at what cannot be read": ("put", {"now": None}, "", ""),
    "a put at a record that is gone": ("put", GONE, "asked ended", ""),
    "a create nobody has seen": ("create", {"presence": "never", "now": None, "version": -1}, "", ""),
    "a create that is there": ("create", {"now": {"f": "b"}, "origin": "mark"}, "asked ended", "arrived"),
    "a create changed since": (
        "create", {"now": {"f": "x"}, "origin": "mark", "settled": None}, "asked ended", "settled",
    ),
    "a create that met the system's own": ("create", {"now": {"f": "b"}, "origin": None}, "asked ended", ""),
    "a create that is gone": ("create", GONE, "ended", ""),
    "a delete that is done": ("delete", GONE, "flying asked ended", "reborn"),
    "a delete at the version it was made for": ("delete", {"version": 1}, "ended", ""),
    "a delete at a newer version": ("delete", {"now": {"f": "x"}}, "asked ended", ""),
}  # fmt: skip
MOMENTS = {"flying": (True, False), "asked": (False, False), "ended": (False, True), "flying, ended": (True, True)}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("op", "shows", "over", "learned"), ENDS.values(), ids=ENDS)
def test_doubt_ends_when_it_can(moment: str, op: Any, shows: dict[str, Any], over: str, learned: str) -> None:
    flying, ended = MOMENTS[moment]
    pair = pair_of(side("?", **shows), write(op))
    pairing.resolve(pair, kind(), E, flying=flying, ended=ended)
    state = pair.emias
    done = ("ended" if ended else moment) in over.split()
    assert (state.sent is None) is done
    arrived = learned == "arrived" and (done or flying) and op != "delete"
    assert ((state.settled or {}).get("f") == "b") is (arrived or (done and learned == "settled"))
    assert (state.late == {"f": ["b"]}) is (done and learned == "late")
    assert (pair.unsure == ["f"]) is (done and learned == "unsure")
    assert (state.presence == "never" and state.ref is None) is (learned == "reborn")


def test_a_put_that_half_arrived_keeps_the_rest_in_doubt() -> None:
    two = Kind(name="thing", collection="things", title_ru="", title_en="", key=("key",),
               fields=(Field(name="f", owner=Owner.PERSON), Field(name="g", owner=Owner.PERSON)))  # fmt: skip
    for flying in (True, False):
        at_e = side("b", now={"f": "b", "g": "x"}, settled={"f": "a", "g": "a"})
        pair = pair_of(at_e, write("put", fields={"f": "b", "g": "b"}, source={"f": "B", "g": "B"}))
        pairing.resolve(pair, two, E, flying=flying, ended=False)
        assert (pair.emias.settled, pair.gosuslugi.settled) == ({"f": "b", "g": "a"}, {"f": "B"})
        assert (pair.emias.sent is not None) is flying
        assert pair.unsure == ([] if flying else ["g"])
        if pair.emias.sent is not None:
            assert pair.emias.sent.fields == {"g": "b"}


def test_nothing_unanswered_leaves_all_as_it_is() -> None:
    pair = pair_of(side("x"), None)
    before = repr(pair)
    pairing.resolve(pair, kind(), E, flying=False, ended=True)
    assert repr(pair) == before


DOUBTED: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    # the field, what Gosuslugi shows besides, is it a person's
    "a person's": ({}, {}, True),
    "the target's own": ({"owner": Owner.EMIAS}, {"now": {"f": "c"}}, True),
    "the source's, which has moved": ({"owner": Owner.GOSUSLUGI}, {"now": {"f": "c"}}, False),
    "the source's, which has not": ({"owner": Owner.GOSUSLUGI}, {}, True),
    "the source's, which is gone": ({"owner": Owner.GOSUSLUGI}, {"presence": "gone", "now": None}, False),
    "the source's, which cannot be read": ({"owner": Owner.GOSUSLUGI}, {"now": None}, True),
    "the latest's": ({"owner": Owner.LATEST}, {}, False),
    "a state's": ({"style": Style.FORWARD}, {}, False),
    "a follower's": ({"style": Style.FOLLOWS}, {}, False),
    "ruled by one side": ({"source": G}, {}, False),
}


@pytest.mark.parametrize(("field", "source", "persons"), DOUBTED.values(), ids=DOUBTED)
def test_a_third_value_is_a_persons_unless_a_rule_is_safe(
    field: dict[str, Any], source: dict[str, Any], persons: bool
) -> None:
    pair = pair_of(side("x"), write("put"))
    for name, value in source.items():
        setattr(pair.gosuslugi, name, value)
    for _ in range(2):  # a second doubt of the same field says nothing new
        pairing.resolve(pair, kind(**field), E, flying=False, ended=False)
        assert pair.unsure == (["f"] if persons else [])
        assert pair.emias.late == {}
        pair.emias.sent = write("put")


def test_a_one_way_kind_is_never_in_doubt() -> None:
    one = Kind(name="thing", collection="things", title_ru="", title_en="", key=("key",), source=G,
               fields=(Field(name="f", owner=Owner.PERSON),))  # fmt: skip
    pair = pair_of(side("x"), write("put"))
    pairing.resolve(pair, one, E, flying=False, ended=False)
    assert (pair.unsure, pair.emias.late, pair.emias.sent) == ([], {}, None)


def test_what_was_there_before_the_write_is_no_third_value() -> None:
    """Never settled here: what the record showed when the write was worked out is known all the same."""
    pair = pair_of(side("x", settled=None), write("put", before={"f": "x"}))
    pairing.resolve(pair, kind(), E, flying=False, ended=False)
    assert (pair.unsure, pair.emias.late, pair.emias.settled) == ([], {"f": ["b"]}, {})


def test_a_created_record_settles_its_source_as_it_was_sent() -> None:
    pair = pair_of(side("x", settled=None, origin="mark"), write("create", "b", source={"f": "B"}), g="c")
    pairing.resolve(pair, kind(), E, flying=False, ended=True)
    assert (pair.emias.settled, pair.gosuslugi.settled) == ({"f": "b"}, {"f": "B"})
    assert pair.unsure == []


@pytest.mark.parametrize("op", ["put", "create"])
def test_what_a_system_spells_its_own_way_has_arrived(op: Any) -> None:
    """An answer was lost, the system keeps all names in capitals, and the source has moved on: nobody is asked."""
    sent = write(op, "Ivanova  Anna", source={"f": "ivanova anna"})
    pair = pair_of(side("IVANOVA ANNA ", origin="mark"), sent, g="petrova anna", wanted={"f": Wanted("x", [G, E])})
    pairing.resolve(pair, kind(), E, flying=False, ended=False)
    assert (pair.emias.settled, pair.gosuslugi.settled) == ({"f": "IVANOVA ANNA "}, {"f": "ivanova anna"})
    assert (pair.unsure, pair.wanted["f"].todo) == ([], [G])


@pytest.mark.parametrize(("sent", "shown"), [("anna", "anne"), (7, "7"), ("7", 7), ("anna", None)])
def test_another_value_is_no_spelling(sent: Any, shown: Any) -> None:
    pair = pair_of(side(shown), write("put", sent, source={"f": sent}))
    pairing.resolve(pair, kind(), E, flying=False, ended=False)
    assert pair.unsure == ["f"]


# ---------------------------------------------------------------- answers
def answer(version: int = 3, value: Any = "b", ref: str = "r", **more: Any) -> tuple[Observation, Reading]:
    seen = Observation(side=E, kind="thing", ref=ref, version=version, doc={"f": value}, **more)
    return seen, Reading({"f": value})


def test_an_answer_ends_doubt_and_decision() -> None:
    pair = pair_of(side("a"), write("put"), unsure=["f", "other"], wanted={"f": Wanted("b", [G, E])})
    pairing.settle_answer(pair, kind(), E, *answer(origin="mark"))
    assert (pair.unsure, pair.wanted) == (["other"], {"f": Wanted("b", [G])})
    assert (pair.emias.version, pair.emias.now, pair.emias.doc, pair.emias.origin) == (
        3,
        {"f": "b"},
        {"f": "b"},
        "mark",
    )
    assert pair.emias.incarnation == 0


def test_an_answer_of_the_known_version_says_nothing_new() -> None:
    pair = pair_of(side("person", origin="theirs"), write("put"))
    pairing.settle_answer(pair, kind(), E, *answer(version=2))
    assert (pair.emias.now, pair.emias.origin, pair.emias.sent) == ({"f": "person"}, "theirs", None)
    assert (pair.emias.settled, pair.gosuslugi.settled) == ({"f": "b"}, {"f": "b"})


def test_a_create_of_the_same_record_keeps_its_versions() -> None:
    """It was seen before its answer came: the answer is older than what is known."""
    pair = pair_of(side("person", version=5), write("create"))
    pairing.settle_answer(pair, kind(), E, *answer(version=3))
    assert (pair.emias.version, pair.emias.now, pair.emias.incarnation) == (5, {"f": "person"}, 1)


def test_rows_that_are_shown_are_not_asked_about() -> None:
    rows = [{"id": "1", "status_id": 2, "at": "2026-11-23T10:00"}]
    pair = pair_of(side([], settled={"f": []}), write("put", rows))
    pairing.settle_answer(pair, kind(style=Style.GROW), E, *answer(value=rows))
    assert pair.unsure == []


def test_our_copy_that_a_person_deleted_was_level() -> None:
    pair = pair_of(SideState(), write("create", "b", source={"f": "B"}), g="B")
    pair.gosuslugi.settled = {"other": 1}
    gone = Observation(side=E, kind="thing", ref="e7", version=4, doc=None)
    pairing.made_and_gone(pair, E, gone)
    state = pair.emias
    assert (state.ref, state.version, state.presence, state.incarnation) == ("e7", 4, "gone", 1)
    assert (state.now, state.doc, state.sent) == (None, None, None)
    assert (state.settled, pair.gosuslugi.settled) == ({"f": "b"}, {"other": 1, "f": "B"})
    assert merge(pair, kind()).writes[G].op == "delete"
    pair = pair_of(SideState(), write("create"))
    pair.gosuslugi.settled = None
    pairing.made_and_gone(pair, E, gone)
    assert pair.gosuslugi.settled == {"f": "b"}


@pytest.mark.parametrize("target", [G, E])
def test_a_side_is_born_anew_as_if_never_seen(target: Side) -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("b", incarnation=4), emias=side("b", incarnation=4))
    pairing.reborn(pair, target)
    assert pair.side(target) == SideState(incarnation=5)
    assert pair.side(target.other).settled is None
    assert pair.side(target.other).incarnation == 4
    assert merge(pair, kind()).writes[target].op == "create"


def test_our_own_delete_empties_the_side() -> None:
    pair = pair_of(side("a", now={"f": "a"}), write("delete", fields={}, source={}))
    pair.gosuslugi = SideState(ref="g", version=3, presence="gone", settled={"f": "a"})
    pairing.settle_delete(pair, E, 7)
    state = pair.emias
    assert (state.presence, state.now, state.doc, state.sent, state.version) == ("gone", None, None, None, 7)
    assert merge(pair, kind()).over


# ---------------------------------------------------------------- what is sent, what is wanted
def test_what_is_sent_holds_all_that_doubt_needs() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("b"), emias=side("a", ref="e1", version=6))
    told = {"doc": {"f": "b"}, "key": "k", "origin": "mark", "until": 9.0}
    put = pairing.plan_sent(pair, E, op="put", fields={"f": "b"}, **told)
    assert put is pair.emias.sent
    assert (put.source, put.before, put.expected, put.ref) == ({"f": "b"}, {"f": "a"}, 6, "e1")
    assert (put.op, put.fields, put.doc, put.key, put.origin, put.until) == ("put", {"f": "b"}, *told.values())
    pair.gosuslugi.now = pair.emias.now = None
    assert pairing.plan_sent(pair, E, op="put", fields={"f": "z"}, **told).before == {"f": None}
    create = pairing.plan_sent(pair, E, op="create", fields={"f": "z"}, **told)
    assert (create.before, create.source) == ({}, {"f": None})


def test_a_decision_asks_only_who_is_there_and_lacks_it() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("x", settled=None), emias=SideState(), unsure=["other"])
    pairing.decide(pair, "f", "z")
    assert pair.wanted == {"f": Wanted("z", [G])}
    assert (pair.gosuslugi.settled, pair.emias.settled, pair.unsure) == ({"f": "x"}, None, ["other"])
    pair.wanted = {}
    pairing.decide(pair, "f", "x")
    assert pair.wanted == {}


def test_a_wish_ends_with_the_last_side_that_lacked_it() -> None:
    pair = Pair(id=1, kind="thing", wanted={"f": Wanted("z", [G, E])})
    pairing.unwant(pair, "g", G)
    pairing.unwant(pair, "f", G)
    pairing.unwant(pair, "f", G)
    assert pair.wanted == {"f": Wanted("z", [E])}
    pairing.unwant(pair, "f", E)
    assert pair.wanted == {}


def test_a_refusal_written_back_is_nobodys_change() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=side("booked", settled=None))
    pairing.write_back(pair, G, {"f": "rejected"})
    assert pair.gosuslugi.settled == {"f": "booked"}
    assert pair.wanted == {"f": Wanted("rejected", [G])}


# ---------------------------------------------------------------- versions
def test_a_version_brings_all_that_it_shows() -> None:
    pair = Pair(id=1, kind="thing", emias=side("a", origin="mark", problems=()), refused="no")
    seen, reading = answer(version=3, value="n")
    assert pairing.take(pair, kind(), seen, reading)
    state = pair.emias
    assert (state.version, state.presence, state.now, state.doc) == (3, "here", {"f": "n"}, {"f": "n"})
    assert (state.origin, pair.refused) == ("mark", None)
    assert pairing.take(pair, kind(), answer(version=4, origin="new")[0], None)  # a body we may not keep
    assert (state.origin, state.doc, state.now, state.presence) == ("new", None, None, "here")
    assert not pairing.take(pair, kind(), *answer(version=3))


def test_an_equal_version_only_resolves_doubt() -> None:
    pair = pair_of(side("b"), write("put"))
    pair.refused = "no"
    seen, reading = answer(version=2, value="other")
    assert not pairing.take(pair, kind(), seen, reading)
    assert (pair.emias.now, pair.emias.sent, pair.refused) == ({"f": "b"}, None, "no")
    pair = pair_of(SideState(ref="r", version=2, presence="gone"), None)
    assert not pairing.take(pair, kind(), seen, reading)
    assert pair.emias.presence == "gone"


def test_a_look_tells_whether_the_request_has_ended() -> None:
    for flying, ended, over in ((False, False, False), (True, False, False), (False, True, True), (True, True, True)):
        pair = pair_of(side("a", version=1), write("put"))
        pairing.take(pair, kind(), *answer(version=1, value="a"), flying=flying, ended=ended)
        assert (pair.emias.sent is None) is over
        newer = pair_of(side("a", version=0), write("put"))
        pairing.take(newer, kind(), *answer(version=1, value="a"), flying=flying, ended=ended)
        assert (newer.emias.sent is None) is over
