"""Design §6 read by the tests themselves: what both systems call each field, and how each spells it.

Shares no code with medmost.mapping and none with the stand, so that a misreading on either side shows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MOSCOW = ZoneInfo("Europe/Moscow")
Fields = dict[str, Any]


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and "." in value:
        raise ValueError("a decimal point in Russian text")
    if not isinstance(value, str | int | float):
        raise TypeError(value)
    return Decimal(str(value).replace(",", "."))


def _number(value: object) -> Decimal:
    if isinstance(value, str) or not isinstance(value, int | float):
        raise ValueError("a number was expected")
    return Decimal(str(value))


def _phone(value: str) -> str:
    digits = re.sub(r"\D", "", value)
    if len(digits) != 11:
        raise ValueError("phone")
    return "7" + digits[1:]


def _russian_snils(value: str) -> str:
    if not re.fullmatch(r"\d{3}[- ]\d{3}[- ]\d{3} \d{2}", value):
        raise ValueError("snils")
    return re.sub(r"\D", "", value)


def _snils(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d{11}", value):
        raise ValueError("snils")
    return value


def _name(value: str) -> str:
    """One letter, one sign; one space, whichever it is; none around."""
    return " ".join(unicodedata.normalize("NFC", value).split())


def _instant(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=MOSCOW)


def _words(*words: str) -> Callable[[str], int]:
    return words.index


def _date(value: str) -> date:
    day, month, year = value.split(".")
    return date(int(year), int(month), int(day))


def _time(value: str) -> datetime:
    return datetime.strptime(value, "%d.%m.%Y %H:%M").replace(tzinfo=MOSCOW)


ISO = (_date, date.fromisoformat)
AT = (_time, _instant)
TEXT = (str, str)
NAME = (_name, _name)
# collection -> canonical field: Gosuslugi name, EMIAS path, (reading there, reading here)
TABLES: dict[str, dict[str, tuple[str, str, tuple[Callable[..., Any], Callable[..., Any]]]]] = {
    "policies": {
        "policy_number": ("Номер полиса", "policyNumber", TEXT),
        "policy_type": (
            "Вид полиса",
            "policyType",
            (
                _words("", "Полис ОМС старого образца", "Временное свидетельство", "Полис ОМС единого образца"),
                _words("", "1", "2", "3"),
            ),
        ),
        "last_name": ("Фамилия", "lastName", NAME),
        "first_name": ("Имя", "firstName", NAME),
        "patronymic": ("Отчество", "secondName", NAME),
        "birth_date": ("Дата рождения", "birthDate", ISO),
        "sex": ("Пол", "sex", (_words("Мужской", "Женский"), _words("M", "F"))),
        "snils": ("СНИЛС", "snils", (_russian_snils, _snils)),
        "phone": ("Телефон", "phone", (_phone, _phone)),
        "email": ("Электронная почта", "email", TEXT),
        "insurer_code": ("Код страховой организации", "insurer.code", TEXT),
        "insurer_name": ("Страховая организация", "insurer.name", TEXT),
        "valid_from": ("Дата выдачи", "validFrom", ISO),
        "valid_to": ("Действует до", "validTo", ISO),
        "clinic_oid": ("Поликлиника прикрепления", "attachment.lpuOid", TEXT),
        "status": ("Статус", "status", (_words("Действует", "Погашен"), _words("ACTIVE", "CLOSED"))),
    },
    "organizations": {
        "oid": ("OID", "oid", TEXT),
        "full_name": ("Полное наименование", "nameFull", TEXT),
        "short_name": ("Краткое наименование", "lpuShortName", TEXT),
        "parent_oid": ("Головная организация", "parentOid", TEXT),
        "type": ("Тип", "type", TEXT),
        "inn": ("ИНН", "inn", TEXT),
        "ogrn": ("ОГРН", "ogrn", TEXT),
        "kpp": ("КПП", "kpp", TEXT),
        "address": ("Адрес", "defaultAddress", TEXT),
        "phone": ("Телефон", "phone", (_phone, _phone)),
        "hours": ("Часы работы", "workTime", TEXT),
        "latitude": ("Широта", "latitude", (_decimal, _number)),
        "longitude": ("Долгота", "longitude", (_decimal, _number)),
        "active": ("Действует", "deleteDate", (_words("Нет", "Да"), lambda day: 0 if date.fromisoformat(day) else 1)),
    },
    "schedules": {
        "schedule_id": ("Расписание", "scheduleId", TEXT),
        "doctor_snils": ("СНИЛС врача", "doctor.snils", (_russian_snils, str)),
        "doctor_last_name": ("Фамилия врача", "doctor.lastName", TEXT),
        "doctor_first_name": ("Имя врача", "doctor.firstName", TEXT),
        "doctor_patronymic": ("Отчество врача", "doctor.secondName", TEXT),
        "speciality_code": ("Код специальности", "arSpecialityId", (_decimal, _number)),
        "speciality_name": ("Специальность", "arSpecialityName", TEXT),
        "organization_oid": ("OID организации", "lpuOid", TEXT),
        "room": ("Кабинет", "room.number", TEXT),
        "from_date": ("Период с", "period.dateFrom", ISO),
        "to_date": ("Период по", "period.dateTo", ISO),
        "self_booking": ("Самозапись", "selfBooking", (_words("Нет", "Да"), int)),
    },
    "slots": {
        "schedule_id": ("Расписание", "scheduleId", TEXT),
        "starts_at": ("Начало", "startTime", AT),
        "ends_at": ("Окончание", "endTime", AT),
        "status": ("Состояние", "status", (_words("Свободно", "Занято", "Закрыто"), _words("FREE", "BUSY", "CLOSED"))),
        "reception_type": ("Вид приёма", "receptionType.code", TEXT),
    },
    "visits": {
        "policy_number": ("Номер полиса", "policyNumber", TEXT),
        "organization_oid": ("OID организации", "lpuOid", TEXT),
        "doctor_snils": ("СНИЛС врача", "doctor.snils", (_russian_snils, str)),
        "starts_at": ("Начало приёма", "startTime", AT),
        "ends_at": ("Окончание приёма", "endTime", AT),
        "schedule_id": ("Расписание", "scheduleId", TEXT),
        "room": ("Кабинет", "roomNumber", TEXT),
        "doctor_name": ("Врач", "doctorFio", TEXT),
        "speciality_name": ("Специальность", "specialityName", TEXT),
        "status": (
            "Статус записи",
            "status",
            (
                _words("Записан", "Прибыл", "Завершён", "Не явился", "Отменена", "Отклонена"),
                _words("BOOKED", "ARRIVED", "FULFILLED", "NOSHOW", "CANCELLED", "REJECTED"),
            ),
        ),
        "cancel_reason": ("Причина отмены", "cancelReason", TEXT),
        "comment": ("Комментарий", "comment", TEXT),
        "booked_by": (
            "Кем записан",
            "source",
            (_words("Пациент", "Регистратура", "Врач"), _words("PORTAL", "REGISTRY", "DOCTOR")),
        ),
    },
    "results": {
        "document_id": ("Номер документа", "documentId", TEXT),
        "policy_number": ("Номер полиса", "policyNumber", TEXT),
        "category": ("Категория", "type", (_words("Лабораторное", "Диагностическое"), _words("LAB", "DIAG"))),
        "title": ("Наименование", "title", TEXT),
        "code": ("Код услуги", "serviceCode", TEXT),
        "status": (
            "Статус",
            "status",
            (_words("Готов", "Предварительный", "Отменён"), _words("FINAL", "PRELIMINARY", "CANCELLED")),
        ),
        "taken_at": ("Дата взятия", "collectedAt", AT),
        "issued_at": ("Дата выдачи", "issuedAt", AT),
        "organization_oid": ("OID организации", "lpuOid", TEXT),
        "doctor_name": ("Врач", "doctorFio", TEXT),
        "conclusion": ("Заключение", "conclusion", TEXT),
        "document_url": ("Ссылка", "documentUrl", TEXT),
    },
    "observations": {
        "code": ("Код", "code", TEXT),
        "name": ("Показатель", "name", TEXT),
        "value": ("Значение", "value", (_decimal, _number)),
        "unit": ("Единица", "unit", TEXT),
        "low": ("Нижняя граница", "low", (_decimal, _number)),
        "high": ("Верхняя граница", "high", (_decimal, _number)),
        "flag": ("Отклонение", "interpretation", (_words("Нет", "Ниже", "Выше"), _words("N", "L", "H"))),
    },
    "vaccinations": {
        "policy_number": ("Номер полиса", "policyNumber", TEXT),
        "infection": ("Инфекция", "infectionName", TEXT),
        "date": ("Дата вакцинации", "dateVaccination", ISO),
        "dose": ("Доза", "doseNumber", (_decimal, _number)),
        "vaccine": ("Вакцина", "vaccineName", TEXT),
        "series": ("Серия", "series", TEXT),
        "organization_oid": ("OID организации", "lpuOid", TEXT),
        "reaction": ("Реакция", "reactionKind", TEXT),
    },
}
KEYS = {
    "policies": ("policy_number",),
    "organizations": ("oid",),
    "schedules": ("schedule_id",),
    "slots": ("schedule_id", "starts_at"),
    "visits": ("policy_number", "organization_oid", "doctor_snils", "starts_at"),
    "results": ("document_id",),
    "vaccinations": ("policy_number", "infection", "date", "dose"),
    "requests": ("order_id",),
}


def _at(body: Fields, path: str) -> Any:
    for step in path.split("."):
        body = body.get(step, {})
    return None if body in ("", {}) else body


def read(system: str, collection: str, body: Fields) -> Fields:
    """Canonical fields of a wire body; ValueError or TypeError if it does not fit."""
    if collection == "requests":
        return _read_request(system, body)
    side = 0 if system == "gosuslugi" else 1
    fields: Fields = {}
    for name, row in TABLES[collection].items():
        value = _at(body, row[side])
        fields[name] = None if value is None else row[2][side](value)
    if collection == "organizations" and fields["active"] is None:
        fields["active"] = 1
    if collection == "results":
        rows = body["Показатели" if side == 0 else "observations"]
        fields["observations"] = [read(system, "observations", row) for row in rows]
    return fields


def _second(value: str) -> datetime:
    """The portal keeps milliseconds of what it does itself, EMIAS whole seconds."""
    return _instant(value).replace(microsecond=0)


def _read_request(system: str, body: Fields) -> Fields:
    if system == "gosuslugi":
        order = body["order"]
        attributes = {each["name"]: each["value"] for each in order["orderAttributes"]}
        rows = [(r["statusId"], _second(r["date"]), r["title"], r.get("comment") or None) for r in order["statuses"]]
        last = order["currentStatusHistory"]
        head = (order["id"], order["eserviceId"], order["serviceName"], order["orderDate"])
        files = order.get("orderAttachmentFiles", [])
        status = (last["statusId"], last["title"], last["date"], last["finalStatus"])
        extra = (attributes["policyNumber"], attributes.get("comment"))
    else:
        rows = [(r["statusId"], _second(r["at"]), r["title"], r.get("comment")) for r in body["history"]]
        head = (body["orderId"], body["serviceCode"], body["serviceName"], body["submittedAt"])
        files = body.get("files", [])
        status = (body["statusId"], body["statusName"], body["statusAt"], body["final"])
        extra = (body["policyNumber"], body.get("comment"))
    rows.sort(key=lambda row: row[1])
    assert (rows[-1][0], rows[-1][2], rows[-1][1]) == (status[0], status[1], _second(status[2]))
    return {
        "order_id": int(head[0]),
        "service": head[1:3],
        "submitted_at": _second(head[3]),
        "policy_number": extra[0],
        "comment": extra[1],
        "files": [(file["fileName"], file["fileSize"]) for file in files],
        "history": sorted(rows, key=lambda row: (row[1], row[0])),
        "final": status[3],
    }
