"""An information system that logs people in by ЕСИА: signs by the openssl program, fills the pages' forms."""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from stand.running import Client, Reply

BACK = "http://system.example/back"
SCOPE = "openid fullname"
Values = dict[str, str]


def rsa_pair() -> tuple[str, str]:
    """A key and a self-signed certificate as systems had them before GOST, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return private.decode(), certificate.decode()


def openssl(*command: str, **files: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        return subprocess.run(("openssl", *command), cwd=folder, check=True, capture_output=True).stdout


def cms(pair: tuple[str, str], text: str, *options: str, gost: bool) -> bytes:
    """A CMS signature, detached unless `-nodetach` is among the options."""
    chosen = ["-engine", "gost", "-md", "md_gost12_256"] if gost else ["-md", "sha256"]
    command = ["cms", "-sign", "-binary", *chosen, "-signer", "cert", "-inkey", "key", "-in", "text", "-outform", "DER"]
    return openssl(*command, *options, cert=pair[1].encode(), key=pair[0].encode(), text=text.encode())


def raw(pair: tuple[str, str], text: str, *, gost: bool) -> bytes:
    """The bare 64 bytes."""
    if gost:
        command = ("dgst", "-engine", "gost", "-md_gost12_256", "-sign", "key", "text")
        return openssl(*command, key=pair[0].encode(), text=text.encode())
    key = serialization.load_pem_private_key(pair[0].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def url_safe(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def now(shift: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=shift)).strftime("%Y.%m.%d %H:%M:%S %z")


def unread(token: str) -> dict[str, Any]:
    """The claims of a JWT, unchecked."""
    part = token.split(".")[1]
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@dataclass(slots=True)
class System:
    """One registered system with its browser; `version` is 1 (CMS) or 2 (raw signature, /v2/ac and /v3/te)."""

    client: Client
    browser: aiohttp.ClientSession
    pair: tuple[str, str]
    gost: bool
    version: Literal[1, 2]
    mnemonic: str = "CLINIC"
    hash: str = ""
    given: Values = field(default_factory=dict)

    async def register(self, **more: Any) -> None:
        body = {"name": "Клиника", "certificate": self.pair[1], "redirect_uris": [BACK]} | more
        reply = await self.client.call("PUT", f"/stand/esia/systems/{self.mnemonic}", body)
        assert reply.status in (200, 201), reply.raw.decode()
        der = openssl("x509", "-in", "cert", "-outform", "DER", cert=self.pair[1].encode())
        digest = ("-engine", "gost", "-md_gost12_256") if self.gost else ("-sha256",)
        self.hash = openssl("dgst", *digest, "-r", "der", der=der).split()[0].decode()

    def signed(self, values: Mapping[str, str], *order: str) -> Values:
        text = "".join(values.get(name, "") for name in order)
        if self.version == 1:
            return {**values, "client_secret": url_safe(cms(self.pair, text, gost=self.gost))}
        secret = url_safe(raw(self.pair, text, gost=self.gost))
        return {**values, "client_secret": secret, "client_certificate_hash": self.hash}

    def question(self, **changed: str) -> Values:
        """The parameters of /ac, signed as documented; an empty string leaves a parameter out."""
        values = {
            "client_id": self.mnemonic,
            "scope": SCOPE,
            "timestamp": now(),
            "state": str(uuid.uuid4()),
            "redirect_uri": BACK,
            "response_type": "code",
            "access_type": "offline",
        } | changed
        values = {name: value for name, value in values.items() if value}
        return self.signed(values, *self._order())

    def exchange(self, code: str, **changed: str) -> Values:
        """The form of /te for a code, signed as documented."""
        values = {
            "client_id": self.mnemonic,
            "code": code,
            "grant_type": "authorization_code",
            "redirect_uri": BACK,
            "scope": SCOPE,
            "timestamp": now(),
            "state": str(uuid.uuid4()),
            "token_type": "Bearer",
        } | changed
        values = {name: value for name, value in values.items() if value}
        return self.signed(values, *self._order(), *(() if self.version == 1 else ("code",)))

    async def ask(self, values: Values) -> Reply:
        path = "/aas/oauth2/ac" if self.version == 1 else "/aas/oauth2/v2/ac"
        return await self.get(path, values)

    async def token(self, values: Values) -> Reply:
        path = "/aas/oauth2/te" if self.version == 1 else "/aas/oauth2/v3/te"
        return await self.post(path, values)

    async def get(self, path: str, values: Values | None = None) -> Reply:
        async with self.browser.get(self.client.address + path, params=values, allow_redirects=False) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def post(self, path: str, form: Values) -> Reply:
        async with self.browser.post(self.client.address + path, data=form, allow_redirects=False) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def log_in(self, values: Values, login: str = "anna", answer: str = "allow") -> Values:
        """Through the pages as a person goes; what comes back to the system's address."""
        reply = await self.ask(values)
        while not reply.headers.get("Location", "").startswith(BACK):
            assert reply.status == 302, reply.raw.decode()
            page = await self.get(reply.headers["Location"])
            (name,) = set(re.findall(r'name="request" value="([^"]+)"', page.raw.decode()))
            if "/idp/login" in reply.headers["Location"]:
                reply = await self.post("/idp/login", {"request": name, "login": login, "password": "Demo-1"})
            else:
                reply = await self.post("/idp/consent", {"request": name, "answer": answer})
        return back(reply)

    async def tokens(self, scope: str = SCOPE, login: str = "anna", **changed: str) -> dict[str, Any]:
        """The whole login."""
        found = await self.log_in(self.question(scope=scope, **changed), login)
        reply = await self.token(self.exchange(found["code"], scope=scope))
        assert reply.status == 200, reply.raw.decode()
        tokens: dict[str, Any] = reply.json
        return tokens

    async def read(self, path: str, token: str) -> Reply:
        return await self.client.call("GET", path, headers={"Authorization": f"Bearer {token}"})

    def _order(self) -> tuple[str, ...]:
        if self.version == 1:
            return ("scope", "timestamp", "client_id", "state")
        return ("client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri")


def back(reply: Reply) -> Values:
    """The query that came back to the system's address."""
    assert reply.status == 302, reply.raw.decode()
    where = urlsplit(reply.headers["Location"])
    assert where._replace(query="").geturl() == BACK
    return dict(parse_qsl(where.query))
