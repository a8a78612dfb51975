"""Test records: what the programme enters, and what it changes them to. Recognisable, fictitious, unused before."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from stdnum import luhn

from medmost.domain.record import Fields
from medmost.mapping.moscow import MOSCOW

SURNAME = "Испытательный"
"""By this name people at both ends recognise a test record."""


CHANGES: dict[str, Fields] = {
    "organization": {
        "full_name": "Испытательная поликлиника (переименована)", "short_name": "Испытательная 2",
        "address": "г. Москва, ул. Испытателей, д. 2", "phone": "+74956120001", "hours": "пн–пт 09:00–21:00",
        "latitude": "55.8", "longitude": "37.5", "kpp": "773601002",
    },
    "schedule": {"room": "305", "doctor_first_name": "Пётр", "speciality_name": "Терапевт", "self_booking": False},
    "slot": {"status": "closed", "reception_type": "1864"},
    "policy": {
        "phone": "+79102206416", "email": None, "insurer_code": "77014", "insurer_name": "АО «Другая»",
        "valid_to": "2041-12-31", "first_name": "Елена", "patronymic": None, "policy_type": "temporary",
    },
    "visit": {"room": "306", "comment": "Повторный приём", "doctor_name": "Испытатель А. Д."},
    "result": {"status": "final", "conclusion": "Без патологии", "title": "Анализ крови"},
    "vaccination": {"reaction": "Слабая реакция", "vaccine": "Совигрипп", "series": "A1"},
}  # fmt: skip
"""kind -> what its owner changes afterwards."""


class Objects:
    """Records of one run. `tag` keeps runs apart; the same tag gives the same records."""

    def __init__(self, tag: str, now: datetime) -> None:
        self.tag = tag
        self._draw = Random(tag)  # noqa: S311  # test records, not secrets
        self._day = (now.astimezone(MOSCOW) + timedelta(days=14)).replace(hour=9, minute=0, second=0, microsecond=0)
        self.oid = f"1.2.643.5.1.13.13.12.2.77.99999.0.{self._draw.randrange(10**6, 10**7)}"
        self.schedule_id = f"acpt-{tag}"
        self.doctor = self._snils()
        self.patient, self.neighbour, self.stranger = self._policy(), self._policy(), self._policy()
        self._people = {number: self._snils() for number in (self.patient, self.neighbour, self.stranger)}

    def organization(self) -> Fields:
        return {
            "oid": self.oid, "full_name": f"Испытательная поликлиника {self.tag}", "short_name": "Испытательная",
            "parent_oid": None, "type": "Поликлиника", "inn": "7707083893", "ogrn": "1027700132195", "kpp": "773601001",
            "address": "г. Москва, ул. Испытателей, д. 1", "phone": "+74956120000", "hours": "пн–пт 08:00–20:00",
            "latitude": "55.8027", "longitude": "37.5459", "active": True,
        }  # fmt: skip

    def schedule(self) -> Fields:
        first, last = self._day - timedelta(days=1), self._day + timedelta(days=13)
        return {
            "schedule_id": self.schedule_id, "doctor_snils": self.doctor, "doctor_last_name": SURNAME,
            "doctor_first_name": "Артём", "doctor_patronymic": "Дмитриевич", "speciality_code": 602,
            "speciality_name": "Терапевт участковый", "organization_oid": self.oid, "room": "304",
            "from_date": first.date().isoformat(), "to_date": last.date().isoformat(), "self_booking": True,
        }  # fmt: skip

    def slot(self, number: int) -> Fields:
        return {
            "schedule_id": self.schedule_id, "starts_at": self._at(number), "ends_at": self._at(number, 12),
            "status": "free", "reception_type": "1863",
        }  # fmt: skip

    def policy(self, number: str) -> Fields:
        return {
            "policy_number": number, "policy_type": "single", "last_name": SURNAME, "first_name": "Алёна",
            "patronymic": "Игоревна", "birth_date": "1985-03-15", "sex": "female", "snils": self._people[number],
            "phone": "+79102206415", "email": f"acpt-{self.tag}@example.ru", "insurer_code": "77013",
            "insurer_name": "АО «Страховая компания»", "valid_from": "2012-05-01", "valid_to": "2040-12-31",
            "clinic_oid": self.oid, "status": "active",
        }  # fmt: skip

    def visit(self, patient: str, number: int) -> Fields:
        return {
            "policy_number": patient, "organization_oid": self.oid, "doctor_snils": self.doctor,
            "starts_at": self._at(number), "ends_at": self._at(number, 12), "schedule_id": self.schedule_id,
            "room": "304", "doctor_name": f"{SURNAME} А. Д.", "speciality_name": "Терапевт участковый",
            "status": "booked", "cancel_reason": None, "comment": "Первичный приём", "booked_by": "patient",
        }  # fmt: skip

    def result(self) -> Fields:
        taken = self._day - timedelta(days=20)
        row = {"code": "1017128", "name": "Гемоглобин", "value": "141.5", "unit": "г/л", "low": "120", "high": "160"}
        return {
            "document_id": f"acpt-{self.tag}", "policy_number": self.patient, "category": "laboratory",
            "title": "Общий (клинический) анализ крови", "code": "B03.016.002", "status": "preliminary",
            "taken_at": taken.isoformat(), "issued_at": (taken + timedelta(days=1)).isoformat(),
            "organization_oid": self.oid, "doctor_name": f"{SURNAME} А. Д.", "conclusion": "Показатели в норме",
            "document_url": "https://lk.emias.example/document/acpt", "observations": [row | {"flag": "normal"}],
        }  # fmt: skip

    def vaccination(self) -> Fields:
        return {
            "policy_number": self.patient, "infection": "Грипп",
            "date": (self._day - timedelta(days=40)).date().isoformat(), "dose": 1, "vaccine": "Ультрикс Квадри",
            "series": "U120825", "organization_oid": self.oid, "reaction": "Без реакции",
        }  # fmt: skip

    def _at(self, number: int, minutes: int = 0) -> str:
        return (self._day + timedelta(minutes=12 * number + minutes)).isoformat()

    def _policy(self) -> str:
        body = f"77{self._draw.randrange(10**12, 10**13)}"
        return body + luhn.calc_check_digit(body)

    def _snils(self) -> str:
        number = self._draw.randrange(900_000_000, 999_000_000)
        total = sum(int(digit) * (9 - place) for place, digit in enumerate(f"{number:09}")) % 101 % 100
        return f"{number:09}{total:02}"


def differing(ours: Fields, theirs: Fields | None, names: list[str]) -> list[str]:
    """Names of fields that are not the same at both ends."""
    there: dict[str, Any] = theirs or {}
    return [name for name in names if ours.get(name) != there.get(name)]
