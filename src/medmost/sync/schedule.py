"""When each kind of each system is read next: every 5 to 15 minutes by how the system fares (reliability §5.3).

Overload (429, 5xx, answers that come late) makes the interval half as long again, a clean pass shortens it by a tenth
of the range. An outage changes nothing: the watch tells of its end, and everything is read then.
"""

from __future__ import annotations

import msgspec

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.pacing import next_interval, next_start
from medmost.domain.record import BOTH, Side
from medmost.sync.house import House

AGAIN_SECONDS = 5.0
"""A page that was not what it should be is asked for again soon: mostly the next one is right."""
OVERLOAD = ("MM-SYS-LIMIT", "MM-SYS-DOWN", "MM-SYS-BUSY")
PASSING = ("MM-SYS-PAGE", "MM-SYS-TOKEN", "MM-SYS-CREDENTIALS", "MM-SYS-DENIED")


class Pace(msgspec.Struct, frozen=True):
    """Seconds between two polls of a kind: adaptive between the two, fixed where they are equal."""

    least: float = 300.0
    most: float = 900.0


class Schedule:
    """Per system and kind: how often, and when next (UTC seconds)."""

    def __init__(self, house: House, pace: Pace) -> None:
        self.house, self.pace = house, pace
        self.next_poll: dict[tuple[Side, str], float] = {}
        self._pauses: dict[tuple[Side, str], float] = {}
        self.intervals: dict[tuple[Side, str], float] = {}

    def begin(self) -> None:
        """Everything at once, and each at the shortest interval."""
        now = self.house.clock.now()
        for side in BOTH:
            for kind in self.house.mappings:
                self.next_poll[side, kind] = now

    def due(self, side: Side) -> list[str]:
        return [kind for kind in self.house.mappings if self._is_due(side, kind)]

    def _is_due(self, side: Side, kind: str) -> bool:
        """A wait longer than the one we gave ourselves means that our clock was set back (I21): it is over."""
        wait = self.next_poll[side, kind] - self.house.clock.now()
        return wait <= 0 or wait > self._pauses.get((side, kind), 0.0) + 1.0

    def wait(self, side: Side) -> float:
        """Seconds until the next kind is due."""
        return min(self.next_poll[side, kind] for kind in self.house.mappings) - self.house.clock.now()

    def after(self, side: Side, kind: str, error: MedmostError | None, overloaded: bool) -> None:
        """A pass has ended, well or with an error; `overloaded` is what the system's answers tell by themselves."""
        wish = error.retry_after if isinstance(error, Transient) and error.code in OVERLOAD else None
        strained = error.code in OVERLOAD if error is not None else overloaded
        interval = self.intervals.get((side, kind))
        if error is None or strained:
            begun = self.pace.least if interval is None and strained else interval
            interval = next_interval(begun, strained, self.pace.least, self.pace.most)
            self.intervals[side, kind] = interval
        pause = next_start(interval or self.pace.least, self.house.chance(), wish, self.pace.most)
        if error is not None and error.code in PASSING:
            pause = min(pause, AGAIN_SECONDS)
        self._wait(side, kind, pause)

    def _wait(self, side: Side, kind: str, pause: float) -> None:
        self._pauses[side, kind] = pause
        self.next_poll[side, kind] = self.house.clock.now() + pause

    def postpone(self, side: Side, kind: str) -> None:
        """Not read now, and not to be asked about at once again."""
        self._wait(side, kind, self.pace.least)

    def hurry(self, side: Side, kinds: list[str] | None = None) -> None:
        for kind in kinds or list(self.house.mappings):
            self.next_poll[side, kind] = 0.0

    def clock_set_back(self, seconds: float) -> None:
        """Waits are written in wall time: a clock set back must not prolong them (I21)."""
        for place in self.next_poll:
            self.next_poll[place] -= seconds
