"""Sessions of a system's own screens: a signed cookie, a mark for forms, and one thing to say on the next page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlsplit

from aiohttp import web

from medmost_stand.clock import Clock
from medmost_stand.refusal import Reason, Refusal

LIFE = 8 * 3600
"""Seconds: a working day."""
_MOST_WORDS = 1000  # sessions with something still to say


class Sessions:
    """Who it is says the cookie, never an address. A restart with the same state keeps people logged in."""

    def __init__(self, cookie: str, login_path: str, secret: bytes, clock: Clock) -> None:
        self.cookie = cookie
        self._login_path = login_path
        self._secret = secret
        self._clock = clock
        self._words: dict[str, tuple[str, bool]] = {}

    def begin(self, response: web.Response, login: str) -> web.Response:
        """Lets somebody in."""
        coded = base64.urlsafe_b64encode(login.encode()).rstrip(b"=").decode()
        body = f"{coded}~{int(self._clock.seconds()) + LIFE}~{secrets.token_hex(8)}"
        value = f"{body}~{self._sealed('session', body)}"
        response.set_cookie(self.cookie, value, httponly=True, samesite="Lax", max_age=LIFE, path="/")
        return response

    def end(self, response: web.Response) -> web.Response:
        """Lets them out."""
        response.del_cookie(self.cookie, path="/")
        return response

    def login(self, request: web.Request) -> str | None:
        """Who it is; None without a session in force."""
        body, _, seal = request.cookies.get(self.cookie, "").rpartition("~")
        if not hmac.compare_digest(seal.encode(), self._sealed("session", body).encode()):
            return None
        coded, until, _ = body.split("~")
        if int(until) < self._clock.seconds():
            return None
        return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()

    def sent_to_login(self, request: web.Request) -> web.HTTPException:
        """What a page without a session answers; after the login the person is back at a page they wanted to see."""
        wanted = f"?next={quote(request.path)}" if request.method == "GET" else ""
        return web.HTTPSeeOther(self._login_path + wanted)

    def mark(self, request: web.Request) -> str:
        """What a form of this session carries; nobody else's page can know it."""
        return self._sealed("form", request.cookies.get(self.cookie, ""))

    def check_form(self, request: web.Request, mark: str) -> None:
        """Refusal NOT_ALLOWED for a form that is not from a page of this session."""
        if not hmac.compare_digest(mark.encode(), self.mark(request).encode()):
            text = "Форма устарела или открыта не здесь: вернитесь на страницу и попробуйте ещё раз"
            raise Refusal(Reason.NOT_ALLOWED, text)

    def say(self, request: web.Request, text: str, *, bad: bool = False) -> None:
        """Kept for the next page of this session."""
        if len(self._words) >= _MOST_WORDS:
            self._words.clear()
        self._words[request.cookies.get(self.cookie, "")] = (text, bad)

    def said(self, request: web.Request) -> tuple[str, bool] | None:
        """What there is to say and whether it is bad news; told once."""
        return self._words.pop(request.cookies.get(self.cookie, ""), None)

    def _sealed(self, purpose: str, text: str) -> str:
        message = f"{self.cookie}:{purpose}:{text}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def own_path(text: str, default: str) -> str:
    """A path of this system out of `?next=`; `default` for anything that leads elsewhere."""
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return default
    return parts.path
