"""EMIAS' access token: client credentials of our integration point (RFC 6749 §4.4; contracts §2)."""

from __future__ import annotations

from urllib.parse import urlencode

from medmost.domain.record import Side
from medmost.systems.failures import page_error
from medmost.systems.http import Call, Http
from medmost.systems.settings import EmiasSettings
from medmost.systems.tokens import Grant

UNKNOWN_LIFE = 300.0
"""Seconds; `expires_in` is only recommended (RFC 6749 §5.1). EMIAS' portal tokens live about five minutes."""


class ClientCredentials:
    """`POST /oauth/token`; the secret travels in the body."""

    def __init__(self, http: Http, settings: EmiasSettings) -> None:
        self._http = http
        self._settings = settings

    async def obtain(self) -> Grant:
        """Raises Fatal MM-SYS-CREDENTIALS where they are not accepted."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        path = self._settings.token_path
        answer = await self._http.call(
            Call(
                operation="auth",
                method="POST",
                route=path,
                path=path,
                until=self._http.clock.monotonic() + self._settings.deadline,
                body=urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
        )
        data = answer.object()
        token, life = data.get("access_token"), data.get("expires_in")
        if not isinstance(token, str) or not token:
            raise page_error(Side.EMIAS, "the token answer has no access_token", "в ответе нет токена доступа")
        told = isinstance(life, int | float) and not isinstance(life, bool) and life > 0
        return Grant(token, float(life) if told else UNKNOWN_LIFE)  # type: ignore[arg-type]  # `told` proves a number
