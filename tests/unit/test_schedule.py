"""When the systems are read, and what is said when they are not (fact sheet reliability §5.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.record import BOTH, Side
from medmost.domain.windows import MOSCOW, Window, parse
from medmost.store import deliveries, leases, ledgers
from medmost.store.cipher import Cipher
from medmost.sync.freshness import Freshness
from medmost.sync.house import Clock, House
from medmost.sync.leading import Leader
from medmost.sync.schedule import Pace, Schedule
from medmost.systems.contract import Cursor, Page
from town import Town, mappings, town

G, E = Side.GOSUSLUGI, Side.EMIAS


class HandClock(Clock):
    def __init__(self, at: float = 1_795_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


def schedule(pace: Pace | None = None) -> tuple[Schedule, HandClock]:
    clock = HandClock()
    made = Schedule(House(dict(mappings()), Cipher(bytes(32)), clock, Random(7)), pace or Pace())
    made.begin()
    return made, clock


def limited(seconds: float | None = None) -> Transient:
    return Transient("MM-SYS-LIMIT", "слишком много вызовов", "too many calls", retry_after=seconds, arrived=False)


# ---------------------------------------------------------------- intervals
def test_intervals_stretch_and_come_back_as_measured() -> None:
    made, _ = schedule()
    seen = []
    for error in [None, limited(), limited(), limited(), limited(), *[None] * 11]:
        made.after(E, "policy", error, False)
        seen.append(made.intervals[E, "policy"])
    assert seen[:5] == [300, 450, 675, 900, 900]
    assert seen[5:] == [840, 780, 720, 660, 600, 540, 480, 420, 360, 300, 300]


def test_slow_answers_stretch_the_interval_too() -> None:
    made, _ = schedule()
    made.after(E, "policy", None, False)
    made.after(E, "policy", None, True)
    assert made.intervals[E, "policy"] == 450


def test_an_outage_leaves_the_interval_alone() -> None:
    made, _ = schedule()
    made.after(E, "policy", None, False)
    made.after(E, "policy", Transient("MM-SYS-UNREACHABLE", "нет", "no", arrived=False), False)
    assert made.intervals[E, "policy"] == 300


@given(told=st.lists(st.sampled_from([None, limited(), limited(30.0), "slow"]), max_size=60))
def test_polls_keep_to_five_to_fifteen_minutes(told: list[Any]) -> None:
    made, clock = schedule()
    for one in told:
        error: MedmostError | None = None if one == "slow" else one
        made.after(E, "policy", error, one == "slow")
        pause = made.next_poll[E, "policy"] - clock.at
        assert 300 <= pause <= 900
        clock.at += pause


def test_the_systems_own_wish_comes_first() -> None:
    made, clock = schedule()
    made.after(E, "policy", limited(2000.0), False)
    assert 2000 <= made.next_poll[E, "policy"] - clock.at <= 2200


def test_a_fixed_pace_stays_fixed() -> None:
    made, _ = schedule(Pace(60, 60))
    for error in (None, limited(), None):
        made.after(E, "policy", error, False)
        assert made.intervals[E, "policy"] == 60


def test_a_clock_set_back_hides_no_poll() -> None:
    made, clock = schedule()
    made.after(E, "policy", None, False)
    assert "policy" not in made.due(E)
    clock.at -= 86_400
    assert "policy" in made.due(E)


def test_a_bad_page_is_asked_for_again_soon() -> None:
    made, clock = schedule()
    made.after(E, "policy", Transient("MM-SYS-PAGE", "не то", "not it"), False)
    assert made.next_poll[E, "policy"] - clock.at <= 5


async def test_one_of_many_polls_a_system(tmp_path: Path) -> None:
    async with town(tmp_path) as here:

        async def asks(holder: str, now: float) -> int | None:
            return await here.database.write(lambda tx: leases.take(tx, "poll.emias", holder, now, 180))

        assert await asks("one", 0) == 1
        assert await asks("two", 100) is None
        assert await asks("one", 170) == 1
        assert await asks("two", 349) is None
        assert await asks("two", 351) == 2  # the first is gone; what it holds of the lease is worth nothing now
        await here.database.write(lambda tx: leases.give_up(tx, "poll.emias", "two"))
        assert await asks("one", 352) == 3


async def test_a_long_pass_keeps_its_lease(tmp_path: Path) -> None:
    clock = HandClock()
    async with slow_pages(tmp_path, clock, each=100.0) as here:

        async def rival() -> int | None:
            return await here.database.write(lambda tx: leases.take(tx, "poll.emias", "rival", clock.at, 180))

        leader, refused = Leader(here.house, here.database, E), []

        async def leads() -> bool:
            refused.append(await rival() is None)
            return await leader.leads()

        assert await leader.leads()
        passed = await here.engine.pollers[E].one_pass("policy", leads=leads)
        assert (passed.read, passed.handed_over) == (5, False)
        assert refused == [True] * 5  # 500 seconds, a lease of 180


async def test_who_leads_no_more_stops_reading(tmp_path: Path) -> None:
    clock = HandClock()
    async with slow_pages(tmp_path, clock, each=190.0) as here:
        leader, asked = Leader(here.house, here.database, E), []

        async def leads() -> bool:
            if asked:  # a page took longer than the lease lasts, and another process was there
                await here.database.write(lambda tx: leases.take(tx, "poll.emias", "rival", clock.at, 180))
            asked.append(await leader.leads())
            return asked[-1]

        passed = await here.engine.pollers[E].one_pass("policy", leads=leads)
        assert (asked, passed.read, passed.handed_over) == ([True, False], 1, True)
        clock.at += 181
        rest = await here.engine.pollers[E].one_pass("policy")
        assert (rest.handed_over, len(here.emias.refs("policy"))) == (False, 5)
        assert await here.database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM pair").fetchone()) == (5,)


@asynccontextmanager
async def slow_pages(folder: Path, clock: HandClock, each: float) -> AsyncIterator[Town]:
    """Five policies at EMIAS, a page for each; reading one takes `each` seconds."""
    async with town(folder, clock=clock) as here:
        for n in range(5):
            here.emias.put("policy", {"policyNumber": f"775641083412345{n}", "lastName": f"Мостова {n}"})
        pages, here.emias.page = here.emias.changes, 1

        async def slowly(kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
            async for page in pages(kind, cursor):
                clock.at += each
                yield page

        here.emias.changes = slowly  # type: ignore[method-assign]  # its pages, slowly
        yield here


# ---------------------------------------------------------------- freshness
async def test_what_grows_old_is_told_once(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path, clock=clock) as here:
        fresh = Freshness(here.house, here.database, Pace(), alarm=300)
        there: dict[Side, float | None] = dict.fromkeys(BOTH, clock.at)
        await here.engine.poll_once()
        clock.at += fresh.limit
        await fresh.look(there)
        assert not fresh.stale
        await here.engine.poll_once(["policy"])
        clock.at += 10
        for _ in range(2):
            await fresh.look(there)
        assert len(fresh.stale) == 2 * (len(here.house.mappings) - 1)
        assert await told(here, "stale") == len(fresh.stale)
        await here.engine.poll_once()
        await fresh.look(there)
        assert (fresh.stale, await told(here, "stale-ok")) == (set(), 30)


async def told(here: Town, event: str) -> int:
    return sum(row[2] == event for row in await here.database.read(lambda tx: ledgers.events_after(tx, 0)))


async def test_a_system_that_is_away_is_not_stale(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path, clock=clock) as here:
        fresh = Freshness(here.house, here.database, Pace())
        clock.at += 10_000
        await fresh.look({G: None, E: clock.at - 60})
        assert not fresh.stale


# ---------------------------------------------------------------- maintenance windows
def at(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=MOSCOW).timestamp()


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("daily 02:00-04:00", ["2026-11-23 02:00", "2026-11-24 03:59"], ["2026-11-23 01:59", "2026-11-23 04:00"]),
        ("sun 01:00-05:30", ["2026-11-22 05:29"], ["2026-11-23 02:00", "2026-11-22 05:30"]),
        ("sat 23:00-03:00", ["2026-11-21 23:30", "2026-11-22 02:59"], ["2026-11-22 23:30", "2026-11-21 02:00"]),
        ("daily 00:00-24:00", ["2026-11-23 12:00", "2026-11-23 00:00"], []),
    ],
)
def test_windows_hold_in_moscow_time(window: str, inside: list[str], outside: list[str]) -> None:
    one = parse(window)
    assert one is not None
    assert [one.holds(at(text)) for text in [*inside, *outside]] == [True] * len(inside) + [False] * len(outside)


@pytest.mark.parametrize("text", ["", "daily", "night 02:00-04:00", "daily 25:00-26:00", "daily 02:00-02:00", "02:00"])
def test_what_is_no_window_is_refused(text: str) -> None:
    assert parse(text) is None


async def test_planned_work_is_no_outage(tmp_path: Path) -> None:
    """Nothing is sent and nobody is called; afterwards all that waited goes on by itself."""
    clock = HandClock(at("2026-11-23 02:30"))
    windows = {G: (Window(None, 120, 120),)}
    async with town(tmp_path, clock=clock, windows=windows, pace=Pace(3600, 3600)) as here:
        example = {rule.name: rule.example for rule in mappings()["policy"].rule.fields}
        here.gosuslugi.goes_down()
        stop = asyncio.Event()
        running = asyncio.create_task(here.engine.run(stop))
        here.emias.put("policy", mappings()["policy"].write(E, example, None))
        here.engine.poll_now(E)
        async with asyncio.timeout(20):
            while not (await here.database.read(deliveries.pending))["due"]:
                await asyncio.sleep(0.02)
            await asyncio.sleep(2.5)  # a turn of the watch, whose probe fails
            assert (await told(here, "unreachable"), here.gosuslugi.calls["write"]) == (0, 0)
            here.gosuslugi.comes_back()
            clock.at = at("2026-11-23 04:01")
            while not here.gosuslugi.written():
                clock.at += 0.1
                await asyncio.sleep(0.02)
        stop.set()
        await running
        assert await told(here, "unreachable") == 0
