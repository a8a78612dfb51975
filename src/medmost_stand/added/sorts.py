"""An added collection as the systems and the synthetic world need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from medmost_stand.added.makers import Draw, Make
from medmost_stand.added.types import Type
from medmost_stand.dialect import Form
from medmost_stand.world.cast import Cast
from medmost_stand.world.clinics import Desk
from medmost_stand.world.model import Body, Citizen, Record, System, Twin
from medmost_stand.world.twins import DIFFERING, ONLY_EMIAS, Maker, handful, share

OTHER: Mapping[System, System] = {"emias": "gosuslugi", "gosuslugi": "emias"}


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its neutral name, where it stands at each system, and how it is made."""

    name: str
    type: Type
    at: Mapping[System, str]
    make: Make | None
    share: float = 1.0

    def value(self, draw: Draw) -> Any:
        """A seeded value; None of an optional field that this record lacks."""
        if self.make is None or (self.share < 1 and draw.rng.random() >= self.share):
            return None
        return self.make(draw)


@dataclass(frozen=True, slots=True)
class Planting:
    """How much of it there is in the seeded world, which way it flows, and on what the two systems differ."""

    per_person: float
    flow: System | None
    """The system whose people enter it; None where people of both do."""
    differ: Mapping[str, System]
    """Field -> the system whose value is carried when the two differ."""


@dataclass(frozen=True, slots=True)
class Added:
    """One added collection. `kind` is what medmost calls it, if the file says so."""

    collection: str
    kind: str | None
    forms: Mapping[System, Form]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    personal: bool
    planting: Planting | None

    def body(self, system: System, record: Record) -> Body:
        """The wire form of a neutral record; neither system writes null."""
        made: Body = {}
        for column in self.columns:
            value = record[column.name]
            if value is not None:
                _put(made, column.at[system], column.type.say[system](value))
        return made

    def speaker(self, system: System) -> Callable[[Record], Body]:
        """`body` of one system."""
        return lambda record: self.body(system, record)

    def twins(self, make: Maker, parts: Cast, desks: list[Desk], people: int, today: date) -> list[Twin]:
        """The seeded records as each system may know them: level, one-sided, differing, unlinked, invalid, foreign."""
        if self.planting is None:
            return []
        growing = _Growing(self, self.planting, make, desks, today)
        count = max(4, round(people * self.planting.per_person))
        twins = growing.patients(parts, count)
        if self.personal and self.planting.flow != "gosuslugi":
            twins += growing.at_emias(parts.newcomers, share(count, 0.03), "one_sided")
            twins += growing.at_emias(parts.unlinked, share(count, 0.17), "unlinked")
        twins += growing.invalid(parts, handful(people, 2))
        if self.planting.flow is not None:
            other = OTHER[self.planting.flow]
            twins += [make.only(other, growing.record(parts.patients), "foreign") for _ in range(handful(people, 4))]
        return twins


class _Growing:
    """Makes the records of one collection one after another; keys never meet."""

    def __init__(self, added: Added, planting: Planting, make: Maker, desks: list[Desk], today: date) -> None:
        self.added = added
        self.planting = planting
        self.make = make
        self.rng: Random = make.rng
        self._desks = desks
        self._today = today
        self._number = 0
        self._taken: set[tuple[Any, ...]] = set()

    def draw(self, whose: list[Citizen]) -> Draw:
        self._number += 1
        return Draw(self.rng, self.rng.choice(whose), self.rng.choice(self._desks), self._number, self._today)

    def record(self, whose: list[Citizen]) -> Record:
        while True:
            draw = self.draw(whose)
            made = {column.name: column.value(draw) for column in self.added.columns}
            key = tuple(made[name] for name in self.added.key)
            if key not in self._taken:
                self._taken.add(key)
                return made

    def patients(self, parts: Cast, count: int) -> list[Twin]:
        places = list(range(count))
        self.rng.shuffle(places)
        fresh = set(places[: share(count, ONLY_EMIAS)])
        changed = set(places[len(fresh) :][: share(count, DIFFERING)]) if self.planting.differ else set()
        twins: list[Twin] = []
        for place in range(count):
            record = self.record(parts.patients)
            if place in fresh:
                side: System = self.planting.flow or ("emias" if place % 2 else "gosuslugi")
                twins.append(self.make.only(side, record, "one_sided"))
            elif place in changed:
                twins.append(self.differing(record, parts.patients, len(twins)))
            else:
                twins.append(self.make.level(record))
        return twins

    def differing(self, record: Record, whose: list[Citizen], turn: int) -> Twin:
        """The two systems disagree on one field; another value is looked for a few times."""
        names = list(self.planting.differ)
        name = names[turn % len(names)]
        column = next(column for column in self.added.columns if column.name == name)
        for _ in range(50):
            value = column.value(self.draw(whose))
            if record[name] is None:  # the side whose value is carried must have one
                record = {**record, name: value}
            elif value != record[name]:
                return self.make.differing(self.planting.differ[name], record, {**record, name: value})
        return self.make.level(record)

    def at_emias(self, whose: list[Citizen], count: int, mark: Any) -> list[Twin]:
        return [self.make.only("emias", self.record(whose), mark) for _ in range(count)]

    def invalid(self, parts: Cast, count: int) -> list[Twin]:
        """Values that fit nothing, in a field that has such values, at the system where the collection is entered."""
        side: System = self.planting.flow or "emias"
        breakable = [one for one in self.added.columns if one.type.broken is not None and one.make is not None]
        column = min(breakable, key=lambda one: one.name in self.added.key, default=None)
        if column is None:
            return []
        twins = []
        for _ in range(count):
            record = self.record(parts.patients)
            overlay: Body = self.added.body(side, record)
            _put(overlay, column.at[side], column.type.broken)
            twins.append(self.make.only(side, record, "invalid", overlay))
        return twins


def _put(body: Body, path: str, value: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        body = body.setdefault(step, {})
    body[last] = value
