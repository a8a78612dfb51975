"""The real order API, /api/gusmev/… (facts/gosuslugi.md §2.3–§2.5, §2.9); sending stands in `order_push.py`."""

from __future__ import annotations

import re
import uuid
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_access import OrderAccess, check_applicant, check_sees, sees
from medmost_stand.gosuslugi.order_course import Courses
from medmost_stand.gosuslugi.order_files import REQUEST, RESULT, OrderFiles
from medmost_stand.gosuslugi.order_making import Making, meta_of
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.order_settings import OrderSettings, refused
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System
from medmost_stand.tokens import Claims

_StatusRow = dict[str, Any]
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")
_MESSAGES = uuid.UUID("71e35026-ade1-11e9-9931-00155d040494")  # names the message ids of orders


class OrderCalls:
    """An applicant's API; the department sees the sent orders of its own services (our assumption)."""

    def __init__(
        self, system: System, orders: Orders, access: OrderAccess, making: Making, courses: Courses, files: OrderFiles
    ) -> None:
        self._system = system
        self._orders = orders
        self._access = access
        self._making = making
        self._courses = courses
        self._files = files

    async def details(self, call: Call) -> web.Response:
        """§2.4: `order` is JSON inside a string, null while gu-smev is at work; 204 if there is no such order."""
        record = self._system.get("requests", call.id)
        check_sees(self._access.claims(call), record)
        code, message, shown = self._courses.told(record.id)
        order = orjson.dumps(record.fields()["order"]).decode() if shown else None
        named = str(uuid.uuid5(_MESSAGES, record.id))
        return json_response(orjson.dumps({"code": code, "message": message, "messageId": named, "order": order}))

    async def create(self, call: Call) -> web.Response:
        """A draft for region, serviceCode and targetCode; it goes nowhere before it is pushed."""
        claims, meta = self._access.claims(call), meta_of(await call.json())
        service = self._access.service(meta, claims)
        self._access.count_application(service, claims)
        record = self._making.draft(meta, service, claims)
        await self._system.storage.committed()
        return json_response(orjson.dumps({"orderId": int(record.id)}))

    async def cancel(self, call: Call) -> web.Response:
        """200 with an empty body; 405 where the present status does not allow it (the documented number)."""
        check_applicant(self._access.claims(call), self._system.get("requests", call.id))
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
        claims = self._access.claims(call)
        wanted = [part.strip() for part in call.request.query.get("orderIds", "").split(",") if part.strip()]
        if not all(one.isascii() and one.isdigit() and len(one) < 19 for one in wanted):
            raise Refusal(Reason.BAD_REQUEST, "orderIds: нужны номера заявлений через запятую", "orderIds")
        return _page(call, [self._status(claims, order_id) for order_id in wanted])

    async def updated_after(self, call: Call) -> web.Response:
        """getUpdatedAfter: Moscow time with milliseconds and no zone, as §2.3 writes it."""
        claims, after = self._access.claims(call), call.request.query.get("updatedAfter", "")
        if not _NO_ZONE.fullmatch(after):
            text = "updatedAfter: нужно московское время ГГГГ-ММ-ДДTЧЧ:ММ:СС.ССС без зоны"
            raise Refusal(Reason.BAD_REQUEST, text, "updatedAfter")
        rows = [self._status(claims, record.id) for record in self._system.shelves["requests"]]
        return _page(call, [row for row in rows if row["status"] and row["status"]["updated"] > after])

    async def download(self, call: Call) -> web.Response:
        """A file of an order; objectId is the order's or that of its present status, mnemonic the file's name."""
        parts, claims = call.request.match_info, self._access.claims(call)
        kind, name = parts["object_type"], call.request.query.get("mnemonic", "")
        if kind not in (REQUEST, RESULT):
            raise refused("bad_request", "objectType: 2 — файлы заявления, 3 — файлы результата", "objectType")
        record = self._owner(parts["object_id"])
        check_sees(claims, record)
        order = record.fields()["order"]
        if claims.subject is None and order.get("personType") == "PERSON" and kind == REQUEST:
            raise refused("access_denied_personal_data")  # a department gets them by СМЭВ, not here (our reading)
        found = self._files.get(order, kind, name)
        if found is None:
            raise refused("not_found", "Такого файла у заявления нет", "mnemonic")
        return web.Response(body=found[0], content_type=found[1].partition(";")[0])

    def _owner(self, object_id: str) -> Record:
        shelf = self._system.shelves["requests"].records
        if object_id in shelf:
            return shelf[object_id]
        first = int(object_id) // 10 if object_id.isascii() and object_id.isdigit() else 0
        for number in (first, first - 1):  # a status id is its order's with one digit more, and goes on from there
            record = shelf.get(str(number))
            if record is not None and not record.deleted:
                ids = {str(row["id"]) for row in record.fields()["order"]["statuses"]}
                if object_id in ids:
                    return record
        raise Refusal(Reason.NOT_FOUND, "Такого заявления нет")

    def _status(self, claims: Claims, order_id: str) -> _StatusRow:
        record = self._system.shelves["requests"].records.get(order_id)
        if record is None or record.deleted or not sees(claims, record):
            return {"orderId": int(order_id), "orderSearchStatus": "NOT_FOUND", "status": None}
        return {"orderId": int(order_id), "orderSearchStatus": "FOUND", "status": _status_of(record)}


class OrderAdmin:
    """Switches of the order API under /stand/ (loopback only)."""

    def __init__(self, settings: OrderSettings) -> None:
        self._settings = settings

    async def show(self, _: Call) -> web.Response:
        """The switches as they stand."""
        return json_response(orjson.dumps(self._settings))

    async def change(self, call: Call) -> web.Response:
        """Any of them."""
        self._settings.change(await call.json())
        return await self.show(call)


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
    if not all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers) or not int(numbers[1]):
        raise Refusal(Reason.BAD_REQUEST, "pageNum и pageSize: нужны числа", "pageNum")
    page, size = int(numbers[0]), int(numbers[1])
    shown = rows[page * size : (page + 1) * size]
    return json_response(orjson.dumps({"count": len(shown), "totalCount": len(rows), "content": shown}))
