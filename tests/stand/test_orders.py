"""Requests at the portal: the exchange's list, the department's status rows, the real order API."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, ORDER

ROW = {"statusId": 3, "title": "Услуга оказана", "comment": "Готово", "at": "02.11.2026 10:00", "originRowId": "r-1"}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi") as running:
        yield running["gosuslugi"]


async def details(client: Client, order_id: int = ORDER) -> dict[str, Any]:
    reply = await client.call("POST", f"/api/gusmev/order/{order_id}")
    assert reply.json["code"] == "OK"
    assert isinstance(reply.json["order"], str)
    order: dict[str, Any] = orjson.loads(reply.json["order"])
    return order


async def add(client: Client, row: dict[str, Any], order_id: int = ORDER, **headers: str) -> Any:
    return await client.call("PUT", f"/api/exchange/v1/requests/{order_id}", row, client.headers | headers)


async def test_exchange_lists_what_changed_only(client: Client) -> None:
    (row,) = (await client.list("requests")).json["content"]
    assert set(row) == {"id", "редакция", "изменено", "orderId", "Номер полиса"}
    assert (row["orderId"], row["Номер полиса"]) == (ORDER, ANNA)
    assert (await client.get("requests", str(ORDER))).json == row


async def test_export_holds_the_whole_order(client: Client) -> None:
    (row,) = (await client.call("GET", "/stand/export/requests")).lines
    assert row["order"] == await details(client)


async def test_new_status_is_appended(client: Client) -> None:
    reply = await add(client, ROW)
    assert (reply.status, reply.json["редакция"], reply.headers["ETag"]) == (200, 2, '"2"')
    order = await details(client)
    last = order["statuses"][-1]
    assert (last["statusId"], last["title"], last["comment"]) == (3, "Услуга оказана", "Готово")
    assert (last["date"], last["finalStatus"], last["originRowId"]) == ("2026-11-02T10:00:00.000+0300", True, "r-1")
    assert (order["orderStatusId"], order["closed"], order["currentStatusHistory"]) == (3, True, last)


async def test_same_row_again_changes_nothing(client: Client) -> None:
    await add(client, ROW)
    again = await add(client, ROW, **{"If-Match": '"1"'})
    assert (again.status, again.json["редакция"]) == (200, 2)
    assert len((await details(client))["statuses"]) == 2
    assert len(await client.effects()) == 1


async def test_older_row_does_not_become_the_status(client: Client) -> None:
    await add(client, ROW | {"at": "2026-10-01T10:00:00+03:00", "statusId": 2, "title": "Получено"})
    order = await details(client)
    assert (len(order["statuses"]), order["orderStatusId"]) == (2, 17)


async def test_row_heeds_a_sent_version(client: Client) -> None:
    reply = await add(client, ROW, **{"If-Match": '"9"'})
    assert (reply.status, reply.json["code"]) == (409, "version_mismatch")


@pytest.mark.parametrize(
    "wrong", [{"statusId": "3"}, {"statusId": None}, {"title": ""}, {"at": "вчера"}, {"at": "2026-11-02T10:00:00"}]
)
async def test_impossible_row_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    reply = await add(client, ROW | wrong)
    assert (reply.status, reply.json["code"]) == (400, "invalid_field")
    assert await client.effects() == []


async def test_unknown_order_is_204(client: Client) -> None:
    assert (await client.call("POST", "/api/gusmev/order/1")).status == 204
    assert (await add(client, ROW, 1)).status == 204
    assert (await client.get("requests", "1")).status == 204


async def test_department_neither_submits_nor_deletes(client: Client) -> None:
    assert (await client.create("requests", {"order": {}})).status == 405
    assert (await client.delete("requests", str(ORDER))).status == 405


async def test_person_submits_an_order(client: Client) -> None:
    reply = await client.act("POST", "requests", {"serviceCode": "77", "policyNumber": ANNA, "comment": "Прошу"})
    assert reply.status == 201
    order = await details(client, reply.json["orderId"])
    assert order["orderAttributes"][0] == {"name": "policyNumber", "value": ANNA}
    assert [row["statusId"] for row in order["statuses"]] == [0, 17, 21, 2]
    assert order["orderStatusId"] == 2
    assert reply.json["Номер полиса"] == ANNA
    assert [row["id"] for row in (await client.list("requests")).json["content"]][-1] == reply.json["id"]


async def test_order_needs_service_and_policy(client: Client) -> None:
    assert (await client.act("POST", "requests", {"policyNumber": ANNA})).json["code"] == "invalid_field"
    unknown = await client.act("POST", "requests", {"serviceCode": "1", "policyNumber": "7700000000000099"})
    assert unknown.json["code"] == "unknown_reference"


async def test_orders_of_other_departments_are_closed(client: Client) -> None:
    attributes = [{"name": "policyNumber", "value": ANNA}]
    order = {"stateOrgCode": "fns", "eserviceId": "1", "orderAttributes": attributes}
    other = (await client.act("POST", "requests", {"order": order})).json
    reply = await client.call("POST", f"/api/gusmev/order/{other['orderId']}")
    assert (reply.status, reply.json["code"]) == (403, "order_access")
    listing = (await client.list("requests")).json
    assert (listing["total"], [row["orderId"] for row in listing["content"]]) == (1, [ORDER])
    assert (await client.get("requests", other["id"])).status == 403


async def test_status_pages_have_times_without_zone(client: Client) -> None:
    page = await client.call("GET", "/api/gusmev/order/getOrdersStatus", orderIds=f"{ORDER},5", pageSize=5, pageNum=0)
    found, missing = page.json["content"]
    assert (page.json["count"], page.json["totalCount"]) == (2, 2)
    assert found["status"] == {
        "statusId": 17,
        "statusName": "Зарегистрировано на портале",
        "updated": "2026-11-01T10:00:00.000",
    }
    assert missing == {"orderId": 5, "orderSearchStatus": "NOT_FOUND", "status": None}


async def test_updated_after_is_moscow_time(client: Client) -> None:
    path = "/api/gusmev/order/getUpdatedAfter"
    assert (await client.call("GET", path, updatedAfter="2026-11-01T09:59:59.000")).json["totalCount"] == 1
    assert (await client.call("GET", path, updatedAfter="2026-11-01T10:00:00.000")).json["totalCount"] == 0
    assert (await client.call("GET", path, updatedAfter="2026-11-01T10:00:00+03:00")).status == 400


async def test_dictionary_counts_pages_from_one(client: Client) -> None:
    path = "/api/nsi/v1/dictionary/MEDMOST_ORDER_STATUS"
    page = (await client.call("POST", path, {"pageNum": 2, "pageSize": 3}, {})).json
    assert (page["error"]["code"], page["total"], page["items"][0]["value"]) == (0, 11, "3")
    unknown = await client.call("POST", "/api/nsi/v1/dictionary/NOTHING", {}, {})
    assert (unknown.status, unknown.json["error"]["code"]) == (200, 7)
