"""Who is the same patient: it refuses rather than guesses. Pure.

Never by name alone (fact sheet *reliability* F38: namesakes born on one day are certain in a city like Moscow).
`same` needs the policy number, the birth date and one more: the SNILS, or the whole name. What contradicts is never
outvoted; doubt is `ambiguous`, for a person. Sources: design §8, fact sheets *reliability* F38–F45, *emias* §3.8.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Any, Literal

import msgspec
from stdnum import luhn

from medmost.domain.record import Fields

Same = Literal["same", "different", "ambiguous"]
Agreement = Literal["agree", "differ", "unknown"]

NO_DATES = frozenset({"0001-01-01", "1900-01-01", "9999-12-31"})
"""What systems write where they do not know a birth date (F44)."""
NO_SNILS = frozenset({"00000000000"})
_LATIN = "ABCEHKMOPTXY"
_CYRILLIC = "АВСЕНКМОРТХУ"
_LOOKALIKE = str.maketrans(_LATIN, _CYRILLIC)
_MARKS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | dict.fromkeys("`\u2018\u2019\u02bc", "'") | {".": ""}
)
_WORD = re.compile(r"[^\W\d_]+")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What one record says of its patient: normal forms as `values` gives them, None for what it does not say."""

    policy_number: str | None = None
    birth_date: str | None = None  # YYYY-MM-DD
    snils: str | None = None  # 11 digits
    last_name: str | None = None
    first_name: str | None = None
    patronymic: str | None = None
    sex: str | None = None
    former: frozenset[str] = frozenset()
    """Policy numbers this person is known to have had: a merged or changed one stays good for finding (F39)."""


class Verdict(msgspec.Struct, frozen=True):
    """`reasons` name attributes and never values; they are for the operator.

    A citizen or a caller outside is told the answer only: which attribute failed would help to guess the next.
    """

    answer: Same
    reasons: tuple[str, ...] = ()


def person_of(fields: Fields, former: Collection[str] = ()) -> Person:
    """The person that a canonical policy record shows; what only fills a gap (1900-01-01, 000-000-000 00) is none."""
    told: dict[str, Any] = {name: fields.get(name) or None for name in Person.__struct_fields__ if name != "former"}
    if told["birth_date"] in NO_DATES:
        told["birth_date"] = None
    if told["snils"] in NO_SNILS:
        told["snils"] = None
    return Person(**told, former=frozenset(former))


def same_person(a: Person, b: Person) -> Verdict:
    """Are both records about one person? Symmetric."""
    number, snils = _numbers(a, b), _plain(a.snils, b.snils)
    birth = _plain(a.birth_date, b.birth_date)
    against = _contradictions(a, b, snils, birth)
    if number == "agree":
        return _with_one_number(a, b, snils, birth, against)
    reasons = ("policy_number", *against)
    if snils == "agree":  # a new number that nobody told us of, or somebody else's SNILS
        return Verdict("ambiguous", reasons)
    if number == "differ":  # against it: twins, relatives; nothing against: a namesake, or one person, two policies
        return Verdict("different" if against else "ambiguous", reasons)
    return Verdict("different" if len(against) > 1 else "ambiguous", reasons)


def _with_one_number(a: Person, b: Person, snils: Agreement, birth: Agreement, against: tuple[str, ...]) -> Verdict:
    if len(against) > 1 and snils != "agree":  # a relative's number: a child's, a twin's
        return Verdict("different", against)
    if against:
        return Verdict("ambiguous", against)
    if birth == "unknown":
        return Verdict("ambiguous", ("birth_date",))
    if snils == "agree":  # whatever the surname became meanwhile
        return Verdict("same")
    unlike = tuple(name for name in ("last_name", "first_name") if _named(a, b, name) != "agree")
    if _named(a, b, "patronymic") == "differ":
        unlike = (*unlike, "patronymic")
    return Verdict("ambiguous", unlike) if unlike else Verdict("same")


def _contradictions(a: Person, b: Person, snils: Agreement, birth: Agreement) -> tuple[str, ...]:
    """What one person hardly has two of. Surnames change and patronymics are misspelt: these only fail to support."""
    found = {
        "birth_date": birth,
        "snils": snils,
        "first_name": _named(a, b, "first_name"),
        "sex": _plain(a.sex, b.sex),
    }
    return tuple(name for name, agreement in found.items() if agreement == "differ")


# ---------------------------------------------------------------- how single attributes compare
def _plain(x: str | None, y: str | None) -> Agreement:
    if x is None or y is None:
        return "unknown"
    return "agree" if x == y else "differ"


def _numbers(a: Person, b: Person) -> Agreement:
    """Two sound ENPs are two policies; a temporary certificate or an old number beside an ENP says nothing."""
    if a.policy_number is None or b.policy_number is None:
        return "unknown"
    if a.policy_number == b.policy_number or a.policy_number in b.former or b.policy_number in a.former:
        return "agree"
    return "differ" if _is_enp(a.policy_number) and _is_enp(b.policy_number) else "unknown"


def _is_enp(number: str) -> bool:
    return len(number) == 16 and number.isascii() and number.isdigit() and luhn.is_valid(number)


def _named(a: Person, b: Person, name: str) -> Agreement:
    x, y = getattr(a, name), getattr(b, name)
    if x is None or y is None:
        return "unknown"
    return "agree" if name_key(x) == name_key(y) else "differ"


def name_key(name: str) -> str:
    """What the spellings of one name have in common: capitals, ё as е, one kind of dash and of apostrophe, one space.

    A word of Cyrillic letters with Latin ones that look like them is read as Cyrillic (F45).
    """
    folded = unicodedata.normalize("NFC", name).upper().translate(_MARKS).replace("Ё", "Е")
    spaced = " ".join(folded.replace("-", " - ").split()).replace(" - ", "-")
    return _WORD.sub(lambda word: _as_cyrillic(word[0]), spaced)


def _as_cyrillic(word: str) -> str:
    """A truly Latin word has a letter that Cyrillic lacks and stays as it is."""
    read = word.translate(_LOOKALIKE)
    return word if any(letter.isascii() for letter in read) else read
