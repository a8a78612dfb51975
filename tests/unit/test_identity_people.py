"""A hundred thousand meetings of two records, made of people who are hard to tell apart: no wrong link.

Every case knows the truth. A wrong link is `same` for two people; on clean data (only spelling differs) a person is
asked about at most two of a hundred, and one person is never told to be two.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from stdnum import luhn

from medmost.domain import values
from medmost.domain.identity import Person, person_of, same_person

CASES = 100_000
SURNAMES = "Иванов Смирнов Кузнецов Попов Соколов Лебедев Козлов Новиков Морозов Воробьёв Соловьёв Королёв".split()
GIVEN = {
    "male": "Александр Пётр Фёдор Артём Данил Даниил Кирилл Максим Семён Сергей Николай Михаил".split(),
    "female": "Анна Алёна Алина Арина Марина Карина Мария Наталия Наталья Елена Полина Софья".split(),
}
FATHERS = "Алексеев Семёнов Петров Фёдоров Иванов Сергеев Михайлов".split()


class Truth(NamedTuple):
    """A person as no system knows them: all that is true, and the number of the self."""

    self: int
    fields: dict[str, Any]


class Case(NamedTuple):
    one: Person
    other: Person
    alike: bool  # are they one person in truth?
    clean: bool = False  # nothing is wrong or missing: only spelling differs


class Town:
    """Makes people and what systems write of them."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.made = 0

    def enp(self, born: str, sex: str, serial: int) -> str:
        year, month, day = int(born[:4]), int(born[5:7]), int(born[8:])
        month += 0 if year > 2000 else 40 if year > 1950 else 20
        digits = f"{month:02d}", f"{year:04d}"[::-1], f"{day + 50 * (sex == 'male'):02d}"
        body = "77" + "".join(str(9 - int(one)) for one in "".join(digits)) + f"{serial:05d}"
        return body + luhn.calc_check_digit(body)

    def snils(self, number: int) -> str:
        digits = f"{number:09d}"
        rest = sum(int(one) * weight for one, weight in zip(digits, range(9, 0, -1), strict=True)) % 101 % 100
        return f"{digits}{rest:02d}"

    def person(self, like: Truth | None = None, **more: Any) -> Truth:
        """Somebody new; `like` gives what the two have in common."""
        draw, self.made = self.draw, self.made + 1
        sex = draw.choice(("male", "female"))
        told = {
            "birth_date": f"{draw.randint(1935, 2025)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
            "sex": sex,
            "last_name": draw.choice(SURNAMES),
            "first_name": draw.choice(GIVEN[sex]),
            "patronymic": draw.choice(FATHERS),
            **(like.fields if like else {}),
            **more,
        }
        female = told["sex"] == "female"
        told["last_name"] = told["last_name"].removesuffix("а") + "а" * female
        told["patronymic"] = told["patronymic"].removesuffix("ич").removesuffix("на") + ("на" if female else "ич")
        told["policy_number"] = self.enp(told["birth_date"], told["sex"], self.made % 100_000)
        told["snils"] = self.snils(100_000_000 + self.made)
        return Truth(self.made, told)

    def written(self, truth: Truth, former: Any = (), **wrong: Any) -> Person:
        """One system's record: spelt its own way, and read in canonical form like any record."""
        fields = {**truth.fields, **wrong}
        spell = self.draw.choice(
            (str, str.upper, str.lower, lambda word: word.replace("ё", "е"), lambda word: f" {word} ")
        )
        for name in ("last_name", "first_name", "patronymic"):
            fields[name] = values.name(spell(fields[name])) if fields[name] else None
        number, snils = fields["policy_number"], fields["snils"]
        if number and self.draw.random() < 0.5:
            number = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        if snils and self.draw.random() < 0.5:
            snils = f"{snils[:3]}-{snils[3:6]}-{snils[6:9]} {snils[9:]}"
        fields["policy_number"] = values.policy_number(number) if number else None
        fields["snils"] = values.snils(snils) if snils else None
        return person_of(fields, former)


# ---------------------------------------------------------------- who meets whom
def nobody_special(town: Town) -> Iterator[Case]:
    a = town.person()
    yield Case(town.written(a), town.written(a), alike=True, clean=True)
    yield Case(town.written(a), town.written(town.person()), alike=False)


def newborn(town: Town) -> Iterator[Case]:
    """No SNILS yet, on either side or on one; then on the mother's policy."""
    mother = town.person(sex="female")
    child = town.person(birth_date="2025-11-01", last_name=mother.fields["last_name"])
    yield Case(town.written(child, snils=None), town.written(child, snils=None), alike=True, clean=True)
    yield Case(town.written(child, snils=None), town.written(child), alike=True, clean=True)
    on_mothers = town.written(child, snils=None, policy_number=mother.fields["policy_number"])
    yield Case(on_mothers, town.written(mother), alike=False)
    yield Case(town.written(child, snils=mother.fields["snils"]), town.written(mother), alike=False)


def twins(town: Town) -> Iterator[Case]:
    a = town.person()
    common = ("birth_date", "last_name", "patronymic", "sex")
    others = [one for one in GIVEN[a.fields["sex"]] if one != a.fields["first_name"]]
    b = town.person(**{name: a.fields[name] for name in common}, first_name=town.draw.choice(others))
    yield Case(town.written(a), town.written(b), alike=False)
    yield Case(town.written(a, snils=None), town.written(b, snils=None), alike=False)
    for borrowed in (("policy_number",), ("snils",), ("policy_number", "snils")):
        lent = {name: a.fields[name] for name in borrowed}
        yield Case(town.written(a), town.written(b, **lent), alike=False)
        yield Case(town.written(a, snils=None), town.written(b, **lent), alike=False)
    unnamed = dict.fromkeys(("first_name", "snils"))
    yield Case(
        town.written(a, **unnamed), town.written(b, **unnamed, policy_number=a.fields["policy_number"]), alike=False
    )


def namesakes(town: Town) -> Iterator[Case]:
    """One name, one birthday, two people (F38)."""
    a = town.person()
    names = ("birth_date", "last_name", "first_name", "patronymic", "sex")
    b = town.person(**{name: a.fields[name] for name in names})
    yield Case(town.written(a), town.written(b), alike=False)
    yield Case(town.written(a, snils=None), town.written(b, snils=None), alike=False)
    yield Case(town.written(a), town.written(b, policy_number=None, snils=None), alike=False)
    yield Case(town.written(a), town.written(b, snils=a.fields["snils"]), alike=False)  # somebody else's valid SNILS
    yield Case(town.written(a), town.written(b, policy_number=a.fields["policy_number"]), alike=False)


def changed_number(town: Town) -> Iterator[Case]:
    """A new ENP: known as such, unknown, and a temporary certificate before it."""
    a = town.person()
    new = town.enp(a.fields["birth_date"], a.fields["sex"], (town.made + 50_000) % 100_000)
    old, renewed = town.written(a), town.written(a, former=[a.fields["policy_number"]], policy_number=new)
    yield Case(old, renewed, alike=True, clean=True)
    yield Case(msgspec.structs.replace(old, snils=None), renewed, alike=True, clean=True)
    yield Case(old, msgspec.structs.replace(renewed, former=frozenset()), alike=True)
    yield Case(town.written(a, policy_number="123456789"), town.written(a), alike=True)
    stranger = town.person()
    yield Case(town.written(stranger), renewed, alike=False)
    yield Case(town.written(stranger, policy_number=a.fields["policy_number"]), renewed, alike=False)


def changed_name(town: Town) -> Iterator[Case]:
    a = town.person(sex="female")
    yield Case(town.written(a), town.written(a, last_name="Королёва-Мельникова"), alike=True)
    yield Case(town.written(a, snils=None), town.written(a, last_name="Королёва-Мельникова"), alike=True)


def one_mistake(town: Town) -> Iterator[Case]:
    a, b = town.person(), town.person()
    for name in ("birth_date", "snils", "first_name", "last_name", "patronymic"):
        yield Case(town.written(a), town.written(a, **{name: b.fields[name]}), alike=True)
        yield Case(town.written(a), town.written(b, **{name: a.fields[name]}), alike=False)


def under_a_parent(town: Town) -> Iterator[Case]:
    """A child's policy chosen under a parent's account."""
    parent = town.person(birth_date="1985-03-15")
    child = town.person(birth_date="2015-03-15", last_name=parent.fields["last_name"])
    yield Case(town.written(parent), town.written(child), alike=False)
    yield Case(town.written(parent, policy_number=child.fields["policy_number"]), town.written(child), alike=False)
    namesake = {name: parent.fields[name] for name in ("first_name", "patronymic", "sex")}
    junior = town.person(birth_date="2015-03-15", last_name=parent.fields["last_name"], **namesake)
    yield Case(town.written(parent, policy_number=junior.fields["policy_number"]), town.written(junior), alike=False)


SORTS: tuple[Callable[[Town], Iterator[Case]], ...] = (
    nobody_special, newborn, twins, namesakes, changed_number, changed_name, one_mistake, under_a_parent,
)  # fmt: skip


def test_a_hundred_thousand_meetings_make_no_wrong_link(capsys: pytest.CaptureFixture[str]) -> None:
    town, told = Town(2026), Counter[str]()
    while told["cases"] < CASES:
        for sort in SORTS:
            for case in sort(town):
                answer = same_person(case.one, case.other).answer
                told.update(["cases", f"{'one' if case.alike else 'two'} {answer}", *(["clean"] if case.clean else [])])
                told["clean to a person"] += case.clean and answer == "ambiguous"
                assert case.alike or answer != "same", case
                assert not (case.clean and answer == "different"), case
    assert told["clean to a person"] <= 0.02 * told["clean"]
    assert told["one same"] > 0.9 * told["clean"]
    with capsys.disabled():
        sys.stdout.write(f"\n  {told['cases']:,} meetings: {dict(sorted(told.items()))} ")
