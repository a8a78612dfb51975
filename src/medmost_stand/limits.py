"""The limit of calls a minute (calendar minutes, facts/gosuslugi.md §2.9)."""

from __future__ import annotations

import math

from medmost_stand.clock import Clock
from medmost_stand.refusal import Reason, Refusal


class CallLimit:
    """Counts the calls of the present minute over all clients."""

    def __init__(self, calls_a_minute: int, clock: Clock) -> None:
        self.calls_a_minute = calls_a_minute
        self._clock = clock
        self._minute = 0
        self._taken = 0

    def take(self) -> None:
        """Counts one call; Refusal TOO_MANY_CALLS with Retry-After in seconds once the limit is reached."""
        now = self._clock.seconds()
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        if self._taken >= self.calls_a_minute:
            wait = max(1, math.ceil((minute + 1) * 60 - now))
            text = f"Превышен предел {self.calls_a_minute} запросов в минуту, повторите через {wait} с"
            raise Refusal(Reason.TOO_MANY_CALLS, text, headers={"Retry-After": str(wait)})
        self._taken += 1
