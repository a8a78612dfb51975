"""The electronic signature of the organisation: a detached CMS, or the bare signature, over a few bytes.

Production signs by a certified means of the organisation (an external command: КриптоПро, ViPNet, HSM); OpenSSL with
the GOST engine is for stands and development only (facts/gosuslugi.md §0, §4). Keys reach OpenSSL through memory
files, never through a command line or a temporary file on disk.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import pkcs7

from medmost.domain.errors import Fatal, Transient

PATIENCE = 30.0
"""Seconds a signing program may take; a token with a PIN pad or an HSM over the network is slow."""

RAW_BYTES = 64
GOST_DIGEST = ("openssl", "dgst", "-engine", "gost", "-md_gost12_256")

ECDSA_WARNING_RU = (
    "Подпись ECDSA вместо ГОСТ Р 34.10-2012: только для стенда без модуля ГОСТ; настоящие Госуслуги её не примут"
)
ECDSA_WARNING_EN = (
    "ECDSA signature instead of GOST R 34.10-2012: only for a stand without the GOST engine; "
    "the real Gosuslugi will not accept it"
)


class Signer(Protocol):
    name: str
    warning: str | None  # Russian, for people, in red; None where there is nothing to warn of
    warning_en: str | None

    async def sign_cms(self, data: bytes) -> bytes:
        """A detached CMS (DER) over `data` with the certificate inside. Raises Fatal or Transient MM-SYS-SIGNER."""
        ...

    async def sign_raw(self, data: bytes) -> bytes:
        """The bare 64 bytes over `data`, as ЕСИА wants them at a citizen's login (facts/gosuslugi.md §1.4)."""
        ...

    async def certificate_hash(self) -> str:
        """`client_certificate_hash`: GOST R 34.11-2012 (256) of the certificate's DER, in hex."""
        ...

    def certificate_days(self) -> int | None:
        """Whole days until the certificate ends; negative after that."""
        ...


class _Certified:
    """What all signers know of their certificate."""

    warning: str | None = None
    warning_en: str | None = None

    def __init__(self, certificate: str) -> None:
        self._certificate = _pem(certificate)
        try:
            read = x509.load_pem_x509_certificate(self._certificate)
        except ValueError:
            raise _unusable("сертификат не читается", "the certificate cannot be read") from None
        self._ends, self._der = read.not_valid_after_utc, read.public_bytes(serialization.Encoding.DER)
        self._hash = ""

    def certificate_days(self) -> int | None:
        return (self._ends - datetime.now(UTC)).days

    async def certificate_hash(self) -> str:
        if not self._hash:
            printed = await _run((*GOST_DIGEST, "-r"), self._der, ())
            self._hash = printed.split()[0].decode().upper()
        return self._hash


class OpensslGost(_Certified):
    """`openssl cms` with the GOST engine: CAdES-BES, Streebog-256."""

    name = "openssl-gost"

    def __init__(self, key: str, certificate: str) -> None:
        super().__init__(certificate)
        self._key = _pem(key)

    async def sign_cms(self, data: bytes) -> bytes:
        with memory_file(self._key) as key, memory_file(self._certificate) as certificate:
            command = (
                *("openssl", "cms", "-engine", "gost", "-sign", "-binary", "-cades", "-md", "md_gost12_256"),
                *("-signer", f"/dev/fd/{certificate}", "-inkey", f"/dev/fd/{key}", "-outform", "DER"),
            )
            return await _run(command, data, (key, certificate))

    async def sign_raw(self, data: bytes) -> bytes:
        with memory_file(self._key) as key:
            return _bare(await _run((*GOST_DIGEST, "-sign", f"/dev/fd/{key}"), data, (key,)))


class Ecdsa(_Certified):
    """`cryptography`, ECDSA with SHA-256: keeps a stand usable where the GOST engine cannot be installed."""

    name = "ecdsa"
    warning: str | None = ECDSA_WARNING_RU
    warning_en: str | None = ECDSA_WARNING_EN

    def __init__(self, key: str, certificate: str) -> None:
        super().__init__(certificate)
        try:
            loaded = serialization.load_pem_private_key(_pem(key), password=None)
        except (ValueError, TypeError):
            raise _unusable("ключ подписи не читается", "the signing key cannot be read") from None
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise _unusable("ключ подписи не ECDSA", "the signing key is not an ECDSA key")
        self._key = loaded
        self._signer = x509.load_pem_x509_certificate(self._certificate)

    async def sign_cms(self, data: bytes) -> bytes:
        builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
        builder = builder.add_signer(self._signer, self._key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        return builder.sign(serialization.Encoding.DER, options)

    async def sign_raw(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    async def certificate_hash(self) -> str:
        return hashlib.sha256(self._der).hexdigest().upper()


class ExternalCommand(_Certified):
    """The organisation's own means: gets the data on stdin, answers with a detached CMS (DER) on stdout.

    `raw` is the command for the bare signature, in the order of bytes that OpenSSL gives: what КриптоПро prints has
    to be turned round first (facts/gosuslugi.md §1.4).
    """

    name = "command"

    def __init__(self, command: Sequence[str], certificate: str, raw: Sequence[str] = ()) -> None:
        super().__init__(certificate)
        if not command:
            raise _unusable("не указана команда подписи", "no signing command is given")
        self._command, self._raw = tuple(command), tuple(raw)

    async def sign_cms(self, data: bytes) -> bytes:
        return await _run(self._command, data, ())

    async def sign_raw(self, data: bytes) -> bytes:
        if not self._raw:
            raise _unusable("для входа граждан не задана raw_command", "raw_command is not set: citizens cannot log in")
        return _bare(await _run(self._raw, data, ()))


def make_signer(
    kind: str, key: str, certificate: str, command: Sequence[str] = (), raw_command: Sequence[str] = ()
) -> Signer:
    """The signer of that kind. `key` and `certificate`: PEM text or a path. Raises Fatal MM-SYS-SIGNER."""
    if kind == "openssl-gost":
        return OpensslGost(key, certificate)
    if kind == "ecdsa":
        return Ecdsa(key, certificate)
    if kind == "command":
        return ExternalCommand(command, certificate, raw_command)
    raise _unusable("неизвестный способ подписи", "unknown kind of signer")


def _bare(signature: bytes) -> bytes:
    if len(signature) != RAW_BYTES:
        raise _unusable("подпись не той длины", f"the bare signature has {len(signature)} bytes instead of {RAW_BYTES}")
    return signature


async def _run(command: Sequence[str], data: bytes, files: tuple[int, ...]) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=files,
        )
    except OSError as error:
        raise _unusable(
            "программа подписи не запускается", f"the signing program does not start ({error.strerror})"
        ) from None
    try:
        async with asyncio.timeout(PATIENCE):
            signed, complaint = await process.communicate(data)
    except TimeoutError:
        raise Transient(
            "MM-SYS-SIGNER", "программа подписи не ответила", "the signing program did not answer", arrived=False
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not signed:
        words = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise _unusable("программа подписи отказала", f"the signing program failed: {''.join(words)[:200]}")
    return signed


@contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """A file descriptor whose content lives in memory only."""
    descriptor = os.memfd_create("medmost", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def new_webhook_secret() -> str:
    """A fresh secret for the signatures of notices (Standard Webhooks): `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _pem(given: str) -> bytes:
    """PEM text as it is, or the content of the file of that name."""
    if "-----BEGIN" in given:
        return given.encode()
    try:
        return Path(given).read_bytes()
    except OSError:
        raise _unusable("файл ключа или сертификата не читается", "a key or certificate file cannot be read") from None


def _unusable(ru: str, en: str) -> Fatal:
    return Fatal("MM-SYS-SIGNER", f"Электронная подпись: {ru}", f"Electronic signature: {en}")
