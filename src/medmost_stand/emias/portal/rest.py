"""The REST generation, `POST /api-eip/vN/saOrchestrator/<method>` with header EI-Token (facts/emias.md §1.1, §1.5).

Several versions of a method live at once; the seen ones are served. Errors: HTTP 400 or 401 with the error object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, Parameter, Route, json_response
from medmost_stand.emias.portal import trouble
from medmost_stand.emias.portal.booking import Booking, Params
from medmost_stand.emias.portal.sessions import Sessions
from medmost_stand.emias.portal.specialities import grouped
from medmost_stand.emias.portal.trouble import ERROR, Trouble, refused

VERSIONS: dict[str, tuple[int, ...]] = {
    "getSpecialitiesInfo": (6, 7),
    "getDoctorsInfo": (4, 5),
    "getDoctorsInfoForLI": (3,),
    "getAvailableResourceScheduleInfo": (3, 4),
    "createAppointment": (3, 4),
    "shiftAppointment": (3, 4),
    "cancelAppointment": (5,),
    "getAppointmentReceptionsByPatient": (8, 10),
    "getAssignmentsReferralsInfo": (2, 4),
    "getLpusForSpeciality": (3,),
}
_TOKEN = Parameter("EI-Token", "header", "Маркер из /web-api/getTokens/", required=True)
_BODY = {
    "type": "object",
    "required": ["omsNumber", "birthDate"],
    "properties": {"omsNumber": {"type": "string"}, "birthDate": {"type": "string"}},
}


class Orchestrator:
    """One handler a method and version."""

    def __init__(self, booking: Booking, sessions: Sessions) -> None:
        self._booking, self._sessions = booking, sessions
        self._methods: dict[str, Callable[[Params], Any]] = {
            "getSpecialitiesInfo": lambda params: grouped(booking.specialities(params)),
            "getDoctorsInfo": self._doctors,
            "getDoctorsInfoForLI": self._doctors_for_laboratory,
            "getAvailableResourceScheduleInfo": booking.schedule,
            "createAppointment": booking.create,
            "shiftAppointment": booking.shift,
            "cancelAppointment": booking.cancel,
            "getAppointmentReceptionsByPatient": lambda params: {"appointment": booking.appointments(params)},
            "getAssignmentsReferralsInfo": self._assignments_and_referrals,
            "getLpusForSpeciality": booking.lpus,
        }

    def routes(self) -> list[Route]:
        answers = {200: "payload", 400: "Отказ", 401: "Маркер истёк или неизвестен"}
        return [
            Route(
                "POST",
                f"/api-eip/v{version}/saOrchestrator/{method}",
                self._served(method),
                "Запись к врачу, REST (как видели на emias.info с 2025 года)",
                "open",
                parameters=(_TOKEN,),
                body=_BODY,
                answers=answers,
                schemas={400: ERROR, 401: ERROR},
            )
            for method, versions in VERSIONS.items()
            for version in versions
        ]

    def _served(self, method: str) -> Callable[[Call], Any]:
        async def serve(call: Call) -> web.Response:
            try:
                person = self._sessions.citizen(call.request.headers.get("EI-Token"))
                params = await call.json()
                if str(params.get("omsNumber") or "") != person["policy_number"]:
                    raise Trouble(trouble.POLICY_FOREIGN, "За этот полис вы действовать не можете")
                payload = self._methods[method](params)
            except Trouble as wrong:
                return refused(wrong)
            await self._booking.committed()
            return json_response(orjson.dumps({"payload": payload}))

        return serve

    def _doctors(self, params: Params) -> dict[str, Any]:
        """Grouped by clinic."""
        clinics: dict[int, dict[str, Any]] = {}
        absent = []
        for one in self._booking.doctors(params):
            place = one["complexResource"][0].get("room")
            if place is None:
                absent.append(one)
                continue
            shown = {
                "lpuId": one["lpuId"],
                "lpuShortName": place["lpuShortName"],
                "defaultAddress": place["defaultAddress"],
            }
            clinics.setdefault(one["lpuId"], {**shown, "availableResources": []})["availableResources"].append(one)
        return {"doctorsInfo": list(clinics.values()), "notAvailableDoctors": absent}

    def _doctors_for_laboratory(self, params: Params) -> dict[str, Any]:
        """Blood is taken without a doctor: the stand keeps no such rooms."""
        self._booking.patient(params)
        return {"doctorsInfo": [], "notAvailableDoctors": []}

    def _assignments_and_referrals(self, params: Params) -> dict[str, Any]:
        assignments, referrals = self._booking.assignments(params), self._booking.referrals(params)
        return {"arInfo": {"assignments": {"items": assignments}, "referrals": {"items": referrals}}}
