"""Histories of requests: which rows are the same, who lacks which, and both together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.history import grow, lacks, level, same_row


def row(id_: str | None = None, origin: str | None = None, status: int = 2, at: str = "10:00:00") -> dict[str, Any]:
    return {"id": id_, "origin": origin, "status_id": status, "at": f"2026-11-23T{at}+03:00"}


def test_rows_are_one_by_origin_whatever_they_show() -> None:
    assert same_row(row("7", at="10:00:00"), row("900", origin="7", status=3, at="11:00:00"))


def test_rows_are_one_by_status_and_minute() -> None:
    assert same_row(row("1", at="10:00:01"), row("9", at="10:00:59"))
    assert not same_row(row("1", at="10:00:59"), row("9", at="10:01:00"))
    assert not same_row(row("1", status=2), row("9", status=3))


def test_empty_origins_make_no_rows_the_same() -> None:
    assert not same_row(row(None, None, 2), row(None, None, 3))
    assert not same_row(row("", "", 2), row("", "", 3))


def test_what_is_lacking_keeps_its_order() -> None:
    assert lacks([row("1", at="10:00:00")], [row("3", at="12:00:00"), row("1"), row("2", at="11:00:00")]) == [
        row("3", at="12:00:00"),
        row("2", at="11:00:00"),
    ]


def test_nothing_and_no_history_are_level() -> None:
    assert level(None, [])
    assert not level(None, [row("1")])


def test_a_shared_row_is_kept_as_the_first_shows_it() -> None:
    mine, theirs = row("1") | {"title": "mine"}, row("9", origin="1") | {"title": "theirs"}
    assert [one["title"] for one in grow([mine], [theirs])] == ["mine"]


ROWS = st.lists(
    st.builds(row, st.sampled_from(["1", "2", "3", None]), st.sampled_from(["1", "2", None]),
              st.integers(1, 3), st.sampled_from(["10:00:00", "10:00:30", "11:00:00"])),
    max_size=4,
)  # fmt: skip


@given(ROWS, ROWS)
def test_together_both_lack_nothing(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    both = grow(a, b)
    assert not lacks(both, a)
    assert not lacks(both, b)
    assert all(one in a or one in b for one in both)


@given(ROWS, ROWS)
def test_growing_twice_adds_nothing(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    both = grow(a, b)
    assert grow(both, b) == both
    assert [one["at"] for one in both] == sorted(one["at"] for one in both)


@given(ROWS, ROWS)
def test_level_does_not_depend_on_the_order(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    assert level(a, b) == level(b, a)
    assert level(a, a)
