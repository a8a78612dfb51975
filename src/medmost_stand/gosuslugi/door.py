"""Login and logout of the portal's own pages."""

from __future__ import annotations

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.cabinet import HOME
from medmost_stand.refusal import Refusal
from medmost_stand.screens import Form, Screens, moved, posted
from medmost_stand.sessions import own_path

LOGIN = "/cabinet/login"
_SHOWN_PEOPLE = 8


class Door:
    """A test citizen comes in by the login of /stand/people."""

    def __init__(self, state: EndState, screens: Screens) -> None:
        self._state = state
        self._screens = screens

    def session(self, request: web.Request) -> str:
        """The login of the session; without one the way to the login page."""
        login = self._screens.sessions.login(request)
        if login is None or self._state.population.by_login(login) is None:
            raise self._screens.sessions.sent_to_login(request)
        return login

    async def login_page(self, call: Call) -> web.Response:
        """The form, with a few test citizens to choose from."""
        return self._form(call, call.request.query.get("next", HOME))

    async def login(self, call: Call) -> web.Response:
        """Lets a test citizen in."""
        try:
            fields = await posted(call)
        except Refusal as refusal:
            return self._form(call, HOME, 403, refusal.text)
        login, wanted = fields.get("login", ""), fields.get("next", HOME)
        if self._state.population.by_login(login) is None:
            return self._form(call, wanted, 401, "Такой учётной записи на стенде нет")
        return self._screens.sessions.begin(moved(own_path(wanted, HOME)), login)

    async def logout(self, _: Call, __: Form) -> web.Response:
        """Ends the session."""
        return self._screens.sessions.end(moved(LOGIN))

    def _form(self, call: Call, wanted: str, status: int = 200, problem: str | None = None) -> web.Response:
        sample = [citizen["login"] for citizen in self._state.population.citizens if citizen["trusted"]]
        values = {"logins": sample[:_SHOWN_PEOPLE], "wanted": own_path(wanted, HOME), "problem": problem}
        return self._screens.shown(call, "login.html", status, **values)
