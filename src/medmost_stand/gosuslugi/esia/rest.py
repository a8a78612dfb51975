"""/rs/prns/…: what ЕСИА tells of a person by an access token (facts/gosuslugi.md §1.2, §1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.esia import documents as papers
from medmost_stand.gosuslugi.esia import persons
from medmost_stand.gosuslugi.esia.authorize import Parts
from medmost_stand.gosuslugi.esia.persons import Citizen, etagged
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.tokens import Claims, Tokens, bearer
from medmost_stand.worlds import Population

_EMBED = re.compile(r"\(?([^()]*)\)?")
_VERSION = re.compile(r"-\d+$")
_MESSAGES = {
    Reason.TOKEN_MISSING: "SecurityErrorEnum.invalidToken",
    Reason.TOKEN_INVALID: "SecurityErrorEnum.invalidToken",
    Reason.TOKEN_EXPIRED: "SecurityErrorEnum.expiredToken",
}
_KIDS = frozenset("kid_fullname kid_birthdate kid_gender kid_snils kid_inn kid_birth_cert_doc kid_medical_doc".split())
OPENED_BY: dict[str, frozenset[str]] = {
    "ctts": frozenset({"contacts", "email", "mobile"}),
    "addrs": frozenset({"addresses"}),
    "docs": papers.EVERY_SCOPE,
    "kids": _KIDS,
    "vhls": frozenset({"vehicles"}),
    "orgs": frozenset({"usr_org"}),
    "roles": frozenset({"usr_org"}),
}
_EMBEDDED = {"contacts": "ctts", "addresses": "addrs", "documents": "docs", "kids": "kids", "vehicles": "vhls"}
_EMBEDDED["organizations"] = "orgs"


class PersonRest:
    """A token opens one person: its own, and the person's children."""

    def __init__(self, parts: Parts, tokens: Tokens) -> None:
        self._parts = parts
        self._tokens = tokens
        self._families: tuple[Population, dict[int, list[Citizen]]] | None = None

    def gate(self, request: web.Request) -> str:
        """The client of a person's token; Refusal in ЕСИА's words (§1.7)."""
        try:
            claims = self._tokens.claims(bearer(request.headers.get("Authorization")))
        except Refusal as refusal:
            raise Refusal(refusal.reason, _MESSAGES[refusal.reason]) from None
        if claims.subject is None:
            raise _not_allowed()
        return claims.client

    async def person(self, call: Call) -> web.Response:
        """The person, with `?embed=(contacts.elements,…)` its collections too."""
        claims, citizen = self._who(call)
        shown = persons.person(citizen, claims.scopes)
        for name in _embedded(call):
            collection = _EMBEDDED.get(name.partition(".")[0])
            if collection is not None and OPENED_BY[collection] & claims.scopes:
                whole = ".elements" in name
                shown[name.partition(".")[0]] = self._collection(claims, citizen, collection, whole=whole)
        return _json(shown)

    async def collection(self, call: Call) -> web.Response:
        """Addresses of the elements, or with `?embed=(elements)` the elements themselves."""
        claims, citizen = self._who(call)
        name = call.request.match_info["collection"]
        whole = any(part.partition(".")[0] == "elements" for part in _embedded(call))
        return _json(self._collection(claims, citizen, name, whole=whole))

    async def element(self, call: Call) -> web.Response:
        """One element by its id."""
        claims, citizen = self._who(call)
        name, wanted = call.request.match_info["collection"], call.request.match_info["element"]
        for element in self._elements(claims, citizen, name):
            if str(element["id"]) == wanted:
                return _json(element)
        raise Refusal(Reason.NO_SUCH_ADDRESS, "Такой записи нет")

    def _who(self, call: Call) -> tuple[Claims, Citizen]:
        claims = self._tokens.claims(bearer(call.request.headers.get("Authorization")))
        oid = call.request.match_info["oid"]
        person = self._parts.person(claims.subject or 0)
        if person is None:
            raise Refusal(Reason.TOKEN_INVALID, _MESSAGES[Reason.TOKEN_INVALID])
        if str(claims.subject) != oid:
            raise _not_allowed()
        return claims, person

    def _collection(self, claims: Claims, citizen: Citizen, name: str, *, whole: bool) -> Body:
        elements = self._elements(claims, citizen, name)
        base = f"{self._parts.state.address}/rs/prns/{citizen['oid']}/{name}"
        shown = elements if whole else [f"{base}/{element['id']}" for element in elements]
        return etagged({"stateFacts": ["hasSize"], "size": len(elements), "elements": shown})

    def _elements(self, claims: Claims, citizen: Citizen, name: str) -> list[Body]:
        opened = OPENED_BY.get(name)
        if opened is None:
            raise Refusal(Reason.NO_SUCH_ADDRESS, "Такого раздела нет")
        if not opened & claims.scopes:
            raise _not_allowed()
        made: dict[str, Callable[[], list[Body]]] = {
            "ctts": lambda: persons.contacts(citizen, claims.scopes),
            "addrs": lambda: persons.addresses(citizen),
            "docs": lambda: self._documents(citizen, claims.scopes),
            "kids": lambda: self._kids(citizen, claims.scopes),
            "vhls": lambda: persons.vehicles(citizen),
        }
        return made.get(name, list)()  # nobody of the stand's people is employed by an organisation of ЕСИА

    def _kids(self, citizen: Citizen, scopes: frozenset[str]) -> list[Body]:
        today = self._parts.state.clock.now().date()
        renamed = {"kid_medical_doc": "medical_doc", "kid_birth_cert_doc": "birth_cert_doc"}
        opened = frozenset(renamed[scope] for scope in scopes if scope in renamed)
        shown = []
        for child in self._children(citizen, today):
            body = persons.kid(child, scopes)
            if opened:
                rows = self._documents(child, opened)
                held = etagged({"stateFacts": ["hasSize"], "size": len(rows), "elements": rows})
                body["documents"] = held
            shown.append(body)
        return shown

    def _children(self, citizen: Citizen, today: date) -> list[Citizen]:
        population = self._parts.state.population
        if self._families is None or self._families[0] is not population:  # a reset has put others in their place
            self._families = (population, persons.families(population.citizens, today))
        return self._families[1].get(citizen["oid"], [])

    def _documents(self, citizen: Citizen, scopes: frozenset[str]) -> list[Body]:
        today = self._parts.state.clock.now().date()
        shelf = self._parts.state.system.shelves["policies"]
        held = [record.fields() for record in shelf.equal({"Номер полиса": citizen["policy_number"]})]
        return papers.documents(citizen, scopes, held, today)


def _embedded(call: Call) -> list[str]:
    found = _EMBED.fullmatch(call.request.query.get("embed", "").strip())
    if found is None:
        raise Refusal(Reason.BAD_REQUEST, "embed: нужен список в скобках", "embed")
    return [_VERSION.sub("", name.strip()) for name in found[1].split(",") if name.strip()]


def _not_allowed() -> Refusal:
    return Refusal(Reason.NOT_ALLOWED, "SecurityErrorEnum.scopeNotAllowed", code="ESIA-005029")


def _json(body: Body) -> web.Response:
    return json_response(orjson.dumps(body), headers={"Cache-Control": "no-store"})
