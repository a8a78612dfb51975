"""What an answer means for what happens next: every way a call can fail, as one of the four errors of recovery.

Sentences name the system and, where it helps, the status; never what was sent. A refusal carries the system's own
words in `said` and `reason`, because an operator needs them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

from medmost.domain.errors import Fatal, MedmostError, Refused, Stale, Transient
from medmost.domain.record import Side

LONGEST_WISH = 3600.0
"""Seconds."""
NAMES_RU = {Side.GOSUSLUGI: "Госуслуги", Side.EMIAS: "ЕМИАС"}
NAMES_EN = {Side.GOSUSLUGI: "Gosuslugi", Side.EMIAS: "EMIAS"}


class Complaint(msgspec.Struct, frozen=True):
    """What a system says of a request it did not take."""

    code: str
    reason: str
    field: str | None = None
    verdict: Literal["stale", "refused", "denied"] | None = None
    """How the dialect reads its own code, where the status alone does not say: `denied` closes the whole system."""


def failure(side: Side, status: int, complaint: Complaint, retry_after: float | None) -> MedmostError:
    """The error for a status that was not expected. Documented statuses: facts/gosuslugi.md §2.9, contracts §2."""
    ru, en = NAMES_RU[side], NAMES_EN[side]
    if status == 401:
        return Transient("MM-SYS-TOKEN", f"{ru}: новый токен не принят", f"{en} rejects a fresh token", arrived=False)
    if status == 429:
        return limited(side, retry_after)
    if status in (408, 425) or status >= 500:
        return Transient(
            "MM-SYS-DOWN",
            f"{ru}: ошибка на стороне системы (код {status})",
            f"{en} failed with status {status}",
            retry_after=retry_after,
        )
    if status < 400:
        return page_error(side, f"status {status} was not expected", f"неожиданный код ответа {status}")
    if complaint.verdict == "stale" or (status in (410, 412) and complaint.verdict is None):
        return Stale("MM-SYS-STALE", f"{ru}: запись уже изменилась", f"{en}: the record has moved on")
    if complaint.verdict == "denied" or (status == 403 and complaint.verdict is None):
        return Fatal(
            "MM-SYS-DENIED",
            f"{ru}: доступ закрыт ({complaint.code}): {complaint.reason}",
            f"{en} denies access ({complaint.code}): {complaint.reason}",
        )
    return refused(side, complaint)


def refused(side: Side, complaint: Complaint) -> Refused:
    return Refused(
        "MM-SYS-REFUSED",
        f"{NAMES_RU[side]}: отказ ({complaint.code})",
        f"{NAMES_EN[side]} refused ({complaint.code})",
        said=complaint.code,
        reason=complaint.reason,
        field=complaint.field,
    )


def unreachable(side: Side, cause: str) -> Transient:
    """No connection was made: the request cannot have had an effect."""
    return Transient(
        "MM-SYS-UNREACHABLE",
        f"{NAMES_RU[side]}: нет соединения",
        f"{NAMES_EN[side]} cannot be reached ({cause})",
        arrived=False,
    )


def lost(side: Side, cause: str) -> Transient:
    """The request left and no whole answer came: it may have had its effect."""
    return Transient(
        "MM-SYS-LOST",
        f"{NAMES_RU[side]}: ответ не получен",
        f"{NAMES_EN[side]} gave no whole answer ({cause})",
    )


def paused(side: Side, seconds: float) -> Transient:
    return Transient(
        "MM-SYS-BREAKER",
        f"{NAMES_RU[side]}: вызовы приостановлены после сбоев",
        f"calls to {NAMES_EN[side]} are paused after failures",
        retry_after=seconds,
        arrived=False,
    )


def crowded(side: Side) -> Transient:
    """Our own limits left no room before the deadline; nothing was sent."""
    return Transient(
        "MM-SYS-BUSY",
        f"{NAMES_RU[side]}: исчерпан лимит вызовов",
        f"the limit of calls to {NAMES_EN[side]} is used up",
        arrived=False,
    )


def limited(side: Side, retry_after: float | None) -> Transient:
    return Transient(
        "MM-SYS-LIMIT",
        f"{NAMES_RU[side]}: слишком много вызовов",
        f"{NAMES_EN[side]} says too many calls",
        retry_after=retry_after,
        arrived=False,
    )


def page_error(side: Side, en: str, ru: str = "неожиданный вид ответа") -> Transient:
    """An answer that is not what it should be. Says what kind of thing is wrong, never a value."""
    return Transient("MM-SYS-PAGE", f"{NAMES_RU[side]}: {ru}", f"{NAMES_EN[side]}: {en}")


def elsewhere(side: Side, shown: str, expected: str) -> Fatal:
    return Fatal(
        "MM-SYS-ENVIRONMENT",
        f"{NAMES_RU[side]}: система называет себя «{shown}», а в настройках «{expected}»: проверьте base_url",
        f"{NAMES_EN[side]} calls itself `{shown}`, the settings say `{expected}`: check base_url",
    )


def credentials_refused(side: Side, complaint: Complaint) -> Fatal:
    return Fatal(
        "MM-SYS-CREDENTIALS",
        f"{NAMES_RU[side]}: учётные данные не приняты ({complaint.code})",
        f"{NAMES_EN[side]} does not accept our credentials ({complaint.code})",
    )


def retry_after(value: str | None, now: datetime, date: str | None = None) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date (RFC 9110 §10.2.3); None where it is neither.

    A date is measured from the answer's own `date` where it has one: a wrong clock of ours prolongs nothing (I21).
    A wish beyond an hour is taken as an hour: one call an hour is no load, and a mistaken year is no year of silence.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WISH)
    moment = _http_date(text)
    if moment is None:
        return None
    from_then = (moment - (_http_date(date) or now)).total_seconds()
    return min(max(from_then, 0.0), LONGEST_WISH)


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
