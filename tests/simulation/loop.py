"""An event loop whose time is a number and whose next step is drawn: the real engine runs on it, from one seed.

Every step belongs to an owner: the world (0) or one process of medmost. A process that is killed is an owner whose
steps never run again; one that is stopped for a while is an owner whose steps are put off. Work for threads runs
inline as a step of its own, so that other steps come between its call and its answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

WORLD = 0
OWNER: contextvars.ContextVar[int] = contextvars.ContextVar("owner", default=WORLD)
MOST_STEPS = 20_000_000


class Endless(Exception):
    """More steps at one moment than anything sensible takes."""


class Inline(Executor):
    """Stands for a thread; `writes` tells the writer's from the reader's."""

    def __init__(self, *, writes: bool) -> None:
        self.writes = writes

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        return


class SimLoop(asyncio.BaseEventLoop):
    """Seeded scheduling and virtual time. `shuffles`: any ready step may be next; else they run as they came."""

    def __init__(self, rng: random.Random, *, shuffles: bool = True) -> None:
        super().__init__()
        self.rng, self.shuffles = rng, shuffles
        self._ready: list[Any] = []  # type: ignore[assignment]  # a list: any of them may be next
        self.now = 0.0
        self.steps = 0
        self.dead: set[int] = set()
        self.frozen: dict[int, float] = {}
        self.on_step: Callable[[int], bool] | None = None  # told before a process's step; True: it died there
        self.on_work: Callable[[int, bool, bool], bool] | None = None  # owner, writes, before; True: it died there
        self.failed: list[str] = []
        self._at_this_moment = 0
        self._remains: list[asyncio.Task[Any]] = []
        self.world = contextvars.copy_context()
        self.world.run(OWNER.set, WORLD)
        self.set_exception_handler(
            lambda _, told: self.failed.append(f"{told.get('message')}: {told.get('exception')!r}")
        )

    # ------------------------------------------------------------ time
    def time(self) -> float:
        return self.now

    def jump(self, seconds: float) -> None:
        """Time passes and nothing runs: the machine slept, or a step took that long."""
        self.now += seconds

    def soon(self, delay: float, call: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """A step of the world's."""
        return self.call_later(delay, call, *args, context=self.world)

    # ------------------------------------------------------------ steps
    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled  # type: ignore[attr-defined]  # the base class's heap
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        if not ready and not self._stopping:  # type: ignore[attr-defined]  # set by stop()
            if not timers:
                raise Endless("nothing will ever happen again")
            if timers[0]._when > self.now:
                self.now, self._at_this_moment = timers[0]._when, 0
        while timers and timers[0]._when <= self.now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            if not handle._cancelled:
                ready.append(handle)
        if ready:
            self._step(ready)

    def _step(self, ready: list[Any]) -> None:
        if self.shuffles and len(ready) > 1:
            at = int(self.rng.random() * len(ready))
            ready[at], ready[-1] = ready[-1], ready[at]
            handle = ready.pop()
        else:
            handle = ready.pop(0)
        if handle._cancelled:
            return
        self.steps += 1
        self._at_this_moment += 1
        if self._at_this_moment > 200_000 or self.steps > MOST_STEPS:
            raise Endless(f"{self._at_this_moment} steps at one moment: {handle!r}"[:300])
        owner = handle._context.get(OWNER, WORLD)
        if owner:
            if owner in self.dead:
                return
            if (until := self.frozen.get(owner, 0.0)) > self.now:
                self.call_at(until, ready_again, self, handle, context=self.world)
                return
            if self.on_step is not None and self.on_step(owner):
                return
        handle._run()

    # ------------------------------------------------------------ what the base class asks for
    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        self.call_soon(self._work, future, executor, func, args)
        return future

    def _work(
        self, future: asyncio.Future[Any], executor: Any, func: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        owner, writes = OWNER.get(), getattr(executor, "writes", False)
        if owner and self.on_work is not None and self.on_work(owner, writes, True):
            return
        try:
            result = func(*args)
        except BaseException as error:
            if not future.cancelled():
                future.set_exception(error)
            return
        if owner and self.on_work is not None and self.on_work(owner, writes, False):
            return
        if not future.cancelled():
            future.set_result(result)

    def call_soon_threadsafe(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: Any) -> None:
        return

    def _write_to_self(self) -> None:
        return

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        if not self.is_closed() and OWNER.get() not in self.dead:
            super()._asyncgen_finalizer_hook(agen)  # type: ignore[misc]  # the base class's own

    def lay_out(self, owner: int) -> None:
        """A process is dead. Its tasks are kept, because one that is collected runs its `finally` blocks."""
        self.dead.add(owner)
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it was killed, not forgotten
            self._remains.append(task)

    def bury(self) -> None:
        """Ends what is left of every process, with nothing that could still have an effect."""
        self.lay_out(WORLD)
        told, sys.unraisablehook = sys.unraisablehook, lambda _: None  # ends of what is dead anyway
        try:
            self._close_remains()
        finally:
            sys.unraisablehook = told
        self._ready.clear()
        self._scheduled.clear()  # type: ignore[attr-defined]  # the base class's heap

    def _close_remains(self) -> None:
        for task in self._remains:
            coroutine = task.get_coro()
            if coroutine is not None:
                try:
                    coroutine.close()  # type: ignore[union-attr]  # coroutines only
                except (RuntimeError, ValueError):  # a `finally` that waits, or wants its context
                    continue
        self._remains.clear()


def ready_again(loop: SimLoop, handle: Any) -> None:
    loop._ready.append(handle)
