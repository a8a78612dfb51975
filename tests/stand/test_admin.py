"""The admin surface: people, life, clock, another world."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, emias_policy, emias_visit, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param) as running:
        yield running[request.param]


async def test_export_holds_the_listed_form(client: Client) -> None:
    await client.act("DELETE", f"policies/{client.name[0]}-policies-1")
    listed = (await client.list("policies")).json[client.names.rows]
    assert (await client.call("GET", "/stand/export/policies")).lines == listed


async def test_people_are_named_with_their_logins(client: Client) -> None:
    rows = (await client.call("GET", "/stand/people")).lines
    assert [(row["oid"], row["policy_number"], row["login"], row["trusted"]) for row in rows] == [
        (1000300000, ANNA, "anna", True),
        (1000300001, "7700000000000002", "boris", False),
    ]


async def test_person_acts_without_versions(client: Client) -> None:
    record_id = f"{client.name[0]}-policies-0"
    for expected in (2, 3):
        reply = await client.act("PUT", f"policies/{record_id}", POLICY[client.name](ANNA))
        assert (reply.status, reply.json[client.names.version]) == (200, expected)
    assert (await client.act("DELETE", f"policies/{record_id}")).json[client.names.version] == 4
    assert [effect["method"] for effect in await client.effects()] == ["PUT", "PUT", "DELETE"]


async def test_person_moves_a_visit_at_emias_only(client: Client) -> None:
    reply = await client.act(
        "POST", f"visits/{client.name[0]}-visits-0:move", {"startTime": "2027-03-10T10:30:00+03:00"}
    )
    assert reply.status == (201 if client.name == "emias" else 405)


async def test_clock_shifts_stamps_and_times(client: Client) -> None:
    await client.call("POST", "/stand/clock", {"shift_seconds": 40 * 86400})
    await client.log_in()
    record = (await client.create("policies", POLICY[client.name]("7700000000000077"))).json
    await client.call("POST", "/stand/clock", {"shift_seconds": 0})
    older = (await client.create("policies", POLICY[client.name]("7700000000000078"))).json
    listed = [row["id"] for row in (await client.list("policies")).json[client.names.rows]]
    assert listed.index(older["id"]) < listed.index(record["id"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/stand/life", {"rate": -1}),
        ("PUT", "/stand/life", {"rate": "fast"}),
        ("POST", "/stand/clock", {"shift_seconds": None}),
        ("POST", "/stand/reset", {"people": 3}),
        ("POST", "/stand/tokens", {"kind": "golden"}),
        ("PUT", "/stand/tokens", {"life_seconds": 0}),
    ],
)
async def test_impossible_admin_call_is_refused(client: Client, method: str, path: str, body: dict[str, Any]) -> None:
    assert (await client.call(method, path, body)).status == 400


async def test_calls_are_counted_by_route_and_status(client: Client) -> None:
    await client.list("policies")
    await client.get("policies", "no-such")
    rows = (await client.call("GET", "/stand/calls")).json["calls"]
    counted = {(row["method"], row["path"], row["status"]): row["count"] for row in rows}
    base = f"{client.names.base}/policies"
    assert counted["GET", base, 200] == 1
    assert counted["GET", base + "/{id}", 404 if client.name == "emias" else 204] == 1


async def test_reset_makes_the_asked_world(client: Client) -> None:
    await client.create("policies", POLICY[client.name]("7700000000000077"), "key-1")
    assert (await client.call("POST", "/stand/reset", {"people": 20, "seed": 3})).status == 200
    people = (await client.call("GET", "/stand/people")).lines
    assert len(people) == 20
    assert await client.effects() == []
    first = (await client.call("GET", "/stand/export/visits")).raw
    await client.call("POST", "/stand/reset", {"people": 20, "seed": 3})
    assert (await client.call("GET", "/stand/export/visits")).raw == first
    planted = (await client.call("GET", "/stand/planted")).json
    assert set(planted["policies"]) >= {"conflict", "invalid", "foreign", "one_sided", "differing"}


async def test_life_goes_on_and_stops() -> None:
    async with running_stand(None, people=60, seed=4) as running:
        for client in running.clients.values():
            await client.call("PUT", "/stand/life", {"rate": 100})
        for client in running.clients.values():
            async with asyncio.timeout(30):
                while len(await client.effects()) < 25:
                    await asyncio.sleep(0.05)
            stopped = (await client.call("PUT", "/stand/life", {"rate": 0})).json
            assert stopped["failed"] == 0
            effects = await client.effects()
            assert {effect["client"] for effect in effects} == {"person"}
            await asyncio.sleep(0.1)  # ten acts' time at the old rate, in which nothing may happen
            assert len(await client.effects()) == len(effects)


async def test_life_touches_no_planted_record() -> None:
    async with running_stand(None, only="emias", people=40, seed=9) as running:
        client = running["emias"]
        planted = (await client.call("GET", "/stand/planted")).json
        await client.call("PUT", "/stand/life", {"rate": 500})
        async with asyncio.timeout(30):
            while len(await client.effects()) < 100:
                await asyncio.sleep(0.05)
        await client.call("PUT", "/stand/life", {"rate": 0})
        touched = {(effect["collection"], effect["id"]) for effect in await client.effects()}
        for collection, kinds in planted.items():
            for kind in ("conflict", "invalid"):
                assert not {(collection, record_id) for record_id in kinds[kind]} & touched


async def test_visit_acts_name_the_changed_slots() -> None:
    async with running_stand(only="emias") as running:
        client = running["emias"]
        await client.act("POST", "visits", emias_visit(ANNA, "10:00"))
        (effect,) = await client.effects()
        assert [row["collection"] for row in effect["also"]] == ["slots"]
