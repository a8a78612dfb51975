"""What each side lacks: the merge as tables (design §2a.3, §6).

In a table a letter is a value, `-` no value, `.` "never settled"; `a/A` settled as a at Gosuslugi and as A at EMIAS.
`E:=b` is a write of b to EMIAS, `!` behind it a conflict that the owner's rule decided.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.merge import WHOLE, Merged, merge, settle_level
from medmost.domain.record import BOTH, Pair, Problem, Sent, Side, SideState, Wanted

G, E = Side.GOSUSLUGI, Side.EMIAS
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = {"booked": ("arrived", "fulfilled", "noshow", "cancelled"), "arrived": ("fulfilled", "noshow")}


def kind(*fields: Field, **more: Any) -> Kind:
    told = {"name": "thing", "collection": "things", "title_ru": "", "title_en": "", "key": ("key",)}
    return Kind(fields=fields, **{**told, **more})


def here(now: dict[str, Any], settled: dict[str, Any] | None = None, **more: Any) -> SideState:
    before = None if settled is None else dict(settled)
    return SideState(ref="r", version=1, presence="here", now=now, doc={}, settled=before, **more)


def gone(settled: dict[str, Any] | None = None, **more: Any) -> SideState:
    return SideState(ref="r", version=2, presence="gone", settled=settled, **more)


def sent(op: Any, **fields: Any) -> Sent:
    return Sent(op=op, fields=fields, source=dict(fields), doc={}, expected=1, ref="r", key="k", origin=None)


def told(merged: Merged, name: str = "f") -> str:
    """The merge's verdict on one field, in the tables' words."""
    if name in merged.conflicts:
        return "conflict"
    if name in merged.level:
        return "level"
    written = [f"{side.value[0].upper()}:={plan.fields[name] or '-'}" for side, plan in merged.writes.items()
               if name in plan.fields]  # fmt: skip
    decided = "!" if any(one.field == name for one in merged.decided) else ""
    return " ".join(written) + decided if written else "nothing"


def value(letter: str) -> str | None:
    return None if letter == "-" else letter


def settled(letters: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    g, _, e = letters.partition("/")
    return tuple(None if one == "." else {"f": value(one)} for one in (g, e or g))  # type: ignore[return-value]  # a pair


def rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(line.split(None, 4)) for line in table.strip().splitlines()[1:] if line.strip()]


FIELDS = """
settled gosuslugi emias owner     expected
a       a         a     person    level
a       b         b     person    level
.       a         a     gosuslugi level
.       -         -     gosuslugi level
a       b         a     gosuslugi E:=b
a       b         a     emias     E:=b
a       b         a     person    E:=b
a       b         a     latest    E:=b
a       a         b     gosuslugi G:=b
a       a         b     emias     G:=b
a       a         b     person    G:=b
a       -         a     person    E:=-
a       a         -     emias     G:=-
-       b         -     person    E:=b
a       b         c     gosuslugi E:=b!
a       b         c     emias     G:=c!
a       b         c     person    conflict
a       -         c     emias     G:=c!
.       a         b     gosuslugi E:=a!
.       a         b     emias     G:=b!
.       a         b     person    conflict
.       -         b     gosuslugi E:=-!
a/A     a         A     person    nothing
a/A     b         A     person    E:=b
a/A     a         B     person    G:=B
a/A     b         B     emias     G:=B!
a/.     a         b     emias     G:=b
./a     b         a     emias     E:=b
"""


@pytest.mark.parametrize(("before", "g", "e", "owner", "expected"), rows(FIELDS))
def test_a_field_goes_where_it_lacks(before: str, g: str, e: str, owner: str, expected: str) -> None:
    one = kind(Field(name="f", owner=Owner(owner)))
    at_g, at_e = settled(before)
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": value(g)}, at_g), emias=here({"f": value(e)}, at_e))
    assert told(merge(pair, one)) == expected


STATES = """
settled gosuslugi emias     - expected
booked  booked    booked    - level
booked  cancelled booked    - E:=cancelled
booked  booked    arrived   - G:=arrived
booked  booked    fulfilled - G:=fulfilled
booked  cancelled arrived   - conflict
booked  cancelled fulfilled - conflict
booked  noshow    fulfilled - conflict
booked  arrived   fulfilled - G:=fulfilled!
.       booked    cancelled - G:=cancelled!
.       fulfilled arrived   - E:=fulfilled!
.       cancelled fulfilled - conflict
arrived booked    arrived   - G:=arrived!
.       -         booked    - G:=booked!
.       booked    -         - E:=booked!
"""


@pytest.mark.parametrize(("before", "g", "e", "_", "expected"), rows(STATES))
def test_a_state_only_moves_forward(before: str, g: str, e: str, _: str, expected: str) -> None:
    one = kind(Field(name="f", style=Style.FORWARD, order=ORDER))
    at_g, at_e = settled(before)
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": value(g)}, at_g), emias=here({"f": value(e)}, at_e))
    assert told(merge(pair, one)) == expected


@pytest.mark.parametrize(
    ("g_after_e", "winner"),
    [(timedelta(seconds=3), G), (timedelta(seconds=2), E), (timedelta(0), E), (timedelta(seconds=-3), E), (None, E)],
)
def test_the_latest_wins_unless_within_two_seconds(g_after_e: timedelta | None, winner: Side) -> None:
    one = kind(Field(name="f", owner=Owner.LATEST))
    stamp = NOON + g_after_e if g_after_e is not None else None
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "x"}, {"f": "a"}, stamp=stamp),
                emias=here({"f": "y"}, {"f": "a"}, stamp=NOON))  # fmt: skip
    merged = merge(pair, one)
    assert merged.writes[winner.other].fields == {"f": "x" if winner is G else "y"}
    assert [(d.winner, d.lost) for d in merged.decided] == [(winner, "y" if winner is G else "x")]


# ---------------------------------------------------------------- a reason follows its state
VISIT = kind(
    Field(name="state", style=Style.FORWARD, order=ORDER),
    Field(name="reason", owner=Owner.LATEST, style=Style.FOLLOWS, leader="state"),
)


def visit(g: tuple[str, str | None], e: tuple[str, str | None], before: tuple[str, str | None]) -> Merged:
    def state(now: tuple[str, str | None]) -> dict[str, Any]:
        return {"state": now[0], "reason": now[1]}

    return merge(Pair(id=1, kind="thing", gosuslugi=here(state(g), state(before)), emias=here(state(e), state(before))),
                 VISIT)  # fmt: skip


def test_a_reason_goes_with_its_state() -> None:
    merged = visit(("cancelled", "ill"), ("booked", None), ("booked", None))
    assert merged.writes[E].fields == {"state": "cancelled", "reason": "ill"}


def test_a_reason_on_the_losing_side_is_replaced() -> None:
    merged = visit(("booked", "late"), ("cancelled", "ill"), ("booked", None))
    assert merged.writes[G].fields == {"state": "cancelled", "reason": "ill"}


def test_a_reason_alone_merges_like_any_field() -> None:
    merged = visit(("cancelled", "ill"), ("cancelled", None), ("cancelled", None))
    assert merged.writes == {E: merged.writes[E]}
    assert merged.writes[E].fields == {"reason": "ill"}


def test_a_reason_waits_while_its_state_is_open() -> None:
    merged = visit(("cancelled", "ill"), ("arrived", None), ("booked", None))
    assert set(merged.conflicts) == {"state"}
    assert not merged.writes


def test_a_reason_in_doubt_stays_out_of_it() -> None:
    unanswered = sent("put", reason="ill")
    pair = Pair(id=1, kind="thing", gosuslugi=here({"state": "booked", "reason": "ill"}, {"state": "booked"}),
                emias=here({"state": "cancelled", "reason": "late"}, {"state": "booked"}, sent=unanswered))  # fmt: skip
    merged = merge(pair, VISIT)
    assert merged.writes[G].fields == {"state": "cancelled"}
    assert merged.level == []


def test_a_reason_that_loses_is_written_down() -> None:
    merged = visit(("booked", "late"), ("cancelled", "ill"), ("booked", None))
    assert [(one.field, one.winner, one.lost) for one in merged.decided] == [("reason", E, "late")]


# ---------------------------------------------------------------- histories only gain rows
GROWING = kind(Field(name="f", style=Style.GROW))


def row(number: int, origin: str | None = None) -> dict[str, Any]:
    return {"id": str(number), "origin": origin, "status_id": number, "at": f"2026-11-23T10:{number:02d}:00+03:00"}


def test_rows_of_both_sides_reach_both() -> None:
    old, mine, theirs = row(1), row(2), row(3)
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": [old, mine]}, {"f": [old]}),
                emias=here({"f": [old, theirs]}, {"f": [old]}))  # fmt: skip
    merged = merge(pair, GROWING)
    assert [r["id"] for r in merged.writes[G].fields["f"]] == ["1", "2", "3"]
    assert [r["id"] for r in merged.writes[E].fields["f"]] == ["1", "2", "3"]


def test_a_row_added_while_another_settled_still_goes() -> None:
    """Settling the union must not swallow the half that the source lacks."""
    both = [row(1), row(2), row(3, origin="3")]
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": both}, {"f": both}),
                emias=here({"f": [row(1), row(3)]}, {"f": [row(1), row(3)]}))  # fmt: skip
    merged = merge(pair, GROWING)
    assert set(merged.writes) == {E}


def test_the_same_rows_in_other_words_are_level() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": [row(1, origin="7")]}), emias=here({"f": [row(1)]}))
    assert told(merge(pair, GROWING)) == "level"


# ---------------------------------------------------------------- a record at one side only
PLAIN = kind(Field(name="f", owner=Owner.EMIAS))
TO_G = kind(Field(name="f"), source=E, creates=(G,))


def presence(g: SideState, e: SideState, one: Kind = PLAIN, **more: Any) -> str:
    merged = merge(Pair(id=1, kind="thing", gosuslugi=g, emias=e, **more), one)
    plans = [f"{plan.op} {side.value}" for side, plan in merged.writes.items()]
    words = ["edit/delete"] if WHOLE in merged.conflicts else []
    words += [word for word, true in (("foreign", merged.foreign), ("over", merged.over)) if true]
    return " ".join([*plans, *words]) or "nothing"


ALIKE = {"f": "a"}
PRESENCE: dict[str, tuple[SideState, SideState, Kind, str]] = {
    "new at Gosuslugi": (here(ALIKE), SideState(), PLAIN, "create emias"),
    "new at EMIAS": (SideState(), here(ALIKE), PLAIN, "create gosuslugi"),
    "gone at Gosuslugi, untouched at EMIAS": (gone(ALIKE), here(ALIKE, ALIKE), PLAIN, "delete emias"),
    "gone at EMIAS, untouched at Gosuslugi": (here(ALIKE, ALIKE), gone(ALIKE), PLAIN, "delete gosuslugi"),
    "gone at EMIAS, changed at Gosuslugi": (here({"f": "b"}, ALIKE), gone(ALIKE), PLAIN, "edit/delete"),
    "gone at EMIAS, never level": (here(ALIKE), gone(), PLAIN, "edit/delete"),
    "gone at EMIAS with a write unanswered": (
        here(ALIKE, ALIKE), gone(ALIKE, sent=sent("put", f="b")), PLAIN, "edit/delete",
    ),
    "gone at both": (gone(ALIKE), gone(ALIKE), PLAIN, "over"),
    "gone at both, an answer missing": (gone(ALIKE), gone(ALIKE, sent=sent("create", f="a")), PLAIN, "nothing"),
    "one way: new at the ruling side": (SideState(), here(ALIKE), TO_G, "create gosuslugi"),
    "one way: only at the other side": (here(ALIKE), SideState(), TO_G, "foreign"),
    "one way: gone at the ruling side": (here({"f": "b"}, ALIKE), gone(ALIKE), TO_G, "delete gosuslugi"),
    "one way: gone at the other side": (gone(ALIKE), here(ALIKE, ALIKE), TO_G, "nothing"),
}  # fmt: skip


@pytest.mark.parametrize(("g", "e", "one", "expected"), PRESENCE.values(), ids=PRESENCE)
def test_presence_is_carried_or_asked_about(g: SideState, e: SideState, one: Kind, expected: str) -> None:
    assert presence(g, e, one) == expected


def test_a_refused_visit_lives_alone() -> None:
    one = kind(Field(name="f"), refusal={"SIM_SLOT_TAKEN": {"f": "rejected", "why": None}})
    assert presence(here({"f": "rejected"}), SideState(), one) == "nothing"
    assert presence(here({"f": "booked"}), SideState(), one) == "create emias"


def test_a_refusal_is_written_back_before_a_new_try() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "booked"}, {"f": "booked"}),
                wanted={"f": Wanted("rejected", [G])})  # fmt: skip
    merged = merge(pair, PLAIN)
    assert merged.writes[G].fields == {"f": "rejected"}
    assert E not in merged.writes


# ---------------------------------------------------------------- one way, doubt, decisions, standing still
def test_a_change_at_the_receiving_side_is_put_back() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "mine"}, ALIKE), emias=here(ALIKE, ALIKE))
    merged = merge(pair, TO_G)
    assert merged.writes[G].fields == ALIKE
    assert [(d.winner, d.lost) for d in merged.decided] == [(E, "mine")]


def test_a_ruled_field_of_a_two_way_kind_is_put_back() -> None:
    one = kind(Field(name="f", owner=Owner.GOSUSLUGI, source=G))
    pair = Pair(id=1, kind="thing", gosuslugi=here(ALIKE, ALIKE), emias=here({"f": "mine"}, ALIKE))
    merged = merge(pair, one)
    assert merged.writes[E].fields == ALIKE
    assert [(d.winner, d.lost) for d in merged.decided] == [(G, "mine")]


def test_a_field_of_one_side_is_never_carried() -> None:
    one = kind(Field(name="f", only=G))
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "b"}, ALIKE), emias=here({}, {}))
    assert merge(pair, one) == Merged()


def test_a_field_in_an_unanswered_write_is_not_merged() -> None:
    one = kind(Field(name="f"), Field(name="g"))
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "b", "g": "b"}, {"f": "a", "g": "a"}),
                emias=here({"f": "a", "g": "a"}, {"f": "a", "g": "a"}, sent=sent("put", f="b")))  # fmt: skip
    assert merge(pair, one).writes[E].fields == {"g": "b"}


def test_a_late_write_of_ours_is_nobodys_change() -> None:
    one = kind(Field(name="f", owner=Owner.PERSON))
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "new"}, ALIKE),
                emias=here({"f": "echo"}, ALIKE, late={"f": ["echo"]}))  # fmt: skip
    assert told(merge(pair, one)) == "E:=new"


def test_doubt_is_a_persons_until_both_agree() -> None:
    one = kind(Field(name="f", owner=Owner.EMIAS))
    pair = Pair(id=1, kind="thing", gosuslugi=here(ALIKE, ALIKE), emias=here({"f": "b"}, ALIKE), unsure=["f"])
    assert told(merge(pair, one)) == "conflict"
    pair.gosuslugi.now = {"f": "b"}
    merged = merge(pair, one)
    settle_level(pair, merged)
    assert told(merged) == "level"
    assert pair.unsure == []


def test_a_decision_goes_to_the_sides_that_lack_it() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "x"}, {"f": "x"}), emias=here({"f": "y"}, {"f": "y"}),
                wanted={"f": Wanted("z", [G, E])})  # fmt: skip
    merged = merge(pair, PLAIN)
    assert {side: plan.fields["f"] for side, plan in merged.writes.items()} == {G: "z", E: "z"}


def test_a_newer_change_makes_a_decision_void() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "n"}, {"f": "x"}), emias=here({"f": "y"}, {"f": "y"}),
                wanted={"f": Wanted("z", [G, E])})  # fmt: skip
    merged = merge(pair, PLAIN)
    settle_level(pair, merged)
    assert told(merged) == "E:=n"
    assert pair.wanted == {}


def test_our_late_writes_are_nobodys_change_at_either_side() -> None:
    one = kind(Field(name="f", owner=Owner.PERSON))
    echo = {"f": ["echo"]}
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "echo"}, ALIKE, late=echo), emias=here({"f": "new"}, ALIKE))
    assert told(merge(pair, one)) == "G:=new"
    pair.emias = here({"f": "other"}, ALIKE, late={"f": ["other"]})
    assert told(merge(pair, one)) == "nothing"


def test_a_change_of_the_ruling_side_has_no_loser() -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here(ALIKE, ALIKE), emias=here({"f": "b"}, ALIKE))
    assert told(merge(pair, TO_G)) == "G:=b"


def test_level_fields_settle_as_they_are_shown() -> None:
    fields = kind(*(Field(name=name) for name in "fgh"))
    shown = {"f": "a", "g": "b", "h": "c"}
    pair = Pair(id=1, kind="thing", gosuslugi=here(shown, {"h": "old"}), emias=here({**shown, "h": "d"}, None))
    settle_level(pair, merge(pair, fields))
    assert (pair.gosuslugi.settled, pair.emias.settled) == ({"f": "a", "g": "b", "h": "old"}, {"f": "a", "g": "b"})
    pair.unsure, pair.wanted = ["f", "h"], {"g": Wanted("z", [G]), "h": Wanted("z", [E])}
    settle_level(pair, merge(pair, fields))
    assert (pair.unsure, set(pair.wanted)) == (["h"], {"h"})
    untouched = Pair(id=1, kind="thing", gosuslugi=here({"f": "a"}), emias=here({"f": "b"}))
    settle_level(untouched, Merged())
    assert (untouched.gosuslugi.settled, untouched.emias.settled) == (None, None)


def test_one_stamp_alone_makes_nobody_later() -> None:
    one = kind(Field(name="f", owner=Owner.LATEST))
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "x"}, ALIKE, stamp=NOON), emias=here({"f": "y"}, ALIKE))
    assert told(merge(pair, one)) == "G:=y!"


def test_a_reason_both_show_is_level_though_its_state_moves() -> None:
    merged = visit(("cancelled", "ill"), ("booked", "ill"), ("booked", None))
    assert merged.level == ["reason"]
    assert merged.writes[E].fields == {"state": "cancelled"}


def test_a_conflict_holds_a_whole_clinical_record() -> None:
    fields = Field(name="f", owner=Owner.PERSON), Field(name="g")
    for clinical in (False, True):
        pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "x", "g": "n"}, {"f": "a", "g": "a"}),
                    emias=here({"f": "y", "g": "a"}, {"f": "a", "g": "a"}))  # fmt: skip
        merged = merge(pair, kind(*fields, clinical=clinical))
        assert "f" in merged.conflicts
        assert bool(merged.writes) is not clinical


@pytest.mark.parametrize("trouble", ["hold", "refused"])
def test_a_held_or_refused_pair_is_left_alone(trouble: str) -> None:
    pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "b"}, ALIKE), emias=here(ALIKE, ALIKE), **{trouble: "why"})
    assert merge(pair, PLAIN) == Merged()


def test_an_invalid_or_unread_side_is_left_alone() -> None:
    for side in BOTH:
        pair = Pair(id=1, kind="thing", gosuslugi=here({"f": "b"}, ALIKE), emias=here(ALIKE, ALIKE))
        pair.side(side).now = None
        assert merge(pair, PLAIN) == Merged()
        pair.side(side).now, pair.side(side).problems = ALIKE, (Problem("f", "format", "text"),)
        assert merge(pair, PLAIN) == Merged()
