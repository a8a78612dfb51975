"""Everything that two sides may show of a field, and a bench that puts such cases to the merge and to the oracle."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.merge import merge
from medmost.domain.record import BOTH, Pair, Sent, Side, Wanted
from unit import merge_oracle as oracle
from unit.merge_oracle import UNSET, E, Fate, G, Shown, Spec

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAMPS = {G: (NOON + timedelta(seconds=3), NOON), E: (NOON, NOON + timedelta(seconds=3)),
          None: (NOON + timedelta(seconds=2), NOON)}  # fmt: skip
ORDER = {state: tuple(to for at, to in sorted(oracle.FORWARD) if at == state) for state in ("booked", "arrived")}
SOURCES = (None, G, E)
OWNERS = ("gosuslugi", "emias", "person", "latest")
NO_MARKS = Shown(None, None)[4:]


# ---------------------------------------------------------------- what a field may show
def patterns(places: int) -> Iterator[tuple[Any, ...]]:
    """All ways in which `places` values may equal one another or be none, up to the names of the values."""
    for blocks in itertools.product(range(places), repeat=places):
        if all(block <= max(blocks[:at], default=-1) + 1 for at, block in enumerate(blocks)):
            for none in range(-1, max(blocks) + 1):
                yield tuple(None if block == none else "abcd"[block] for block in blocks)


def plain_values() -> list[Shown]:
    found = [Shown(*four) for four in patterns(4)]
    found += [Shown(g, e, settled_g=s) for g, e, s in patterns(3)]
    found += [Shown(g, e, settled_e=s) for g, e, s in patterns(3)]
    return found + [Shown(g, e) for g, e in patterns(2)]


def judged_values(values: Sequence[Any]) -> list[Shown]:
    """Values with a meaning of their own; what settled there: nothing yet, what is shown, something else."""

    def before(now: Any) -> tuple[Any, ...]:
        return UNSET, now, next(other for other in values if other != now)

    return [Shown(g, e, *pair) for g in values for e in values for pair in itertools.product(before(g), before(e))]


def row(number: int, minute: int, origin: int | None = None, status: int = 2) -> dict[str, Any]:
    return {"id": str(number), "origin": str(origin) if origin else None, "status_id": status,
            "at": f"2026-11-23T10:{minute:02d}:07+03:00"}  # fmt: skip


FIRST, SECOND, COPY, TWIN = row(1, 1), row(2, 2, status=3), row(9, 30, origin=1), row(8, 2, status=3)
HISTORIES: list[Any] = [None, [], [FIRST], [SECOND], [FIRST, SECOND], [COPY, TWIN], [TWIN, row(3, 3)]]


def marked(shown: Shown) -> Iterator[Shown]:
    """The same with everything that may be known of it besides."""
    for sides in ((G,), (E,), (G, E)):
        yield shown._replace(sent=sides)
        yield shown._replace(wanted="z", todo=sides)
        yield shown._replace(late_g=(shown.g,) if G in sides else (), late_e=(shown.e,) if E in sides else ())
    yield shown._replace(unsure=True)
    yield shown._replace(late_g=("q",), late_e=("q",))


class Sort(NamedTuple):
    """One sort of field with all it may show, and the fate of each by whose stamp is later and the kind's source."""

    spec: Spec
    shown: Sequence[Shown]
    fates: dict[tuple[str | None, str | None], Sequence[Fate | None]]
    marks: bool = False


def sort(shown: Sequence[Shown], name: str = "f", **more: Any) -> Sort:
    """A follower's fate hangs on its leader's: it is left open."""
    spec = Spec(name, **more)
    open_ = spec.style == "follows"
    told = {(later, source): [None if open_ else oracle.fate(spec, one, later, source) for one in shown]
            for later in STAMPS for source in SOURCES}  # fmt: skip
    return Sort(spec, shown, told, any(one[4:] != NO_MARKS for one in shown))


def with_marks(one: Sort, share: int = 1) -> Sort:
    """The same sort of field with every mark on everything it may show (or on every so-manieth of it)."""
    more = {name: value for name, value in one.spec._asdict().items() if name != "name"}
    return sort([each for shown in one.shown[::share] for each in marked(shown)], one.spec.name, **more)


def named(one: Sort, name: str) -> Sort:
    return one._replace(spec=one.spec._replace(name=name))


PLAIN = plain_values()
REPLACED = {owner: sort(PLAIN, owner=owner) for owner in OWNERS}
RULED = [sort(PLAIN, owner="person", source=side) for side in (G, E)]
ABSENT = sort([Shown("a", None), Shown("a", "b", "b", "b")], only=G)
STATE = sort(judged_values([*oracle.STATES, None]), style="forward")
HISTORY = sort([Shown(g, e, *settled) for g in HISTORIES for e in HISTORIES for settled in ((UNSET, UNSET), (g, e))],
               style="grow")  # fmt: skip
FOLLOWERS = [sort(PLAIN, "g", style="follows", owner=owner, leader="f") for owner in OWNERS]
TYPICAL = [Shown("a", "a", "a", "a"), Shown("b", "a", "a", "a"), Shown("a", "b", "a", "a"), Shown("b", "c", "a", "a"),
           Shown("a", "b", "a", "b"), Shown("a", "b")]  # fmt: skip
"""level · Gosuslugi moved · EMIAS moved · both moved · at rest though unequal · first meeting"""


# ---------------------------------------------------------------- the bench
def field(spec: Spec) -> Field:
    source, only = spec.source and Side(spec.source), spec.only and Side(spec.only)
    return Field(name=spec.name, style=Style(spec.style), owner=Owner(spec.owner), leader=spec.leader, order=ORDER,
                 source=source or None, only=only or None)  # fmt: skip


def put(fields: dict[str, Any]) -> Sent:
    return Sent(op="put", fields=fields, source=fields, doc={}, expected=1, ref="r", key="k", origin=None)


class Bench:
    """One pair, dressed anew for every case: building one from nothing costs more than merging it."""

    def __init__(self) -> None:
        self.pair = Pair(id=1, kind="thing")
        self.kinds: dict[Any, Kind] = {}
        self.cases, self.marked = 0, False
        for side in BOTH:
            state = self.pair.side(side)
            state.ref, state.version, state.presence, state.doc = "r", 1, "here", {}

    def kind(self, specs: tuple[Spec, ...], source: str | None, clinical: bool) -> Kind:
        key = (specs, source, clinical)
        if key not in self.kinds:
            self.kinds[key] = Kind(
                name="thing", collection="things", title_ru="", title_en="", key=("f",), clinical=clinical,
                source=Side(source) if source else None, fields=tuple(map(field, specs)),
            )  # fmt: skip
        return self.kinds[key]

    def check(
        self,
        sorts: Sequence[Sort],
        shown: Sequence[Shown],
        fates: Sequence[Fate | None],
        later: str | None = None,
        source: str | None = None,
        clinical: bool = False,
    ) -> None:
        """One case: the merge says what the oracle says, and nothing else."""
        specs = tuple([one.spec for one in sorts])
        both = list(zip(specs, shown, strict=True))
        self._dress(both, later, any(one.marks for one in sorts))
        merged = merge(self.pair, self.kind(specs, source, clinical))
        puts, conflicts, decided, level, void = oracle.both_here(both, fates, later, source, clinical)
        self.cases += 1
        if not (
            len(merged.writes) == len(puts)
            and all(plan.op == "put" and plan.fields == puts.get(side) for side, plan in merged.writes.items())
            and merged.conflicts == conflicts
            and [(one.field, one.winner, one.lost) for one in merged.decided] == decided
            and (merged.level, merged.overtaken, merged.foreign, merged.over) == (level, void, False, False)
        ):
            told = (puts, conflicts, decided, level, void)
            raise AssertionError(f"{specs=} {shown=} {later=} {source=} {clinical=}\n{merged}\n{told}")

    def check_all(self, *sorts: Sort, source: str | None = None, clinical: bool = False) -> None:
        """Everything these fields may show together; stamps matter only where the latest wins."""
        by_stamp = source is None and any(one.spec.owner == "latest" for one in sorts)
        for later in STAMPS if by_stamp else (None,):
            each = [list(zip(one.shown, one.fates[later, source], strict=True)) for one in sorts]
            for case in itertools.product(*each):
                shown, fates = zip(*case, strict=True)
                self.check(sorts, shown, fates, later, source, clinical)

    def _dress(self, both: Sequence[tuple[Spec, Shown]], later: str | None, marks: bool) -> None:
        pair, g, e = self.pair, self.pair.gosuslugi, self.pair.emias
        g.now, e.now, g.settled, e.settled = {}, {}, {}, {}
        for spec, one in both:
            name = spec.name
            g.now[name], e.now[name] = one.g, one.e
            if one.settled_g is not UNSET:
                g.settled[name] = one.settled_g
            if one.settled_e is not UNSET:
                e.settled[name] = one.settled_e
        g.stamp, e.stamp = STAMPS[later]
        if marks:
            self._mark([(spec.name, one) for spec, one in both])
        elif self.marked:
            pair.unsure, pair.wanted, g.sent, e.sent, g.late, e.late = [], {}, None, None, {}, {}
        self.marked = marks

    def _mark(self, both: Sequence[tuple[str, Shown]]) -> None:
        self.pair.unsure = [name for name, one in both if one.unsure]
        self.pair.wanted = {name: Wanted(one.wanted, list(map(Side, one.todo))) for name, one in both if one.todo}
        for side, state, late in ((G, self.pair.gosuslugi, 8), (E, self.pair.emias, 9)):
            sent = {name: one.g for name, one in both if side in one.sent}
            state.sent = put(sent) if sent else None
            state.late = {name: list(one[late]) for name, one in both if one[late]}
