"""Names of systems and kinds, and times, as people read them. Shared by notices and the console."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal
from zoneinfo import ZoneInfo

Lang = Literal["ru", "en"]
Titles = Mapping[str, tuple[str, str]]
"""Kind -> its title in Russian and English."""
MOSCOW: Final = ZoneInfo("Europe/Moscow")
_SYSTEMS: Final = {"gosuslugi": ("Госуслуги", "Gosuslugi"), "emias": ("ЕМИАС", "EMIAS")}
_KINDS: Final = {
    "policy": ("Полисы", "Policies"),
    "organization": ("Организации", "Organizations"),
    "schedule": ("Расписания", "Schedules"),
    "slot": ("Талоны", "Slots"),
    "visit": ("Записи на приём", "Visits"),
    "result": ("Результаты исследований", "Results"),
    "vaccination": ("Прививки", "Vaccinations"),
    "request": ("Заявления", "Requests"),
}


def system_name(system: str, lang: Lang) -> str:
    return _SYSTEMS.get(system, (system, system))[lang == "en"]


def kind_name(kind: str, lang: Lang, titles: Titles = MappingProxyType({})) -> str:
    """A shipped kind in the plural; any other by `titles`, those of its own file."""
    return (_KINDS.get(kind) or titles.get(kind) or (kind, kind))[lang == "en"]


def moment(at: datetime, lang: Lang) -> str:
    """A time in Moscow, to the second."""
    local = at.astimezone(MOSCOW)
    return local.strftime("%d.%m.%Y %H:%M:%S МСК" if lang == "ru" else "%Y-%m-%d %H:%M:%S Moscow time")


def duration(seconds: float, lang: Lang) -> str:
    """The two largest units: `2 мин 4 с`, `3 ч 12 мин`, `5 дн 1 ч`."""
    units = ("дн", "ч", "мин", "с") if lang == "ru" else ("d", "h", "min", "s")
    left = max(0, round(seconds))
    parts = []
    for size, unit in zip((86400, 3600, 60, 1), units, strict=True):
        number, left = divmod(left, size)
        parts.append((number, unit))
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number or len(parts) == 1)


def parse(text: str | None) -> datetime | None:
    """An ISO time of a status; one without a zone is UTC."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
