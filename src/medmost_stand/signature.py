"""Whether a CMS signature over some content is the registered certificate's: really verified, never assumed.

A GOST certificate is verified by OpenSSL with its GOST engine in a process of its own (facts/gosuslugi.md
§4.1); an ECDSA one, of a stand on a machine without the engine, by asn1crypto and cryptography.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_VERIFY_SECONDS = 20


async def signed_by(signature: bytes, content: bytes, certificate: str) -> bool:
    """True if `signature` (CMS, DER or BER, detached or attached) is over exactly `content` and made with the
    key of `certificate` (PEM)."""
    registered = x509.load_pem_x509_certificate(certificate.encode())
    try:
        key = registered.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return await _signed_by_gost(signature, content, certificate)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        return _signed_by_ecdsa(signature, content, key)
    except (InvalidSignature, ValueError, TypeError, KeyError):
        return False


async def _signed_by_gost(signature: bytes, content: bytes, certificate: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="medmost-stand-") as folder:
        files = {"signature": signature, "content": content, "certificate.pem": certificate.encode()}
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        # -content is given for attached signatures too: what counts is our content, not the one they carry.
        # -nointern: the signer is looked for only among the registered certificates.
        process = await asyncio.create_subprocess_exec(
            *("openssl", "cms", "-engine", "gost", "-verify", "-binary", "-inform", "DER"),
            *("-in", "signature", "-content", "content", "-nointern", "-certfile", "certificate.pem"),
            *("-CAfile", "certificate.pem", "-partial_chain", "-purpose", "any", "-out", "/dev/null"),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            return await asyncio.wait_for(process.wait(), _VERIFY_SECONDS) == 0
        except TimeoutError:
            process.kill()
            await process.wait()
            return False


def _signed_by_ecdsa(signature: bytes, content: bytes, key: ec.EllipticCurvePublicKey) -> bool:
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
    key.verify(signer["signature"].native, signed, ec.ECDSA(_HASHES[name]))
    return True
