"""Requests in the exchange (our model): what changed, and the department's new status rows.

Details of an order come from the real order API (`orders.py`).
"""

from __future__ import annotations

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.gosuslugi.exchange import GosuslugiExchange, actor_of, version_of
from medmost_stand.gosuslugi.order_access import to_department
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.services import DEPARTMENT
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System


class RequestCalls:
    """Reading and the status row; a department neither submits nor deletes orders."""

    def __init__(self, system: System, exchange: GosuslugiExchange, orders: Orders) -> None:
        self._system = system
        self._exchange = exchange
        self._orders = orders
        self._foreign = {record.id for record in system.shelves["requests"] if not to_department(record)}
        system.listeners.append(self._note_foreign)

    def _note_foreign(self, record: Record) -> None:
        if record.collection != "requests":
            return
        if to_department(record):
            self._foreign.discard(record.id)  # a draft has been sent
        else:
            self._foreign.add(record.id)

    async def list_records(self, call: Call) -> web.Response:
        """The exchange's list without the orders of other departments."""
        if not self._foreign:
            return await self._exchange.list_records(call)
        return await self._exchange.list_records(call, without=self._foreign)

    async def read(self, call: Call) -> web.Response:
        """The line of one order; 403 for another department's."""
        record = self._system.get("requests", call.id)
        check_own(record)
        return self._exchange.shown(record)

    async def add_status(self, call: Call) -> web.Response:
        """A new row of the history: `{statusId, title, comment, at, originRowId}`, idempotent by originRowId."""
        body = await call.json()
        expected = version_of(call.request.headers.get("If-Match"))
        check_own(self._system.get("requests", call.id))
        record = self._orders.add_status(call.id, body, expected, actor_of(call))
        await self._system.storage.committed()
        return self._exchange.shown(record)

    async def search(self, call: Call) -> web.Response:
        """By `{"orderId": …}`."""
        record = self._system.shelves["requests"].records.get(str((await call.json()).get("orderId")))
        found = [record] if record is not None and not record.deleted and to_department(record) else []
        return self._exchange.page(found, 0, 1, len(found))


def check_own(record: Record) -> None:
    """Refusal NOT_ALLOWED for an order of another department's service, NOT_FOUND for one not sent yet."""
    if to_department(record):
        return
    if record.fields()["order"].get("stateOrgCode", DEPARTMENT) == DEPARTMENT:
        raise Refusal(Reason.NOT_FOUND, "Такого заявления нет")
    raise Refusal(Reason.NOT_ALLOWED, "У пользователя нет прав для работы с текущим заявлением")
