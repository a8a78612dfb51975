"""A world of two people, two clinics and one doctor, small enough to know by heart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from medmost_stand.world import Citizen, Seed, World

Body = dict[str, Any]
ANNA, BORIS = "7700000000000001", "7700000000000002"
CLINIC, BRANCH = "1.2.643.5.1.13.13.12.2.77.1001", "1.2.643.5.1.13.13.12.2.77.1001.0.1"
SNILS, RU_SNILS = "11223344595", "112-233-445 95"
ORDER = 2301000001
DAY = date(2027, 3, 10)
LONG_AGO = datetime(2026, 1, 1, 9, tzinfo=UTC)


def emias_policy(number: str, **changed: Any) -> Body:
    body: Body = {
        "policyNumber": number,
        "policyType": 3,
        "lastName": "Мостова",
        "firstName": "Анна",
        "birthDate": "1980-02-29",
        "sex": "F",
        "phone": "+79102206415",
        "status": "ACTIVE",
        "ehrId": "own-" + number[-1],
    }
    return body | changed


def gosuslugi_policy(number: str, **changed: Any) -> Body:
    body: Body = {
        "Номер полиса": number,
        "Вид полиса": "Полис ОМС единого образца",
        "Фамилия": "Мостова",
        "Имя": "Анна",
        "Дата рождения": "29.02.1980",
        "Пол": "Женский",
        "Телефон": "+7(910)2206415",
        "Статус": "Действует",
        "Примечание портала": "своё",
    }
    return body | changed


def emias_visit(number: str, start: str, **changed: Any) -> Body:
    """`start` is HH:MM on DAY."""
    body: Body = {
        "policyNumber": number,
        "lpuOid": CLINIC,
        "doctor": {"snils": SNILS},
        "startTime": f"{DAY.isoformat()}T{start}:00+03:00",
        "scheduleId": "1400001",
        "status": "BOOKED",
        "source": "REGISTRY",
    }
    return body | changed


def gosuslugi_visit(number: str, start: str, **changed: Any) -> Body:
    body: Body = {
        "Номер полиса": number,
        "OID организации": CLINIC,
        "СНИЛС врача": RU_SNILS,
        "Начало приёма": f"{DAY:%d.%m.%Y} {start}",
        "Расписание": "1400001",
        "Статус записи": "Записан",
        "Кем записан": "Пациент",
        "Врач": "Лекарева Вера Павловна",
    }
    return body | changed


def _emias() -> dict[str, list[Body]]:
    hours = ("10:00", "10:15", "10:30", "10:45")
    slots = [
        {"scheduleId": "1400001", "startTime": f"{DAY.isoformat()}T{at}:00+03:00", "status": "FREE"} for at in hours
    ]
    schedule = {
        "scheduleId": "1400001",
        "doctor": {"snils": SNILS, "lastName": "Лекарева", "firstName": "Вера"},
        "lpuOid": CLINIC,
        "period": {"dateFrom": "2027-03-01", "dateTo": "2027-03-31"},
        "selfBooking": True,
    }
    return {
        "policies": [emias_policy(ANNA), emias_policy(BORIS, firstName="Борис", sex="M")],
        "organizations": [
            {"oid": CLINIC, "nameFull": "Городская поликлиника № 1"},
            {"oid": BRANCH, "nameFull": "Филиал № 1", "parentOid": CLINIC},
        ],
        "schedules": [schedule],
        "slots": slots,
        "visits": [emias_visit(ANNA, "10:45")],
    }


def _gosuslugi() -> dict[str, list[Body]]:
    hours = ("10:00", "10:15", "10:30", "10:45")
    slots = [{"Расписание": "1400001", "Начало": f"{DAY:%d.%m.%Y} {at}", "Состояние": "Свободно"} for at in hours]
    schedule = {
        "Расписание": "1400001",
        "СНИЛС врача": RU_SNILS,
        "Фамилия врача": "Лекарева",
        "Имя врача": "Вера",
        "OID организации": CLINIC,
        "Период с": "01.03.2027",
        "Период по": "31.03.2027",
    }
    row = {"id": ORDER * 10, "orderId": ORDER, "statusId": 17, "title": "Зарегистрировано на портале"}
    row |= {"date": "2026-11-01T10:00:00.000+0300", "finalStatus": False, "cancelAllowed": True, "comment": ""}
    order = {
        "id": ORDER,
        "stateOrgCode": "dzm",
        "eserviceId": "10000000109",
        "serviceName": "Прикрепление к поликлинике",
        "orderDate": row["date"],
        "updated": row["date"],
        "orderStatusId": 17,
        "orderStatusName": row["title"],
        "statuses": [row],
        "currentStatusHistory": row,
        "orderAttributes": [{"name": "policyNumber", "value": ANNA}],
    }
    result = {
        "Номер документа": "doc-1",
        "Номер полиса": ANNA,
        "Категория": "Лабораторное",
        "Наименование": "Общий анализ крови",
        "Статус": "Готов",
        "Дата выдачи": "01.11.2026 12:00",
        "Показатели": [{"Показатель": "Гемоглобин", "Значение": "131,5", "Единица": "г/л", "Отклонение": "Нет"}],
    }
    vaccination = {"Номер полиса": ANNA, "Инфекция": "Грипп", "Дата вакцинации": "01.10.2026", "Доза": "1"}
    return {
        "policies": [gosuslugi_policy(ANNA), gosuslugi_policy(BORIS, Имя="Борис", Пол="Мужской")],
        "organizations": [
            {"OID": CLINIC, "Полное наименование": "Городская поликлиника № 1"},
            {"OID": BRANCH, "Полное наименование": "Филиал № 1", "Головная организация": CLINIC},
        ],
        "schedules": [schedule],
        "slots": slots,
        "visits": [gosuslugi_visit(ANNA, "10:45")],
        "results": [result],
        "vaccinations": [vaccination],
        "requests": [{"order": order}],
    }


def _seeds(bodies: dict[str, list[Body]], prefix: str) -> dict[str, list[Seed]]:
    seeds: dict[str, list[Seed]] = {}
    for collection, records in bodies.items():
        for place, body in enumerate(records):
            record_id = str(ORDER) if collection == "requests" else f"{prefix}-{collection}-{place}"
            changed_at = LONG_AGO + timedelta(seconds=place // 2)  # pairs share a stamp
            seeds.setdefault(collection, []).append(Seed(record_id, body, changed_at))
    return seeds


def tiny_world() -> World:
    people = (("anna", ANNA, "Анна", True), ("boris", BORIS, "Борис", False))
    citizens = [
        Citizen(
            1000300000 + place, login, "Demo-1", trusted, number, "Мостова", name, None,
            date(1980, 2, 29), "F", SNILS, None, None,
        )
        for place, (login, number, name, trusted) in enumerate(people)
    ]  # fmt: skip
    planted: dict[str, dict[str, dict[str, Any]]] = {"gosuslugi": {}, "emias": {}}
    return World(citizens, _seeds(_gosuslugi(), "g"), _seeds(_emias(), "e"), planted)
