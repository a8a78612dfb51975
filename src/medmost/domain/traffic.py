"""What the calls to one system tell, and how its limit is shared: arithmetic only.

As in `pacing`, `now` is any clock in seconds that never runs backwards. Rules: fact sheet *reliability* §5.2, §5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from medmost.domain.pacing import CallWindow

Purpose = Literal["sync", "retry", "audit", "interactive"]
SHARES: Mapping[Purpose, float] = {"sync": 0.65, "retry": 0.10, "audit": 0.15, "interactive": 0.10}


class SharedWindow:
    """A limit of calls per minute, split by what the calls are for (reliability §5.2): 60 are 39, 6, 9 and 6.

    What nobody asks for is not wasted: the exchange takes the share of an audit or of repeats that do not run, and an
    audit that of an exchange that stands still; repeats never take more than theirs. A person's share stays free.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._all = CallWindow(limit)
        self._each: dict[Purpose, CallWindow] = {purpose: CallWindow() for purpose in SHARES}

    def wait(self, purpose: Purpose, now: float) -> float:
        """Seconds until one more call of this purpose fits (0: now)."""
        window = self._each[purpose]
        window.limit = self.room(purpose, now)
        return max(self._all.wait(now), window.wait(now))

    def take(self, purpose: Purpose, now: float) -> None:
        self._all.take(now)
        self._each[purpose].take(now)

    def calls(self, now: float, purpose: Purpose | None = None) -> int:
        return (self._all if purpose is None else self._each[purpose]).calls(now)

    def room(self, purpose: Purpose, now: float) -> int:
        """How many calls a minute this purpose may make beside what the others are doing."""
        if purpose == "interactive":
            return self._limit
        if purpose == "retry" or (purpose == "audit" and self._each["sync"].calls(now)):
            return self._own(purpose)
        busy = [other for other in SHARES if other == "interactive" or self._each[other].calls(now)]
        return max(self._limit - sum(self._own(other) for other in busy if other != purpose), self._own(purpose))

    def _own(self, purpose: Purpose) -> int:
        return max(1, int(self._limit * SHARES[purpose]))


class Traffic:
    """The last two minutes of calls to one system: how many failed, how many were repeats (one second apart).

    From it follow the retry budget (one repeat in ten calls while the system struggles) and the adaptive throttle.
    """

    HORIZON, RECENT = 120, 15  # seconds
    STRUGGLE, SHARE, RESERVE, K, LEAST = 0.1, 0.1, 10, 2.0, 20

    def __init__(self) -> None:
        self._seconds: dict[int, list[int]] = {}  # second -> [calls, failures, repeats]
        self._sums = [0, 0, 0]
        self.held_back = 0  # repeats that the budget did not let go, since the start

    def note(self, now: float, ok: bool, repeat: bool) -> None:
        """The end of a call that was sent. A failure is no answer, 5xx or 429."""
        self._drop(now)
        bucket = self._seconds.setdefault(int(now), [0, 0, 0])
        for place, more in enumerate((1, not ok, repeat)):
            bucket[place] += more
            self._sums[place] += more

    def forget(self) -> None:
        """The system is back: what it failed to do before says nothing of now."""
        self._seconds.clear()
        self._sums = [0, 0, 0]

    def may_repeat(self, now: float) -> bool:
        """Repeats follow freely while calls go well; in trouble they are a tenth of the last minute's calls."""
        self._drop(now)
        calls, failures, _ = self._since(int(now) - self.RECENT)
        if failures < self.STRUGGLE * max(calls, 1):
            return True
        calls, _, repeats = self._since(int(now) - 60)
        if repeats < max(self.RESERVE, self.SHARE * calls):
            return True
        self.held_back += 1
        return False

    def reject(self, now: float) -> float:
        """The share of calls not to be sent at all: max(0, (requests - K·accepts) / (requests + 1)) (SRE)."""
        self._drop(now)
        calls, failures, _ = self._sums
        if calls < self.LEAST:
            return 0.0
        return max(0.0, (calls - self.K * (calls - failures)) / (calls + 1))

    def lately(self, now: float) -> tuple[int, int, int]:
        """Calls, failures and repeats of the last minute."""
        self._drop(now)
        return self._since(int(now) - 60)

    def _since(self, second: int) -> tuple[int, int, int]:
        late = [bucket for at, bucket in self._seconds.items() if at > second]
        return sum(b[0] for b in late), sum(b[1] for b in late), sum(b[2] for b in late)

    def _drop(self, now: float) -> None:
        edge = int(now) - self.HORIZON
        while self._seconds and (oldest := next(iter(self._seconds))) <= edge:
            for place, number in enumerate(self._seconds.pop(oldest)):
                self._sums[place] -= number


class Latency:
    """How long calls take beside how long they take in quiet times: a sign of overload (reliability §5.3)."""

    BATCH, FACTOR, FLOOR = 20, 2.0, 0.25  # calls judged together; p95 against its baseline; seconds never slow

    def __init__(self) -> None:
        self.slow = False
        self._batch: list[float] = []
        self._baseline: float | None = None

    def note(self, seconds: float) -> None:
        """A call was answered. The baseline follows quiet times only, and slowly."""
        self._batch.append(seconds)
        if len(self._batch) < self.BATCH:
            return
        p95 = sorted(self._batch)[int(0.95 * len(self._batch)) - 1]
        self._batch.clear()
        baseline = p95 if self._baseline is None else self._baseline
        self.slow = p95 > max(self.FACTOR * baseline, self.FLOOR)
        self._baseline = baseline if self.slow else baseline + 0.1 * (p95 - baseline)
