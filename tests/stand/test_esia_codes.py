"""Every refusal of ЕСИА that the fact sheet names (§1.7) is provoked by what a client or a person does wrong."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from medmost_stand.credentials import ecdsa_pair
from medmost_stand.gosuslugi.esia.permissions import written
from medmost_stand.gosuslugi.esia.refusals import MEANINGS
from stand.esia_client import BACK, System, back, now, raw, unread, url_safe
from stand.running import Reply, running_stand
from stand.test_order_api import CONSENT

ANNA_OID = 1000300000
# The codes of facts/gosuslugi.md §1.7, first table.
SHEET = (
    *(f"ESIA-0070{number:02d}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 19, 23, 38, 39, 40)),
    *(f"ESIA-007{number:03d}" for number in (46, 53, 55, 60, 61, 62, 194)),
    "ESIA-008010",
    *(f"ESIA-0367{number:02d}" for number in (0, 1, 2, 3, 4, 5, 6, 7, 16, 26, 27)),
)
NOT_BY_A_CLIENT = {
    "ESIA-007007": "an unexpected error is the server's own",
    "ESIA-007008": "overload and maintenance are the server's own",
    "ESIA-007046": "nobody at the stand has one-time passwords",
}
Provocation = Callable[[System], Awaitable[str]]
PROVOKED: dict[str, list[Provocation]] = {}


def provokes(code: str) -> Callable[[Provocation], Provocation]:
    def keep(provocation: Provocation) -> Provocation:
        PROVOKED.setdefault(code, []).append(provocation)
        return provocation

    return keep


def code_of(reply: Reply) -> str:
    """The code in a redirect, a token answer, a REST answer or on the page."""
    if reply.status == 302:
        return back(reply).get("error_description", "no error").partition(":")[0]
    if reply.headers["Content-Type"].startswith("text/html"):
        page = reply.raw.decode()
        return "ESIA-" + page.partition("Код ошибки: ESIA-")[2][:6]
    answer = reply.json
    return str(answer.get("code") or answer["error_description"].partition(":")[0])


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with (
        running_stand(only="gosuslugi") as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, ecdsa_pair(), False, 2)
        await system.register()
        yield system


async def asked(system: System, **changed: str) -> str:
    return code_of(await system.ask(system.question(**changed)))


async def consented(system: System, **changed: Any) -> str:
    consent = {name: value for name, value in (CONSENT | changed).items() if value is not None}
    return await asked(system, permissions=written([consent]))


async def exchanged(system: System, **changed: str) -> str:
    await system.client.call("PUT", "/stand/esia", {"auto_login": "anna"})
    found = back(await system.ask(system.question()))
    return code_of(await system.token(system.exchange(found["code"], **changed)))


@provokes("ESIA-007002")
async def unknown_system(system: System) -> str:
    return await asked(system, client_id="NOBODY")


@provokes("ESIA-007002")
async def system_without_certificate(system: System) -> str:
    await system.register(certificate="")
    return await asked(system)


@provokes("ESIA-007003")
async def wrong_access_type(system: System) -> str:
    return await asked(system, access_type="sometimes")


@provokes("ESIA-007003")
async def repeated_parameter(system: System) -> str:
    pairs = [*system.question().items(), ("scope", "openid")]
    async with system.browser.get(
        system.client.address + "/aas/oauth2/v2/ac", params=pairs, allow_redirects=False
    ) as reply:
        return code_of(Reply(reply.status, reply.headers, await reply.read()))


@provokes("ESIA-007003")
async def unreadable_permissions(system: System) -> str:
    return await asked(system, permissions="bm8")


@provokes("ESIA-007003")
async def wrong_token_type(system: System) -> str:
    return await exchanged(system, token_type="MAC")


@provokes("ESIA-007004")
async def refusing_person(system: System) -> str:
    found = await system.log_in(system.question(), answer="refuse")
    return found["error_description"].partition(":")[0]


@provokes("ESIA-007005")
async def method_not_granted(system: System) -> str:
    await system.register(grants=["client_credentials"])
    return await asked(system)


@provokes("ESIA-007005")
async def refresh_not_granted(system: System) -> str:
    await system.register(grants=["authorization_code"])
    return code_of(await system.token(system.exchange("", grant_type="refresh_token", refresh_token="x")))


@provokes("ESIA-007006")
async def unknown_scope(system: System) -> str:
    return await asked(system, scope="openid everything")


@provokes("ESIA-007006")
async def scope_not_allowed(system: System) -> str:
    await system.register(scopes=["openid", "fullname"])
    return await asked(system, scope="openid snils")


@provokes("ESIA-007006")
async def unknown_organisational_scope(system: System) -> str:
    return await asked(system, scope_org="http://esia.gosuslugi.ru/org_all")


@provokes("ESIA-007009")
async def other_response_type(system: System) -> str:
    return await asked(system, response_type="token")


@provokes("ESIA-007011")
async def made_up_code(system: System) -> str:
    return code_of(await system.token(system.exchange("made-up")))


@provokes("ESIA-007011")
async def late_code(system: System) -> str:
    await system.client.call("PUT", "/stand/esia", {"auto_login": "anna"})
    found = back(await system.ask(system.question()))
    await system.client.call("POST", "/stand/clock", {"shift_seconds": 200})
    return code_of(await system.token(system.exchange(found["code"])))


@provokes("ESIA-007011")
async def code_of_another_address(system: System) -> str:
    await system.register(redirect_uris=[BACK, BACK + "/other"])
    return await exchanged(system, redirect_uri=BACK + "/other")


@provokes("ESIA-007011")
async def code_of_another_system(system: System) -> str:
    await system.client.call("PUT", "/stand/esia", {"auto_login": "anna"})
    found = back(await system.ask(system.question()))
    system.mnemonic = "THIEF"
    await system.register()
    return code_of(await system.token(system.exchange(found["code"])))


@provokes("ESIA-007012")
async def other_grant_type(system: System) -> str:
    return await exchanged(system, grant_type="password")


@provokes("ESIA-007013")
async def no_scope(system: System) -> str:
    return await asked(system, scope="")


@provokes("ESIA-007013")
async def no_scope_for_a_token(system: System) -> str:
    return await exchanged(system, scope="")


@provokes("ESIA-007014")
async def no_state(system: System) -> str:
    return await asked(system, state="")


@provokes("ESIA-007014")
async def no_certificate_hash(system: System) -> str:
    question = system.question()
    del question["client_certificate_hash"]
    return code_of(await system.ask(question))


@provokes("ESIA-007014")
async def no_code(system: System) -> str:
    return code_of(await system.token(system.exchange("")))


@provokes("ESIA-007014")
async def no_client(system: System) -> str:
    return await asked(system, client_id="")


@provokes("ESIA-007015")
async def old_request(system: System) -> str:
    return await asked(system, timestamp=now(-301))


@provokes("ESIA-007015")
async def time_of_another_form(system: System) -> str:
    return await asked(system, timestamp="2026-11-23T10:00:00+03:00")


@provokes("ESIA-007019")
async def consent_never_given(system: System) -> str:
    form = system.exchange("", grant_type="client_credentials", scope=f"prm_chg?oid={ANNA_OID}")
    return code_of(await system.token(form))


@provokes("ESIA-007023")
async def address_not_registered(system: System) -> str:
    reply = await system.ask(system.question(redirect_uri="http://evil.example/"))
    assert (reply.status, "Location" in reply.headers) == (400, False)
    return code_of(reply)


@provokes("ESIA-007038")
async def body_that_is_no_form(system: System) -> str:
    reply = await system.client.call("POST", "/aas/oauth2/v3/te", {"a": 1}, {"Content-Type": "application/json"})
    return code_of(reply)


@provokes("ESIA-007039")
async def challenge_forgotten(system: System) -> str:
    await system.register(pkce=True)
    return await asked(system)


@provokes("ESIA-007039")
async def verifier_without_challenge(system: System) -> str:
    return await exchanged(system, code_verifier="v" * 43)


@provokes("ESIA-007040")
async def wrong_verifier(system: System) -> str:
    await system.client.call("PUT", "/stand/esia", {"auto_login": "anna"})
    challenge = url_safe(hashlib.sha256(b"v" * 43).digest())
    found = back(await system.ask(system.question(code_challenge=challenge)))
    return code_of(await system.token(system.exchange(found["code"], code_verifier="w" * 43)))


@provokes("ESIA-007053")
async def signature_of_another_key(system: System) -> str:
    system.pair = ecdsa_pair()
    return await asked(system)


@provokes("ESIA-007053")
async def signature_of_another_text(system: System) -> str:
    return code_of(await system.ask(system.question() | {"state": str(uuid.uuid4())}))


@provokes("ESIA-007053")
async def signature_not_in_base64(system: System) -> str:
    return code_of(await system.ask(system.question() | {"client_secret": "!"}))


@provokes("ESIA-007053")
async def hash_of_the_pem(system: System) -> str:
    system.hash = hashlib.sha256(system.pair[1].encode()).hexdigest()
    return await asked(system)


@provokes("ESIA-007053")
async def certificate_out_of_date(system: System) -> str:
    await system.client.call("POST", "/stand/clock", {"shift_seconds": timedelta(days=366).total_seconds()})
    return await asked(system, timestamp=now(timedelta(days=366).total_seconds()))


@provokes("ESIA-007053")
async def string_of_the_first_version(system: System) -> str:
    question = system.question()
    text = "".join(question[name] for name in ("scope", "timestamp", "client_id", "state"))
    return code_of(await system.ask(question | {"client_secret": url_safe(raw(system.pair, text, gost=False))}))


@provokes("ESIA-007055")
async def unconfirmed_account(system: System) -> str:
    await system.register(trusted_only=True)
    found = await system.log_in(system.question(), login="boris")
    return found["error_description"].partition(":")[0]


@provokes("ESIA-007060")
async def wrong_roles(system: System) -> str:
    return await asked(system, roles="{}")


@provokes("ESIA-007061")
async def wrong_object_type(system: System) -> str:
    return await asked(system, obj_type="X")


@provokes("ESIA-007062")
async def role_nobody_has(system: System) -> str:
    found = await system.log_in(system.question(obj_type="L", roles="CHIEF"))
    return found["error_description"].partition(":")[0]


@provokes("ESIA-007194")
async def organisation_of_others(system: System) -> str:
    scope = "http://esia.gosuslugi.ru/org_ogrn?org_oid=1000"
    found = await system.log_in(system.question(scope_org=scope))
    return found["error_description"].partition(":")[0]


@provokes("ESIA-008010")
async def unknown_api_key(system: System) -> str:
    path = f"/esia-rs/api/public/v1/orgs/ext-app/{uuid.uuid4()}/tkn"
    return code_of(await system.get(path, {"signature": "AAAA"}))


@provokes("ESIA-036700")
async def consent_without_a_type(system: System) -> str:
    return await consented(system, sysname=None)


@provokes("ESIA-036701")
async def consent_of_no_known_type(system: System) -> str:
    return await consented(system, sysname="OTHER")


@provokes("ESIA-036702")
async def consent_without_its_scope(system: System) -> str:
    return await consented(system, scopes=[{"sysname": "snils"}])


@provokes("ESIA-036703")
async def consent_to_more_than_there_is(system: System) -> str:
    return await consented(system, scopes=[*CONSENT["scopes"], {"sysname": "everything"}])


@provokes("ESIA-036704")
async def consent_to_the_forbidden(system: System) -> str:
    return await consented(system, scopes=[*CONSENT["scopes"], {"sysname": "health_ext"}])


@provokes("ESIA-036705")
async def consent_without_an_action(system: System) -> str:
    return await consented(system, actions=[])


@provokes("ESIA-036706")
async def consent_to_an_unknown_action(system: System) -> str:
    return await consented(system, actions=[{"sysname": "DANCE"}])


@provokes("ESIA-036707")
async def consent_without_a_purpose(system: System) -> str:
    return await consented(system, purposes=[])


@provokes("ESIA-036716")
async def consent_for_two_years(system: System) -> str:
    return await consented(system, expire=2 * 525600)


@provokes("ESIA-036726")
async def consent_for_an_unknown_purpose(system: System) -> str:
    return await consented(system, purposes=[{"sysname": "FUN"}])


@provokes("ESIA-036727")
async def consent_for_two_purposes(system: System) -> str:
    return await consented(system, purposes=[{"sysname": "APIPGU"}, {"sysname": "FUN"}])


async def rest(system: System, token: str, path: str = f"/rs/prns/{ANNA_OID}") -> str:
    return code_of(await system.read(path, token))


@provokes("ESIA-005011")
async def made_up_token(system: System) -> str:
    return await rest(system, "a.b.c")


@provokes("ESIA-005013")
async def expired_token(system: System) -> str:
    tokens = await system.tokens()
    await system.client.call("POST", "/stand/clock", {"shift_seconds": 3601})
    return await rest(system, tokens["access_token"])


@provokes("ESIA-005029")
async def section_without_its_scope(system: System) -> str:
    return await rest(system, (await system.tokens())["access_token"], f"/rs/prns/{ANNA_OID}/docs")


@provokes("ESIA-005029")
async def data_of_another_person(system: System) -> str:
    return await rest(system, (await system.tokens())["access_token"], f"/rs/prns/{ANNA_OID + 1}")


@provokes("ESIA-005029")
async def token_of_a_system(system: System) -> str:
    token = (await system.client.call("POST", "/stand/tokens", {"kind": "valid"})).json["access_token"]
    return await rest(system, token)


REST = {"ESIA-005011", "ESIA-005013", "ESIA-005029"}
ALL = [(code, provocation) for code, found in PROVOKED.items() for provocation in found]


@pytest.mark.parametrize(("code", "provocation"), ALL, ids=[f"{code}-{one.__name__}" for code, one in ALL])
async def test_wrong_step_gets_its_code(system: System, code: str, provocation: Provocation) -> None:
    assert await provocation(system) == code


def test_every_code_of_the_sheet_is_there() -> None:
    assert set(SHEET) == set(MEANINGS)
    assert set(PROVOKED) | set(NOT_BY_A_CLIENT) == set(SHEET) | REST
    assert not set(PROVOKED) & set(NOT_BY_A_CLIENT)


@pytest.mark.parametrize("code", NOT_BY_A_CLIENT)
async def test_server_s_own_trouble_can_be_switched_on(system: System, code: str) -> None:
    await system.client.call("PUT", "/stand/esia", {"trouble": code, "auto_login": "anna"})
    assert await asked(system) == code
    found = back(await system.ask(system.question()))
    await system.client.call("PUT", "/stand/esia", {"trouble": code})
    assert code_of(await system.token(system.exchange(found["code"]))) == code
    assert (await system.token(system.exchange(found["code"]))).status == 200


async def test_checks_come_in_the_order_of_the_sheet(system: System) -> None:
    """Everything is wrong at first; each thing put right brings the next refusal."""
    wrong = {
        "client_id": "NOBODY",
        "state": "",
        "scope": "everything",
        "timestamp": now(-9999),
        "redirect_uri": "http://evil.example/",
    }
    right = {"client_id": "CLINIC", "state": "s", "scope": "openid", "timestamp": now(), "redirect_uri": BACK}
    expected = ("ESIA-007002", "ESIA-007014", "ESIA-007006", "ESIA-007015", "ESIA-007023", "ESIA-007053")
    for done, code in enumerate(expected):
        put_right = dict(list(right.items())[:done])
        question = system.question(**(wrong | put_right)) | {"client_secret": "AAAA"}
        assert code_of(await system.ask(question)) == code


async def test_refused_request_keeps_its_state(system: System) -> None:
    question = system.question(scope="everything")
    found = back(await system.ask(question))
    assert (found["error"], found["state"]) == ("invalid_scope", question["state"])
    form = system.exchange("made-up")
    answer = (await system.token(form)).json
    assert (answer["error"], answer["state"]) == ("invalid_grant", form["state"])


async def test_person_s_data_follow_the_scopes(system: System) -> None:
    scope = "openid fullname snils id_doc medical_doc email mobile addresses kid_fullname kid_medical_doc"
    token = (await system.tokens(scope))["access_token"]
    base = f"/rs/prns/{ANNA_OID}"
    person = (await system.read(base + "?embed=(documents.elements-1,contacts.elements)", token)).json
    assert (person["snils"], "birthDate" in person, "inn" in person) == ("112-233-445 95", False, False)
    assert {one["type"] for one in person["documents"]["elements"]} == {"RF_PASSPORT", "MDCL_PLCY"}
    assert person["contacts"]["elements"] == []
    links = (await system.read(base + "/docs", token)).json
    assert links["stateFacts"] == ["hasSize"]
    policy = next(one for one in person["documents"]["elements"] if one["type"] == "MDCL_PLCY")
    assert f"{system.client.address}{base}/docs/{policy['id']}" in links["elements"]
    assert (await system.read(f"{base}/docs/{policy['id']}", token)).json == policy
    assert policy["series"] + policy["number"] == "7700000000000001"
    assert (await system.read(base + "//addrs?embed=(elements)", token)).json["size"] >= 1
    assert (await system.read(base + "/docs/1", token)).status == 404
    assert (await system.read(base + "/kids", token)).json["size"] == 0
    assert unread(token)["scope"].startswith("openid fullname?oid=")
