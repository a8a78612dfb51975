"""The portal's own pages as a client of ЕСИА like any other: `start`, and with what comes back `finish`.

The portal signs by an ECDSA key made at every start: it has no certificate of an accredited centre to show.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from multidict import MultiDict

from medmost_stand.credentials import OGRN, ecdsa_pair
from medmost_stand.gosuslugi.esia.authorize import Parts
from medmost_stand.gosuslugi.esia.checks import Parameters, signed_strings
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.gosuslugi.esia.token import TokenEnd
from medmost_stand.gosuslugi.partners import InformationSystem
from medmost_stand.signature import certificate_hash
from medmost_stand.tokens import Tokens, encoded

MNEMONIC, SCOPE = "PGU", "openid fullname"


class PortalLogin:
    """`return_to` is the path of the portal's own that a code comes back to; it is registered at the first start."""

    def __init__(self, parts: Parts, token: TokenEnd, tokens: Tokens, return_to: str) -> None:
        self._parts = parts
        self._token = token
        self._tokens = tokens
        self._return_to = return_to
        key, self._certificate = ecdsa_pair()
        loaded = serialization.load_pem_private_key(key.encode(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError("ecdsa_pair gave another key")
        self._key = loaded

    async def start(self, state: str) -> str:
        """Where to send the browser; `state` comes back with it and must be compared with what the browser keeps."""
        address = self._parts.state.address + self._return_to
        system = InformationSystem(MNEMONIC, "Портал Госуслуг", OGRN, self._certificate, (address,))
        if self._parts.partners.by_mnemonic(MNEMONIC) != system:
            self._parts.partners.take_ready(system)
        asked = await self._signed(state, response_type="code", access_type="online")
        return f"{self._parts.state.address}/aas/oauth2/v2/ac?" + urlencode(asked)

    async def finish(self, query: Mapping[str, str]) -> int:
        """The oid of who has logged in; EsiaRefusal ESIA-007004 where the person refused, or the token's refusal."""
        code = query.get("code", "")
        if not code:
            raise EsiaRefusal("ESIA-007004")
        values = await self._signed(str(uuid.uuid4()), code=code, grant_type="authorization_code", token_type="Bearer")  # noqa: S106  # the kind of token, not one
        answer = await self._token.exchange(Parameters(MultiDict(values)), 3)
        subject = self._tokens.claims(answer["access_token"]).subject
        if subject is None:
            raise EsiaRefusal("ESIA-007007")
        return subject

    async def _signed(self, state: str, **more: str) -> dict[str, str]:
        values = {
            "client_id": MNEMONIC,
            "scope": SCOPE,
            "timestamp": self._parts.state.clock.now().strftime("%Y.%m.%d %H:%M:%S %z"),
            "state": state,
            "redirect_uri": self._parts.state.address + self._return_to,
            "client_certificate_hash": await certificate_hash(self._certificate),
            **more,
        }
        code = (values["code"],) if "code" in values else ()
        (text,) = signed_strings(Parameters(MultiDict(values)), 2, *code)
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return values | {"client_secret": encoded(r.to_bytes(32) + s.to_bytes(32))}
