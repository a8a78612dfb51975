"""The exchange's batch: up to 100 operations in one call, a result for each (our model)."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.exchange import GosuslugiExchange, version_of
from medmost_stand.gosuslugi.wire import error_object, status_of
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

LARGEST_BATCH = 100


class GosuslugiBatch:
    """`{"operations":[{"method","id","редакция","requestId","record"}]}`, done in a row."""

    def __init__(self, system: System, exchange: GosuslugiExchange) -> None:
        self._system = system
        self._exchange = exchange

    async def run(self, call: Call) -> web.Response:
        """`{"results":[{"status","record"|"error"}]}`; one refused operation stops no other."""
        operations = (await call.json()).get("operations")
        if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
            raise Refusal(Reason.BAD_REQUEST, "Поле «operations»: нужен список операций", "operations")
        if len(operations) > LARGEST_BATCH:
            text = f"В пакете не больше {LARGEST_BATCH} операций"
            raise Refusal(Reason.BAD_REQUEST, text, "operations")
        results = [self._one(call, operation) for operation in operations]
        await self._system.storage.committed()
        return json_response(b'{"results":[' + b",".join(results) + b"]}")

    def _one(self, call: Call, operation: dict[str, Any]) -> bytes:
        try:
            status, record = self._apply(call, operation)
        except Refusal as refusal:
            return orjson.dumps({"status": status_of(refusal), "error": error_object(refusal)})
        return b'{"status":%d,"record":%b}' % (status, record)

    def _apply(self, call: Call, operation: dict[str, Any]) -> tuple[int, bytes]:
        method, record_id, body = operation.get("method"), str(operation.get("id")), operation.get("record")
        key, seen = operation.get("requestId"), operation.get("редакция")
        actor = Actor(call.client, key if isinstance(key, str) else None)
        expected = None if seen is None else version_of(str(seen))
        listed = self._system.dialect.listed
        if method == "GET":
            return 200, listed(self._system.get(call.collection, record_id))
        if method == "DELETE":
            return 200, listed(self._system.delete(call.collection, record_id, expected, actor))
        if not isinstance(body, dict):
            raise Refusal(Reason.BAD_REQUEST, "Поле «record»: нужен объект", "record")
        if method == "POST":
            return 201, self._exchange.created_once(call.collection, body, actor).body
        if method != "PUT":
            raise Refusal(Reason.BAD_REQUEST, "Поле «method»: GET, POST, PUT или DELETE", "method")
        if expected is None:
            raise Refusal(Reason.VERSION_REQUIRED, "Поле «редакция»: нужна редакция записи", "редакция")
        return 200, listed(self._system.replace(call.collection, record_id, body, expected, actor))
