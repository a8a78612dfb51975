"""A citizen's login by ЕСИА, both generations of it, with signatures by the openssl program."""

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any, Literal

import aiohttp
import pytest

from medmost_stand.credentials import ecdsa_pair, gost_pair
from stand.esia_client import BACK, SCOPE, System, back, cms, now, raw, rsa_pair, unread, url_safe
from stand.running import running_stand

ANNA_OID = 1000300000
Kind = Literal["gost", "ecdsa"]


def gost() -> tuple[str, str]:
    pair = gost_pair()
    if pair is None:
        if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
            pytest.fail("OpenSSL's GOST engine is required here and absent")
        pytest.skip("OpenSSL has no GOST engine on this machine")
    return pair


async def systems(version: Literal[1, 2], kind: Kind) -> AsyncIterator[System]:
    pair = gost() if kind == "gost" else ecdsa_pair()
    async with (
        running_stand(only="gosuslugi") as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, pair, kind == "gost", version)
        await system.register()
        yield system


@pytest.fixture(params=[(1, "gost"), (2, "gost"), (1, "ecdsa"), (2, "ecdsa")], ids=lambda p: f"v{p[0]}-{p[1]}")
async def system(request: pytest.FixtureRequest) -> AsyncIterator[System]:
    version, kind = request.param
    async for one in systems(version, kind):
        yield one


@pytest.fixture
async def first() -> AsyncIterator[System]:
    async for one in systems(1, "gost"):
        yield one


@pytest.fixture
async def second() -> AsyncIterator[System]:
    async for one in systems(2, "gost"):
        yield one


@pytest.mark.gost
async def test_login_ends_with_tokens(system: System) -> None:
    asked = system.question()
    found = await system.log_in(asked)
    assert found["state"] == asked["state"]
    form = system.exchange(found["code"])
    reply = await system.token(form)
    assert reply.status == 200
    tokens = reply.json
    assert (tokens["state"], tokens["token_type"], tokens["expires_in"]) == (form["state"], "Bearer", 3600)
    access, identity = unread(tokens["access_token"]), unread(tokens["id_token"])
    assert access["scope"] == f"openid fullname?oid={ANNA_OID}"
    assert (access["urn:esia:sbj_id"], access["client_id"]) == (ANNA_OID, "CLINIC")
    assert access["exp"] - access["nbf"] == 3600
    assert (identity["aud"], identity["urn:esia:sbj"]["urn:esia:sbj:oid"]) == ("CLINIC", ANNA_OID)
    assert identity["urn:esia:sbj"]["urn:esia:sbj:is_tru"] is True
    person = (await system.read(f"/rs/prns/{ANNA_OID}", tokens["access_token"])).json
    assert (person["lastName"], person["trusted"], len(person["eTag"])) == ("Мостова", True, 40)
    again = await system.token(system.exchange(found["code"]))
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert again.json["error_description"].startswith("ESIA-007011")


@pytest.mark.gost
async def test_refresh_token_is_good_once(system: System) -> None:
    tokens = await system.tokens()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    order = system.exchange("", **form)
    reply = await system.token(order)
    assert reply.status == 200
    assert reply.json["refresh_token"] != tokens["refresh_token"]
    assert unread(reply.json["access_token"])["urn:esia:sbj_id"] == ANNA_OID
    spent = await system.token(system.exchange("", **form))
    assert spent.json["error_description"].startswith("ESIA-007011")


@pytest.mark.gost
async def test_other_refresh_string_is_accepted(second: System) -> None:
    tokens = await second.tokens()
    values = {
        "client_id": second.mnemonic,
        "scope": SCOPE,
        "timestamp": now(),
        "state": "11111111-1111-4111-8111-111111111111",
        "refresh_token": tokens["refresh_token"],
        "grant_type": "refresh_token",
        "token_type": "Bearer",
    }
    order = ("client_id", "scope", "timestamp", "state", "refresh_token")
    assert (await second.token(second.signed(values, *order))).status == 200


@pytest.mark.gost
async def test_online_access_gives_no_refresh_token(second: System) -> None:
    assert "refresh_token" not in await second.tokens(access_type="online")


@pytest.mark.gost
async def test_second_login_asks_nothing_again(second: System) -> None:
    await second.tokens()
    assert "code" in back(await second.ask(second.question()))
    more = await second.ask(second.question(scope="openid fullname email"))
    assert "/idp/consent" in more.headers["Location"]


@pytest.mark.gost
async def test_refusing_person_gives_no_code(second: System) -> None:
    found = await second.log_in(second.question(), answer="refuse")
    assert found["error"] == "access_denied"
    assert found["error_description"].startswith("ESIA-007004")


@pytest.mark.gost
async def test_wrong_password_stays_on_the_page(second: System) -> None:
    reply = await second.ask(second.question())
    name = reply.headers["Location"].partition("request=")[2]
    wrong = await second.post("/idp/login", {"request": name, "login": "anna", "password": "no"})
    assert (wrong.status, "Неверный логин или пароль" in wrong.raw.decode()) == (401, True)


@pytest.mark.gost
async def test_another_browser_cannot_answer(second: System) -> None:
    reply = await second.ask(second.question())
    name = reply.headers["Location"].partition("request=")[2]
    form = {"request": name, "login": "anna", "password": "Demo-1"}
    async with second.client.session.post(second.client.address + "/idp/login", data=form) as other:
        assert (other.status, "устарел" in await other.text()) == (400, True)


@pytest.mark.gost
async def test_pkce_binds_the_code(second: System) -> None:
    verifier = "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = {"code_challenge": url_safe(digest), "code_challenge_method": "S256"}
    found = await second.log_in(second.question(**challenge))
    assert (await second.token(second.exchange(found["code"], code_verifier=verifier))).status == 200
    found = await second.log_in(second.question(**challenge))
    wrong = await second.token(second.exchange(found["code"], code_verifier="w" * 50))
    assert wrong.json["error_description"].startswith("ESIA-007040")


@pytest.mark.gost
async def test_logout_returns_to_the_system(second: System) -> None:
    await second.tokens()
    reply = await second.get("/idp/ext/Logout", {"client_id": second.mnemonic, "redirect_url": BACK})
    assert (reply.status, reply.headers["Location"]) == (302, BACK)
    assert "/idp/login" in (await second.ask(second.question())).headers["Location"]
    elsewhere = await second.get("/idp/ext/Logout", {"client_id": "CLINIC", "redirect_url": "http://evil.example/"})
    assert (elsewhere.status, "Location" in elsewhere.headers) == (200, False)


@pytest.mark.gost
async def test_changed_consent_gives_a_new_token(second: System) -> None:
    await second.tokens(scope="openid fullname email")
    form = second.exchange("", grant_type="client_credentials", scope=f"prm_chg?oid={ANNA_OID}")
    token = (await second.token(form)).json["access_token"]
    assert unread(token)["scope"] == f"openid fullname?oid={ANNA_OID} email?oid={ANNA_OID}"


@pytest.mark.gost
async def test_withdrawn_consent_ends_its_tokens(second: System) -> None:
    tokens = await second.tokens()
    page = (await second.get("/settings/third-party/agreements/acting")).raw.decode()
    assert "Клиника" in page
    mark = page.partition('name="mark" value="')[2].partition('"')[0]
    await second.post("/settings/third-party/agreements/acting", {"mark": "x", "client": "CLINIC"})
    assert "Клиника" in (await second.get("/settings/third-party/agreements/acting")).raw.decode()
    await second.post("/settings/third-party/agreements/acting", {"mark": mark, "client": "CLINIC"})
    form = second.exchange("", grant_type="client_credentials", scope=f"prm_chg?oid={ANNA_OID}")
    assert (await second.token(form)).json["error_description"].startswith("ESIA-007019")
    spent = second.exchange("", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (await second.token(spent)).json["error_description"].startswith("ESIA-007011")


@pytest.mark.gost
@pytest.mark.parametrize("options", [(), ("-nodetach",), ("-cades",), ("-stream",), ("-noattr",)])
async def test_every_cms_form_is_accepted(first: System, options: tuple[str, ...]) -> None:
    asked = first.question()
    text = "".join(asked[name] for name in ("scope", "timestamp", "client_id", "state"))
    asked["client_secret"] = url_safe(cms(first.pair, text, *options, gost=True))
    assert "/idp/login" in (await first.ask(asked)).headers["Location"]
    asked["client_secret"] = url_safe(cms(first.pair, text + "x", *options, gost=True))
    assert back(await first.ask(asked))["error_description"].startswith("ESIA-007053")


@pytest.mark.gost
async def test_every_base64_flavour_is_accepted(second: System) -> None:
    asked = second.question()
    text = "".join(asked.get(name, "") for name in ("client_id", "scope", "timestamp", "state", "redirect_uri"))
    signature = raw(second.pair, text, gost=True)
    plain, safe = base64.b64encode(signature).decode(), base64.urlsafe_b64encode(signature).decode()
    for flavour in (plain, safe, safe.rstrip("="), safe.removesuffix("="), plain.replace("+", " ")):
        reply = await second.ask(asked | {"client_secret": flavour})
        assert "/idp/login" in reply.headers["Location"]
    for hashed in (asked["client_certificate_hash"].upper(), asked["client_certificate_hash"].lower()):
        reply = await second.ask(asked | {"client_certificate_hash": hashed})
        assert "/idp/login" in reply.headers["Location"]
    reversed_bytes = await second.ask(asked | {"client_secret": url_safe(signature[::-1])})
    assert back(reversed_bytes)["error_description"].startswith("ESIA-007053")


@pytest.mark.gost
async def test_gost_tokens_carry_a_gost_signature(second: System) -> None:
    await second.register(algorithm="GOST3410_2012_256")
    tokens = await second.tokens()
    for name in ("access_token", "id_token"):
        head, _, signature = tokens[name].split(".")
        assert b'"alg":"GOST3410_2012_256"' in base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
        assert len(base64.urlsafe_b64decode(signature + "==")) == 64
    assert (await second.read(f"/rs/prns/{ANNA_OID}", tokens["access_token"])).status == 200
    other = tokens["access_token"].rpartition(".")[0] + "." + tokens["id_token"].rpartition(".")[2]
    assert (await second.read(f"/rs/prns/{ANNA_OID}", other)).json["code"] == "ESIA-005011"


async def test_rsa_needs_the_legacy_switch() -> None:
    async with (
        running_stand(only="gosuslugi") as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, rsa_pair(), False, 1)
        await system.register()
        assert back(await system.ask(system.question()))["error_description"].startswith("ESIA-007053")
        await system.client.call("PUT", "/stand/esia", {"legacy_rsa": True})
        assert "id_token" in await system.tokens()


async def test_automatic_login_answers_the_pages() -> None:
    async for system in systems(2, "ecdsa"):
        await system.client.call("PUT", "/stand/esia", {"auto_login": "boris"})
        found = back(await system.ask(system.question()))
        tokens: Any = (await system.token(system.exchange(found["code"]))).json
        subject = unread(tokens["id_token"])["urn:esia:sbj"]
        assert (subject["urn:esia:sbj:oid"], "urn:esia:sbj:is_tru" in subject) == (ANNA_OID + 1, False)


async def test_tokens_outlive_a_restart(tmp_path: Any) -> None:
    for turn in range(2):
        async with (
            running_stand(only="gosuslugi", state=tmp_path) as running,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
        ):
            if turn == 0:
                system = System(running["gosuslugi"], browser, ecdsa_pair(), False, 2)
                await system.register()
                tokens = await system.tokens()
                continue
            system.client, system.browser = running["gosuslugi"], browser
            assert (await system.read(f"/rs/prns/{ANNA_OID}", tokens["access_token"])).status == 200
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            assert (await system.token(system.exchange("", **form))).status == 200
