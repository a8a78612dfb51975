"""Access tokens of a system: JWT-shaped, opaque to clients, good after a restart with the same state."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import orjson

from medmost_stand.clock import Clock
from medmost_stand.refusal import Reason, Refusal

_HEADER = {"alg": "HS256", "typ": "JWT", "sbt": "access", "ver": 0}


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class _Claims:
    client: str
    issued: float
    expires: float


class Tokens:
    """Issues and reads tokens; `life` is in seconds and may change at run time."""

    def __init__(self, issuer: str, secret: bytes, life: int, clock: Clock) -> None:
        self.life = life
        self.issued: list[dict[str, object]] = []
        self._issuer = issuer
        self._secret = secret
        self._clock = clock
        self._revoked_until = 0.0
        self._read: dict[str, _Claims] = {}

    def issue(self, client: str, life: int | None = None) -> tuple[str, int]:
        """A token for a client and the seconds it lives (negative: one that is expired already)."""
        now = self._clock.seconds()
        seconds = self.life if life is None else life
        claims = {
            "iss": self._issuer,
            "client_id": client,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(8),
        }
        signed = _encoded(orjson.dumps(_HEADER)) + "." + _encoded(orjson.dumps(claims))
        self.issued.append({"at": now, "client": client, "life": seconds})
        return signed + "." + self._signature(signed), seconds

    def client(self, token: str) -> str:
        """The client a token was issued to; Refusal TOKEN_INVALID or TOKEN_EXPIRED."""
        claims = self._read.get(token)
        if claims is None:
            claims = self._parse(token)
            if len(self._read) > 1000:
                self._read.clear()
            self._read[token] = claims
        if claims.expires <= self._clock.seconds() or claims.issued <= self._revoked_until:
            raise Refusal(Reason.TOKEN_EXPIRED, "Срок действия маркера доступа истёк, запросите новый")
        return claims.client

    def revoke_all(self) -> None:
        """Every token issued until now counts as expired."""
        self._revoked_until = self._clock.seconds()

    def _parse(self, token: str) -> _Claims:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise Refusal(Reason.TOKEN_INVALID, "Маркер доступа выдан не этой системой или повреждён")
        payload = signed.partition(".")[2]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return _Claims(claims["client_id"], claims["iat"], claims["exp"])

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.new(self._secret, signed.encode(), hashlib.sha256).digest())


def bearer(header: str | None) -> str:
    """The token of an Authorization header; Refusal TOKEN_MISSING."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal(Reason.TOKEN_MISSING, "Нет маркера доступа: нужен заголовок Authorization: Bearer")
    return token.strip()
