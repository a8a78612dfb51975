"""People on whom careless matching fails: namesakes, twins, lost SNILS, letters that only look alike.

Sources: facts/reliability.md F38–F42, F45. Each trap is a label of the citizen (`/stand/people`), laid once in a world
(in each part of a large one). Most are equal at both systems and must stay so; those in `CONTESTED` differ in a field
that only a person may decide; those in `AMBIGUOUS` are two people under one number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from medmost_stand.world.cast import Cast
from medmost_stand.world.identifiers import snils
from medmost_stand.world.model import Body, Citizen, Mark, Part, Record
from medmost_stand.world.people import renumber

FEWEST = 100
"""Smaller worlds have no traps: everybody there already plays another part."""
_LATIN = str.maketrans("АВЕКМНОРСТХаеорсху", "ABEKMHOPCTXaeopcxy")
Change = Callable[[Record], Record]


def _same(record: Record) -> Record:
    return record


@dataclass(slots=True)
class Trap:
    """What becomes of one citizen's policy: changed at both systems, then at Gosuslugi; spelled there by `overlay`."""

    label: str
    both: Change = _same
    there: Change | None = None
    overlay: Callable[[Record], Body] | None = None
    mark: Mark = "level"
    second: Change | None = None  # another policy of the same person


@dataclass(slots=True)
class Traps:
    """Those laid in one part, by the citizen's oid."""

    by_oid: dict[int, Trap] = field(default_factory=dict)


def lay(rng: Random, citizens: list[Citizen], parts: Cast, part: Part, today: date, *, ambiguous: bool) -> Traps:
    """Lays every trap on somebody who plays no other part; whoever must have no other record leaves `unlinked`."""
    traps = Traps()
    if len(citizens) < FEWEST:
        return traps
    groups = (parts.only_gosuslugi, parts.only_emias, parts.conflicts, parts.differing)
    taken = {one.oid for group in groups for one in group}
    numbers = {one.policy_number for one in citizens}
    linked, unlinked = (
        _Laying(rng, [one for one in pool if one.oid not in taken and not one.planted], numbers, part, traps.by_oid)
        for pool in (parts.patients, parts.unlinked)
    )
    linked.people(today, unlinked.next())
    linked.spellings()
    sorts = CONTESTED | (AMBIGUOUS if ambiguous else {})
    for label, there in sorts.items():
        citizen = unlinked.next()
        parts.unlinked.remove(citizen)  # a policy in doubt has nothing that hangs on it
        citizen.phone = citizen.email = None  # and life leaves people without a phone alone
        mark: Mark = "ambiguous" if label in AMBIGUOUS else "conflict"
        unlinked.put(citizen, Trap(label, there=there, mark=mark))
    return traps


@dataclass(slots=True)
class _Laying:
    rng: Random
    plain: list[Citizen]
    numbers: set[str]
    part: Part
    laid: dict[int, Trap]

    def __post_init__(self) -> None:
        self.rng.shuffle(self.plain)

    def next(self, fits: Callable[[Citizen], bool] = lambda _: True) -> Citizen:
        """Somebody who is free, with the wanted trait if anybody has it."""
        found = next((one for one in self.plain if fits(one)), self.plain[0])
        self.plain.remove(found)
        return found

    def put(self, citizen: Citizen, trap: Trap) -> None:
        citizen.planted.append(trap.label)
        self.laid[citizen.oid] = trap

    def people(self, today: date, newborn: Citizen) -> None:
        """Who the people are to each other, and what their papers say."""
        one = self.next()
        other = self.next(lambda each: each.sex == one.sex)
        for name in ("last_name", "first_name", "patronymic", "sex", "birth_date"):
            setattr(other, name, getattr(one, name))
        renumber(self.rng, other, self.numbers, self.part)
        for each in (one, other):
            self.put(each, Trap("namesake"))
        first = self.next()
        second = self.next(lambda each: each.sex == first.sex and each.first_name != first.first_name)
        second.last_name, second.patronymic, second.sex = first.last_name, first.patronymic, first.sex
        second.birth_date, second.phone = first.birth_date, first.phone
        renumber(self.rng, second, self.numbers, self.part)
        for each in (first, second):
            self.put(each, Trap("twin"))
        child = self.next(lambda each: 2 < _age(each, today) < 16)
        parent = self.next(lambda each: each.sex == child.sex and 20 <= _age(each, today) - _age(child, today) <= 45)
        child.last_name, child.phone, child.email = parent.last_name, parent.phone, parent.email
        child.parent_oid = parent.oid
        self.put(child, Trap("child-under-parent"))
        newborn.birth_date = date(today.year, 1, 1) - timedelta(days=self.rng.randrange(20, 100))
        newborn.snils, newborn.email, newborn.parent_oid = None, None, parent.oid
        renumber(self.rng, newborn, self.numbers, self.part)
        self.put(newborn, Trap("newborn-without-snils"))
        owner, user = self.next(), self.next()
        user.snils = owner.snils
        self.put(user, Trap("someone-elses-snils"))
        before, after = self.next(), self.next()
        after.phone = before.phone
        self.put(after, Trap("phone-reused"))
        until = today + timedelta(days=40)
        self.put(self.next(), Trap("temporary-policy", both=lambda r: {**r, "policy_type": "2", "valid_to": until}))
        merged = self.next()
        self.put(merged, Trap("merged-policies", second=self._second(merged)))

    def spellings(self) -> None:
        """The same value in other signs: equal, nobody writes it again."""
        accented = self.next(lambda one: bool({"й", "ё"} & set(one.last_name + one.first_name)))
        self.put(accented, Trap("decomposed-letters", overlay=_decomposed))
        double = self.next()
        double.last_name = f"{double.last_name} {self.plain[0].last_name}"
        self.put(double, Trap("no-break-space", overlay=lambda r: {"Фамилия": r["last_name"].replace(" ", "\u00a0")}))
        self.put(self.next(), Trap("spaces-around", overlay=lambda r: {"Имя": f" {r['first_name']}  "}))
        spaced = self.next()
        spaced.phone = None  # its SNILS would not pass the portal's rules again: nobody writes to it
        self.put(spaced, Trap("snils-with-spaces", overlay=lambda r: {"СНИЛС": _spaced(r["snils"])}))

    def _second(self, citizen: Citizen) -> Change:
        """A policy that was merged into the acting one and closed (F39)."""
        kept = citizen.policy_number
        renumber(self.rng, citizen, self.numbers, self.part)
        number, citizen.policy_number = citizen.policy_number, kept
        return lambda record: {**record, "policy_number": number, "status": "closed", "phone": None, "email": None}


def _age(citizen: Citizen, today: date) -> float:
    return (today - citizen.birth_date).days / 365.25


def _decomposed(record: Record) -> Body:
    names = {"Фамилия": record["last_name"], "Имя": record["first_name"]}
    return {name: unicodedata.normalize("NFD", value) for name, value in names.items()}


def _spaced(digits: str) -> str:
    return f"{digits[:3]} {digits[3:6]} {digits[6:9]} {digits[9:]}"


def _yo(record: Record) -> Record:
    """The clinic writes ё, the portal writes е."""
    name = record["last_name"]
    record["last_name"] = name if "ё" in name else _yo_in(name)
    return {**record, "last_name": record["last_name"].replace("ё", "е").replace("Ё", "Е")}


def _yo_in(name: str) -> str:
    return name.replace("е", "ё", 1) if "е" in name else f"Зелёнкин-{name}"


def _swapped(record: Record) -> Record:
    name = record["patronymic"] or "Ивановна"
    record["patronymic"] = name
    return {**record, "patronymic": name[:2] + name[3] + name[2] + name[4:]}


def _relative(record: Record) -> Record:
    """Somebody else of the family was entered under this number: another name, birth date, sex and SNILS."""
    return {
        **record,
        "first_name": "Валентин" if record["sex"] == "F" else "Валентина",
        "patronymic": None,
        "sex": "M" if record["sex"] == "F" else "F",
        "birth_date": record["birth_date"] - timedelta(days=9131),
        "snils": snils(int(record["snils"][:9]) + 7),
    }


def _another(record: Record) -> Record:
    """A namesake was entered under this number: another birth date and another SNILS."""
    return {
        **record,
        "birth_date": record["birth_date"] - timedelta(days=2192),
        "snils": snils(int(record["snils"][:9]) + 11),
    }


CONTESTED: dict[str, Change] = {
    "yo-spelling": _yo,
    "look-alike-letters": lambda record: {**record, "last_name": record["last_name"].translate(_LATIN)},
    "capitals": lambda record: {**record, "last_name": record["last_name"].upper()},
    "patronymic-typo": _swapped,
}
AMBIGUOUS: dict[str, Change] = {"relatives-number": _relative, "namesakes-number": _another}
