"""Where the seeded values of an added collection come from: `make:` of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from medmost_stand.world.clinics import Desk
from medmost_stand.world.model import MOSCOW, Citizen


@dataclass(frozen=True, slots=True)
class Draw:
    """What one record is made of: whose it is, where it was made, its number in the collection."""

    rng: Random
    citizen: Citizen
    desk: Desk
    number: int
    today: date


Make = Callable[[Draw], Any]
_PLAIN: Mapping[str, Make] = {
    "patient": lambda draw: draw.citizen.policy_number,
    "clinic": lambda draw: draw.desk.schedule["organization_oid"],
    "doctor": lambda draw: draw.desk.schedule["doctor_snils"],
    "doctor_name": lambda draw: draw.desk.doctor_fio,
}
_WITH_VALUE = ("serial", "one_of", "number", "days_ago", "days_ahead", "constant")
NAMES = (*_PLAIN, *_WITH_VALUE)


def maker(given: Any, kind: str) -> tuple[Make, bool]:
    """The maker a file asks for and whether its values never repeat; ValueError says what is expected."""
    if isinstance(given, str) and given in _PLAIN:
        return _PLAIN[given], False
    if not isinstance(given, Mapping) or len(given) != 1 or (name := next(iter(given))) not in _WITH_VALUE:
        raise ValueError(f"нужно одно из: {', '.join(_PLAIN)}, или отображение с одним из: {', '.join(_WITH_VALUE)}")
    value = given[name]
    if name == "serial":
        return _serial(value), True
    if name == "one_of":
        return _one_of(value), False
    if name == "number":
        return _number(value, kind), False
    if name == "constant":
        return (lambda _: value), False
    return _days(value, kind, 1 if name == "days_ahead" else -1), False


def _serial(value: Any) -> Make:
    try:
        if not isinstance(value, str) or value.format(1) == value.format(2):
            raise ValueError(value)
    except (ValueError, IndexError, KeyError):
        raise ValueError("serial: нужна строка с местом для номера, например «77Р-{:07d}»") from None
    return lambda draw: value.format(draw.number)


def _one_of(value: Any) -> Make:
    if not isinstance(value, list) or not value:
        raise ValueError("one_of: нужен непустой список")
    return lambda draw: draw.rng.choice(value)


def _number(value: Any, kind: str) -> Make:
    bounds = [one for one in value if isinstance(one, int | float)] if isinstance(value, list) else []
    if len(bounds) != 2 or len(value) != 2 or bounds[0] > bounds[1]:
        raise ValueError("number: нужен список из двух чисел, от и до")
    low, high = bounds
    if kind == "integer":
        return lambda draw: draw.rng.randint(int(low), int(high))
    return lambda draw: round(draw.rng.uniform(low, high), 2)


def _days(value: Any, kind: str, sign: int) -> Make:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(day, int) and day >= 0 for day in value):
        raise ValueError("days_ago и days_ahead: нужен список из двух целых чисел, от и до, не меньше нуля")
    low, high = sorted(value)

    def day(draw: Draw) -> date | datetime:
        found = draw.today + sign * timedelta(days=draw.rng.randint(low, high))
        if kind == "date":
            return found
        return datetime.combine(found, time(draw.rng.randrange(8, 20), draw.rng.randrange(60)), MOSCOW)

    return day
