"""Types of the fields of an added collection: how each system spells and checks a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from medmost_stand import formats as f
from medmost_stand.world import spelling as say

Say = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Type:
    """`say` turns a neutral value into the wire form of a system, `format` is what the system checks;
    `broken` is a wire value that no reading fits."""

    say: Mapping[str, Say]
    format: Mapping[str, f.Format]
    broken: Any = None


def _same(value: Any) -> Any:
    return value


def _both(form: f.Format, broken: Any = None) -> Type:
    return Type({"emias": _same, "gosuslugi": _same}, {"emias": form, "gosuslugi": form}, broken)


def _two(emias: tuple[Say, f.Format], gosuslugi: tuple[Say, f.Format], broken: Any = None) -> Type:
    return Type({"emias": emias[0], "gosuslugi": gosuslugi[0]}, {"emias": emias[1], "gosuslugi": gosuslugi[1]}, broken)


TYPES: Mapping[str, Type] = {
    "text": _both(f.TEXT),
    "identifier": _both(f.IDENTIFIER),
    "policy": _both(f.POLICY),
    "oid": _both(f.OID),
    "email": _both(f.EMAIL),
    "snils": _two(
        (_same, f.pattern(r"\d{11}", "СНИЛС из 11 цифр")),
        (say.russian_snils, f.pattern(r"\d{3}-\d{3}-\d{3} \d{2}", "СНИЛС вида 112-233-445 95")),
    ),
    "phone": _two(
        (_same, f.pattern(r"\+7\d{10}", "телефон вида +79102206415")),
        (say.russian_phone, f.pattern(r"\+7\(\d{3}\)\d{7}", "телефон вида +7(910)2206415")),
    ),
    "date": _two((say.iso_date, f.ISO_DATE), (say.russian_date, f.RU_DATE), "2026-02-31"),
    "time": _two((say.iso_time, f.ISO_TIME), (say.russian_time, f.RU_TIME), "2026-02-31T10:00:00+03:00"),
    "integer": _two((_same, f.INTEGER), (str, f.pattern(r"-?\d+", "целое число цифрами")), "много"),
    "number": _two((_same, f.NUMBER), (say.russian_decimal, f.COMMA_NUMBER), "много"),
    "flag": _two((_same, f.FLAG), (say.yes_no, f.codes("Да", "Нет")), "возможно"),
}
"""`code` is made from its list, see `code`."""


def code(words: Mapping[str, Mapping[str, str]]) -> Type:
    """A closed list: neutral code -> the word of each system."""
    said = {system: {neutral: row[system] for neutral, row in words.items()} for system in ("emias", "gosuslugi")}
    return Type(
        {system: table.__getitem__ for system, table in said.items()},
        {system: f.codes(*table.values()) for system, table in said.items()},
        "НЕИЗВЕСТНО",
    )
