"""Answers that are slow, cut, wrong in version, of another person, half done, or of a list that lies."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from stand.running import Body, Client, Reply, running_stand
from stand.test_webhooks import Ear, ear, subscribe  # noqa: F401  # the fixture is found by its name here
from stand.tiny import ANNA, BORIS, emias_policy, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
NUMBER = {"emias": "policyNumber", "gosuslugi": "Номер полиса"}
STALE = {"emias": 412, "gosuslugi": 409}


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param) as running:
        yield running[request.param]


def first(client: Client) -> str:
    return f"{client.name[0]}-policies-0"


def ids(client: Client, reply: Reply) -> list[str]:
    return [row["id"] for row in reply.json[client.names.rows]]


async def fired(client: Client) -> int:
    return sum(one["fired"] for one in (await client.call("GET", "/stand/faults")).json["rules"])


async def grow(client: Client, count: int) -> list[str]:
    """So many more policies; the ids of all in the order of the list."""
    for number in range(count):
        await client.act("POST", "policies", POLICY[client.name](f"79000000000000{number:02d}"))
    return ids(client, await client.list("policies"))


async def pages(client: Client, size: int) -> list[list[str]]:
    """The list as a client walks it: by tokens, or by numbers until the total is reached."""
    seen: list[list[str]] = []
    token: str | None = None
    while True:
        if client.name == "emias":
            reply = await client.list("policies", pageSize=size, **({"pageToken": token} if token else {}))
            token = reply.json["nextPageToken"]
        else:
            reply = await client.list("policies", page=len(seen), size=size)
            token = "more" if (len(seen) + 1) * size < reply.json["total"] else None
        seen.append(ids(client, reply))
        if token is None:
            return seen


async def test_slow_drip_sends_a_little_at_a_time(client: Client) -> None:
    await client.faults({"effect": "slow-drip", "bytes": 200, "ms": 40, "method": "GET"})
    begun = time.monotonic()
    reply = await client.list("policies")
    assert len(ids(client, reply)) == 2
    assert time.monotonic() - begun >= 0.04 * (len(reply.raw) // 200)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05)) as hasty:
        impatient = Client(client.name, client.stand, hasty, client.headers)
        with pytest.raises(TimeoutError):
            await impatient.list("policies")
    assert await fired(client) == 2


async def test_reset_comes_in_the_middle_of_an_answer(client: Client) -> None:
    await client.faults({"effect": "reset", "method": "POST", "count": 1})
    where = urlsplit(client.address)
    body = b"{}"
    head = f"POST {client.names.base}/policies{client.names.search} HTTP/1.1\r\nHost: x\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in client.headers.items())
    head += f"Content-Length: {len(body)}\r\n\r\n"
    said = await _until_the_end(str(where.hostname), int(where.port or 0), head.encode() + body)
    assert said[0].startswith(b"HTTP/1.1 4")
    assert said[1] == "reset"
    await client.faults({"effect": "reset", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await client.create("policies", POLICY[client.name]("7700000000000077"), "key-1")
    assert len(await client.effects()) == 1


async def _until_the_end(host: str, port: int, request: bytes) -> tuple[bytes, str]:
    """What a bare socket hears, and how the connection ended."""

    def talk() -> tuple[bytes, str]:
        heard = b""
        with socket.create_connection((host, port), timeout=5) as bare:
            bare.sendall(request)
            try:
                while piece := bare.recv(4096):
                    heard += piece
            except ConnectionResetError:
                return heard, "reset"
        return heard, "closed"

    return await asyncio.to_thread(talk)


async def test_shifted_pages_step_over_rows(client: Client) -> None:
    every = await grow(client, 7)
    await client.faults({"effect": "page-shift", "count": 1})
    seen = [ref for page in await pages(client, 3) for ref in page]
    assert set(every) - set(seen) == {every[3]}
    await client.faults({"effect": "page-shift", "rows": -1})
    seen = [ref for page in await pages(client, 3) for ref in page]
    assert (set(seen), seen.count(every[2])) == (set(every), 2)
    assert await fired(client) >= 2


async def test_wrong_total_leads_past_the_end(client: Client) -> None:
    every = await grow(client, 4)
    await client.faults({"effect": "wrong-total", "rows": 3})
    walked = await pages(client, 3)
    assert [len(page) for page in walked] == [3, 3, 0]
    assert [ref for page in walked for ref in page] == every


async def test_wrong_total_ends_too_early(client: Client) -> None:
    await grow(client, 4)
    await client.faults({"effect": "wrong-total", "rows": -3})
    assert [len(page) for page in await pages(client, 3)] == [3]


async def test_empty_list_says_that_nothing_is_there(client: Client) -> None:
    await client.faults({"effect": "empty-list", "collection": "policies"})
    reply = await client.list("policies")
    assert (ids(client, reply), reply.status) == ([], 200)
    assert not reply.json.get("nextPageToken")
    assert not reply.json.get("total")
    assert ids(client, await client.list("visits"))
    assert (await client.get("policies", first(client))).json[NUMBER[client.name]] == ANNA


async def test_stale_etag_gets_its_write_refused(client: Client) -> None:
    await client.act("PUT", f"policies/{first(client)}", POLICY[client.name](ANNA))
    await client.faults({"effect": "etag-stale", "method": "GET"})
    shown = await client.get("policies", first(client))
    assert (shown.headers["ETag"], shown.json[client.names.version]) == ('"1"', 1)
    assert (await client.put("policies", first(client), shown.json, 1)).status == STALE[client.name]
    await client.faults()
    assert (await client.get("policies", first(client))).headers["ETag"] == '"2"'
    assert (await client.put("policies", first(client), shown.json, 2)).status == 200


async def test_versions_go_back_and_are_understood(client: Client, ear: Ear) -> None:  # noqa: F811  # the fixture
    for _ in range(3):
        await client.act("PUT", f"policies/{first(client)}", POLICY[client.name](ANNA))
    await subscribe(client, ear.url)
    await client.faults({"effect": "versions-back", "by": 2})
    shown = await client.get("policies", first(client))
    assert (shown.headers["ETag"], shown.json[client.names.version]) == ('"2"', 2)
    wrote = await client.put("policies", first(client), shown.json, 2)
    assert (wrote.status, wrote.json[client.names.version]) == (200, 3)
    (heard,) = await ear.wait(1)
    assert (heard.told["version"], heard.told["record"][client.names.version]) == (3, 3)
    await client.faults()
    assert (await client.get("policies", first(client))).json[client.names.version] == 5


async def test_versions_back_hold_in_batches(client: Client) -> None:
    for _ in range(3):
        await client.act("PUT", f"policies/{first(client)}", POLICY[client.name](ANNA))
    await client.faults({"effect": "versions-back", "by": 2})
    body = {"method": "PUT", "id": first(client), client.names.version: 2, "record": POLICY[client.name](ANNA)}
    done = await batch(client, [body])
    assert (done[0]["status"], done[0]["record"][client.names.version]) == (200, 3)


async def test_read_gives_another_persons_record(client: Client) -> None:
    await client.faults({"effect": "other-person", "method": "GET", "path": "*/policies/*"})
    shown = await client.get("policies", first(client))
    assert (shown.json["id"], shown.json[NUMBER[client.name]]) == (f"{client.name[0]}-policies-1", BORIS)
    assert (await client.list("policies")).json[client.names.rows][0]["id"] == first(client)
    await client.faults({"effect": "other-person", "keep_id": True})
    shown = await client.get("policies", first(client))
    assert (shown.json["id"], shown.json[NUMBER[client.name]]) == (first(client), BORIS)


async def test_webhook_tells_of_another_person(client: Client, ear: Ear) -> None:  # noqa: F811  # the fixture
    await subscribe(client, ear.url)
    await client.faults({"effect": "other-person", "collection": "policies", "keep_id": True})
    await client.act("PUT", f"policies/{first(client)}", POLICY[client.name](ANNA))
    (heard,) = await ear.wait(1)
    assert (heard.told["id"], heard.told["record"][NUMBER[client.name]]) == (first(client), BORIS)


async def batch(client: Client, operations: list[Body]) -> list[Any]:
    sent, told = ("items", "items") if client.name == "emias" else ("operations", "results")
    reply = await client.call("POST", f"{client.names.base}/policies{client.names.batch}", {sent: operations})
    return list(reply.json[told])


async def test_half_of_a_batch_is_not_done(client: Client) -> None:
    await client.faults({"effect": "bulk-partial", "done": 0.5, "count": 1, "seed": 4})
    numbers = [f"79000000000000{number:02d}" for number in range(10)]
    operations = [{"method": "POST", "record": POLICY[client.name](number)} for number in numbers]
    done = await batch(client, operations)
    statuses = [one["status"] for one in done]
    assert (statuses.count(201), statuses.count(503)) == (5, 5)
    made = {one["record"][NUMBER[client.name]] for one in done if one["status"] == 201}
    assert made == {number for number, status in zip(numbers, statuses, strict=True) if status == 201}
    assert len(await client.effects()) == 5
    assert all(one["error"]["code"] for one in done if one["status"] == 503)
    again = await batch(client, [one for one, status in zip(operations, statuses, strict=True) if status == 503])
    assert {one["status"] for one in again} == {201}


async def test_named_path_reaches_the_token_call() -> None:
    async with running_stand(only="emias") as running:
        client = running["emias"]
        asked = {"grant_type": "client_credentials", "client_id": "medmost"}
        asked["client_secret"] = client.stand.credentials.emias_client_secret
        await client.faults({"effect": "status", "code": 502})
        assert (await client.call("POST", "/oauth/token", asked, {})).status == 400  # as JSON needs a content type
        await client.faults({"effect": "status", "code": 502, "path": "/oauth/*"})
        assert (await client.call("POST", "/oauth/token", asked, {})).status == 502
        assert (await client.list("policies")).status == 200


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"effect": "field-renamed", "field": "phone"}, "to"),
        ({"effect": "field-missing"}, "field"),
        ({"effect": "field-missing", "field": "a..b"}, "field"),
        ({"effect": "bulk-partial", "done": 2}, "done"),
        ({"effect": "slow-drip", "bytes": 0}, "bytes"),
        ({"effect": "page-shift", "ms": 5}, "rows"),
        ({"effect": "status", "code": True}, "code"),
        ({"effect": "latency", "share": "half"}, "share"),
        ({"effect": "latency", "collection": 5}, "collection"),
        ({"effect": "latency", "seed": "x"}, "seed"),
        ({"effect": None}, "versions-back"),
    ],
)
async def test_wrong_parameter_is_named(rule: Body, named: str) -> None:
    async with running_stand(only="emias") as running:
        reply = await running["emias"].call("PUT", "/stand/faults", {"rules": [rule]})
        assert reply.status == 400
        assert named in reply.raw.decode()
