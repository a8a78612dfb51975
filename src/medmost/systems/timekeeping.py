"""What a system's own clock says: how far it is from ours, and whether it was set back since the last pass.

Cursors are moments of the system's clock. Where that clock is set back further than the overlap, changes made after
the step carry stamps before the cursor and the next pass would never ask for them. The step shows against our
monotonic clock, and the pass reaches back by as much.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from medmost.systems.clock import Clock

TOLERANCE = 5.0
"""Seconds of difference that rounding and slow answers explain."""


class Timekeeper:
    """One system's clock as its answers show it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passes: dict[str, tuple[datetime, float]] = {}
        self.skew_seconds: float | None = None  # theirs minus ours; for people and for owner `latest`

    def heard(self, theirs: datetime) -> None:
        self.skew_seconds = round((theirs - self._clock.now()).total_seconds(), 1)

    def set_back(self, kind: str, theirs: datetime) -> timedelta:
        """By how much the system's clock was set back since the last finished pass of this kind."""
        if kind not in self._passes:
            return timedelta(0)
        then, at = self._passes[kind]
        lost = (self._clock.monotonic() - at) - (theirs - then).total_seconds()
        return timedelta(seconds=lost + TOLERANCE) if lost > TOLERANCE else timedelta(0)

    def finished(self, kind: str, started: datetime, started_at: float) -> None:
        """A pass that began at `started` by their clock and `started_at` by our monotonic one is complete."""
        self._passes[kind] = (started, started_at)
