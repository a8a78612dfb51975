"""The key of an organization's signature and the request for its certificate (facts/gosuslugi.md §4.1).

GOST R 34.10-2012 by OpenSSL's engine; ECDSA where the engine is absent, which only a stand accepts. A production key
is made by a certified means instead: then nothing is made here. Keys reach OpenSSL through memory files only.
"""

from __future__ import annotations

import subprocess
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medmost.domain.errors import Fatal
from medmost.systems.signing import memory_file

OGRN_OID: Final = "1.2.643.100.1"
INN_OID: Final = "1.2.643.100.4"  # ИНН юридического лица, приказ ФСБ от 29.01.2021 № 31
_OIDS: Final = f"oid_section = oids\n[oids]\nINNLE = {INN_OID}\n[req]\ndistinguished_name = dn\n[dn]\n"
_SECONDS: Final = 30


def gost_key() -> str | None:
    """A fresh private key, PEM; None where OpenSSL or its GOST engine is absent."""
    return _openssl("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A")


def ecdsa_key() -> str:
    """A fresh ECDSA P-256 key, PEM: for a stand without the engine."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def certificate_request(key: str, signer: str, *, name: str, ogrn: str, inn: str, system: str) -> str:
    """A PKCS #10 request (PEM) with organization, ОГРН and ИНН. Raises Fatal MM-ACC-KEY."""
    if signer == "ecdsa":
        return _ecdsa_request(key, name=name, ogrn=ogrn, inn=inn, system=system)
    parts = {"C": "RU", "O": name, "CN": name, OGRN_OID: ogrn, "INNLE": inn, "OU": system}
    subject = "".join(f"/{field}={_escaped(value)}" for field, value in parts.items())
    with memory_file(key.encode()) as secret, memory_file(_OIDS.encode()) as settings:
        made = _openssl(
            *("req", "-new", "-md_gost12_256", "-utf8", "-nameopt", "utf8", "-subj", subject),
            *("-key", f"/dev/fd/{secret}", "-config", f"/dev/fd/{settings}"),
            files=(secret, settings),
        )
    if made is None:
        raise _unusable("запрос на сертификат не создан: ключ не подходит", "no request could be made with this key")
    return made


def same_key(key: str, certificate: str) -> bool:
    """Whether a certificate is over this private key."""
    try:
        public = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(serialization.Encoding.PEM).decode()
    except ValueError:
        return False
    with memory_file(key.encode()) as secret, memory_file(public.encode()) as file:
        ours = _openssl("pkey", "-pubout", "-in", f"/dev/fd/{secret}", files=(secret,))
        theirs = _openssl("x509", "-pubkey", "-noout", "-in", f"/dev/fd/{file}", files=(file,))
    if ours is None and theirs is None:  # no engine, so the key is ECDSA
        private = serialization.load_pem_private_key(key.encode(), None)
        own = private.public_key() if isinstance(private, ec.EllipticCurvePrivateKey) else None
        return own is not None and own == x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return ours is not None and ours == theirs


def subject_ogrn(certificate: str) -> str | None:
    """The ОГРН a certificate names; None where it names none."""
    try:
        subject = x509.load_pem_x509_certificate(certificate.encode()).subject
    except ValueError:
        return None
    found = subject.get_attributes_for_oid(x509.ObjectIdentifier(OGRN_OID))
    return str(found[0].value) if found else None


def _ecdsa_request(key: str, *, name: str, ogrn: str, inn: str, system: str) -> str:
    loaded = serialization.load_pem_private_key(key.encode(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise _unusable("ключ подписи не ECDSA", "the signing key is not an ECDSA key")
    short = name.encode()[:64].decode(errors="ignore")  # the library counts bytes where X.520 counts letters
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "RU"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, short),
        x509.NameAttribute(NameOID.COMMON_NAME, system or short),
        x509.NameAttribute(x509.ObjectIdentifier(OGRN_OID), ogrn),
        x509.NameAttribute(x509.ObjectIdentifier(INN_OID), inn),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    return builder.sign(loaded, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _escaped(value: str) -> str:
    """For `-subj`, where a slash begins the next field and a plus joins two."""
    return "".join("\\" + sign if sign in "\\/+" else sign for sign in value)


def _openssl(command: str, *arguments: str, files: tuple[int, ...] = ()) -> str | None:
    try:
        done = subprocess.run(
            ["openssl", command, "-engine", "gost", *arguments],
            capture_output=True, pass_fds=files, timeout=_SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode()


def _unusable(ru: str, en: str) -> Fatal:
    return Fatal("MM-ACC-KEY", f"Электронная подпись: {ru}", f"Electronic signature: {en}")
