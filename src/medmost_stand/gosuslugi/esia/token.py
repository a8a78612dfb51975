"""POST /aas/oauth2/te and /v3/te: a code, a refresh token or a changed consent for tokens (facts/gosuslugi.md §1.3)."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.gosuslugi.esia.authorize import Parts
from medmost_stand.gosuslugi.esia.checks import Parameters, signed_strings
from medmost_stand.gosuslugi.esia.grants import Grant
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.gosuslugi.esia.scopes import changed_consent_of, organisational, personal
from medmost_stand.gosuslugi.partners import InformationSystem
from medmost_stand.refusal import Refusal
from medmost_stand.tokens import Tokens, encoded

GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_ID_TOKEN_SECONDS = 10_800  # as seen, facts/gosuslugi.md §1.6
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_STATUS = {"ESIA-007007": 500, "ESIA-007008": 503}  # all others are 400 (§1.6); these two are our reading


class TokenEnd:
    """Checks first, spends a code only when everything else is right."""

    def __init__(self, parts: Parts, tokens: Tokens) -> None:
        self._parts = parts
        self._tokens = tokens

    async def first(self, call: Call) -> web.StreamResponse:
        """Version 1: CMS."""
        return await self._answer(call, 1)

    async def third(self, call: Call) -> web.StreamResponse:
        """Version 3: raw signature and certificate hash."""
        return await self._answer(call, 3)

    async def _answer(self, call: Call, version: int) -> web.StreamResponse:
        state = ""
        try:
            parameters = Parameters(await _form(call))
            state = parameters.one("state")
            answer = await self.exchange(parameters, version)
        except EsiaRefusal as refusal:
            body = {"error": refusal.meaning.error, "error_description": refusal.description, "state": state}
            return _json(body, _STATUS.get(refusal.code, 400))
        return _json(answer, 200)

    async def exchange(self, parameters: Parameters, version: int) -> dict[str, Any]:
        """The token answer; raises EsiaRefusal."""
        parts = self._parts
        parts.settings.raise_trouble()
        kind = parameters.one("grant_type")
        system = parts.checks.system(parameters, kind if kind in GRANTS else GRANTS[0])
        parameters.need("grant_type", "client_secret", "timestamp", "state")
        if kind not in GRANTS:
            raise EsiaRefusal("ESIA-007012", "grant_type")
        parameters.need(*_needed(kind, version))
        parameters.among("token_type", "Bearer")
        person = self._scope(parameters, system, kind)
        parts.checks.time(parameters)
        if parameters.one("redirect_uri"):
            parts.checks.address(parameters, system)
        signed = signed_strings(parameters, version, *((parameters.one("code"),) if kind == GRANTS[0] else ()))
        if kind == "refresh_token" and version > 1:
            # Two clients disagree (facts/gosuslugi.md §1.4); this is the second string.
            names = ("client_id", "scope", "timestamp", "state", "refresh_token")
            signed.append("".join(parameters.one(name) for name in names))
        await parts.checks.signature(parameters, system, version, signed)
        grant = self._grant(parameters, system, kind, person)
        answer = self._tokens_for(system, grant) | {"state": parameters.one("state")}
        if kind == "refresh_token":
            parts.grants.spend_refresh(parameters.one("refresh_token"))
        await parts.state.system.storage.committed()
        return answer

    @staticmethod
    def _scope(parameters: Parameters, system: InformationSystem, kind: str) -> int | None:
        """Checks scope; the person of prm_chg."""
        organisational(parameters.one("scope_org"))
        scope = parameters.one("scope")
        if kind != "client_credentials":
            personal(scope, system.scopes or None)
            return None
        person = changed_consent_of(scope)
        if person is None:
            if not scope:
                raise EsiaRefusal("ESIA-007013")
            organisational(scope)
            raise EsiaRefusal("ESIA-007194", "scope")  # no system of the stand belongs to an organisation of ЕСИА
        return person

    def _grant(self, parameters: Parameters, system: InformationSystem, kind: str, person: int | None) -> Grant:
        grants = self._parts.grants
        if kind == "client_credentials":
            consent = grants.consent_of(system.mnemonic, person or 0)
            if consent is None:
                raise EsiaRefusal("ESIA-007019")
            return consent
        if kind == "refresh_token":
            grant = grants.refresh_grant(parameters.one("refresh_token"))
        else:
            grant = grants.take_code(parameters.one("code"))
        if grant is None or grant.client != system.mnemonic or self._parts.person(grant.oid) is None:
            raise EsiaRefusal("ESIA-007011")
        address = parameters.one("redirect_uri")
        if address and self._parts.checks.address(parameters, system) != grant.redirect_uri:
            raise EsiaRefusal("ESIA-007011", "redirect_uri")
        if kind == "authorization_code":
            _check_verifier(parameters.one("code_verifier"), grant.challenge)
        return grant

    def _tokens_for(self, system: InformationSystem, grant: Grant) -> dict[str, Any]:
        # openid tells nothing of a person and has no oid (the recorded sample, facts/gosuslugi.md §1.6)
        scope = " ".join(name if name == "openid" else f"{name}?oid={grant.oid}" for name in grant.scopes)
        claims: dict[str, Any] = {
            "acr": {"tls": "gost"},
            "scope": scope,
            "urn:esia:sid": grant.sid,
            "urn:esia:sbj_id": grant.oid,
        }
        if grant.permissions:
            claims["permissions"] = [
                {"sysname": row["sysname"], "scopes": [{"sysname": name} for name in row["scopes"]]}
                for row in grant.permissions
            ]
        token, seconds = self._tokens.issue(system.mnemonic, **claims)
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        if "openid" in grant.scopes:
            answer["id_token"] = self._id_token(system, grant)
        if grant.offline and "refresh_token" in system.grants:
            answer["refresh_token"] = self._parts.grants.refresh_token(grant)
        return answer

    def _id_token(self, system: InformationSystem, grant: Grant) -> str:
        person = self._parts.person(grant.oid) or {}
        now = int(self._parts.state.clock.seconds())
        subject: dict[str, Any] = {
            "urn:esia:sbj:typ": "P",
            "urn:esia:sbj:oid": grant.oid,
            "urn:esia:sbj:nam": f"OID.{grant.oid}",
            "urn:esia:sbj:lvl": "P" if person.get("trusted") else "PR",
        }
        if person.get("trusted"):
            subject["urn:esia:sbj:is_tru"] = True  # absent where the account is not confirmed
        claims = {
            "aud": system.mnemonic,
            "sub": grant.oid,
            "iss": self._tokens.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + _ID_TOKEN_SECONDS,
            "auth_time": grant.auth_time,
            "amr": "PWD",
            "urn:esia:amd": "PWD",
            "urn:esia:sid": grant.sid,
            "urn:esia:sbj": subject,
            "jti": str(uuid.uuid4()),
        }
        return self._tokens.sealed(system.mnemonic, claims, "id")


def _needed(kind: str, version: int) -> list[str]:
    needed = {"authorization_code": ["code", "redirect_uri"], "refresh_token": ["refresh_token"]}.get(kind, [])
    return [*needed, *(["client_certificate_hash"] if version > 1 else [])]


def _check_verifier(verifier: str, challenge: str | None) -> None:
    """PKCE, RFC 7636 §4.6."""
    if challenge is None:
        if verifier:
            raise EsiaRefusal("ESIA-007039", "code_challenge")
        return
    made = encoded(hashlib.sha256(verifier.encode()).digest())
    if not secrets.compare_digest(made, challenge):
        raise EsiaRefusal("ESIA-007040", "code_verifier")


async def _form(call: Call) -> Any:
    if call.request.content_type not in _FORMS:
        raise EsiaRefusal("ESIA-007038", "Content-Type")
    try:
        return await call.form()
    except Refusal:
        raise EsiaRefusal("ESIA-007038") from None


def _json(body: dict[str, Any], status: int) -> web.Response:
    return json_response(orjson.dumps(body), status, {"Cache-Control": "no-store", "Pragma": "no-cache"})
