"""The methods of КУ ФЭР over the portal's records (facts/gosuslugi.md §3.3): find, choose, book, cancel, update.

MO and doctors are named by OID and СНИЛС, slots by the record's own id. What is booked here is the portal's visit.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from medmost_stand.clock import MOSCOW
from medmost_stand.desk import PersonDesk
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.booking import Booking
from medmost_stand.gosuslugi.fer.dialogue import NO_DATA, NO_REFERRAL, Dialogue, Dialogues, Refused
from medmost_stand.gosuslugi.fer.envelope import V1, Asked
from medmost_stand.records import Record
from medmost_stand.refusal import Refusal
from medmost_stand.system import System

Answer = dict[str, Any]
SUCCESS = {"Status": {"Status_Code": "SUCCESS"}}
STATUSES = {"ARRIVED": "Прибыл", "DONE": "Завершён", "NOSHOW": "Не явился", "CANCELLED": "Отменена"}
"""UpdateAppointmentStatus: the real values are not known (facts/emias.md §2.1, a gap); these are our model."""


class Methods:
    """`table`: a method's name and what answers it."""

    def __init__(self, system: System, desk: PersonDesk) -> None:
        self._system, self._desk = system, desk
        self._booking = Booking(system)
        self._dialogues = Dialogues(system.clock)
        self.table: Mapping[str, Callable[[Asked], Answer]] = {
            "GetPatientInfo": self.patient,
            "GetMOInfoExtended": self.organizations,
            "GetServicePostSpecsInfo": self.posts,
            "GetMOResourceInfo": self.resources,
            "GetScheduleInfo": self.schedule,
            "CreateAppointment": self.create,
            "CancelAppointment": self.cancel,
            "GetReferralInfo": self.referral,
            "UpdateAppointmentStatus": self.update,
            "CreateHouseCall": self.house_call,
            "CancelHouseCall": self.house_call,
        }

    # ------------------------------------------------------------ who
    def patient(self, asked: Asked) -> Answer:
        """By policy number and birth date; names and СНИЛС, where given, must not contradict."""
        given = {name: asked.text("Patient_Data", name) for name in _NAMES | {"OMS_Number": "", "Birth_Date": ""}}
        shelf = self._system.shelves["policies"]
        for id_ in sorted(shelf.keyed((given["OMS_Number"],))):
            policy = shelf.records[id_].fields()
            if _iso(policy.get("Дата рождения")) == given["Birth_Date"] and _agrees(policy, given):
                dialogue = self._dialogues.begin(asked.text("Session_ID"), policy)
                return {"Session_ID": asked.text("Session_ID"), "Patient_Id": dialogue.patient_id}
        raise Refused(NO_DATA, "Пациент с такими данными не найден")

    # ------------------------------------------------------------ where and when
    def organizations(self, asked: Asked) -> Answer:
        dialogue = self._within(asked)
        oids = {str(one["OID организации"]) for one in self._booking.open_schedules()}
        attached = str(dialogue.policy.get("Поликлиника прикрепления") or "")
        shown = []
        for oid in sorted(oids, key=lambda one: (one != attached, one)):
            for record in self._system.shelves["organizations"].equal({"OID": oid}):
                body = record.fields()
                name, address, phone = body.get("Краткое наименование"), body.get("Адрес"), body.get("Телефон")
                if asked.namespace == V1:
                    shown.append({"MO_Id": oid, "Organization_Name": name, "Address_MO": address, "Reg_Phone": phone})
                else:
                    line = {"MO_Id": oid, "MO_OID": oid, "MO_Name": name, "MO_Address": address, "MO_Phone": phone}
                    shown.append(line)
        return {**_session(asked), "MO_List": {"MO": shown}}

    def posts(self, asked: Asked) -> Answer:
        """Positions of a clinic: the portal's own speciality codes (real ones are НСИ positions)."""
        self._within(asked)
        oid = asked.text("MO_Id")
        found = {
            str(one["Код специальности"]): one.get("Специальность")
            for one in self._booking.open_schedules()
            if one["OID организации"] == oid and one.get("Код специальности")
        }
        if not found:
            raise Refused(NO_DATA, "В этой организации никто не принимает по записи")
        return {
            **_session(asked),
            "Post": [{"Post_Id": code, "Post_Name": name} for code, name in sorted(found.items())],
        }

    def resources(self, asked: Asked) -> Answer:
        """Doctors of the asked positions with the days that have free time, or the reason why there is none."""
        self._within(asked)
        oids, posts = set(asked.anywhere("MO_OID")), set(asked.anywhere("Post_Id"))
        shown = []
        for oid in sorted(oids):
            resources = [
                self._resource(one, asked)
                for one in self._booking.open_schedules()
                if one["OID организации"] == oid and str(one.get("Код специальности")) in posts
            ]
            if resources:
                shown.append({"MO_OID": oid, "Resource_Available": {"Resource": resources}})
        if not shown:
            raise Refused(NO_DATA, "Врачей на этих должностях нет")
        return {**_session(asked), "MO_Resource_List": {"MO_Available": shown}}

    def _resource(self, schedule: Body, asked: Asked) -> Answer:
        days = sorted({starts.date() for starts, _ in self._free(schedule, asked)})
        shown: Answer = {
            "Specialist": {
                "Last_Name": schedule.get("Фамилия врача"),
                "First_Name": schedule.get("Имя врача"),
                "Middle_Name": schedule.get("Отчество врача"),
                "SNILS": schedule.get("СНИЛС врача"),
            }
        }
        if days:
            return shown | {"Available_Dates": {"Available_Date": [f"{day}T00:00:00+03:00" for day in days]}}
        return shown | {"No_Schedule_Reason": {"No_Schedule_Reason_Code": "NO_FREE_SLOTS"}}

    def schedule(self, asked: Asked) -> Answer:
        self._within(asked)
        wanted = {_digits(one) for one in asked.anywhere("Specialist_SNILS")}
        shown = []
        for one in self._booking.open_schedules():
            if one["OID организации"] == asked.text("MO_OID") and _digits(one.get("СНИЛС врача")) in wanted:
                for starts, slot in self._free(one, asked):
                    when = f"{starts:%Y-%m-%dT%H:%M:%S}.000" if asked.namespace == V1 else starts.isoformat()
                    shown.append({"Slot_Id": self._slot_id(slot), "VisitTime": when, "Room": one.get("Кабинет")})
        if not shown:
            raise Refused(NO_DATA, "Свободного времени нет")
        return {**_session(asked), "Schedule": {"Slots": sorted(shown, key=lambda one: str(one["VisitTime"]))}}

    # ------------------------------------------------------------ bookings
    def create(self, asked: Asked) -> Answer:
        dialogue = self._within(asked)
        slot = self._system.shelves["slots"].records.get(asked.text("Slot_Id"))
        if slot is None or slot.deleted:
            raise Refused(NO_DATA, "Такого времени приёма нет")
        body = slot.fields()
        for one in self._booking.open_schedules():
            if one["Расписание"] == body["Расписание"]:
                visit = self._booking.visit(str(dialogue.policy["Номер полиса"]), one, body["Начало"], "")
                record = self._desk.do("POST", "visits", None, visit, None)
                return {**_session(asked), **SUCCESS, "Book_Id_Mis": record.id, "Slot_Id": slot.id}
        raise Refused(NO_DATA, "К этому врачу через портал не записывают")

    def cancel(self, asked: Asked) -> Answer:
        """Only the patient's own visit."""
        dialogue = self._within(asked)
        record = self._visit(asked)
        body = record.fields()
        if body.get("Номер полиса") != dialogue.policy["Номер полиса"]:
            raise Refused(NO_DATA, "Такой записи у пациента нет")
        left = {**body, "Статус записи": "Отменена", "Причина отмены": "Отменена пациентом"}
        self._desk.do("PUT", "visits", record.id, left, None)
        return {**_session(asked), **SUCCESS, "Book_Id_Mis": record.id}

    def update(self, asked: Asked) -> Answer:
        """The МИС tells what became of a visit; needs no dialogue of a patient."""
        status = STATUSES.get(asked.text("Status") or asked.text("Status_Code"))
        if status is None:
            raise Refused("SIM_UNKNOWN_STATUS", f"Статус может быть: {', '.join(STATUSES)}")
        record = self._visit(asked)
        self._desk.do("PUT", "visits", record.id, {**record.fields(), "Статус записи": status}, None)
        return {**_session(asked), **SUCCESS, "Book_Id_Mis": record.id}

    def referral(self, asked: Asked) -> Answer:
        """The portal of the stand keeps no referrals."""
        self._within(asked)
        raise Refused(NO_REFERRAL, "Направление не найдено")

    def house_call(self, asked: Asked) -> Answer:
        """The stand models no house calls."""
        self._within(asked)
        raise Refused(NO_DATA, "Вызов врача на дом недоступен")

    # ------------------------------------------------------------ inside
    async def committed(self) -> None:
        await self._system.storage.committed()

    def _within(self, asked: Asked) -> Dialogue:
        return self._dialogues.of(asked.text("Session_ID"))

    def _visit(self, asked: Asked) -> Record:
        record = self._system.shelves["visits"].records.get(asked.text("Book_Id_Mis"))
        if record is None or record.deleted:
            raise Refused(NO_DATA, "Такой записи нет")
        return record

    def _free(self, schedule: Body, asked: Asked) -> list[tuple[datetime, Body]]:
        first, last = _day(asked.text("Start_Date_Range")), _day(asked.text("End_Date_Range"))
        early, late = asked.text("Start_Time_Range") or "00:00:00", asked.text("End_Time_Range") or "24"
        return [
            (starts, slot)
            for starts, slot in self._booking.free(schedule["Расписание"])
            if (first or date.min) <= starts.date() <= (last or date.max) and early <= f"{starts:%H:%M:%S}" <= late
        ]

    def _slot_id(self, slot: Body) -> str:
        found = self._system.shelves["slots"].equal({"Расписание": slot["Расписание"], "Начало": slot["Начало"]})
        return found[0].id


def refusal_of(refusal: Refusal) -> Refused:
    """A refusal by the portal's own rules, as КУ ФЭР words it."""
    return Refused(f"SIM_{refusal.reason.name}", refusal.text)


_NAMES = {"Last_Name": "Фамилия", "First_Name": "Имя", "Middle_Name": "Отчество", "SNILS": "СНИЛС"}


def _agrees(policy: Body, given: Mapping[str, str]) -> bool:
    """A live client matches names by `lower().strip()`; ё and е are one letter to people (facts/emias.md §2.1)."""
    for name, field in _NAMES.items():
        mine, theirs = str(policy.get(field) or ""), given[name]
        same = _digits(mine) == _digits(theirs) if name == "SNILS" else _plain(mine) == _plain(theirs)
        if mine and theirs and not same:
            return False
    return True


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().lower().replace("ё", "е")


def _digits(text: Any) -> str:
    return "".join(one for one in str(text or "") if one.isdigit())


def _iso(text: Any) -> str:
    day, _, rest = str(text or "").partition(".")
    month, _, year = rest.partition(".")
    return f"{year}-{month}-{day}"


def _day(text: str) -> date | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when.astimezone(MOSCOW) if when.tzinfo is not None else when).date()


def _session(asked: Asked) -> Answer:
    return {"Session_ID": asked.text("Session_ID")}
