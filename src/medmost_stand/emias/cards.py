"""How EMIAS' records read on a screen: statuses in words, Moscow times, patients and doctors by name."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from medmost_stand.clock import MOSCOW
from medmost_stand.dialect import Body
from medmost_stand.records import Record
from medmost_stand.system import System

STATUSES = {
    "BOOKED": "Записан",
    "ARRIVED": "Пришёл",
    "FULFILLED": "Принят",
    "NOSHOW": "Не явился",
    "CANCELLED": "Отменена",
    "REJECTED": "Отклонена",
}
SLOTS = {"FREE": "свободно", "BUSY": "занято", "CLOSED": "закрыто"}
RESULTS = {"FINAL": "Готов", "PRELIMINARY": "Предварительный", "CANCELLED": "Отменён"}
_DAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")


def moment(text: object) -> datetime | None:
    """A time of the wire in Moscow time; None where there is none or it cannot be read."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.astimezone(MOSCOW) if at.tzinfo is not None else at.replace(tzinfo=MOSCOW)


def shown(text: object) -> str:
    """A date or a time as people write it."""
    at = moment(text)
    if at is None:
        return str(text or "")
    return f"{at:%d.%m.%Y}" if len(str(text)) == 10 else f"{at:%d.%m.%Y %H:%M}"


def day(at: datetime) -> str:
    """A day with its name."""
    return f"{at:%d.%m.%Y}, {_DAYS[at.weekday()]}"


def patient(policy: Body) -> str:
    """Last, first and father's name."""
    return " ".join(str(policy[name]) for name in ("lastName", "firstName", "secondName") if policy.get(name))


def doctor(schedule: Body) -> str:
    """Last name and initials of a schedule's doctor."""
    who = schedule.get("doctor") or {}
    initials = [f"{who[name][0]}." for name in ("firstName", "secondName") if who.get(name)]
    return " ".join([str(who.get("lastName", "")), *initials])


def full(record: Record) -> defaultdict[str, Any]:
    """A record's fields with its id; what it lacks reads as empty."""
    return defaultdict(str, record.fields() | {"id": record.id})


def under(system: System, collection: str, policy_number: str, dated: str) -> list[defaultdict[str, Any]]:
    """Everything of a collection under a policy number, newest first."""
    records = system.shelves[collection].equal({"policyNumber": policy_number})
    return sorted((full(record) for record in records), key=lambda body: str(body[dated]), reverse=True)


def clinics(system: System) -> dict[str, str]:
    """Names of clinics by OID."""
    found = {}
    for record in system.shelves["organizations"]:
        if not record.deleted:
            body = record.fields()
            found[str(body["oid"])] = str(body.get("lpuShortName") or body["nameFull"])
    return found


def slots(system: System, schedule_id: str, *, free: bool = False) -> list[tuple[str, list[Body]]]:
    """Slots of a schedule that are still to come, by day; with `free` only the free ones."""
    wanted: dict[str, object] = {"scheduleId": schedule_id}
    if free:
        wanted["status"] = "FREE"
    found: defaultdict[str, list[Body]] = defaultdict(list)
    timed = [(moment(record.fields()["startTime"]), record) for record in system.shelves["slots"].equal(wanted)]
    now = system.clock.now()
    for at, record in sorted(((at, record) for at, record in timed if at is not None and at > now), key=lambda o: o[0]):
        body = record.fields()
        status = SLOTS.get(str(body["status"]), str(body["status"]))
        found[day(at)].append(body | {"id": record.id, "time": f"{at:%H:%M}", "words": status})
    return list(found.items())
