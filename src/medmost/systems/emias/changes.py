"""Passes over a list of EMIAS: opaque page tokens within a pass, the server's time between passes.

The order is (updatedAt, id) and a token names a place in it, so a record that changes meanwhile moves behind the
place and is listed again; none is stepped over. Late commits are what the overlap is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from medmost.domain.errors import Refused
from medmost.domain.record import Doc, Side
from medmost.systems.contract import Cursor
from medmost.systems.emias.wire import NAMES, moment, moment_text
from medmost.systems.failures import page_error
from medmost.systems.http import Call, Http
from medmost.systems.items import items
from medmost.systems.paths import query
from medmost.systems.settings import EmiasSettings
from medmost.systems.timekeeping import Timekeeper

SIDE = Side.EMIAS
TOKEN_REFUSED = "SIM_BAD_PAGE_TOKEN"  # noqa: S105 (an error code)


class Listing(msgspec.Struct, frozen=True):
    docs: list[Doc]
    token: str | None
    time: datetime


class _Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cursor: `since` is the system's time, `token` and `started` are there within a pass only.

    Between passes `since` is when the last pass began; within one it is what the pass asked for, None for all.
    """

    since: str | None = None
    token: str | None = None
    started: str | None = None


class Changes:
    """Pages of documents with the cursor after each."""

    def __init__(self, http: Http, settings: EmiasSettings, time: Timekeeper) -> None:
        self._http = http
        self._settings = settings
        self._time = time

    async def pages(
        self, kind: str, cursor: Cursor | None, *, chase: bool = False
    ) -> AsyncIterator[tuple[list[Doc], Cursor]]:
        """`chase` goes on to the very end; else the pass ends once it is past the moment it began."""
        begun = self._http.clock.monotonic()
        since, token, started = _start(cursor, timedelta(seconds=self._settings.overlap))
        while True:
            listing, since, token = await self._next(kind, since, token, fresh=started is None)
            started = started or listing.time
            past = bool(listing.docs) and _stamp(listing.docs[-1]) > started
            if listing.token is None or (past and not chase):
                if not chase:
                    self._time.finished(kind, started, begun)
                yield listing.docs, {"since": moment_text(started)}
                return
            token = listing.token
            asked = moment_text(since) if since is not None else None
            yield listing.docs, {"since": asked, "token": token, "started": moment_text(started)}

    async def probe(self, until: float) -> None:
        """One authenticated call that hears the system's clock."""
        await self._listing("policy", self._http.clock.now(), None, 1, until)

    async def _next(
        self, kind: str, since: datetime | None, token: str | None, *, fresh: bool
    ) -> tuple[Listing, datetime | None, str | None]:
        size = self._settings.page_size
        try:
            listing = await self._listing(kind, since, token, size, self._end())
        except Refused as refused:
            if token is None or refused.said != TOKEN_REFUSED:
                raise
            token = None  # tokens may outlive neither a restart of the system nor a day: the pass begins again
            listing = await self._listing(kind, since, None, size, self._end())
        if fresh and since is not None and (lost := self._time.set_back(kind, listing.time)):
            since = since - lost
            listing = await self._listing(kind, since, None, size, self._end())
        return listing, since, token

    async def _listing(self, kind: str, since: datetime | None, token: str | None, size: int, until: float) -> Listing:
        base = f"{self._settings.api_path}/{self._settings.collections[kind]}"
        parameters = {
            "updatedSince": moment_text(since) if since is not None and token is None else None,
            "pageToken": token,
            "pageSize": size,
        }
        path = base + query(parameters)
        answer = await self._http.call(Call(operation="read", method="GET", route=base, path=path, until=until))
        data = answer.object()
        docs, after = items(SIDE, NAMES, data, "items"), data.get("nextPageToken")
        if after is not None and (not isinstance(after, str) or not after or after == token):
            raise page_error(SIDE, "the page token is not a new one", "неверный указатель следующей страницы")
        try:
            theirs = moment(data["serverTime"])
            for doc in docs[-1:]:
                _stamp(doc)
        except (KeyError, TypeError, ValueError):
            raise page_error(SIDE, "a page or an item has no time", "у страницы или записи нет времени") from None
        self._time.heard(theirs)
        return Listing(docs, after, theirs)

    def _end(self) -> float:
        return self._http.clock.monotonic() + self._settings.list_deadline


def _start(cursor: Cursor | None, overlap: timedelta) -> tuple[datetime | None, str | None, datetime | None]:
    """Since, token, start of the pass. A cursor we cannot read starts at the beginning: that loses nothing."""
    if cursor is None:
        return None, None, None
    try:
        place = msgspec.convert(cursor, _Place)
        since = moment(place.since) if place.since is not None else None
        started = moment(place.started) if place.started is not None else None
    except (ValueError, msgspec.ValidationError):
        return None, None, None
    if place.token is None:
        return (since - overlap if since is not None else None), None, None
    return since, place.token, started


def _stamp(doc: Doc) -> datetime:
    return moment(doc[NAMES.stamp])
