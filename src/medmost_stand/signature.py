"""Whether a signature is the registered certificate's: really verified, never assumed.

Two forms (facts/gosuslugi.md §1.4): CMS, attached or detached, DER or BER; and the raw 64 bytes. A GOST certificate
is verified by OpenSSL with its GOST engine in a process of its own (§4.1); an ECDSA one, of a stand on a machine
without the engine, and an RSA one, where the stand still lets it in, by asn1crypto and cryptography.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from medmost_stand.openssl import ENGINE, openssl

Kind = Literal["gost", "ecdsa", "rsa"]
RAW_BYTES = 64
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_FLAVOURS = str.maketrans("-_ ", "+/+")  # urlsafe to plain; a plus that a form decoder has made a space


def from_base64(text: str) -> bytes:
    """Bytes of any flavour really sent: plain or URL-safe, with all, one or no padding sign, broken into lines.

    Raises ValueError for anything else, and for nothing.
    """
    plain = "".join(text.translate(_FLAVOURS).split()).rstrip("=")
    decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    if not decoded:
        raise ValueError("empty")
    return decoded


def kind_of(certificate: str) -> Kind:
    """The family of a certificate's key (PEM); ValueError for a text that is no certificate or a key of another."""
    registered = x509.load_pem_x509_certificate(certificate.encode())
    try:
        key = registered.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "gost"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ecdsa"
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    raise ValueError("the key is neither GOST nor ECDSA nor RSA")


async def signed_by(signature: bytes, content: bytes, certificate: str) -> bool:
    """True if `signature` (CMS, DER or BER, detached or attached) is over exactly `content` and made with the
    key of `certificate` (PEM)."""
    if kind_of(certificate) == "gost":
        return await _signed_by_gost(signature, content, certificate)
    try:
        return _signed_by_known(signature, content, certificate)
    except (InvalidSignature, ValueError, TypeError, KeyError):
        return False


async def raw_signed_by(signature: bytes, content: bytes, certificate: str) -> bool:
    """True if the 64 bytes are a signature of `content` in the order `openssl dgst -sign` gives for GOST.

    For ECDSA P-256 they are r and s one after the other (RFC 7518 §3.4), of SHA-256. A GOST signature in the
    reverse order of bytes, as some signing programs give it, is not accepted (facts/gosuslugi.md §1.4).
    """
    if len(signature) != RAW_BYTES:
        return False
    kind = kind_of(certificate)
    if kind == "gost":
        command = ("dgst", *ENGINE, "-md_gost12_256", "-verify", "key", "-signature", "signature", "content")
        done = await openssl(*command, key=public_key_pem(certificate), signature=signature, content=content)
        return done is not None
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(r, s), content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


async def certificate_hash(certificate: str) -> str:
    """`client_certificate_hash` of a certificate: GOST R 34.11-2012 (256) of its DER in hex, upper case.

    On a machine without the engine, SHA-256 of it (our fallback).
    """
    der = asn1_der(certificate)
    if kind_of(certificate) == "gost":
        printed = await openssl("dgst", *ENGINE, "-md_gost12_256", "-r", "certificate", certificate=der)
        if printed is not None:
            return printed.split()[0].decode().upper()
    return hashlib.sha256(der).hexdigest().upper()


def asn1_der(certificate: str) -> bytes:
    """The DER of a PEM certificate."""
    body = certificate.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END CERTIFICATE-----")[0]
    return base64.b64decode("".join(body.split()))


def public_key_pem(certificate: str) -> bytes:
    """The public key of a certificate as PEM, whatever its algorithm."""
    key = asn1_x509.Certificate.load(asn1_der(certificate))["tbs_certificate"]["subject_public_key_info"].dump()
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(key) + b"-----END PUBLIC KEY-----\n"


async def _signed_by_gost(signature: bytes, content: bytes, certificate: str) -> bool:
    # -content is given for attached signatures too: what counts is our content, not the one they carry.
    # -nointern: the signer is looked for only among the registered certificates.
    command = (
        *("cms", *ENGINE, "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content"),
        *("-nointern", "-certfile", "certificate", "-CAfile", "certificate", "-partial_chain"),
        *("-purpose", "any", "-out", "/dev/null"),
    )
    done = await openssl(*command, signature=signature, content=content, certificate=certificate.encode())
    return done is not None


def _signed_by_known(signature: bytes, content: bytes, certificate: str) -> bool:
    info = cms.ContentInfo.load(signature)
    if info["content_type"].native != "signed_data":
        return False
    signers = info["content"]["signer_infos"]
    if len(signers) != 1:
        return False
    signer = signers[0]
    name = signer["digest_algorithm"]["algorithm"].native
    attributes = {row["type"].native: row["values"] for row in signer["signed_attrs"]}
    if attributes["content_type"][0].native != "data":
        return False
    if attributes["message_digest"][0].native != hashlib.new(name, content).digest():
        return False
    # The signature is over the attributes as a SET OF, not with the implicit tag they stand under (RFC 5652 §5.4).
    signed = b"\x31" + signer["signed_attrs"].dump(force=True)[1:]
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signer["signature"].native, signed, ec.ECDSA(_HASHES[name]))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signer["signature"].native, signed, padding.PKCS1v15(), _HASHES[name])
    else:
        return False
    return True
