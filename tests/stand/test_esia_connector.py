"""A client that others wrote, PyPI's esia-connector 0.16, in an environment of its own, goes through its whole flow."""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from medmost_stand.credentials import gost_pair
from medmost_stand.signature import public_key_pem
from stand.esia_client import BACK, rsa_pair
from stand.running import running_stand

SCRIPT = Path(__file__).with_name("connector_script.py")
# It declares nothing; with PyJWT 2 its decode(verify=False) fails.
PACKAGES = ("esia-connector==0.16", "requests", "pytz", "PyJWT<2", "cryptography")


def absent(why: str) -> None:
    if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
        pytest.fail(f"required here: {why}")
    pytest.skip(why)


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of the client's environment; made once and kept in the temporary folder."""
    folder = Path(tempfile.gettempdir()) / f"medmost-clients-{os.getuid()}" / "esia-connector-0.16"
    if not folder.exists():
        making = folder.with_name(f"{folder.name}.{os.getpid()}")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", making], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(making / "bin" / "python"), "install", "-q", *PACKAGES]
        done = subprocess.run(pip, check=False, capture_output=True, text=True, timeout=280)
        if done.returncode != 0:
            shutil.rmtree(making)
            absent("the package index does not give esia-connector: " + done.stderr.strip()[-200:])
        try:
            making.rename(folder)
        except OSError:  # another run was quicker
            shutil.rmtree(making)
    return folder / "bin" / "python"


async def flow(python: Path, folder: Path, pair: tuple[str, str], signer: str, *, legacy_rsa: bool) -> Any:
    """What the client has read of Anna, or what it said when it could not."""
    (folder / "key.pem").write_text(pair[0])
    (folder / "cert.pem").write_text(pair[1])
    async with running_stand(only="gosuslugi", legacy_rsa=legacy_rsa) as running:
        client = running["gosuslugi"]
        body = {"certificate": pair[1], "redirect_uris": [BACK]}
        assert (await client.call("PUT", "/stand/esia/systems/CONNECTOR", body)).status == 201
        archive = (await client.call("GET", "/public/esia.zip")).raw
        certificate = zipfile.ZipFile(io.BytesIO(archive)).read("RSA_STAND.cer").decode()
        (folder / "esia.pem").write_bytes(public_key_pem(certificate))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        process = await asyncio.create_subprocess_exec(
            *(python, SCRIPT, client.address, folder, signer, folder / "esia.pem"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return orjson.loads(out) if process.returncode == 0 else err.decode()


def check(read: Any) -> None:
    assert isinstance(read, dict), read
    assert read["oid"] == 1000300000
    assert (read["main"]["lastName"], read["main"]["birthDate"]) == ("Мостова", "29.02.1980")
    assert read["main"]["snils"] == "112-233-445 95"
    types = {document["type"] for document in read["documents"]["elements"]}
    assert {"RF_PASSPORT", "MDCL_PLCY"} <= types
    assert read["documents"]["size"] == len(read["documents"]["elements"])
    assert all(
        address["vrfStu"] if "vrfStu" in address else address["type"] for address in read["addresses"]["elements"]
    )


@pytest.mark.gost
@pytest.mark.slow
async def test_connector_with_gost_reads_a_person(python: Path, tmp_path: Path) -> None:
    pair = gost_pair()
    if pair is None:
        absent("OpenSSL's GOST engine")
        return
    check(await flow(python, tmp_path, pair, "gost", legacy_rsa=False))


@pytest.mark.slow
async def test_connector_as_shipped_needs_legacy_rsa(python: Path, tmp_path: Path) -> None:
    check(await flow(python, tmp_path, rsa_pair(), "rsa", legacy_rsa=True))


@pytest.mark.slow
async def test_connector_as_shipped_is_refused_without(python: Path, tmp_path: Path) -> None:
    refused = await flow(python, tmp_path, rsa_pair(), "rsa", legacy_rsa=False)
    assert isinstance(refused, str)
    assert "KeyError: 'code'" in refused or "IndexError" in refused
