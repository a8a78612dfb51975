"""The JSON-RPC generation, `/api/emc/appointment-eip/v1/?<method>` and its two forerunners (facts/emias.md §1.1–1.4).

Quirks kept: the body's `method` decides, not the query; an error comes inside HTTP 200; no doctors is `{}`, not `[]`;
any string is an `id`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, Route, json_response
from medmost_stand.emias.portal import trouble
from medmost_stand.emias.portal.booking import Booking, Params
from medmost_stand.emias.portal.trouble import Trouble

ADDRESSES = ("/api/emc/appointment-eip/v1/", "/api/new/eip5orch", "/api/new/eip2/")
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, REFUSED = -32700, -32600, -32601, -32602, -32000
_REQUEST = {
    "type": "object",
    "required": ["jsonrpc", "id", "method", "params"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": "string"},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
}


class JsonRpc:
    """One handler for all methods of the generation."""

    def __init__(self, booking: Booking) -> None:
        self._booking = booking
        self.methods: Mapping[str, Callable[[Params], Any]] = {
            "getSpecialitiesInfo": booking.specialities,
            "getDoctorsInfo": lambda params: booking.doctors(params) or {},
            "getAvailableResourceScheduleInfo": booking.schedule,
            "createAppointment": booking.create,
            "shiftAppointment": booking.shift,
            "cancelAppointment": booking.cancel,
            "getAppointmentReceptionsByPatient": booking.appointments,
            "getReferralsInfo": booking.referrals,
            "getAssignmentsInfo": booking.assignments,
            "getPatientInfo3": booking.patient_info,
            "getLpuListForSpeciality": booking.lpus,
        }

    def routes(self) -> list[Route]:
        summary = "Запись к врачу, JSON-RPC (как видели на emias.info до 2025 года)"
        answers = {200: "result или error"}
        return [Route("POST", one, self.call, summary, "open", body=_REQUEST, answers=answers) for one in ADDRESSES]

    async def call(self, call: Call) -> web.Response:
        try:
            asked = orjson.loads(await call.request.read())
        except orjson.JSONDecodeError:
            return _answer(None, error=_error(PARSE_ERROR, "SIM_BAD_REQUEST", "Запрос не разбирается как JSON"))
        if not isinstance(asked, dict) or not isinstance(asked.get("params", {}), dict):
            return _answer(None, error=_error(INVALID_REQUEST, "SIM_BAD_REQUEST", "Нужен запрос JSON-RPC 2.0"))
        method = self.methods.get(str(asked.get("method")))
        if method is None:
            return _answer(asked.get("id"), error=_error(NO_METHOD, "SIM_NO_SUCH_METHOD", "Такого метода нет"))
        try:
            result = method(asked.get("params") or {})
        except Trouble as refused:
            code = INVALID_PARAMS if refused.code == trouble.INVALID else REFUSED
            return _answer(asked.get("id"), error=_error(code, refused.code, refused.text))
        await self._booking.committed()
        return _answer(asked.get("id"), result=result)


def _answer(id_: Any, **outcome: Any) -> web.Response:
    return json_response(orjson.dumps({"jsonrpc": "2.0", "id": id_, **outcome}))


def _error(code: int, symbol: str, text: str) -> dict[str, Any]:
    return {"code": code, "message": text, "data": {"code": symbol}}
