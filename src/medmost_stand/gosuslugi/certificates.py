"""Certificates of registered systems: what is accepted, and a test centre that issues them on a request.

At the real Gosuslugi an accredited centre issues the certificate and the owner uploads it; the stand has a centre of
its own, so that the whole way can be walked. Commands of facts/gosuslugi.md §4.1.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medmost_stand.refusal import Reason, Refusal
from medmost_stand.storage import Storage

OGRN_OID = x509.ObjectIdentifier("1.2.643.100.1")  # приказ ФСБ от 27.12.2011 № 795
_META = "certificate-authority"
_CENTRE = "Тестовый УЦ стенда"
_DAYS = 365
_SECONDS = 20


def checked_certificate(pem: str, ogrn: str) -> str:
    """The certificate as PEM; Refusal INVALID_FIELD if it is none, not of this organization, or not in force."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.strip().encode())
    except ValueError:
        raise _wrong("certificate", "нужен сертификат в виде PEM (-----BEGIN CERTIFICATE-----)") from None
    _check_ogrn(certificate.subject, ogrn, "certificate")
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now + timedelta(minutes=5) or certificate.not_valid_after_utc <= now:
        raise _wrong("certificate", "срок действия сертификата ещё не начался или истёк")
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class TestCentre:
    """Issues certificates for a year; its own key is made at the first request and kept with the records."""

    __test__ = False  # a test centre, not a class of tests

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._turn = asyncio.Lock()

    async def issue(self, pem: str, ogrn: str) -> str:
        """A certificate (PEM) over a PKCS #10 request; Refusal INVALID_FIELD for a request that is not right."""
        try:
            request = x509.load_pem_x509_csr(pem.strip().encode())
        except ValueError:
            text = "нужен запрос на сертификат в виде PEM (-----BEGIN CERTIFICATE REQUEST-----)"
            raise _wrong("request", text) from None
        _check_ogrn(request.subject, ogrn, "request")
        try:
            key = request.public_key()
        except UnsupportedAlgorithm:
            return await self._issue_gost(pem)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not request.is_signature_valid:
            raise _wrong("request", "нужен ключ ГОСТ Р 34.10-2012 (на стенде без модуля ГОСТ — ECDSA P-256)")
        return self._issue_ecdsa(request, key)

    async def _issue_gost(self, pem: str) -> str:
        number = f"0x{secrets.token_hex(15)}"
        with tempfile.TemporaryDirectory(prefix="medmost-stand-") as name:
            folder = Path(name)
            (folder / "request.pem").write_text(pem)
            (folder / "usage").write_text("keyUsage=critical,digitalSignature,nonRepudiation\n")
            async with self._turn:
                await self._own_pair(folder)
            if not await _openssl(folder, "req", "-in", "request.pem", "-verify", "-noout"):
                raise _wrong("request", "подпись запроса не сходится с ключом в нём")
            made = await _openssl(
                folder,
                *("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-md_gost12_256"),
                *("-days", str(_DAYS), "-set_serial", number, "-extfile", "usage", "-out", "made.pem"),
            )
            if not made:
                raise _wrong("request", "сертификат по этому запросу не выпускается")
            return (folder / "made.pem").read_text()

    async def _own_pair(self, folder: Path) -> None:
        raw = self._storage.meta(_META)
        if raw is not None:
            kept = orjson.loads(raw)
        else:
            subject = f"/C=RU/O={_CENTRE}/CN={_CENTRE}"
            key = ("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A", "-out", "ca.key")
            own = ("req", "-new", "-x509", "-md_gost12_256", "-days", "3650", "-utf8", "-subj", subject)
            if not await _openssl(folder, *key) or not await _openssl(folder, *own, "-key", "ca.key", "-out", "ca.pem"):
                raise _wrong("request", "на этой машине стенд не может выпускать сертификаты ГОСТ: нет модуля")
            kept = {name: (folder / name).read_text() for name in ("ca.key", "ca.pem")}
            self._storage.put_meta(_META, orjson.dumps(kept))
        for name, text in kept.items():
            (folder / name).write_text(text)

    def _issue_ecdsa(self, request: x509.CertificateSigningRequest, key: ec.EllipticCurvePublicKey) -> str:
        # Only on a stand without the GOST engine: the issuer's key serves one certificate and is forgotten.
        centre = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _CENTRE)])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(minutes=5))
        made = builder.not_valid_after(now + timedelta(days=_DAYS)).sign(centre, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()


def _check_ogrn(subject: x509.Name, ogrn: str, field: str) -> None:
    found = [str(one.value) for one in subject.get_attributes_for_oid(OGRN_OID)]
    if found != [ogrn]:
        raise _wrong(field, "ОГРН в нём не совпадает с ОГРН организации")


def _wrong(field: str, text: str) -> Refusal:
    return Refusal(Reason.INVALID_FIELD, f"Поле «{field}»: {text}", field)


async def _openssl(folder: Path, command: str, *arguments: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *("openssl", command, "-engine", "gost", *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), _SECONDS) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
