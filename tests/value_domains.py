"""What systems really show in a field of each sort: usual, unusual and broken wire values, by class, from a seed.

`CLASSES` tells what was drawn by looking at the value itself, so that a class nobody drew is noticed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

MISSING = object()
Draw = Callable[[Random], Any]

WORDS = "Воробьёва Семёнова Королёв Ёлкин Петров Алёна Артем Наталья Йорданов Зайцев Майя Андрей".split()
LATIN = str.maketrans("аеорсухАВЕКМНОРСТХ", "aeopcyxABEKMHOPCTX")
SNILS_OLD = ("00066666625", "00100199811", "00000000001")


def _word(r: Random) -> str:
    return r.choice(WORDS)


def _phrase(r: Random) -> str:
    return " ".join(r.sample(WORDS, r.randint(1, 4))) + r.choice(["", " № 62", ", д. 18", " «АО»", "/л", " <16>"])


def _day(r: Random) -> date:
    return date(1930, 1, 1) + timedelta(days=r.randrange(47_000))


def _snils(r: Random) -> str:
    body = f"{r.randrange(1_001_999, 10**9):09d}"
    total = sum(w * int(d) for w, d in zip(range(9, 0, -1), body, strict=True))
    return f"{body}{total % 101 % 100:02d}"


def _clock(r: Random) -> str:
    return f"{r.randrange(24):02d}:{r.randrange(60):02d}"


def _leap(r: Random) -> date:
    return date(r.randrange(1904, 2048, 4), 2, 29)


def _summer(r: Random) -> date:
    return date(2011, 4, 1) + timedelta(days=r.randrange(1_280))  # Moscow was at +04:00 all through


def _texts(one: Draw) -> list[Draw]:
    return [
        one,
        lambda r: one(r).replace("ё", "е").replace("Ё", "Е"),
        lambda r: one(r) + "ё",
        lambda r: unicodedata.normalize("NFD", one(r) + "йё"),
        lambda r: one(r) + "\u00a0" + _word(r),
        lambda r: one(r).translate(LATIN) + "оc",
        lambda r: f" {one(r)}\t",
        lambda r: one(r).upper(),
        lambda r: one(r) + " 🩺",
        lambda r: one(r) + "\u2011" + _word(r),
        lambda r: one(r) + "\r\n" + _word(r),
        lambda r: "\ud800",  # a half of a letter: no text at all
    ]


def _iso(at: Callable[[Random], date]) -> Draw:
    return lambda r: at(r).isoformat()


def _ru(at: Callable[[Random], date]) -> Draw:
    return lambda r: f"{at(r):%d.%m.%Y}"


def _dates(form: Callable[[Callable[[Random], date]], Draw]) -> list[Draw]:
    first = date(1900, 1, 1)
    return [form(_day), form(_leap), form(lambda r: first), lambda r: f" {form(_day)(r)} "]  # always the same day


def _times(day: Callable[[Callable[[Random], date]], Draw], join: str, ends: list[str]) -> list[Draw]:
    def drawn(at: Callable[[Random], date], end: str) -> Draw:
        return lambda r: f"{day(at)(r)}{join}{_clock(r)}{end}"

    days: list[Callable[[Random], date]] = [_day, _leap, _summer, lambda r: date(2026, 11, r.randint(1, 30))]
    return [drawn(at, end) for at in days for end in ends]


_ISO_ENDS = [":00+03:00", ":00+0300", ":00", "", ":07.586+0300", ":00Z", ":00+04:00"]
_BROKEN_DATES: list[Draw] = [lambda r: r.choice(["31.02.2026", "2026-02-31", "вчера", "2026-13-01", "00.00.0000"])]
_NUMBERS: list[Draw] = [
    lambda r: r.randrange(-(10**6), 10**6),
    lambda r: r.randrange(-(10**6), 10**6) / 1000,
    lambda r: f"{r.randrange(10**6)},{r.randrange(1000):03d}",
    lambda r: f"{r.randrange(10**6)}.{r.randrange(1, 1000):03d}",
    lambda r: -0.0,
    lambda r: r.choice(["-0", "-0,0", "\u22125,5", "1 000,5"]),
    lambda r: r.choice(["1e3", "NaN", float("nan"), float("inf"), 10**300, "5,5,5", "около 5"]),
]

FORMS: dict[str, list[Draw]] = {
    "text": _texts(_phrase),
    "name": [*_texts(_word), lambda r: r.choice(["-", "нет", "Отсутствует", "—"]), lambda r: f"{_word(r)}-{_word(r)}"],
    "code": [*_texts(_word), lambda r: r.randrange(10**6), lambda r: f"{r.randrange(10**4):06d}", lambda r: "B03.016"],
    "code number": [lambda r: r.randrange(1, 10**10), lambda r: str(r.randrange(10**10)), lambda r: "007", _word],
    "policy number": [
        lambda r: f"{r.randrange(10**16):016d}",
        lambda r: f"7700{r.randrange(10**12):012d}",
        lambda r: f"{r.randrange(10**9):09d}",
        lambda r: re.sub(r"(\d{4})", r"\1 ", f"{r.randrange(10**16):016d}"),
        lambda r: r.choice(["аа №123456", "АБ-1234567", "12345", "77564108341234590"]),
    ],
    "snils": [
        _snils,
        lambda r: re.sub(r"(...)(...)(...)", r"\1-\2-\3 ", _snils(r)),
        lambda r: r.choice(SNILS_OLD),
        lambda r: f"{int(_snils(r)) + 1:011d}",
    ],
    "phone": [
        lambda r: f"+79{r.randrange(10**9):09d}",
        lambda r: f"+7(9{r.randrange(100):02d}){r.randrange(10**7):07d}",
        lambda r: f"8 (910) {r.randrange(1000):03d}-{r.randrange(100):02d}-{r.randrange(100):02d}",
        lambda r: f"+375{r.randrange(10**9):09d}",
        lambda r: r.choice(["12", "+7(910)220641٥", "+7(910)22064150", "телефон"]),
    ],
    "email": [
        lambda r: f"user{r.randrange(10**6)}@example.ru",
        lambda r: f"Ivan.Petrov{r.randrange(100)}@Mail.Example.RU",
        lambda r: r.choice(["nobody", "a@b", "a b@example.ru", "\ud800@example.ru"]),
    ],
    "oid": [
        lambda r: f"1.2.643.5.1.13.13.12.2.77.{r.randrange(10**5)}",
        lambda r: f" 1.2.643.5.1.13.13.12.2.77.{r.randrange(10**5)}.0.{r.randrange(10**5)}",
        lambda r: r.choice(["77", "1.2.643.x", "1.02.643"]),
    ],
    "inn": [
        lambda r: f"{r.randrange(10**10):010d}",
        lambda r: r.randrange(10**9, 10**10),
        lambda r: f"{r.randrange(10**12):012d} ",
        lambda r: r.choice(["770708389", "77070838930", "ИНН"]),
    ],
    "ogrn": [
        lambda r: f"{r.randrange(10**13):013d}",
        lambda r: f"{r.randrange(10**15):015d}",
        lambda r: "102770013219",
    ],
    "kpp": [lambda r: f"{r.randrange(10**9):09d}", lambda r: f"7736ab{r.randrange(1000):03d}", lambda r: "77360100"],
    "date ISO": [*_dates(_iso), lambda r: f"{_iso(_day)(r)}T00:00:00", *_BROKEN_DATES],
    "date DD.MM.YYYY": [*_dates(_ru), *_BROKEN_DATES],
    "time ISO": [*_times(_iso, "T", _ISO_ENDS), *_BROKEN_DATES],
    "time DD.MM.YYYY": [*_times(_ru, " ", ["", ":30"]), *_BROKEN_DATES],
    "time or date ISO": [*_dates(_iso), *_times(_iso, "T", _ISO_ENDS), *_BROKEN_DATES],
    "time or date DD.MM.YYYY": [*_dates(_ru), *_times(_ru, " ", ["", ":30"]), *_BROKEN_DATES],
    "instant ISO": [*_times(_iso, "T", _ISO_ENDS), *_BROKEN_DATES],
    "instant ЕПГУ": [*_times(_iso, "T", _ISO_ENDS), *_BROKEN_DATES],
    "whole": [lambda r: r.randrange(-999, 999), lambda r: str(r.randrange(999)), lambda r: 5.0, lambda r: "пять"],
    "whole text": [lambda r: str(r.randrange(999)), lambda r: r.randrange(999), lambda r: "5.5"],
    "number": _NUMBERS,
    "number comma": _NUMBERS,
    "boolean": [lambda r: r.random() < 0.5, lambda r: r.choice([0, 1, "true"])],
    "Да/Нет": [
        lambda r: r.choice(["Да", "Нет"]),
        lambda r: r.choice(["да", " НЕТ"]),
        lambda r: r.choice(["?", 1, True]),
    ],
    "not ended": [*_dates(_iso), *_BROKEN_DATES],
}
ALWAYS: list[Draw] = [
    lambda r: "",
    lambda r: None,
    lambda r: MISSING,
    lambda r: r.choice([[], {}, [1], {"a": 1}, True, "  "]),
]


def coded(wire: list[Any]) -> list[Draw]:
    """A dictionary's own values, in other spellings, and one that it does not know."""
    return [lambda r: r.choice(wire), lambda r: f" {r.choice(wire)} ", lambda r: r.choice(["?", "ДА", 99, -1])]


def draws(form: str | None, wire: list[Any], count: int, seed: str) -> Iterator[Any]:
    """`count` wire values; each way of drawing comes up in turn, so that none is left out."""
    rng, ways = Random(seed), [*(coded(wire) if wire else FORMS[form or ""]), *ALWAYS]
    for number in range(count):
        yield ways[number % len(ways)](rng)


def _is(pattern: str) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, str) and re.search(pattern, found) is not None


CLASSES: dict[str, tuple[Callable[[Any], bool], tuple[str, ...]]] = {
    "missing": (lambda found: found is MISSING, ("*",)),
    "null": (lambda found: found is None, ("*",)),
    "empty": (lambda found: isinstance(found, str) and not found, ("*",)),
    "wrong type": (lambda found: isinstance(found, list | dict), ("*",)),
    "ё": (_is("ё"), ("text", "name", "code")),
    "е instead of ё": (_is("Воробьева|Семенова|Королев|Елкин|Алена|ЕЛКИН"), ("text", "name", "code")),
    "NFD": (
        lambda found: isinstance(found, str) and not unicodedata.is_normalized("NFC", found),
        ("text", "name", "code"),
    ),
    "NBSP": (_is("\u00a0"), ("text", "name", "code")),
    "look-alike letters": (_is("[а-яА-Я][a-zA-Z]|[a-zA-Z][а-яА-Я]"), ("text", "name", "code")),
    "no patronymic": (lambda found: found in ("-", "—", "нет", "Отсутствует"), ("name",)),
    "1900-01-01": (_is("1900-01-01|01.01.1900"), ("date ISO", "date DD.MM.YYYY", "time or date ISO")),
    "29.02": (_is("-02-29|29[.]02[.]"), ("date ISO", "date DD.MM.YYYY", "time ISO", "time DD.MM.YYYY", "instant ISO")),
    "Moscow 2011–2014": (_is("201[1-4].*[T ]..:"), ("time ISO", "time DD.MM.YYYY", "instant ISO", "instant ЕПГУ")),
    "SNILS unchecked": (lambda found: found in SNILS_OLD, ("snils", "snils dashed")),
    "7700…": (_is("^7700"), ("policy number",)),
    "decimal comma": (_is(r"^\d+,\d+$"), ("number", "number comma")),
    "−0": (lambda found: str(found) in ("-0.0", "-0", "-0,0"), ("number", "number comma")),
    "1e3, NaN": (lambda found: str(found).lower() in ("1e3", "nan"), ("number", "number comma")),
}
"""What makes a value one of a class, and the formats whose domain has it."""


def classes_of(form: str) -> set[str]:
    return {name for name, (_, forms) in CLASSES.items() if "*" in forms or form in forms}


FORMS["snils dashed"], FORMS["phone brackets"] = FORMS["snils"], FORMS["phone"]
