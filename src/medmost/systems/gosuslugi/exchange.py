"""Gosuslugi's exchange API: pages by offset, Moscow times, `редакция` as the version (contracts §2; our model)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from medmost.domain.record import Doc, Side
from medmost.systems.contract import Accepted, Write
from medmost.systems.failures import failure, page_error
from medmost.systems.gosuslugi.walk import Listing
from medmost.systems.gosuslugi.wire import NAMES, complain, moment, moment_text
from medmost.systems.http import Answer, Call, Http, encoded
from medmost.systems.items import body_of, identified, items
from medmost.systems.limits import Operation
from medmost.systems.paths import query, segment
from medmost.systems.settings import GosuslugiSettings
from medmost.systems.timekeeping import Timekeeper

SIDE = Side.GOSUSLUGI


class Exchange:
    """Documents of every collection as the exchange shows them. `until` is a monotonic moment everywhere."""

    def __init__(self, http: Http, settings: GosuslugiSettings, time: Timekeeper) -> None:
        self._http = http
        self._settings = settings
        self._time = time

    async def read(self, kind: str, ref: str, until: float) -> Doc | None:
        """The record or its tombstone; None for 204, which says that the ref is unknown and never that it is gone."""
        answer = await self._call("read", "GET", kind, until, ref=ref, ok=(200, 204))
        return self._record(answer) if answer.status == 200 else None

    async def write(self, write: Write, until: float) -> Doc | Accepted:
        body = body_of(NAMES, write.doc)
        if write.ref is None:
            headers = {"X-Request-Id": write.key}
            if write.origin is not None:
                body[NAMES.origin] = write.origin
            return self._taken(await self._send("POST", write.kind, None, body, headers, until))
        headers = {"X-Request-Id": write.key, "If-Match": f'"{write.expected}"'}
        return self._taken(await self._send("PUT", write.kind, write.ref, body, headers, until))

    async def put_row(self, kind: str, ref: str, row: Doc, expected: int, key: str, until: float) -> Doc:
        """A partial PUT, as requests take their status rows; the record after it."""
        headers = {"X-Request-Id": key, "If-Match": f'"{expected}"'}
        return self._record(await self._send("PUT", kind, ref, row, headers, until, ok=(200, 201)))

    async def delete(self, kind: str, ref: str, expected: int, key: str, until: float) -> Doc:
        headers = {"X-Request-Id": key, "If-Match": f'"{expected}"'}
        answer = await self._call("write", "DELETE", kind, until, ref=ref, headers=headers, ok=(200, 204))
        if answer.status == 204:  # facts/gosuslugi.md §2.9: nothing is there under this id
            raise failure(SIDE, 400, complain(204, None), None)
        return self._record(answer)

    async def by_origin(self, kind: str, origin: str, until: float) -> list[Doc]:
        answer = await self._call("read", "GET", kind, until, parameters={"origin": origin})
        return items(SIDE, NAMES, answer.object(), "content")

    async def by_key(self, kind: str, natural: Doc, until: float) -> list[Doc]:
        answer = await self._call("read", "POST", kind, until, tail="/search", body=natural)
        return items(SIDE, NAMES, answer.object(), "content")

    async def probe(self, until: float) -> None:
        """One authenticated call that hears the system's clock."""
        await self.listing("policy", self._http.clock.now(), 0, 1, until)

    async def subscribe(self, body: dict[str, Any], until: float) -> None:
        path = self._settings.exchange_path + "/subscriptions"
        call = Call(
            operation="write", method="POST", route=path, path=path, until=until, body=encoded(body), ok=(200, 201)
        )
        await self._http.call(call)

    async def listing(self, kind: str, since: datetime | None, page: int, size: int, until: float) -> Listing:
        """One page of what changed at `since` or later (None: all there is). Raises Transient MM-SYS-PAGE."""
        changed = None if since is None else moment_text(since)
        parameters: dict[str, str | int | None] = {"changedAfter": changed, "page": page, "size": size}
        answer = (await self._call("read", "GET", kind, until, parameters=parameters)).object()
        docs = items(SIDE, NAMES, answer, "content")
        told, total = answer.get("size"), answer.get("total")
        try:
            theirs = moment(answer["время"])
            rows = [(moment(doc[NAMES.stamp]), *identified(SIDE, NAMES, doc), doc) for doc in docs]
        except (KeyError, TypeError, ValueError):
            raise page_error(SIDE, "a page or an item has no time", "у страницы или записи нет времени") from None
        self._time.heard(theirs)
        full = told if isinstance(told, int) and 0 < told < size else size
        return Listing(rows, full, total if isinstance(total, int) else None, theirs)

    async def _send(
        self,
        method: str,
        kind: str,
        ref: str | None,
        body: Doc,
        headers: dict[str, str],
        until: float,
        ok: tuple[int, ...] = (200, 201, 202),
    ) -> Answer:
        answer = await self._call("write", method, kind, until, ref=ref, body=body, headers=headers, ok=(*ok, 204))
        if answer.status == 204:
            raise failure(SIDE, 400, complain(204, None), None)
        return answer

    async def _call(
        self,
        operation: Operation,
        method: str,
        kind: str,
        until: float,
        *,
        ref: str | None = None,
        tail: str = "",
        parameters: dict[str, str | int | None] | None = None,
        body: Doc | None = None,
        headers: dict[str, str] | None = None,
        ok: tuple[int, ...] = (200,),
    ) -> Answer:
        base = f"{self._settings.exchange_path}/{self._settings.collections[kind]}"
        return await self._http.call(
            Call(
                operation=operation,
                method=method,
                route=base + ("/{id}" if ref is not None else "") + tail,
                path=base + (f"/{segment(ref)}" if ref is not None else "") + tail + query(parameters or {}),
                until=until,
                headers=headers or {},
                body=None if body is None else encoded(body),
                ok=ok,
            )
        )

    def _taken(self, answer: Answer) -> Doc | Accepted:
        return Accepted() if answer.status == 202 else self._record(answer)

    def _record(self, answer: Answer) -> Doc:
        doc = answer.object()
        identified(SIDE, NAMES, doc)
        return doc
