"""Walking a list that is sorted by change time, paged by offset, and changing while we read it.

Offset pages lose records: when a record that was already listed changes, it moves to the end, all others move up by
one, and the next page begins one too late. So a pass does not use offsets to go on. It asks for everything from the
*border*, the stamp of the last row it saw (inclusive, page 0), where nothing can shift. Rows with equal stamps at the
border come twice and are dropped here.

Only a second that holds more rows than a page needs offsets. Its rows can only leave it (a changed row gets a later
stamp), so the offset of a row we know never grows: where the last row of the page before still stands at its place
after the next page was read, nothing above it left meanwhile, and no row was stepped over. Else the second is read
again from its start.

Rows that were committed late, with a stamp before the border, are what the overlap of the next pass is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec

from medmost.domain.record import Doc, Side
from medmost.systems.failures import page_error

MOST_RESTARTS = 100
"""Of one second within a pass: more means that the list does not hold still at all."""


class Listing(msgspec.Struct, frozen=True):
    """One answer of the list: rows as (stamp, id, version, document), ascending by stamp."""

    rows: list[tuple[datetime, str, int, Doc]]
    size: int  # rows of a full page, which may be fewer than we asked for
    total: int | None
    time: datetime  # the system's clock


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pass stands. `row` is the last row of the page before, where `page` is not the first."""

    border: datetime | None
    started: datetime | None = None  # the system's clock at the first page
    page: int = 0
    row: str | None = None
    size: int = 0
    done: bool = False


Fetch = Callable[[datetime | None, int, int], Awaitable[Listing]]
"""Rows changed at or after a moment: page, size."""


async def walk(
    fetch: Fetch, position: Position, size: int, *, chase: bool
) -> AsyncIterator[tuple[list[Doc], Position, int | None]]:
    """Pages of documents, each with the position after it; the last one is `done`.

    `chase` goes on to the very end; else the pass ends once it is past the moment it began, because what changed
    later belongs to the next pass, however busy the list is.
    """
    shown: set[tuple[str, int]] = set()
    restarts = 0
    while True:
        listing = await fetch(position.border, position.page, size)
        if position.page and not await _in_place(fetch, position, listing.size):
            restarts += 1
            if restarts > MOST_RESTARTS:
                raise page_error(Side.GOSUSLUGI, "the list does not hold still", "список не удаётся прочитать целиком")
            position = msgspec.structs.replace(position, page=0, row=None)
            continue
        _check(listing, position)
        started = position.started or listing.time
        docs = [doc for _, ref, version, doc in listing.rows if (ref, version) not in shown]
        after = _after(listing, position, started, chase=chase)
        yield docs, after, listing.total if position.border is None else None
        if after.done:
            return
        shown = {(ref, version) for stamp, ref, version, _ in listing.rows if stamp == after.border}
        position = after


async def _in_place(fetch: Fetch, position: Position, size: int) -> bool:
    if position.size != size:
        return False
    row = await fetch(position.border, position.page * size - 1, 1)
    return bool(row.rows) and row.rows[0][1] == position.row


def _after(listing: Listing, position: Position, started: datetime, *, chase: bool) -> Position:
    rows = listing.rows
    if len(rows) < listing.size or (not chase and rows[-1][0] > started):
        return Position(border=started, started=started, done=True)
    first, last, row = rows[0][0], rows[-1][0], rows[-1][1]
    if first != last:
        return Position(border=last, started=started)
    if position.page and position.border != last:  # the second before ended exactly with its page
        return Position(border=last, started=started)
    return Position(border=last, started=started, page=position.page + 1, row=row, size=listing.size)


def _check(listing: Listing, position: Position) -> None:
    stamps = [row[0] for row in listing.rows]
    if stamps != sorted(stamps) or (stamps and position.border is not None and stamps[0] < position.border):
        raise page_error(Side.GOSUSLUGI, "the list is not in order", "записи списка идут не по порядку")
    behind = position.page * listing.size + len(stamps)
    if listing.total is not None and len(stamps) < listing.size and listing.total > behind:
        raise page_error(Side.GOSUSLUGI, "the page is shorter than its total says", "страница короче заявленного")
