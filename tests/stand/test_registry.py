"""EMIAS' screens for a clerk: patients, visits, schedules, results, vaccinations, by the system's own rules."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from medmost_stand.world.laboratory import PANELS
from stand.running import Client, running_stand
from stand.tiny import ANNA, DAY, emias_visit
from stand.visiting import Shown, Visitor, new_session

PATIENT = "/registry/policies/e-policies-0"
BLOOD = next(panel for panel in PANELS if panel.category == "laboratory")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running_stand(only="emias") as running:
        yield running["emias"]


@pytest.fixture
async def visitor(client: Client) -> AsyncIterator[Visitor]:
    async with new_session() as session:
        yield Visitor(client.address, session)


async def enter(visitor: Visitor, login: str = "registrar", wanted: str = "/registry") -> Shown:
    page = await visitor.open(wanted)
    return await visitor.send(page, "/staff/login", login=login, password="Demo-1")


async def live(client: Client, collection: str) -> list[dict[str, Any]]:
    return (await client.call("GET", f"/stand/export/{collection}")).lines


async def slot(client: Client, at: str) -> dict[str, Any]:
    return next(one for one in await live(client, "slots") if one["startTime"].startswith(f"{DAY.isoformat()}T{at}"))


async def test_patient_is_found_by_number_or_name(visitor: Visitor) -> None:
    page = await enter(visitor)
    for wanted in (ANNA, f"{ANNA[:4]} {ANNA[4:]}"):
        found = await visitor.send(page, "/registry", wanted=wanted)
        assert ("Мостова Анна" in found.text, "Мостова Борис" in found.text) == (True, False)
        assert PATIENT in found.links
    found = await visitor.send(page, "/registry", wanted="мост")
    assert ("Мостова Анна" in found.text, "Мостова Борис" in found.text) == (True, True)
    assert "Никого не нашлось" in (await visitor.send(page, "/registry", wanted="7700000000000099")).text
    assert not [link for link in found.links if ANNA in link]


async def test_clerk_books_moves_and_receives(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(f"{PATIENT}/booking/e-schedules-0")
    shown = await visitor.send(page, "/booking/", slot=(await slot(client, "10:00"))["id"])
    assert (shown.path, "Записан на 10.03.2027 10:00" in shown.text) == (PATIENT, True)
    visit = (await live(client, "visits"))[-1]
    assert (visit["status"], visit["source"], visit["doctorFio"]) == ("BOOKED", "REGISTRY", "Лекарева В.")
    assert (await slot(client, "10:00"))["status"] == "BUSY"
    page = await visitor.open(f"/registry/visits/{visit['id']}/move")
    shown = await visitor.send(page, "/move", slot=(await slot(client, "10:15"))["id"])
    assert "Перенесено на 10.03.2027 10:15" in shown.text
    new = next(one for one in await live(client, "visits") if one.get("movedFrom") == visit["id"])
    for status, word in (("ARRIVED", "пришёл"), ("FULFILLED", "принят")):
        shown = await visitor.send(await visitor.open(PATIENT), f"/visits/{new['id']}/status", status=status)
        assert word in shown.text
    assert [e["client"] for e in await client.effects()] == ["person"] * 4
    mark = shown.form("/contacts")["mark"]
    back = await visitor.post(f"/registry/visits/{new['id']}/status", {"mark": mark, "status": "BOOKED"})
    assert (back.path, "не возвращается" in back.text) == (PATIENT, True)


async def test_clerk_cancels_with_a_reason(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(PATIENT)
    mark = page.form("/status")["mark"]
    fields = {"mark": mark, "status": "CANCELLED", "reason": "Врач заболел"}
    shown = await visitor.post("/registry/visits/e-visits-0/status", fields)
    assert "Врач заболел" in shown.text
    assert (await live(client, "visits"))[-1]["cancelReason"] == "Врач заболел"


async def test_taken_time_is_refused_in_words(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(f"{PATIENT}/booking/e-schedules-0")
    taken = (await slot(client, "10:00"))["id"]
    await client.act("POST", "visits", emias_visit("7700000000000002", "10:00"))
    shown = await visitor.send(page, "/booking/", slot=taken)
    assert "Это время уже занято" in shown.text
    assert taken not in shown.html


async def test_clerk_enters_a_result_with_values(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(f"{PATIENT}/results/new?panel={BLOOD.code}")
    first, second = BLOOD.tests[:2]
    wrong = await visitor.send(page, "/results/new", **{f"value-{first.code}": "много", "conclusion": "Норма"})
    assert (wrong.status, "нужно число" in wrong.text) == (422, True)
    assert wrong.form("/results/new")["conclusion"] == "Норма"
    high = str(float(first.high) + 1).replace(".", ",")
    values = {f"value-{first.code}": high, f"value-{second.code}": second.low, "taken": "2026-11-01T09:30"}
    shown = await visitor.send(wrong, "/results/new", **values)
    assert (shown.path, f"Внесено: {BLOOD.title}" in shown.text, "выше" in shown.text) == (PATIENT, True, True)
    result = (await live(client, "results"))[-1]
    assert (result["policyNumber"], result["type"], result["status"]) == (ANNA, "LAB", "FINAL")
    assert result["collectedAt"] == "2026-11-01T09:30:00+03:00"
    assert [row["interpretation"] for row in result["observations"]] == ["H", "N"]
    assert result["observations"][0]["value"] == pytest.approx(float(first.high) + 1)


async def test_clerk_enters_a_vaccination(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(f"{PATIENT}/vaccinations/new")
    wrong = await visitor.send(page, "/vaccinations/new", infection="", date="2026-11-20")
    assert (wrong.status, "infectionName" in wrong.text) == (422, True)
    shown = await visitor.send(wrong, "/vaccinations/new", infection="Грипп", date="2026-11-20", vaccine="Флю-М")
    assert "Внесена прививка: Грипп" in shown.text
    given = (await live(client, "vaccinations"))[-1]
    assert (given["dateVaccination"], given["doseNumber"], given["vaccineName"]) == ("2026-11-20", 1, "Флю-М")


async def test_clerk_changes_contacts_and_slots(client: Client, visitor: Visitor) -> None:
    await enter(visitor)
    page = await visitor.open(PATIENT)
    assert "нужно телефон вида" in (await visitor.send(page, "/contacts", phone="8 910")).text
    shown = await visitor.send(page, "/contacts", phone="+79991112233", email="anna@post.example")
    assert "Контакты сохранены" in shown.text
    policy = next(one for one in await live(client, "policies") if one["policyNumber"] == ANNA)
    assert (policy["phone"], policy["ehrId"]) == ("+79991112233", "own-1")
    one = (await slot(client, "10:30"))["id"]
    page = await visitor.open("/registry/schedules/e-schedules-0")
    shown = await visitor.send(page, f"/slots/{one}", status="CLOSED")
    assert ((await slot(client, "10:30"))["status"], "закрыто" in shown.text) == ("CLOSED", True)
    shown = await visitor.send(shown, f"/slots/{one}", status="BUSY")
    assert "Закрыть можно только свободное" in shown.text


async def test_every_role_has_its_own_screens(visitor: Visitor) -> None:
    page = await visitor.open("/registry")
    assert (await visitor.send(page, "/staff/login", login="registrar", password="x")).status == 401
    shown = await enter(visitor, "integrator", "/integration")
    assert shown.path == "/integration"
    assert (await visitor.open(PATIENT)).path == "/staff/login"
    assert (await visitor.send(shown, "/logout")).path == "/staff/login"
    assert (await visitor.open("/integration")).path == "/staff/login"


async def test_unknown_record_is_said_on_a_page(visitor: Visitor) -> None:
    await enter(visitor)
    shown = await visitor.open("/registry/policies/nobody")
    assert (shown.status, "Такой записи нет" in shown.text, "Не получилось" in shown.text) == (404, True, True)


async def test_strange_address_harms_no_answer(visitor: Visitor) -> None:
    mark = (await enter(visitor)).form("/registry")["mark"]
    for form in (f"{PATIENT}%1F/contacts", "/registry/visits/%0D%0ALocation:x/move", "/registry/slots/%00"):
        for fields in ({}, {"mark": mark}):
            shown = await visitor.post(form, fields)
            assert shown.status in (400, 404)
            assert "Такой записи нет" in shown.text or "Форма устарела" in shown.text


async def test_integration_point_is_made_on_its_page(client: Client, visitor: Visitor) -> None:
    page = await enter(visitor, "integrator", "/integration")
    fields = {"client_id": "our-mis", "name": "ГП № 5", "ogrn": "1027700132195", "inn": "7707083890"}
    wrong = await visitor.send(page, "/integration/points", **fields)
    assert (wrong.status, "ИНН" in wrong.text) == (422, True)
    assert wrong.form("/integration/points")["client_id"] == "our-mis"
    made = await visitor.send(wrong, "/integration/points", inn="7707083893")
    secret, key = (_between(made.html, f"data-{name}>", "<") for name in ("client-secret", "api-key"))
    form = {"grant_type": "client_credentials", "client_id": "our-mis", "client_secret": secret}
    granted = await client.call("POST", "/oauth/token", form, {"Content-Type": "application/json"})
    headers = {"Authorization": f"Bearer {granted.json['access_token']}", "X-API-Key": key}
    assert (await client.call("GET", "/api/v1/policies", headers=headers)).status == 200
    shown = await visitor.open("/integration")
    assert secret not in shown.html
    assert key not in shown.html
    bad = await visitor.send(shown, "/our-mis/webhooks", url="ftp://x", secret="whsec_x")
    assert "нужен адрес http://" in bad.text
    hook = {"url": "http://127.0.0.1:9/hooks/emias", "secret": "whsec_" + "QUJD" * 8}
    shown = await visitor.send(bad, "/our-mis/webhooks", **hook)
    assert hook["url"] in shown.text
    key_id = _between(shown.html, 'name="key" value="', '"')
    await visitor.send(shown, "/keys/drop", key=key_id)
    assert (await client.call("GET", "/api/v1/policies", headers=headers)).status == 401


def _between(text: str, before: str, after: str) -> str:
    return text.partition(before)[2].partition(after)[0]
