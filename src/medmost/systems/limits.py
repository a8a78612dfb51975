"""Whether and when a call may leave: breaker, calls per minute, calls on the wire, the system's own "later"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from medmost.domain.pacing import Breaker, BreakerRules, BreakerState, CallWindow
from medmost.domain.record import Side
from medmost.systems.clock import Clock
from medmost.systems.failures import crowded, limited, paused

Operation = Literal["read", "write", "auth", "orders"]
"""Classes of calls that fail on their own: a dead token service must not close reading, nor a slow write service it."""

OPERATIONS: tuple[Operation, ...] = ("read", "write", "auth", "orders")


class Gate:
    """All limits of one system. `per_operation` adds a limit per minute to one class of calls."""

    def __init__(
        self,
        side: Side,
        clock: Clock,
        *,
        per_minute: int,
        in_flight: int,
        per_operation: Mapping[Operation, int] | None = None,
        rules: BreakerRules | None = None,
    ) -> None:
        self._side = side
        self._clock = clock
        self._breakers = {operation: Breaker(rules) for operation in OPERATIONS}
        self._calls = CallWindow(per_minute)
        self._windows = {name: CallWindow(limit) for name, limit in (per_operation or {}).items()}
        self._slots = asyncio.Semaphore(in_flight)
        self._later: dict[Operation, float] = {}

    @asynccontextmanager
    async def passing(self, operation: Operation, until: float) -> AsyncIterator[Breaker]:
        """Room for one call before the monotonic moment `until`; raises a Transient that did not arrive without it.

        The caller records the call's end at the breaker it gets.
        """
        now = self._clock.monotonic()
        if (wait := self._later.get(operation, now) - now) > 0:
            raise limited(self._side, wait)
        breaker = self._breakers[operation]
        if not breaker.allow(now):
            raise paused(self._side, breaker.pause_left(now))
        ended = False
        try:
            async with self._slot(until):
                await self._turn(operation, until)
                ended = True
                yield breaker
        finally:
            if not ended:
                breaker.forget()

    def recovered(self) -> None:
        """One class of calls came back after its breaker had opened: the others need not sit their pauses out."""
        now = self._clock.monotonic()
        for breaker in self._breakers.values():
            breaker.reconsider(now)

    def put_off(self, operation: Operation, seconds: float) -> None:
        """The system said 429: this class of calls waits, so that each of them need not hear it."""
        self._later[operation] = self._clock.monotonic() + seconds

    def calls_per_minute(self) -> int:
        return self._calls.calls(self._clock.monotonic())

    def state(self) -> BreakerState:
        """The worst state among the breakers."""
        now = self._clock.monotonic()
        states = {breaker.state(now) for breaker in self._breakers.values()}
        return "open" if "open" in states else "half-open" if "half-open" in states else "closed"

    @asynccontextmanager
    async def _slot(self, until: float) -> AsyncIterator[None]:
        if self._slots.locked():  # a timer for each call that need not wait costs a tenth of the call
            try:
                async with asyncio.timeout(max(until - self._clock.monotonic(), 0.0)):
                    await self._slots.acquire()
            except TimeoutError:
                raise crowded(self._side) from None
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    async def _turn(self, operation: Operation, until: float) -> None:
        windows = [self._calls, *([self._windows[operation]] if operation in self._windows else [])]
        while True:
            now = self._clock.monotonic()
            wait = max(window.wait(now) for window in windows)
            if wait <= 0:
                break
            if now + wait >= until:
                raise crowded(self._side)
            await self._clock.sleep(wait)
        for window in windows:
            window.take(now)
