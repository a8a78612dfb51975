"""Faults put into a system on purpose: each does what it is named after, as often as it was told."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, emias_policy, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
NEW = "7700000000000077"


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param) as running:
        yield running[request.param]


async def test_lost_request_has_no_effect(client: Client) -> None:
    await client.faults({"method": "POST", "collection": "policies", "effect": "request-lost", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await client.create("policies", POLICY[client.name](NEW))
    assert await client.effects() == []
    assert (await client.create("policies", POLICY[client.name](NEW))).status == 201


async def test_lost_answer_has_its_effect(client: Client) -> None:
    await client.faults({"method": "POST", "collection": "policies", "effect": "answer-lost", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await client.create("policies", POLICY[client.name](NEW), "key-1")
    assert len(await client.effects()) == 1
    assert (await client.create("policies", POLICY[client.name](NEW), "key-1")).status == 201
    assert len(await client.effects()) == 1


async def test_latency_delays_the_answer_after_its_effect(client: Client) -> None:
    await client.faults({"method": "PUT", "effect": "latency", "ms": 300})
    begun = time.monotonic()
    reply = await client.put("policies", f"{client.name[0]}-policies-0", POLICY[client.name](ANNA), 1)
    assert reply.status == 200
    assert time.monotonic() - begun >= 0.3
    assert (await client.list("policies")).status == 200


async def test_status_answers_instead_of_the_system(client: Client) -> None:
    await client.faults({"effect": "status", "code": 429, "retry_after": 7, "count": 2})
    for _ in range(2):
        reply = await client.create("policies", POLICY[client.name](NEW))
        assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert await client.effects() == []
    assert (await client.list("policies")).status == 200


async def test_html_stands_where_json_should(client: Client) -> None:
    await client.faults({"method": "GET", "path": f"{client.names.base}/pol*", "effect": "html-200"})
    reply = await client.list("policies")
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert (await client.list("visits")).json


async def test_truncated_answer_ends_early(client: Client) -> None:
    await client.faults({"effect": "truncated", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await client.list("policies")
    assert (await client.list("policies")).status == 200


async def test_expired_tokens_need_a_new_one(client: Client) -> None:
    await client.faults({"effect": "token-expired", "count": 1})
    statuses = [(await client.list("policies")).status for _ in range(3)]
    assert statuses == [401, 401, 401]
    await client.log_in()
    assert (await client.list("policies")).status == 200


async def test_share_and_seed_choose_the_same_calls(client: Client) -> None:
    async def pattern() -> list[int]:
        await client.faults({"effect": "status", "code": 503, "share": 0.3, "seed": 5})
        return [(await client.list("policies")).status for _ in range(60)]

    first = await pattern()
    assert await pattern() == first
    assert 5 < first.count(503) < 35


async def test_rules_are_shown_with_their_hits(client: Client) -> None:
    await client.faults({"effect": "status", "code": 500, "collection": "visits"})
    await client.list("visits")
    await client.list("policies")
    (rule,) = (await client.call("GET", "/stand/faults")).json["rules"]
    assert (rule["effect"], rule["code"], rule["fired"]) == ("status", 500, 1)
    await client.call("DELETE", "/stand/faults")
    assert (await client.call("GET", "/stand/faults")).json == {"rules": []}
    assert (await client.list("visits")).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"rules": [{"effect": "explode"}]},
        {"rules": [{"effect": "status", "colour": "red"}]},
        {"rules": [{"effect": "latency", "ms": -5}]},
        {"rules": [{"effect": "latency", "ms": "fast"}]},
        {"rules": {}},
        {},
    ],
)
async def test_wrong_rule_names_what_is_allowed(client: Client, body: dict[str, Any]) -> None:
    reply = await client.call("PUT", "/stand/faults", body)
    assert reply.status == 400
    if "explode" in str(body):
        assert "answer-lost" in reply.raw.decode()
    assert (await client.call("GET", "/stand/faults")).json == {"rules": []}


async def test_admin_surface_meets_no_faults(client: Client) -> None:
    await client.faults({"effect": "status", "code": 500}, {"effect": "request-lost"})
    for path in ("/stand/effects", "/health", "/openapi.json"):
        assert (await client.call("GET", path)).status == 200
