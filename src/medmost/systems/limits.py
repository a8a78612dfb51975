"""Whether and when a call may leave: breaker, calls per minute, calls on the wire, the system's own "later"."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Literal

from medmost.domain.pacing import (
    Breaker,
    BreakerRules,
    BreakerState,
    CallWindow,
)
from medmost.domain.record import Side
from medmost.domain.traffic import Latency, Purpose, SharedWindow, Traffic
from medmost.systems.clock import Clock
from medmost.systems.failures import crowded, limited, paused

Operation = Literal["read", "write", "auth", "orders"]
"""Classes of calls that fail on their own: a dead token service must not close reading, nor a slow write service it."""

PURPOSE: ContextVar[Purpose] = ContextVar("purpose", default="sync")
"""What the calls of this task are for; whoever starts them says so. One retry layer: only a delivery repeats."""
BARE_LIMIT_CAP = 60.0
"""Seconds: 429 without Retry-After doubles the pause up to this."""
OPERATIONS: tuple[Operation, ...] = ("read", "write", "auth", "orders")


@contextmanager
def calling_for(purpose: Purpose) -> Iterator[None]:
    """Calls of this task are for `purpose` until the block ends."""
    before = PURPOSE.get()
    PURPOSE.set(purpose)
    try:
        yield
    finally:
        PURPOSE.set(before)  # not by token: a task that is thrown away ends in whoever's context throws it away


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
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._side = side
        self._clock = clock
        self._breakers = {operation: Breaker(rules) for operation in OPERATIONS}
        self._calls = SharedWindow(per_minute)
        self._chance = chance
        self._bare: dict[Operation, float] = {}
        self.traffic, self.latency = Traffic(), Latency()
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
        if PURPOSE.get() == "retry" and not self.traffic.may_repeat(now):
            raise crowded(self._side)
        if not breaker.allow(now):
            raise paused(self._side, breaker.pause_left(now))
        if breaker.state(now) == "closed" and self._chance() < self.traffic.reject(now):
            breaker.forget()
            raise crowded(self._side)
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
        self.traffic.forget()
        for breaker in self._breakers.values():
            breaker.reconsider(now)

    def ended(self, operation: Operation, ok: bool, seconds: float | None) -> None:
        """A call that was sent has ended, well or not; `seconds` is None where no answer came."""
        self.traffic.note(self._clock.monotonic(), ok, PURPOSE.get() == "retry")
        if seconds is not None and operation != "auth":
            self.latency.note(seconds)
        if ok:
            self._bare.pop(operation, None)

    def overloaded(self) -> bool:
        """Do answers come late, or does more than one call in twenty fail?"""
        calls, failures, _ = self.traffic.lately(self._clock.monotonic())
        return self.latency.slow or (calls >= Traffic.LEAST and failures > 0.05 * calls)

    def put_off(self, operation: Operation, seconds: float | None) -> None:
        """The system said 429: this class of calls waits, so that each of them need not hear it.

        Without a time of the system's own each further refusal doubles the pause.
        """
        if seconds is None:
            seconds = self._bare[operation] = min(2 * self._bare.get(operation, 0.5), BARE_LIMIT_CAP)
        self._later[operation] = self._clock.monotonic() + seconds

    def calls_per_minute(self) -> int:
        return self._calls.calls(self._clock.monotonic())

    def repeats_per_minute(self) -> int:
        return self.traffic.lately(self._clock.monotonic())[2]

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
        own, purpose = self._windows.get(operation), PURPOSE.get()
        while True:
            now = self._clock.monotonic()
            wait = max(self._calls.wait(purpose, now), own.wait(now) if own is not None else 0.0)
            if wait <= 0:
                break
            if now + wait >= until:
                raise crowded(self._side)
            await self._clock.sleep(wait)
        self._calls.take(purpose, now)
        if own is not None:
            own.take(now)
