"""The record «ЭМК» of lk.emias.mos.ru: documents and vaccinations of a patient (facts/emias.md §1.8).

Quirks kept: header X-Access-JWT, a document is HTML with its norms in words, and its `documentHtml` is missing when it
is asked for the first time. What the stand has no data for is served empty.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, Parameter, Route, json_response
from medmost_stand.dialect import Body
from medmost_stand.emias.portal import trouble
from medmost_stand.emias.portal.sessions import Sessions
from medmost_stand.emias.portal.trouble import ERROR, Trouble, refused
from medmost_stand.records import Record
from medmost_stand.system import System

_EMPTY: dict[str, dict[str, list[Any]]] = {
    "/api/1/documents/covid-analyzes": {"documents": []},
    "/api/1/documents/epicrisis": {"documents": []},
    "/api/1/documents/ambulance": {"documents": []},
    "/api/1/documents/medical-certificates": {"certificates095": [], "documents": []},
    "/api/2/receipt": {"receipts": []},
}
_NORMS = {"N": "норма", "L": "Отклонение от нормы", "H": "Отклонение от нормы"}
_EHR = Parameter("ehrId", "query", "Номер карты пациента", required=True)
_FILTER = Parameter("shortDateFilter", "query", "6m, 1y, all_time")
_JWT = Parameter("X-Access-JWT", "header", "Маркер входа в ЭМК", required=True)


class PatientRecord:
    """Reads results, visits and vaccinations of the patient who is logged in."""

    def __init__(self, system: System, sessions: Sessions) -> None:
        self._system, self._sessions = system, sessions
        self._opened: set[str] = set()

    def routes(self) -> list[Route]:
        answers = {200: "Документы", 401: "Маркер не принят", 403: "Чужая карта", 404: "Карты или документа нет"}
        schemas = dict.fromkeys((401, 403, 404), ERROR)
        listing = (_EHR, _FILTER, _JWT)
        shown = {
            "/api/1/documents/analyzes": self.analyzes,
            "/api/1/documents/research": self.research,
            "/api/1/documents/inspections": self.inspections,
            "/api/3/vaccinations": self.vaccinations,
            **{path: self._nothing(body) for path, body in _EMPTY.items()},
        }
        routes = [
            Route("GET", path, handler, "ЭМК: список", "open", parameters=listing, answers=answers, schemas=schemas)
            for path, handler in shown.items()
        ]
        one = (_EHR, Parameter("documentId", "query", "Номер документа", required=True), _JWT)
        for path, handler, summary, asked in (
            ("/api/2/document", self.document, "ЭМК: документ", one),
            ("/api/1/profile", self.profile, "ЭМК: профиль (наша модель)", (_JWT,)),
        ):
            routes.append(
                Route("GET", path, handler, summary, "open", parameters=asked, answers=answers, schemas=schemas)
            )
        return routes

    # ------------------------------------------------------------ lists
    async def analyzes(self, call: Call) -> web.Response:
        return self._answer(call, lambda policy: {"documents": [_line(one) for one in self._results(policy, "LAB")]})

    async def research(self, call: Call) -> web.Response:
        def show(policy: Body) -> Body:
            lines = [{**_line(one), "muName": self._clinic(one)} for one in self._results(policy, "DIAG")]
            return {"documents": lines}

        return self._answer(call, show)

    async def inspections(self, call: Call) -> web.Response:
        """Protocols of visits that took place."""

        def show(policy: Body) -> Body:
            visits = self._of(policy, "visits")
            lines = [
                {
                    "documentId": one.id,
                    "title": "Осмотр врача",
                    "doctorSpecialization": body.get("specialityName"),
                    "doctorName": body.get("doctorFio"),
                    "appointmentDate": str(body.get("startTime"))[:19],
                    "organisation": self._clinic(one),
                }
                for one in visits
                if (body := one.fields()).get("status") == "FULFILLED"
            ]
            return {"documents": lines}

        return self._answer(call, show)

    async def vaccinations(self, call: Call) -> web.Response:
        def show(policy: Body) -> Body:
            born = str(policy.get("birthDate"))
            done: list[Body] = []
            tub: list[Body] = []
            for one in self._of(policy, "vaccinations"):
                body = one.fields()
                line: Body = {
                    "infectionList": [{"infectionName": body.get("infectionName")}],
                    "dateVaccination": body.get("dateVaccination"),
                    "age": _age(born, str(body.get("dateVaccination"))),
                }
                if body.get("infectionName") == "Туберкулёз" and body.get("reactionKind"):
                    tub.append({**line, "tubResultList": [{"reactionKind": body["reactionKind"]}]})
                else:
                    done.append(line)
            return {"doneList": done, "tubList": tub}

        return self._answer(call, show)

    async def document(self, call: Call) -> web.Response:
        """A result as HTML."""
        wanted = call.request.query.get("documentId", "")

        def show(policy: Body) -> Body:
            for one in self._of(policy, "results"):
                body = one.fields()
                if body.get("documentId") == wanted:
                    shown = {"title": body.get("title"), "date": str(body.get("issuedAt"))[:19]}
                    first = wanted not in self._opened
                    self._opened.add(wanted)
                    return shown if first else {**shown, "documentHtml": _html(body)}
            raise Trouble(trouble.NOT_FOUND, "Такого документа нет", 404)

        return self._answer(call, show)

    async def profile(self, call: Call) -> web.Response:
        """What the page keeps in its session: how a client learns its own ehrId."""
        try:
            policy = self._policy(self._sessions.citizen(call.request.headers.get("X-Access-JWT"))["policy_number"])
        except Trouble as wrong:
            return refused(wrong)
        profile = {"policyNum": policy.get("policyNumber"), "birthDate": policy.get("birthDate")}
        return json_response(orjson.dumps({"ehrId": policy.get("ehrId"), "profile": profile}))

    # ------------------------------------------------------------ inside
    def _nothing(self, body: Body) -> Any:
        async def empty(call: Call) -> web.Response:
            return self._answer(call, lambda _: body)

        return empty

    def _answer(self, call: Call, show: Any) -> web.Response:
        try:
            person = self._sessions.citizen(call.request.headers.get("X-Access-JWT"))
            policy = self._policy(person["policy_number"])
            if call.request.query.get("ehrId") != policy.get("ehrId"):
                raise Trouble("SIM_RECORD_FOREIGN", "Это не ваша карта", 403)
            body = show(policy)
        except Trouble as wrong:
            return refused(wrong)
        return json_response(orjson.dumps(body))

    def _policy(self, number: str) -> Body:
        shelf = self._system.shelves["policies"]
        found = [shelf.records[one].fields() for one in sorted(shelf.keyed((number,)))]
        if not found:
            raise Trouble(trouble.PATIENT_NOT_FOUND, "Карта для этого полиса не найдена", 404)
        return found[0]

    def _of(self, policy: Body, collection: str) -> list[Record]:
        return self._system.shelves[collection].equal({"policyNumber": policy["policyNumber"]})

    def _results(self, policy: Body, type_: str) -> list[Record]:
        return [one for one in self._of(policy, "results") if one.fields().get("type") == type_]

    def _clinic(self, one: Record) -> str | None:
        shelf = self._system.shelves["organizations"]
        ids = sorted(shelf.keyed((str(one.fields().get("lpuOid")),)))
        return shelf.records[ids[0]].fields().get("lpuShortName") if ids else None


def _line(one: Record) -> Body:
    body = one.fields()
    return {"documentId": body.get("documentId"), "title": body.get("title"), "date": str(body.get("issuedAt"))[:19]}


def _html(body: Body) -> str:
    rows = "".join(map(_row, body.get("observations") or []))
    said = html.escape(str(body.get("conclusion") or ""))
    return f"<h1>{html.escape(str(body.get('title')))}</h1><table>{rows}</table><p>{said}</p>"


def _row(row: Body) -> str:
    cells = (
        html.escape(str(row.get("name"))),
        f"{row.get('value')} {html.escape(str(row.get('unit') or ''))}",
        f"{row.get('low')}–{row.get('high')}",
        f"<span>{_NORMS.get(str(row.get('interpretation')), '')}</span>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _age(born: str, on: str) -> int | None:
    try:
        first, second = datetime.fromisoformat(born), datetime.fromisoformat(on)
    except ValueError:
        return None
    return second.year - first.year - ((second.month, second.day) < (first.month, first.day))
