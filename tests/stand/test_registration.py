"""Registration by calls: two empty systems let in nobody, then whoever walked the whole way, and stay so."""

import os
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from medmost_stand.credentials import gost_pair
from medmost_stand.main import settings_of
from stand.registering import INN, OGRN, ORGANIZATION, Applicant, basic
from stand.running import Client, Reply, running_stand
from stand.visiting import Visitor, new_session

G, E = "/api/partners/v1", "/api/integration/v1/points"
ANNA, BORIS = basic("anna", "Demo-1"), basic("boris", "Demo-1")
ADMIN, CLERK = basic("integrator", "Demo-1"), basic("registrar", "Demo-1")
POINT = {"name": "Обмен", "organization": ORGANIZATION}
HOOK = {"url": "http://127.0.0.1:9/hooks/emias", "secret": "whsec_" + "QUJD" * 8}


@pytest.fixture
async def gosuslugi() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi", empty=True) as running:
        yield running["gosuslugi"]


@pytest.fixture
async def emias() -> AsyncIterator[Client]:
    async with running_stand(only="emias", empty=True) as running:
        yield running["emias"]


@pytest.fixture(params=["gost", "ecdsa"])
def applicant(request: pytest.FixtureRequest, tmp_path: Path) -> Applicant:
    if request.param == "gost" and gost_pair() is None:
        if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
            pytest.fail("OpenSSL's GOST engine is required here and absent")
        pytest.skip("OpenSSL has no GOST engine on this machine")
    return Applicant(tmp_path, gost=request.param == "gost")


async def certified(client: Client, applicant: Applicant) -> tuple[str, str]:
    """Certificate and API key of a system that was registered from nothing."""
    assert (await client.call("PUT", f"{G}/organization", ORGANIZATION, ANNA)).status == 200
    issued = await client.call("POST", f"{G}/certificates", {"request": applicant.request()}, ANNA)
    assert issued.status == 201, issued.raw.decode()
    system = {"name": "Обмен", "certificate": issued.json["certificate"], "scopes": ["openid"]}
    assert (await client.call("PUT", f"{G}/systems/OUR_MIS", system, ANNA)).status == 201
    made = await client.call("POST", f"{G}/systems/OUR_MIS/api-keys", {}, ANNA)
    return str(issued.json["certificate"]), str(made.json["api_key"])


async def token(client: Client, applicant: Applicant, certificate: str, key: str) -> Reply:
    path = f"/esia-rs/api/public/v1/orgs/ext-app/{key}/tkn"
    return await client.call("GET", path, headers={}, signature=applicant.sign(key, certificate))


@pytest.mark.gost
async def test_registered_system_gets_its_token(gosuslugi: Client, applicant: Applicant) -> None:
    certificate, key = await certified(gosuslugi, applicant)
    granted = await token(gosuslugi, applicant, certificate, key)
    assert granted.status == 200, granted.raw.decode()
    headers = {"Authorization": "Bearer " + granted.json["accessTkn"]}
    assert (await gosuslugi.call("GET", "/api/exchange/v1/policies", headers=headers)).status == 200
    shown = (await gosuslugi.call("GET", f"{G}/registration", headers=ANNA)).json
    assert shown["organization"] == ORGANIZATION
    assert [one["missing"] for one in shown["systems"]] == [[]]
    assert key not in str(shown)
    key_id = shown["systems"][0]["api_keys"][0]["id"]
    assert (await gosuslugi.call("DELETE", f"{G}/systems/OUR_MIS/api-keys/{key_id}", headers=ANNA)).status == 200
    assert (await token(gosuslugi, applicant, certificate, key)).status == 401


async def test_empty_system_lets_in_nobody(gosuslugi: Client) -> None:
    assert (await gosuslugi.list("policies")).status == 403
    assert (await gosuslugi.call("GET", f"{G}/registration", headers=ANNA)).json["systems"] == []


async def test_registered_point_gets_its_token(emias: Client) -> None:
    made = (await emias.call("PUT", f"{E}/our-mis", POINT, ADMIN)).json
    key = (await emias.call("POST", f"{E}/our-mis/api-keys", {}, ADMIN)).json["api_key"]
    form = {"grant_type": "client_credentials", "client_id": "our-mis", "client_secret": made["client_secret"]}
    granted = await emias.call("POST", "/oauth/token", form, {"Content-Type": "application/json"})
    headers = {"Authorization": "Bearer " + granted.json["access_token"], "X-API-Key": key}
    assert (await emias.call("GET", "/api/v1/policies", headers=headers)).status == 200
    hook = await emias.call("POST", f"{E}/our-mis/webhooks", HOOK, ADMIN)
    assert hook.status == 201
    again = await emias.call("PUT", f"{E}/our-mis", POINT, ADMIN)
    assert (again.status, again.json["client_secret"]["end"]) == (200, "…" + made["client_secret"][-4:])
    listed = (await emias.call("GET", E, headers=ADMIN)).json["points"]
    assert [one["webhooks"][0]["url"] for one in listed] == [HOOK["url"]]
    assert made["client_secret"] not in str(listed)
    new = (await emias.call("POST", f"{E}/our-mis/secret", {}, ADMIN)).json["client_secret"]
    old = await emias.call("POST", "/oauth/token", form, {"Content-Type": "application/json"})
    assert old.status == 401
    renewed = await emias.call(
        "POST", "/oauth/token", form | {"client_secret": new}, {"Content-Type": "application/json"}
    )
    assert renewed.status == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("organization", ORGANIZATION, {}, 401, "логином и паролем"),
        ("organization", ORGANIZATION, basic("anna", "wrong"), 401, "неверный логин или пароль"),
        ("organization", ORGANIZATION, BORIS, 403, "не разрешена"),
        ("organization", ORGANIZATION | {"ogrn": OGRN[:-1] + "4"}, ANNA, 400, "контрольной цифрой"),
        ("organization", ORGANIZATION | {"inn": INN[:-1] + "2"}, ANNA, 400, "контрольной цифрой"),
        ("organization", ORGANIZATION | {"name": ""}, ANNA, 400, "наименование"),
        ("systems/OUR", {}, ANNA, 404, "Сначала зарегистрируйте организацию"),
    ],
)
async def test_wrong_registration_is_refused_plainly(
    gosuslugi: Client, path: str, body: Any, headers: dict[str, str], status: int, said: str
) -> None:
    reply = await gosuslugi.call("PUT", f"{G}/{path}", body, headers)
    assert (reply.status, said in reply.json["message"]) == (status, True), reply.raw.decode()


async def test_foreign_organization_and_system_stay_foreign() -> None:
    async with running_stand(only="gosuslugi") as running:
        client = running["gosuslugi"]
        await client.call("PUT", f"{G}/organization", ORGANIZATION, ANNA)
        taken = await client.call("PUT", f"{G}/systems/MEDMOST", {}, ANNA)  # the ready client of this stand
        assert (taken.status, "другой организации" in taken.json["message"]) == (409, True)
        bad = await client.call("PUT", f"{G}/systems/our", {}, ANNA)
        assert (bad.status, "Мнемоника" in bad.json["message"]) == (400, True)


async def test_request_of_another_organization_is_refused(gosuslugi: Client, tmp_path: Path) -> None:
    applicant = Applicant(tmp_path, gost=False)
    await gosuslugi.call("PUT", f"{G}/organization", ORGANIZATION, ANNA)
    for request, said in ((applicant.request("1037739877295"), "ОГРН"), ("не запрос", "PEM")):
        reply = await gosuslugi.call("POST", f"{G}/certificates", {"request": request}, ANNA)
        assert (reply.status, said in reply.json["message"]) == (400, True)
    reply = await gosuslugi.call("PUT", f"{G}/systems/OUR_MIS", {"certificate": "не сертификат"}, ANNA)
    assert (reply.status, "PEM" in reply.json["message"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/our-mis", POINT, {}, 401),
        ("/our-mis", POINT, CLERK, 403),
        ("/Our", POINT, ADMIN, 422),
        ("/our-mis", {}, ADMIN, 422),
        ("/medmost", POINT, ADMIN, 409),
    ],
)
async def test_wrong_point_is_refused_plainly(path: str, body: Any, headers: dict[str, str], status: int) -> None:
    async with running_stand(only="emias") as running:
        reply = await running["emias"].call("PUT", E + path, body, headers)
        assert (reply.status, bool(reply.json["error"]["description"])) == (status, True)


async def test_registration_outlives_a_stop(tmp_path: Path) -> None:
    applicant, state = Applicant(tmp_path, gost=False), tmp_path / "stand.db"
    async with running_stand(empty=True, state=state) as running:
        certificate, key = await certified(running["gosuslugi"], applicant)
        made = (await running["emias"].call("PUT", f"{E}/our-mis", POINT, ADMIN)).json
    async with running_stand(empty=True, state=state) as running:
        assert (await token(running["gosuslugi"], applicant, certificate, key)).status == 200
        form = {"grant_type": "client_credentials", "client_id": "our-mis", "client_secret": made["client_secret"]}
        granted = await running["emias"].call("POST", "/oauth/token", form, {"Content-Type": "application/json"})
        assert granted.status == 200


def test_empty_stand_writes_no_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_of(["--empty", "--write-config", str(tmp_path)])
    assert (ended.value.code, "исключают друг друга" in capsys.readouterr().err) == (2, True)


# ---------------------------------------------------------------- by the developer's cabinet
@pytest.mark.gost
async def test_developers_cabinet_walks_the_whole_way(gosuslugi: Client, applicant: Applicant) -> None:
    async with new_session() as session:
        visitor = Visitor(gosuslugi.address, session)
        page = await visitor.enter("anna", "/developer")
        wrong = await visitor.send(page, "/organization", **ORGANIZATION | {"inn": INN[:-1] + "2"})
        assert (wrong.status, "ИНН" in wrong.text, wrong.form("/organization")["ogrn"]) == (422, True, OGRN)
        page = await visitor.send(wrong, "/organization", inn=INN)
        page = await visitor.send(page, "/certificates", request=applicant.request())
        certificate = unescape(page.html.partition("data-certificate>")[2].partition("<")[0])
        page = await visitor.send(page, "/developer/systems", mnemonic="OUR_MIS", redirect_uris="ftp://x")
        assert (page.status, "redirect_uris" in page.text) == (422, True)
        page = await visitor.send(page, "/developer/systems", redirect_uris="http://127.0.0.1:9/back", scopes="openid")
        assert "без него маркеры не выдаются" in page.text
        page = await visitor.send(page, "/OUR_MIS/certificate", certificate=certificate)
        page = await visitor.send(page, "/OUR_MIS/keys")
        key = page.html.partition("data-api-key>")[2].partition("<")[0]
        assert (await token(gosuslugi, applicant, certificate, key)).status == 200
        assert key not in (await visitor.open("/developer")).html
        key_id = page.html.partition('name="key" value="')[2].partition('"')[0]
        await visitor.send(page, "/keys/drop", key=key_id)
        assert (await token(gosuslugi, applicant, certificate, key)).status == 401


async def test_unconfirmed_account_represents_nobody(gosuslugi: Client) -> None:
    async with new_session() as session:
        shown = await Visitor(gosuslugi.address, session).enter("boris", "/developer")
        assert (shown.status, "только подтверждённая" in shown.text) == (403, True)
