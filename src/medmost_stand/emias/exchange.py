"""EMIAS' REST over all collections (contracts.md §2)."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.emias.pages import PageTokens, page_size
from medmost_stand.emias.wire import parse_since, stamp_text
from medmost_stand.idempotency import Answer, fingerprint
from medmost_stand.records import Record, found_by_key
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

CreateCall = Callable[[Actor], Record]


def version_of(header: str | None) -> int | None:
    """The version of an If-Match (`"17"`, 17, W/"17"); None without one; Refusal VERSION_MISMATCH otherwise."""
    if header is None:
        return None
    text = header.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit():
        raise Refusal(Reason.VERSION_MISMATCH, 'If-Match: нужна версия записи в кавычках, например "3"')
    return int(text)


def actor_of(call: Call) -> Actor:
    """The caller with the idempotency key it sent."""
    return Actor(call.client, call.request.headers.get("Idempotency-Key"))


class EmiasExchange:
    """Handlers of the collections; each answers after its change is in the file."""

    def __init__(self, system: System, pages: PageTokens) -> None:
        self._system = system
        self._pages = pages

    async def list_records(self, call: Call) -> web.Response:
        """A page, `?updatedSince=` inclusive; or the records of one `?origin=`."""
        query = call.request.query
        shelf = self._system.shelves[call.collection]
        if "origin" in query:
            return self._page(shelf.by_origin(query["origin"]), None)
        size = page_size(query.get("pageSize"))
        if query.get("pageToken"):
            start = max(0, self._pages.position(shelf, query["pageToken"]) + call.shift)
        else:
            since = query.get("updatedSince")
            start = shelf.since(parse_since(since) if since else None)
        records = shelf.page(start, size)
        more = start + size < len(shelf)
        if call.miscount:
            more = bool(records) if call.miscount > 0 else start + 2 * size < len(shelf)
        return self._page(records, self._pages.write(records[-1]) if more else None)

    def _page(self, records: list[Record], token: str | None) -> web.Response:
        listed = self._system.dialect.listed
        tail = orjson.dumps({"nextPageToken": token, "serverTime": stamp_text(self._system.clock.stamp())})
        return json_response(b'{"items":[' + b",".join(map(listed, records)) + b"]," + tail[1:])

    async def read(self, call: Call) -> web.Response:
        """The record, or its tombstone."""
        return self._shown(self._system.get(call.collection, call.id))

    async def create(self, call: Call) -> web.Response:
        """201 with Location and ETag; under a known Idempotency-Key the first answer again."""
        body = await call.json()
        return await self._once(call, body, lambda actor: self._system.create(call.collection, body, actor))

    async def move(self, call: Call) -> web.Response:
        """Another time for a booked visit: 201 with the new record."""
        body = await call.json()
        expected = version_of(call.request.headers.get("If-Match"))
        return await self._once(call, body, lambda actor: self._system.move(call.id, body, expected, actor))

    async def _once(self, call: Call, body: Body, write: CreateCall) -> web.Response:
        actor = actor_of(call)
        seen = fingerprint(call.request.method, call.request.path, body)
        known = self._system.idempotency.recall(call.client, actor.key, seen) if actor.key else None
        if known is None:
            record = write(actor)
            place = f"/api/v1/{record.collection}/{record.id}"
            headers = {"Location": place, "ETag": f'"{record.version}"'}
            known = Answer(201, headers, self._system.dialect.listed(record))
            if actor.key:
                self._system.idempotency.remember(call.client, actor.key, seen, known)
        await self._system.storage.committed()
        return json_response(known.body, known.status, known.headers)

    async def replace(self, call: Call) -> web.Response:
        """The whole body anew; If-Match is a must."""
        body = await call.json()
        expected = version_of(call.request.headers.get("If-Match"))
        if expected is None:
            raise Refusal(Reason.VERSION_REQUIRED, "Нужен заголовок If-Match с версией записи")
        record = self._system.replace(call.collection, call.id, body, expected, actor_of(call))
        await self._system.storage.committed()
        return self._shown(record)

    async def delete(self, call: Call) -> web.Response:
        """A tombstone stays; If-Match is heeded where sent."""
        expected = version_of(call.request.headers.get("If-Match"))
        record = self._system.delete(call.collection, call.id, expected, actor_of(call))
        await self._system.storage.committed()
        return self._shown(record)

    async def search(self, call: Call) -> web.Response:
        """Live records with the natural key in the body."""
        shelf = self._system.shelves[call.collection]
        return self._page(found_by_key(shelf, await call.json()), None)

    def _shown(self, record: Record) -> web.Response:
        return json_response(self._system.dialect.listed(record), 200, {"ETag": f'"{record.version}"'})
