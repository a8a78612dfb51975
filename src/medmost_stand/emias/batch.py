"""EMIAS' `:batch`: up to 500 operations, each with its own answer, 207 over all."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.effects import Actor
from medmost_stand.emias.wire import error_object, status_of
from medmost_stand.idempotency import Answer, fingerprint
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

LARGEST_BATCH = 500


class EmiasBatch:
    """`{"items":[{"method","id","version","idempotencyKey","record"}]}`: what the single calls do, in a row."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def run(self, call: Call) -> web.Response:
        """Each item gets `{"status","record"}` or `{"status","error"}`; one refused item stops no other."""
        items = (await call.json()).get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Refusal(Reason.INVALID_FIELD, "Поле «items»: нужен список операций", "items")
        if len(items) > LARGEST_BATCH:
            raise Refusal(Reason.TOO_LARGE, f"В пакете не больше {LARGEST_BATCH} операций", "items")
        results = [self._one(call, item) for item in items]
        await self._system.storage.committed()
        return json_response(b'{"items":[' + b",".join(results) + b"]}", 207)

    def _one(self, call: Call, item: dict[str, Any]) -> bytes:
        try:
            status, record = self._apply(call, item)
        except Refusal as refusal:
            return orjson.dumps({"status": status_of(refusal), "error": error_object(refusal)})
        return b'{"status":%d,"record":%b}' % (status, record)

    def _apply(self, call: Call, item: dict[str, Any]) -> tuple[int, bytes]:
        method, record_id, record = item.get("method"), str(item.get("id")), item.get("record")
        key = item.get("idempotencyKey")
        actor = Actor(call.client, key if isinstance(key, str) else None)
        listed = self._system.dialect.listed
        if method == "GET":
            return 200, listed(self._system.get(call.collection, record_id))
        if method == "DELETE":
            return 200, listed(self._system.delete(call.collection, record_id, _version(item), actor))
        if not isinstance(record, dict):
            raise Refusal(Reason.INVALID_FIELD, "Поле «record»: нужен объект", "record")
        if method == "PUT":
            expected = _version(item)
            if expected is None:
                raise Refusal(Reason.VERSION_REQUIRED, "Поле «version»: нужна версия записи", "version")
            return 200, listed(self._system.replace(call.collection, record_id, record, expected, actor))
        if method == "POST":
            return 201, self._create(call, record, actor)
        raise Refusal(Reason.INVALID_FIELD, "Поле «method»: GET, POST, PUT или DELETE", "method")

    def _create(self, call: Call, body: dict[str, Any], actor: Actor) -> bytes:
        # The same key sent alone names the same call, so the fingerprint is that of the single POST.
        seen = fingerprint("POST", f"/api/v1/{call.collection}", body)
        known = self._system.idempotency.recall(call.client, actor.key, seen) if actor.key else None
        if known is not None:
            return known.body
        record: Record = self._system.create(call.collection, body, actor)
        shown = self._system.dialect.listed(record)
        if actor.key:
            headers = {"Location": f"/api/v1/{call.collection}/{record.id}", "ETag": f'"{record.version}"'}
            self._system.idempotency.remember(call.client, actor.key, seen, Answer(201, headers, shown))
        return shown


def _version(item: dict[str, Any]) -> int | None:
    version = item.get("version")
    if version is None:
        return None
    if isinstance(version, bool) or not str(version).strip('"').isdigit():
        raise Refusal(Reason.INVALID_FIELD, "Поле «version»: нужна версия записи", "version")
    return int(str(version).strip('"'))
