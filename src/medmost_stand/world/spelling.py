"""How each system spells a value: Gosuslugi as a Russian form shows it, EMIAS as ISO and numbers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from medmost_stand.world.model import MOSCOW, Body

POLICY_TYPES = {
    "1": "Полис ОМС старого образца",
    "2": "Временное свидетельство",
    "3": "Полис ОМС единого образца",
}
POLICY_STATUSES = {"active": "Действует", "closed": "Погашен"}
SEXES = {"M": "Мужской", "F": "Женский"}
SLOT_STATUSES = {"free": "Свободно", "busy": "Занято", "closed": "Закрыто"}
VISIT_STATUSES = {
    "booked": "Записан",
    "arrived": "Прибыл",
    "fulfilled": "Завершён",
    "noshow": "Не явился",
    "cancelled": "Отменена",
    "rejected": "Отклонена",
}
BOOKED_BY = {"portal": "Пациент", "registry": "Регистратура", "doctor": "Врач"}
CATEGORIES = {"laboratory": ("LAB", "Лабораторное"), "diagnostic": ("DIAG", "Диагностическое")}
RESULT_STATUSES = {"final": "Готов", "preliminary": "Предварительный", "cancelled": "Отменён"}
FLAGS = {"none": ("N", "Нет"), "low": ("L", "Ниже"), "high": ("H", "Выше")}


def _moscow(value: datetime) -> datetime:
    return value if value.tzinfo is MOSCOW else value.astimezone(MOSCOW)


def present(body: Body) -> Body:
    """The body without absent optional values: neither system writes null."""
    return {name: value for name, value in body.items() if value is not None}


def russian_date(value: date | None) -> str | None:
    return f"{value.day:02}.{value.month:02}.{value.year:04}" if value else None


def russian_time(value: datetime | None) -> str | None:
    if not value:
        return None
    at = _moscow(value)
    return f"{at.day:02}.{at.month:02}.{at.year:04} {at.hour:02}:{at.minute:02}"


def iso_date(value: date | None) -> str | None:
    return value.isoformat() if value else None


def iso_time(value: datetime | None) -> str | None:
    """`2026-11-23T10:00:00+03:00`."""
    return _moscow(value).isoformat(timespec="seconds") if value else None


def order_time(value: datetime) -> str:
    """The order API's own form, `2023-12-13T14:23:02.000+0300` (facts/gosuslugi.md §2.4)."""
    return f"{_moscow(value).isoformat(timespec='milliseconds')[:-6]}+0300"


def russian_snils(value: str | None) -> str | None:
    """`112-233-445 95`."""
    return value and f"{value[:3]}-{value[3:6]}-{value[6:9]} {value[9:]}"


def russian_phone(value: str | None) -> str | None:
    """`+7(910)2206415`."""
    return value and f"+7({value[2:5]}){value[5:]}"


def domestic_phone(value: str) -> str:
    """The same number as people dictate it: `8 (910) 220-64-15`."""
    return f"8 ({value[2:5]}) {value[5:8]}-{value[8:10]}-{value[10:]}"


def russian_decimal(value: Decimal | float) -> str:
    return str(value).replace(".", ",")


def number(value: Decimal) -> int | float:
    """A JSON number: whole values without a fraction."""
    made = float(value)
    return int(made) if made.is_integer() else made


def yes_no(value: bool) -> str:
    return "Да" if value else "Нет"
