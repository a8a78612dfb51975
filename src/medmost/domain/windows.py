"""Maintenance windows: when a system is known to be away, in Moscow time (F30). Pure.

daily 02:00-04:00        sun 01:00-05:30        sat 23:00-03:00   (until three on Sunday)
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

MOSCOW = ZoneInfo("Europe/Moscow")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
_FORM = re.compile(r"(daily|mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class Window(msgspec.Struct, frozen=True):
    """From a minute of a day on, so many minutes; `day` is a weekday from Monday on, None for every day."""

    day: int | None
    start: int
    length: int

    def holds(self, at: float) -> bool:
        """Is the moment (UTC seconds) inside?"""
        local = datetime.fromtimestamp(at, MOSCOW)
        return any(self._began(local, local - timedelta(days=back), back) for back in (0, 1))

    def _began(self, now: datetime, day: datetime, back: int) -> bool:
        if self.day is not None and day.weekday() != self.day:
            return False
        minute = back * DAY + now.hour * 60 + now.minute
        return self.start <= minute < self.start + self.length


def parse(text: str) -> Window | None:
    """A window as it is written in the settings; None where it is none. It may end on the next day."""
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        return None
    day, start = found[1], int(found[2]) * 60 + int(found[3])
    end = int(found[4]) * 60 + int(found[5])
    if end > DAY or start == end:
        return None
    return Window(None if day == "daily" else DAYS.index(day), start, (end - start) % DAY or DAY)
