"""How fast, how often and whether at all to call a system: arithmetic only.

Nothing here looks at a clock or draws a number: `now` is any clock in seconds that never runs backwards, `draw`
a uniform number in [0, 1). Rules: fact sheet *reliability* §5.2 (retries, breaker), §5.3 (polling).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Full jitter: wait anything between nothing and a window that doubles with each failure (seconds)."""

    base: float = 30.0
    cap: float = 3600.0

    def window(self, tries: int) -> float:
        """The longest wait after `tries` failures in a row (1 = the first)."""
        doublings = min(max(tries - 1, 0), 40)  # 2**40 bases are beyond any cap: no huge powers
        return min(self.cap, self.base * 2.0**doublings)

    def wait(self, tries: int, draw: float, retry_after: float | None = None) -> float:
        """Seconds to wait. The system's own wish is a floor, zero included: jitter only adds to it."""
        if retry_after is None:
            return draw * self.window(tries)
        return max(retry_after, 0.0) + draw * min(self.base, max(retry_after, 1.0))


OUTAGE = Backoff(base=1.0, cap=20.0)
"""For what an unreachable system holds up: with the breaker's longest pause all of it is level within a minute."""


BreakerState = Literal["closed", "open", "half-open"]


class BreakerRules(msgspec.Struct, frozen=True, kw_only=True):
    """When a breaker opens and for how long (seconds)."""

    share: float = 0.5  # of failures among the calls of the window …
    least: int = 20  # … once there are that many
    window: int = 60
    in_a_row: int = 10
    first_pause: float = 5.0
    longest_pause: float = 30.0
    probe_patience: float = 60.0  # a probe nobody heard of again is given up


class Breaker:
    """Pauses calls to a system that fails; never drops work.

    Failures are transport errors and 5xx only. Half-open lets one call through; its end closes or reopens the
    breaker. The caller tells each allowed call's end by `record`, or `forget` where it was cancelled.
    """

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self.rules = rules or BreakerRules()
        self._open_until: float | None = None
        self._pause = self.rules.first_pause
        self._probe_since: float | None = None
        self._streak = 0
        self._seconds: dict[int, list[int]] = {}  # second -> [calls, failures]

    def state(self, now: float) -> BreakerState:
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half-open"

    def allow(self, now: float) -> bool:
        """Whether a call may start; in half-open the one that asks first is the probe."""
        state = self.state(now)
        if state == "closed":
            return True
        if state == "open" or self._probe_running(now):
            return False
        self._probe_since = now
        return True

    def pause_left(self, now: float) -> float:
        """Seconds until the next call has a chance."""
        if self._open_until is None:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        return 1.0 if self._probe_running(now) else 0.0

    def record(self, ok: bool, now: float) -> None:
        """The end of a call that was allowed."""
        if self._open_until is not None:
            # ends of calls that began before it opened say nothing new, unless they are good news
            if ok:
                self._close()
            elif self._probe_since is not None:
                self._pause = min(self._pause * 2, self.rules.longest_pause)
                self._open(now)
            return
        self._streak = 0 if ok else self._streak + 1
        calls, failures = self._count(ok, now)
        crowded = calls >= self.rules.least and failures >= self.rules.share * calls
        if not ok and (self._streak >= self.rules.in_a_row or crowded):
            self._open(now)

    def reconsider(self, now: float) -> None:
        """Something else of the same system recovered: an open breaker may send its probe at once."""
        if self._open_until is not None:
            self._open_until = min(self._open_until, now)

    def forget(self) -> None:
        """A call was cancelled: it neither failed nor succeeded, and a probe makes room for another."""
        self._probe_since = None

    def _probe_running(self, now: float) -> bool:
        return self._probe_since is not None and now - self._probe_since < self.rules.probe_patience

    def _open(self, now: float) -> None:
        self._open_until = now + self._pause
        self._probe_since = None
        self._streak = 0
        self._seconds.clear()

    def _close(self) -> None:
        self._open_until = None
        self._probe_since = None
        self._pause = self.rules.first_pause
        self._streak = 0
        self._seconds.clear()

    def _count(self, ok: bool, now: float) -> tuple[int, int]:
        second = int(now)
        for old in [known for known in self._seconds if known <= second - self.rules.window]:
            del self._seconds[old]
        bucket = self._seconds.setdefault(second, [0, 0])
        bucket[0] += 1
        bucket[1] += not ok
        return sum(b[0] for b in self._seconds.values()), sum(b[1] for b in self._seconds.values())


class CallWindow:
    """Calls of the last minute, counted per second; keeps below a limit per minute, calendar minutes included.

    A token bucket may let a reserve plus a refill through one calendar minute; counting 60 whole seconds and the
    running one cannot.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._seconds: dict[int, int] = {}
        self._total = 0

    def wait(self, now: float) -> float:
        """Seconds until one more call fits (0: now)."""
        self._drop(now)
        if self.limit is None or self._total < self.limit:
            return 0.0
        return max(min(self._seconds) + 61 - now, 0.001)

    def take(self, now: float) -> None:
        self._drop(now)
        self._seconds[int(now)] = self._seconds.get(int(now), 0) + 1
        self._total += 1

    def calls(self, now: float) -> int:
        """How many calls the last minute saw."""
        self._drop(now)
        return self._total

    def _drop(self, now: float) -> None:
        edge = int(now) - 61
        while self._seconds and (oldest := next(iter(self._seconds))) <= edge:
            self._total -= self._seconds.pop(oldest)


def next_interval(current: float | None, overloaded: bool, least: float, most: float) -> float:
    """The poll interval after a pass, in seconds: half as long again under overload, a tenth of the range shorter else.

    With the default 300–900 s: 300 → 450 → 675 → 900 in three signals, back in ten clean passes.
    """
    if current is None:
        return least
    wished = current * 1.5 if overloaded else current - (most - least) / 10
    return min(most, max(least, wished))


def next_start(interval: float, draw: float, retry_after: float | None = None, most: float = math.inf) -> float:
    """Seconds until the next pass: up to a tenth later than the interval so that passes spread, yet within `most`.

    Never before the system's own wish, however long it is.
    """
    spread = 1 + 0.1 * draw
    return max(min(interval * spread, most), (retry_after or 0.0) * spread)
