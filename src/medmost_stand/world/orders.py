"""Requests: orders of the portal with their history, as the order API and EMIAS show them.

The order's fields are those of facts/gosuslugi.md §2.4, the statuses those of §2.7. The service code is
`eserviceId`, the policy number and the applicant's comment travel in `orderAttributes` (our model).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from medmost_stand.world.care import past_moment
from medmost_stand.world.identifiers import opaque_id
from medmost_stand.world.model import Body, Citizen, Record
from medmost_stand.world.spelling import iso_time, order_time, present

TITLES = {
    0: "Черновик заявления",
    17: "Зарегистрировано на портале",
    21: "Заявление отправлено в ведомство",
    2: "Заявление получено ведомством",
    15: "Заявление требует исправления",
    3: "Услуга оказана",
    4: "Отказано в предоставлении услуги",
}
FINAL = frozenset({3, 4, 5, 22, 24})
PORTAL_ROWS = (0, 17, 21, 2)
SERVICES = (
    ("10000000109", "Прикрепление к поликлинике"),
    ("10000000214", "Запись на диспансеризацию и профилактический осмотр"),
    ("10000000331", "Получение медицинской справки по форме 086/у"),
    ("10000000377", "Сведения об оказанных медицинских услугах и их стоимости"),
    ("10000000412", "Направление на медико-социальную экспертизу"),
)
ANSWERS = {
    3: ("Результат готов", "Заявление исполнено"),
    4: ("Не приложены необходимые документы", "Заявитель прикреплён к другой поликлинике"),
    15: ("Уточните адрес регистрации", "Приложите копию документа"),
}
PORTAL, DEPARTMENT = "ЕПГУ", "Департамент здравоохранения города Москвы"
SAME_IN_EVERY_ORDER: Body = {
    "orderType": "ORDER",
    "hasResult": False,
    "stateOrgCode": "dzm",
    "stateStructureName": DEPARTMENT,
    "serviceEpguId": "1",
    "personType": "PERSON",
    "sourceSystem": "PGU",
    "creationMode": "direct",
    "formVersion": "1",
    "location": "45000000000",
    "userSelectedRegion": "45000000000",
    "admLevelCode": "REGIONAL",
}
COMMENTS = ("Прошу рассмотреть", "Прошу сообщить о готовности", "Удобно по будням после 18 часов")


def request(rng: Random, order_id: int, citizen: Citizen, today: date, *, answered: bool) -> Record:
    """An order of the citizen with 2 to 4 rows of the portal and, when answered, what the department said."""
    code, name = rng.choice(SERVICES)
    submitted_at = past_moment(rng, today, 9, 300).replace(second=rng.randrange(60))
    at = submitted_at
    history = []
    for status in PORTAL_ROWS if answered else PORTAL_ROWS[: rng.randint(2, 4)]:
        comment = "Сообщение доставлено" if status == 2 else None
        history.append(row(status, at, comment, PORTAL))
        at += timedelta(seconds=rng.randrange(1, 9))
    record = {
        "order_id": order_id,
        "service_code": code,
        "service_name": name,
        "policy_number": citizen.policy_number,
        "applicant": citizen.oid,
        "submitted_at": submitted_at,
        "comment": rng.choice(COMMENTS) if rng.random() < 0.5 else None,
        "files": [_file(rng)] if rng.random() < 0.3 else [],
        "history": history,
    }
    if answered:
        history.append(answer(rng, at + timedelta(hours=rng.randrange(2, 140))))
    return record


def answer(rng: Random, at: datetime) -> Record:
    """What the department says next: mostly done, else refused or sent back for correction."""
    status = rng.choices((3, 4, 15), (6, 2, 1))[0]
    return row(status, at, rng.choice(ANSWERS[status]), DEPARTMENT)


def row(status: int, at: datetime, comment: str | None, sender: str) -> Record:
    """One neutral row of a history."""
    return {"status_id": status, "at": at, "comment": comment, "sender": sender}


def _file(rng: Random) -> Record:
    return {
        "name": rng.choice(("zayavlenie.pdf", "spravka.pdf", "pasport.jpg")),
        "size": rng.randrange(20_000, 3_000_000),
    }


def emias(record: Record) -> Body:
    """EMIAS' form; statusId, statusName, statusAt and final repeat the last row of the history by time."""
    last = record["history"][-1]
    return present(
        {
            "orderId": record["order_id"],
            "serviceCode": record["service_code"],
            "serviceName": record["service_name"],
            "policyNumber": record["policy_number"],
            "submittedAt": iso_time(record["submitted_at"]),
            "statusId": last["status_id"],
            "statusName": TITLES[last["status_id"]],
            "statusAt": iso_time(last["at"]),
            "final": last["status_id"] in FINAL,
            "comment": record["comment"],
            "files": [
                {"fileName": file["name"], "fileSize": file["size"], "mimeType": _mime(file["name"])}
                for file in record["files"]
            ],
            "history": [emias_row(record["order_id"], place, entry) for place, entry in enumerate(record["history"])],
        }
    )


def emias_row(order_id: int, place: int, entry: Record) -> Body:
    """A history row of EMIAS; its id is EMIAS' own."""
    return present(
        {
            "id": opaque_id("emias", "row", order_id, place),
            "statusId": entry["status_id"],
            "title": TITLES[entry["status_id"]],
            "at": iso_time(entry["at"]),
            "comment": entry["comment"],
            "sender": entry["sender"],
        }
    )


def gosuslugi(record: Record) -> Body:
    """The details of the real order API under `order`."""
    order_id: int = record["order_id"]
    rows = [_order_row(order_id, place, entry) for place, entry in enumerate(record["history"])]
    last = rows[-1]
    attributes = [{"name": "policyNumber", "value": record["policy_number"]}]
    if record["comment"]:
        attributes.append({"name": "comment", "value": record["comment"]})
    order = {
        **SAME_IN_EVERY_ORDER,
        "id": order_id,
        "orderStatusId": last["statusId"],
        "orderStatusName": last["title"],
        "currentStatusHistoryId": last["id"],
        "currentStatusHistory": last,
        "statuses": rows,
        "orderDate": order_time(record["submitted_at"]),
        "requestDate": order_time(record["submitted_at"]),
        "updated": last["date"],
        "closed": last["finalStatus"],
        "serviceName": record["service_name"],
        "eserviceId": record["service_code"],
        "serviceTargetId": f"-{record['service_code']}",
        "servicePassportId": record["service_code"][-6:],
        "userId": record["applicant"],
        "ownerId": record["applicant"],
        "orderAttributes": attributes,
        "orderAttachmentFiles": [_attachment(order_id, file) for file in record["files"]],
        "orderResponseFiles": [],
        "textMessages": [],
        "orderPayments": [],
    }
    return {"order": order}


def _order_row(order_id: int, place: int, entry: Record) -> Body:
    final = entry["status_id"] in FINAL
    return {
        "id": order_id * 10 + place,
        "orderId": order_id,
        "statusId": entry["status_id"],
        "title": TITLES[entry["status_id"]],
        "date": order_time(entry["at"]),
        "finalStatus": final,
        "hasResult": "N",
        "cancelAllowed": not final and entry["status_id"] in (17, 21, 2),
        "unreadEvent": False,
        "sender": entry["sender"],
        "comment": entry["comment"] or "",
    }


def _attachment(order_id: int, file: Record) -> Body:
    return {
        "id": f"{order_id}/files/{file['name']}",
        "fileName": file["name"],
        "fileSize": file["size"],
        "mimeType": _mime(file["name"]),
        "link": f"terrabyte://00/{order_id}/{file['name']}/2",
        "hasDigitalSignature": False,
        "type": "ATTACHMENT",
    }


def _mime(name: str) -> str:
    return "application/pdf" if name.endswith(".pdf") else "image/jpeg"
