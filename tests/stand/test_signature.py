"""The organisation's signature: accepted only over this API key, by this certificate."""

import base64
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from medmost_stand.credentials import ecdsa_pair, gost_pair
from medmost_stand.signature import signed_by
from stand.running import Client, Reply, running_stand

CONTENT = b"3c7e2a5e-0000-4000-8000-000000000001"


def gost() -> tuple[str, str]:
    pair = gost_pair()
    if pair is None:
        if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
            pytest.fail("OpenSSL's GOST engine is required here and absent")
        pytest.skip("OpenSSL has no GOST engine on this machine")
    return pair


def cms(folder: Path, pair: tuple[str, str], content: bytes, *options: str, engine: bool) -> bytes:
    """A signature by the openssl program."""
    for name, data in {"key": pair[0].encode(), "cert": pair[1].encode(), "content": content}.items():
        (folder / name).write_bytes(data)
    chosen = ["-engine", "gost", "-md", "md_gost12_256"] if engine else ["-md", "sha256"]
    command = ["openssl", "cms", "-sign", "-binary", *chosen, "-signer", "cert", "-inkey", "key", "-in", "content"]
    command += ["-outform", "DER", "-out", "signature", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "signature").read_bytes()


@pytest.fixture(params=["gost", "ecdsa"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(kind: str) -> tuple[str, str]:
    return gost() if kind == "gost" else ecdsa_pair()


@pytest.mark.gost
@pytest.mark.parametrize("options", [(), ("-cades",), ("-nodetach",), ("-stream",)])
async def test_signature_over_the_key_is_accepted(
    tmp_path: Path, kind: str, pair: tuple[str, str], options: tuple[str, ...]
) -> None:
    signature = cms(tmp_path, pair, CONTENT, *options, engine=kind == "gost")
    assert await signed_by(signature, CONTENT, pair[1])


@pytest.mark.gost
async def test_signature_over_another_key_is_refused(tmp_path: Path, kind: str, pair: tuple[str, str]) -> None:
    for options in ((), ("-nodetach",)):
        signature = cms(tmp_path, pair, CONTENT[:-1] + b"2", *options, engine=kind == "gost")
        assert not await signed_by(signature, CONTENT, pair[1])


@pytest.mark.gost
async def test_signature_by_another_certificate_is_refused(tmp_path: Path, kind: str, pair: tuple[str, str]) -> None:
    other = gost() if kind == "gost" else ecdsa_pair()
    signature = cms(tmp_path, other, CONTENT, engine=kind == "gost")
    assert not await signed_by(signature, CONTENT, pair[1])
    assert not await signed_by(cms(tmp_path, ecdsa_pair(), CONTENT, engine=False), CONTENT, pair[1])


@pytest.mark.gost
async def test_damaged_signature_is_refused(tmp_path: Path, kind: str, pair: tuple[str, str]) -> None:
    signature = cms(tmp_path, pair, CONTENT, engine=kind == "gost")
    for damaged in (signature[:-1] + bytes([signature[-1] ^ 1]), signature[:100], b"", b"\x30\x03\x02\x01\x01"):
        assert not await signed_by(damaged, CONTENT, pair[1])


async def ask(client: Client, key: str, signature: str) -> Reply:
    return await client.call("GET", f"/esia-rs/api/public/v1/orgs/ext-app/{key}/tkn", headers={}, signature=signature)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi") as running:
        yield running["gosuslugi"]


def flavours(signature: bytes) -> list[str]:
    plain, url = base64.b64encode(signature).decode(), base64.urlsafe_b64encode(signature).decode()
    lines = "\n".join(plain[place : place + 64] for place in range(0, len(plain), 64))
    return [plain, url, plain.rstrip("="), url.rstrip("="), lines]


async def test_token_is_given_for_every_base64(client: Client, tmp_path: Path) -> None:
    keys = client.stand.credentials
    pair = (keys.gosuslugi_key, keys.gosuslugi_certificate)
    signed = cms(tmp_path, pair, keys.gosuslugi_api_key.encode(), engine=keys.signer == "openssl-gost")
    for flavour in flavours(signed):
        reply = await ask(client, keys.gosuslugi_api_key, flavour)
        assert (reply.status, reply.json["expiresIn"]) == (200, 3600)
        headers = {"Authorization": "Bearer " + reply.json["accessTkn"]}
        assert (await client.call("GET", "/api/exchange/v1/policies", headers=headers)).status == 200


@pytest.mark.parametrize("signature", ["", "!!!", "AAAA", "ё"])
async def test_no_signature_no_token(client: Client, signature: str) -> None:
    reply = await ask(client, client.stand.credentials.gosuslugi_api_key, signature)
    assert (reply.status, reply.json["code"]) == (401, "ESIA-008010")


async def test_unknown_api_key_gets_no_token(client: Client, tmp_path: Path) -> None:
    keys: Any = client.stand.credentials
    pair = (keys.gosuslugi_key, keys.gosuslugi_certificate)
    signed = cms(tmp_path, pair, CONTENT, engine=keys.signer == "openssl-gost")
    assert (await ask(client, CONTENT.decode(), flavours(signed)[1])).status == 401
