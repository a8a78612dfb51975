"""The keys by which ЕСИА signs its tokens: RS256 and GOST3410_2012_256, public ones at /public/esia.zip.

Facts/gosuslugi.md §1.1, §1.6. A GOST token's signature is the raw 64 bytes over header.payload.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from functools import cache

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from medmost_stand.credentials import gost_pair
from medmost_stand.gosuslugi.partners import Partners
from medmost_stand.openssl import ENGINE, openssl_now
from medmost_stand.signature import public_key_pem
from medmost_stand.storage import Storage

_META = "esia-keys"
RSA_NAME, GOST_NAME = "RSA_STAND.cer", "GOST_STAND.cer"


class TokenKeys:
    """The seal of ЕСИА's tokens. The RSA pair is there at once, the GOST pair from its first use on."""

    def __init__(self, storage: Storage, partners: Partners) -> None:
        self._storage = storage
        self._partners = partners
        raw = storage.meta(_META)
        self._pems: dict[str, str] = dict(_made_rsa()) if raw is None else orjson.loads(raw)
        if raw is None:
            self._keep()
        key = serialization.load_pem_private_key(self._pems["rsa_key"].encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the kept token key is not RSA")
        self._rsa = key

    def algorithm(self, client: str) -> str:
        """What was chosen for the system when it was registered."""
        system = self._partners.by_mnemonic(client)
        return "RS256" if system is None else system.algorithm

    def sign(self, algorithm: str, signed: bytes) -> bytes:
        """256 bytes of RSA or 64 of GOST."""
        if algorithm == "RS256":
            return self._rsa.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        key, _ = self._gost()
        made = openssl_now("dgst", *ENGINE, "-md_gost12_256", "-sign", "key", "token", key=key.encode(), token=signed)
        if made is None:
            raise RuntimeError("openssl has not signed a token")
        return made

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether one of the two keys made the signature."""
        if algorithm == "RS256":
            try:
                self._rsa.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            except InvalidSignature:
                return False
            return True
        if algorithm != "GOST3410_2012_256" or "gost_certificate" not in self._pems:
            return False
        command = ("dgst", *ENGINE, "-md_gost12_256", "-verify", "key", "-signature", "signature", "token")
        key = public_key_pem(self._pems["gost_certificate"])
        return openssl_now(*command, key=key, signature=signature, token=signed) is not None

    def certificates(self) -> dict[str, str]:
        """File name to PEM; the GOST one only where this machine can make it."""
        found = {RSA_NAME: self._pems["rsa_certificate"]}
        try:
            found[GOST_NAME] = self._gost()[1]
        except RuntimeError:
            return found
        return found

    def archive(self) -> bytes:
        """What /public/esia.zip holds."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            for name, pem in self.certificates().items():
                archive.writestr(name, pem)
        return written.getvalue()

    def _gost(self) -> tuple[str, str]:
        if "gost_key" not in self._pems:
            pair = gost_pair()
            if pair is None:
                raise RuntimeError("openssl has no GOST engine here, tokens can be RS256 only")
            self._pems |= {"gost_key": pair[0], "gost_certificate": pair[1]}
            self._keep()
        return self._pems["gost_key"], self._pems["gost_certificate"]

    def _keep(self) -> None:
        self._storage.put_meta(_META, orjson.dumps(self._pems))


@cache  # making one takes up to 0.2 s: the stands of one process share it
def _made_rsa() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ESIA STAND")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=3650))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"rsa_key": private.decode(), "rsa_certificate": certificate.decode()}
