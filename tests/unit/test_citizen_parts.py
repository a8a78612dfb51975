"""The small parts of the citizen's page: visits that end, tries that are counted, people as ЕСИА tells of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmost.console.citizen_texts import TEXTS
from medmost.domain.identity import Person
from medmost.linking import consent, visits
from medmost.linking.matching import matches
from medmost.linking.visits import Visits
from medmost.systems.gosuslugi.holders import holders_of, iso_date
from medmost.systems.gosuslugi.login import Account, refusal

ACCOUNT = Account(oid="1", trusted=True, holders=())
SHOWN = {"policy_number": "7756410834123459", "birth_date": "1985-03-15", "snils": "11223344595", "last_name": "Рыбова",
         "first_name": "Алёна", "patronymic": None, "sex": "female"}  # fmt: skip


def test_page_speaks_both_languages_alike() -> None:
    assert list(TEXTS["ru"]) == list(TEXTS["en"])
    assert all(text.strip() for words in TEXTS.values() for text in words.values())
    same = {key for key, text in TEXTS["ru"].items() if TEXTS["en"][key] == text}
    assert same == set()


def test_visit_ends_by_silence_and_by_age() -> None:
    here = Visits()
    cookie, visit = here.begin(None, "ru", 0.0) or ("", None)
    assert here.find(cookie, visits.IDLE) is visit
    assert here.find(cookie, 2 * visits.IDLE + 1) is None
    cookie, _ = here.begin(None, "ru", 0.0) or ("", None)
    for minute in range(0, 61, 10):
        assert here.find(cookie, minute * 60.0) is not None
    assert here.find(cookie, visits.WHOLE + 1) is None


def test_entering_gives_the_visit_a_new_name() -> None:
    here = Visits()
    cookie, _ = here.begin(None, "ru", 0.0) or ("", None)
    entered = here.enter(cookie, ACCOUNT)
    assert here.find(cookie, 0.0) is None
    visit = here.find(entered, 0.0)
    assert visit is not None
    assert (visit.account, visit.state, visit.verifier) == (ACCOUNT, "", "")
    assert visit.mark
    here.leave(entered)
    assert here.find(entered, 0.0) is None


def test_strangers_give_way_to_whoever_is_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MOST", 3)
    here = Visits()
    inside = here.enter((here.begin(None, "ru", 0.0) or ("", None))[0], ACCOUNT)
    for _ in range(10):
        here.begin(None, "ru", 0.0)
    assert here.find(inside, 0.0) is not None


def test_beginnings_and_refusals_are_counted() -> None:
    here = Visits()
    begun = [here.begin(None, "ru", 0.0) for _ in range(visits.BEGINNINGS + 1)]
    assert [one is None for one in begun[-2:]] == [False, True]
    assert here.begin(None, "ru", visits.BEGINNINGS_SECONDS) is not None
    for _ in range(visits.REFUSALS):
        assert here.may_try("1", 0.0)
        here.refused("1", 0.0)
    assert not here.may_try("1", 1.0)
    assert here.may_try("2", 1.0)
    assert here.may_try("1", visits.REFUSALS_SECONDS)


def paper(**more: Any) -> dict[str, Any]:
    return {"elements": [{"type": "MDCL_PLCY", "vrfStu": "VERIFIED", **more}]}


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ({"unitedNumber": "7756410834123459", "number": "1"}, "7756410834123459"),
        ({"series": "7700", "number": "008123456789"}, "7700008123456789"),
        ({"omsNumber": "7756410834123459"}, "7756410834123459"),
        ({"number": "12"}, None),
        ({}, None),
    ],
)
def test_policy_number_is_read_in_every_form(told: dict[str, Any], number: str | None) -> None:
    (one,) = holders_of("1", {}, paper(**told), {})
    assert [policy.number for policy in one.policies] == ([number] if number else [])


def test_children_come_after_the_account_itself() -> None:
    child = {
        "id": 77,
        "firstName": "Ия",
        "birthDate": "31.12.2015",
        "gender": "F",
        "documents": paper(number="123456789"),
    }
    own, kid = holders_of(
        "1", {"firstName": "нет", "snils": "112-233-445 95"}, {}, {"elements": [child, {"firstName": "?"}]}
    )
    assert (own.oid, own.child, own.first_name, own.snils, own.policies) == ("1", False, None, "11223344595", ())
    assert (kid.oid, kid.child, kid.name, kid.birth_date, kid.sex) == ("77", True, "Ия", "2015-12-31", "female")
    assert [one.number for one in kid.policies] == ["123456789"]


VALUES = st.none() | st.integers() | st.sampled_from(["", "-", "31.02.2000", "MDCL_PLCY", "000-000-000 00", "X" * 40])
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("type"), inner), max_leaves=4
)


@settings(max_examples=60)
@given(ANYTHING)
def test_whatever_esia_sends_is_read(told: Any) -> None:
    person = told if isinstance(told, dict) else {"firstName": told, "birthDate": told, "snils": told, "gender": told}
    (own, *_) = holders_of("1", person, {"elements": told}, {"elements": [told, {"id": told, "documents": told}]})
    assert own.oid == "1"


@pytest.mark.parametrize(
    ("text", "iso"), [("29.02.2000", "2000-02-29"), ("29.02.2001", None), ("2000-02-29", None), (None, None)]
)
def test_birth_date_is_a_date_or_nothing(text: str | None, iso: str | None) -> None:
    assert iso_date(text) == iso


def test_only_whom_emias_knows_is_confirmed() -> None:
    holder = Person(policy_number="7756410834123459", birth_date="1985-03-15", snils="11223344595", sex="female")
    assert matches(SHOWN, holder).answer == "same"
    assert matches(None, holder).answer == "ambiguous"
    assert matches(SHOWN | {"birth_date": "1985-03-16"}, holder).answer != "same"
    assert matches(SHOWN | {"snils": None}, holder).answer != "same"  # number and birth date alone are not enough
    assert matches(SHOWN | {"policy_number": "7756410834129999"}, holder).answer == "same"  # the number it has become


def test_refusals_of_esia_have_their_own_words() -> None:
    codes = {text: refusal(text).code for text in ("ESIA-007055: x", "ESIA-007004: x", "ESIA-007053: x", "")}
    assert list(codes.values()) == ["MM-LINK-UNTRUSTED", "MM-LINK-DECLINED", "MM-LINK-ESIA", "MM-LINK-ESIA"]


def test_consent_names_operator_and_version() -> None:
    for lang in ("ru", "en"):
        one = consent.document(lang, "ООО «Мост»")  # type: ignore[arg-type]  # the two languages
        other = consent.document(lang, "")  # type: ignore[arg-type]  # the two languages
        assert "ООО «Мост»" in one.text
        assert consent.VERSION in one.text
        assert one.sha256 != other.sha256
