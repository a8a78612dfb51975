"""How EMIAS writes: names, ISO times, refusals (contracts §2; error object: facts/emias.md §1.7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from medmost.systems.failures import Complaint
from medmost.systems.items import Names

MOSCOW = ZoneInfo("Europe/Moscow")
OWN_403_CODES = frozenset({"SIM_ACCESS_DENIED"})
"""403 about one record; the others close the whole system to us."""


def moment(text: str) -> datetime:
    """An ISO time; one without a zone is Moscow time (facts/emias.md §3.7). ValueError where it is none."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=MOSCOW)


def moment_text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def earlier(text: str, by: timedelta) -> str:
    return moment_text(moment(text) - by)


NAMES = Names(ref="id", version="version", stamp="updatedAt", origin="originId", deleted="deletedAt", moment=moment)


def complain(status: int, data: Any) -> Complaint:
    """`{"error":{"code","description","type","origin","field"}}`, or OAuth's `{"error":"…"}`."""
    given = data.get("error") if isinstance(data, dict) else None
    if isinstance(given, str):
        given = {"code": given}
    elif not isinstance(given, dict):
        given = {}
    code, reason, field = given.get("code"), given.get("description"), given.get("field")
    code = str(code)[:100] if isinstance(code, str | int) else f"HTTP {status}"
    reason = reason[:500] if isinstance(reason, str) else ""
    field = field[:100] if isinstance(field, str) and field else None
    verdict = ("refused" if code in OWN_403_CODES else "denied") if status == 403 else None
    return Complaint(code, reason, field, verdict)  # type: ignore[arg-type]  # a conditional of two literals is a str
