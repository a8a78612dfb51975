"""The rules of each system: what it refuses, in which words, and that nothing changed then."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, BORIS, CLINIC, emias_policy, emias_visit, gosuslugi_policy, gosuslugi_visit

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
VISIT = {"emias": emias_visit, "gosuslugi": gosuslugi_visit}
STATUS = {
    "emias": ("status", "BOOKED", "ARRIVED", "FULFILLED", "CANCELLED"),
    "gosuslugi": ("Статус записи", "Записан", "Прибыл", "Завершён", "Отменена"),
}
CODES = {
    "emias": {
        "slot": (409, "SIM_SLOT_TAKEN"),
        "backward": (409, "SIM_STATUS_BACKWARD"),
        "duplicate": (409, "SIM_DUPLICATE"),
        "reference": (422, "SIM_UNKNOWN_REFERENCE"),
        "field": (422, "SIM_INVALID_FIELD"),
    },
    "gosuslugi": {
        "slot": (409, "slot_taken"),
        "backward": (409, "status_backward"),
        "duplicate": (409, "duplicate"),
        "reference": (400, "unknown_reference"),
        "field": (400, "invalid_field"),
    },
}


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param) as running:
        yield running[request.param]


@pytest.fixture
async def emias() -> AsyncIterator[Client]:
    async with running_stand(only="emias") as running:
        yield running["emias"]


def visit(client: Client, number: str, start: str, **changed: Any) -> dict[str, Any]:
    return VISIT[client.name](number, start, **changed)


def refused(client: Client, reply: Any, rule: str) -> str:
    """Checks the refusal of a rule; gives its Russian sentence."""
    status, code = CODES[client.name][rule]
    error = reply.json["error"] if client.name == "emias" else reply.json
    assert (reply.status, error["code"]) == (status, code)
    return str(error["description"] if client.name == "emias" else error["message"])


async def slots(client: Client) -> dict[str, str]:
    rows = (await client.call("GET", "/stand/export/slots")).lines
    return {row["startTime"][11:16]: row["status"] for row in rows}


async def test_slot_is_booked_once(client: Client) -> None:
    assert (await client.create("visits", visit(client, ANNA, "10:00"))).status == 201
    text = refused(client, await client.create("visits", visit(client, BORIS, "10:00")), "slot")
    assert text == "Это время уже занято другим пациентом"
    assert len(await client.effects()) == 1


async def test_cancelled_visit_gives_its_slot_back(client: Client) -> None:
    status, *_, cancelled = STATUS[client.name]
    record = (await client.create("visits", visit(client, ANNA, "10:00"))).json
    await client.put("visits", record["id"], visit(client, ANNA, "10:00", **{status: cancelled}), 1)
    assert (await client.create("visits", visit(client, BORIS, "10:00"))).status == 201


async def test_visit_beside_the_grid_is_taken_within_the_period(client: Client) -> None:
    assert (await client.create("visits", visit(client, ANNA, "19:05"))).status == 201


async def test_status_goes_forward_only(client: Client) -> None:
    status, booked, arrived, fulfilled, cancelled = STATUS[client.name]
    record = (await client.create("visits", visit(client, ANNA, "10:00"))).json
    version = 1
    for value in (arrived, fulfilled):
        reply = await client.put("visits", record["id"], visit(client, ANNA, "10:00", **{status: value}), version)
        version = reply.json[client.names.version]
    for value in (booked, arrived, cancelled):
        reply = await client.put("visits", record["id"], visit(client, ANNA, "10:00", **{status: value}), version)
        assert value in refused(client, reply, "backward")
    assert (await client.get("visits", record["id"])).json[status] == fulfilled


async def test_policy_number_is_unique_among_the_living(client: Client) -> None:
    make = POLICY[client.name]
    refused(client, await client.create("policies", make(ANNA)), "duplicate")
    other = (await client.create("policies", make("7700000000000077"))).json
    refused(client, await client.put("policies", other["id"], make(ANNA), 1), "duplicate")
    await client.delete("policies", other["id"])
    assert (await client.create("policies", make("7700000000000077"))).status == 201


async def test_visit_needs_an_existing_policy(client: Client) -> None:
    reply = await client.create("visits", visit(client, "7700000000000099", "10:00"))
    assert client.names.number in refused(client, reply, "reference")


async def test_visit_needs_an_existing_organization(client: Client) -> None:
    name = "lpuOid" if client.name == "emias" else "OID организации"
    reply = await client.create("visits", visit(client, ANNA, "10:00", **{name: "1.2.3"}))
    assert name in refused(client, reply, "reference")


INVALID: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "emias": [
        ("policies", emias_policy("123"), "policyNumber"),
        ("policies", emias_policy("7700000000000077", birthDate="1980-02-30"), "birthDate"),
        ("policies", emias_policy("7700000000000077", sex="X"), "sex"),
        ("policies", emias_policy("7700000000000077", lastName=" "), "lastName"),
        ("policies", emias_policy("7700000000000077", phone="9102206415"), "phone"),
        ("visits", emias_visit(ANNA, "10:00", startTime="2027-03-10T10:00:00"), "startTime"),
        ("visits", emias_visit(ANNA, "10:00", doctor={"snils": "112-233-445 95"}), "doctor.snils"),
        ("visits", emias_visit(ANNA, "10:00", doctor=None), "doctor.snils"),
        ("visits", emias_visit(ANNA, "10:00", status="MAYBE"), "status"),
        ("slots", {"scheduleId": "1400001", "startTime": "2027-03-10T12:00:00+03:00", "status": 1}, "status"),
        ("organizations", {"oid": "7.7", "nameFull": "Клиника", "latitude": "55,7"}, "latitude"),
        ("results", {"documentId": "d", "policyNumber": ANNA, "type": "LAB", "title": "Кровь"}, "status"),
    ],
    "gosuslugi": [
        ("policies", gosuslugi_policy("123"), "Номер полиса"),
        ("policies", gosuslugi_policy("7700000000000077", **{"Дата рождения": "31.02.1980"}), "Дата рождения"),
        ("policies", gosuslugi_policy("7700000000000077", Пол="F"), "Пол"),
        ("policies", gosuslugi_policy("7700000000000077", СНИЛС="11223344595"), "СНИЛС"),
        ("policies", gosuslugi_policy("7700000000000077", Телефон="+79102206415"), "Телефон"),
        ("policies", gosuslugi_policy("7700000000000077", Фамилия=""), "Фамилия"),
        ("visits", gosuslugi_visit(ANNA, "10:00", **{"Начало приёма": "2027-03-10T10:00"}), "Начало приёма"),
        ("visits", gosuslugi_visit(ANNA, "10:00", **{"Статус записи": "BOOKED"}), "Статус записи"),
        ("organizations", {"OID": "7.7", "Полное наименование": "Клиника", "Широта": "55.7"}, "Широта"),
    ],
}


@pytest.mark.parametrize(
    ("name", "collection", "body", "field"), [(name, *row) for name, rows in INVALID.items() for row in rows]
)
async def test_impossible_value_is_refused_by_its_name(
    name: Any, collection: str, body: dict[str, Any], field: str
) -> None:
    async with running_stand(only=name) as running:
        client = running[name]
        reply = await client.create(collection, body)
        assert field in refused(client, reply, "field")
        if name == "emias":
            assert reply.json["error"]["field"] == field
        assert await client.effects() == []


async def test_booking_takes_and_frees_the_slot_of_emias(emias: Client) -> None:
    record = (await emias.create("visits", emias_visit(ANNA, "10:00"))).json
    assert (await slots(emias))["10:00"] == "BUSY"
    await emias.put("visits", record["id"], emias_visit(ANNA, "10:00", status="CANCELLED"), 1)
    assert (await slots(emias))["10:00"] == "FREE"
    effects = await emias.effects()
    assert [(effect["collection"], effect["method"]) for effect in effects] == [("visits", "POST"), ("visits", "PUT")]
    assert [row["version"] for effect in effects for row in effect["also"]] == [2, 3]


async def test_closed_slot_is_not_booked(emias: Client) -> None:
    slot = (await emias.call("GET", "/stand/export/slots")).lines[0]
    await emias.act("PUT", f"slots/{slot['id']}", slot | {"status": "CLOSED"})
    refused(emias, await emias.create("visits", emias_visit(ANNA, slot["startTime"][11:16])), "slot")


async def test_past_visit_needs_no_slot(emias: Client) -> None:
    await emias.create("visits", emias_visit(ANNA, "10:00"))
    body = emias_visit(BORIS, "10:00", status="FULFILLED")
    assert (await emias.create("visits", body)).status == 201


async def test_day_outside_the_schedule_is_refused(emias: Client) -> None:
    body = emias_visit(ANNA, "10:00", startTime="2027-04-10T10:00:00+03:00")
    assert "расписание" in refused(emias, await emias.create("visits", body), "reference")
    assert (await emias.create("visits", body | {"scheduleId": None})).status == 201


async def test_schedule_and_slot_need_what_they_name(emias: Client) -> None:
    schedule = (await emias.call("GET", "/stand/export/schedules")).lines[0]
    refused(emias, await emias.create("schedules", schedule | {"scheduleId": "2", "lpuOid": "9.9"}), "reference")
    slot = {"scheduleId": "77", "startTime": "2027-03-10T12:00:00+03:00", "status": "FREE"}
    refused(emias, await emias.create("slots", slot), "reference")
    refused(emias, await emias.create("schedules", schedule), "duplicate")
    refused(emias, await emias.create("slots", slot | {"scheduleId": "1400001", "startTime": at_ten()}), "duplicate")


def at_ten() -> str:
    return "2027-03-10T10:00:00+03:00"


async def test_moved_visit_is_a_new_record(emias: Client) -> None:
    old = (await emias.create("visits", emias_visit(ANNA, "10:00"))).json
    reply = await emias.call("POST", f"/api/v1/visits/{old['id']}:move", {"startTime": "2027-03-10T10:15:00+03:00"})
    new, left = reply.json, (await emias.get("visits", old["id"])).json
    assert (reply.status, new["movedFrom"], new["status"], new["startTime"][11:16]) == (
        201,
        old["id"],
        "BOOKED",
        "10:15",
    )
    assert (left["status"], left["movedTo"], left["version"]) == ("CANCELLED", new["id"], 2)
    grid = await slots(emias)
    assert (grid["10:00"], grid["10:15"]) == ("FREE", "BUSY")
    moved = (await emias.effects())[-1]
    assert (moved["method"], moved["id"]) == ("MOVE", new["id"])
    body = emias_visit(ANNA, "10:15")
    assert (await emias.put("visits", new["id"], body, 1)).json["movedFrom"] == old["id"]


async def test_visit_moves_only_to_free_time(emias: Client) -> None:
    old = (await emias.create("visits", emias_visit(ANNA, "10:00"))).json
    await emias.create("visits", emias_visit(BORIS, "10:15"))
    path = f"/api/v1/visits/{old['id']}:move"
    refused(emias, await emias.call("POST", path, {"startTime": "2027-03-10T10:15:00+03:00"}), "slot")
    assert (await emias.get("visits", old["id"])).json["version"] == 1
    await emias.act("DELETE", f"visits/{old['id']}")
    assert (await emias.call("POST", path, {"startTime": "2027-03-10T10:30:00+03:00"})).status == 410


async def test_portal_holds_its_grid_against_people_only() -> None:
    async with running_stand(only="gosuslugi") as running:
        client = running["gosuslugi"]
        slot = (await client.call("GET", "/stand/export/slots")).lines[0]
        await client.put("slots", slot["id"], slot | {"Состояние": "Занято"}, 1)
        start = slot["Начало"][11:]
        refused(client, await client.act("POST", "visits", gosuslugi_visit(ANNA, start)), "slot")
        assert (await client.create("visits", gosuslugi_visit(ANNA, start))).status == 201
        assert (await client.get("slots", slot["id"])).json["редакция"] == 2


async def test_person_keeps_the_same_rules(client: Client) -> None:
    refused(client, await client.act("POST", "visits", visit(client, "7700000000000099", "10:00")), "reference")
    assert (await client.act("POST", "visits", visit(client, ANNA, "10:00"))).status == 201
    refused(client, await client.act("POST", "visits", visit(client, BORIS, "10:00")), "slot")
    assert [effect["client"] for effect in await client.effects()] == ["person"]


async def test_result_names_policy_and_clinic_of_the_portal() -> None:
    async with running_stand(only="gosuslugi") as running:
        client = running["gosuslugi"]
        result = {"Номер документа": "d-2", "Номер полиса": ANNA, "Категория": "Лабораторное"}
        result |= {"Наименование": "Кровь", "Статус": "Готов", "OID организации": CLINIC}
        assert (await client.create("results", result)).status == 201
        wrong = result | {"Номер документа": "d-3", "OID организации": "9.9"}
        refused(client, await client.create("results", wrong), "reference")
        refused(client, await client.create("results", result), "duplicate")
