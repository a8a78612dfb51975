"""A citizen's login through ЕСИА and what it tells of the person (facts/gosuslugi.md §1.2–§1.9).

`/aas/oauth2/v2/ac` and `/v3/te` with the bare signature of the organisation, state and PKCE. The tokens are
used at once and thrown away: nothing of ЕСИА's is kept.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from medmost.domain.errors import Refused
from medmost.domain.record import Side
from medmost.systems.failures import Complaint, page_error
from medmost.systems.gosuslugi.holders import Holder, holders_of
from medmost.systems.gosuslugi.token_check import Subject, TokenCheck
from medmost.systems.http import Call, Http
from medmost.systems.paths import segment
from medmost.systems.settings import GosuslugiSettings
from medmost.systems.signing import Signer

AUTHORIZE: Final = "/aas/oauth2/v2/ac"
TOKEN: Final = "/aas/oauth2/v3/te"  # noqa: S105 (an address)
KEYS: Final = "/public/esia.zip"
LOGOUT: Final = "/idp/ext/Logout"
_CODE: Final = re.compile(r"ESIA-\d{6}")
_REFUSED_BY_PERSON: Final = "ESIA-007004"
_UNTRUSTED: Final = "ESIA-007055"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who has logged in: the account itself first, then the children it stands for, each with the policies held."""

    oid: str
    trusted: bool
    holders: tuple[Holder, ...]


class EsiaLogin:
    """`http` leads to ЕСИА and carries no token of ours."""

    def __init__(self, http: Http, settings: GosuslugiSettings, signer: Signer) -> None:
        self._http, self._settings, self._signer = http, settings, signer
        self._check = TokenCheck(self._archive, http.clock, settings.client, settings.esia_issuer)

    async def address(self, state: str, verifier: str, back: str) -> str:
        """Where to send the browser. `back` is the registered return address; `state` comes back with it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = await self._signed(state, back)
        asked |= {"response_type": "code", "access_type": "online"}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self._base}{AUTHORIZE}?{urlencode(asked)}"

    async def account(self, code: str, verifier: str, back: str) -> Account:
        """Who it is that came back with `code`.

        Raises:
            Refused: MM-LINK-ESIA, MM-LINK-TOKEN: ЕСИА does not take the code, or its answer cannot be trusted.
            Transient: ЕСИА does not answer.
            Fatal: MM-SYS-SIGNER, MM-SYS-DENIED: we cannot sign, or ЕСИА has closed itself to us.
        """
        tokens = await self._exchange(code, verifier, back)
        access, proof = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(proof, str):
            raise page_error(Side.GOSUSLUGI, "the token answer lacks a token", "в ответе ЕСИА нет маркера")
        subject = await self._check.subject(proof, access)
        return await self._told(subject, access)

    def logout(self, back: str) -> str:
        """Where a browser goes to end the session at ЕСИА, too."""
        return f"{self._base}{LOGOUT}?" + urlencode({"client_id": self._settings.client, "redirect_url": back})

    async def close(self) -> None:
        await self._http.close()

    @property
    def _base(self) -> str:
        return (self._settings.esia_url or self._settings.base_url).rstrip("/")

    async def _signed(self, state: str, back: str, code: str = "") -> dict[str, str]:
        """The parameters both ends share; client_secret signs them in ЕСИА's order without separators (§1.4)."""
        told = {
            "client_id": self._settings.client,
            "scope": self._settings.esia_scopes,
            "timestamp": self._http.clock.now().strftime("%Y.%m.%d %H:%M:%S %z"),
            "state": state,
            "redirect_uri": back,
        }
        signature = await self._signer.sign_raw(("".join(told.values()) + code).encode())
        return {
            **told,
            "client_certificate_hash": await self._signer.certificate_hash(),
            "client_secret": base64.urlsafe_b64encode(signature).rstrip(b"=").decode(),
        }

    async def _exchange(self, code: str, verifier: str, back: str) -> dict[str, Any]:
        state = str(uuid.uuid4())
        form = await self._signed(state, back, code)
        form |= {"code": code, "grant_type": "authorization_code", "token_type": "Bearer", "code_verifier": verifier}
        answer = await self._http.call(
            Call(
                operation="auth",
                method="POST",
                route=TOKEN,
                path=TOKEN,
                until=self._until(),
                body=urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
                ok=(200, 400),
            )
        )
        told = answer.object()
        if answer.status != 200:
            raise refusal(str(told.get("error_description", told.get("error", ""))))
        if told.get("state") != state:
            raise page_error(Side.GOSUSLUGI, "the token answer has another state", "ответ ЕСИА на другой запрос")
        return told

    async def _told(self, subject: Subject, access: str) -> Account:
        """The person, with documents and children where the scopes open them."""
        scopes = self._settings.esia_scopes.split()
        person = await self._read(subject.oid, "", access)
        papers = await self._read(subject.oid, "/docs", access) if "medical_doc" in scopes else {}
        kids = await self._read(subject.oid, "/kids", access) if "kid_medical_doc" in scopes else {}
        trusted = subject.trusted and person.get("trusted") is True
        return Account(oid=subject.oid, trusted=trusted, holders=holders_of(subject.oid, person, papers, kids))

    async def _read(self, oid: str, tail: str, access: str) -> dict[str, Any]:
        embed = "?embed=(elements)" if tail else ""
        call = Call(
            operation="read",
            method="GET",
            route=f"/rs/prns/{{oid}}{tail}",
            path=f"/rs/prns/{segment(oid)}{tail}{embed}",
            until=self._until(),
            headers={"Authorization": f"Bearer {access}"},
        )
        return (await self._http.call(call)).object()

    async def _archive(self) -> bytes:
        call = Call(operation="read", method="GET", route=KEYS, path=KEYS, until=self._until())
        return (await self._http.call(call)).body

    def _until(self) -> float:
        return self._http.clock.monotonic() + self._settings.deadline


def refusal(description: str) -> Refused:
    """What ЕСИА's refusal means for the person in front of the screen."""
    found = _CODE.search(description)
    code = found[0] if found else "error"
    if code == _UNTRUSTED:
        return untrusted(code)
    if code == _REFUSED_BY_PERSON:
        ru = "Вы не разрешили передать данные со страницы Госуслуг: без них полис не подключить"
        return Refused("MM-LINK-DECLINED", ru, "You did not let Gosuslugi hand the data over", said=code, reason="")
    ru, en = f"Госуслуги не подтвердили вход ({code}): войдите ещё раз", f"Gosuslugi did not confirm the login ({code})"
    return Refused("MM-LINK-ESIA", ru, f"{en}: log in again", said=code, reason=description[:200])


def untrusted(said: str = "") -> Refused:
    return Refused(
        "MM-LINK-UNTRUSTED",
        "Учётная запись Госуслуг не подтверждена. Подтвердите её — онлайн через банк или в МФЦ — и вернитесь сюда",
        "Your Gosuslugi account is not confirmed. Confirm it, online through a bank or at an MFC, and come back",
        said=said,
        reason="",
    )


def complain(status: int, data: Any) -> Complaint:
    """`{"code","message"}` of the REST end."""
    given = data if isinstance(data, dict) else {}
    code = _CODE.search(str(given.get("code", given.get("error_description", ""))))
    return Complaint(code[0] if code else f"HTTP {status}", str(given.get("message", ""))[:200])
