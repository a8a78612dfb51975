"""Where a citizen can be received: clinics, doctors and free times that the portal shows (its picture of EMIAS)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from medmost_stand.clock import MOSCOW
from medmost_stand.dialect import Body
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

_DAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list to choose from."""

    value: str
    name: str
    more: str
    own: bool = False


class Booking:
    """Reads only; what is booked goes through the desk and the portal's own rules."""

    def __init__(self, system: System) -> None:
        self._system = system

    def clinics(self, attached: str) -> list[Choice]:
        """Clinics that receive by self-booking, the citizen's own first."""
        counted: defaultdict[str, int] = defaultdict(int)
        for schedule in self.open_schedules():
            counted[schedule["OID организации"]] += 1
        found = [Choice(oid, self.clinic(oid), f"врачей: {number}", oid == attached) for oid, number in counted.items()]
        return sorted(found, key=lambda one: (not one.own, one.name))

    def clinic(self, oid: str) -> str:
        """The name of a clinic; its OID where the portal does not know it."""
        for record in self._system.shelves["organizations"].equal({"OID": oid}):
            body = record.fields()
            return str(body.get("Краткое наименование") or body["Полное наименование"])
        return oid

    def doctors(self, oid: str) -> list[tuple[str, list[Choice]]]:
        """Doctors of a clinic with free time, by speciality."""
        found: defaultdict[str, list[Choice]] = defaultdict(list)
        for schedule in self.open_schedules():
            free = self.free(schedule["Расписание"]) if schedule["OID организации"] == oid else []
            if free:
                more = f"свободно {len(free)}, ближайшее {min(starts for starts, _ in free):%d.%m в %H:%M}"
                name = schedule.get("Специальность") or "Врач"
                found[name].append(Choice(schedule["Расписание"], doctor_of(schedule), more))
        return sorted((name, sorted(doctors, key=lambda one: one.name)) for name, doctors in found.items())

    def schedule(self, oid: str, number: str) -> Body:
        """A schedule of the clinic that is open to citizens; Refusal NOT_FOUND."""
        for record in self._system.shelves["schedules"].equal({"Расписание": number, "OID организации": oid}):
            body = record.fields()
            if body.get("Самозапись", "Да") == "Да":
                return body
        raise Refusal(Reason.NOT_FOUND, "К этому врачу через портал не записывают", status=404)

    def days(self, number: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Free times of a schedule: day in words, then (hour, the slot's own start)."""
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for starts, slot in sorted(self.free(number), key=lambda one: one[0]):
            found[f"{starts:%d.%m.%Y}, {_DAYS[starts.weekday()]}"].append((f"{starts:%H:%M}", slot["Начало"]))
        return list(found.items())

    def visit(self, policy_number: str, schedule: Body, starts: str, comment: str) -> Body:
        """What a citizen's form sends; Refusal SLOT_TAKEN where the time is no longer shown as free."""
        slot = next((slot for _, slot in self.free(schedule["Расписание"]) if slot["Начало"] == starts), None)
        if slot is None:
            raise Refusal(Reason.SLOT_TAKEN, "Это время уже занято: выберите другое")
        body = {
            "Номер полиса": policy_number,
            "OID организации": schedule["OID организации"],
            "СНИЛС врача": schedule["СНИЛС врача"],
            "Начало приёма": slot["Начало"],
            "Окончание приёма": slot.get("Окончание"),
            "Расписание": schedule["Расписание"],
            "Кабинет": schedule.get("Кабинет"),
            "Врач": doctor_of(schedule),
            "Специальность": schedule.get("Специальность"),
            "Статус записи": "Записан",
            "Кем записан": "Пациент",
            "Комментарий": comment,
        }
        return {name: value for name, value in body.items() if value}

    def open_schedules(self) -> list[Body]:
        found = [record.fields() for record in self._system.shelves["schedules"] if not record.deleted]
        return [one for one in found if one.get("Самозапись", "Да") == "Да"]

    def free(self, number: str) -> list[tuple[datetime, Body]]:
        """Slots to come that the portal shows as free and knows no visit at."""
        now = self._system.clock.now()
        slots = self._system.shelves["slots"].equal({"Расписание": number, "Состояние": "Свободно"})
        visits = self._system.shelves["visits"].equal({"Расписание": number, "Статус записи": "Записан"})
        held = {record.fields()["Начало приёма"] for record in visits}
        found = [record.fields() for record in slots]
        timed = [(_moment(slot["Начало"]), slot) for slot in found if slot["Начало"] not in held]
        return [(starts, slot) for starts, slot in timed if starts > now]


def doctor_of(schedule: Body) -> str:
    """Last name and initials."""
    names = (schedule.get("Имя врача"), schedule.get("Отчество врача"))
    return f"{schedule['Фамилия врача']} " + " ".join(f"{name[0]}." for name in names if name)


def _moment(text: str) -> datetime:
    return datetime.strptime(text[:16], "%d.%m.%Y %H:%M").replace(tzinfo=MOSCOW)
