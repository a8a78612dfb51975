"""The quick ways of a compiled reader say what the lens of the format says: never another value, never another problem.

Values are those of tests/value_domains.py and the same with one character more, less or changed.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from medmost.domain.record import Problem, Reading
from medmost.mapping import paths, quick
from medmost.mapping.formats import LENSES
from medmost.mapping.quick import Memo
from medmost.mapping.source import Part, reader_source
from medmost.mapping.unfit import Unfit, no_record
from value_domains import MISSING, draws

COUNT = 400
NEAR = "0 79-+().:@aA_TZ\u00a0\u0663\u00b2ёЁ\n"


def reader(form: str, *, memo: Memo | None = None) -> Any:
    """A reader of one optional field, as the compiler would make it."""
    test = quick.TESTS[form] if memo is None else None
    part = Part(
        number=0,
        name="it",
        required=False,
        paths=(paths.parse("it") or (),),
        writes=True,
        blanks=False,
        rows=False,
        grows=False,
        test=test,
        memo=None if memo is None else "memo",
    )
    names = {name: quick.table(name) for name in (test.tables if test is not None else ())}
    names |= {"Reading": Reading, "no_record": no_record, "other_form": quick.OTHER_FORM, "memo": memo}
    names["odd_0"] = quick.odd_reader("it", LENSES[form], memo, required=False)
    exec(reader_source([part], [], whole=True), names)  # noqa: S102  # source of our own tests of forms
    return names["read"]


def by_lens(form: str, found: Any) -> tuple[Any, tuple[Problem, ...]]:
    try:
        return LENSES[form].read(found), ()
    except Unfit as unfit:
        return None, (unfit.problem("it", found),)


def nearly(found: str, r: Random) -> str:
    at = r.randrange(len(found) + 1)
    return r.choice([found[:at] + r.choice(NEAR) + found[at + r.randrange(2) :], found[:at] + found[at + 1 :]])


def wire(form: str) -> list[Any]:
    r = Random(form)
    plain = [None if found is MISSING else found for found in draws(form, [], COUNT, form)]
    return plain + [nearly(found, r) for found in plain * 2 if isinstance(found, str)]


@pytest.mark.parametrize("form", quick.TESTS)
def test_quick_test_agrees_with_its_lens(form: str) -> None:
    read = reader(form)
    for found in wire(form):
        reading = read({"it": found})
        assert (reading.fields["it"], reading.problems) == by_lens(form, found), repr(found)


@pytest.mark.parametrize("form", sorted(quick.MEMOS | quick.MAYBE_MEMOS))
def test_memo_gives_what_its_lens_gave(form: str) -> None:
    memo = quick.memo_of(LENSES[form], empties=True)
    read = reader(form, memo=memo)
    for found in wire(form) * 2:  # the second time from the memo
        reading = read({"it": found})
        assert (reading.fields["it"], reading.problems) == by_lens(form, found), repr(found)
    assert len(memo) > 2


def test_full_memo_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "LIMIT", 10)
    memo = quick.memo_of(LENSES["name"], empties=True)
    read = reader("name", memo=memo)
    for number in range(50):
        assert read({"it": f"Имя {number}"}).fields["it"] == f"Имя {number}"
        assert len(memo) <= 10
        assert memo[None] is None


def test_memo_keeps_no_long_text() -> None:
    memo = quick.memo_of(LENSES["text"], empties=True)
    read = reader("text", memo=memo)
    for long in (True, False):
        said = "х" * (quick.LONGEST + long)
        assert read({"it": said}).fields["it"] == said
        assert (said in memo) is not long
