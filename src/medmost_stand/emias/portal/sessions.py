"""How a citizen gets into the portal: an anonymous JWT, or a mos.ru login with its tokens (facts/emias.md §1.6).

The login page takes the stand's test accounts (`/stand/people`). Tokens of the portal open nothing of the exchange.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from medmost_stand.api import Call, Parameter, Route, json_response
from medmost_stand.clock import Clock
from medmost_stand.emias.portal import trouble
from medmost_stand.emias.portal.trouble import Trouble
from medmost_stand.refusal import Refusal
from medmost_stand.tokens import Tokens
from medmost_stand.worlds import Population

INFO, RECORD = "emias.info.web", "lk.emias.mos.ru"
LIVES = {INFO: 3600, RECORD: 300}  # seconds; the second as seen in how often clients renew
CODE_SECONDS = 120
_LOGIN = """<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Вход (стенд)</title><h1>Вход на портал</h1><p>Учётные записи стенда: см. /stand/people.</p>{trouble}
<form method="post"><p><label>Логин <input name="login" autocomplete="username" required></label></p>
<p><label>Пароль <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Войти</button></p></form></html>"""
LOGIN = "/sps/oauth/ae"
_HTML = "text/html"
_LOGIN_FORM = {"type": "object", "properties": {"login": {"type": "string"}, "password": {"type": "string"}}}
GRANT_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"const": "invalid_grant"}}}


class Sessions:
    """Codes and tokens of the portal; `citizen` reads whose an access token is."""

    def __init__(self, tokens: Tokens, population: Population, clock: Clock) -> None:
        self._tokens, self._population, self._clock = tokens, population, clock
        self._codes: dict[str, tuple[str, str, float]] = {}  # code -> login, client, until
        self._refresh: dict[str, tuple[str, str]] = {}  # refresh token -> login, client

    def routes(self) -> list[Route]:
        client, back = (Parameter(name, "query", "OAuth", required=True) for name in ("client_id", "redirect_uri"))
        ask, body = (client, back, Parameter("state", "query", "OAuth")), {"type": "object"}
        sent = {200: "Страница", 302: "Обратно с кодом", 400: "Неверный запрос", 401: "Неверный логин или пароль"}
        granted, no_json = {200: "Маркеры", 400: "Код или маркер не приняты"}, {400: "Не JSON"}
        listed = {200: "Список", 401: "Маркер не принят", **no_json}
        either = {400: {"anyOf": [GRANT_ERROR, {"$ref": "#/components/schemas/Error"}]}}
        calls = (
            ("/web-api/getTokens/", self.exchange, "Код на маркеры"),
            ("/web-api/refreshTokens/", self.renew, "Новые маркеры"),
            ("/web-api/whoAmI/", self.who, "Чей маркер"),
            ("/api/auth/1/refresh", self.renew, "Новые маркеры ЭМК"),
        )
        return [
            Route("GET", "/", self.front, "Главная портала с признаком csrf", "open", answer_type=_HTML),
            Route("GET", LOGIN, self.login_page, "Страница входа", "open", parameters=ask, answers=sent,
                  answer_type=_HTML),
            Route("POST", LOGIN, self.login, "Вход", "open", parameters=ask, answers=sent, body=_LOGIN_FORM,
                  body_type="application/x-www-form-urlencoded", answer_type=_HTML),
            Route("POST", "/api/passport/v2/", self.anonymous, "Маркер без входа", "open", body=body,
                  answers={200: "Маркер", **no_json}),
            Route("POST", "/api/vault/v3/", self.policies, "Полисы, за которые можно действовать", "open", body=body,
                  answers=listed, schemas={401: {"type": "object", "required": ["error"]}}),
            *(Route("POST", path, handler, summary, "open", body=body, answers=granted, schemas=either)
              for path, handler, summary in calls),
        ]  # fmt: skip

    def citizen(self, token: str | None) -> Mapping[str, Any]:
        """Whose a token is; Trouble 401."""
        try:
            login = self._tokens.client(token or "")
        except (Refusal, ValueError):
            raise Trouble(trouble.TOKEN_EXPIRED, "Войдите снова: маркер истёк или неизвестен", 401) from None
        found = self._population.by_login(login)
        if found is None:
            raise Trouble(trouble.TOKEN_EXPIRED, "Войдите снова: маркер выдан без входа", 401)
        return found

    # ------------------------------------------------------------ without a login
    async def front(self, _: Call) -> web.Response:
        token = secrets.token_hex(16)
        head = f'<meta charset="utf-8"><meta name="csrf-token-value" content="{token}"><title>ЕМИАС</title>'
        return web.Response(text=f'<!doctype html><html lang="ru">{head}</html>', content_type="text/html")

    async def anonymous(self, call: Call) -> web.Response:
        """`?create_anonymous_jwt`: valid for seven days, names nobody."""
        asked = await call.json()
        token, _ = self._tokens.issue("anonymous", 7 * 86400)
        return json_response(orjson.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": token}))

    # ------------------------------------------------------------ with one
    async def login_page(self, call: Call) -> web.Response:
        wrong = _wrong(call)
        return web.Response(text=_LOGIN.format(trouble=wrong), content_type=_HTML, status=400 if wrong else 200)

    async def login(self, call: Call) -> web.Response:
        wrong = _wrong(call)
        if wrong:
            return web.Response(text=_LOGIN.format(trouble=wrong), content_type=_HTML, status=400)
        client, back = call.request.query["client_id"], call.request.query["redirect_uri"]
        given = await call.request.post()
        found = self._population.by_login(str(given.get("login", "")))
        if found is None or not secrets.compare_digest(
            str(found["password"]).encode(), str(given.get("password", "")).encode()
        ):
            told = "<p role=alert>Неверный логин или пароль</p>"
            return web.Response(text=_LOGIN.format(trouble=told), content_type=_HTML, status=401)
        code = secrets.token_urlsafe(16)
        self._codes[code] = (found["login"], client, self._clock.seconds() + CODE_SECONDS)
        more = {"code": code} | ({"state": call.request.query["state"]} if "state" in call.request.query else {})
        return web.Response(status=302, headers={"Location": back + ("&" if "?" in back else "?") + urlencode(more)})

    async def exchange(self, call: Call) -> web.Response:
        """A code, good once and for two minutes."""
        asked = await call.json()
        login, client, until = self._codes.pop(str(asked.get("code")), ("", "", 0.0))
        if until < self._clock.seconds():
            return _invalid_grant()
        return self._granted(login, client)

    async def renew(self, call: Call) -> web.Response:
        """A refresh token, good once."""
        asked = await call.json()
        login, client = self._refresh.pop(str(asked.get("refreshToken") or asked.get("refresh_token")), ("", ""))
        return self._granted(login, client) if login else _invalid_grant()

    async def who(self, call: Call) -> web.Response:
        """A fresh token for a good one."""
        asked = await call.json()
        try:
            person = self.citizen(str(asked.get("accessToken")))
        except Trouble:
            return _invalid_grant()
        token, seconds = self._tokens.issue(person["login"], LIVES[INFO])
        return json_response(orjson.dumps({"access_token": token, "expires_in": seconds}))

    async def policies(self, call: Call) -> web.Response:
        """`oms_list`: the policies the user may act for."""
        asked = await call.json()
        try:
            person = self.citizen(call.request.headers.get("Authorization", "").removeprefix("Bearer "))
        except Trouble as refused:
            error = {"code": -32001, "message": refused.text, "data": {"code": refused.code}}
            return json_response(orjson.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "error": error}), 401)
        own = {
            "omsNumber": person["policy_number"],
            "birthDate": person["birth_date"],
            "policyName": f"{person['last_name']} {person['first_name']}",
            "permissionType": "OWN",
        }
        return json_response(orjson.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": [own]}))

    def _granted(self, login: str, client: str) -> web.Response:
        access, seconds = self._tokens.issue(login, LIVES[client])
        refresh = secrets.token_urlsafe(24)
        self._refresh[refresh] = (login, client)
        answer = {
            "access_token": access,
            "refresh_token": refresh,
            "id_token": access,
            "expires_in": seconds,
            "token_type": "Bearer",
            "scope": "openid profile",
        }
        return json_response(orjson.dumps(answer), headers={"Cache-Control": "no-store"})


def _wrong(call: Call) -> str:
    """What is wrong with the address a client sent its user to, as a line of the page; empty if nothing is."""
    query = call.request.query
    if query.get("client_id") not in LIVES:
        return f"<p role=alert>client_id: можно {html.escape(', '.join(LIVES))}</p>"
    if not query.get("redirect_uri", "").startswith(("http://", "https://")):
        return "<p role=alert>redirect_uri: нужен адрес http или https</p>"
    return ""


def _invalid_grant() -> web.Response:
    return json_response(orjson.dumps({"error": "invalid_grant"}), 400)
