"""Gosuslugi on the wire: records of the exchange (our model), refusals (facts/gosuslugi.md §1.7, §2.9)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.clock import MOSCOW, moment
from medmost_stand.dialect import Body, Dialect
from medmost_stand.gosuslugi.forms import FORMS, VISIT
from medmost_stand.records import Record, joined
from medmost_stand.refusal import Reason, Refusal

CODES: dict[Reason, tuple[int, str]] = {
    Reason.BAD_REQUEST: (400, "bad_request"),
    Reason.BAD_PAGE: (400, "bad_request"),
    Reason.INVALID_FIELD: (400, "invalid_field"),
    Reason.UNKNOWN_REFERENCE: (400, "unknown_reference"),
    Reason.DUPLICATE: (409, "duplicate"),
    Reason.SLOT_TAKEN: (409, "slot_taken"),
    Reason.STATUS_BACKWARD: (409, "status_backward"),
    Reason.NOT_FOUND: (204, "not_found"),
    Reason.GONE: (409, "deleted"),
    Reason.VERSION_MISMATCH: (409, "version_mismatch"),
    Reason.VERSION_REQUIRED: (428, "version_required"),
    Reason.KEY_REUSED: (400, "request_id_reused"),
    Reason.NOT_ALLOWED: (403, "order_access"),
    Reason.CANCEL_NOT_ALLOWED: (409, "cancel_not_allowed"),
    Reason.NO_SUCH_ADDRESS: (404, "not_found"),
    Reason.WRONG_METHOD: (405, "method_not_allowed"),
    Reason.TOO_LARGE: (413, "bad_request"),
    Reason.TOO_MANY_CALLS: (429, "limitation_exception"),
    Reason.UNAVAILABLE: (503, "internal_error"),
    Reason.CREDENTIALS_WRONG: (401, "ESIA-008010"),
    Reason.TOKEN_MISSING: (401, "ESIA-005011"),
    Reason.TOKEN_INVALID: (401, "ESIA-005011"),
    Reason.TOKEN_EXPIRED: (401, "ESIA-005013"),
    Reason.TOKEN_FOREIGN: (403, "access_denied_system"),
    Reason.API_KEY_MISSING: (401, "ESIA-008010"),
    Reason.API_KEY_UNKNOWN: (401, "ESIA-008010"),
    Reason.API_KEY_FOREIGN: (403, "access_denied_system"),
}


def stamp_text(stamp: int) -> str:
    """A stamp as the exchange shows it: Moscow time to the second."""
    return moment(stamp).strftime("%d.%m.%Y %H:%M:%S")


def policy_of(order: Body) -> str | None:
    """The policy number in an order's attributes (our model, design.md §6)."""
    for attribute in order.get("orderAttributes") or ():
        if attribute.get("name") == "policyNumber":
            return str(attribute.get("value"))
    return None


class GosuslugiDialect(Dialect):
    """Russian field names and spellings; «редакция» is the version, «изменено» has seconds only."""

    def head(self, record: Record) -> bytes:
        head: dict[str, Any] = {
            "id": record.id,
            "редакция": record.version,
            "изменено": stamp_text(record.stamp),
        }
        if record.origin is not None:
            head["внешнийИд"] = record.origin
        return orjson.dumps(head)[:-1]

    def listed(self, record: Record) -> bytes:
        if record.deleted:
            return self.tombstone(record)
        if record.collection == "requests":
            order = record.fields()["order"]
            summary = {"orderId": order.get("id"), "Номер полиса": policy_of(order)}
            return joined(self.head(record), orjson.dumps(summary))
        return joined(self.head(record), record.body)

    def tombstone(self, record: Record) -> bytes:
        return self.head(record) + ',"удалено":"'.encode() + stamp_text(record.stamp).encode() + b'"}'

    def exported(self, record: Record) -> bytes:
        if record.collection == "requests" and not record.deleted:
            return joined(self.listed(record)[:-1], record.body)
        return self.listed(record)

    def refusal_status(self, refusal: Refusal) -> int:
        return status_of(refusal)

    def refusal_body(self, refusal: Refusal) -> Body:
        return error_object(refusal)

    def new_id(self) -> str:
        return str(uuid.uuid4())


def status_of(refusal: Refusal) -> int:
    """The HTTP status a refusal is answered with; 204 says that nothing is there."""
    return refusal.status or CODES[refusal.reason][0]


def error_object(refusal: Refusal) -> dict[str, object]:
    """The error body of the portal: a code and a Russian sentence that names the field."""
    return {"code": refusal.code or CODES[refusal.reason][1], "message": refusal.text}


def refused(refusal: Refusal) -> web.Response:
    """A refusal as the portal answers it."""
    status = status_of(refusal)
    if status == 204:
        return web.Response(status=204)
    body = orjson.dumps(error_object(refusal))
    headers = refusal.headers
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def parse_since(text: str) -> int:
    """Microseconds of `changedAfter`, a Moscow time; Refusal BAD_REQUEST."""
    for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"):
        try:
            at = datetime.strptime(text, form).replace(tzinfo=MOSCOW)
        except ValueError:
            continue
        return int(at.timestamp()) * 1_000_000
    raise Refusal(Reason.BAD_REQUEST, "changedAfter: нужно московское время ДД.ММ.ГГГГ ЧЧ:ММ:СС", "changedAfter")


DIALECT = GosuslugiDialect(
    name="gosuslugi",
    forms=FORMS,
    visit=VISIT,
    origin_field="внешнийИд",
    version_field="редакция",
    server_fields=frozenset({"id", "редакция", "изменено", "внешнийИд", "удалено"}),
    stamp_step=1_000_000,
)
