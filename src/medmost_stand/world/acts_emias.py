"""What clinics do at EMIAS: registry, doctors, laboratory, vaccination room, chief nurse.

Planted records stay untouched by their marks: conflicting and invalid policies have no phone, planted visits
are older than RECENT_DAYS or were booked by a doctor, invalid requests are final, foreign schedules have no slots.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from medmost_stand.world import care, orders, people, wire
from medmost_stand.world.acts import CANCEL_REASONS, RECENT_DAYS, Act, Scene
from medmost_stand.world.clinics import HORIZON_DAYS, Desk
from medmost_stand.world.identifiers import opaque_id
from medmost_stand.world.model import MOSCOW, Body
from medmost_stand.world.spelling import iso_time


def book(scene: Scene) -> Act | None:
    """The registry, or a doctor, books a free slot for somebody."""
    slot, patient = scene.sample("slots", status="FREE"), _patient(scene)
    if slot is None or patient is None or _moment(slot[1]["startTime"]) <= scene.now:
        return None
    schedule = scene.one("schedules", scheduleId=slot[1]["scheduleId"])
    if schedule is None:
        return None
    visit: Body = {
        "policyNumber": patient["policyNumber"],
        "lpuOid": schedule["lpuOid"],
        "doctor": {"snils": schedule["doctor"]["snils"]},
        "startTime": slot[1]["startTime"],
        "endTime": slot[1]["endTime"],
        "scheduleId": schedule["scheduleId"],
        "roomNumber": schedule["room"]["number"],
        "doctorFio": _desk(schedule).doctor_fio,
        "specialityName": schedule["arSpecialityName"],
        "status": "BOOKED",
        "source": "DOCTOR" if scene.rng.random() < 0.2 else "REGISTRY",
    }
    return Act("POST", "visits", None, visit)


def cancel(scene: Scene) -> Act | None:
    """A coming visit is called off."""
    if (found := _coming(scene)) is None:
        return None
    change = {"status": "CANCELLED", "cancelReason": scene.rng.choice(CANCEL_REASONS)}
    return Act("PUT", "visits", found[0], found[1] | change)


def move(scene: Scene) -> Act | None:
    """A coming visit goes to another free slot of the same doctor."""
    found = _coming(scene)
    if found is None or not found[1].get("scheduleId"):
        return None
    slots = scene.desk.find("slots", scheduleId=found[1]["scheduleId"], status="FREE")
    free = [slot for _, slot in slots if _moment(slot["startTime"]) > scene.now]
    if not free:
        return None
    slot = scene.rng.choice(free)
    change = {name: slot[name] for name in ("scheduleId", "startTime", "endTime")}
    return Act("MOVE", "visits", found[0], change)


def receive(scene: Scene) -> Act | None:
    """Visits of the last days go on: the patient came, was seen, or did not come."""
    for _ in range(40):
        found = scene.desk.sample("visits")
        if found is None:
            return None
        since = scene.now - _moment(found[1]["startTime"])
        if not timedelta(0) < since < timedelta(days=RECENT_DAYS):
            continue
        if found[1]["status"] == "ARRIVED":
            return Act("PUT", "visits", found[0], found[1] | {"status": "FULFILLED"})
        if found[1]["status"] == "BOOKED":
            status = scene.rng.choices(("ARRIVED", "FULFILLED", "NOSHOW"), (5, 3, 1))[0]
            return Act("PUT", "visits", found[0], found[1] | {"status": status})
    return None


def change_room(scene: Scene) -> Act | None:
    """A doctor receives in another room, or one visit is put there."""
    room = f"{scene.rng.randrange(1, 6)}{scene.rng.randrange(1, 30):02d}"
    if scene.rng.random() < 0.5:
        found = _coming(scene)
        return None if found is None else Act("PUT", "visits", found[0], found[1] | {"roomNumber": room})
    slot = scene.sample("slots", status="FREE")
    schedules = scene.desk.find("schedules", scheduleId=slot[1]["scheduleId"]) if slot else []
    if not schedules:
        return None
    ref, schedule = schedules[0]
    return Act("PUT", "schedules", ref, schedule | {"room": schedule["room"] | {"number": room}})


def enter_result(scene: Scene) -> Act | None:
    """The laboratory or a diagnostic room issues a document with its observations."""
    patient, schedule = _patient(scene), _schedule(scene)
    if patient is None or schedule is None:
        return None
    document_id = opaque_id("emias", "life", scene.now.isoformat(), scene.count, scene.rng.random())
    issued_at = scene.now.replace(second=0, microsecond=0)
    taken_at = issued_at - timedelta(minutes=scene.rng.randrange(60, 3000))
    number = patient["policyNumber"]
    record = care.result(scene.rng, document_id, number, _desk(schedule), taken_at, issued_at)
    return Act("POST", "results", None, wire.results_emias(record))


def vaccinate(scene: Scene) -> Act | None:
    """The vaccination room enters today's vaccination; nobody gets the same one twice a day."""
    patient, schedule = _patient(scene), _schedule(scene)
    if patient is None or schedule is None:
        return None
    birth_date, today = date.fromisoformat(patient["birthDate"]), scene.now.date()
    record = care.vaccination(scene.rng, patient["policyNumber"], birth_date, _desk(schedule), today, 0)
    body = wire.vaccinations_emias(record)
    key = {name: body[name] for name in ("policyNumber", "infectionName", "dateVaccination", "doseNumber")}
    return None if scene.desk.find("vaccinations", **key) else Act("POST", "vaccinations", None, body)


def answer_request(scene: Scene) -> Act | None:
    """The department moves a request on: received, done, refused, sent back; one new row of its history."""
    found = scene.sample("requests", final=False)
    if found is None:
        return None
    body, at = found[1], scene.now.replace(microsecond=0)
    if at <= _moment(body["statusAt"]):
        return None
    if body["statusId"] in (2, 15):
        entry = orders.answer(scene.rng, at)
    else:
        entry = orders.row(2, at, "Сообщение доставлено", orders.DEPARTMENT)
    row = orders.emias_row(body["orderId"], len(body["history"]), entry)
    change = {
        "history": [*body["history"], row],
        "statusId": row["statusId"],
        "statusName": row["title"],
        "statusAt": row["at"],
        "final": row["statusId"] in orders.FINAL,
    }
    return Act("PUT", "requests", found[0], body | change)


def change_policy(scene: Scene) -> Act | None:
    """The insured chose another insurer, or another clinic."""
    found = scene.sample("policies", status="ACTIVE")
    if found is None or not found[1].get("phone"):
        return None
    body = found[1]
    if scene.rng.random() < 0.5:
        others = [each for each in people.INSURERS if each[0] != body["insurer"]["code"]]
        code, name = scene.rng.choice(others)
        return Act("PUT", "policies", found[0], body | {"insurer": {"code": code, "name": name}})
    schedule = _schedule(scene)
    if schedule is None or schedule["lpuOid"] == body["attachment"]["lpuOid"]:
        return None
    return Act("PUT", "policies", found[0], body | {"attachment": {"lpuOid": schedule["lpuOid"]}})


def open_slot(scene: Scene) -> Act | None:
    """One more time after the last one of a doctor, or on the next working morning."""
    known = scene.sample("slots", status="FREE")
    if known is None:
        return None
    schedule_id = known[1]["scheduleId"]
    free = scene.desk.find("slots", scheduleId=schedule_id, status="FREE")
    busy = scene.desk.find("slots", scheduleId=schedule_id, status="BUSY")
    last = max((slot for _, slot in free + busy), key=lambda slot: _moment(slot["startTime"]))
    starts_at, ends_at = _moment(last["startTime"]), _moment(last["endTime"])
    length = ends_at - starts_at
    starts_at = max(ends_at, datetime.combine(scene.now.date() + timedelta(days=1), time(8), MOSCOW))
    if starts_at.hour >= 19:
        starts_at = datetime.combine(starts_at.date() + timedelta(days=1), time(8), MOSCOW)
    while starts_at.weekday() > 4:
        starts_at += timedelta(days=1)
    if starts_at.date() > scene.now.date() + timedelta(days=2 * HORIZON_DAYS):
        return None
    slot = {
        "scheduleId": schedule_id,
        "startTime": iso_time(starts_at),
        "endTime": iso_time(starts_at + length),
        "status": "FREE",
        "receptionType": known[1]["receptionType"],
    }
    return Act("POST", "slots", None, slot)


def register(scene: Scene) -> Act | None:
    """A policy that nobody had before; its owner gets no account."""
    schedule = _schedule(scene)
    if schedule is None:
        return None
    record = people.registration(scene.rng, schedule["lpuOid"], scene.now.date())
    return Act("POST", "policies", None, wire.policies_emias(record))


def _patient(scene: Scene) -> Body | None:
    """Somebody whose policy is in force and not planted (those have no phone)."""
    found = scene.sample("policies", status="ACTIVE")
    return found[1] if found and found[1].get("phone") else None


def _schedule(scene: Scene) -> Body | None:
    """A schedule that has free slots, hence not a planted one."""
    slot = scene.sample("slots", status="FREE")
    return scene.one("schedules", scheduleId=slot[1]["scheduleId"]) if slot else None


def _coming(scene: Scene) -> tuple[str, Body] | None:
    """A booked visit of the future that the patient or the registry made."""
    found = scene.sample("visits", 40, status="BOOKED")
    if found is None or found[1].get("source") == "DOCTOR" or _moment(found[1]["startTime"]) <= scene.now:
        return None
    return found


def _desk(schedule: Body) -> Desk:
    doctor = schedule["doctor"]
    names = {
        "doctor_last_name": doctor["lastName"],
        "doctor_first_name": doctor["firstName"],
        "doctor_patronymic": doctor.get("secondName"),
        "organization_oid": schedule["lpuOid"],
    }
    return Desk(names, 15)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


ACTS = (
    (book, 24),
    (cancel, 8),
    (move, 5),
    (receive, 14),
    (change_room, 6),
    (enter_result, 16),
    (vaccinate, 10),
    (answer_request, 8),
    (change_policy, 4),
    (open_slot, 4),
    (register, 1),
)
"""What clinics do, with how often."""
