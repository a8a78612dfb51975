"""The developer's cabinet: organization, certificate, information systems, API keys, by page (our model).

Over the same register as the calls of registration (`developer_api.py`), by the same rules.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from medmost_stand.api import Call, Route
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.certificates import TestCentre, checked_certificate
from medmost_stand.gosuslugi.developer_api import shown as registration_of
from medmost_stand.gosuslugi.partners import Partners
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.screens import Form, Screens

HOME = "/developer"
Doing = Callable[[Call, Form], Awaitable[dict[str, Any]]]


class DeveloperPage:
    """`call.client` is the login of the citizen who acts for the organization; the account has to be confirmed."""

    def __init__(self, state: EndState, partners: Partners, centre: TestCentre, screens: Screens) -> None:
        self._state = state
        self._partners = partners
        self._centre = centre
        self._screens = screens

    def routes(self) -> list[Route]:
        """The page and its forms; each form answers with the page."""
        one = f"{HOME}/systems/{{mnemonic}}"
        return [
            self._screens.page_route(HOME, self.page, "Кабинет разработчика"),
            self._form(f"{HOME}/organization", self._organization, "Организация"),
            self._form(f"{HOME}/certificates", self._issue, "Выпуск сертификата по запросу"),
            self._form(f"{HOME}/systems", self._system, "Информационная система"),
            self._form(f"{one}/certificate", self._certificate, "Сертификат системы"),
            self._form(f"{one}/keys", self._key, "Новый ключ API"),
            self._form(f"{one}/keys/drop", self._drop_key, "Отзыв ключа API"),
        ]

    async def page(self, call: Call) -> web.Response:
        """Where the registration stands."""
        return self._shown(call)

    async def _organization(self, call: Call, fields: Form) -> dict[str, Any]:
        self._partners.put_organization(call.client, dict(fields))
        return {"told": "Организация зарегистрирована"}

    async def _issue(self, call: Call, fields: Form) -> dict[str, Any]:
        ogrn = self._partners.must_organization(call.client).ogrn
        return {"certificate": await self._centre.issue(fields.get("request", ""), ogrn)}

    async def _system(self, call: Call, fields: Form) -> dict[str, Any]:
        mnemonic = fields.get("mnemonic", "")
        body = {"name": fields.get("title") or mnemonic}
        body |= {name: fields[name] for name in ("redirect_uris", "scopes") if fields.get(name)}
        self._partners.put_system(call.client, mnemonic, body)
        return {"told": f"Система {mnemonic} зарегистрирована"}

    async def _certificate(self, call: Call, fields: Form) -> dict[str, Any]:
        ogrn = self._partners.must_organization(call.client).ogrn
        pem = checked_certificate(fields.get("certificate", ""), ogrn)
        self._partners.put_certificate(call.client, _mnemonic(call), pem)
        return {"told": "Сертификат сохранён"}

    async def _key(self, call: Call, _: Form) -> dict[str, Any]:
        return {"api_key": self._partners.new_key(call.client, _mnemonic(call))[1]}

    async def _drop_key(self, call: Call, fields: Form) -> dict[str, Any]:
        self._partners.drop_key(call.client, _mnemonic(call), fields.get("key", ""))
        return {"told": "Ключ отозван"}

    def _form(self, path: str, doing: Doing, summary: str) -> Route:
        async def handle(call: Call) -> web.Response:
            fields: Form = {}
            try:
                self._representative(call)
                fields = await self._screens.form(call)
                made = await doing(call, fields)
                await self._state.system.storage.committed()
            except Refusal as refusal:
                return self._shown(call, 422, problem=refusal.text, values=fields)
            return self._shown(call, made=made)

        return self._screens.form_route(path, handle, summary)

    def _representative(self, call: Call) -> dict[str, Any]:
        citizen = self._state.population.by_login(call.client)
        if citizen is None or not citizen["trusted"]:
            text = "Организацию представляет только подтверждённая учётная запись"
            raise Refusal(Reason.NOT_ALLOWED, text, status=403)
        return citizen

    def _shown(self, call: Call, status: int = 200, **values: Any) -> web.Response:
        nothing = {"told": None, "certificate": None, "api_key": None}
        values = {"values": {}, "problem": None} | values | {"made": nothing | values.get("made", {})}
        citizen, registered = self._representative(call), registration_of(self._partners, call.client)
        return self._screens.shown(call, "developer.html", status, citizen=citizen, registered=registered, **values)


def _mnemonic(call: Call) -> str:
    return call.request.match_info["mnemonic"]
