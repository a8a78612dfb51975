"""What both systems promise of a record, each in its own dialect."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from medmost_stand.clock import MOSCOW
from medmost_stand.stand import SystemName
from stand.running import Client, running_stand
from stand.tiny import ANNA, emias_policy, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
NEW = "7700000000000077"


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    name: SystemName = request.param
    async with running_stand(only=name) as running:
        yield running[name]


def policy(client: Client, number: str, **changed: Any) -> dict[str, Any]:
    return POLICY[client.name](number, **changed)


async def test_created_record_has_version_one(client: Client) -> None:
    reply = await client.create("policies", policy(client, NEW) | {client.names.origin: "medmost:1"})
    record = reply.json
    assert reply.status == 201
    assert (record[client.names.version], record[client.names.origin]) == (1, "medmost:1")
    assert reply.headers["ETag"] == '"1"'
    assert reply.headers["Location"].endswith(record["id"])
    assert NEW not in record["id"]
    assert (await client.get("policies", record["id"])).json == record


async def test_every_body_field_is_kept(client: Client) -> None:
    body = policy(client, NEW, Чужое={"глубже": [1, 2.5, None]})
    record = (await client.create("policies", body)).json
    assert {name: record[name] for name in body} == body


async def test_origin_finds_the_created_record(client: Client) -> None:
    created = (await client.create("policies", policy(client, NEW) | {client.names.origin: "o-1"})).json
    found = (await client.list("policies", origin="o-1")).json[client.names.rows]
    assert [row["id"] for row in found] == [created["id"]]
    await client.delete("policies", created["id"])
    (tombstone,) = (await client.list("policies", origin="o-1")).json[client.names.rows]
    assert tombstone[client.names.origin] == "o-1"
    assert client.names.deleted in tombstone
    assert (await client.list("policies", origin="nobody")).json[client.names.rows] == []


async def test_known_key_repeats_the_answer(client: Client) -> None:
    first = await client.create("policies", policy(client, NEW), "key-1")
    again = await client.create("policies", policy(client, NEW), "key-1")
    assert (again.status, again.raw) == (201, first.raw)
    effects = await client.effects()
    assert [(effect["method"], effect["key"]) for effect in effects] == [("POST", "key-1")]


async def test_known_key_refuses_another_body(client: Client) -> None:
    await client.create("policies", policy(client, NEW), "key-1")
    other = await client.create("policies", policy(client, "7700000000000078"), "key-1")
    assert other.status == {"emias": 422, "gosuslugi": 400}[client.name]
    assert len(await client.effects()) == 1


async def test_refused_create_leaves_its_key_free(client: Client) -> None:
    assert (await client.create("policies", policy(client, ANNA), "key-1")).status == 409
    assert (await client.create("policies", policy(client, NEW), "key-1")).status == 201


async def test_key_is_forgotten_after_a_day(client: Client) -> None:
    await client.create("policies", policy(client, NEW), "key-1")
    await client.call("POST", "/stand/clock", {"shift_seconds": 24 * 3600 + 60})
    await client.log_in()
    assert (await client.create("policies", policy(client, "7700000000000078"), "key-1")).status == 201


async def test_replacing_needs_the_present_version(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    stale = {"emias": 412, "gosuslugi": 409}[client.name]
    assert (await client.put("policies", record["id"], record, None)).status == 428
    assert (await client.put("policies", record["id"], record, 7)).status == stale
    reply = await client.put("policies", record["id"], policy(client, NEW, новое=1), 1)
    assert (reply.status, reply.json[client.names.version], reply.headers["ETag"]) == (200, 2, '"2"')
    assert (await client.put("policies", record["id"], record, 1)).status == stale
    assert [effect["version"] for effect in await client.effects()] == [1, 2]


async def test_replacing_takes_the_whole_body(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW, лишнее=1))).json
    reply = await client.put("policies", record["id"], policy(client, NEW), 1)
    assert "лишнее" not in reply.json


async def test_deleted_record_leaves_a_tombstone(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    tombstone = (await client.delete("policies", record["id"], 1)).json
    assert set(tombstone) == {"id", client.names.version, client.names.changed, client.names.deleted}
    assert tombstone[client.names.version] == 2
    assert (await client.get("policies", record["id"])).json == tombstone
    listed = (await client.list("policies")).json[client.names.rows]
    assert tombstone in listed
    again = await client.delete("policies", record["id"])
    assert (again.status, again.json) == (200, tombstone)
    assert len(await client.effects()) == 2


async def test_deleted_record_is_not_replaced(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    await client.delete("policies", record["id"])
    reply = await client.put("policies", record["id"], record, 2)
    assert reply.status == {"emias": 410, "gosuslugi": 409}[client.name]


async def test_deleting_heeds_a_sent_version(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    reply = await client.delete("policies", record["id"], 9)
    assert reply.status == {"emias": 412, "gosuslugi": 409}[client.name]
    assert len(await client.effects()) == 1


async def test_unknown_record_is_not_found(client: Client) -> None:
    missing = {"emias": 404, "gosuslugi": 204}[client.name]
    assert (await client.get("policies", "no-such")).status == missing
    assert (await client.put("policies", "no-such", policy(client, NEW), 1)).status == missing
    assert (await client.delete("policies", "no-such")).status == missing


async def test_search_finds_by_natural_key(client: Client) -> None:
    path = f"{client.names.base}/policies{client.names.search}"
    found = (await client.call("POST", path, {client.names.number: ANNA})).json[client.names.rows]
    assert [row[client.names.number] for row in found] == [ANNA]
    assert (await client.call("POST", path, {client.names.number: NEW})).json[client.names.rows] == []
    assert (await client.call("POST", path, {})).status == {"emias": 422, "gosuslugi": 400}[client.name]


async def test_search_forgets_deleted_and_renamed_records(client: Client) -> None:
    path = f"{client.names.base}/policies{client.names.search}"
    record = (await client.create("policies", policy(client, NEW))).json
    await client.put("policies", record["id"], policy(client, "7700000000000078"), 1)
    assert (await client.call("POST", path, {client.names.number: NEW})).json[client.names.rows] == []
    await client.delete("policies", record["id"])
    found = (await client.call("POST", path, {client.names.number: "7700000000000078"})).json
    assert found[client.names.rows] == []


async def test_visit_is_found_in_either_spelling(client: Client) -> None:
    keys: dict[str, list[dict[str, Any]]] = {
        "emias": [
            {"policyNumber": ANNA, "lpuOid": oid, "doctor": {"snils": "11223344595"}, "startTime": at}
            for oid in ("1.2.643.5.1.13.13.12.2.77.1001",)
            for at in ("2027-03-10T10:45:00+03:00", "2027-03-10T07:45:00Z", "2027-03-10T10:45:00+0300")
        ],
        "gosuslugi": [
            {
                "Номер полиса": ANNA,
                "OID организации": "1.2.643.5.1.13.13.12.2.77.1001",
                "СНИЛС врача": "112-233-445 95",
                "Начало приёма": "10.03.2027 10:45",
            }
        ],
    }
    for key in keys[client.name]:
        reply = await client.call("POST", f"{client.names.base}/visits{client.names.search}", key)
        assert len(reply.json[client.names.rows]) == 1


async def everything(client: Client, size: int) -> list[dict[str, Any]]:
    """Walks the whole list the way each dialect pages."""
    rows: list[dict[str, Any]] = []
    query: dict[str, Any] = {client.names.size: size}
    for page in range(1000):
        if client.name == "gosuslugi":
            query["page"] = page
        reply = (await client.list("policies", **query)).json
        rows += reply[client.names.rows]
        if client.name == "gosuslugi" and len(rows) >= reply["total"]:
            return rows
        if client.name == "emias":
            if reply["nextPageToken"] is None:
                return rows
            query["pageToken"] = reply["nextPageToken"]
    raise AssertionError("the list never ends")


async def test_pages_hold_every_record_once(client: Client) -> None:
    numbers = [f"77000000000001{place:02d}" for place in range(23)]
    for number in numbers:
        await client.create("policies", policy(client, number))
    for size in (1, 7, 25, 500):
        rows = await everything(client, size)
        assert len({row["id"] for row in rows}) == len(rows) == 25


async def test_since_is_inclusive(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    rows = (await client.list("policies", **{client.names.since: record[client.names.changed]})).json
    assert record["id"] in [row["id"] for row in rows[client.names.rows]]


async def test_stamps_do_not_decrease_in_a_list(client: Client) -> None:
    for number in ("7700000000000078", NEW):
        await client.create("policies", policy(client, number))
    rows = await everything(client, 100)
    form = "%d.%m.%Y %H:%M:%S" if client.name == "gosuslugi" else "%Y-%m-%dT%H:%M:%S.%f%z"
    order = [(datetime.strptime(row[client.names.changed], form).replace(tzinfo=MOSCOW), row["id"]) for row in rows]
    assert order == sorted(order)


async def test_batch_answers_each_operation(client: Client) -> None:
    record = (await client.create("policies", policy(client, NEW))).json
    version = "version" if client.name == "emias" else "редакция"
    key = "idempotencyKey" if client.name == "emias" else "requestId"
    create = {"method": "POST", "record": policy(client, "7700000000000078"), key: "batch-1"}
    operations = [
        create,
        create,
        {"method": "PUT", "id": record["id"], version: 1, "record": policy(client, NEW, новое=2)},
        {"method": "PUT", "id": record["id"], version: 1, "record": policy(client, NEW)},
        {"method": "GET", "id": record["id"]},
        {"method": "DELETE", "id": record["id"], version: 2},
        {"method": "SPLIT"},
    ]
    rows = "items" if client.name == "emias" else "operations"
    reply = await client.call("POST", f"{client.names.base}/policies{client.names.batch}", {rows: operations})
    results = reply.json["items" if client.name == "emias" else "results"]
    stale, wrong = {"emias": (412, 422), "gosuslugi": (409, 400)}[client.name]
    assert reply.status == {"emias": 207, "gosuslugi": 200}[client.name]
    assert [result["status"] for result in results] == [201, 201, 200, stale, 200, 200, wrong]
    assert results[0] == results[1]
    assert results[4]["record"]["новое"] == 2
    assert len(await client.effects()) == 4


async def test_batch_has_a_largest_size(client: Client) -> None:
    rows, most = ("items", 500) if client.name == "emias" else ("operations", 100)
    operations = [{"method": "GET", "id": "x"}] * (most + 1)
    reply = await client.call("POST", f"{client.names.base}/policies{client.names.batch}", {rows: operations})
    assert reply.status == {"emias": 413, "gosuslugi": 400}[client.name]


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"", b"null", b'"x"'])
async def test_malformed_body_is_refused(client: Client, raw: bytes) -> None:
    url = f"{client.address}{client.names.base}/policies"
    async with client.session.post(url, data=raw, headers=client.headers) as response:
        assert response.status == 400
        assert response.content_type == "application/json"
    assert await client.effects() == []


async def test_unknown_address_is_answered_in_json(client: Client) -> None:
    missing = await client.call("GET", f"{client.names.base}/no-such")
    wrong = await client.call("PATCH", f"{client.names.base}/policies")
    assert (missing.status, wrong.status) == (404, 405)
    assert "GET" in wrong.headers["Allow"]
    for reply in (missing, wrong):
        assert set(reply.json) == ({"error"} if client.name == "emias" else {"code", "message"})


async def test_effects_count_from_one(client: Client) -> None:
    for number in (NEW, "7700000000000078"):
        await client.create("policies", policy(client, number))
    await client.act("POST", "policies", policy(client, "7700000000000079"))
    effects = await client.effects()
    assert [effect["n"] for effect in effects] == [1, 2, 3]
    own = client.stand.ends[client.name].state.client
    assert [effect["client"] for effect in effects] == [own, own, "person"]
    assert (await client.call("GET", "/stand/effects", after=2)).lines == effects[2:]
