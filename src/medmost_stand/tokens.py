"""Access tokens of a system: JWTs, good after a restart with the same state."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from medmost_stand.clock import Clock
from medmost_stand.refusal import Reason, Refusal

_SOME = 5000  # tokens whose claims are remembered as read


def encoded(raw: bytes) -> str:
    """base64url without padding, as JWTs have it (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding; ValueError for another text."""
    return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))


class Seal(Protocol):
    """What signs tokens and knows its own signature again."""

    def algorithm(self, client: str) -> str:
        """The `alg` of a client's tokens."""
        ...

    def sign(self, algorithm: str, signed: bytes) -> bytes:
        """The signature of header.payload."""
        ...

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is this seal's."""
        ...


class HmacSeal:
    """HS256 with a secret of the system itself: clients take such tokens as they are."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def algorithm(self, client: str) -> str:  # noqa: ARG002  # one for all clients
        """HS256."""
        return "HS256"

    def sign(self, algorithm: str, signed: bytes) -> bytes:  # noqa: ARG002  # there is only one
        """32 bytes."""
        return hmac.new(self._secret, signed, hashlib.sha256).digest()

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether made with the same secret."""
        return algorithm == "HS256" and hmac.compare_digest(self.sign(algorithm, signed), signature)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; `subject` is the person's oid, None in a token of a system itself."""

    client: str
    issued: float
    expires: float
    subject: int | None
    scopes: frozenset[str]
    permissions: frozenset[str]  # sysnames of the consents given with it
    sid: str


class Tokens:
    """Issues and reads tokens; `life` is in seconds and may change at run time."""

    def __init__(self, issuer: str, seal: Seal, life: int, clock: Clock) -> None:
        self.life = life
        self.issuer = issuer
        self.seal = seal
        self.issued: list[dict[str, object]] = []
        self._clock = clock
        self._revoked_until = 0.0
        self._read: dict[str, Claims] = {}

    def issue(self, client: str, life: int | None = None, **claims: object) -> tuple[str, int]:
        """A token for a client and the seconds it lives (negative: one that is expired already)."""
        exact = self._clock.seconds()
        now = int(exact)
        seconds = self.life if life is None else life
        body = {
            "iss": self.issuer,
            "client_id": client,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(8),
        } | claims
        self.issued.append({"at": exact, "client": client, "life": seconds})
        token = self.sealed(client, body, "access")
        # A JWT has whole seconds; while it is remembered it lives to the fraction that its client was told.
        self._remember(token, replace(_claims(body), issued=exact, expires=exact + seconds))
        return token, seconds

    def sealed(self, client: str, claims: dict[str, Any], kind: str) -> str:
        """A JWT of these claims; `kind` is its `sbt`, "access" or "id" (facts/gosuslugi.md §1.6)."""
        algorithm = self.seal.algorithm(client)
        header = {"alg": algorithm, "typ": "JWT", "sbt": kind, "ver": 0}
        signed = encoded(orjson.dumps(header)) + "." + encoded(orjson.dumps(claims))
        return signed + "." + encoded(self.seal.sign(algorithm, signed.encode()))

    def client(self, token: str) -> str:
        """The client a token was issued to; Refusal TOKEN_INVALID or TOKEN_EXPIRED."""
        return self.claims(token).client

    def claims(self, token: str) -> Claims:
        """What a token of this system says; Refusal TOKEN_INVALID or TOKEN_EXPIRED."""
        claims = self._read.get(token)
        if claims is None:
            claims = self._parse(token)
            self._remember(token, claims)
        if claims.expires <= self._clock.seconds() or claims.issued <= self._revoked_until:
            raise Refusal(Reason.TOKEN_EXPIRED, "Срок действия маркера доступа истёк, запросите новый")
        return claims

    def revoke_all(self) -> None:
        """Every token issued until now counts as expired."""
        self._revoked_until = self._clock.seconds()

    def _remember(self, token: str, claims: Claims) -> None:
        if len(self._read) >= _SOME:
            self._read.clear()
        self._read[token] = claims

    def _parse(self, token: str) -> Claims:
        try:
            head, payload, signature = token.split(".")
            header, body = orjson.loads(decoded(head)), orjson.loads(decoded(payload))
            if header["sbt"] == "access" and self.seal.verify(
                header["alg"], f"{head}.{payload}".encode(), decoded(signature)
            ):
                return _claims(body)
        except (ValueError, KeyError, TypeError):
            pass  # as little a token of this system as one with a wrong signature
        raise Refusal(Reason.TOKEN_INVALID, "Маркер доступа выдан не этой системой или повреждён")


def _claims(body: dict[str, Any]) -> Claims:
    scopes = str(body.get("scope", "")).split()
    for row in body.get("permissions", ()):  # a consent opens its scopes too, whether or not the login asked for them
        scopes += [scope["sysname"] for scope in row["scopes"]]
    return Claims(
        client=body["client_id"],
        issued=body["iat"],
        expires=body["exp"],
        subject=body.get("urn:esia:sbj_id"),
        scopes=frozenset(scope.partition("?oid=")[0] for scope in scopes),
        permissions=frozenset(row["sysname"] for row in body.get("permissions", ())),
        sid=str(body.get("urn:esia:sid", "")),
    )


def bearer(header: str | None) -> str:
    """The token of an Authorization header; Refusal TOKEN_MISSING."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal(Reason.TOKEN_MISSING, "Нет маркера доступа: нужен заголовок Authorization: Bearer")
    return token.strip()
