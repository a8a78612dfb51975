"""What a value on the wire must look like, and the form in which two spellings of it are equal.

The stand's own reading of the two dialects; nothing here is shared with medmost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, datetime

from medmost_stand.clock import MOSCOW

_RU_DATE = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})")
_RU_TIME = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d)(?::(\d\d))?")


@dataclass(frozen=True, slots=True)
class Format:
    """`expected` says in Russian what is asked for; `normal` gives the comparable form or raises ValueError."""

    expected: str
    normal: Callable[[object], Hashable]


def pattern(regex: str, expected: str) -> Format:
    """A string that fits the whole of a regular expression."""
    compiled = re.compile(regex)

    def normal(value: object) -> Hashable:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(expected)
        return value

    return Format(expected, normal)


def codes(*allowed: str) -> Format:
    """One of a closed list; a number is taken by its digits."""
    expected = "одно из значений: " + ", ".join(allowed)
    known = frozenset(allowed)

    def normal(value: object) -> Hashable:
        if isinstance(value, bool) or str(value) not in known:
            raise ValueError(expected)
        return str(value)

    return Format(expected, normal)


def _text(value: object) -> Hashable:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text")
    return value


def _identifier(value: object) -> Hashable:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError("identifier")
    return str(value)


def _iso_date(value: object) -> Hashable:
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("date")
    return date.fromisoformat(value)


def _iso_time(value: object) -> Hashable:
    if not isinstance(value, str) or "T" not in value:
        raise ValueError("time")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("zone")
    return int(at.timestamp())


def _iso_either(value: object) -> Hashable:
    return _iso_date(value) if isinstance(value, str) and "T" not in value else _iso_time(value)


def _ru_date(value: object) -> Hashable:
    found = _RU_DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("date")
    day, month, year = map(int, found.groups())
    return date(year, month, day)


def _ru_time(value: object) -> Hashable:
    found = _RU_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("time")
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
    return int(datetime(year, month, day, hour, minute, second, tzinfo=MOSCOW).timestamp())


def _ru_either(value: object) -> Hashable:
    return _ru_date(value) if isinstance(value, str) and len(value) == 10 else _ru_time(value)


def _number(value: object) -> Hashable:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("number")
    return value


def _integer(value: object) -> Hashable:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("integer")
    return value


def _comma_number(value: object) -> Hashable:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+(,\d+)?", value):
        raise ValueError("number")
    return float(value.replace(",", "."))


def _flag(value: object) -> Hashable:
    if not isinstance(value, bool):
        raise ValueError("flag")
    return value


def _items(value: object) -> Hashable:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("list")
    return len(value)


TEXT = Format("непустая строка", _text)
IDENTIFIER = Format("идентификатор: строка или целое число", _identifier)
ISO_DATE = Format("дата ГГГГ-ММ-ДД", _iso_date)
ISO_TIME = Format("время с часовым поясом, например 2026-11-23T10:00:00+03:00", _iso_time)
ISO_DATE_OR_TIME = Format("дата или время с часовым поясом", _iso_either)
RU_DATE = Format("дата ДД.ММ.ГГГГ", _ru_date)
RU_TIME = Format("московское время ДД.ММ.ГГГГ ЧЧ:ММ", _ru_time)
RU_DATE_OR_TIME = Format("дата ДД.ММ.ГГГГ, можно со временем ЧЧ:ММ", _ru_either)
NUMBER = Format("число", _number)
INTEGER = Format("целое число", _integer)
COMMA_NUMBER = Format("число строкой, дробная часть через запятую", _comma_number)
FLAG = Format("true или false", _flag)
ITEMS = Format("список объектов", _items)
POLICY = pattern(r"\d{16}", "номер полиса из 16 цифр")
OID = pattern(r"\d+(\.\d+)+", "OID: числа через точку")
EMAIL = pattern(r"[^@\s]+@[^@\s]+\.[^@\s]+", "адрес электронной почты")
INN = pattern(r"\d{10}|\d{12}", "ИНН из 10 или 12 цифр")
OGRN = pattern(r"\d{13}|\d{15}", "ОГРН из 13 или 15 цифр")
KPP = pattern(r"\d{4}[0-9A-Z]{2}\d{3}", "КПП из 9 знаков")
