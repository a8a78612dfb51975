"""Values as a person compares them: every kind of value as text, the characters that differ marked."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any

import orjson

from medmost.notify.words import MOSCOW

LONGEST = 2000
"""Characters compared; beyond that a comparison takes too long, and nobody reads it."""
Piece = tuple[str, bool]
"""Text, and whether the other side has something else there."""


def as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def compared(mine: Any, other: Any) -> list[Piece]:
    """`mine` in pieces, those marked that `other` does not have there."""
    a, b = as_text(mine), as_text(other)
    if max(len(a), len(b)) > LONGEST:
        return [(a, a != b)]
    found: list[Piece] = []
    for what, begin, end, _, _ in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if begin != end:
            found.append((a[begin:end], what != "equal"))
    return found


def at(moment: float | str | None) -> str:
    """A time in Moscow, from seconds since 1970 or ISO."""
    if moment is None or moment == "":
        return ""
    told = datetime.fromisoformat(moment) if isinstance(moment, str) else datetime.fromtimestamp(moment, UTC)
    return f"{told.astimezone(MOSCOW):%d.%m.%Y %H:%M:%S}"
