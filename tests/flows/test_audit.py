"""An audit over a whole medmost: it finds what is wrong, knows what is known, and never cries wolf."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from medmost.audit import compare
from medmost.audit.compare import audit
from medmost.audit.findings import AuditReport
from medmost.audit.repair import repair
from medmost.domain.errors import Transient
from medmost.sync.engine import Pace
from town import Town, town

MOSCOW = ZoneInfo("Europe/Moscow")
TODAY = datetime.now(MOSCOW).date()
NUMBER = "7756410834123459"
E_POLICY: dict[str, Any] = {
    "policyNumber": NUMBER,
    "policyType": "3",
    "lastName": "Мостова",
    "firstName": "Анна",
    "birthDate": "1980-02-29",
    "sex": "F",
    "phone": "+79102206415",
    "status": "ACTIVE",
}
CLINIC = "1.2.643.5.1.13.13.12.2.77.10425"
E_VISIT: dict[str, Any] = {
    "policyNumber": NUMBER,
    "lpuOid": CLINIC,
    "doctor": {"snils": "11223344595"},
    "startTime": "2031-03-10T10:00:00+03:00",
    "status": "BOOKED",
    "source": "REGISTRY",
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        yield made


async def audited(here: Town, *kinds: str, pauses: tuple[float, ...] = (0.0, 0.0, 0.0)) -> AuditReport:
    wanted = kinds or tuple(here.house.mappings)
    return await audit(here.house, here.database, here.systems, wanted, lambda *_: None, pauses=pauses)


async def level_policy(here: Town) -> tuple[str, str]:
    """A policy that both sides have: (Gosuslugi's reference, EMIAS')."""
    at_emias = here.emias.put("policy", E_POLICY)
    await here.settles()
    return here.gosuslugi.refs("policy")[0], at_emias


def quietly(here: Town, kind: str, ref: str, side: str, **changes: Any) -> None:
    """A value changes behind everybody's back: no new version tells of it."""
    doc = getattr(here, side)._records[kind][ref].doc
    doc.update(changes)


# ---------------------------------------------------------------- the whole world
async def test_a_world_brought_level_is_healthy(here: Town):
    world = here.inhabit(60, 7, TODAY)
    await here.links(*[citizen.policy_number for citizen in world.citizens if citizen.trusted])
    await here.settles(6)
    report = await audited(here)
    assert report.findings == []
    assert report.healthy
    for kind, counts in report.kinds.items():
        planted = [one[here.house.kind(kind).collection] for one in world.planted.values()]
        assert counts.foreign == sum(len(one["foreign"]) for one in planted), kind
        assert counts.invalid == counts.known.get("invalid", 0) == sum(len(one["invalid"]) for one in planted), kind
        assert counts.known.get("conflict", 0) == max(len(one["conflict"]) for one in planted), kind
        assert counts.rejected == sum(len(one["rejected"]) for one in planted), kind
        assert (counts.missing_at_gosuslugi, counts.missing_at_emias, counts.duplicate, counts.moving) == (0, 0, 0, 0)
    assert report.kinds["visit"].no_consent > 0


async def test_a_world_not_yet_migrated_is_not_healthy(here: Town):
    here.inhabit(30, 3, TODAY)
    report = await audited(here)
    assert report.exit_code == 1
    assert {finding.what for finding in report.findings} >= {"missing_at_gosuslugi", "missing_at_emias", "differing"}
    assert here.emias.written() == here.gosuslugi.written() == []


# ---------------------------------------------------------------- what it finds
async def test_a_silently_changed_value_is_found(here: Town):
    at_gosuslugi, at_emias = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000")
    (finding,) = (await audited(here)).findings
    assert (finding.what, finding.fields, finding.key) == ("differing", ["phone"], "77******3459")
    assert finding.refs == {"gosuslugi": at_gosuslugi, "emias": at_emias}


async def test_a_silently_lost_record_is_found(here: Town):
    at_gosuslugi, at_emias = await level_policy(here)
    del here.gosuslugi._records["policy"][at_gosuslugi]
    (finding,) = (await audited(here)).findings
    assert (finding.what, finding.refs["emias"]) == ("missing_at_gosuslugi", at_emias)


async def test_a_record_that_nobody_told_of_is_found(here: Town):
    await level_policy(here)
    here.gosuslugi.put("policy", here.gosuslugi.doc("policy", here.gosuslugi.refs("policy")[0]))
    found = (await audited(here)).findings
    assert [finding.what for finding in found] == ["duplicate"]
    assert len([found[0].refs["gosuslugi"], *found[0].others]) == 2


async def test_a_record_that_no_longer_fits_is_found(here: Town):
    at_gosuslugi, _ = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", **{"Дата рождения": "31.02.1980"})
    (finding,) = (await audited(here)).findings
    assert (finding.what, finding.fields) == ("invalid", ["birth_date"])


async def test_no_value_reaches_the_report(here: Town):
    at_gosuslugi, _ = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000", Фамилия="Другова")
    told = str((await audited(here)).as_json())
    for value in ("9990000000", "Другова", "Мостова", NUMBER):
        assert value not in told


# ---------------------------------------------------------------- what it knows
async def test_an_open_conflict_is_known(here: Town):
    at_gosuslugi, at_emias = await level_policy(here)
    here.gosuslugi.edit("policy", at_gosuslugi, Фамилия="Первая")
    here.emias.edit("policy", at_emias, lastName="Вторая")
    await here.settles()
    report = await audited(here)
    assert report.healthy
    assert report.kinds["policy"].known == {"conflict": 1}


async def test_a_conflict_hides_no_other_field(here: Town):
    at_gosuslugi, at_emias = await level_policy(here)
    here.gosuslugi.edit("policy", at_gosuslugi, Фамилия="Первая")
    here.emias.edit("policy", at_emias, lastName="Вторая")
    await here.settles()
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000")
    (finding,) = (await audited(here)).findings
    assert finding.fields == ["phone"]


async def test_records_without_consent_are_left_alone(here: Town):
    await level_policy(here)
    here.emias.put("visit", E_VISIT)
    await here.settles()
    counts = (await audited(here)).kinds["visit"]
    assert (counts.no_consent, counts.findings, counts.missing_at_gosuslugi) == (1, 0, 0)


async def test_a_cancelled_and_rebooked_hour_is_level(here: Town):
    await level_policy(here)
    here.emias.put("organization", {"oid": CLINIC, "nameFull": "Клиника", "lpuShortName": "К"})
    await here.links(NUMBER)
    first = here.emias.put("visit", E_VISIT)
    await here.settles()
    here.emias.edit("visit", first, status="CANCELLED", cancelReason="Пациент передумал")
    await here.settles()
    here.emias.put("visit", E_VISIT)
    await here.settles()
    counts = (await audited(here)).kinds["visit"]
    assert (counts.level, counts.findings) == (2, 0)


async def test_a_past_slot_is_no_difference(here: Town):
    here.emias.put(
        "slot",
        {
            "scheduleId": "1400001",
            "startTime": "2020-03-10T10:00:00+03:00",
            "endTime": "2020-03-10T10:12:00+03:00",
            "status": "FREE",
        },
    )
    counts = (await audited(here, "slot")).kinds["slot"]
    assert (counts.expired, counts.findings) == (1, 0)


async def test_a_foreign_record_is_listed_but_no_finding(here: Town):
    here.gosuslugi.put("organization", {"OID": CLINIC, "Полное наименование": "Клиника", "Действует": "Да"})
    await here.settles()
    report = await audited(here)
    assert report.healthy
    assert [finding.key for finding in report.foreign] == [CLINIC]


# ---------------------------------------------------------------- life goes on
async def test_an_edit_while_it_reads_is_no_finding(here: Town):
    _, at_emias = await level_policy(here)
    here.emias.edit("policy", at_emias, phone="+79990000000")
    delivering = asyncio.create_task(_settle_soon(here))
    report = await audited(here, pauses=(0.0, 0.3, 1.0))
    await delivering
    assert report.healthy
    assert report.kinds["policy"].level == 1


async def _settle_soon(here: Town) -> None:
    for _ in range(10):
        await here.settles()


async def test_an_edit_that_nobody_delivers_is_a_finding(here: Town):
    _, at_emias = await level_policy(here)
    here.emias.edit("policy", at_emias, insurer={"code": "77013", "name": "Другая"})
    (finding,) = (await audited(here)).findings
    assert (finding.what, finding.fields) == ("differing", ["insurer_code", "insurer_name"])


async def test_what_moves_at_every_look_is_not_judged(here: Town):
    at_gosuslugi, _ = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000")
    digits = iter(range(3))
    here.gosuslugi.meanwhile(
        "read",
        lambda: here.gosuslugi.edit("policy", at_gosuslugi, Телефон=f"+7(999)000000{next(digits)}"),
        times=3,
    )
    report = await audited(here)
    assert report.healthy
    assert report.kinds["policy"].moving == 1


async def test_under_life_it_never_cries_wolf(tmp_path: Path):
    async with town(tmp_path, pace=Pace(0.1, 0.1)) as here:
        world = here.inhabit(40, 5, TODAY)
        await here.links(*[citizen.policy_number for citizen in world.citizens if citizen.trusted])
        await here.settles(6)
        stop, chance = asyncio.Event(), random.Random(5)
        running = asyncio.create_task(here.engine.run(stop))
        living = asyncio.create_task(_live(here, stop, chance))
        reports = [await audited(here, pauses=(0.0, 0.5, 1.5)) for _ in range(2)]
        stop.set()
        await living
        await running
        assert [report.findings for report in reports] == [[], []]
        await here.settles(6)
        assert (await audited(here)).healthy


async def _live(here: Town, stop: asyncio.Event, chance: random.Random) -> None:
    """People at both systems: telephones, insurers, bookings and cancellations."""
    while not stop.is_set():
        number = f"+7999{chance.randrange(10**7):07}"
        here.emias.edit(
            "organization", chance.choice(here.emias.refs("organization")[:8]), phone=number, workTime=number[-4:]
        )
        here.emias.edit("policy", chance.choice(here.emias.refs("policy")[:20]), phone=number)
        numbers = [here.emias.doc("policy", ref)["policyNumber"] for ref in here.emias.refs("policy")[:20]]
        minute = f"{chance.randrange(8, 19):02}:{chance.randrange(60):02}"
        ref = here.emias.put(
            "visit", E_VISIT | {"policyNumber": chance.choice(numbers), "startTime": f"2031-03-10T{minute}:00+03:00"}
        )
        if chance.random() < 0.5:
            here.emias.edit("visit", ref, status="CANCELLED", cancelReason="Передумал")
        await asyncio.sleep(0.05)


# ---------------------------------------------------------------- outages, brakes
async def test_a_short_outage_does_not_end_it(here: Town, monkeypatch: pytest.MonkeyPatch):
    await level_policy(here)
    monkeypatch.setattr("medmost.audit.reading.RETRY_SECONDS", 0.0)
    here.emias.breaks_pages(2)
    assert (await audited(here)).healthy


async def test_a_silent_system_ends_it_with_its_error(here: Town, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("medmost.audit.reading.RETRY_SECONDS", 0.0)
    here.emias.goes_down()
    with pytest.raises(Transient, match="MM-SYS-UNREACHABLE"):
        await audited(here)


async def test_many_differences_need_no_second_look(here: Town, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compare, "MOST_LOOKED_AT", 3)
    for number in range(10):
        here.emias.put("policy", E_POLICY | {"policyNumber": f"775641083412{number:04}"})
    report = await audited(here, "policy")
    assert report.kinds["policy"].findings == len(report.findings) == 10
    assert here.emias.calls["read"] <= 9


# ---------------------------------------------------------------- repair
async def test_repair_carries_what_was_never_heard_of(here: Town):
    _, at_emias = await level_policy(here)
    here.emias.edit("policy", at_emias, phone="+79990000000")
    report = await audited(here)
    done = await repair(here.house, here.database, here.systems, report.findings)
    assert (done.learned, done.queued, done.left) == (1, 1, [])
    for deliverer in here.engine.deliverers.values():
        await deliverer.until_quiet(1.0)
    assert (await audited(here)).healthy


async def test_repair_leaves_silent_changes_to_a_person(here: Town):
    at_gosuslugi, _ = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000")
    report = await audited(here)
    done = await repair(here.house, here.database, here.systems, report.findings)
    assert (done.learned, done.queued) == (0, 0)
    assert done.left == report.findings


async def test_audit_alone_writes_nothing(here: Town):
    at_gosuslugi, _ = await level_policy(here)
    quietly(here, "policy", at_gosuslugi, "gosuslugi", Телефон="+7(999)0000000")
    before = await _state(here)
    effects = len(here.emias.effects) + len(here.gosuslugi.effects)
    await audited(here)
    assert await _state(here) == before
    assert len(here.emias.effects) + len(here.gosuslugi.effects) == effects


async def _state(here: Town) -> Any:
    def look(tx: Any) -> list[Any]:
        tables = ("SELECT * FROM pair", "SELECT * FROM delivery", "SELECT * FROM journal")
        return [tx.execute(query).fetchall() for query in tables]

    return await here.database.read(look)
