"""ЕСИА's token for an organisation's system: API key and electronic signature (facts/gosuslugi.md §2.1)."""

from __future__ import annotations

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.gosuslugi.esia.settings import EsiaSettings
from medmost_stand.gosuslugi.partners import Partners
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.signature import from_base64, kind_of, signed_by
from medmost_stand.tokens import Tokens, bearer


class ExtApp:
    """`gate` is asked on every call of the exchange."""

    def __init__(self, partners: Partners, settings: EsiaSettings, tokens: Tokens) -> None:
        self._partners = partners
        self._settings = settings
        self._tokens = tokens

    async def token(self, call: Call) -> web.Response:
        """`{"accessTkn","expiresIn"}` for a CMS signature of the API key by the registered certificate."""
        api_key = call.request.match_info["api_key"]
        system = self._partners.by_key(api_key)
        if system is None or not system.certificate:
            raise _not_authenticated("ключ API не зарегистрирован или у системы нет сертификата")
        try:
            signature = from_base64(call.request.query.get("signature", ""))
        except ValueError:
            raise _not_authenticated("нет подписи, или она не в base64") from None
        known = kind_of(system.certificate) != "rsa" or self._settings.legacy_rsa
        if not (known and await signed_by(signature, api_key.encode(), system.certificate)):
            raise _not_authenticated("подпись не соответствует ключу API и сертификату системы")
        token, seconds = self._tokens.issue(system.mnemonic)
        body = orjson.dumps({"accessTkn": token, "expiresIn": seconds})
        return json_response(body, headers={"Cache-Control": "no-store"})

    def gate(self, request: web.Request) -> str:
        """The client of a call; Refusal with 401, or 403 where the token is another system's or a person's."""
        claims = self._tokens.claims(bearer(request.headers.get("Authorization")))
        system = self._partners.by_mnemonic(claims.client)
        if system is None or not system.allowed or claims.subject is not None:
            raise Refusal(Reason.TOKEN_FOREIGN, "Доступ запрещен для системы")
        return claims.client


def _not_authenticated(why: str) -> Refusal:
    return Refusal(Reason.CREDENTIALS_WRONG, f"Не удалось аутентифицировать систему-клиента: {why}")
