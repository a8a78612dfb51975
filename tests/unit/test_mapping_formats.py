"""Each format is a lens: what is written reads back, what is shown in many ways is one canonical value."""

from __future__ import annotations

from typing import Any

import pytest

from medmost.mapping.formats import LENSES, dictionary
from medmost.mapping.unfit import Unfit, value_class

SAME: list[tuple[str, list[Any], Any]] = [
    ("text", ["Кабинет 3", " Кабинет\u00a03 "], "Кабинет 3"),
    ("text", ["", "  ", None], None),
    ("code", ["602", 602], "602"),
    ("date ISO", ["1985-03-15", "1985-03-15T00:00:00", " 1985-03-15 "], "1985-03-15"),
    ("date DD.MM.YYYY", ["15.03.1985"], "1985-03-15"),
    (
        "time ISO",
        [
            "2026-11-23T10:00:00+03:00",
            "2026-11-23T10:00:00+0300",
            "2026-11-23T10:00:00",
            "2026-11-23T10:00",
            "2026-11-23 10:00:59.999+03:00",
            "2026-11-23T07:00:00Z",
            "2026-11-23T12:00:00+05:00",
        ],
        "2026-11-23T10:00:00+03:00",
    ),
    ("time ISO", ["2012-07-01T10:00:00", "2012-07-01T09:00:00+03:00"], "2012-07-01T10:00:00+04:00"),
    ("time ISO", ["2014-10-27T10:00:00", "2014-10-27T11:00:00+04:00"], "2014-10-27T10:00:00+03:00"),
    ("time ISO", ["2010-03-28T02:30:00"], "2010-03-28T03:30:00+04:00"),  # the hour that the clock skipped
    ("time DD.MM.YYYY", ["23.11.2026 10:00", "23.11.2026 10:00:30"], "2026-11-23T10:00:00+03:00"),
    ("time DD.MM.YYYY", ["01.07.2012 10:00"], "2012-07-01T10:00:00+04:00"),
    ("time or date DD.MM.YYYY", ["23.11.2026"], "2026-11-23"),
    ("time or date ISO", ["2026-11-23"], "2026-11-23"),
    ("instant ISO", ["2023-12-13T14:23:02.000+0300", "2023-12-13T11:23:02Z"], "2023-12-13T14:23:02+03:00"),
    ("snils", ["11223344595", "112-233-445 95"], "11223344595"),
    ("whole", [5, "5", 5.0, " 5 "], 5),
    ("number", [5.4, "5.4", "5,4", "5,40", 5.4000000000000004], "5.4"),
    ("number", [-0.0, 0, "-0", "0,00"], "0"),
    ("number", [1e-7, "0,0000001"], "0.0000001"),
    ("number", [100.0, 100, "100", "00100"], "100"),
    ("number", [0.1 + 0.2], "0.3"),
    ("Да/Нет", ["Да", "да", "ДА "], True),
    ("boolean", [False], False),
    ("not ended", [None, ""], True),
    ("not ended", ["2024-01-31", "2024-01-31T00:00:00+03:00"], False),
]

UNFIT: list[tuple[str, Any, str]] = [
    ("text", ["a"], "type"),
    ("text", 5, "type"),
    ("text", "\ud800", "format"),
    ("code", True, "type"),
    ("code", 10**40, "type"),
    ("date ISO", "31.02.2026", "format"),
    ("date ISO", "2026-02-31", "range"),
    ("date ISO", "1026-02-01", "range"),
    ("date ISO", "2026-W01-1", "format"),
    ("date ISO", 20260201, "type"),
    ("date DD.MM.YYYY", "31.02.2026", "range"),
    ("date DD.MM.YYYY", "2026-02-01", "format"),
    ("date DD.MM.YYYY", "١٢.٠٣.٢٠٢٦", "format"),
    ("time ISO", "2026-02-31T10:00:00+03:00", "range"),
    ("time ISO", "2026-02-01", "format"),
    ("time ISO", "9999-12-31T23:59:00-12:00", "range"),
    ("time ISO", "0001-01-01T00:00:00+14:00", "range"),
    ("time DD.MM.YYYY", "23.11.2026 25:00", "range"),
    ("time DD.MM.YYYY", "23.11.2026", "format"),
    ("snils", "11223344596", "format"),
    ("phone", "12", "format"),
    ("email", "nobody", "format"),
    ("email", "\ud800@example.ru", "format"),
    ("oid", "77", "format"),
    ("policy number", "123", "format"),
    ("whole", 5.5, "type"),
    ("whole", True, "type"),
    ("whole", 10**15, "range"),
    ("whole", "five", "format"),
    ("number", float("nan"), "range"),
    ("number", float("inf"), "range"),
    ("number", 10**400, "range"),
    ("number", "1e5", "format"),
    ("number", "1234567890123,456", "range"),
    ("number", True, "type"),
    ("number", {}, "type"),
    ("Да/Нет", "Возможно", "unknown_code"),
    ("boolean", "yes", "type"),
    ("not ended", "soon", "format"),
]


@pytest.mark.parametrize(("form", "shown", "canonical"), SAME)
def test_spellings_of_one_value_are_equal(form: str, shown: list[Any], canonical: Any) -> None:
    lens = LENSES[form]
    assert [lens.read(one) for one in shown] == [canonical] * len(shown)
    if canonical is not None and form != "not ended":
        assert lens.read(lens.write(canonical)) == canonical


@pytest.mark.parametrize(("form", "shown", "reason"), UNFIT)
def test_misfit_is_named_without_its_value(form: str, shown: Any, reason: str) -> None:
    with pytest.raises(Unfit) as caught:
        LENSES[form].read(shown)
    assert caught.value.reason == reason
    told = caught.value.problem("field", shown)
    assert str(shown).encode(errors="replace").decode() not in f"{told.reason} {told.value_class} {told.allowed}"


@pytest.mark.parametrize(
    ("form", "canonical", "wire"),
    [
        ("snils dashed", "11223344595", "112-233-445 95"),
        ("phone brackets", "+79102206415", "+7(910)2206415"),
        ("phone brackets", "+375291234567", "+375291234567"),
        ("date DD.MM.YYYY", "1985-03-15", "15.03.1985"),
        ("time DD.MM.YYYY", "2026-11-23T10:00:00+03:00", "23.11.2026 10:00"),
        ("instant ЕПГУ", "2023-12-13T14:23:02+03:00", "2023-12-13T14:23:02.000+0300"),
        ("number", "5.4", 5.4),
        ("number", "5", 5),
        ("number comma", "-5.4", "-5,4"),
        ("whole text", 2, "2"),
        ("Да/Нет", True, "Да"),
        ("code number", "2354270898", 2354270898),
        ("code number", "A-1", "A-1"),
        ("code number", "007", "007"),
    ],
)
def test_each_side_gets_its_spelling(form: str, canonical: Any, wire: Any) -> None:
    written = LENSES[form].write(canonical)
    assert (written, type(written)) == (wire, type(wire))


def test_dictionary_turns_both_ways() -> None:
    lens = dictionary({"single": ("Единого образца", "Новый"), "old": (1,)}, "", "")
    assert [lens.read(shown) for shown in ("Единого образца", "Новый", 1, "1", "", None)] == [
        "single",
        "single",
        "old",
        "old",
        None,
        None,
    ]
    assert (lens.write("single"), lens.write("old")) == ("Единого образца", 1)
    for unknown in (True, 2, "single"):
        with pytest.raises(Unfit):
            lens.read(unknown)


def test_value_classes_tell_no_value() -> None:
    shown = [None, "", True, 4.5, "Иванова", "123", "a-1", [1, 2], {"a": 1}]
    assert [value_class(one) for one in shown] == [
        "missing",
        "missing",
        "yes or no",
        "number",
        "text of 7 letters",
        "text of 3 digits",
        "text of 3 characters",
        "list of 2",
        "object",
    ]
