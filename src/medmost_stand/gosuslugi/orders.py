"""The real order API, /api/gusmev/… and the dictionary (facts/gosuslugi.md §2.3–§2.6)."""

from __future__ import annotations

import re
import uuid
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.requests import check_own, own
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

_StatusRow = dict[str, Any]
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")


class OrderCalls:
    """An applicant's API; the department sees the orders of its own services (our assumption)."""

    def __init__(self, system: System, orders: Orders) -> None:
        self._system = system
        self._orders = orders

    async def details(self, call: Call) -> web.Response:
        """§2.4: `order` is JSON inside a string; 204 if there is no such order."""
        record = self._system.get("requests", call.id)
        if record.deleted:
            raise Refusal(Reason.NOT_FOUND, "Заявление удалено")
        check_own(record)
        order = orjson.dumps(record.fields()["order"]).decode()
        body = {"code": "OK", "message": None, "messageId": str(uuid.uuid4()), "order": order}
        return json_response(orjson.dumps(body))

    async def create(self, call: Call) -> web.Response:
        """A draft for region, serviceCode and targetCode; the policy number is our model's addition."""
        body = await call.json()
        given = {name[:1].lower() + name[1:]: value for name, value in body.items()}
        region = given.get("region")
        if not isinstance(region, str) or not re.fullmatch(r"\d{2,11}", region):
            raise Refusal(Reason.BAD_REQUEST, "region: код ОКАТО от 2 до 11 цифр", "region")
        record = self._orders.submit(given, Actor(call.client))
        await self._system.storage.committed()
        return json_response(orjson.dumps({"orderId": int(record.id)}))

    async def cancel(self, call: Call) -> web.Response:
        """200 with an empty body; 405 where the present status does not allow it (the documented number)."""
        check_own(self._system.get("requests", call.id))
        try:
            self._orders.cancel(call.id, Actor(call.client))
        except Refusal as refusal:
            if refusal.reason is Reason.CANCEL_NOT_ALLOWED:
                raise Refusal(refusal.reason, refusal.text, status=405) from None
            raise
        await self._system.storage.committed()
        return web.Response(status=200)

    async def statuses(self, call: Call) -> web.Response:
        """getOrdersStatus: the present status of up to a page of given orders."""
        wanted = [part.strip() for part in call.request.query.get("orderIds", "").split(",") if part.strip()]
        return _page(call, [self._status(order_id) for order_id in wanted])

    async def updated_after(self, call: Call) -> web.Response:
        """getUpdatedAfter: Moscow time with milliseconds and no zone, as §2.3 writes it."""
        after = call.request.query.get("updatedAfter", "")
        if not _NO_ZONE.fullmatch(after):
            text = "updatedAfter: нужно московское время ГГГГ-ММ-ДДTЧЧ:ММ:СС.ССС без зоны"
            raise Refusal(Reason.BAD_REQUEST, text, "updatedAfter")
        rows = [self._status(record.id) for record in self._system.shelves["requests"]]
        return _page(call, [row for row in rows if row["status"] and row["status"]["updated"] > after])

    def _status(self, order_id: str) -> _StatusRow:
        record = self._system.shelves["requests"].records.get(order_id)
        number = int(order_id) if order_id.isdigit() else None
        if record is None or record.deleted or not own(record):
            return {"orderId": number, "orderSearchStatus": "NOT_FOUND", "status": None}
        return {"orderId": number, "orderSearchStatus": "FOUND", "status": _status_of(record)}


def _status_of(record: Record) -> dict[str, object]:
    order = record.fields()["order"]
    return {
        "statusId": order["orderStatusId"],
        "statusName": order["orderStatusName"],
        "updated": str(order["updated"]).removesuffix("+0300"),
    }


def _page(call: Call, rows: list[_StatusRow]) -> web.Response:
    query = call.request.query
    numbers = [query.get("pageNum", "0"), query.get("pageSize", "5")]
    if not all(number.isascii() and number.isdigit() for number in numbers) or int(numbers[1]) == 0:
        raise Refusal(Reason.BAD_REQUEST, "pageNum и pageSize: нужны числа", "pageNum")
    page, size = int(numbers[0]), int(numbers[1])
    shown = rows[page * size : (page + 1) * size]
    return json_response(orjson.dumps({"count": len(shown), "totalCount": len(rows), "content": shown}))
