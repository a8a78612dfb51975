"""Who is let in: every route of both systems, generated from their own OpenAPI."""

import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from medmost_stand.stand import SystemName
from stand.running import Client, Running, running_stand

BOTH: list[SystemName] = ["emias", "gosuslugi"]


@pytest.fixture(params=BOTH)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    name: SystemName = request.param
    async with running_stand(only=name) as running:
        yield running[name]


async def guarded(client: Client, by: str = "token") -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and responses of every call that asks for a token, a session or an account."""
    paths = (await client.call("GET", "/openapi.json")).json["paths"]
    return [
        (method.upper(), re.sub(r"\{\w+\}", "x", path), operation["responses"])
        for path, operations in paths.items()
        for method, operation in operations.items()
        if any(by in one for one in operation["security"])
    ]


async def token(client: Client, kind: str) -> str:
    return str((await client.call("POST", "/stand/tokens", {"kind": kind})).json["access_token"])


async def expect(client: Client, headers: dict[str, str], status: int, code: str) -> None:
    """Every guarded call is refused with this status and code, which its description names."""
    calls = [call for call in await guarded(client) if not call[1].startswith("/rs/")]  # of a person, not a system
    assert len(calls) > 40
    for method, path, responses in calls:
        reply = await client.call(method, path, {"any": "body"}, headers)
        error = reply.json["error"] if client.name == "emias" else reply.json
        assert (reply.status, error["code"]) == (status, code), (method, path)
        assert str(status) in responses, (method, path)
    assert await client.effects() == []


async def test_no_token_no_call(client: Client) -> None:
    code = {"emias": "SIM_TOKEN_MISSING", "gosuslugi": "ESIA-005011"}[client.name]
    keys = {name: value for name, value in client.headers.items() if name != "Authorization"}
    await expect(client, keys, 401, code)
    await expect(client, keys | {"Authorization": "Basic YTpi"}, 401, code)


async def test_expired_token_is_refused_everywhere(client: Client) -> None:
    code = {"emias": "SIM_TOKEN_EXPIRED", "gosuslugi": "ESIA-005013"}[client.name]
    headers = client.headers | {"Authorization": "Bearer " + await token(client, "expired")}
    await expect(client, headers, 401, code)


async def test_foreign_client_is_refused_everywhere(client: Client) -> None:
    code = {"emias": "SIM_API_KEY_FOREIGN", "gosuslugi": "access_denied_system"}[client.name]
    headers = client.headers | {"Authorization": "Bearer " + await token(client, "foreign")}
    await expect(client, headers, 403, code)


async def test_tampered_token_is_refused_everywhere(client: Client) -> None:
    code = {"emias": "SIM_TOKEN_INVALID", "gosuslugi": "ESIA-005011"}[client.name]
    head, dot, signature = client.headers["Authorization"].rpartition(".")
    wrong = head + dot + ("B" if signature[0] == "A" else "A") + signature[1:]
    await expect(client, client.headers | {"Authorization": wrong}, 401, code)


async def test_emias_asks_for_its_key_everywhere() -> None:
    async with running_stand(only="emias") as running:
        client = running["emias"]
        bare = {"Authorization": client.headers["Authorization"]}
        await expect(client, bare, 401, "SIM_API_KEY_MISSING")
        await expect(client, bare | {"X-API-Key": "nobody's"}, 401, "SIM_API_KEY_UNKNOWN")


async def test_token_of_one_system_is_nothing_at_the_other() -> None:
    async with running_stand() as running:
        swapped = {
            "emias": running["gosuslugi"].headers["Authorization"],
            "gosuslugi": running["emias"].headers["Authorization"],
        }
        for name, authorization in swapped.items():
            client = running.clients[name]
            reply = await client.list("policies")
            assert reply.status == 200
            reply = await client.call(
                "GET", client.names.base + "/policies", headers=client.headers | {"Authorization": authorization}
            )
            assert reply.status == 401


async def test_registration_asks_for_an_account(client: Client) -> None:
    calls = await guarded(client, "account")
    assert len(calls) > 5
    for method, path, responses in calls:
        for headers in ({}, client.headers, {"Authorization": "Basic Ym9yaXM6eA=="}):
            reply = await client.call(method, path, {"any": "body"}, headers)
            assert (reply.status, "401" in responses) == (401, True), (method, path)


async def test_pages_of_people_lead_to_the_login(client: Client) -> None:
    pages = await guarded(client, "session")
    assert len(pages) > 5
    for method, path, responses in pages:
        reply = await client.call(method, path)
        assert (reply.status, "303" in responses) == (303, True), (method, path)
        assert "/login" in reply.headers["Location"]


async def test_description_names_every_registered_route(client: Client) -> None:
    paths = (await client.call("GET", "/openapi.json")).json["paths"]
    described = {(method.upper(), path) for path, calls in paths.items() for method in calls}
    app = client.stand.ends[client.name].app
    registered = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    assert described == registered


async def test_admin_surface_needs_no_token(client: Client) -> None:
    for path in ("/stand/effects", "/stand/people", "/stand/planted", "/stand/export/visits", "/health"):
        assert (await client.call("GET", path, headers={})).status == 200


async def log_in(client: Client, form: dict[str, str], **options: Any) -> tuple[int, Any]:
    async with client.session.post(client.address + "/oauth/token", data=form, **options) as response:
        return response.status, await response.json()


async def test_emias_gives_a_token_for_client_credentials(running: Running) -> None:
    client = running["emias"]
    secret = running.stand.credentials.emias_client_secret
    form = {"grant_type": "client_credentials", "client_id": "medmost", "client_secret": secret}
    status, answer = await log_in(client, form)
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    headers = client.headers | {"Authorization": "Bearer " + answer["access_token"]}
    assert (await client.call("GET", "/api/v1/policies", headers=headers)).status == 200
    basic = {"Authorization": "Basic " + base64.b64encode(f"medmost:{secret}".encode()).decode()}
    assert (await log_in(client, {"grant_type": "client_credentials"}, headers=basic))[0] == 200
    as_json = await client.call("POST", "/oauth/token", form, {"Content-Type": "application/json"})
    assert as_json.status == 200


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "medmost"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, 401, "invalid_client"),
    ],
)
async def test_wrong_credentials_give_no_token(running: Running, form: dict[str, str], status: int, code: str) -> None:
    given, answer = await log_in(running["emias"], form)
    assert (given, answer["error"]) == (status, code)
    assert (await running["emias"].call("GET", "/stand/tokens")).json["issued"][1:] == []


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_stand() as running:
        yield running


async def test_token_dies_when_its_life_is_over(running: Running) -> None:
    for client in running.clients.values():
        await client.call("PUT", "/stand/tokens", {"life_seconds": 5})
        await client.log_in()
        assert (await client.list("policies")).status == 200
        await client.call("POST", "/stand/clock", {"shift_seconds": 6})
        assert (await client.list("policies")).status == 401


async def test_calls_over_the_limit_wait_a_minute() -> None:
    async with running_stand(only="gosuslugi", limit=3) as running:
        client = running["gosuslugi"]
        statuses = [(await client.list("policies")).status for _ in range(7)]
        assert statuses.count(200) in (3, 6)  # six where the minute turned just now
        late = next(reply for reply in [await client.list("policies") for _ in range(4)] if reply.status == 429)
        assert late.json["code"] == "limitation_exception"
        assert 1 <= int(late.headers["Retry-After"]) <= 60
        assert (await client.call("GET", "/stand/effects")).status == 200
