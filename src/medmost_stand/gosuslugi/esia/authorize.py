"""GET /aas/oauth2/ac and /v2/ac: from a system's request to a code, by way of the person (facts/gosuslugi.md §1.3, §6).

A refusal goes to the system's address only where that address is registered; else the person sees a page.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.esia import permissions
from medmost_stand.gosuslugi.esia.checks import Checks, Parameters, signed_strings
from medmost_stand.gosuslugi.esia.grants import Asked, Grants, Session
from medmost_stand.gosuslugi.esia.pages import Pages
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.gosuslugi.esia.scopes import organisational, personal
from medmost_stand.gosuslugi.esia.settings import EsiaSettings
from medmost_stand.gosuslugi.partners import Partners

BROWSER, SESSION = "esia_browser", "esia_session"
OBJECT_TYPES = ("P", "B", "L", "A")  # person, sole trader, organisation, public authority (our reading of obj_type)
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.2
_ROLE = re.compile(r"[A-Z_]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the ends of ЕСИА share."""

    state: EndState
    partners: Partners
    checks: Checks
    grants: Grants
    settings: EsiaSettings
    pages: Pages

    def person(self, oid: int) -> dict[str, Any] | None:
        """The citizen with this oid."""
        return self.state.population.by_oid(oid)


class Authorization:
    """The front end of a login, without its pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def first(self, call: Call) -> web.StreamResponse:
        """Version 1: CMS over scope, timestamp, client_id and state."""
        return await self._ask(call, 1)

    async def second(self, call: Call) -> web.StreamResponse:
        """Version 2: the raw signature and the certificate hash."""
        return await self._ask(call, 2)

    async def _ask(self, call: Call, version: int) -> web.StreamResponse:
        parts, request = self._parts, call.request
        browser = request.cookies.get(BROWSER) or secrets.token_urlsafe(24)
        parameters = Parameters(request.query)
        try:
            asked = await self._checked(parameters, version, browser)
        except EsiaRefusal as refusal:
            return self._refused(parameters, refusal)
        name = parts.grants.ask(asked)
        session = parts.grants.session(request.cookies.get(SESSION, ""))
        if parts.settings.auto_login is not None:
            session = self.automatic(asked)
        response = self.proceed(name, asked, session)
        response.set_cookie(BROWSER, browser, httponly=True, samesite="Lax", path="/")
        await parts.state.system.storage.committed()
        return response

    async def _checked(self, parameters: Parameters, version: int, browser: str) -> Asked:
        parts = self._parts
        parts.settings.raise_trouble()
        system = parts.checks.system(parameters, "authorization_code")
        needed = ["client_secret", "timestamp", "state", "redirect_uri", "response_type"]
        parameters.need(*needed, *(("client_certificate_hash",) if version > 1 else ()))
        if parameters.one("response_type") != "code":
            raise EsiaRefusal("ESIA-007009", "response_type")
        scopes = personal(parameters.one("scope"), system.scopes or None)
        scope_org = organisational(parameters.one("scope_org"))
        parts.checks.time(parameters)
        address = parts.checks.address(parameters, system)
        await parts.checks.signature(parameters, system, version, signed_strings(parameters, version))
        access = parameters.among("access_type", "online", "offline")
        asked_permissions = parameters.one("permissions")
        return Asked(
            client=system.mnemonic,
            redirect_uri=address,
            state=parameters.one("state"),
            scopes=scopes,
            scope_org=scope_org,
            permissions=permissions.parsed(asked_permissions, system.scopes or None) if asked_permissions else (),
            offline=access == "offline",
            challenge=_challenge(parameters, needed=system.pkce),
            obj_type=_object_type(parameters),
            browser=browser,
        )

    def proceed(self, name: str, asked: Asked, session: Session | None) -> web.Response:
        """The next step: login, consent, or back to the system with a code or the person's refusal."""
        parts = self._parts
        person = None if session is None else parts.person(session.oid)
        if session is None or person is None:
            return found("/idp/login?" + urlencode({"request": name}))
        try:
            self._check_person(asked, person)
        except EsiaRefusal as refusal:
            parts.grants.answered(name)
            return returned(asked, refusal)
        if not parts.grants.covers(asked, session.oid):
            return found("/idp/consent?" + urlencode({"request": name}))
        parts.grants.answered(name)
        return back(asked, code=parts.grants.code(asked, session))

    def automatic(self, asked: Asked) -> Session | None:
        """Logs the person of `auto_login` in and lets the system have all it asks for."""
        person = self._parts.state.population.by_login(self._parts.settings.auto_login or "")
        if person is None:
            return None
        session = self._parts.grants.session(self._parts.grants.log_in(person["oid"]))
        if session is not None:
            self._parts.grants.consent(asked, session)
        return session

    def _check_person(self, asked: Asked, person: dict[str, Any]) -> None:
        system = self._parts.partners.by_mnemonic(asked.client)
        if system is not None and system.trusted_only and not person["trusted"]:
            raise EsiaRefusal("ESIA-007055")
        if asked.scope_org:  # nobody of the stand's people is employed by an organisation of ЕСИА
            raise EsiaRefusal("ESIA-007194", "scope_org")
        if asked.obj_type not in (None, "P"):
            raise EsiaRefusal("ESIA-007062", "obj_type")

    def _refused(self, parameters: Parameters, refusal: EsiaRefusal) -> web.Response:
        try:
            system = self._parts.partners.by_mnemonic(parameters.one("client_id"))
            address = None if system is None else self._parts.checks.address(parameters, system)
            state = parameters.one("state")
        except EsiaRefusal:
            address = None
        if address is None:
            return self._parts.pages.refused(refusal)
        return found(_with(address, _error(refusal) | {"state": state}))


def found(address: str) -> web.Response:
    """302; nothing of it may be kept."""
    return web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})


def back(asked: Asked, **values: str) -> web.Response:
    """To the system, with its state."""
    return found(_with(asked.redirect_uri, values | {"state": asked.state}))


def returned(asked: Asked, refusal: EsiaRefusal) -> web.Response:
    """To the system with a refusal."""
    return back(asked, **_error(refusal))


def _error(refusal: EsiaRefusal) -> dict[str, str]:
    return {"error": refusal.meaning.error, "error_description": refusal.description}


def _with(address: str, values: dict[str, str]) -> str:
    return address + ("&" if "?" in address else "?") + urlencode(values)


def _challenge(parameters: Parameters, *, needed: bool) -> str | None:
    """The PKCE challenge (S256, RFC 7636); EsiaRefusal ESIA-007039 where the system must give one."""
    challenge = parameters.one("code_challenge")
    if not challenge:
        if needed:
            raise EsiaRefusal("ESIA-007039", "code_challenge")
        return None
    parameters.among("code_challenge_method", "S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise EsiaRefusal("ESIA-007003", "code_challenge")
    return challenge


def _object_type(parameters: Parameters) -> str | None:
    roles, kind = parameters.one("roles"), parameters.one("obj_type")
    if roles and not all(_ROLE.fullmatch(role) for role in roles.split()):
        raise EsiaRefusal("ESIA-007060", "roles")
    if kind and kind not in OBJECT_TYPES:
        raise EsiaRefusal("ESIA-007061", "obj_type")
    return kind or ("L" if roles else None)  # roles are those of an organisation
