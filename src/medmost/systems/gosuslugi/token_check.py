"""Whether a token is ЕСИА's own and says what a login needs (facts/gosuslugi.md §1.1, §1.6).

ЕСИА publishes the certificates of its token keys in one archive; it is fetched over the same TLS as the tokens and kept
for a day. A signature that none of them fits makes it be fetched anew once: keys change every year.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from medmost.domain.errors import Refused
from medmost.systems.clock import Clock
from medmost.systems.signing import GOST_DIGEST, RAW_BYTES, memory_file

KEYS_SECONDS: Final = 86_400.0
SKEW: Final = 300.0  # seconds between our clock and ЕСИА's that we put up with
GOST: Final = "GOST3410_2012_256"
_LARGEST_ARCHIVE: Final = 1_000_000
_PEM: Final = b"-----BEGIN CERTIFICATE-----"


class Subject(msgspec.Struct, frozen=True):
    """Whom the tokens are about; `trusted`: ЕСИА has confirmed the account."""

    oid: str
    trusted: bool


class TokenCheck:
    """`fetch` brings the archive of certificates; `client` and `issuer` are what `aud` and `iss` must be."""

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], clock: Clock, client: str, issuer: str) -> None:
        self._fetch, self._clock, self._client, self._issuer = fetch, clock, client, issuer
        self._keys: list[bytes] = []  # PEM certificates
        self._fetched = 0.0

    async def subject(self, id_token: str, access_token: str) -> Subject:
        """Raises Refused MM-LINK-TOKEN where one of them is not what it must be."""
        told, opened = await self._claims(id_token), await self._claims(access_token)
        person = told.get("urn:esia:sbj")
        person = person if isinstance(person, dict) else {}
        oid = person.get("urn:esia:sbj:oid")
        own = oid is not None and str(oid) == str(told.get("sub")) == str(opened.get("urn:esia:sbj_id"))
        audience = told.get("aud")
        audience = audience if isinstance(audience, list) else [audience]
        if not own or self._client not in audience or opened.get("client_id") != self._client:
            raise _wrong("the tokens are of another person or for another system")
        if person.get("urn:esia:sbj:typ", "P") != "P":
            raise _wrong("the account is not a person's")
        return Subject(str(oid), person.get("urn:esia:sbj:is_tru") is True)

    async def _claims(self, token: str) -> dict[str, Any]:
        signed, _, tail = token.rpartition(".")
        header, claims = _part(signed, 0), _part(signed, 1)
        if header is None or claims is None:
            raise _wrong("no token")
        if not await self._signed(str(header.get("alg")), signed.encode(), tail):
            raise _wrong("the signature is not ЕСИА's")
        now = self._clock.now().timestamp()
        begins, ends = claims.get("nbf", claims.get("iat")), claims.get("exp")
        if claims.get("iss") != self._issuer:
            raise _wrong("another issuer")
        if not isinstance(ends, int) or ends + SKEW < now or (isinstance(begins, int) and begins - SKEW > now):
            raise _wrong("not valid now")
        return claims

    async def _signed(self, algorithm: str, signed: bytes, tail: str) -> bool:
        try:
            signature = base64.urlsafe_b64decode(tail + "=" * (-len(tail) % 4))
        except (binascii.Error, ValueError):
            return False
        for again in (False, True):
            for certificate in await self._certificates(again):
                if await _fits(algorithm, certificate, signed, signature):
                    return True
        return False

    async def _certificates(self, again: bool) -> list[bytes]:
        now = self._clock.monotonic()
        young = self._keys and now - self._fetched < KEYS_SECONDS
        if not young or (again and now - self._fetched > SKEW):
            self._keys, self._fetched = _unpacked(await self._fetch()), now
        return self._keys


def _part(signed: str, number: int) -> dict[str, Any] | None:
    parts = signed.split(".")
    if len(parts) != 2:
        return None
    text = parts[number]
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _unpacked(archive: bytes) -> list[bytes]:
    """The certificates of the archive as PEM; files that are none are left out."""
    found: list[bytes] = []
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            for entry in files.infolist():
                if entry.file_size < _LARGEST_ARCHIVE:
                    found += _as_pem(files.read(entry))
    except (zipfile.BadZipFile, RuntimeError):
        raise _wrong("the archive of ЕСИА's certificates cannot be read") from None
    return found


def _as_pem(data: bytes) -> list[bytes]:
    try:
        read = x509.load_pem_x509_certificate(data) if _PEM in data else x509.load_der_x509_certificate(data)
    except ValueError:
        return []
    return [read.public_bytes(serialization.Encoding.PEM)]


async def _fits(algorithm: str, certificate: bytes, signed: bytes, signature: bytes) -> bool:
    if algorithm == GOST:
        return len(signature) == RAW_BYTES and await _gost_fits(certificate, signed, signature)
    if algorithm != "RS256":
        return False
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
    except (UnsupportedAlgorithm, ValueError):  # the certificate of the other algorithm
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


async def _gost_fits(certificate: bytes, signed: bytes, signature: bytes) -> bool:
    told = await _openssl(("openssl", "x509", "-engine", "gost", "-pubkey", "-noout"), certificate, ())
    if told is None:
        return False
    with memory_file(told) as key, memory_file(signature) as tail:
        command = (*GOST_DIGEST, "-verify", f"/dev/fd/{key}", "-signature", f"/dev/fd/{tail}")
        return await _openssl(command, signed, (key, tail)) is not None


async def _openssl(command: tuple[str, ...], data: bytes, files: tuple[int, ...]) -> bytes | None:
    """What the program says; None where it fails, which here means that a key does not fit."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=files)
    except OSError:
        return None
    told, _ = await process.communicate(data)
    return told if process.returncode == 0 else None


def _wrong(why: str) -> Refused:
    return Refused(
        "MM-LINK-TOKEN",
        "Госуслуги прислали подтверждение входа, которому нельзя верить: войдите ещё раз",
        "Gosuslugi sent a proof of the login that cannot be trusted: log in again",
        said="token",
        reason=why,
    )
