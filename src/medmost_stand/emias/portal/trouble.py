"""Why the portal says no. No public list of EMIAS' codes exists: SIM_ marks the stand's own (facts/emias.md §1.7)."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import json_response
from medmost_stand.emias.wire import CODES
from medmost_stand.refusal import Refusal

FUTURE_PERIOD = "SA_REFERRAL_FOR_FUTURE"  # a real code: a period has to begin today
PATIENT_NOT_FOUND = "SIM_PATIENT_NOT_FOUND"
REFERRAL_REQUIRED = "SIM_REFERRAL_REQUIRED"
ALREADY_BOOKED = "SIM_ALREADY_BOOKED"
SHIFT_NOT_ALLOWED = "SIM_SHIFT_NOT_ALLOWED"
NOT_FOUND = "SIM_NOT_FOUND"
INVALID = "SIM_INVALID_FIELD"
POLICY_FOREIGN = "SIM_POLICY_FOREIGN"
TOKEN_EXPIRED = "SIM_TOKEN_EXPIRED"  # noqa: S105  # a code, no secret


ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "description", "type", "origin"],
            "properties": {name: {"type": "string"} for name in ("code", "description", "type", "origin")},
        }
    },
}
"""The error object of the portal as an OpenAPI schema: unlike the exchange's it names no field."""


class Trouble(Exception):
    """A call that the portal turns down; `text` is Russian and shown to the user."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def of_refusal(refusal: Refusal) -> Trouble:
    """A refusal by the rules of EMIAS itself, in the portal's words."""
    return Trouble(CODES[refusal.reason][1], refusal.text)


def refused(trouble: Trouble) -> web.Response:
    """The error object, with the status of the trouble."""
    error = {"code": trouble.code, "description": trouble.text, "type": "BUSINESS", "origin": "EMIAS-STAND"}
    return json_response(orjson.dumps({"error": error}), trouble.status)
