"""What the merge must say, worked out again from design §2a.3, §2a.7, §2a.10 and §6. Imports nothing of medmost.

A field's fate is looked up in small tables by what happened to it at either side; a record's fate is put together of
its fields' fates. Sides, owners and styles are plain words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

G, E = "gosuslugi", "emias"
OTHER = {G: E, E: G}
UNSET = "<never settled>"
WHOLE = "*"
STATES = ("booked", "arrived", "fulfilled", "noshow", "cancelled")
FORWARD = {("booked", "arrived"), ("booked", "fulfilled"), ("booked", "noshow"), ("booked", "cancelled"),
           ("arrived", "fulfilled"), ("arrived", "noshow")}  # fmt: skip


class Spec(NamedTuple):
    """A field of the kind."""

    name: str
    style: str = "replace"
    owner: str = "emias"
    leader: str | None = None
    source: str | None = None  # the side whose value rules
    only: str | None = None  # the one side that has it


class Shown(NamedTuple):
    """What both sides show of a field, what they showed when it settled, and what is known besides."""

    g: Any
    e: Any
    settled_g: Any = UNSET
    settled_e: Any = UNSET
    sent: tuple[str, ...] = ()  # sides that have not answered a write of it
    unsure: bool = False
    wanted: Any = UNSET  # a person's decision …
    todo: tuple[str, ...] = ()  # … and the sides that lack it
    late_g: tuple[Any, ...] = ()  # our own writes that may still appear there
    late_e: tuple[Any, ...] = ()


class Fate(NamedTuple):
    conflict: bool = False
    to_g: Any = UNSET
    to_e: Any = UNSET
    lost: tuple[str, Any] | None = None  # the side that won, the value that lost
    void: bool = False  # a decision overtaken


NOTHING, LEVEL, CONFLICT = Fate(), Fate(), Fate(conflict=True)
MOVES = {(False, False): "stay", (True, False): "g moved", (False, True): "e moved", (True, True): "both moved"}
WINNER = {
    "gosuslugi": dict.fromkeys((G, E, None), G),
    "emias": dict.fromkeys((G, E, None), E),
    "latest": {G: G, E: E, None: E},
}
"""owner -> which side's stamp is more than two seconds later -> whose value stays"""


def moved(now: Any, settled: Any) -> bool:
    return bool(settled == UNSET or now != settled)


def fate(spec: Spec, shown: Shown, later: str | None, kind_source: str | None) -> Fate:
    """What becomes of one field that follows no other, both sides present."""
    if spec.only or shown.sent:
        return NOTHING
    if same(spec, shown.g, shown.e):
        return LEVEL
    if shown.unsure:
        return CONFLICT
    moves = moved(shown.g, shown.settled_g), moved(shown.e, shown.settled_e)
    if shown.wanted != UNSET:
        if moves == (False, False):
            return Fate(**{f"to_{side[0]}": shown.wanted for side in shown.todo})
        return change(spec, shown, moves, later, kind_source)._replace(void=True)
    return change(spec, shown, moves, later, kind_source)


def change(spec: Spec, shown: Shown, moves: tuple[bool, bool], later: str | None, kind_source: str | None) -> Fate:
    if spec.style == "grow":
        both, ruler = union(shown.g or [], shown.e or []), spec.source or kind_source
        return Fate(
            to_g=UNSET if covers(shown.g, both) or ruler == G else both,
            to_e=UNSET if covers(shown.e, both) or ruler == E else both,
        )
    if moves == (True, True):  # an echo of ours is nobody's change
        moves = shown.g not in shown.late_g, shown.e not in shown.late_e
    what = MOVES[moves]
    if what == "stay":
        return NOTHING
    ruler = spec.source or kind_source
    if ruler:
        return carried(ruler, shown, moves)
    if spec.style == "forward":
        return onward(shown, moves)
    if what == "both moved":
        return CONFLICT if spec.owner == "person" else carried(WINNER[spec.owner][later], shown, moves)
    return carried(G if what == "g moved" else E, shown, moves)


def carried(winner: str, shown: Shown, moves: tuple[bool, bool]) -> Fate:
    """The winner's value goes to the other side; what that one had changed is written down as lost."""
    if winner == G:
        return Fate(to_e=shown.g, lost=(G, shown.e) if moves[1] else None)
    return Fate(to_g=shown.e, lost=(E, shown.g) if moves[0] else None)


def onward(shown: Shown, moves: tuple[bool, bool]) -> Fate:
    if shown.g is None or (shown.g, shown.e) in FORWARD:
        return carried(E, shown, moves)
    if shown.e is None or (shown.e, shown.g) in FORWARD:
        return carried(G, shown, moves)
    return CONFLICT


# ---------------------------------------------------------------- histories
def one_row(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if (a["origin"] and a["origin"] == b["id"]) or (b["origin"] and b["origin"] == a["id"]):
        return True
    return bool(a["status_id"] == b["status_id"] and a["at"][:16] == b["at"][:16])


def covers(have: Sequence[Any] | None, rows: Sequence[Any]) -> bool:
    return all(any(one_row(row, mine) for mine in have or ()) for row in rows)


def union(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    return sorted([*a, *(row for row in b if not covers(a, [row]))], key=lambda row: (row["at"], row["id"]))


def same(spec: Spec, x: Any, y: Any) -> bool:
    if spec.style == "grow":
        return covers(x, y or ()) and covers(y, x or ())
    return bool(x == y)


# ---------------------------------------------------------------- the record
Puts = dict[str, dict[str, Any]]
Outcome = tuple[Puts, dict[str, tuple[Any, Any]], list[tuple[str, str, Any]], list[str], list[str]]
"""What is put where, conflicts, decisions of an owner's rule, level fields, decisions overtaken."""


def both_here(
    fields: Sequence[tuple[Spec, Shown]],
    fates: Sequence[Fate | None],
    later: str | None,
    kind_source: str | None,
    clinical: bool,
) -> Outcome:
    """A record that both sides have. `fates` holds what `fate` said of each field, None for one that follows."""
    out: Outcome = ({}, {}, [], [], [])
    for (spec, shown), known in zip(fields, fates, strict=True):
        if known is not None and known is not NOTHING:
            enter(out, spec.name, shown, known)
    for (spec, shown), known in zip(fields, fates, strict=True):
        if known is None:
            enter(out, spec.name, shown, follower(spec, shown, out[0], out[1], later, kind_source))
    if clinical and out[1]:
        return {}, out[1], [], *out[3:]
    return out


def enter(out: Outcome, name: str, shown: Shown, verdict: Fate) -> None:
    puts, conflicts, decided, level, void = out
    if verdict is LEVEL:
        level.append(name)
    if verdict.conflict:
        conflicts[name] = (shown.g, shown.e)
    if verdict.to_g is not UNSET:
        puts.setdefault(G, {})[name] = verdict.to_g
    if verdict.to_e is not UNSET:
        puts.setdefault(E, {})[name] = verdict.to_e
    if verdict.lost is not None:
        decided.append((name, *verdict.lost))
    if verdict.void:
        void.append(name)


def follower(
    spec: Spec, shown: Shown, puts: dict[str, Any], conflicts: dict[str, Any], later: str | None, source: str | None
) -> Fate:
    """A reason goes where its state goes, waits while the state is open, and else is a field like any other."""
    if spec.leader in conflicts or shown.sent:
        return NOTHING
    target = next((side for side in (G, E) if spec.leader in puts.get(side, ())), None)
    if target and shown.wanted == UNSET:
        if shown.g == shown.e:
            return LEVEL
        moves = moved(shown.g, shown.settled_g), moved(shown.e, shown.settled_e)
        return carried(OTHER[target], shown, moves)
    return fate(spec, shown, later, source)


class Alone(NamedTuple):
    """A record that one side has (`here`) while the other never had it or has it no more."""

    here: str
    gone: bool
    fields: Sequence[tuple[Spec, Any, Any]]  # field, what is shown, what settled (UNSET: never)
    ever_settled: bool
    unanswered_there: bool  # at the side that lacks it
    creates: tuple[str, ...]
    kind_source: str | None
    refused_as: Mapping[str, Any]  # values that say "refused by the other system"
    wanted: Mapping[str, tuple[Any, tuple[str, ...]]]


def alone(one: Alone) -> str | tuple[str, str, dict[str, Any]]:
    """`nothing`, `foreign`, `edit/delete`, or (operation, side, fields)."""
    there, now = OTHER[one.here], {spec.name: value for spec, value, _ in one.fields}
    still = {spec.name: one.ever_settled and not moved(value, settled) for spec, value, settled in one.fields}
    if one.gone:
        if one.kind_source:
            return "nothing" if one.kind_source == one.here else ("delete", one.here, {})
        touched = not one.ever_settled or not all(still[spec.name] for spec, _, _ in one.fields if not spec.only)
        return "edit/delete" if touched or one.unanswered_there else ("delete", one.here, {})
    back = {name: value for name, (value, todo) in one.wanted.items() if one.here in todo and still[name]}
    if back:
        return "put", one.here, back
    if any(now.get(name) == value for name, value in one.refused_as.items()):
        return "nothing"
    if there not in one.creates or one.kind_source == there:
        return "foreign"
    return "create", there, now
