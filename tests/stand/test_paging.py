"""How each system's list behaves while people keep writing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, BORIS, emias_policy, gosuslugi_policy


@pytest.fixture
async def emias() -> AsyncIterator[Client]:
    async with running_stand(only="emias") as running:
        yield running["emias"]


@pytest.fixture
async def gosuslugi() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi") as running:
        yield running["gosuslugi"]


def ids_of(reply: Any) -> list[str]:
    return [row["id"] for row in reply.json["items"]]


async def test_inserts_between_pages_lose_nothing(emias: Client) -> None:
    for place in range(20):
        await emias.create("policies", emias_policy(f"79000000000000{place:02d}"))
    seen: list[str] = []
    token: str | None = None
    for page in range(100):
        reply = await emias.list("policies", pageSize=3, **({"pageToken": token} if token else {}))
        seen += ids_of(reply)
        if page < 5:
            await emias.act("POST", "policies", emias_policy(f"78000000000000{page:02d}"))
            await emias.act("PUT", "policies/e-policies-0", emias_policy(ANNA, comment=page))
        token = reply.json["nextPageToken"]
        if token is None:
            break
    every = set(ids_of(await emias.list("policies")))
    assert set(seen) == every
    assert len(every) == 27


async def test_deleting_the_last_listed_record_keeps_the_place(emias: Client) -> None:
    first = await emias.list("policies", pageSize=1)
    await emias.act("DELETE", f"policies/{first.json['items'][0]['id']}")
    second = await emias.list("policies", pageToken=first.json["nextPageToken"])
    assert ids_of(second) == ["e-policies-1", "e-policies-0"]


@pytest.mark.parametrize("token", ["x", "AAAA", "a" * 200, "%%%", "ёж"])
async def test_unknown_page_token_is_refused(emias: Client, token: str) -> None:
    reply = await emias.list("policies", pageToken=token)
    assert (reply.status, reply.json["error"]["code"]) == (400, "SIM_BAD_PAGE_TOKEN")


async def test_page_token_belongs_to_its_collection(emias: Client) -> None:
    token = (await emias.list("policies", pageSize=1)).json["nextPageToken"]
    assert (await emias.list("slots", pageToken=token)).status == 400


@pytest.mark.parametrize("size", ["0", "1001", "-1", "ten", "1.5"])
async def test_impossible_page_size_is_refused(emias: Client, size: str) -> None:
    reply = await emias.list("policies", pageSize=size)
    assert (reply.status, reply.json["error"]["field"]) == (422, "pageSize")


@pytest.mark.parametrize("since", ["yesterday", "2026-11-23", "2026-11-23T10:00:00"])
async def test_since_without_a_zone_is_refused(emias: Client, since: str) -> None:
    reply = await emias.list("policies", updatedSince=since)
    assert (reply.status, reply.json["error"]["field"]) == (422, "updatedSince")


async def test_server_time_is_not_before_any_listed_change(emias: Client) -> None:
    await emias.act("PUT", "policies/e-policies-0", emias_policy(ANNA))
    reply = (await emias.list("policies")).json
    assert all(row["updatedAt"] <= reply["serverTime"] for row in reply["items"])


async def test_equal_stamps_stand_on_both_sides_of_a_page(gosuslugi: Client) -> None:
    rows: list[dict[str, Any]] = []
    for page in range(2):
        reply = (await gosuslugi.list("policies", page=page, size=1)).json
        assert (reply["page"], reply["size"], reply["total"]) == (page, 1, 2)
        rows += reply["content"]
    assert rows[0]["изменено"] == rows[1]["изменено"]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


async def test_change_between_pages_shifts_the_next_page(gosuslugi: Client) -> None:
    first = (await gosuslugi.list("policies", page=0, size=1)).json["content"][0]
    await gosuslugi.act("PUT", f"policies/{first['id']}", gosuslugi_policy(ANNA))
    second = (await gosuslugi.list("policies", page=1, size=1)).json["content"][0]
    assert second["id"] == first["id"]  # g-policies-1 moved to page 0 and is stepped over: the quirk of offsets


async def test_page_past_the_end_is_empty(gosuslugi: Client) -> None:
    reply = (await gosuslugi.list("policies", page=9, size=500)).json
    assert (reply["content"], reply["total"]) == ([], 2)


@pytest.mark.parametrize(
    "query", [{"page": "-1"}, {"size": "0"}, {"size": "501"}, {"changedAfter": "2026-11-23"}, {"page": "x"}]
)
async def test_impossible_list_query_is_refused(gosuslugi: Client, query: dict[str, str]) -> None:
    assert (await gosuslugi.list("policies", **query)).status == 400


async def test_total_counts_from_the_asked_moment(gosuslugi: Client) -> None:
    await gosuslugi.act("PUT", "policies/g-policies-1", gosuslugi_policy(BORIS))
    changed = (await gosuslugi.get("policies", "g-policies-1")).json["изменено"]
    reply = (await gosuslugi.list("policies", changedAfter=changed)).json
    assert (reply["total"], [row["id"] for row in reply["content"]]) == (1, ["g-policies-1"])
