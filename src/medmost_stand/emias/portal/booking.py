"""What a patient does on emias.info, once for both generations of its API (facts/emias.md §1.3).

Every call names the patient by `omsNumber` and `birthDate`. Writes go through the rules of EMIAS like all others.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from medmost_stand.clock import MOSCOW
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.emias.portal import trouble
from medmost_stand.emias.portal.catalog import Catalog, appointment_id, number
from medmost_stand.emias.portal.shapes import REFERRAL_DAYS, Shapes, may_shift, short_name
from medmost_stand.emias.portal.specialities import id_of, needs_referral, specialities
from medmost_stand.emias.portal.trouble import Trouble, of_refusal
from medmost_stand.records import Record
from medmost_stand.refusal import Refusal
from medmost_stand.rules import PERSON
from medmost_stand.system import System

Params = dict[str, Any]
LONGEST_PERIOD_DAYS = 14


class Booking:
    """Methods take the call's parameters and give what stands under `result` or `payload`; they raise Trouble."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._catalog = Catalog(system)
        self._shapes = Shapes(self._catalog)

    # ------------------------------------------------------------ who
    def patient(self, params: Params) -> Body:
        """The policy of the caller: number and date of birth have to belong together."""
        found = self._system.shelves["policies"].keyed((str(params.get("omsNumber") or "").replace(" ", ""),))
        for policy_id in found:
            policy = self._system.shelves["policies"].records[policy_id].fields()
            if policy.get("birthDate") == str(params.get("birthDate") or "")[:10] and policy.get("status") == "ACTIVE":
                return policy
        raise Trouble(trouble.PATIENT_NOT_FOUND, "Пациент с таким номером полиса и датой рождения не найден")

    def patient_info(self, params: Params) -> Body:
        """getPatientInfo3: only the attachments are read by any client."""
        policy = self.patient(params)
        oid = (policy.get("attachment") or {}).get("lpuOid")
        attached = []
        if oid:
            organization = self._catalog.organization(oid)
            lpu = {"name": organization.get("lpuShortName"), "address": organization.get("defaultAddress")}
            attached = [{"lpu": lpu, "status": "Прикреплён", "createDate": f"{policy.get('validFrom')}T00:00:00"}]
        return {"attachments": {"attachment": attached}}

    # ------------------------------------------------------------ what can be booked
    def specialities(self, params: Params) -> list[Body]:
        self.patient(params)
        return specialities(self._catalog)

    def doctors(self, params: Params) -> list[Body]:
        """Doctors of a speciality, of a referral, or those a booked visit may be moved to."""
        policy = self.patient(params)
        wanted = self._wanted_speciality(policy, params)
        found = [one for one in self._catalog.live("schedules") if one.get("arSpecialityId") == wanted]
        if params.get("lpuId") is not None:
            found = [one for one in found if str(self._catalog.lpu_id(str(one["lpuOid"]))) == str(params["lpuId"])]
        return [self._shapes.resource(one, self._free(one)) for one in found]

    def lpus(self, params: Params) -> list[Body]:
        """Clinics where a speciality is practised."""
        self.patient(params)
        wanted = id_of(params.get("specialityCode"))
        oids = {str(one["lpuOid"]) for one in self._catalog.live("schedules") if one.get("arSpecialityId") == wanted}
        shown = [(oid, self._catalog.organization(oid)) for oid in sorted(oids)]
        return [
            {
                "lpuId": self._catalog.lpu_id(oid),
                "lpuShortName": one.get("lpuShortName"),
                "defaultAddress": one.get("defaultAddress"),
            }
            for oid, one in shown
        ]

    def schedule(self, params: Params) -> Body:
        """The free slots of one doctor; a `period` has to begin today."""
        self.patient(params)
        free = self._free(self._resource(params))
        period = params.get("period")
        if isinstance(period, dict):
            first, last = _day(period.get("dateFrom")), _day(period.get("dateTo"))
            today = self._now().date()
            if first is not None and first > today:
                raise Trouble(trouble.FUTURE_PERIOD, "Период должен начинаться сегодня")
            last = min(last or date.max, today + timedelta(days=LONGEST_PERIOD_DAYS))
            free = [one for one in free if str(one["startTime"])[:10] <= last.isoformat()]
        return self._shapes.schedule(self._resource(params), free)

    # ------------------------------------------------------------ what is booked
    def appointments(self, params: Params) -> list[Body]:
        """Visits that are still to come."""
        now = self._now()
        found = [one for one in self._visits(self.patient(params)) if _coming(one.fields(), now)]
        return [self._shapes.appointment(one, now) for one in found]

    def create(self, params: Params) -> Body:
        """Books a slot. Refused: taken meanwhile, a second visit to the speciality, no referral where one is needed."""
        policy, schedule = self.patient(params), self._resource(params)
        now, speciality = self._now(), schedule.get("arSpecialityId")
        closed = speciality in {one for one, _ in self._closed_specialities()}
        if closed and params.get("referralId") not in self._referral_ids(policy):
            raise Trouble(trouble.REFERRAL_REQUIRED, "К этому специалисту записывают по направлению")
        for one in self._visits(policy):
            visit = one.fields()
            other = self._catalog.schedule(visit.get("scheduleId")) if visit.get("scheduleId") else None
            if _coming(visit, now) and other is not None and other.get("arSpecialityId") == speciality:
                raise Trouble(trouble.ALREADY_BOOKED, "Вы уже записаны к этому специалисту")
        body = {"policyNumber": policy["policyNumber"], **self._place(schedule, params), "source": "PORTAL"}
        record = self._write(lambda: self._system.create("visits", {**body, "status": "BOOKED"}, Actor(PERSON)))
        return _booked(record)

    def shift(self, params: Params) -> Body:
        """Moves a visit: the answer names a new appointment."""
        record = self._appointment(self.patient(params), params)
        if not may_shift(record.fields(), self._now()):
            raise Trouble(trouble.SHIFT_NOT_ALLOWED, "Эту запись нельзя перенести")
        changes = self._place(self._resource(params), params)
        return _booked(self._write(lambda: self._system.move(record.id, changes, None, Actor(PERSON))))

    def cancel(self, params: Params) -> str:
        record = self._appointment(self.patient(params), params)
        body = {**record.fields(), "status": "CANCELLED", "cancelReason": "Отменена пациентом"}
        self._write(lambda: self._system.replace("visits", record.id, body, None, Actor(PERSON)))
        return "Запись отменена"

    def referrals(self, params: Params) -> list[Body]:
        """Our model: one referral to every speciality that cannot be booked without."""
        policy = self.patient(params)
        today = self._now().date()
        period = (f"{today}T00:00:00", f"{today + timedelta(days=REFERRAL_DAYS)}T00:00:00")
        oid = str((policy.get("attachment") or {}).get("lpuOid") or "")
        closed = self._closed_specialities()
        return [self._shapes.referral(_referral_id(policy, one), (one, name), oid, period) for one, name in closed]

    def assignments(self, params: Params) -> list[Body]:
        """Assignments for laboratory work: none are kept by the stand; also the login check of old clients."""
        self.patient(params)
        return []

    # ------------------------------------------------------------ inside
    async def committed(self) -> None:
        await self._system.storage.committed()

    def _now(self) -> datetime:
        return self._system.clock.now()

    def _write(self, act: Any) -> Record:
        try:
            record: Record = act()
        except Refusal as refusal:
            raise of_refusal(refusal) from None
        return record

    def _visits(self, policy: Body) -> list[Record]:
        return self._system.shelves["visits"].equal({"policyNumber": policy["policyNumber"]})

    def _appointment(self, policy: Body, params: Params) -> Record:
        wanted = str(params.get("appointmentId"))
        for one in self._visits(policy):
            if str(appointment_id(one)) == wanted and one.fields().get("status") == "BOOKED":
                return one
        raise Trouble(trouble.NOT_FOUND, "Такой записи у вас нет")

    def _resource(self, params: Params) -> Body:
        wanted = str(params.get("availableResourceId"))
        schedule = self._catalog.resource(int(wanted)) if wanted.isascii() and wanted.isdigit() else None
        if schedule is None:
            raise Trouble(trouble.NOT_FOUND, "Врач с таким availableResourceId не найден")
        return schedule

    def _place(self, schedule: Body, params: Params) -> Body:
        """Where and when: the slot has to be one of this doctor's free ones."""
        start = str(params.get("startTime") or "")
        slot = next((one for one in self._free(schedule) if str(one["startTime"])[:16] == start[:16]), None)
        if slot is None:
            raise Trouble("SIM_SLOT_TAKEN", "Это время уже занято или не предлагается")
        doctor = schedule.get("doctor") or {}
        return {
            "lpuOid": schedule["lpuOid"],
            "doctor": {"snils": doctor.get("snils")},
            "startTime": slot["startTime"],
            "endTime": slot["endTime"],
            "scheduleId": schedule["scheduleId"],
            "roomNumber": (schedule.get("room") or {}).get("number"),
            "doctorFio": short_name(doctor),
            "specialityName": schedule.get("arSpecialityName"),
        }

    def _free(self, schedule: Body) -> list[Body]:
        now = self._now()
        wanted = {"scheduleId": schedule["scheduleId"], "status": "FREE"}
        slots = (one.fields() for one in self._system.shelves["slots"].equal(wanted))
        return [one for one in slots if datetime.fromisoformat(str(one["startTime"])) > now]

    def _wanted_speciality(self, policy: Body, params: Params) -> int | None:
        if params.get("referralId") is not None:
            for one, _ in self._closed_specialities():
                if str(_referral_id(policy, one)) == str(params["referralId"]):
                    return one
            raise Trouble(trouble.NOT_FOUND, "Такого направления у вас нет")
        if params.get("specialityId") is None and params.get("appointmentId") is not None:
            visit = self._appointment(policy, params).fields()
            schedule = self._catalog.schedule(visit.get("scheduleId")) or {}
            return schedule.get("arSpecialityId")
        found = id_of(params.get("specialityId"))
        if found is None:
            raise Trouble(trouble.INVALID, "Не указана специальность: specialityId")
        return found

    def _closed_specialities(self) -> list[tuple[int, str]]:
        by_speciality: dict[tuple[int, str], list[Body]] = {}
        for one in self._catalog.live("schedules"):
            if isinstance(one.get("arSpecialityId"), int):
                name = (one["arSpecialityId"], str(one.get("arSpecialityName")))
                by_speciality.setdefault(name, []).append(one)
        return [name for name, schedules in sorted(by_speciality.items()) if needs_referral(schedules)]

    def _referral_ids(self, policy: Body) -> set[Any]:
        ids = {_referral_id(policy, one) for one, _ in self._closed_specialities()}
        return ids | {str(one) for one in ids}


def _referral_id(policy: Body, speciality: int) -> int:
    return number("referral", f"{policy['policyNumber']}/{speciality}", 12)


def _booked(record: Record) -> Body:
    one = appointment_id(record)
    return {"appointmentId": one, "appointmentNumber": str(one)[-8:]}


def _coming(visit: Body, now: datetime) -> bool:
    try:
        start = datetime.fromisoformat(str(visit.get("startTime")))
    except ValueError:
        return False
    start = start if start.tzinfo is not None else start.replace(tzinfo=MOSCOW)
    return visit.get("status") == "BOOKED" and start > now


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
