"""Normal forms and checks of identifiers. The numbers are synthetic ones of facts/emias.md §3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain import values

ENPS = [
    ("7756410834123459", "1985-03-15", "male"),
    ("7752700898000013", "1992-07-01", "female"),
    ("5067150868999998", "1948-12-31", "female"),
    ("7797089721000425", "2019-02-28", "male"),
    ("7858999790007778", "2000-01-09", "female"),
]


@pytest.mark.parametrize(("number", "born", "sex"), ENPS)
def test_enp_agrees_with_birth_and_sex(number: str, born: str, sex: str) -> None:
    assert values.enp_warning(number, born, sex) is None


@pytest.mark.parametrize(
    ("number", "born", "sex", "warning"),
    [
        ("7756410834123458", None, None, "check_digit"),
        ("7756410834123459", "1985-03-16", "male", "birth_date"),
        ("7756410834123459", "1985-03-15", "female", "sex"),
        ("123456789", None, None, "length"),
        ("7700123456150385", None, None, "check_digit"),
    ],
)
def test_doubtful_enp_gets_its_warning(number: str, born: str | None, sex: str | None, warning: str) -> None:
    assert values.enp_warning(number, born, sex) == warning


def test_policy_number_loses_only_separators() -> None:
    assert values.policy_number("7756 4108 3412 3459") == "7756410834123459"
    assert values.policy_number("7756-4108\u00a03412-3459") == "7756410834123459"
    assert values.policy_number("012345678") == "012345678"
    assert values.policy_number("аа №123456") == "АА№123456"


@pytest.mark.parametrize("bad", ["", "775641083412345", "77564108341234590", "775641083412345٣", "0", "абв"])
def test_wrong_policy_number_is_refused(bad: str) -> None:
    assert values.policy_number(bad) is None


@pytest.mark.parametrize("good", ["112-233-445 95", "123-456-789 64", "087-654-303 00", "900-000-001 82"])
def test_snils_check_digits_agree(good: str) -> None:
    digits = "".join(sign for sign in good if sign.isdigit())
    assert values.snils(good) == digits
    wrong = f"{digits[:9]}{(int(digits[9:]) + 1) % 100:02d}"
    assert values.snils(wrong) is None


def test_old_snils_goes_without_check() -> None:
    assert values.snils("000-666-666 25") == "00066666625"
    assert values.snils("001-001-998 11") == "00100199811"
    assert values.snils("001-001-999 11") is None


@pytest.mark.parametrize("bad", ["", "112-233-445", "112-233-445 951", "abc", "1122334459٥"])
def test_what_is_no_snils_is_refused(bad: str) -> None:
    assert values.snils(bad) is None


@pytest.mark.parametrize(
    "shown",
    [
        "+79102206415",
        "89102206415",
        "79102206415",
        "9102206415",
        "+7 (910) 220-64-15",
        "+7(910)2206415",
        "8 (910) 220-64-15",
        "8\u00a0910\u00a0220\u201164\u201115",
    ],
)
def test_one_phone_in_many_spellings(shown: str) -> None:
    assert values.phone(shown) == "+79102206415"


@pytest.mark.parametrize(
    ("number", "warning"),
    [
        (values.inn_warning("7707083893"), None),
        (values.inn_warning("7707083894"), "check_digit"),
        (values.inn_warning("500100732259"), None),
        (values.inn_warning("500100732258"), "check_digit"),
        (values.ogrn_warning("1027700132195"), None),
        (values.ogrn_warning("1027700132196"), "check_digit"),
    ],
)
def test_doubtful_register_number_gets_its_warning(number: str | None, warning: str | None) -> None:
    assert number == warning


@pytest.mark.parametrize("bad", ["", "770708389", "77070838930", "ИНН", "770708389٣"])
def test_what_is_no_inn_is_refused(bad: str) -> None:
    assert values.inn(bad) is None
    assert values.ogrn(bad) is None
    assert values.kpp(bad + "_") is None


@pytest.mark.parametrize("bad", ["", "220-64-15", "+7910220641", "phone", "+89102206415", "+7910220641٥"])
def test_what_is_no_phone_is_refused(bad: str) -> None:
    assert values.phone(bad) is None


def test_foreign_phone_keeps_its_country() -> None:
    assert values.phone("+375 (29) 123-45-67") == "+375291234567"


def test_email_ignores_case_and_space() -> None:
    assert values.email(" Alena@Example.RU ") == "alena@example.ru"
    for bad in ("alena", "alena@", "@example.ru", "a b@example.ru", "alena@example", "a@b..ru"):
        assert values.email(bad) is None, bad


def test_oid_is_numbers_and_points() -> None:
    assert values.oid(" 1.2.643.5.1.13.13.12.2.77.10425 ") == "1.2.643.5.1.13.13.12.2.77.10425"
    for bad in ("", "1", "1.2.", "3.2.643", "1.02.643", "1.2.643.x", "1.2." + "9" * 200):
        assert values.oid(bad) is None, bad


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("  Алёна ", "Алёна"),
        ("Але\u0308на", "Алёна"),
        ("Анна\u00a0 Мария", "Анна Мария"),
        ("-", None),
        ("нет", None),
        ("Отсутствует", None),
        ("", None),
    ],
)
def test_name_keeps_spelling_not_spacing(shown: str, name: str | None) -> None:
    assert values.name(shown) == name


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_normal_forms_stay_as_they_are(shown: str) -> None:
    for normal in (values.text, values.name, values.policy_number, values.snils, values.phone, values.email):
        once = normal(shown)
        assert once is None or normal(once) == once
