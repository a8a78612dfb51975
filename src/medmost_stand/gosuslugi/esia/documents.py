"""Documents of a person at ЕСИА (facts/gosuslugi.md §1.8): which there are and which scope opens each."""

from __future__ import annotations

from datetime import date

from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.esia.persons import CHILD_UNTIL, Citizen, age, document_id, etagged, made_up

SCOPES: dict[str, frozenset[str]] = {
    "RF_PASSPORT": frozenset({"id_doc"}),
    "FRGN_PASS": frozenset({"foreign_passport_doc"}),
    "RF_DRIVING_LICENSE": frozenset({"drivers_licence_doc"}),
    "MLTR_ID": frozenset({"military_doc"}),
    "RF_BRTH_CERT": frozenset({"birth_cert_doc"}),
    "MDCL_PLCY": frozenset({"medical_doc"}),
}
EVERY_SCOPE = frozenset().union(*SCOPES.values())


def documents(citizen: Citizen, scopes: frozenset[str], policies: list[Body], today: date) -> list[Body]:
    """The documents that the scopes open; `policies` are the portal's own records of the person's number."""
    found = [
        document
        for document in (*_papers(citizen, today), *(_policy(citizen, policy) for policy in policies))
        if SCOPES[str(document["type"])] & scopes
    ]
    verified = "VERIFIED" if citizen["trusted"] else "NOT_VERIFIED"
    return [etagged({"stateFacts": ["Identifiable"], "vrfStu": verified, **document}) for document in found]


def _papers(citizen: Citizen, today: date) -> list[Body]:
    chance = made_up(citizen, "papers")
    born = date.fromisoformat(citizen["birth_date"])
    number = f"{chance.randrange(10**6):06d}"
    certificate = {
        "id": document_id(citizen, "birth"),
        "type": "RF_BRTH_CERT",
        "series": f"{chance.choice(('I', 'II', 'III'))}-МЮ",
        "number": f"{chance.randrange(10**6):06d}",
        "issueDate": f"{born:%d.%m.%Y}",
        "issuedBy": "Отдел ЗАГС г. Москвы",
    }
    if age(citizen, today) < 14:  # a passport is given at fourteen
        return [certificate]
    given = date(min(born.year + (20 if age(citizen, today) >= 20 else 14), today.year), born.month, min(born.day, 28))
    passport = {
        "id": document_id(citizen, "identity"),
        "type": "RF_PASSPORT",
        "series": f"45{given.year % 100:02d}",
        "number": number,
        "issueDate": f"{given:%d.%m.%Y}",
        "issueId": f"77{chance.randrange(1000):04d}",
        "issuedBy": "ГУ МВД России по г. Москве",
    }
    papers = [passport, certificate]
    if age(citizen, today) >= CHILD_UNTIL and chance.random() < 0.4:
        licence = {"id": document_id(citizen, "licence"), "type": "RF_DRIVING_LICENSE", "series": "9900"}
        expiry = {"issueDate": f"{given:%d.%m.%Y}", "expiryDate": f"01.01.{today.year + 4}"}
        papers.append(licence | {"number": f"{chance.randrange(10**6):06d}"} | expiry)
    return papers


def _policy(citizen: Citizen, policy: Body) -> Body:
    """MDCL_PLCY: the new policy has the number only, which is also the united number (16 digits)."""
    number = str(policy.get("Номер полиса", ""))
    series, sole = (number[:4], number[4:]) if number.startswith("7700") else (None, number)
    fields = {
        "id": document_id(citizen, f"policy/{number}"),
        "type": "MDCL_PLCY",
        "series": series,
        "number": sole,
        "unitedNumber": number if series is None else None,
        "medicalOrg": policy.get("Страховая организация"),
        "issueDate": policy.get("Дата выдачи"),
        "expiryDate": policy.get("Действует до"),
    }
    return {name: value for name, value in fields.items() if value is not None}
