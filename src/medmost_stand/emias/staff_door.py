"""Login and logout of EMIAS' own screens: a clerk of the registry, an administrator of integration."""

from __future__ import annotations

import hmac
from pathlib import Path

from aiohttp import web

from medmost_stand.accounts import STAFF, Account, staff
from medmost_stand.api import Call
from medmost_stand.refusal import Refusal
from medmost_stand.screens import Form, Screens, moved, posted
from medmost_stand.sessions import own_path

PAGES = Path(__file__).with_name("templates")
LOGIN, REGISTRY, INTEGRATION = "/staff/login", "/registry", "/integration"
HOMES = {"clerk": REGISTRY, "integrator": INTEGRATION}


class StaffDoor:
    """Each account sees the screens of its own role only."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens

    def session(self, request: web.Request) -> str:
        """The login of the session; without one, or at another role's screens, the way to the login page."""
        account = staff(self._screens.sessions.login(request) or "")
        if account is None or not request.path.startswith((HOMES[account.role], "/staff")):
            raise self._screens.sessions.sent_to_login(request)
        return account.login

    async def login_page(self, call: Call) -> web.Response:
        """The form, with the stand's accounts to choose from."""
        return self._form(call, call.request.query.get("next", ""))

    async def login(self, call: Call) -> web.Response:
        """Checks login and password."""
        try:
            fields = await posted(call)
        except Refusal as refusal:
            return self._form(call, "", 403, refusal.text)
        wanted, account = fields.get("next", ""), staff(fields.get("login", ""))
        given = fields.get("password", "")
        if account is None or not hmac.compare_digest(account.password.encode(), given.encode()):
            return self._form(call, wanted, 401, "Неверный логин или пароль")
        home = HOMES[account.role]
        where = own_path(wanted, home)
        return self._screens.sessions.begin(moved(where if where.startswith(home) else home), account.login)

    async def logout(self, _: Call, __: Form) -> web.Response:
        """Ends the session."""
        return self._screens.sessions.end(moved(LOGIN))

    def person(self, call: Call) -> Account:
        """Who is at the screen; the session has been checked."""
        account = staff(call.client)
        if account is None:
            raise self._screens.sessions.sent_to_login(call.request)
        return account

    def _form(self, call: Call, wanted: str, status: int = 200, problem: str | None = None) -> web.Response:
        return self._screens.shown(call, "login.html", status, accounts=STAFF, wanted=wanted, problem=problem)
