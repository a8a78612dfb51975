"""The stand's own clock: Moscow time, shiftable, and stamps that never repeat."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

MOSCOW = timezone(timedelta(hours=3), "MSK")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The time one system believes it is: the machine's plus a shift in seconds (`POST /stand/clock`)."""

    def __init__(self) -> None:
        self.shift = 0.0
        self._last = 0

    def seconds(self) -> float:
        """Seconds since 1970 in UTC, as this system sees them."""
        return time.time() + self.shift

    def now(self) -> datetime:
        """The moment, aware, in Moscow time."""
        return datetime.fromtimestamp(self.seconds(), MOSCOW)

    def stamp(self) -> int:
        """Microseconds since 1970, a new one at each call, so that no two changes share a stamp.

        A clock that was set back gives older stamps again: that is what a wrong clock does.
        """
        now = int(self.seconds() * 1_000_000)
        if self._last - 60_000_000 < now <= self._last:
            now = self._last + 1
        self._last = now
        return now


def moment(stamp: int) -> datetime:
    """Moscow time of a stamp in microseconds, exact."""
    return (_EPOCH + timedelta(microseconds=stamp)).astimezone(MOSCOW)


def stamp_of(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (at - _EPOCH) // timedelta(microseconds=1)
