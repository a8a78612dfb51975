"""Dates and Moscow times: wire text to canonical text and back, by slices, because each record holds several.

Canonical date: ``YYYY-MM-DD``. Canonical time: Moscow wall clock to the minute with the offset Moscow had then,
``YYYY-MM-DDTHH:MM:00+03:00`` (+04:00 from 2011 to 2014); an instant keeps its seconds. A time without zone is Moscow's
(facts/emias.md §3.7). Of an hour that the clock showed twice the first one counts: Gosuslugi cannot tell them apart.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from medmost.mapping.unfit import Unfit

MOSCOW = ZoneInfo("Europe/Moscow")
MSK = timezone(timedelta(hours=3))
SETTLED_YEAR = 2015
"""From this year on Moscow is at +03:00 all year (since 26.10.2014); earlier times ask the zone's history."""
FIRST_YEAR = 1930
"""Before it Moscow's offset had odd minutes; no record of ours is that old."""

_DATE_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_TIME_RU = re.compile(r"\d\d\.\d\d\.\d{4} \d\d:\d\d(:\d\d)?", re.ASCII)


def read_date_iso(found: Any) -> str | None:
    clean = _text(found, "YYYY-MM-DD")
    if clean is None:
        return None
    if len(clean) == 19 and clean.endswith("T00:00:00"):
        clean = clean[:10]
    if len(clean) != 10 or clean[4] != "-" or clean[7] != "-":
        raise Unfit("format", "YYYY-MM-DD")
    return _real_date(clean, "YYYY-MM-DD")


def read_date_ru(found: Any) -> str | None:
    clean = _text(found, "DD.MM.YYYY")
    if clean is None:
        return None
    if len(clean) != 10 or clean[2] != "." or clean[5] != ".":
        raise Unfit("format", "DD.MM.YYYY")
    return _real_date(f"{clean[6:]}-{clean[3:5]}-{clean[:2]}", "DD.MM.YYYY")


def write_date_ru(value: str) -> str:
    return f"{value[8:10]}.{value[5:7]}.{value[:4]}"


def read_time_iso(found: Any) -> str | None:
    """To the minute: 2026-11-23T10:00:00+03:00, …+0300, …Z, naive is Moscow."""
    return _read_iso(found, 16)


def read_instant_iso(found: Any) -> str | None:
    """The same with seconds."""
    return _read_iso(found, 19)


def read_time_ru(found: Any) -> str | None:
    clean = _text(found, "DD.MM.YYYY HH:MM")
    if clean is None:
        return None
    if len(clean) == 16 and clean[2] == clean[5] == "." and clean[10] == " " and clean[13] == ":":
        iso = f"{clean[6:10]}-{clean[3:5]}-{clean[:2]}T{clean[11:]}:00"
        if _settled(iso):
            return iso + "+03:00"
    if not _TIME_RU.fullmatch(clean):
        raise Unfit("format", "DD.MM.YYYY HH:MM")
    return _canonical(f"{clean[6:10]}-{clean[3:5]}-{clean[:2]}T{clean[11:]}", 16)


def write_time_ru(value: str) -> str:
    return f"{value[8:10]}.{value[5:7]}.{value[:4]} {value[11:16]}"


def read_moment_iso(found: Any) -> str | None:
    """A date where no time is known, else a time to the minute."""
    return read_date_iso(found) if found.__class__ is str and len(found) == 10 else read_time_iso(found)


def read_moment_ru(found: Any) -> str | None:
    return read_date_ru(found) if found.__class__ is str and len(found) == 10 else read_time_ru(found)


def write_moment_ru(value: str) -> str:
    return write_date_ru(value) if len(value) == 10 else write_time_ru(value)


def write_instant_epgu(value: str) -> str:
    """As the order API shows times: 2023-12-13T14:23:02.000+0300 (facts/gosuslugi.md §2.4)."""
    return f"{value[:19]}.000{value[19:22]}{value[23:]}"


def _read_iso(found: Any, keep: int) -> str | None:
    clean = _text(found, "YYYY-MM-DDTHH:MM:SS+03:00")
    if clean is None:
        return None
    if len(clean) == 25 and clean[19:] == "+03:00" and clean[10:17:3] == "T::" and clean[4] == clean[7] == "-":
        iso = clean[:keep]
        if _settled(clean[:19]):
            return (iso if keep > 16 else iso + ":00") + "+03:00"
    if not _TIME_ISO.fullmatch(clean):
        raise Unfit("format", "YYYY-MM-DDTHH:MM:SS+03:00")
    return _canonical(clean, keep)


def _settled(iso: str) -> bool:
    """Is this a time of the calendar since Moscow stays at +03:00? The quick way for nearly all times there are."""
    try:
        return datetime.fromisoformat(iso).year >= SETTLED_YEAR  # Moscow wall time by definition
    except ValueError:
        return False


def _text(found: Any, allowed: str) -> str | None:
    if found.__class__ is str:
        return found.strip() or None
    if found is None:
        return None
    raise Unfit("type", allowed)


def _real_date(iso: str, allowed: str) -> str:
    try:
        date.fromisoformat(iso)
    except ValueError:
        if _DATE_ISO.fullmatch(iso):
            raise Unfit("range", "a date of the calendar") from None
        raise Unfit("format", allowed) from None
    if iso < "1800":
        raise Unfit("range", "a date since 1800")
    return iso


def _canonical(iso: str, keep: int) -> str:
    try:
        moment = datetime.fromisoformat(iso)
        offset = moment.utcoffset()
        if moment.year >= SETTLED_YEAR and (offset is None or offset == MSK.utcoffset(None)):
            seconds = iso[16:keep] if len(iso) > 16 and iso[16] == ":" else ":00"[: keep - 16]
            return f"{iso[:10]}T{iso[11:16]}{seconds or ':00'}+03:00"
        return _through_history(moment, keep)
    except (ValueError, OverflowError):
        raise Unfit("range", "a time of the calendar") from None


def _through_history(moment: datetime, keep: int) -> str:
    if not FIRST_YEAR <= moment.year < 9999:
        raise Unfit("range", f"a time since {FIRST_YEAR}")
    if moment.tzinfo is None:  # a wall time that the clock skipped becomes the one that it showed
        moment = moment.replace(tzinfo=MOSCOW).astimezone(UTC)
    local = moment.astimezone(MOSCOW).replace(microsecond=0, fold=0)
    return (local if keep > 16 else local.replace(second=0)).isoformat()
