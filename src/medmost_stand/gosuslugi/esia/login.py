"""The person's part of a login: name and password, consent, logout, consents given (pages of the stand's own)."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.gosuslugi.esia.authorize import BROWSER, SESSION, Authorization, Parts, found, returned
from medmost_stand.gosuslugi.esia.grants import Asked, Session
from medmost_stand.gosuslugi.esia.pages import style
from medmost_stand.gosuslugi.esia.permissions import Permission
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.gosuslugi.esia.scopes import PERSONAL

CONSENTS = "/settings/third-party/agreements/acting"
_SHOWN_PEOPLE = 8
_LONG_AGO = ("Запрос на вход устарел", "Вернитесь на сайт, с которого пришли, и войдите заново.")


class Login:
    """Handlers of the pages. A request is found by its random name and the cookie of the browser that made it."""

    def __init__(self, parts: Parts, authorization: Authorization) -> None:
        self._parts = parts
        self._authorization = authorization

    async def login_page(self, call: Call) -> web.Response:
        """The form; without a request it leads to the consents given."""
        name = call.request.query.get("request", "")
        if name and self._asked(call, name) is None:
            return self._parts.pages.said(*_LONG_AGO, 400)
        return self._form(call, name)

    async def login(self, call: Call) -> web.Response:
        """Checks login and password, or takes one of the people of the list."""
        form = await call.form()
        name = str(form.get("request", ""))
        asked = self._asked(call, name)
        if name and asked is None:
            return self._parts.pages.said(*_LONG_AGO, 400)
        person = self._person(str(form.get("person", "")), str(form.get("login", "")), str(form.get("password", "")))
        if person is None:
            return self._form(call, name, failed=True, login=str(form.get("login", "")))
        cookie = self._parts.grants.log_in(person["oid"])
        if asked is None:
            response = found(CONSENTS)
        else:
            response = self._authorization.proceed(name, asked, self._parts.grants.session(cookie))
        response.set_cookie(SESSION, cookie, httponly=True, samesite="Lax", path="/")
        return response

    async def consent_page(self, call: Call) -> web.Response:
        """What the system asks for, in words."""
        name = call.request.query.get("request", "")
        asked, session = self._asked(call, name), self._session(call)
        person = None if session is None else self._parts.person(session.oid)
        if asked is None or person is None:
            return self._parts.pages.said(*_LONG_AGO, 400)
        return self._parts.pages.shown(
            "consent.html",
            request=name,
            system=self._title(asked.client),
            person=person,
            scopes=[PERSONAL[scope] for scope in asked.scopes],
            permissions=[_worded(permission) for permission in asked.permissions],
        )

    async def consent(self, call: Call) -> web.Response:
        """The person's answer: a code, or ESIA-007004 for the system."""
        form = await call.form()
        name = str(form.get("request", ""))
        asked, session = self._asked(call, name), self._session(call)
        if asked is None or session is None:
            return self._parts.pages.said(*_LONG_AGO, 400)
        if form.get("answer") != "allow":
            self._parts.grants.answered(name)
            return returned(asked, EsiaRefusal("ESIA-007004"))
        self._parts.grants.consent(asked, session)
        await self._parts.state.system.storage.committed()
        return self._authorization.proceed(name, asked, session)

    async def logout(self, call: Call) -> web.Response:
        """GET /idp/ext/Logout: ends the session, then goes back to the system if the address is of one it has."""
        request = call.request
        self._parts.grants.log_out(request.cookies.get(SESSION, ""))
        system = self._parts.partners.by_mnemonic(request.query.get("client_id", ""))
        address = request.query.get("redirect_url", "")
        if system is not None and address and _of_same_site(address, system.redirects):
            response = found(address)
        else:
            response = self._parts.pages.said("Вы вышли", "Сеанс на Госуслугах завершён.")
        response.del_cookie(SESSION, path="/")
        return response

    async def consents_page(self, call: Call) -> web.Response:
        """What the person lets which system have."""
        session = self._session(call)
        if session is None:
            return found("/idp/login")
        given = [
            {
                "client": grant.client,
                "system": self._title(grant.client),
                "scopes": [PERSONAL[scope] for scope in grant.scopes],
            }
            for grant in self._parts.grants.consents_of(session.oid)
        ]
        return self._parts.pages.shown("consents.html", consents=given, mark=_mark(call))

    async def withdraw(self, call: Call) -> web.Response:
        """Ends a consent; the system's refresh tokens for this person end with it."""
        form = await call.form()
        session = self._session(call)
        if session is None or not hmac.compare_digest(str(form.get("mark", "")).encode(), _mark(call).encode()):
            return found("/idp/login")
        self._parts.grants.withdraw(str(form.get("client", "")), session.oid)
        await self._parts.state.system.storage.committed()
        return found(CONSENTS)

    async def style(self, _: Call) -> web.Response:
        """The one style sheet."""
        return web.Response(text=style(), content_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def _asked(self, call: Call, name: str) -> Asked | None:
        return self._parts.grants.asked(name, call.request.cookies.get(BROWSER, ""))

    def _session(self, call: Call) -> Session | None:
        return self._parts.grants.session(call.request.cookies.get(SESSION, ""))

    def _title(self, client: str) -> str:
        system = self._parts.partners.by_mnemonic(client)
        return client if system is None else system.name

    def _form(self, call: Call, name: str, *, failed: bool = False, login: str = "") -> web.Response:
        asked = self._asked(call, name)
        citizens = self._parts.state.population.citizens
        people = [one for one in citizens if one["trusted"]][: _SHOWN_PEOPLE - 1]
        people += [one for one in citizens if not one["trusted"]][: _SHOWN_PEOPLE - len(people)]
        system = "" if asked is None else self._title(asked.client)
        status = 401 if failed else 200
        return self._parts.pages.shown(
            "login.html", status, request=name, system=system, failed=failed, login=login, people=people
        )

    def _person(self, chosen: str, login: str, password: str) -> dict[str, Any] | None:
        population = self._parts.state.population
        if chosen:
            return population.by_login(chosen)
        for person in population.citizens:
            known = _named(person, login.strip())
            if known and hmac.compare_digest(person["password"].encode(), password.encode()):
                return person  # a child may have its parent's phone and mail: the password tells them apart
        return None


def _named(person: dict[str, Any], login: str) -> bool:
    if not login:
        return False
    digits = _digits(login)
    numbers = (_digits(person["phone"] or ""), _digits(person["snils"] or ""))
    return login in (person["login"], person["email"]) or bool(digits and digits in numbers)


def _digits(text: str) -> str:
    """The digits of a phone or SNILS, a leading 8 of a phone read as 7; "" for a text that is neither."""
    digits = "".join(sign for sign in text if sign.isdigit())
    if any(sign.isalpha() for sign in text) or len(digits) != 11:
        return ""
    return "7" + digits[1:] if digits[0] == "8" and text.strip()[:2] == "8(" else digits


def _of_same_site(address: str, registered: tuple[str, ...]) -> bool:
    wanted = urlsplit(address)
    return any((wanted.scheme, wanted.netloc) == urlsplit(known)[:2] for known in registered)


def _worded(permission: Permission) -> dict[str, object]:
    days = permission.minutes // 1440
    return {
        "title": permission.title,
        "responsible": permission.responsible,
        "term": f"{days} дн." if days else f"{permission.minutes} мин.",
        "scopes": [PERSONAL[scope] for scope in permission.scopes],
    }


def _mark(call: Call) -> str:
    """What a form of the logged-in person carries, so that no other site can send it."""
    cookie = call.request.cookies.get(SESSION, "")
    return hmac.new(cookie.encode(), b"consents", "sha256").hexdigest()
