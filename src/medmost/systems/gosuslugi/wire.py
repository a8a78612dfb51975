"""How the exchange writes: names, Moscow times, refusals (contracts §2; codes: facts/gosuslugi.md §1.7, §2.9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from medmost.systems.failures import Complaint
from medmost.systems.items import Names

MOSCOW = ZoneInfo("Europe/Moscow")

STALE_CODES = frozenset({"version_mismatch", "deleted"})
"""409 that say "not the version you wrote against": everything else with 409 is a rule of the system."""
OWN_403_CODES = frozenset(
    {
        "order_access",
        "push_denied",
        "access_denied_person_permissions",
        "access_denied_personal_data",
        "access_denied_user",
        "bad_delegation",
        "config_delegation",
    }
)
"""403 about one record or person; the others close the whole system to us."""


def moment(text: str) -> datetime:
    """A Moscow time to the second; ValueError where it is not one."""
    if len(text) != 19:
        raise ValueError("not a moment")
    day, month, year = int(text[:2]), int(text[3:5]), int(text[6:10])
    return datetime(year, month, day, int(text[11:13]), int(text[14:16]), int(text[17:19]), tzinfo=MOSCOW)


def moment_text(at: datetime) -> str:
    return at.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M:%S")


NAMES = Names(ref="id", version="редакция", stamp="изменено", origin="внешнийИд", deleted="удалено", moment=moment)


def complain(status: int, data: Any) -> Complaint:
    """`{"code","message"}`, both optional."""
    given = data if isinstance(data, dict) else {}
    code, reason = given.get("code"), given.get("message")
    code = str(code)[:100] if isinstance(code, str | int) else f"HTTP {status}"
    reason = reason[:500] if isinstance(reason, str) else ""
    if status == 409:
        return Complaint(code, reason, verdict="stale" if code in STALE_CODES else "refused")
    if status == 403:
        return Complaint(code, reason, verdict="refused" if code in OWN_403_CODES else "denied")
    if status == 204:
        return Complaint("not_found", "Записи нет в системе", verdict="refused")
    return Complaint(code, reason)
