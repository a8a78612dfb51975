"""An organization with a key of its own, on its way through the registrations of an empty stand."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

NAME, OGRN, INN = "ГБУЗ «Городская поликлиника № 5»", "1027700132195", "7707083893"
ORGANIZATION = {"name": NAME, "ogrn": OGRN, "inn": INN}


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


@dataclass
class Applicant:
    """Holds a private key; `request` asks for a certificate, `sign` makes a detached CMS."""

    folder: Path
    gost: bool

    def request(self, ogrn: str = OGRN) -> str:
        if not self.gost:
            key = ec.generate_private_key(ec.SECP256R1())
            (self.folder / "key.pem").write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            oid = x509.ObjectIdentifier("1.2.643.100.1")
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OUR MIS"), x509.NameAttribute(oid, ogrn)])
            made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
            return made.public_bytes(serialization.Encoding.PEM).decode()
        self._openssl("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A", "-out", "key.pem")
        subject = f"/C=RU/CN={NAME}/1.2.643.100.1={ogrn}"
        self._openssl("req", "-new", "-md_gost12_256", "-key", "key.pem", "-utf8", "-subj", subject, "-out", "req.pem")
        return (self.folder / "req.pem").read_text()

    def sign(self, text: str, certificate: str) -> str:
        if self.gost:
            (self.folder / "cert.pem").write_text(certificate)
            (self.folder / "text").write_text(text)
            what = ("-in", "text", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER", "-out", "signed")
            self._openssl("cms", "-sign", "-binary", "-cades", "-md", "md_gost12_256", *what)
            signed = (self.folder / "signed").read_bytes()
        else:
            key = serialization.load_pem_private_key((self.folder / "key.pem").read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            own = x509.load_pem_x509_certificate(certificate.encode())
            builder = pkcs7.PKCS7SignatureBuilder().set_data(text.encode()).add_signer(own, key, hashes.SHA256())
            options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
            signed = builder.sign(serialization.Encoding.DER, options)
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def _openssl(self, command: str, *arguments: str) -> None:
        subprocess.run(
            ["openssl", command, "-engine", "gost", *arguments], cwd=self.folder, check=True, capture_output=True
        )
