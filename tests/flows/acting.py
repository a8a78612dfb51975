"""What people do at the two systems in tests of flows: book, cancel, enter an analysis, give a vaccination."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from field_tables import MOSCOW
from flows.running import STAMPS, Body, Running, Systems, command, until
from stand.visiting import Visitor, new_session


@dataclass(frozen=True)
class Hour:
    """A time that both systems show as free, with the schedule it belongs to."""

    slot: Body  # as EMIAS shows it
    schedule: Body  # as EMIAS shows it
    starts_at: datetime

    def at_gosuslugi(self, policy_number: str, **more: Any) -> Body:
        """A citizen's booking of this hour."""
        doctor = self.schedule["doctor"]
        return {
            "Номер полиса": policy_number,
            "OID организации": self.schedule["lpuOid"],
            "СНИЛС врача": _dashed(doctor["snils"]),
            "Начало приёма": f"{self.starts_at:%d.%m.%Y %H:%M}",
            "Окончание приёма": f"{datetime.fromisoformat(self.slot['endTime']):%d.%m.%Y %H:%M}",
            "Расписание": self.schedule["scheduleId"],
            "Кабинет": self.schedule["room"]["number"],
            "Врач": f"{doctor['lastName']} {doctor['firstName'][0]}.",
            "Специальность": self.schedule["arSpecialityName"],
            "Статус записи": "Записан",
            "Кем записан": "Пациент",
            **more,
        }

    def at_emias(self, policy_number: str, **more: Any) -> Body:
        """The registry's booking of this hour."""
        return {
            "policyNumber": policy_number,
            "lpuOid": self.schedule["lpuOid"],
            "doctor": {"snils": self.schedule["doctor"]["snils"]},
            "startTime": self.slot["startTime"],
            "endTime": self.slot["endTime"],
            "scheduleId": self.schedule["scheduleId"],
            "roomNumber": self.schedule["room"]["number"],
            "specialityName": self.schedule["arSpecialityName"],
            "status": "BOOKED",
            "source": "REGISTRY",
            **more,
        }


def _dashed(snils: str) -> str:
    return f"{snils[:3]}-{snils[3:6]}-{snils[6:9]} {snils[9:]}"


def plain(record: Body) -> Body:
    """A record without what its system alone writes: what a person's form would send."""
    return {name: value for name, value in record.items() if name not in STAMPS}


async def free_hours(systems: Systems, count: int) -> list[Hour]:
    """Hours of the days after tomorrow, one per schedule and hour, free at both systems and open to citizens."""
    schedules = {one["scheduleId"]: one for one in (await systems.export("emias", "schedules")).values()}
    shown = await systems.export("gosuslugi", "slots")
    free = {(one.get("Расписание"), one.get("Начало")) for one in shown.values() if one.get("Состояние") == "Свободно"}
    visits = (await systems.export("gosuslugi", "visits")).values()
    free -= {(one.get("Расписание"), one.get("Начало приёма")) for one in visits}
    earliest, found = datetime.now(MOSCOW) + timedelta(days=1), []
    for slot in (await systems.export("emias", "slots")).values():
        if slot.get("status") != "FREE" or len(found) == count:
            continue
        starts_at = datetime.fromisoformat(slot["startTime"])
        schedule = schedules.get(slot["scheduleId"], {})
        if (
            starts_at > earliest
            and schedule.get("selfBooking")
            and (slot["scheduleId"], f"{starts_at:%d.%m.%Y %H:%M}") in free
        ):
            found.append(Hour(slot, schedule, starts_at))
    assert len(found) == count, f"only {len(found)} free hours"
    return found


def analysis(policy_number: str, organization_oid: str, title: str = "Определение витамина D в крови") -> Body:
    """A laboratory document as EMIAS' own screen sends it."""
    taken_at = datetime.now(MOSCOW).replace(microsecond=0, second=0)
    return {
        "documentId": str(uuid.uuid4()),
        "policyNumber": policy_number,
        "type": "LAB",
        "title": title,
        "serviceCode": "A09.05.235",
        "status": "FINAL",
        "collectedAt": (taken_at - timedelta(hours=5)).isoformat(),
        "issuedAt": taken_at.isoformat(),
        "lpuOid": organization_oid,
        "doctorFio": "Зверев А. Д.",
        "observations": [
            {
                "code": "1090500",
                "name": "25-гидроксивитамин D",
                "value": 31.75,
                "unit": "нг/мл",
                "low": 30,
                "high": 100,
                "interpretation": "N",
            }
        ],
    }


def vaccination(policy_number: str, organization_oid: str, vaccine: str = "Ультрикс Квадри") -> Body:
    """Today's vaccination as EMIAS' own screen sends it."""
    return {
        "policyNumber": policy_number,
        "infectionName": "Грипп",
        "dateVaccination": f"{datetime.now(MOSCOW):%Y-%m-%d}",
        "doseNumber": 1,
        "vaccineName": vaccine,
        "series": "К77-1105",
        "lpuOid": organization_oid,
        "reactionKind": "без реакции",
    }


async def cabinet_page(systems: Systems, login: str, page: str = "/cabinet/health") -> str:
    """What a citizen reads on a page of the cabinet after logging in through ЕСИА's pages."""
    async with new_session() as session:
        shown = await Visitor(systems.urls["gosuslugi"], session).enter(login, page)
    assert (shown.status, shown.path) == (200, page)
    return shown.text


async def at_other(systems: Systems, system: str, collection: str, **equal: Any) -> Body | None:
    """The newest live record of a system with these fields (dots go into nested objects)."""
    for record in reversed((await systems.export(system, collection)).values()):
        if all(_value(record, path) == value for path, value in equal.items()) and "deletedAt" not in record:
            return record
    return None


def _value(record: Body, path: str) -> Any:
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


async def settled(running: Running, within: float = 60.0) -> Body:
    """Waits until every kind of both systems was read whole and all that followed is delivered."""

    async def whole() -> Body | None:
        told = await running.status()
        unread = [kind for kind, numbers in told["kinds"].items() if numbers["freshness_seconds"] is None]
        moving = sum(number for state, number in told["deliveries"].items() if state != "dead")
        return None if unread or moving else told

    return await until(whole, "both systems read whole and level", within)


async def policies_at_both(systems: Systems, count: int) -> list[tuple[str, str, str]]:
    """Policies in force with a phone, level at both: (number, Gosuslugi id, EMIAS id)."""
    here = {
        one["policyNumber"]: one["id"] for one in (await systems.export("emias", "policies")).values() if "phone" in one
    }
    there = await systems.export("gosuslugi", "policies")
    found = [
        (number, str(one["id"]), here[number])
        for one in there.values()
        if (number := one.get("Номер полиса")) in here and one.get("Телефон") and one.get("Статус") == "Действует"
    ]
    assert len(found) >= count, f"only {len(found)} policies at both"
    return found[:count]


async def webhooks_arrive(systems: Systems) -> None:
    """Changes a policy at each system until the other shows it: from then on both ends send their webhooks."""
    number, there, here = (await policies_at_both(systems, 1))[0]
    email = f"{uuid.uuid4().hex[:12]}@post.example"
    await systems.change("gosuslugi", "policies", there, **{"Электронная почта": email})
    await until(
        lambda: at_other(systems, "emias", "policies", policyNumber=number, email=email), "a webhook of Gosuslugi"
    )
    insurer = f"АО «Страховая {uuid.uuid4().hex[:6]}»"
    code = {"code": "77099", "name": insurer}
    await systems.change("emias", "policies", here, insurer=code)
    wanted = {"Номер полиса": number, "Страховая организация": insurer}
    await until(lambda: at_other(systems, "gosuslugi", "policies", **wanted), "a webhook of EMIAS")


async def ok(systems: Systems, *arguments: str, code: int = 0, **environ: str) -> Any:
    """A command that must end with `code`; its JSON, or its text where it prints none."""
    ran = await command(systems, *arguments, **environ)
    assert ran.code == code, f"medmost {' '.join(arguments)}: {ran}"
    return ran.json() if ran.out.lstrip().startswith(("{", "[")) else ran.out
