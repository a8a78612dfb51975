"""The stand's side of a registration: keys, secrets and certificates of the clients it lets in."""

from __future__ import annotations

import base64
import secrets
import subprocess
import sys
import tempfile
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Signer = Literal["openssl-gost", "ecdsa"]
MEDMOST = "medmost"
MNEMONIC = "MEDMOST"
OGRN = "1027700132195"  # of the organization the ready client belongs to
_GOST: Signer = "openssl-gost"
_SUBJECT = f"/C=RU/CN=MEDMOST STAND/O=Стенд медмост/1.2.643.100.1={OGRN}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What medmost holds for this stand; the private key is here only to be written into its configuration."""

    gosuslugi_api_key: str
    gosuslugi_key: str  # PEM
    gosuslugi_certificate: str  # PEM
    gosuslugi_webhook: str
    signer: Signer
    emias_client_secret: str
    emias_api_key: str
    emias_webhook: str
    token_secret: str  # of the stand itself: signs tokens and page tokens

    def dumped(self) -> bytes:
        """For the state file and the configuration folder."""
        return orjson.dumps(asdict(self))


def fresh(*, ready_pair: bool = False) -> Credentials:
    """New credentials with a GOST key where OpenSSL has the engine, else with an ECDSA one, said loudly.

    With `ready_pair` key and certificate stay empty: they are to be taken from a configuration folder.
    """
    made, signer = (("", ""), _GOST) if ready_pair else _pair()
    return Credentials(
        gosuslugi_api_key=str(uuid.uuid4()),
        gosuslugi_key=made[0],
        gosuslugi_certificate=made[1],
        gosuslugi_webhook=_webhook_secret(),
        signer=signer,
        emias_client_secret=secrets.token_urlsafe(24),
        emias_api_key=secrets.token_urlsafe(24),
        emias_webhook=_webhook_secret(),
        token_secret=secrets.token_hex(32),
    )


def _pair() -> tuple[tuple[str, str], Signer]:
    made = gost_pair()
    if made is not None:
        return made, _GOST
    sys.stderr.write(
        "ВНИМАНИЕ: движок GOST для OpenSSL не найден, подпись стенда — ECDSA P-256, а не ГОСТ Р 34.10-2012\n"
    )
    return ecdsa_pair(), "ecdsa"


def loaded(raw: bytes) -> Credentials:
    """What `dumped` gave; ValueError or TypeError if it is not that."""
    return Credentials(**orjson.loads(raw))


def with_secrets(credentials: Credentials, given: dict[str, Any]) -> Credentials:
    """The same with some values taken over from an existing configuration folder."""
    return replace(credentials, **given)


def gost_pair() -> tuple[str, str] | None:
    """A GOST R 34.10-2012 key and a self-signed certificate, PEM (commands of facts/gosuslugi.md §4.1);
    None where OpenSSL or its engine is absent."""
    with tempfile.TemporaryDirectory(prefix="medmost-stand-") as folder:
        engine = ("-engine", "gost")
        key = ["openssl", "genpkey", *engine, "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A"]
        certificate = ["openssl", "req", *engine, "-new", "-x509", "-md_gost12_256", "-days", "365"]
        certificate += ["-utf8", "-subj", _SUBJECT, "-key", "key.pem", "-out", "cert.pem"]
        try:
            for command in ([*key, "-out", "key.pem"], certificate):
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            return None
        return (Path(folder) / "key.pem").read_text(), (Path(folder) / "cert.pem").read_text()


def ecdsa_pair() -> tuple[str, str]:
    """An ECDSA P-256 key and a self-signed certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "RU"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Стенд медмост"),
            x509.NameAttribute(NameOID.COMMON_NAME, "MEDMOST STAND"),
        ]
    )
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=365))
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
