"""The citizen's cabinet: plain pages over the portal's own records (the stand's model of the portal).

The login asks for a test account only; ЕСИА's real one is not served yet.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from medmost_stand.api import Call
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.health import Health, health_of, policies_of
from medmost_stand.refusal import Reason, Refusal

_PAGES = Path(__file__).with_name("pages")
COOKIE = "citizen"


class Cabinet:
    """Pages of one logged-in citizen. Nothing personal stands in an address: who it is says the cookie."""

    def __init__(self, state: EndState, secret: bytes, console_url: str) -> None:
        self._state = state
        self._secret = secret
        self._console_url = console_url.rstrip("/")
        self._pages = Environment(loader=FileSystemLoader(_PAGES), autoescape=select_autoescape())

    def session(self, request: web.Request) -> str:
        """The login of the cookie; without a valid one 401 with the login page."""
        coded, _, mark = request.cookies.get(COOKIE, "").partition("~")
        try:
            name = base64.urlsafe_b64decode(coded.encode() + b"=" * (-len(coded) % 4)).decode()
        except ValueError:
            name = ""
        if not hmac.compare_digest(mark.encode(), self._mark(name).encode()) or not self._citizen(name):
            raise web.HTTPUnauthorized(text=self._page("login.html", failed=False), content_type="text/html")
        return name

    async def front(self, _: Call) -> web.Response:
        """The portal's address leads to the cabinet."""
        return web.Response(status=303, headers={"Location": "/cabinet"})

    async def login_page(self, _: Call) -> web.Response:
        """The form, with a few test citizens to choose from."""
        return self._shown("login.html", failed=False)

    async def login(self, call: Call) -> web.Response:
        """Logs a test citizen in by the login of /stand/people."""
        name = str((await call.request.post()).get("login", "")).strip()
        if self._citizen(name) is None:
            text = self._page("login.html", failed=True)
            return web.Response(status=401, text=text, content_type="text/html")
        response = web.Response(status=303, headers={"Location": "/cabinet"})
        value = base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode() + "~" + self._mark(name)
        response.set_cookie(COOKIE, value, httponly=True, samesite="Lax", max_age=8 * 3600)
        return response

    async def logout(self, _: Call) -> web.Response:
        """Ends the session."""
        response = web.Response(status=303, headers={"Location": "/cabinet/login"})
        response.del_cookie(COOKIE)
        return response

    async def policies(self, call: Call) -> web.Response:
        """«Мои полисы» with the way to medmost's linking page."""
        citizen = self._own(call)
        records = policies_of(self._state.system, citizen["policy_number"])
        link = f"{self._console_url}/link?" + urlencode({"return": self._state.address + "/cabinet"})
        return self._shown("policies.html", citizen=citizen, policies=records, link=link)

    async def health(self, call: Call) -> web.Response:
        """«Моё здоровье»: visits, analyses with values, vaccinations, requests."""
        citizen = self._own(call)
        health: Health = health_of(self._state.system, citizen["policy_number"])
        return self._shown("health.html", citizen=citizen, health=health)

    async def style(self, _: Call) -> web.Response:
        """The one style sheet."""
        return web.Response(text=_style(), content_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def _own(self, call: Call) -> dict[str, Any]:
        citizen = self._citizen(call.client)
        if citizen is None:
            raise Refusal(Reason.NOT_ALLOWED, "Учётная запись не найдена")
        return citizen

    def _citizen(self, login: str) -> dict[str, Any] | None:
        return self._state.population.by_login(login) if login else None

    def _shown(self, page: str, **values: object) -> web.Response:
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=self._page(page, **values), content_type="text/html", headers=headers)

    def _page(self, page: str, **values: object) -> str:
        sample = [citizen["login"] for citizen in self._state.population.citizens if citizen["trusted"]][:8]
        return self._pages.get_template(page).render(logins=sample, **values)

    def _mark(self, login: str) -> str:
        return hmac.new(self._secret, b"cabinet:" + login.encode(), hashlib.sha256).hexdigest()


@cache
def _style() -> str:
    return (_PAGES / "style.css").read_text(encoding="utf-8")
