"""Registration at Gosuslugi by calls (our model): organization, certificate, information system, API keys.

A person does the same in the developer's cabinet (`developer.py`), over the same register.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from medmost_stand.api import Call, Handler, Route, json_response
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.certificates import TestCentre, checked_certificate
from medmost_stand.gosuslugi.partners import InformationSystem, Partners
from medmost_stand.storage import Storage

BASE = "/api/partners/v1"
_ORGANIZATION = {
    "type": "object",
    "required": ["name", "ogrn", "inn"],
    "properties": {name: {"type": "string"} for name in ("name", "ogrn", "inn")},
}
_SYSTEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "redirect_uris": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "scopes": {"type": "array", "items": {"type": "string"}},
        "certificate": {"type": "string", "description": "PEM"},
    },
}
_REQUEST = {"type": "object", "required": ["request"], "properties": {"request": {"type": "string"}}}
_WRONG = {400: "Неверное поле"}
_ABSENT = {404: "Нет такой организации, системы или ключа"}
_TAKEN = {409: "Занято другой организацией"}


class DeveloperApi:
    """`call.client` is the login of the account that acts for its organization."""

    def __init__(self, partners: Partners, centre: TestCentre, storage: Storage) -> None:
        self._partners = partners
        self._centre = centre
        self._storage = storage

    def routes(self) -> list[Route]:
        """The rows of the route table."""
        one, keys = f"{BASE}/systems/{{mnemonic}}", f"{BASE}/systems/{{mnemonic}}/api-keys"
        done, made, put = {200: "Готово"}, {201: "Создано"}, {200: "Готово", **_WRONG, **_TAKEN}
        return [
            _row("GET", f"{BASE}/registration", self.registration, "Что зарегистрировано", done),
            _row("PUT", f"{BASE}/organization", self.organization, "Организация", put, _ORGANIZATION),
            _row("POST", f"{BASE}/certificates", self.issue, "Выпуск сертификата тестовым центром по запросу",
                 made | _WRONG | _ABSENT, _REQUEST),
            _row("PUT", one, self.system, "Информационная система", put | made | _ABSENT, _SYSTEM),
            _row("POST", keys, self.new_key, "Новый ключ API", made | _ABSENT | _TAKEN),
            _row("DELETE", f"{keys}/{{id}}", self.drop_key, "Отзыв ключа API", done | _ABSENT),
        ]  # fmt: skip

    async def registration(self, call: Call) -> web.Response:
        """All that the account has registered; keys by their ends only."""
        return _answer(shown(self._partners, call.client))

    async def organization(self, call: Call) -> web.Response:
        """Registers or corrects the organization."""
        organization = self._partners.put_organization(call.client, await call.json())
        await self._storage.committed()
        return _answer(organization.shown())

    async def issue(self, call: Call) -> web.Response:
        """`{"certificate": PEM}` over the organization's request."""
        ogrn = self._partners.must_organization(call.client).ogrn
        certificate = await self._centre.issue(str((await call.json()).get("request") or ""), ogrn)
        await self._storage.committed()
        return _answer({"certificate": certificate}, 201)

    async def system(self, call: Call) -> web.Response:
        """Registers or changes a system, its certificate too where one is sent."""
        body, mnemonic = await call.json(), call.request.match_info["mnemonic"]
        certificate = None
        if body.get("certificate"):
            ogrn = self._partners.must_organization(call.client).ogrn
            certificate = checked_certificate(str(body["certificate"]), ogrn)
        system, new = self._partners.put_system(call.client, mnemonic, body)
        if certificate is not None:
            system = self._partners.put_certificate(call.client, mnemonic, certificate)
        await self._storage.committed()
        return _answer(system.shown(), 201 if new else 200)

    async def new_key(self, call: Call) -> web.Response:
        """`{"id","api_key"}`: the key is shown this once."""
        key, plain = self._partners.new_key(call.client, call.request.match_info["mnemonic"])
        await self._storage.committed()
        return _answer({"id": key.id, "api_key": plain}, 201)

    async def drop_key(self, call: Call) -> web.Response:
        """Revokes a key; the system as it is then."""
        system = self._partners.drop_key(call.client, call.request.match_info["mnemonic"], call.id)
        await self._storage.committed()
        return _answer(system.shown())


def shown(partners: Partners, owner: str) -> Body:
    """The registration of one account, and what it still lacks."""
    organization, systems = partners.organization(owner), partners.systems(owner)
    return {
        "organization": None if organization is None else organization.shown(),
        "systems": [system.shown() | {"missing": missing(system)} for system in systems],
    }


def missing(system: InformationSystem) -> list[str]:
    """What a system needs before it gets a token."""
    lacks = {"certificate": not system.certificate, "api_key": not system.keys}
    return [name for name, yes in lacks.items() if yes]


def _row(
    method: str, path: str, handler: Handler, summary: str, answers: dict[int, str], body: Body | None = None
) -> Route:
    return Route(method, path, handler, summary, "account", body=body, answers=answers)


def _answer(body: Body, status: int = 200) -> web.Response:
    return json_response(orjson.dumps(body), status, {"Cache-Control": "no-store"})
