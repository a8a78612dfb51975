"""The organisation's signature is a detached CMS over exactly the bytes given (facts/gosuslugi.md §2.1, §4)."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medmost.domain.errors import Fatal
from medmost.systems import signing
from medmost.systems.signing import make_signer

MESSAGE = b"11111111-1111-4111-8111-111111111111"


def _openssl(*words: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=False, timeout=60)


def _gost_works() -> bool:
    return _openssl("dgst", "-engine", "gost", "-md_gost12_256", data=b"x").returncode == 0


@pytest.fixture
def gost(tmp_path: Path) -> tuple[Path, Path]:
    if not _gost_works():
        if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
            pytest.fail("the GOST engine is required here")
        pytest.skip("no GOST engine: make system installs it")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ("-engine", "gost", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A", "-out", str(key))
    assert _openssl("genpkey", *made).returncode == 0
    subject = "/C=RU/CN=TEST/O=Test/1.2.643.100.1=1027700132195"
    request = ("-engine", "gost", "-new", "-x509", "-md_gost12_256", "-key", str(key), "-days", "30")
    assert _openssl("req", *request, "-subj", subject, "-out", str(certificate)).returncode == 0
    return key, certificate


@pytest.fixture
def ecdsa(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST")])
    now = datetime.now(UTC)
    ends = now + timedelta(days=30, hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, ends)
    certificate = builder.sign(key, hashes.SHA256())
    key_path, certificate_path = tmp_path / "ec.pem", tmp_path / "ec-cert.pem"
    pkcs8 = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path


def _verified(tmp_path: Path, cms: bytes, message: bytes, certificate: Path, engine: tuple[str, ...]) -> bool:
    (tmp_path / "sig.der").write_bytes(cms)
    (tmp_path / "msg").write_bytes(message)
    check = ("-verify", "-binary", "-inform", "DER", "-in", str(tmp_path / "sig.der"), "-purpose", "any")
    files = ("-content", str(tmp_path / "msg"), "-CAfile", str(certificate), "-out", "/dev/null")
    return _openssl("cms", *engine, *check, *files).returncode == 0


@pytest.mark.gost
@pytest.mark.parametrize("as_text", [False, True])
async def test_gost_cms_verifies_over_the_same_bytes(gost, tmp_path, as_text) -> None:
    given = [path.read_text() if as_text else str(path) for path in gost]
    cms = await make_signer("openssl-gost", *given).sign_cms(MESSAGE)
    assert _verified(tmp_path, cms, MESSAGE, gost[1], ("-engine", "gost"))
    assert not _verified(tmp_path, cms, MESSAGE + b"x", gost[1], ("-engine", "gost"))


async def test_ecdsa_cms_verifies_and_warns_loudly(ecdsa, tmp_path) -> None:
    signer = make_signer("ecdsa", *map(str, ecdsa))
    cms = await signer.sign_cms(MESSAGE)
    assert _verified(tmp_path, cms, MESSAGE, ecdsa[1], ())
    assert not _verified(tmp_path, cms, MESSAGE + b"x", ecdsa[1], ())
    assert "ГОСТ" in (signer.warning or "")
    assert "GOST" in (signer.warning_en or "")
    assert signer.certificate_days() == 30


async def test_external_command_gets_data_on_stdin(ecdsa) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'CMS:' + sys.stdin.buffer.read())"]
    signer = make_signer("command", "", str(ecdsa[1]), command)
    assert await signer.sign_cms(MESSAGE) == b"CMS:" + MESSAGE
    assert signer.warning is None


@pytest.mark.parametrize(
    "command",
    [["/nonexistent/csp"], [sys.executable, "-c", "import sys; sys.exit('no token inserted')"]],
)
async def test_failing_command_says_so(ecdsa, command) -> None:
    with pytest.raises(Fatal, match="MM-SYS-SIGNER"):
        await make_signer("command", "", str(ecdsa[1]), command).sign_cms(MESSAGE)


async def test_silent_command_is_given_up(ecdsa, monkeypatch) -> None:
    monkeypatch.setattr(signing, "PATIENCE", 0.2)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(Exception, match="did not answer"):
        await make_signer("command", "", str(ecdsa[1]), command).sign_cms(MESSAGE)


@pytest.mark.gost
async def test_key_is_never_on_the_command_line(gost, monkeypatch) -> None:
    seen: list[tuple[str, ...]] = []
    run = signing._run

    async def watched(command, data, files):
        seen.append(tuple(command))
        return await run(command, data, files)

    monkeypatch.setattr(signing, "_run", watched)
    await make_signer("openssl-gost", *map(str, gost)).sign_cms(MESSAGE)
    line = " ".join(seen[0])
    assert "BEGIN" not in line
    assert str(gost[0]) not in line
    assert MESSAGE.decode() not in line


@pytest.mark.parametrize(
    ("kind", "key", "certificate"),
    [
        ("openssl-gost", "/nonexistent/key", "/nonexistent/cert"),
        ("ecdsa", "-----BEGIN nonsense", "-----BEGIN nonsense"),
        ("smoke-signals", "", ""),
    ],
)
def test_unusable_signer_is_refused_at_start(kind, key, certificate) -> None:
    with pytest.raises(Fatal, match="MM-SYS-SIGNER"):
        make_signer(kind, key, certificate)
