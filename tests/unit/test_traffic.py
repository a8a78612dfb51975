"""Repeats stay few, a limit is shared, a struggling system is noticed (fact sheet reliability §5.2, §5.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.traffic import SHARES, Latency, Purpose, SharedWindow, Traffic

PURPOSES: list[Purpose] = ["sync", "retry", "audit", "interactive"]


# ---------------------------------------------------------------- the retry budget
def test_repeats_in_trouble_are_one_in_ten() -> None:
    traffic, repeats, calls = Traffic(), 0, 0
    for tick in range(6000):  # a hundred calls a second, half of them fail and ask for a repeat
        now = tick / 100
        traffic.note(now, tick % 2 == 0, False)
        calls += 1
        if tick % 2 and traffic.may_repeat(now):
            traffic.note(now, False, True)
            repeats, calls = repeats + 1, calls + 1
    assert 0.05 * calls < repeats <= 0.1 * calls + Traffic.RESERVE
    assert traffic.held_back > 0


def test_repeats_are_free_while_all_goes_well() -> None:
    traffic = Traffic()
    for tick in range(1000):
        assert traffic.may_repeat(tick / 100)
        traffic.note(tick / 100, True, True)
    assert traffic.held_back == 0


def test_the_last_minute_is_counted_by_itself() -> None:
    traffic = Traffic()
    traffic.note(1.0, False, True)
    traffic.note(30.0, True, False)
    traffic.note(70.0, False, True)
    assert traffic.lately(70.0) == (2, 1, 1)


def test_a_few_repeats_are_always_left() -> None:
    traffic = Traffic()
    for _ in range(Traffic.RESERVE):
        assert traffic.may_repeat(1.0)
        traffic.note(1.0, False, True)
    assert not traffic.may_repeat(1.0)
    assert traffic.may_repeat(62.0)


# ---------------------------------------------------------------- the adaptive throttle
@pytest.mark.parametrize(("accepted", "share"), [(100, 0.0), (50, 0.0), (25, 0.495), (10, 0.79), (0, 0.99)])
def test_throttle_rejects_as_the_facts_say(accepted: int, share: float) -> None:
    traffic = Traffic()
    for number in range(100):
        traffic.note(0.0, number < accepted, False)
    assert traffic.reject(0.0) == pytest.approx(share, abs=0.005)
    assert traffic.reject(200.0) == 0.0
    traffic.forget()
    assert traffic.reject(0.0) == 0.0


def test_few_calls_are_no_reason_to_throttle() -> None:
    traffic = Traffic()
    for _ in range(Traffic.LEAST - 1):
        traffic.note(0.0, False, False)
    assert traffic.reject(0.0) == 0.0


# ---------------------------------------------------------------- shares of a limit
def test_sixty_calls_are_shared_as_documented() -> None:
    window = SharedWindow(60)
    for purpose in PURPOSES:
        window.take(purpose, 0.0)
    assert [window.room(purpose, 0.0) for purpose in PURPOSES] == [39, 6, 9, 60]
    assert sum(SHARES.values()) == 1.0


def test_what_nobody_asks_for_is_not_wasted() -> None:
    window = SharedWindow(60)
    assert [window.room(purpose, 0.0) for purpose in PURPOSES] == [54, 6, 54, 60]
    window.take("sync", 0.0)
    assert (window.room("sync", 0.0), window.room("audit", 0.0)) == (54, 9)


@given(asked=st.lists(st.tuples(st.sampled_from(PURPOSES), st.floats(0, 2)), max_size=300))
def test_no_minute_exceeds_a_shared_limit(asked: list[tuple[Purpose, float]]) -> None:
    window, now, taken = SharedWindow(20), 0.0, []
    for purpose, gap in asked:
        now += gap
        if window.wait(purpose, now) == 0:
            window.take(purpose, now)
            taken.append((now, purpose))
    for at, _ in taken:
        minute = [one for when, one in taken if at <= when < at + 60]
        assert len(minute) <= 20
        assert minute.count("retry") <= 2


def test_a_person_finds_room_beside_a_busy_exchange() -> None:
    window = SharedWindow(60)
    while window.wait("sync", 0.0) == 0:
        window.take("sync", 0.0)
    assert window.calls(0.0, "sync") == 54
    assert window.wait("interactive", 0.0) == 0


# ---------------------------------------------------------------- latency
def test_twice_the_usual_time_is_slow() -> None:
    latency = Latency()
    for seconds, slow in ((0.2, False), (0.3, False), (0.6, True), (0.6, True), (0.2, False)):
        for _ in range(Latency.BATCH):
            latency.note(seconds)
        assert latency.slow is slow, seconds


def test_quick_answers_are_never_slow() -> None:
    latency = Latency()
    for seconds in (0.001, 0.1):
        for _ in range(Latency.BATCH):
            latency.note(seconds)
    assert not latency.slow
