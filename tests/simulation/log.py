"""What people did and what medmost did, as the oracle follows it: predicates that can be told at each effect.

Imports nothing of medmost. Names I1…I24 are the invariants of facts/reliability.md §2.1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from simulation.model import Effect, Kept, Portal
from simulation.papers import OTHER, PERSONAL, RULER, TOLD, Doc, Told, get, meant, natural, patient_of, spell, status_of
from simulation.papers import token as new_token

WITHDRAWN_WITHIN = 60.0
"""Seconds after a withdrawal within which the last send may still leave (I15); its own travel comes on top."""
TRAVEL = 40.0
LOOKED_WITHIN = 45.0
"""Seconds between the look before a create and its effect: two deadlines and their travel."""
OWN = "особая пометка"
"""A member that no mapping knows: it must survive whatever medmost writes."""


@dataclass(slots=True)
class Entry:
    """A value that a person entered."""

    n: int
    at: float
    side: str
    collection: str
    ref: str
    name: str
    patient: str | None
    over: str | None  # the token it was entered on top of


@dataclass
class Log:
    """One run's memory. `problems` are violations, each with its invariant first."""

    problems: list[str] = field(default_factory=list)
    tokens: dict[str, Entry] = field(default_factory=dict)
    children: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    shown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    synced: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    writes: int = 0
    count: int = 0
    links: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    once_unlinked: set[str] = field(default_factory=set)
    answers: dict[int, int] = field(default_factory=dict)  # conflict id -> accepted decisions
    exempt: set[tuple[str, str]] = field(default_factory=set)  # (ref, field) that a person decided
    renamed: dict[str, str] = field(default_factory=dict)  # policy number -> the one it became
    keys: dict[tuple[str, str, str], set[Any]] = field(default_factory=lambda: defaultdict(set))
    deleted: dict[tuple[str, Any], set[str]] = field(default_factory=lambda: defaultdict(set))
    overwritten: list[tuple[Effect, str, str, str | None]] = field(default_factory=list)
    statuses: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    names: set[str] = field(default_factory=set)  # what must never show in logs or addresses
    lines: list[str] = field(default_factory=list)
    touched: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _carried: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _written: dict[tuple[str, str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    _origins: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _observed: set[str] = field(default_factory=set)
    slept: bool = False
    "the machine stood still at some time, perhaps between a look and the create that followed"
    restored_at: float = -1.0
    "when the state was last brought back from a copy: what it knew since is forgotten"

    # ------------------------------------------------------------ people
    def value(self, told: Told, side: str, collection: str, patient: str | None) -> tuple[str, str]:
        """A new token as it is spelt at a side, and what it means."""
        self.count += 1
        value = new_token(told.spelt, self.count)
        means = meant(told.spelt, value) or ""
        self.tokens[means] = Entry(self.count, 0.0, side, collection, "", told.name, patient, None)
        if told.spelt in ("phone", "email"):
            self.names.add(value)
        return spell(told.spelt, side, value), means

    def entered(self, means: str, at: float, ref: str, over: str | None) -> None:
        entry = self.tokens[means]
        entry.at, entry.ref = at, ref
        if over is not None and over in self.tokens and RULER.get(entry.collection, entry.side) == entry.side:
            entry.over = over
            self.children[over].add(means)

    def linked(self, patient: str, at: float) -> None:
        self.links[patient].append([at, float("inf")])

    def unlinked(self, patient: str, at: float) -> None:
        self.once_unlinked.add(patient)
        if self.links[patient]:
            self.links[patient][-1][1] = min(self.links[patient][-1][1], at)

    def decided(self, id_: int) -> None:
        self.answers[id_] = self.answers.get(id_, 0) + 1

    def person(self, number: str | None) -> str | None:
        """The newest number of the one who was known by this number."""
        while number in self.renamed:
            number = self.renamed[number]
        return number

    def is_decided(self, ref: str, name: str) -> bool:
        return (ref, name) in self.exempt or (ref, "*") in self.exempt

    # ------------------------------------------------------------ effects
    def effect(self, portal: Portal, effect: Effect, kept: Kept) -> None:
        """Called with every accepted write, whoever made it."""
        side, collection, after, before = effect.side, effect.collection, effect.after, effect.before
        ours = effect.by == "medmost"
        self.writes += ours
        self.touched[side, collection, effect.ref] = effect.at
        if after is not None:
            self.keys[side, collection, effect.ref].add(natural(side, collection, after))
        if ours:
            self._guard(effect)
            if effect.op == "create":
                self._look_beside(portal, effect)
        for told in TOLD[collection]:
            was = meant(told.spelt, get(before, told.at(side))) if before is not None else None
            now = meant(told.spelt, get(after, told.at(side))) if after is not None else None
            if now is not None:
                self.shown[now].add(side)
            if ours and now != was:
                self._carry(effect, told, was, now)
            elif not ours and now != was:
                self._carried.pop((side, effect.ref, told.name), None)
                if was is not None:
                    self._written.pop((side, effect.ref, told.name, was), None)
        if ours:
            self._other_changes(effect)
        if effect.op == "delete" and not ours:
            for key in self.keys[side, collection, effect.ref]:
                self.deleted[collection, key].add(side)

    def _guard(self, effect: Effect) -> None:
        """Who and under which consent (I3, I15), and what nobody mapped (F28)."""
        side, collection = effect.side, effect.collection
        doc = effect.after if effect.after is not None else effect.before or {}
        patient = patient_of(side, collection, doc)
        if collection in PERSONAL and not self._consented(patient, effect.at):
            self.problems.append(f"I15 {effect.op} of {collection} {effect.ref} at {side} without a link in force")
        if effect.op == "put" and (effect.before or {}).get(OWN) != (effect.after or {}).get(OWN):
            self.problems.append(f"F28 {collection} {effect.ref} at {side} lost a member that nobody maps")
        if effect.op == "put" and collection != "policies":
            was = patient_of(side, collection, effect.before or {})
            if self.person(was) != self.person(patient):
                self.problems.append(f"I3 {collection} {effect.ref} at {side} went from one patient to another")
        if effect.op == "create" and effect.origin is not None:
            first = self._origins.setdefault((side, collection, effect.origin), effect.ref)
            if first != effect.ref:
                self.problems.append(f"I2 {collection} {first} and {effect.ref} at {side} carry one origin")

    def _look_beside(self, portal: Portal, effect: Effect) -> None:
        """I2: medmost makes no record beside one of the same key, which a look would have shown."""
        twin = portal.twin(effect.collection, effect.after or {}, but=effect.ref)
        if twin is None:
            return
        where, other = f"{effect.collection} {effect.ref} at {effect.side}", portal.of(effect.collection)[twin]
        if (other.origin or "").startswith("mm-"):
            self.problems.append(f"I2 {where} was made though medmost had made {twin}")
        age = effect.at - self.touched.get((effect.side, effect.collection, twin), effect.at)
        if age > LOOKED_WITHIN and not self.slept:
            self.problems.append(f"I2 {where} was made beside {twin}, there for {age:.0f} s")

    def _consented(self, patient: str | None, at: float) -> bool:
        spans = self.links.get(patient or "", [])
        return any(start <= at <= end + WITHDRAWN_WITHIN + TRAVEL for start, end in spans)

    def _carry(self, effect: Effect, told: Told, was: str | None, now: str | None) -> None:
        """medmost changed a told field: from whom, in which order, over what."""
        side, ref, place = effect.side, effect.ref, (effect.side, effect.ref, told.name)
        entry = self.tokens.get(now or "")
        if entry is not None and now is not None:
            self._observe(effect, entry, now)
            if self.person(entry.patient) != self.person(patient_of(side, effect.collection, effect.after or {})):
                self.problems.append(f"I3 {told.name} of another patient in {effect.collection} {ref} at {side}")
            self._written[*place, now] += 1
            if self._written[*place, now] > 1 and effect.op == "put" and not self.is_decided(ref, told.name):
                self.problems.append(f"I2 {told.name} {now!r} written again to {effect.collection} {ref} at {side}")
            last = self._carried.get(place)
            if last is not None and effect.op == "put" and not self.is_decided(ref, told.name):
                former = self.tokens[last]
                if former.side == entry.side and former.n > entry.n and former.ref == entry.ref:
                    self.problems.append(f"I5 {told.name} of {effect.collection} {ref} at {side} went back to {now!r}")
            self._carried[place] = now
        if was is not None and was in self.tokens and effect.op != "create":
            self.overwritten.append((effect, told.name, was, now))

    def _observe(self, effect: Effect, entry: Entry, now: str) -> None:
        if entry.side == OTHER[effect.side] and now not in self._observed:
            self._observed.add(now)
            self.lags.append(effect.at - entry.at)
            if effect.op == "put":
                self.synced["edit"] += 1

    def _other_changes(self, effect: Effect) -> None:
        side, collection = effect.side, effect.collection
        if effect.op == "create":
            self.synced["create"] += 1
        elif effect.op == "delete":
            self.synced["delete"] += 1
            self._check_delete(effect)
        if collection == "visits" and effect.op == "put":
            was, now = status_of(side, effect.before or {}), status_of(side, effect.after or {})
            if was != now:
                self.synced["status"] += 1
        if collection == "requests" and effect.after is not None:
            titles = [row["title"] for row in rows(side, effect.after)]
            fresh = len(titles) - len(rows(side, effect.before or {}) if effect.before else [])
            self.synced["row"] += max(0, fresh) if effect.op == "put" else 0
            if twice := [title for title, times in Counter(titles).items() if times > 1]:
                self.problems.append(f"I2 history of {effect.ref} at {side} has {twice} more than once")

    def _check_delete(self, effect: Effect) -> None:
        """I11: only what a person removed at the other side, seen as such, and only what nobody changed since."""
        side, collection = effect.side, effect.collection
        keys = self.keys[side, collection, effect.ref]
        if not any(OTHER[side] in self.deleted.get((collection, key), ()) for key in keys):
            self.problems.append(f"I11 {collection} {effect.ref} deleted at {side} though nobody deleted it")
        if RULER.get(collection) or self.is_decided(effect.ref, "*"):
            return
        for told in TOLD[collection]:
            value = meant(told.spelt, get(effect.before or {}, told.at(side)))
            entry = self.tokens.get(value or "")
            if (
                entry
                and entry.side == side
                and OTHER[side] not in self.shown[value or ""]
                and told.owner != OTHER[side]
            ):
                self.problems.append(f"I11 {collection} {effect.ref} deleted at {side} with new {told.name} {value!r}")


def rows(side: str, doc: Doc) -> list[Doc]:
    """The history of a request."""
    found: list[Doc] = doc["order"]["statuses"] if side == "gosuslugi" else doc.get("history", [])
    return found
