"""EMIAS' door: client credentials for a token, then token and X-API-Key on every call (contracts.md §2)."""

from __future__ import annotations

import binascii

import orjson
from aiohttp import BasicAuth, web

from medmost_stand.api import Call, json_response
from medmost_stand.emias.points import Points
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.tokens import Tokens, bearer


class EmiasAuth:
    """`gate` is asked on every call under /api/."""

    def __init__(self, points: Points, tokens: Tokens) -> None:
        self._points = points
        self._tokens = tokens

    async def token(self, call: Call) -> web.Response:
        """POST /oauth/token: form, JSON or Basic; RFC 6749 §5.1 and §5.2 answers."""
        given = await _credentials(call.request)
        if given.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "Поддерживается только client_credentials")
        point = self._points.get(given.get("client_id", ""))
        if point is None or point.secret is None or not point.secret.equals(given.get("client_secret", "")):
            return _oauth_error(401, "invalid_client", "Неизвестный client_id или неверный client_secret")
        token, seconds = self._tokens.issue(point.client_id)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return json_response(orjson.dumps(answer), headers={"Cache-Control": "no-store"})

    def gate(self, request: web.Request) -> str:
        """The client of a call; Refusal with 401, or 403 where token or key are somebody else's."""
        client = self._tokens.client(bearer(request.headers.get("Authorization")))
        api_key = request.headers.get("X-API-Key")
        if not api_key:
            raise Refusal(Reason.API_KEY_MISSING, "Нет ключа интеграции: нужен заголовок X-API-Key")
        owner = self._points.by_key(api_key)
        if owner is None:
            raise Refusal(Reason.API_KEY_UNKNOWN, "Ключ интеграции не зарегистрирован")
        if owner.client_id != client:
            raise Refusal(Reason.API_KEY_FOREIGN, "Маркер доступа и ключ интеграции выданы разным системам")
        if not owner.allowed:
            raise Refusal(Reason.TOKEN_FOREIGN, "Этой системе обмен не разрешён")
        return client


async def _credentials(request: web.Request) -> dict[str, str]:
    given: dict[str, str] = {}
    if request.content_type == "application/json":
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            raise Refusal(Reason.BAD_REQUEST, "Тело запроса не разбирается как JSON") from None
        if isinstance(body, dict):
            given = {name: value for name, value in body.items() if isinstance(value, str)}
    else:
        given = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("basic "):
        try:
            basic = BasicAuth.decode(header, "utf-8")
        except (ValueError, binascii.Error):
            raise Refusal(Reason.BAD_REQUEST, "Заголовок Authorization: Basic не разбирается") from None
        given |= {"client_id": basic.login, "client_secret": basic.password}
    return given


def _oauth_error(status: int, code: str, text: str) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="emias"'} if status == 401 else {}
    body = orjson.dumps({"error": code, "error_description": text})
    return json_response(body, status, headers)
