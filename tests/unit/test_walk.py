"""A pass over a shifting list steps over no record (medmost.systems.gosuslugi.walk)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmost.domain.errors import Transient
from medmost.systems.gosuslugi.walk import Listing, Position, walk
from medmost.systems.gosuslugi.wire import MOSCOW

START = datetime(2026, 11, 23, 10, tzinfo=MOSCOW)


class ShiftingList:
    """The exchange's list: sorted by (second, id), paged by offset; `between` changes it before each answer."""

    def __init__(self, stamps: list[int], now: int, between: list[list[int]] | None = None) -> None:
        self.rows = {f"r{n:03}": (stamp, 1) for n, stamp in enumerate(stamps)}
        self.now = now
        self.between = list(between or [])
        self.calls = 0
        self.most = 1000

    def touch(self, ref: str) -> None:
        self.rows[ref] = (self.now, self.rows.get(ref, (0, 0))[1] + 1)

    async def fetch(self, since: datetime | None, page: int, size: int) -> Listing:
        self.calls += 1
        size = min(size, self.most)
        names = sorted(self.rows)
        for which in self.between.pop(0) if self.between else []:
            self.touch(names[which % len(names)] if which < 2 * len(names) else f"n{which}")
        since_second = 0 if since is None else int((since - START).total_seconds())
        listed = sorted((stamp, ref, version) for ref, (stamp, version) in self.rows.items() if stamp >= since_second)
        cut = listed[page * size : (page + 1) * size]
        rows = [(START + timedelta(seconds=stamp), ref, version, {"id": ref}) for stamp, ref, version in cut]
        return Listing(rows, size, len(listed), START + timedelta(seconds=self.now))


async def passed(source: ShiftingList, size: int, begin: Position | None = None, chase: bool = False) -> list[str]:
    seen: list[str] = []
    async for docs, _, _ in walk(source.fetch, begin or Position(border=None), size, chase=chase):
        seen += [doc["id"] for doc in docs]
    return seen


@settings(max_examples=400, deadline=None)
@given(
    stamps=st.lists(st.integers(0, 4), min_size=1, max_size=25),
    size=st.integers(1, 6),
    between=st.lists(st.lists(st.integers(0, 60), max_size=3), max_size=30),
    chase=st.booleans(),
)
async def test_records_there_before_are_all_seen(stamps, size, between, chase) -> None:
    source = ShiftingList(stamps, now=10, between=between)
    before = set(source.rows)
    seen = set(await passed(source, size, chase=chase))
    left = {ref for ref in before - seen if source.rows[ref][1] == 1}
    assert not left, "a record that nobody touched was stepped over"
    if chase:
        assert before <= seen
    else:  # what changed meanwhile is at or after the moment the pass began: the next pass asks for it
        assert all(source.rows[ref][0] >= 10 for ref in before - seen)


@settings(max_examples=200, deadline=None)
@given(
    stamps=st.lists(st.integers(0, 3), min_size=1, max_size=25),
    size=st.integers(1, 5),
    stop=st.integers(1, 6),
    between=st.lists(st.lists(st.integers(0, 60), max_size=2), max_size=20),
)
async def test_pass_goes_on_after_a_restart(stamps, size, stop, between) -> None:
    source = ShiftingList(stamps, now=10, between=between)
    before, seen, position = set(source.rows), set(), Position(border=None)
    async for docs, after, _ in walk(source.fetch, position, size, chase=True):
        seen |= {doc["id"] for doc in docs}
        position = after
        stop -= 1
        if not stop:
            break
    if not position.done:
        seen |= set(await passed(source, size, position, chase=True))
    assert before <= seen


async def test_quiet_pass_costs_one_call() -> None:
    source = ShiftingList([1, 2, 3], now=10)
    await passed(source, 500, Position(border=START))
    assert source.calls == 1


async def test_server_with_smaller_pages_is_read_whole() -> None:
    source = ShiftingList([1, 2, 3, 4, 5, 6, 7], now=10)
    source.most = 2
    assert set(await passed(source, 500)) == set(source.rows)


async def test_borders_bring_no_row_twice() -> None:
    source = ShiftingList([n // 2 for n in range(40)], now=100)
    seen = await passed(source, 7)
    assert len(seen) == len(set(seen)) == 40


async def test_busy_list_does_not_hold_a_pass() -> None:
    source = ShiftingList(list(range(10)), now=5)
    assert set(await passed(source, 3)) >= {f"r{n:03}" for n in range(6)}
    assert source.calls <= 4


@pytest.mark.parametrize("trouble", ["order", "total", "before"])
async def test_wrong_page_stops_the_pass(trouble: str) -> None:
    async def fetch(since: datetime | None, page: int, size: int) -> Listing:
        rows = [(START + timedelta(seconds=n), f"r{n}", 1, {}) for n in (3, 2 if trouble == "order" else 4)]
        return Listing(rows, size, 9 if trouble == "total" else 2, START)

    begin = Position(border=START + timedelta(seconds=5 if trouble == "before" else 0))
    with pytest.raises(Transient, match="MM-SYS-PAGE"):
        await anext(walk(fetch, begin, 10, chase=False))
