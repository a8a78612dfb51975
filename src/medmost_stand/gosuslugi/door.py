"""Login and logout of the portal's own pages: an ordinary client of ЕСИА with redirect, code and token."""

from __future__ import annotations

import hmac
import uuid
from urllib.parse import quote, unquote, urlencode

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.cabinet import HOME
from medmost_stand.gosuslugi.esia.portal import MNEMONIC, PortalLogin
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.screens import Form, Screens, moved
from medmost_stand.sessions import own_path

LOGIN, BACK, BYE = "/cabinet/login", "/cabinet/esia", "/cabinet/bye"
_ASKED = "portal_asked"
_PATIENCE = 15 * 60  # seconds a person may take at ЕСИА's pages


class Door:
    """What a browser asked for waits in a cookie of its own until ЕСИА sends it back."""

    def __init__(self, state: EndState, screens: Screens, portal: PortalLogin) -> None:
        self._state = state
        self._screens = screens
        self._portal = portal

    def session(self, request: web.Request) -> str:
        """The login of the session; without one the way to the login."""
        login = self._screens.sessions.login(request)
        if login is None or self._state.population.by_login(login) is None:
            raise self._screens.sessions.sent_to_login(request)
        return login

    async def login(self, call: Call) -> web.Response:
        """To ЕСИА, with a state that only this browser knows."""
        state = str(uuid.uuid4())
        response = moved(await self._portal.start(state))
        kept = f"{state}~{quote(own_path(call.request.query.get('next', HOME), HOME), safe='')}"
        response.set_cookie(_ASKED, kept, httponly=True, samesite="Lax", max_age=_PATIENCE, path="/")
        return response

    async def back(self, call: Call) -> web.Response:
        """From ЕСИА: the code becomes a session; a refusal is told with its code."""
        state, _, wanted = call.request.cookies.get(_ASKED, "").partition("~")
        given = call.request.query.get("state", "")
        if not state or not hmac.compare_digest(state.encode(), given.encode()):
            return self._told(call, "Вход начат в другом окне или слишком давно: войдите ещё раз")
        try:
            oid = await self._portal.finish(call.request.query)
        except EsiaRefusal as refusal:
            return self._told(call, f"{refusal.meaning.russian} ({refusal.code})")
        citizen = self._state.population.by_oid(oid)
        if citizen is None:
            return self._told(call, "Учётная запись не найдена")
        response = moved(own_path(unquote(wanted), HOME))
        response.del_cookie(_ASKED, path="/")
        return self._screens.sessions.begin(response, citizen["login"])

    async def logout(self, _: Call, __: Form) -> web.Response:
        """Ends the session here and at ЕСИА."""
        back = {"client_id": MNEMONIC, "redirect_url": self._state.address + BYE}
        return self._screens.sessions.end(moved("/idp/ext/Logout?" + urlencode(back)))

    async def bye(self, call: Call) -> web.Response:
        """After a logout."""
        return self._screens.shown(call, "outside.html", title="Вы вышли")

    def _told(self, call: Call, problem: str) -> web.Response:
        return self._screens.shown(call, "outside.html", title="Вход не выполнен", problem=problem)
