"""How a doctor, a schedule, an appointment and a referral look on the portal (facts/emias.md §1.4, §1.5)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from medmost_stand.dialect import Body
from medmost_stand.emias.portal.catalog import Catalog, appointment_id, number
from medmost_stand.emias.portal.specialities import code_of
from medmost_stand.records import Record

RECEPTIONS = {"1863": "Первичный приём", "1864": "Повторный приём"}
REFERRAL_DAYS = 90


def naive(text: Any) -> str | None:
    """A time without its zone, as appointments show it; slots keep theirs (facts/emias.md §0.8)."""
    return None if not isinstance(text, str) else text[:19]


def short_name(doctor: Body) -> str:
    """«Иванов И. И.»."""
    initials = [f"{doctor[one][0]}." for one in ("firstName", "secondName") if doctor.get(one)]
    return " ".join([str(doctor.get("lastName", "")), *initials])


class Shapes:
    """Shows records of a system; `free` of a schedule are its slots that can still be booked."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def resource(self, schedule: Body, free: list[Body]) -> dict[str, Any]:
        """A doctor. A room is there only where slots are free: every client relies on it."""
        doctor = schedule.get("doctor") or {}
        organization = self._catalog.organization(str(schedule["lpuOid"]))
        room = (schedule.get("room") or {}).get("number")
        place: dict[str, Any] = {"id": self._catalog.complex_id(schedule), "name": room}
        if free:
            place["room"] = {
                "id": number("room", f"{schedule['lpuOid']}/{room}", 6),
                "number": room,
                "lpuId": self._catalog.lpu_id(str(schedule["lpuOid"])),
                "lpuShortName": organization.get("lpuShortName"),
                "addressPointId": organization.get("addressPointId"),
                "defaultAddress": organization.get("defaultAddress"),
                "availabilityDate": min(str(slot["startTime"]) for slot in free)[:10],
            }
        speciality = schedule.get("arSpecialityId")
        main = {name: doctor[name] for name in ("firstName", "lastName", "secondName") if doctor.get(name)}
        return {
            "id": self._catalog.resource_id(schedule),
            "lpuId": self._catalog.lpu_id(str(schedule["lpuOid"])),
            "name": short_name(doctor),
            "arType": 1,
            "specialityChangeAbility": False,
            "arSpecialityId": speciality,
            "arSpecialityName": schedule.get("arSpecialityName"),
            "mainDoctor": {
                "specialityName": schedule.get("arSpecialityName"),
                "specialityId": speciality,
                **main,
                "mejiId": 0,
                "employeeId": number("employee", str(doctor.get("snils")), 6),
            },
            "receptionType": self._receptions(free),
            "ldpType": [],
            "samplingType": [],
            "complexResource": [place],
            "district": speciality == 602,
            "replacement": False,
            "nondistrict": speciality != 602,
            "availableByReferral": not schedule.get("selfBooking"),
        }

    def _receptions(self, free: list[Body]) -> list[dict[str, str]]:
        codes = sorted({str((slot.get("receptionType") or {}).get("code")) for slot in free}) or ["1863"]
        return [{"code": one, "name": RECEPTIONS.get(one, "Приём"), "primary": "1", "home": "0"} for one in codes]

    def schedule(self, schedule: Body, free: list[Body]) -> dict[str, Any]:
        """The free slots of a doctor by days."""
        days: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for slot in sorted(free, key=lambda one: str(one["startTime"])):
            days[str(slot["startTime"])[:10]].append({"startTime": slot["startTime"], "endTime": slot["endTime"]})
        room = (schedule.get("room") or {}).get("number")
        place = {"complexResourceId": self._catalog.complex_id(schedule), "cabinetNumber": room}
        shown = [{"date": day, "scheduleBySlot": [{**place, "slot": slots}]} for day, slots in days.items()]
        return {"availableResource": self.resource(schedule, free), "scheduleOfDay": shown}

    def appointment(self, record: Record, now: datetime) -> dict[str, Any]:
        """A coming visit. Times are naive here, unlike those of slots."""
        visit = record.fields()
        organization = self._catalog.organization(str(visit.get("lpuOid")))
        schedule = self._catalog.schedule(visit.get("scheduleId")) if visit.get("scheduleId") else None
        shown: dict[str, Any] = {
            "id": appointment_id(record),
            "number": str(appointment_id(record))[-8:],
            "type": "RECEPTION",
            "startTime": naive(visit.get("startTime")),
            "endTime": naive(visit.get("endTime")),
            "nameLpu": organization.get("lpuShortName"),
            "lpuAddress": organization.get("defaultAddress"),
            "lpuId": self._catalog.lpu_id(str(visit.get("lpuOid"))),
            "roomNumber": visit.get("roomNumber"),
            "toDoctor": {
                "specialityId": None if schedule is None else schedule.get("arSpecialityId"),
                "specialityName": visit.get("specialityName"),
                "receptionTypeId": "1863",
                "doctorFio": visit.get("doctorFio"),
            },
            "enableShift": may_shift(visit, now),
        }
        if schedule is not None:
            shown["availableResourceId"] = self._catalog.resource_id(schedule)
            shown["complexResourceId"] = self._catalog.complex_id(schedule)
        return shown

    def referral(self, referral_id: int, speciality: tuple[int, str], lpu_oid: str, period: tuple[str, str]) -> Body:
        """A referral to a doctor (our model: which patient has which is not modelled after any real rule)."""
        organization = self._catalog.organization(lpu_oid)
        return {
            "id": referral_id,
            "number": f"77{referral_id % 10**10}",
            "startTime": period[0],
            "endTime": period[1],
            "type": "REF_TO_DOCTOR",
            "lpuId": self._catalog.lpu_id(lpu_oid),
            "lpuType": "POLYCLINIC",
            "lpuName": organization.get("lpuShortName"),
            "toDoctor": {
                "specialityId": speciality[0],
                "specialityCode": code_of(speciality[0]),
                "specialityName": speciality[1],
                "receptionTypeId": "1863",
            },
            "countActiveAppointment": 0,
            "countAppointmentWithReceptionFact": 0,
            "isMultipleLpuSpeciality": False,
            "isComplaintSpeciality": False,
            "comment": "",
        }


def may_shift(visit: Body, now: datetime) -> bool:
    """Our model: what a doctor has booked, only the doctor moves."""
    start = str(visit.get("startTime") or "")
    return visit.get("source") != "DOCTOR" and start[:16] > now.isoformat()[:16]
