"""How two ways of doing the same are compared: in turns, in one process, by the median of their rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

Wanted = Callable[[str], bool]
"""Is this row asked for? A benchmark leaves the work for the others undone."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison. `ceiling` is what stays when our own work costs nothing, `peer` another's way to the same end.

    `ratio` is our speed over that of the ceiling (else the peer): 1 is as fast as it can be, whatever the unit.
    """

    name: str
    value: float
    unit: str  # "records/s", "PUT/s", "bodies/s", "objects/s" (more is better), "s" or "MB" (less is better)
    ceiling: float | None = None
    peer: float | None = None
    ratio: float | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much work a benchmark does; `quick` sizes only show that it works."""

    rounds: int = 5
    records: int = 2_000  # read, merged or sealed in a round
    policies: int = 100_000  # read beside the same mapping by hand, in pages
    page: int = 1_000
    state: int = 100_000  # pairs of a state that is not new
    stand: int = 20_000  # records of a kind at each system
    puts: int = 600  # delivered in a round
    starts: int = 3
    people: int = 50_000  # of a streamed world


QUICK = Size(rounds=2, records=40, policies=400, page=40, state=120, stand=120, puts=24, starts=1, people=20)


def rates(name: str, unit: str, count: int, ours: float, ceiling: float | None) -> Row:
    """A row of things a second out of the seconds that `count` of them took."""
    value = count / ours
    best = None if ceiling is None else count / ceiling
    return Row(
        name=name,
        value=round(value, 1),
        unit=unit,
        ceiling=None if best is None else round(best, 1),
        ratio=None if best is None else round(value / best, 3),
    )


def in_turns(rounds: int, *ways: Callable[[], object], warm: bool = True) -> list[float]:
    """Median seconds of each way; one unmeasured round warms all of them."""
    times: list[list[float]] = [[] for _ in ways]
    for turn in range(-warm, rounds):
        for way, taken in zip(ways, times, strict=True):
            started = time.perf_counter()
            way()
            if turn >= 0:
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


async def in_turns_async(rounds: int, ways: Sequence[Callable[[], Awaitable[float | None]]]) -> list[float]:
    """The same for coroutines; one that returns seconds has measured itself, without what it had to prepare."""
    times: list[list[float]] = [[] for _ in ways]
    for turn in range(rounds + 1):
        for way, taken in zip(ways, times, strict=True):
            started = time.perf_counter()
            own = await way()
            if turn:
                taken.append(time.perf_counter() - started if own is None else own)
    return [statistics.median(taken) for taken in times]
