"""The organisation's access token: API key and electronic signature at ЕСИА (facts/gosuslugi.md §2.1)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from medmost.domain.record import Side
from medmost.systems.failures import page_error
from medmost.systems.http import Call, Http
from medmost.systems.paths import query, segment
from medmost.systems.settings import GosuslugiSettings
from medmost.systems.signing import Signer
from medmost.systems.tokens import Grant

UNKNOWN_LIFE = 600.0
"""Seconds a token is trusted that does not tell its life; a shorter one costs a 401 and a renewal."""


class ExtAppToken:
    """`GET …/ext-app/{api-key}/tkn?signature=`: a detached CMS over the API key, base64url without padding."""

    def __init__(self, http: Http, settings: GosuslugiSettings, signer: Signer) -> None:
        self._http = http
        self._settings = settings
        self._signer = signer

    async def obtain(self) -> Grant:
        """Raises Fatal MM-SYS-CREDENTIALS where key or signature are not accepted, MM-SYS-SIGNER where none is made."""
        key = self._settings.api_key
        signature = base64.urlsafe_b64encode(await self._signer.sign_cms(key.encode())).decode().rstrip("=")
        path = self._settings.token_path.replace("{api_key}", segment(key)) + query({"signature": signature})
        until = self._http.clock.monotonic() + self._settings.deadline
        route = self._settings.token_path
        answer = await self._http.call(Call(operation="auth", method="GET", route=route, path=path, until=until))
        data = answer.object()
        token = data.get("accessTkn")
        if not isinstance(token, str) or not token:
            raise page_error(Side.GOSUSLUGI, "the token answer has no accessTkn", "в ответе нет маркера доступа")
        return Grant(token, _life(data, token))


def _life(data: dict[str, Any], token: str) -> float:
    told = data.get("expiresIn")
    if isinstance(told, int | float) and not isinstance(told, bool) and told > 0:
        return float(told)
    claims = _claims(token)
    begins, ends = claims.get("iat", claims.get("nbf")), claims.get("exp")
    if isinstance(begins, int) and isinstance(ends, int) and ends > begins:
        return float(ends - begins)
    return UNKNOWN_LIFE


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself; unchecked, because it only tells when to ask for the next one."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
