"""Documents as people fill them in, in each system's own form, and the fields whose values tell who entered them.

Written from design §6, with nothing of medmost's mapping. Every value that a person enters in a *told* field is new
in the whole run (a token), so that wherever it shows, one knows who entered it, when, and about whom.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

Doc = dict[str, Any]
BOTH = ("gosuslugi", "emias")
OTHER = {"gosuslugi": "emias", "emias": "gosuslugi"}
COLLECTIONS = ("policies", "organizations", "visits", "results", "vaccinations", "requests")
KIND = {"policies": "policy", "organizations": "organization", "visits": "visit", "results": "result",
        "vaccinations": "vaccination", "requests": "request"}  # fmt: skip
PERSONAL = ("visits", "results", "vaccinations", "requests")
RULER = {"organizations": "emias", "results": "emias", "vaccinations": "emias"}
"""One-way kinds: the side whose values rule in any case."""


@dataclass(frozen=True)
class Told:
    """A field that people edit: where it stands at Gosuslugi and at EMIAS, whose word counts, how it is spelt."""

    name: str
    gosuslugi: str
    emias: str
    owner: str  # gosuslugi, emias, latest, person
    spelt: str = "text"

    def at(self, side: str) -> str:
        return self.gosuslugi if side == "gosuslugi" else self.emias


TOLD: dict[str, tuple[Told, ...]] = {
    "policies": (
        Told("last_name", "Фамилия", "lastName", "person", "name"),
        Told("phone", "Телефон", "phone", "gosuslugi", "phone"),
        Told("email", "Электронная почта", "email", "gosuslugi", "email"),
        Told("insurer_name", "Страховая организация", "insurer.name", "emias"),
        Told("clinic_oid", "Поликлиника прикрепления", "attachment.lpuOid", "emias", "oid"),
    ),
    "organizations": (
        Told("full_name", "Полное наименование", "nameFull", "emias"),
        Told("hours", "Часы работы", "workTime", "emias"),
    ),
    "visits": (
        Told("comment", "Комментарий", "comment", "latest"),
        Told("room", "Кабинет", "roomNumber", "emias"),
        Told("doctor_name", "Врач", "doctorFio", "emias"),
    ),
    "results": (
        Told("title", "Наименование", "title", "emias"),
        Told("conclusion", "Заключение", "conclusion", "emias"),
    ),
    "vaccinations": (
        Told("vaccine", "Вакцина", "vaccineName", "emias"),
        Told("reaction", "Реакция", "reactionKind", "emias"),
    ),
    "requests": (Told("comment", "order.orderAttributes.comment", "comment", "gosuslugi"),),
}
STATUS = {"gosuslugi": "Статус записи", "emias": "status"}
REASON = {"gosuslugi": "Причина отмены", "emias": "cancelReason"}
STATES = {
    "booked": ("Записан", "BOOKED"), "arrived": ("Прибыл", "ARRIVED"), "fulfilled": ("Завершён", "FULFILLED"),
    "noshow": ("Не явился", "NOSHOW"), "cancelled": ("Отменена", "CANCELLED"), "rejected": ("Отклонена", "REJECTED"),
}  # fmt: skip
NEXT = {"booked": ("arrived", "fulfilled", "noshow", "cancelled", "rejected"), "arrived": ("fulfilled", "noshow")}
FINAL = ("fulfilled", "noshow", "cancelled", "rejected")
DOCTORS = ("08765430300", "11223344595")
CLINIC = "1.2.643.5.1.13.13.12.2.77.10425"


def letters(number: int) -> str:
    """A number in Russian letters, for fields that take no digits."""
    text = ""
    while True:
        number, digit = divmod(number, 30)
        text = chr(ord("а") + digit) + text
        if not number:
            return "Зн" + text


def token(spelt: str, number: int) -> str:
    """The value as it means the same everywhere."""
    if spelt == "name":
        return letters(number)
    if spelt == "phone":
        return f"7910{number:07d}"
    if spelt == "email":
        return f"n{number}@example.ru"
    if spelt == "oid":
        return f"1.2.643.5.1.13.13.12.2.77.{number}"
    return f"запись {number}"


def spell(spelt: str, side: str, value: str) -> str:
    if spelt == "phone":
        return f"+7({value[1:4]}){value[4:]}" if side == "gosuslugi" else "+" + value
    return value


def meant(spelt: str, value: Any) -> str | None:
    """What a value at either side means, whatever its case or spelling."""
    if not isinstance(value, str) or not value:
        return None
    return re.sub(r"\D", "", value) if spelt == "phone" else " ".join(normalize("NFC", value).split()).casefold()


def get(doc: Doc, path: str) -> Any:
    if path == "order.orderAttributes.comment":
        return next((one["value"] for one in doc["order"]["orderAttributes"] if one["name"] == "comment"), None)
    found: Any = doc
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def put(doc: Doc, path: str, value: Any) -> Doc:
    if path == "order.orderAttributes.comment":
        rest = [one for one in doc["order"]["orderAttributes"] if one["name"] != "comment"]
        return {**doc, "order": {**doc["order"], "orderAttributes": [*rest, {"name": "comment", "value": value}]}}
    head, _, rest_of_path = path.partition(".")
    return {**doc, head: put(doc.get(head) or {}, rest_of_path, value) if rest_of_path else value}


def patient_of(side: str, collection: str, doc: Doc) -> str | None:
    """The policy number that a record names."""
    if collection == "organizations":
        return None
    if collection == "requests" and side == "gosuslugi":
        if "order" not in doc:
            return doc.get("Номер полиса")
        return next((one["value"] for one in doc["order"]["orderAttributes"] if one["name"] == "policyNumber"), None)
    return doc.get("Номер полиса" if side == "gosuslugi" else "policyNumber")


def status_of(side: str, doc: Doc) -> str:
    shown = doc.get(STATUS[side])
    return next((name for name, words in STATES.items() if words[side == "emias"] == shown), "")


def natural(side: str, collection: str, doc: Doc) -> Any:
    """What makes a record that real thing and no other; None where a visit has given its hour up."""
    g = side == "gosuslugi"
    if collection == "policies":
        return patient_of(side, collection, doc)
    if collection == "organizations":
        return doc.get("OID" if g else "oid")
    if collection == "results":
        return doc.get("Номер документа" if g else "documentId")
    if collection == "requests":
        return str(doc["order"]["id"]) if g else doc.get("orderId")
    if collection == "vaccinations":
        if g:
            day, month, year = doc["Дата вакцинации"].split(".")
            return (doc["Номер полиса"], doc["Инфекция"], f"{year}-{month}-{day}", int(doc["Доза"]))
        return (doc["policyNumber"], doc["infectionName"], doc["dateVaccination"], doc["doseNumber"])
    return hour_of(side, doc) if status_of(side, doc) not in ("cancelled", "rejected") else None


def hour_of(side: str, doc: Doc) -> tuple[str, str, str, str]:
    """Patient, clinic, doctor and hour of a visit, whatever has become of it."""
    if side == "gosuslugi":
        day, _, at = doc["Начало приёма"].partition(" ")
        starts = "-".join(reversed(day.split("."))) + "T" + at
        return (doc["Номер полиса"], doc["OID организации"], re.sub(r"\D", "", doc["СНИЛС врача"]), starts)
    return (doc["policyNumber"], doc["lpuOid"], doc["doctor"]["snils"], doc["startTime"][:16])


# ---------------------------------------------------------------- new documents
def fresh(side: str, collection: str, patient: str, key: Any, values: dict[str, str]) -> Doc:
    """A new record about `patient` with its natural key and a token in every told field."""
    doc = _BLANK[collection](side == "gosuslugi", patient, key)
    for one in TOLD[collection]:
        doc = put(doc, one.at(side), spell(one.spelt, side, values[one.name]))
    return doc


def _policy(g: bool, patient: str, key: Any) -> Doc:
    if g:
        return {"Номер полиса": patient, "Вид полиса": "Полис ОМС единого образца", "Имя": "Алёна",
                "Дата рождения": "15.03.1985", "Пол": "Женский", "Код страховой организации": "77013",
                "Статус": "Действует"}  # fmt: skip
    return {"policyNumber": patient, "policyType": "3", "firstName": "Алёна", "birthDate": "1985-03-15", "sex": "F",
            "insurer": {"code": "77013"}, "status": "ACTIVE"}  # fmt: skip


def _organization(g: bool, patient: str, key: Any) -> Doc:
    if g:
        return {"OID": key, "Тип": "Поликлиника", "Действует": "Да"}
    return {"oid": key, "type": "Поликлиника"}


def _visit(g: bool, patient: str, key: Any) -> Doc:
    doctor = key[3]
    if g:
        snils = f"{doctor[:3]}-{doctor[3:6]}-{doctor[6:9]} {doctor[9:]}"
        return {"Номер полиса": patient, "OID организации": CLINIC, "СНИЛС врача": snils,
                **hours(g, key), "Статус записи": "Записан", "Кем записан": "Пациент"}  # fmt: skip
    return {"policyNumber": patient, "lpuOid": CLINIC, "doctor": {"snils": doctor}, **hours(g, key),
            "status": "BOOKED", "source": "PORTAL"}  # fmt: skip


def hours(g: bool, key: Any) -> Doc:
    day, hour, minute, _ = key
    if g:
        return {"Начало приёма": f"{day:02d}.12.2026 {hour:02d}:{minute:02d}",
                "Окончание приёма": f"{day:02d}.12.2026 {hour:02d}:{minute + 12:02d}"}  # fmt: skip
    return {"startTime": f"2026-12-{day:02d}T{hour:02d}:{minute:02d}:00+03:00",
            "endTime": f"2026-12-{day:02d}T{hour:02d}:{minute + 12:02d}:00+03:00"}  # fmt: skip


def _result(g: bool, patient: str, key: Any) -> Doc:
    if g:
        return {"Номер документа": key, "Номер полиса": patient, "Категория": "Лабораторное", "Статус": "Готов",
                "Показатели": []}  # fmt: skip
    rows = [{"code": "1017128", "name": "Гемоглобин общий", "value": 134.5, "unit": "г/л", "low": 120, "high": 160,
             "interpretation": "N"}]  # fmt: skip
    return {"documentId": key, "policyNumber": patient, "type": "LAB", "status": "FINAL", "observations": rows}


def _vaccination(g: bool, patient: str, key: Any) -> Doc:
    date, dose = key
    if g:
        year, month, day = date.split("-")
        return {"Номер полиса": patient, "Инфекция": "Грипп", "Дата вакцинации": f"{day}.{month}.{year}",
                "Доза": str(dose)}  # fmt: skip
    return {"policyNumber": patient, "infectionName": "Грипп", "dateVaccination": date, "doseNumber": dose}


def _request(g: bool, patient: str, key: Any) -> Doc:
    number, row = key
    at = "2026-11-20T14:23:02+03:00"
    if not g:
        raise ValueError("a request is submitted at Gosuslugi")
    return {"order": {"id": number, "eserviceId": "10000000109", "serviceName": "Прикрепление к поликлинике",
                      "orderDate": at, "orderAttributes": [{"name": "policyNumber", "value": patient}],
                      "statuses": [{"id": row, "statusId": 2, "title": f"шаг {row}", "date": at}]}}  # fmt: skip


_BLANK = {"policies": _policy, "organizations": _organization, "visits": _visit, "results": _result,
          "vaccinations": _vaccination, "requests": _request}  # fmt: skip
