"""Requests (заявки): what changed is listed by the exchange, details come from the real order API.

Order API: facts/gosuslugi.md §2.3, §2.4. It is an applicant's API and cannot set a status (the department's real
channel is СМЭВ 3), so new history rows go through the exchange, one call per row (our model, design §6).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import orjson

from medmost.domain.errors import Refused
from medmost.domain.record import Doc, Side
from medmost.systems.contract import Write
from medmost.systems.failures import Complaint, refused
from medmost.systems.gosuslugi.exchange import Exchange
from medmost.systems.gosuslugi.wire import NAMES
from medmost.systems.http import Call, Http
from medmost.systems.items import identified
from medmost.systems.paths import segment
from medmost.systems.settings import GosuslugiSettings

SIDE = Side.GOSUSLUGI
KIND = "request"


class Orders:
    """Completes exchange rows with their order and writes history rows."""

    def __init__(self, http: Http, exchange: Exchange, settings: GosuslugiSettings) -> None:
        self._http = http
        self._exchange = exchange
        self._settings = settings
        self._at_once = asyncio.Semaphore(settings.orders_in_flight)

    async def completed(self, rows: list[Doc], until: float) -> list[Doc]:
        """The rows with `order` inside; tombstones stay as they are."""
        tasks = [asyncio.ensure_future(self._complete(row, until)) for row in rows]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def read(self, ref: str, until: float) -> Doc | None:
        row = await self._exchange.read(KIND, ref, until)
        return None if row is None else await self._complete(row, until)

    async def write(self, write: Write, until: float) -> Doc:
        """Adds the rows that the document has without an id, oldest first, and reads the request back.

        Raises Refused for a create: only a citizen submits a request. Each row goes against the version that the
        row before it made, so a person's change in between is Stale.
        """
        if write.ref is None:
            raise not_ours("a request is submitted by a citizen only", "заявку подаёт только гражданин")
        version = write.expected
        for number, row in enumerate(new_rows(write.doc)):
            key = f"{write.key}/{row.get('originRowId') or number}"
            taken = await self._exchange.put_row(KIND, write.ref, row, version, key, until)
            version = identified(SIDE, NAMES, taken)[1]
        shown = await self.read(write.ref, until)
        if shown is None:
            raise not_ours("the request is not known", "такой заявки нет в системе")
        return shown

    async def _complete(self, row: Doc, until: float) -> Doc:
        if row.get(NAMES.deleted):
            return row
        order_id = row.get("orderId", row[NAMES.ref])
        if not isinstance(order_id, int | str):
            return row
        async with self._at_once:
            order = await self._order(str(order_id), until)
        return row if order is None else {**row, "order": order}

    async def _order(self, order_id: str, until: float) -> Any:
        """The order; None for 204. What is not the object it should be stays as it is: the mapping tells people so."""
        base = self._settings.orders_path + "/order/"
        call = Call(
            operation="orders",
            method="POST",
            route=base + "{id}",
            path=base + segment(order_id),
            until=until,
            ok=(200, 204),
        )
        answer = await self._http.call(call)
        if answer.status == 204:
            return None
        inside = answer.object().get("order")
        if not isinstance(inside, str):
            return inside
        try:
            return orjson.loads(inside)
        except orjson.JSONDecodeError:
            return inside


def order_id_of(natural: Doc) -> str | None:
    """The order id in a natural key, however deep the mapping puts it."""
    order = natural.get("order")
    inside = order.get("id") if isinstance(order, dict) else None
    found = inside if inside is not None else natural.get("orderId", natural.get("id"))
    return str(found) if isinstance(found, int | str) and found != "" else None


def new_rows(doc: Doc) -> list[Doc]:
    """History rows that the system has not got yet, in the form in which it takes them, oldest first."""
    order = doc.get("order")
    rows = order.get("statuses") if isinstance(order, dict) else None
    fresh = [row for row in rows or [] if isinstance(row, dict) and row.get("id") is None]
    return [
        {
            "statusId": row.get("statusId"),
            "title": row.get("title"),
            "comment": row.get("comment"),
            "at": row.get("date"),
            "originRowId": row.get("originRowId"),
        }
        for row in sorted(fresh, key=_time)
    ]


def not_ours(en: str, ru: str) -> Refused:
    return refused(SIDE, Complaint(f"medmost: {en}", ru))


def _time(row: Doc) -> tuple[bool, float]:
    try:
        return False, datetime.fromisoformat(str(row.get("date"))).timestamp()
    except ValueError:  # goes last; the system will say what is wrong with it
        return True, 0.0
