"""One object of each kind as both systems show it: the two documents mean the same and are written back unchanged."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from medmost.domain import history
from medmost.domain.kinds import Owner, Style
from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings, mapping_hash

G, E = Side.GOSUSLUGI, Side.EMIAS
MAPPINGS = load_mappings()
CLINIC = "1.2.643.5.1.13.13.12.2.77.10425"
SUBMITTED, FIRST, LAST = "2026-11-20T14:23:02", "2026-11-20T14:23:09", "2026-11-23T10:00:07"

DOCS: dict[str, dict[Side, dict[str, Any]]] = {
    "policy": {
        G: {
            "Номер полиса": "7756410834123459",
            "Вид полиса": "Полис ОМС единого образца",
            "Фамилия": "Воробьёв",
            "Имя": "Артём",
            "Отчество": "",
            "Дата рождения": "15.03.1985",
            "Пол": "Мужской",
            "СНИЛС": "112-233-445 95",
            "Телефон": "+7(910)2206415",
            "Электронная почта": "artem@example.ru",
            "Код страховой организации": "77013",
            "Страховая организация": "АО «Страховая компания»",
            "Дата выдачи": "01.05.2012",
            "Поликлиника прикрепления": CLINIC,
            "Статус": "Действует",
            "Примечание портала": "проверено",
        },
        E: {
            "policyNumber": "7756410834123459",
            "policyType": "3",
            "lastName": "Воробьёв",
            "firstName": "Артём",
            "birthDate": "1985-03-15",
            "sex": "M",
            "snils": "11223344595",
            "phone": "+79102206415",
            "email": "artem@example.ru",
            "insurer": {"code": "77013", "name": "АО «Страховая компания»", "region": 77},
            "validFrom": "2012-05-01",
            "attachment": {"lpuOid": CLINIC},
            "status": "ACTIVE",
            "ehrId": "e-1",
        },
    },
    "organization": {
        G: {
            "OID": f"{CLINIC}.0.20901",
            "Полное наименование": "Филиал № 1",
            "Краткое наименование": "ГП 62 Ф 1",
            "Головная организация": CLINIC,
            "Тип": "Поликлиника",
            "ИНН": "7707083893",
            "ОГРН": "1027700132195",
            "КПП": "773601001",
            "Адрес": "ул. Красноармейская, д. 18",
            "Телефон": "+7(495)6120000",
            "Часы работы": "пн–пт 08:00–20:00",
            "Широта": "55,8027",
            "Долгота": "37,5",
            "Действует": "Нет",
        },
        E: {
            "oid": f"{CLINIC}.0.20901",
            "nameFull": "Филиал № 1",
            "lpuShortName": "ГП 62 Ф 1",
            "parentOid": CLINIC,
            "type": "Поликлиника",
            "inn": "7707083893",
            "ogrn": "1027700132195",
            "kpp": "773601001",
            "defaultAddress": "ул. Красноармейская, д. 18",
            "addressPointId": 42,
            "phone": "+74956120000",
            "workTime": "пн–пт 08:00–20:00",
            "latitude": 55.8027,
            "longitude": 37.5,
            "deleteDate": "2026-10-01",
        },
    },
    "schedule": {
        G: {
            "Расписание": "20417",
            "СНИЛС врача": "087-654-303 00",
            "Фамилия врача": "Зверев",
            "Имя врача": "Артём",
            "Отчество врача": "Дмитриевич",
            "Код специальности": "602",
            "Специальность": "Терапевт участковый",
            "OID организации": CLINIC,
            "Кабинет": "304",
            "Период с": "23.11.2026",
            "Период по": "06.12.2026",
            "Самозапись": "Да",
        },
        E: {
            "scheduleId": 20417,
            "doctor": {
                "snils": "08765430300",
                "lastName": "Зверев",
                "firstName": "Артём",
                "secondName": "Дмитриевич",
                "employeeId": 7,
            },
            "arSpecialityId": 602,
            "arSpecialityName": "Терапевт участковый",
            "lpuOid": CLINIC,
            "room": {"number": "304"},
            "period": {"dateFrom": "2026-11-23", "dateTo": "2026-12-06"},
            "selfBooking": True,
        },
    },
    "slot": {
        G: {
            "Расписание": "20417",
            "Начало": "23.11.2026 10:00",
            "Окончание": "23.11.2026 10:12",
            "Состояние": "Свободно",
            "Вид приёма": "1863",
        },
        E: {
            "scheduleId": "20417",
            "startTime": "2026-11-23T10:00:00+03:00",
            "endTime": "2026-11-23T10:12:00+0300",
            "status": "FREE",
            "receptionType": {"code": "1863"},
        },
    },
    "visit": {
        G: {
            "Номер полиса": "7756410834123459",
            "OID организации": CLINIC,
            "СНИЛС врача": "087-654-303 00",
            "Начало приёма": "23.11.2026 10:00",
            "Окончание приёма": "23.11.2026 10:12",
            "Кабинет": "304",
            "Врач": "Зверев А. Д.",
            "Специальность": "Терапевт участковый",
            "Статус записи": "Отменена",
            "Причина отмены": "Пациент передумал",
            "Кем записан": "Пациент",
        },
        E: {
            "policyNumber": "7756410834123459",
            "lpuOid": CLINIC,
            "doctor": {"snils": "08765430300"},
            "startTime": "2026-11-23T10:00:00",
            "endTime": "2026-11-23T10:12:00+03:00",
            "roomNumber": "304",
            "doctorFio": "Зверев А. Д.",
            "specialityName": "Терапевт участковый",
            "status": "CANCELLED",
            "cancelReason": "Пациент передумал",
            "source": "PORTAL",
            "movedTo": "v-2",
        },
    },
    "result": {
        G: {
            "Номер документа": "6f1b7c1e",
            "Номер полиса": "7756410834123459",
            "Категория": "Лабораторное",
            "Наименование": "Общий анализ крови",
            "Код услуги": "B03.016.002",
            "Статус": "Готов",
            "Дата взятия": "20.11.2026 08:10",
            "Дата выдачи": "21.11.2026",
            "OID организации": CLINIC,
            "Врач": "Зверев А. Д.",
            "Заключение": "Норма",
            "Показатели": [
                {
                    "Код": "1017128",
                    "Показатель": "Гемоглобин",
                    "Значение": "134,5",
                    "Единица": "г/л",
                    "Нижняя граница": "120",
                    "Верхняя граница": "160",
                    "Отклонение": "Нет",
                },
                {"Код": "1017129", "Показатель": "Эритроциты", "Значение": "3,10", "Отклонение": "Ниже"},
            ],
        },
        E: {
            "documentId": "6f1b7c1e",
            "omsNumber": "7756410834123459",
            "type": "LAB",
            "title": "Общий анализ крови",
            "serviceCode": "B03.016.002",
            "status": "FINAL",
            "collectedAt": "2026-11-20T08:10:00+03:00",
            "issuedAt": "2026-11-21",
            "lpuOid": CLINIC,
            "doctorFio": "Зверев А. Д.",
            "conclusion": "Норма",
            "observations": [
                {
                    "code": "1017128",
                    "name": "Гемоглобин",
                    "value": 134.5,
                    "unit": "г/л",
                    "low": 120,
                    "high": 160.0,
                    "interpretation": "N",
                    "device": "XN-1000",
                },
                {"code": 1017129, "name": "Эритроциты", "value": 3.1, "interpretation": "L"},
            ],
        },
    },
    "vaccination": {
        G: {
            "Номер полиса": "7756410834123459",
            "Инфекция": "Грипп",
            "Дата вакцинации": "05.10.2026",
            "Доза": "1",
            "Вакцина": "Ультрикс Квадри",
            "Серия": "U120825",
            "OID организации": CLINIC,
            "Реакция": "Без реакции",
        },
        E: {
            "unitedNumber": "7756410834123459",
            "infectionName": "Грипп",
            "dateVaccination": "2026-10-05",
            "doseNumber": 1,
            "vaccineName": "Ультрикс Квадри",
            "series": "U120825",
            "lpuOid": CLINIC,
            "reactionKind": "Без реакции",
            "age": 41,
        },
    },
    "request": {
        G: {
            "Номер полиса": "7756410834123459",
            "order": {
                "id": 2354270898,
                "orderType": "ORDER",
                "orderStatusId": 3,
                "eserviceId": "10000000109",
                "serviceName": "Прикрепление к поликлинике",
                "orderDate": f"{SUBMITTED}.000+0300",
                "orderAttributes": [
                    {"name": "region", "value": "77"},
                    {"name": "policyNumber", "value": "7756410834123459"},
                ],
                "orderAttachmentFiles": [
                    {
                        "id": "2354270898/files/eg",
                        "fileName": "a.pdf",
                        "fileSize": 48,
                        "mimeType": "application/pdf",
                    }
                ],
                "statuses": [
                    {
                        "id": 91,
                        "statusId": 3,
                        "title": "Услуга оказана",
                        "date": f"{LAST}.000+0300",
                        "finalStatus": True,
                        "comment": "Готово",
                        "originRowId": "r-2",
                    },
                    {
                        "id": 90,
                        "statusId": 17,
                        "title": "Зарегистрировано на портале",
                        "date": f"{FIRST}.586+0300",
                        "comment": "",
                    },
                ],
            },
        },
        E: {
            "orderId": 2354270898,
            "serviceCode": "10000000109",
            "serviceName": "Прикрепление к поликлинике",
            "policyNumber": "7756410834123459",
            "submittedAt": f"{SUBMITTED}+03:00",
            "statusId": 3,
            "statusName": "Услуга оказана",
            "statusAt": f"{LAST}+03:00",
            "final": True,
            "files": [{"name": "a.pdf", "size": 48, "mimeType": "application/pdf"}],
            "history": [
                {
                    "id": "r-1",
                    "statusId": 17,
                    "title": "Зарегистрировано на портале",
                    "at": "2026-11-20T14:23:40+03:00",
                    "originRowId": "90",
                },
                {
                    "id": "r-2",
                    "statusId": 3,
                    "title": "Услуга оказана",
                    "at": f"{LAST}+03:00",
                    "comment": "Готово",
                },
            ],
        },
    },
}


@pytest.mark.parametrize("kind", MAPPINGS)
def test_both_documents_mean_the_same(kind: str) -> None:
    mapping = MAPPINGS[kind]
    shown = {side: mapping.read(side, DOCS[kind][side]) for side in BOTH}
    assert shown[G].problems == shown[E].problems == ()
    for field in mapping.kind.fields:
        g, e = shown[G].fields[field.name], shown[E].fields[field.name]
        assert history.level(g, e) if field.style is Style.GROW else g == e, field.name
    assert mapping.kind.key_of(shown[G].fields) == mapping.kind.key_of(shown[E].fields) is not None


@pytest.mark.parametrize("side", BOTH)
@pytest.mark.parametrize("kind", MAPPINGS)
def test_what_was_read_writes_nothing_new(kind: str, side: Side) -> None:
    doc = DOCS[kind][side]
    other = MAPPINGS[kind].read(side.other, DOCS[kind][side.other]).fields
    assert MAPPINGS[kind].write(side, other, doc) == doc


def _writes_all(kind: str, side: Side) -> bool:
    """False where that side rules some fields: nothing of ours creates a record there."""
    places = [field.place(side) for field in MAPPINGS[kind].rule.fields]
    return all(place is not None and place.writes for place in places)


@pytest.mark.parametrize(
    ("kind", "side"), [(kind, side) for kind in MAPPINGS for side in BOTH if _writes_all(kind, side)]
)
def test_new_document_reads_as_its_source(kind: str, side: Side) -> None:
    mapping = MAPPINGS[kind]
    fields = mapping.read(side.other, DOCS[kind][side.other]).fields
    made = mapping.read(side, mapping.write(side, fields, None))
    assert made.problems == ()
    for name, value in fields.items():
        assert history.level(made.fields[name], value) if name == "history" else made.fields[name] == value


@pytest.mark.parametrize("kind", MAPPINGS)
def test_examples_of_the_file_fit_it(kind: str) -> None:
    mapping = MAPPINGS[kind]
    for field in mapping.rule.fields:
        for side in BOTH:
            place = field.place(side)
            if field.rows or field.example is None or place is None or not place.writes:
                continue
            doc = mapping.write(side, {field.name: field.example}, None)
            assert mapping.read(side, doc).fields[field.name] == field.example, field.name


def test_one_field_changes_and_the_rest_stays() -> None:
    doc = DOCS["policy"][E]
    before = copy.deepcopy(doc)
    written = MAPPINGS["policy"].write(E, {"insurer_name": "ООО «Другая»", "phone": None}, doc)
    assert doc == before
    expected = copy.deepcopy(doc)
    expected["insurer"]["name"] = "ООО «Другая»"
    del expected["phone"]
    assert written == expected


def test_emptied_field_stays_blank_on_portal() -> None:
    written = MAPPINGS["policy"].write(G, {"phone": None, "valid_to": None}, DOCS["policy"][G])
    assert written == {**DOCS["policy"][G], "Телефон": ""}


def test_other_name_in_use_is_kept() -> None:
    doc = DOCS["result"][E]
    written = MAPPINGS["result"].write(E, {"policy_number": "7752700898000013"}, doc)
    assert written == {**doc, "omsNumber": "7752700898000013"}
    assert "omsNumber" not in MAPPINGS["result"].write(E, {"policy_number": None}, doc)


def test_rows_keep_fields_of_their_own() -> None:
    mapping, doc = MAPPINGS["result"], DOCS["result"][E]
    rows = copy.deepcopy(mapping.read(E, doc).fields["observations"])
    rows[0]["value"] = "140"
    rows.append({**rows[1], "code": "1", "name": "Лейкоциты", "value": "5.5"})
    written = mapping.write(E, {"observations": rows[::-1]}, doc)
    assert written["observations"] == [
        {"code": "1", "name": "Лейкоциты", "value": 5.5, "interpretation": "L"},
        doc["observations"][1],
        {**doc["observations"][0], "value": 140},
    ]


def test_visit_knows_its_states_and_refusal() -> None:
    kind = MAPPINGS["visit"].kind
    assert kind.field("status").style is Style.FORWARD
    assert kind.field("cancel_reason").leader == "status"
    assert kind.key_released({"status": "cancelled"})
    assert not kind.key_released({"status": "fulfilled"})
    assert kind.is_final({"status": "fulfilled"})
    assert kind.refusal == {"SIM_SLOT_TAKEN": {"status": "rejected", "cancel_reason": None}}
    assert "cancelled" not in kind.field("status").order["arrived"]


def test_owners_are_those_of_the_design() -> None:
    owners = {name: {f.name for f in MAPPINGS["policy"].kind.fields if f.owner is name} for name in Owner}
    assert owners[Owner.GOSUSLUGI] == {"phone", "email"}
    assert owners[Owner.PERSON] == {
        "policy_type",
        "last_name",
        "first_name",
        "patronymic",
        "birth_date",
        "sex",
        "snils",
    }
    assert owners[Owner.LATEST] == set()


def test_parents_come_before_their_children() -> None:
    order = list(MAPPINGS)
    for mapping in MAPPINGS.values():
        for parent in mapping.kind.parents.values():
            assert order.index(parent) <= order.index(mapping.kind.name)


def test_hash_names_the_meaning_only() -> None:
    assert mapping_hash(MAPPINGS) == mapping_hash(load_mappings())
    assert mapping_hash(MAPPINGS) != mapping_hash({"policy": MAPPINGS["policy"]})
