"""A system whose fields drift: renamed, lost, new, of an unknown code; what is shown so is taken so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stand.running import Body, Client, running_stand
from stand.test_webhooks import Ear, ear, subscribe  # noqa: F401  # the fixture is found by its name here
from stand.tiny import ANNA, BORIS, emias_policy, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
NUMBER = {"emias": "policyNumber", "gosuslugi": "Номер полиса"}
RENAMED = {"emias": "omsNumber", "gosuslugi": "Номер полиса ОМС"}
PHONE = {"emias": "phone", "gosuslugi": "Телефон"}
STATUS = {"emias": "status", "gosuslugi": "Статус"}
NEW = "7700000000000077"


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param) as running:
        yield running[request.param]


def rule(effect: str, **more: Any) -> Body:
    return {"effect": effect, "collection": "policies", **more}


def renamed(client: Client) -> Body:
    return rule("field-renamed", field=NUMBER[client.name], to=RENAMED[client.name])


def first(client: Client) -> str:
    return f"{client.name[0]}-policies-0"


async def fired(client: Client) -> int:
    return sum(one["fired"] for one in (await client.call("GET", "/stand/faults")).json["rules"])


async def rows(client: Client, collection: str = "policies") -> dict[str, Body]:
    reply = await client.list(collection)
    return {row["id"]: row for row in reply.json[client.names.rows]}


async def exported(client: Client) -> dict[str, Body]:
    return {row["id"]: row for row in (await client.call("GET", "/stand/export/policies")).lines}


async def test_renamed_field_is_shown_everywhere(client: Client, ear: Ear) -> None:  # noqa: F811  # the fixture
    await subscribe(client, ear.url)
    await client.faults(renamed(client))
    old, new = NUMBER[client.name], RENAMED[client.name]
    read = (await client.get("policies", first(client))).json
    assert (read[new], old in read) == (ANNA, False)
    assert {row[new] for row in (await rows(client)).values()} == {ANNA, BORIS}
    await client.act("PUT", f"policies/{first(client)}", POLICY[client.name](ANNA))
    (heard,) = await ear.wait(1)
    assert (heard.told["record"][new], old in heard.told["record"]) == (ANNA, False)
    assert await fired(client) == 3
    assert (await exported(client))[first(client)][old] == ANNA


async def test_renamed_field_is_expected_in_writes(client: Client) -> None:
    await client.faults(renamed(client))
    refused = await client.create("policies", POLICY[client.name](NEW))
    assert refused.status in (400, 422)
    assert f"«{RENAMED[client.name]}»" in refused.raw.decode()
    body = POLICY[client.name](NEW)
    body[RENAMED[client.name]] = body.pop(NUMBER[client.name])
    made = (await client.create("policies", body)).json
    assert made[RENAMED[client.name]] == NEW
    found = await client.call("POST", f"{client.names.base}/policies{client.names.search}", {RENAMED[client.name]: NEW})
    assert [row["id"] for row in found.json[client.names.rows]] == [made["id"]]
    await client.faults()
    assert (await client.get("policies", made["id"])).json[NUMBER[client.name]] == NEW


async def test_renamed_field_is_meant_in_batches(client: Client) -> None:
    await client.faults(renamed(client))
    body = POLICY[client.name](NEW)
    body[RENAMED[client.name]] = body.pop(NUMBER[client.name])
    operations = [{"method": "POST", "record": body}, {"method": "POST", "record": POLICY[client.name](NEW)}]
    name = "items" if client.name == "emias" else "operations"
    reply = await client.call("POST", f"{client.names.base}/policies{client.names.batch}", {name: operations})
    done = reply.json["items" if client.name == "emias" else "results"]
    assert [one["status"] for one in done] == [201, 422 if client.name == "emias" else 400]
    assert done[0]["record"][RENAMED[client.name]] == NEW


async def test_record_with_the_new_name_keeps_it(client: Client) -> None:
    body = POLICY[client.name](ANNA, **{RENAMED[client.name]: "своё"})
    await client.act("PUT", f"policies/{first(client)}", body)
    await client.faults(renamed(client))
    shown = (await client.get("policies", first(client))).json
    assert (await client.put("policies", first(client), shown, 2)).status == 200
    await client.faults()
    after = (await client.get("policies", first(client))).json
    assert (after[NUMBER[client.name]], after[RENAMED[client.name]]) == (ANNA, "своё")


async def test_nested_field_moves_and_comes_back() -> None:
    async with running_stand(only="emias") as running:
        client = running["emias"]
        await client.faults({"effect": "field-renamed", "field": "doctor.snils", "to": "doctorSnils"})
        shown = (await client.get("schedules", "e-schedules-0")).json
        assert shown["doctorSnils"]
        assert "snils" not in shown["doctor"]
        assert (await client.put("schedules", "e-schedules-0", shown, 1)).status == 200
        await client.faults()
        assert (await client.get("schedules", "e-schedules-0")).json["doctor"]["snils"] == shown["doctorSnils"]


async def test_missing_field_is_kept_inside(client: Client) -> None:
    phone = PHONE[client.name]
    before = (await client.get("policies", first(client))).json[phone]
    await client.faults(rule("field-missing", field=phone))
    shown = (await client.get("policies", first(client))).json
    assert phone not in shown
    assert not any(phone in row for row in (await rows(client)).values())
    assert (await client.put("policies", first(client), shown, 1)).status == 200
    await client.faults()
    assert (await client.get("policies", first(client))).json[phone] == before


async def test_extra_field_is_the_systems_own(client: Client) -> None:
    await client.faults(rule("field-extra", field="новое", value={"а": 1}))
    shown = (await client.get("policies", first(client))).json
    assert shown["новое"] == {"а": 1}
    assert (await client.put("policies", first(client), shown, 1)).status == 200
    assert "новое" not in (await exported(client))[first(client)]


async def test_unknown_code_written_back_changes_nothing(client: Client) -> None:
    status = STATUS[client.name]
    before = (await client.get("policies", first(client))).json[status]
    await client.faults(rule("enum-unknown", field=status, value="ПРИОСТАНОВЛЕН"))
    shown = (await client.get("policies", first(client))).json
    assert shown[status] == "ПРИОСТАНОВЛЕН"
    assert (await client.put("policies", first(client), shown, 1)).status == 200
    assert (await exported(client))[first(client)][status] == before


async def test_share_of_records_is_always_the_same(client: Client) -> None:
    for number in range(40):
        await client.act("POST", "policies", POLICY[client.name](f"79000000000000{number:02d}"))
    await client.faults(rule("field-missing", field=PHONE[client.name], records=0.3, seed=5))
    looks = [{ref for ref, row in (await rows(client)).items() if PHONE[client.name] not in row} for _ in range(3)]
    assert looks[0] == looks[1] == looks[2]
    assert 3 < len(looks[0]) < 30


async def test_looks_without_the_field_do_not_count(client: Client) -> None:
    await client.faults(rule("field-missing", field=PHONE[client.name], count=1))
    assert (await client.get("policies", "nobody")).status in (204, 404)
    assert await fired(client) == 0
    assert PHONE[client.name] not in (await client.get("policies", first(client))).json
    assert PHONE[client.name] in (await client.get("policies", first(client))).json


async def test_field_of_an_orders_details_is_missing() -> None:
    async with running_stand(only="gosuslugi") as running:
        client = running["gosuslugi"]
        await client.faults({"effect": "field-missing", "collection": "requests", "field": "order.serviceName"})
        (order_id,) = await rows(client, "requests")
        details = (await client.call("POST", f"/api/gusmev/order/{order_id}")).json["order"]
        assert isinstance(details, str)
        assert "serviceName" not in details
        assert "eserviceId" in details
