"""Passes over a list of the exchange: cursors, overlap, and going on after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from medmost.domain.record import Doc
from medmost.systems.contract import Cursor
from medmost.systems.gosuslugi.exchange import Exchange
from medmost.systems.gosuslugi.walk import Fetch, Listing, Position, walk
from medmost.systems.gosuslugi.wire import moment, moment_text
from medmost.systems.http import Http
from medmost.systems.settings import GosuslugiSettings
from medmost.systems.timekeeping import Timekeeper


class Changes:
    """A cursor is `{"after", "number"}` between passes: the system's clock when the last pass began, and a count.

    Within a pass it is `{"from", "page", "row", "size", "started", "number"}`, a position of the walk. The count
    tells two passes apart that began in the same second: one may have been absorbed and the other not.
    """

    def __init__(self, http: Http, exchange: Exchange, settings: GosuslugiSettings, time: Timekeeper) -> None:
        self._clock = http.clock
        self._exchange = exchange
        self._settings = settings
        self._time = time

    async def pages(
        self, kind: str, cursor: Cursor | None, *, chase: bool = False
    ) -> AsyncIterator[tuple[list[Doc], Cursor, int | None]]:
        """Documents, the cursor after them, and how many there are in all where the pass began at the beginning."""
        begun = self._clock.monotonic()
        fetch = self._fetch(kind)
        position, number = _position(cursor, timedelta(seconds=self._settings.overlap))
        if position.started is None and position.border is not None:
            first = await fetch(position.border, 0, self._settings.page_size)
            if lost := self._time.set_back(kind, first.time):
                position = Position(border=position.border - lost)
            else:
                fetch = _primed(first, fetch)
        total: int | None = None
        async for docs, after, counted in walk(fetch, position, self._settings.page_size, chase=chase):
            total = counted if counted is not None else total
            if after.done and after.started is not None and not chase:
                self._time.finished(kind, after.started, begun)
            yield docs, _cursor(after, number), total

    def _fetch(self, kind: str) -> Fetch:
        async def fetch(since: datetime | None, page: int, size: int) -> Listing:
            until = self._clock.monotonic() + self._settings.list_deadline
            return await self._exchange.listing(kind, since, page, size, until)

        return fetch


def _primed(first: Listing, fetch: Fetch) -> Fetch:
    """The same list, whose first page was read already."""
    waiting = [first]

    async def primed(since: datetime | None, page: int, size: int) -> Listing:
        return waiting.pop() if waiting else await fetch(since, page, size)

    return primed


class _Idle(msgspec.Struct, forbid_unknown_fields=True):
    after: str
    number: int = 0


class _UnderWay(msgspec.Struct, forbid_unknown_fields=True, rename={"border": "from"}):
    border: str
    started: str
    page: int = 0
    row: str | None = None
    size: int = 0
    number: int = 0


def _cursor(position: Position, number: int) -> Cursor:
    border = moment_text(position.border) if position.border is not None else ""
    if position.done or position.started is None:
        return {"after": border, "number": number}
    place = {"page": position.page, "row": position.row, "size": position.size}
    return {"from": border, "started": moment_text(position.started), **place, "number": number}


def _position(cursor: Cursor | None, overlap: timedelta) -> tuple[Position, int]:
    """Where a pass starts, and its number.

    A cursor we cannot read starts at the beginning: that costs time and loses nothing.
    """
    if cursor is None:
        return Position(border=None), 1
    try:
        if "after" in cursor:
            idle = msgspec.convert(cursor, _Idle)
            return Position(border=moment(idle.after) - overlap), idle.number + 1
        kept = msgspec.convert(cursor, _UnderWay)
        border, started = moment(kept.border), moment(kept.started)
    except (ValueError, msgspec.ValidationError):
        return Position(border=None), 1
    return Position(border=border, started=started, page=kept.page, row=kept.row, size=kept.size), kept.number
