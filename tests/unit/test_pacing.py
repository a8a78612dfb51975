"""Waiting, pausing and polling are arithmetic (fact sheet reliability §5.2, §5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.pacing import (
    OUTAGE,
    Backoff,
    Breaker,
    BreakerRules,
    CallWindow,
    next_interval,
    next_start,
)

DRAW = st.floats(0, 1, exclude_max=True)


@given(tries=st.integers(1, 10_000), draw=DRAW)
def test_backoff_stays_within_its_window(tries: int, draw: float) -> None:
    backoff = Backoff(base=1, cap=60)
    assert 0 <= backoff.wait(tries, draw) <= backoff.window(tries) <= 60


def test_backoff_windows_double_until_the_cap() -> None:
    backoff = Backoff(base=30, cap=3600)
    assert [backoff.window(n) for n in (1, 2, 3, 4, 8, 9)] == [30, 60, 120, 240, 3600, 3600]


@given(tries=st.integers(1, 50), draw=DRAW, wish=st.floats(0, 86_400))
def test_wish_of_the_system_is_a_floor(tries: int, draw: float, wish: float) -> None:
    assert Backoff().wait(tries, draw, wish) >= wish


def test_zero_retry_after_is_not_a_default() -> None:
    assert Backoff().wait(9, 0.0, 0.0) == 0.0
    assert Backoff().wait(9, 0.999, 0.0) < 1.0


def test_outage_ends_level_within_a_minute() -> None:
    assert BreakerRules().longest_pause + OUTAGE.cap < 60


def test_breaker_opens_after_ten_failures_running() -> None:
    breaker = Breaker()
    for n in range(9):
        breaker.record(False, n)
    assert breaker.allow(9)
    breaker.record(False, 9)
    assert breaker.state(9) == "open"
    assert not breaker.allow(10)
    assert breaker.pause_left(10) == pytest.approx(4)


def test_breaker_opens_when_half_of_many_fail() -> None:
    breaker = Breaker()
    for n in range(20):
        breaker.record(n % 2 == 0, n / 10)
    assert breaker.state(2) == "open"


def test_old_failures_leave_the_window() -> None:
    breaker = Breaker()
    for n in range(18):
        breaker.record(n % 2 == 0, 0)
    for _ in range(20):
        breaker.record(True, 100)
    breaker.record(False, 101)
    assert breaker.state(101) == "closed"


def test_half_open_lets_one_probe_through() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.record(False, 0)
    assert breaker.state(5) == "half-open"
    assert breaker.allow(5)
    assert not breaker.allow(5)
    breaker.record(True, 6)
    assert breaker.state(6) == "closed"


def test_failed_probes_double_the_pause() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(10):
        breaker.record(False, now)
    for _ in range(5):
        pauses.append(breaker.pause_left(now))
        now += breaker.pause_left(now)
        assert breaker.allow(now)
        breaker.record(False, now)
    assert pauses == [5, 10, 20, 30, 30]


def test_cancelled_probe_makes_room_for_another() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.record(False, 0)
    assert breaker.allow(5)
    breaker.forget()
    assert breaker.allow(5)


def test_lost_probe_is_given_up() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.record(False, 0)
    assert breaker.allow(5)
    assert not breaker.allow(64)
    assert breaker.allow(65)


def test_late_failures_do_not_lengthen_the_pause() -> None:
    breaker = Breaker()
    for _ in range(30):
        breaker.record(False, 0)
    assert breaker.pause_left(0) == 5


@given(
    limit=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 30), max_size=200),
)
def test_no_calendar_minute_exceeds_the_limit(limit: int, gaps: list[float]) -> None:
    window, now, taken = CallWindow(limit), 0.0, []
    for gap in gaps:
        now += gap
        while (wait := window.wait(now)) > 0:
            now += wait
        window.take(now)
        taken.append(now)
    minutes = [int(at // 60) for at in taken]
    assert all(minutes.count(minute) <= limit for minute in set(minutes))
    assert window.calls(now + 120) == 0


def test_interval_grows_and_shrinks_as_measured() -> None:
    up = [300.0]
    while up[-1] < 900:
        up.append(next_interval(up[-1], True, 300, 900))
    assert up == [300, 450, 675, 900]
    down = [900.0]
    while down[-1] > 300:
        down.append(next_interval(down[-1], False, 300, 900))
    assert len(down) - 1 == 10


@given(now=st.floats(5, 900), overloaded=st.booleans())
def test_interval_never_leaves_its_bounds(now: float, overloaded: bool) -> None:
    assert 5 <= next_interval(now, overloaded, 5, 900) <= 900
    assert next_interval(None, overloaded, 5, 5) == 5


def test_next_pass_waits_for_the_system() -> None:
    assert next_start(300, 0.0) == 300
    assert next_start(300, 0.0, 1200) == 1200
    assert next_start(300, 0.5, 0) == pytest.approx(315)
    assert next_start(300, 0.5, 1200, 900) == pytest.approx(1260)


def test_spread_stays_within_the_longest_wait() -> None:
    assert next_start(880, 0.5, None, 900) == 900
    assert next_start(800, 0.5, None, 900) == pytest.approx(840)
