"""ЕСИА's token for an organisation's system: API key and electronic signature (facts/gosuslugi.md §2.1).

The citizen's login (§1) is not served yet.
"""

from __future__ import annotations

import base64
import binascii

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.gosuslugi.partners import Partners
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.signature import signed_by
from medmost_stand.tokens import Tokens, bearer

_FLAVOURS = str.maketrans("-_ ", "+/+")  # urlsafe to plain; a plus that a query decoder has made a space


class Esia:
    """`gate` is asked on every call of the portal's APIs."""

    def __init__(self, partners: Partners, tokens: Tokens) -> None:
        self._partners = partners
        self._tokens = tokens

    async def ext_app_token(self, call: Call) -> web.Response:
        """`{"accessTkn","expiresIn"}` for a CMS signature of the API key by the registered certificate."""
        api_key = call.request.match_info["api_key"]
        system = self._partners.by_key(api_key)
        if system is None or not system.certificate:
            raise _not_authenticated("ключ API не зарегистрирован или у системы нет сертификата")
        signature = _decoded(call.request.query.get("signature", ""))
        if not await signed_by(signature, api_key.encode(), system.certificate):
            raise _not_authenticated("подпись не соответствует ключу API и сертификату системы")
        token, seconds = self._tokens.issue(system.mnemonic)
        body = orjson.dumps({"accessTkn": token, "expiresIn": seconds})
        return json_response(body, headers={"Cache-Control": "no-store"})

    def gate(self, request: web.Request) -> str:
        """The client of a call; Refusal with 401, or 403 where the token is another system's."""
        client = self._tokens.client(bearer(request.headers.get("Authorization")))
        if not self._partners.allowed(client):
            raise Refusal(Reason.TOKEN_FOREIGN, "Доступ запрещен для системы")
        return client


def _decoded(text: str) -> bytes:
    plain = "".join(text.translate(_FLAVOURS).split()).rstrip("=")
    try:
        signature = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _not_authenticated("подпись не в base64") from None
    if not signature:
        raise _not_authenticated("нет подписи")
    return signature


def _not_authenticated(why: str) -> Refusal:
    return Refusal(Reason.CREDENTIALS_WRONG, f"Не удалось аутентифицировать систему-клиента: {why}")
