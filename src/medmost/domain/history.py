"""Histories only grow (design §6, request). Rows are dicts with id, origin, status_id, at and texts.

Two rows are the same when one names the other as its origin, else when status and minute agree: the two systems
number their rows independently and Gosuslugi shows minutes only in part of its answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]


def same_row(a: Row, b: Row) -> bool:
    if (a.get("origin") and a["origin"] == b.get("id")) or (b.get("origin") and b["origin"] == a.get("id")):
        return True
    return a.get("status_id") == b.get("status_id") and _minute(a) == _minute(b)


def _minute(row: Row) -> str:
    return str(row.get("at") or "")[:16]  # 2026-11-23T10:07


def lacks(rows: Sequence[Row], wanted: Iterable[Row]) -> list[Row]:
    """The rows of `wanted` that have no same row in `rows`, in their order."""
    return [row for row in wanted if not any(same_row(row, present) for present in rows)]


def level(a: Sequence[Row] | None, b: Sequence[Row] | None) -> bool:
    a, b = a or (), b or ()
    return not lacks(a, b) and not lacks(b, a)


def grow(a: Sequence[Row], b: Sequence[Row]) -> list[Row]:
    """Both histories together, oldest first; a row that both know is kept as `a` shows it."""
    return sorted([*a, *lacks(a, b)], key=lambda row: (str(row.get("at") or ""), str(row.get("id") or "")))
