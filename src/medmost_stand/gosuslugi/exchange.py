"""Gosuslugi's exchange over all collections but requests: our model, no public contract exists
(contracts.md §2, design.md §7)."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.wire import parse_since, stamp_text
from medmost_stand.idempotency import Answer, fingerprint
from medmost_stand.records import Record, found_by_key
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

LARGEST_PAGE = 500


def version_of(header: str | None) -> int | None:
    """The «редакция» of an If-Match (`"17"`); None without one; Refusal BAD_REQUEST for anything else."""
    if header is None:
        return None
    text = header.strip().strip('"')
    if not text.isascii() or not text.isdigit():
        raise Refusal(Reason.BAD_REQUEST, 'If-Match: нужна редакция записи в кавычках, например "17"', "If-Match")
    return int(text)


def actor_of(call: Call) -> Actor:
    """The caller with the request id it sent."""
    return Actor(call.client, call.request.headers.get("X-Request-Id"))


def whole_number(text: str | None, default: int, least: int, most: int, name: str) -> int:
    """A number of the query; Refusal BAD_REQUEST outside its bounds."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Refusal(Reason.BAD_REQUEST, f"{name}: нужно число от {least} до {most}", name)
    return int(text)


class GosuslugiExchange:
    """Handlers of the collections; each answers after its change is in the file.

    Pages are cut by number out of the order (изменено, id), and изменено has seconds: between two pages records
    may move, and equal stamps may stand on both sides of a page border.
    """

    def __init__(self, system: System) -> None:
        self._system = system

    async def list_records(self, call: Call, without: Collection[str] = ()) -> web.Response:
        """A page, `?changedAfter=` inclusive to the second; or the records of one `?origin=`."""
        query = call.request.query
        shelf = self._system.shelves[call.collection]
        if "origin" in query:
            found = shelf.by_origin(query["origin"])
            return self.page(found, 0, LARGEST_PAGE, len(found))
        page = whole_number(query.get("page"), 0, 0, 10**9, "page")
        size = whole_number(query.get("size"), LARGEST_PAGE, 1, LARGEST_PAGE, "size")
        since = query.get("changedAfter")
        start = shelf.since(parse_since(since) if since else None)
        if without:
            seen = [record for record in shelf.page(start, len(shelf)) if record.id not in without]
            total = max(0, len(seen) + call.miscount - call.shift)
            return self.page(seen[max(0, page * size + call.shift) :][:size], page, size, total)
        first = max(start, start + page * size + call.shift)
        return self.page(shelf.page(first, size), page, size, max(0, len(shelf) - start + call.miscount - call.shift))

    def page(self, records: list[Record], page: int, size: int, total: int) -> web.Response:
        """A page as the portal answers it; «время» is the portal's own clock."""
        now = stamp_text(self._system.clock.stamp())
        tail = orjson.dumps({"page": page, "size": size, "total": total, "время": now})
        listed = map(self._system.dialect.listed, records)
        return json_response(b'{"content":[' + b",".join(listed) + b"]," + tail[1:])

    async def read(self, call: Call) -> web.Response:
        """The record, or its tombstone; 204 if there never was one."""
        return self.shown(self._system.get(call.collection, call.id))

    async def create(self, call: Call) -> web.Response:
        """201; under a known X-Request-Id the first answer again."""
        body = await call.json()
        actor = actor_of(call)
        answer = self.created_once(call.collection, body, actor)
        await self._system.storage.committed()
        return json_response(answer.body, answer.status, answer.headers)

    def created_once(self, collection: str, body: Body, actor: Actor) -> Answer:
        """The answer to a create, from memory if the request id is known."""
        path = f"/api/exchange/v1/{collection}"
        seen = fingerprint("POST", path, body)
        idempotency = self._system.idempotency
        known = idempotency.recall(actor.client, actor.key, seen) if actor.key else None
        if known is not None:
            return known
        record = self._system.create(collection, body, actor)
        headers = {"Location": f"{path}/{record.id}", "ETag": f'"{record.version}"'}
        answer = Answer(201, headers, self._system.dialect.listed(record))
        if actor.key:
            idempotency.remember(actor.client, actor.key, seen, answer)
        return answer

    async def replace(self, call: Call) -> web.Response:
        """The whole body anew; If-Match is a must, another редакция gives 409."""
        body = await call.json()
        expected = version_of(call.request.headers.get("If-Match"))
        if expected is None:
            raise Refusal(Reason.VERSION_REQUIRED, "Нужен заголовок If-Match с редакцией записи")
        record = self._system.replace(call.collection, call.id, body, expected, actor_of(call))
        await self._system.storage.committed()
        return self.shown(record)

    async def delete(self, call: Call) -> web.Response:
        """A tombstone stays; If-Match is heeded where sent."""
        expected = version_of(call.request.headers.get("If-Match"))
        record = self._system.delete(call.collection, call.id, expected, actor_of(call))
        await self._system.storage.committed()
        return self.shown(record)

    async def search(self, call: Call) -> web.Response:
        """Live records with the natural key in the body."""
        found = found_by_key(self._system.shelves[call.collection], await call.json())
        return self.page(found, 0, LARGEST_PAGE, len(found))

    def shown(self, record: Record) -> web.Response:
        """One record with its редакция as ETag."""
        return json_response(self._system.dialect.listed(record), 200, {"ETag": f'"{record.version}"'})
