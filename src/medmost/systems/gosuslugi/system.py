"""Gosuslugi as a `System`: the exchange for all kinds, with the order API's details for requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from medmost.domain.record import Doc, Observation, Side
from medmost.systems.contract import Accepted, Cursor, Health, Page, Write
from medmost.systems.gosuslugi.changes import Changes
from medmost.systems.gosuslugi.exchange import Exchange
from medmost.systems.gosuslugi.orders import KIND as REQUEST
from medmost.systems.gosuslugi.orders import Orders, not_ours, order_id_of
from medmost.systems.gosuslugi.wire import NAMES
from medmost.systems.health import Pulse
from medmost.systems.http import Http
from medmost.systems.items import observation, told
from medmost.systems.settings import GosuslugiSettings
from medmost.systems.signing import Signer
from medmost.systems.timekeeping import Timekeeper
from medmost.systems.tokens import TokenKeeper


class Gosuslugi:
    """Every call but a list ends within `settings.deadline` seconds, token renewals and waiting included."""

    side = Side.GOSUSLUGI

    def __init__(self, http: Http, settings: GosuslugiSettings, tokens: TokenKeeper, signer: Signer) -> None:
        self._http = http
        self._settings = settings
        time = Timekeeper(http.clock)
        self._exchange = Exchange(http, settings, time)
        self._changes = Changes(http, self._exchange, settings, time)
        self._orders = Orders(http, self._exchange, settings)
        self._pulse = Pulse(http, tokens, time, signer)
        self._done: dict[str, int] = {}  # requests whose details the last pass brought, and what it ended with
        self._ended: Cursor | None = None

    async def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        if kind == REQUEST:
            async for page in self._requests(cursor):
                yield page
            return
        async for docs, after, total in self._changes.pages(kind, cursor):
            yield Page(self._seen(kind, docs), after, total)

    async def everything(self, kind: str) -> AsyncIterator[Page]:
        async for docs, after, total in self._changes.pages(kind, None, chase=True):
            whole = await self._orders.completed(docs, self._page_end()) if kind == REQUEST else docs
            yield Page(self._seen(kind, whole), after, total)

    async def read(self, kind: str, ref: str) -> Observation | None:
        reader = self._orders.read(ref, self._end()) if kind == REQUEST else self._exchange.read(kind, ref, self._end())
        doc = await reader
        return None if doc is None else observation(self.side, NAMES, kind, doc)

    async def write(self, write: Write) -> Observation | Accepted:
        if write.kind == REQUEST:
            return observation(self.side, NAMES, REQUEST, await self._orders.write(write, self._end()))
        taken = await self._exchange.write(write, self._end())
        return taken if isinstance(taken, Accepted) else observation(self.side, NAMES, write.kind, taken)

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation:
        if kind == REQUEST:
            raise not_ours("a request is never deleted by the department", "ведомство не удаляет заявки")
        doc = await self._exchange.delete(kind, ref, expected, key, self._end())
        return observation(self.side, NAMES, kind, doc)

    async def find(self, kind: str, *, origin: str | None = None, natural: Doc | None = None) -> list[Observation]:
        end = self._end()
        docs: list[Doc] = []
        if origin is not None:
            docs = await self._exchange.by_origin(kind, origin, end)
        elif kind == REQUEST:
            order_id = order_id_of(natural or {})
            doc = await self._exchange.read(kind, order_id, end) if order_id is not None else None
            docs = [doc] if doc is not None and not doc.get(NAMES.deleted) else []
        elif natural:
            docs = await self._exchange.by_key(kind, natural, end)
        if kind == REQUEST:
            docs = await self._orders.completed(docs, end)
        return list(self._seen(kind, docs))

    def told(self, kind: str, record: Any) -> Observation | None:
        seen = told(self.side, NAMES, kind, record)
        whole = kind != REQUEST or seen is None or seen.gone  # the exchange's row of a request lacks its order
        return seen if whole else None

    async def subscribe(self, url: str, secret: str, collections: list[str]) -> None:
        await self._exchange.subscribe({"url": url, "secret": secret, "collections": collections}, self._end())

    async def probe(self) -> Health:
        return await self._pulse.after(self._exchange.probe(self._end()))

    def health(self) -> Health:
        return self._pulse.now()

    async def close(self) -> None:
        await self._http.close()

    async def _requests(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Details cost a call each, so those that the pass before brought, and that were absorbed, are not read again.

        That they were absorbed shows in the cursor: it is the one with which that pass ended.
        """
        known = self._done if cursor is not None and cursor == self._ended else {}
        fresh: dict[str, int] = {}
        async for docs, after, total in self._changes.pages(REQUEST, cursor):
            wanted = [doc for doc in docs if known.get(doc[NAMES.ref]) != doc[NAMES.version]]
            fresh.update((doc[NAMES.ref], doc[NAMES.version]) for doc in docs)
            whole = await self._orders.completed(wanted, self._page_end())
            self._done, self._ended = fresh, after
            yield Page(self._seen(REQUEST, whole), after, total)

    def _seen(self, kind: str, docs: list[Doc]) -> tuple[Observation, ...]:
        return tuple(observation(self.side, NAMES, kind, doc) for doc in docs)

    def _end(self) -> float:
        return self._http.clock.monotonic() + self._settings.deadline

    def _page_end(self) -> float:
        return self._http.clock.monotonic() + self._settings.list_deadline
