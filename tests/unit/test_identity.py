"""Who is the same patient: never by name alone, and doubt is a person's (design §8, reliability F38–F45)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.identity import Person, name_key, person_of, same_person

ENP, OTHER_ENP, THIRD_ENP = "7756410834123459", "7752700898000013", "5067150868999998"
SNILS, OTHER_SNILS = "11223344595", "12345678964"
ALENA = Person(policy_number=ENP, birth_date="1985-03-15", snils=SNILS, last_name="Воробьёва", first_name="Алёна",
               patronymic="Игоревна", sex="female")  # fmt: skip


def but(**more: Any) -> Person:
    return msgspec.structs.replace(ALENA, **more)


def told(a: Person, b: Person) -> str:
    verdict = same_person(a, b)
    assert verdict == same_person(b, a)
    return " ".join((verdict.answer, *verdict.reasons))


NOBODY = dict.fromkeys(("last_name", "first_name", "patronymic"))
TWIN = {"policy_number": OTHER_ENP, "snils": OTHER_SNILS, "first_name": "Арина"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the same in all": ({}, {}, "same"),
    "a number, a birthday and a SNILS": (NOBODY, {}, "same"),
    "a number, a birthday and a whole name": ({"snils": None}, {}, "same"),
    "spelt without ё": ({"snils": None, "last_name": "ВОРОБЬЕВА", "first_name": "алена"}, {}, "same"),
    "typed with Latin letters": ({"snils": None, "first_name": "Aлёнa"}, {}, "same"),
    "no patronymic": ({"snils": None, "patronymic": None}, {}, "same"),
    "a surname by marriage": ({"last_name": "Зверева"}, {}, "same"),
    "a surname by marriage, no SNILS": ({"last_name": "Зверева", "snils": None}, {}, "ambiguous last_name"),
    "a patronymic misspelt": ({"patronymic": "Игоровна"}, {}, "same"),
    "a patronymic misspelt, no SNILS": ({"patronymic": "Игоровна", "snils": None}, {}, "ambiguous patronymic"),
    "a first name misspelt": ({"first_name": "Алла"}, {}, "ambiguous first_name"),
    "a birthday misspelt": ({"birth_date": "1985-03-16"}, {}, "ambiguous birth_date"),
    "another sex": ({"sex": "male"}, {}, "ambiguous sex"),
    "a SNILS misspelt": ({"snils": OTHER_SNILS}, {}, "ambiguous snils"),
    "no birthday": ({"birth_date": None}, {}, "ambiguous birth_date"),
    "a number and a birthday alone": ({**NOBODY, "snils": None}, {}, "ambiguous last_name first_name"),
    "a surname only": ({"first_name": None, "snils": None}, {}, "ambiguous first_name"),
    "a former number": ({"policy_number": OTHER_ENP, "former": frozenset({ENP})}, {}, "same"),
    "a former number here and there": (
        {"policy_number": OTHER_ENP, "former": frozenset({ENP})},
        {"policy_number": THIRD_ENP, "former": frozenset({ENP})},
        "ambiguous policy_number",
    ),
    "a number nobody told us of": ({"policy_number": OTHER_ENP}, {}, "ambiguous policy_number"),
    "a temporary certificate": ({"policy_number": "123456789"}, {}, "ambiguous policy_number"),
    "a temporary certificate of another": (
        {"policy_number": "123456789", "snils": OTHER_SNILS, "first_name": "Арина"}, {},
        "different policy_number snils first_name",
    ),
    "a temporary certificate, the SNILS misspelt": (
        {"policy_number": "123456789", "snils": OTHER_SNILS}, {}, "ambiguous policy_number snils",
    ),
    "an old Moscow number": ({"policy_number": "7700123456150385"}, {}, "ambiguous policy_number"),
    "a short number with a sound check digit": (
        {"policy_number": "123456782", "snils": OTHER_SNILS}, {}, "ambiguous policy_number snils",
    ),
    "a number in other digits": (
        {"policy_number": "\uff17" + OTHER_ENP[1:], "snils": OTHER_SNILS}, {}, "ambiguous policy_number snils",
    ),
    "an old Moscow number, the SNILS misspelt": (
        {"policy_number": "7700123456150385", "snils": OTHER_SNILS}, {}, "ambiguous policy_number snils",
    ),
    "no number": ({"policy_number": None}, {}, "ambiguous policy_number"),
    "a namesake of the same day": ({"policy_number": OTHER_ENP, "snils": None}, {}, "ambiguous policy_number"),
    "a namesake with a SNILS": (
        {"policy_number": OTHER_ENP, "snils": OTHER_SNILS}, {}, "different policy_number snils",
    ),
    "a twin": (TWIN, {}, "different policy_number snils first_name"),
    "twins without SNILS": ({**TWIN, "snils": None}, {"snils": None}, "different policy_number first_name"),
    "newborn twins without names": (
        {**NOBODY, "policy_number": OTHER_ENP, "snils": None}, {"snils": None}, "ambiguous policy_number",
    ),
    "a twin with the other's number": ({**TWIN, "policy_number": ENP}, {}, "different snils first_name"),
    "a twin with the other's number, no SNILS": (
        {**TWIN, "policy_number": ENP, "snils": None}, {}, "ambiguous first_name",
    ),
    "a twin with both of the other's": ({"first_name": "Арина"}, {}, "ambiguous first_name"),
    "somebody else's SNILS": (
        {**TWIN, "snils": SNILS, "birth_date": "1990-01-01"}, {}, "ambiguous policy_number birth_date first_name",
    ),
    "a child with the mother's number": (
        {"birth_date": "2019-02-28", "snils": None, "first_name": "Пётр", "sex": "male"}, {},
        "different birth_date first_name sex",
    ),
    "a child with the mother's number and SNILS": (
        {"birth_date": "2019-02-28", "first_name": "Пётр"}, {}, "ambiguous birth_date first_name",
    ),
    "a child's policy under a parent's account": (
        {**TWIN, "birth_date": "2019-02-28", "snils": None}, {}, "different policy_number birth_date first_name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "expected"), CASES.values(), ids=CASES)
def test_doubt_is_left_to_a_person(one: dict[str, Any], other: dict[str, Any], expected: str) -> None:
    assert told(but(**one), but(**other)) == expected


# ---------------------------------------------------------------- laws
NAMES = ("last_name", "first_name", "patronymic")
MAYBE = {
    "policy_number": st.sampled_from([None, ENP, OTHER_ENP, "123456789"]),
    "birth_date": st.sampled_from([None, "1985-03-15", "1990-01-01"]),
    "snils": st.sampled_from([None, SNILS, OTHER_SNILS]),
    **{name: st.sampled_from([None, "Анна", "Мария"]) for name in NAMES},
    "sex": st.sampled_from([None, "male", "female"]),
    "former": st.sampled_from([frozenset(), frozenset({ENP}), frozenset({THIRD_ENP})]),
}
PEOPLE = st.builds(Person, **MAYBE)


@given(PEOPLE, PEOPLE)
def test_sameness_rests_on_three_agreements(a: Person, b: Person) -> None:
    verdict = same_person(a, b)
    assert verdict == same_person(b, a)
    assert (verdict.answer == "same") == (verdict.reasons == ())
    if verdict.answer == "same":
        assert a.birth_date == b.birth_date is not None
        assert a.policy_number == b.policy_number or {a.policy_number, b.policy_number} & {*a.former, *b.former}
        assert a.snils == b.snils is not None or (a.last_name, a.first_name) == (b.last_name, b.first_name)


@given(PEOPLE, PEOPLE, st.sampled_from(["birth_date", "snils", "first_name", "last_name", "policy_number"]))
def test_knowing_less_never_makes_two_one(a: Person, b: Person, name: str) -> None:
    """Leaving an attribute out may turn a `same` into doubt; a `different` never into a `same`."""
    less = same_person(msgspec.structs.replace(a, **{name: None}), b)
    if same_person(a, b).answer == "different":
        assert less.answer != "same"


@given(PEOPLE, PEOPLE)
def test_a_name_alone_decides_nothing(a: Person, b: Person) -> None:
    only = dict.fromkeys(("policy_number", "snils", "birth_date", "sex"))
    a, b = (msgspec.structs.replace(one, **only) for one in (a, b))
    assert same_person(a, b).answer == "ambiguous"


def test_reasons_hold_no_values() -> None:
    words = {"policy_number", "birth_date", "snils", "last_name", "first_name", "patronymic", "sex"}
    for one, other, _ in CASES.values():
        assert set(same_person(but(**one), but(**other)).reasons) <= words


# ---------------------------------------------------------------- what a record says, how names are spelt
def test_a_filler_says_nothing_of_anybody() -> None:
    fields = {"policy_number": ENP, "birth_date": "1900-01-01", "snils": "00000000000", "first_name": "", "phone": "1"}
    assert person_of(fields) == Person(policy_number=ENP)
    assert person_of({"birth_date": "1985-03-15", "snils": SNILS}, [ENP]) == Person(
        birth_date="1985-03-15", snils=SNILS, former=frozenset({ENP})
    )


@pytest.mark.parametrize("date", ["0001-01-01", "1900-01-01", "9999-12-31"])
def test_a_filler_is_no_birthday(date: str) -> None:
    assert person_of({"birth_date": date, "snils": SNILS}) == Person(snils=SNILS)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Анна~Мария", "Анна-Мария", False),
        ("Анна~Мария", "Анна'Мария", False),
        ("О`Нил", "О\u2018Нил", True),
        ("О\u02bcНил", "О'Нил", True),
        ("Семёнов", "СЕМЕНОВ", True),
        ("Андрей", "Андрей", True),  # й of two signs
        ("Римский-Корсаков", "Римский — Корсаков", True),
        ("Римский‑Корсаков", "Римский- Корсаков", True),
        ("Мария  Луиза", "Мария Луиза", True),
        ("Мария-Луиза", "Мария Луиза", False),
        ("д’Артаньян", "Д'Артаньян", True),
        ("Иванов.", "Иванов", True),
        ("Сергеeв", "Сергеев", True),  # a Latin e
        ("COBA", "СОВА", True),  # Latin letters only, all of them look-alikes
        ("Roman", "Роман", False),
        ("Анна-Maria", "Анна-Maриа", False),
        ("Марина", "Карина", False),
        ("Данил", "Даниил", False),
        ("Новиков", "Новикова", False),
    ],
)
def test_spellings_of_a_name_are_one(one: str, other: str, alike: bool) -> None:
    assert (name_key(one) == name_key(other)) is alike


@pytest.mark.parametrize(("name", "key"), [("Roman", "ROMAN"), ("Римский - Корсаков", "РИМСКИЙ-КОРСАКОВ")])
def test_a_name_key_reads_plainly(name: str, key: str) -> None:
    assert name_key(name) == key


@given(st.text(alphabet="АаЕеЁёСсcOoХxИйn-–' .", max_size=12))
def test_a_name_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
