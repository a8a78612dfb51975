"""Sending an order: the archive whole (`push`) or in parts (`push/chunked`), facts/gosuslugi.md §2.3."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from medmost_stand.api import Call, json_response
from medmost_stand.clock import Clock
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_access import OrderAccess, check_applicant
from medmost_stand.gosuslugi.order_archive import LARGEST, Verdict, judged
from medmost_stand.gosuslugi.order_course import Courses
from medmost_stand.gosuslugi.order_files import REQUEST, OrderFiles, request_rows
from medmost_stand.gosuslugi.order_making import Making, meta_of
from medmost_stand.gosuslugi.order_settings import OrderSettings, refused
from medmost_stand.gosuslugi.services import Service
from medmost_stand.records import Record
from medmost_stand.system import System
from medmost_stand.tokens import Claims

_SENDABLE = frozenset({0, 5, 15})  # a draft, one whose sending failed, one sent back for correction
_MOST_CHUNKS = 1000


@dataclass(slots=True)
class _Upload:
    """The parts of one archive so far; `base` is the number of the first one (0, or 1 as one example counts)."""

    started: float
    chunks: int
    base: int
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Form:
    meta: Body | None  # of a push in parts it may be absent: the draft has named its service
    archive: bytes
    order_id: str
    chunk: int | None
    chunks: int


class PushCalls:
    """Parts live in memory: an upload that a restart cuts off begins anew."""

    def __init__(
        self,
        system: System,
        access: OrderAccess,
        making: Making,
        courses: Courses,
        files: OrderFiles,
        settings: OrderSettings,
        clock: Clock,
    ) -> None:
        self._system = system
        self._access = access
        self._making = making
        self._courses = courses
        self._files = files
        self._settings = settings
        self._clock = clock
        self._uploads: dict[str, _Upload] = {}

    async def push(self, call: Call) -> web.Response:
        """A new order with its archive in one call."""
        claims, form = self._access.claims(call), await _form(call.request)
        if form.meta is None:
            raise refused("bad_request", "Нужна часть meta", "meta")
        service = self._access.service(form.meta, claims)
        self._access.count_application(service, claims)
        record = self._making.draft(form.meta, service, claims)
        return await self._send(record, form.archive, service, claims)

    async def push_chunked(self, call: Call) -> web.Response:
        """One part: 206 until the last, then 200. All within five minutes of the first."""
        claims, form = self._access.claims(call), await _form(call.request)
        record = self._system.get("requests", form.order_id)
        check_applicant(claims, record)
        order = record.fields()["order"]
        service = self._access.service(form.meta or {"serviceCode": order["eserviceId"]}, claims)
        if order["orderStatusId"] not in _SENDABLE or order["eserviceId"] != service.code:
            raise refused("push_denied")
        archive = self._collected(record.id, form)
        if archive is None:
            return _answer(record.id, 206)
        return await self._send(record, archive, service, claims)

    def _collected(self, order_id: str, form: _Form) -> bytes | None:
        """The whole archive with the last part, None before; Refusal bad_request for a part out of its turn."""
        now = self._clock.seconds()
        upload = self._uploads.get(order_id)
        if form.chunk is None or form.chunks == 1:
            self._uploads.pop(order_id, None)
            return form.archive
        if form.chunk == 0 or upload is None:
            if form.chunk > 1:
                raise refused("bad_request", "chunk: первой передаётся первая часть", "chunk")
            upload = self._uploads[order_id] = _Upload(now, form.chunks, form.chunk)
        if now - upload.started > self._settings.chunk_seconds:
            del self._uploads[order_id]
            raise refused("bad_request", "Время загрузки архива по частям истекло, начните с первой части", "chunk")
        place = form.chunk - upload.base
        if form.chunks != upload.chunks or not 0 <= place < upload.chunks:
            raise refused("bad_request", "chunk, chunks: такой части в этой загрузке нет", "chunk")
        last = place == upload.chunks - 1
        if last and len(upload.parts) < upload.chunks - 1:
            raise refused("bad_request", "chunk: последняя часть передаётся последней", "chunk")
        if not last and len(form.archive) < self._settings.chunk_least:
            raise refused("bad_request", f"file: часть меньше {self._settings.chunk_least} байт", "file")
        upload.parts[place] = form.archive
        if not last:
            return None
        del self._uploads[order_id]
        return b"".join(upload.parts[number] for number in range(upload.chunks))

    async def _send(self, record: Record, archive: bytes, service: Service, claims: Claims) -> web.Response:
        person = self._making.person(claims)
        snils = None if person is None else person["snils"]
        verdict = await judged(archive, signed=service.signed, snils=snils)
        if person is not None and not person["trusted"]:
            verdict = Verdict("CREATE_ORDER_FORBIDDEN", {})
        actor = Actor(claims.client)
        if verdict.code == "DONE":
            for name, data in verdict.files.items():
                self._files.put(int(record.id), REQUEST, name, data)
            rows = request_rows(int(record.id), verdict.files)
            self._making.attach(record.id, rows, "orderAttachmentFiles", actor)
        self._courses.begin(record.id, verdict, service, claims.client)
        await self._system.storage.committed()
        return _answer(record.id, 200)


async def _form(request: web.Request) -> _Form:
    """The parts of the multipart body; Refusal bad_request."""
    if not request.content_type.startswith("multipart/"):
        raise refused("bad_request", "Нужно тело multipart/form-data с частями meta и file")
    parts: dict[str, bytes] = {}
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name:
                parts[part.name] = await _read(part)
    except (ValueError, HttpProcessingError):
        raise refused("bad_request", "Тело multipart/form-data не разбирается") from None
    if "file" not in parts:
        raise refused("bad_request", "Нужна часть file", "file")
    chunk, chunks = _number(parts, "chunk"), _number(parts, "chunks")
    if (chunk is None) != (chunks is None) or (chunks is not None and not 1 <= chunks <= _MOST_CHUNKS):
        raise refused("bad_request", "chunk, chunks: нужны номер части и число частей", "chunks")
    order_id = parts.get("orderId", b"").decode("ascii", "replace").strip()
    return _Form(_meta(parts), parts["file"], order_id, chunk, chunks or 1)


def _meta(parts: dict[str, bytes]) -> Body | None:
    if "meta" not in parts:
        return None
    try:
        meta = orjson.loads(parts["meta"])
    except orjson.JSONDecodeError:
        meta = None
    if not isinstance(meta, dict):
        raise refused("bad_request", "meta: нужен объект JSON", "meta")
    return meta_of(meta)


async def _read(part: BodyPartReader) -> bytes:
    collected = bytearray()
    while piece := await part.read_chunk(1 << 16):
        collected += piece
        if len(collected) > LARGEST:
            raise refused("bad_request", f"file: больше {LARGEST} байт", "file")
    return bytes(collected)


def _number(parts: dict[str, bytes], name: str) -> int | None:
    text = parts.get(name, b"").strip()
    if not text:
        return None
    if not text.isdigit() or len(text) > 6:
        raise refused("bad_request", f"{name}: нужно число от 0", name)
    return int(text)


def _answer(order_id: str, status: int) -> web.Response:
    return json_response(orjson.dumps({"orderId": int(order_id)}), status)
