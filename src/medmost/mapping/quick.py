"""How a compiled reader takes the usual value of a format without calling its lens.

Either by a memo (a dict of wire values met before: dates, names, codes: few differ) or by a test that only a value of
the plain form passes (numbers: nearly all differ). Whatever else comes, `odd` reads by the lens itself: so a quick way
says nothing of its own, and never raises. tests/unit/test_mapping_quick.py holds both against each other.

What a memo keeps are single words, by themselves of nobody, and no longer than `LONGEST`; free text about health is
never kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

import msgspec
import orjson

from medmost.domain.record import Problem
from medmost.mapping.formats import BIGGEST, Lens
from medmost.mapping.moscow import SETTLED_YEAR
from medmost.mapping.unfit import Unfit, missing

LIMIT = 1 << 16
"""Values in a memo; a full one begins anew."""
LONGEST = 80
MEMOS = frozenset({"name", "oid", "date ISO", "date DD.MM.YYYY", "Да/Нет"})
"""Formats of which few different values are met."""
MAYBE_MEMOS = frozenset({"text", "code"})
"""The same where a field tells nothing of a person and is no key of its kind."""

Memo = dict[Any, Any]
Odd = Callable[[Any, list[Problem]], Any]


OTHER_FORM = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a test raises for a value that is no text, too short, or not in its tables."""


class Test(msgspec.Struct, frozen=True):
    """`when` decides whether `found` is of the plain form, `value` is its canonical value then; all are source.

    `first`: what is taken apart and looked up before. Either may raise `OTHER_FORM`, which says no more than no.
    """

    when: str
    value: str = "found"
    tables: tuple[str, ...] = ()
    first: str = ""


TESTS = {
    "policy number": Test("len(found) == 16 and found.isdigit() and found.isascii()"),
    "snils": Test(
        "found[9:] == snils_check[snils_a[found[:3]] + snils_b[found[3:6]] + snils_c[found[6:9]]]",
        "found",
        ("snils_a", "snils_b", "snils_c", "snils_check"),
    ),
    "snils dashed": Test(
        "d == snils_check[snils_a[a] + snils_b[b] + snils_c[c]] and found[11] == ' '",
        "f'{a}{b}{c}{d}'",
        ("snils_a", "snils_b", "snils_c", "snils_check"),
        "(a, b, c), d = found[:11].split('-'), found[12:]",
    ),
    "phone": Test("len(found) == 12 and found[:2] == '+7' and (a := found[1:]).isdigit() and a.isascii()"),
    "phone brackets": Test(
        "len(b) == 7 and b.isdigit() and b.isascii()", "a + b", ("areas",), "a, b = areas[found[:7]], found[7:]"
    ),
    "email": Test("plain_email(found) is not None", "found", ("plain_email",)),
    "time ISO": Test("found[:10] in days and found[10:] in times", "found", ("days", "times")),
    "time DD.MM.YYYY": Test("a", "a", ("days_ru", "times_ru"), "a = days_ru[found[:10]] + times_ru[found[10:]]"),
    "time or date ISO": Test(
        "found[:10] in days and (len(found) == 10 or found[10:] in times)", "found", ("days", "times")
    ),
    "time or date DD.MM.YYYY": Test(
        "a",
        "a",
        ("days_ru", "times_ru"),
        "a = days_ru[found[:10]] + (times_ru[found[10:]] if len(found) > 10 else '')",
    ),
    "text": Test("plain_text(found) is not None", "found", ("plain_text",)),
    "code": Test("found.isascii() and found.isprintable() and found and ' ' not in found"),
    "whole": Test("found.__class__ is int and minus_biggest < found < biggest", "found", ("minus_biggest", "biggest")),
    "boolean": Test("found is True or found is False"),
}
"""Formats whose values nearly all differ."""


def odd_reader(name: str, lens: Lens, memo: Memo | None, *, required: bool) -> Odd:
    """Reads by the lens, collects what does not fit, and remembers what did."""
    read = lens.read
    first = dict(memo or {})

    def odd(found: Any, problems: list[Problem]) -> Any:
        try:
            value = read(found)
        except Unfit as unfit:
            problems.append(unfit.problem(name, found))
            return None
        if value is None and required:
            problems.append(missing(name))
        elif memo is not None and found.__class__ is str and len(found) <= LONGEST:
            if len(memo) >= LIMIT:
                memo.clear()
                memo.update(first)
            if value is not None or "" in memo:  # else another field may have to miss it
                memo[found] = value
        return value

    return odd


def memo_of(lens: Lens, *, empties: bool) -> Memo:
    """An empty memo, or the whole of a dictionary. `empties`: nothing shown is None, and no problem."""
    memo: Memo = dict(lens.known)
    if empties:
        memo[None] = memo[""] = None
    return memo


def with_known_keys(reader: Callable[..., Any]) -> Callable[..., Any]:
    """The same reader, asking by the very strings that the JSON decoder makes keys of.

    orjson gives equal keys of its documents as one object: found by identity, they need no comparison (5 % of a
    record). Where it does not, equality finds them as before.
    """
    code = reader.__code__
    known = tuple(_decoded(one) if one.__class__ is str else one for one in code.co_consts)
    reader.__code__ = code.replace(co_consts=known)
    return reader


def _decoded(key: str) -> str:
    return next(iter(orjson.loads(orjson.dumps({key: None})))) if key.isprintable() else key


@cache
def table(name: str) -> Any:
    """What the source of a test names."""
    return _TABLES[name]()


def _triples(weights: tuple[int, int, int]) -> dict[str, int]:
    return {f"{n:03d}": sum(w * int(d) for w, d in zip(weights, f"{n:03d}", strict=True)) for n in range(1000)}


def _days() -> list[date]:
    first = date(SETTLED_YEAR, 1, 1)
    return [first + timedelta(days=number) for number in range(9_000)]


_TABLES: dict[str, Callable[[], Any]] = {
    # three digits of a SNILS -> what they add to its check sum (domain.values.snils_check)
    "snils_a": lambda: _triples((9, 8, 7)),
    "snils_b": lambda: _triples((6, 5, 4)),
    "snils_c": lambda: _triples((3, 2, 1)),
    "snils_check": lambda: [f"{total % 101 % 100:02d}" for total in range(9 * 45 + 1)],
    "areas": lambda: {f"+7({code:03d})": f"+7{code:03d}" for code in range(1000)},
    "plain_email": lambda: (
        re.compile(r"[a-z0-9._+-]{1,64}+@[a-z0-9-]{1,60}+\.[a-z0-9-]{1,60}+(?:\.[a-z0-9-]{1,60}+)?").fullmatch
    ),
    "plain_text": lambda: re.compile(r"[!-~А-яЁё«»№](?:[ -~А-яЁё«»№—–]*[!-~А-яЁё«»№])?").fullmatch,
    "days": lambda: frozenset(day.isoformat() for day in _days()),
    "times": lambda: frozenset(f"T{minute // 60:02d}:{minute % 60:02d}:00+03:00" for minute in range(1440)),
    "days_ru": lambda: {f"{day:%d.%m.%Y}": day.isoformat() for day in _days()},
    "times_ru": lambda: {
        f" {minute // 60:02d}:{minute % 60:02d}": f"T{minute // 60:02d}:{minute % 60:02d}:00+03:00"
        for minute in range(1440)
    },
    "minus_biggest": lambda: -BIGGEST,
    "biggest": lambda: BIGGEST,
}
