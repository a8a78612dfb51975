"""EMIAS on the wire: how a record, a tombstone and a refusal look (contracts.md §2; facts/emias.md §1.7)."""

from __future__ import annotations

import random
from datetime import datetime

import orjson
from aiohttp import web

from medmost_stand.clock import moment
from medmost_stand.dialect import Body, Dialect
from medmost_stand.emias.forms import FORMS, VISIT
from medmost_stand.records import Record, joined
from medmost_stand.refusal import Reason, Refusal

# No public list of EMIAS' error codes exists: SIM_ marks them as the stand's own (facts/emias.md §1.7).
CODES: dict[Reason, tuple[int, str]] = {
    Reason.BAD_REQUEST: (400, "SIM_BAD_REQUEST"),
    Reason.BAD_PAGE: (400, "SIM_BAD_PAGE_TOKEN"),
    Reason.INVALID_FIELD: (422, "SIM_INVALID_FIELD"),
    Reason.UNKNOWN_REFERENCE: (422, "SIM_UNKNOWN_REFERENCE"),
    Reason.DUPLICATE: (409, "SIM_DUPLICATE"),
    Reason.SLOT_TAKEN: (409, "SIM_SLOT_TAKEN"),
    Reason.STATUS_BACKWARD: (409, "SIM_STATUS_BACKWARD"),
    Reason.NOT_FOUND: (404, "SIM_NOT_FOUND"),
    Reason.GONE: (410, "SIM_GONE"),
    Reason.VERSION_MISMATCH: (412, "SIM_VERSION_MISMATCH"),
    Reason.VERSION_REQUIRED: (428, "SIM_VERSION_REQUIRED"),
    Reason.KEY_REUSED: (422, "SIM_IDEMPOTENCY_KEY_REUSED"),
    Reason.NOT_ALLOWED: (403, "SIM_ACCESS_DENIED"),
    Reason.CANCEL_NOT_ALLOWED: (409, "SIM_CANCEL_NOT_ALLOWED"),
    Reason.NO_SUCH_ADDRESS: (404, "SIM_NO_SUCH_ADDRESS"),
    Reason.WRONG_METHOD: (405, "SIM_METHOD_NOT_ALLOWED"),
    Reason.TOO_LARGE: (413, "SIM_TOO_LARGE"),
    Reason.TOO_MANY_CALLS: (429, "SIM_TOO_MANY_CALLS"),
    Reason.UNAVAILABLE: (503, "SIM_UNAVAILABLE"),
    Reason.CREDENTIALS_WRONG: (401, "SIM_CREDENTIALS_WRONG"),
    Reason.TOKEN_MISSING: (401, "SIM_TOKEN_MISSING"),
    Reason.TOKEN_INVALID: (401, "SIM_TOKEN_INVALID"),
    Reason.TOKEN_EXPIRED: (401, "SIM_TOKEN_EXPIRED"),
    Reason.TOKEN_FOREIGN: (403, "SIM_TOKEN_FOREIGN"),
    Reason.API_KEY_MISSING: (401, "SIM_API_KEY_MISSING"),
    Reason.API_KEY_UNKNOWN: (401, "SIM_API_KEY_UNKNOWN"),
    Reason.API_KEY_FOREIGN: (403, "SIM_API_KEY_FOREIGN"),
}


def stamp_text(stamp: int) -> str:
    """A stamp as EMIAS writes it: ISO, microseconds, +03:00."""
    return moment(stamp).isoformat(timespec="microseconds")


class EmiasDialect(Dialect):
    """JSON in lower camel case, ISO times with a zone, an integer `version`."""

    def head(self, record: Record) -> bytes:
        head: dict[str, object] = {
            "id": record.id,
            "version": record.version,
            "updatedAt": stamp_text(record.stamp),
        }
        if record.origin is not None:
            head["originId"] = record.origin
        return orjson.dumps(head)[:-1]

    def listed(self, record: Record) -> bytes:
        return self.tombstone(record) if record.deleted else joined(self.head(record), record.body)

    def tombstone(self, record: Record) -> bytes:
        return self.head(record) + b',"deletedAt":"' + stamp_text(record.stamp).encode() + b'"}'

    def exported(self, record: Record) -> bytes:
        return self.listed(record)

    def refusal_status(self, refusal: Refusal) -> int:
        return status_of(refusal)

    def refusal_body(self, refusal: Refusal) -> Body:
        return {"error": error_object(refusal)}

    def new_id(self) -> str:
        return str(random.randrange(10**11, 10**12))


def error_object(refusal: Refusal) -> dict[str, object]:
    """The error object of EMIAS; `description` is what its users are shown."""
    _, code = CODES[refusal.reason]
    return {
        "code": code,
        "description": refusal.text,
        "type": "BUSINESS" if status_of(refusal) in (409, 410, 412, 422) else "REQUEST",
        "origin": "EMIAS-STAND",
        "field": refusal.field,
    }


def status_of(refusal: Refusal) -> int:
    """The HTTP status a refusal is answered with."""
    return refusal.status or CODES[refusal.reason][0]


def refused(refusal: Refusal) -> web.Response:
    """A refusal as EMIAS answers it."""
    headers = dict(refusal.headers)
    status = status_of(refusal)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="emias"'
    body = orjson.dumps({"error": error_object(refusal)})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def parse_since(text: str) -> int:
    """Microseconds of `updatedSince`; Refusal INVALID_FIELD, also for a time without a zone."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("zone")
    except ValueError:
        raise Refusal(
            Reason.INVALID_FIELD,
            "updatedSince: нужно время с часовым поясом (знак + кодируется как %2B)",
            "updatedSince",
        ) from None
    return int(at.timestamp()) * 1_000_000 + at.microsecond


DIALECT = EmiasDialect(
    name="emias",
    forms=FORMS,
    visit=VISIT,
    origin_field="originId",
    version_field="version",
    server_fields=frozenset({"id", "version", "updatedAt", "originId", "deletedAt"}),
    stamp_step=1,
)
