"""What ЕСИА knows of a person, in the field names of facts/gosuslugi.md §1.8.

Names, birth dates, SNILS, phones and policies are the world's; passports, addresses and the like are made up of the
person's number, so that they are the same after every start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from random import Random
from typing import Any

import orjson

from medmost_stand.dialect import Body

Citizen = Mapping[str, Any]
CHILD_UNTIL = 18
_STREETS = ("ул. Арбат", "ул. Покровка", "Ленинский пр-т", "ул. Профсоюзная", "Варшавское ш.", "ул. Бутырская")
_MAKES = ("LADA", "KIA", "SKODA", "TOYOTA")
_ALL = frozenset({"contacts"})


def age(citizen: Citizen, today: date) -> int:
    """Full years."""
    born = date.fromisoformat(citizen["birth_date"])
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def made_up(citizen: Citizen, what: str) -> Random:
    """Chance that falls the same way for the same person every time."""
    return Random(f"esia/{citizen['oid']}/{what}")


def etagged(body: Body) -> Body:
    """The same with its eTag: 40 hex digits that change with the content."""
    return body | {"eTag": hashlib.sha1(orjson.dumps(body), usedforsecurity=False).hexdigest()}


def person(citizen: Citizen, scopes: frozenset[str]) -> Body:
    """The person with only what the scopes open."""
    shown: Body = {
        "stateFacts": ["EntityRoot"],
        "trusted": bool(citizen["trusted"]),
        "updatedOn": 1_700_000_000 + citizen["oid"] % 1_000_000,
        "status": "REGISTERED",
        "verifying": False,
        "containsUpCfmCode": False,
    }
    opened: dict[str, Body] = {
        "fullname": {
            "lastName": citizen["last_name"],
            "firstName": citizen["first_name"],
            "middleName": citizen["patronymic"],
        },
        "birthdate": {"birthDate": russian_date(citizen["birth_date"])},
        "birthplace": {"birthPlace": "гор. Москва"},
        "gender": {"gender": citizen["sex"]},
        "citizenship": {"citizenship": "RUS"},
        "snils": {"snils": citizen["snils"] and spaced_snils(citizen["snils"])},
        "inn": {"inn": inn(citizen)},
        "id_doc": {"rIdDoc": document_id(citizen, "identity")},
        "self_employed": {"selfEmployed": {"confirmed": False}},
    }
    for scope, fields in opened.items():
        if scope in scopes:
            shown |= {name: value for name, value in fields.items() if value is not None}
    return etagged(shown)


def contacts(citizen: Citizen, scopes: frozenset[str]) -> list[Body]:
    """Mobile phone and mail, each where its scope or `contacts` is there."""
    verified = "VERIFIED" if citizen["trusted"] else "NOT_VERIFIED"
    rows = (("mobile", "MBT", _phone(citizen["phone"])), ("email", "EML", citizen["email"]))
    return [
        _element(document_id(citizen, kind), type=kind, vrfStu=verified, value=value)
        for scope, kind, value in rows
        if value and scopes & (_ALL | {scope})
    ]


def addresses(citizen: Citizen) -> list[Body]:
    """Where the person is registered, and for some another place of living."""
    chance = made_up(citizen, "address")
    kinds = ["PRG", "PLV"] if chance.random() < 0.5 else ["PRG"]
    return [_address(citizen, kind, chance) for kind in kinds]


def vehicles(citizen: Citizen) -> list[Body]:
    """A car, for a fifth of the grown-ups."""
    chance = made_up(citizen, "vehicle")
    if chance.random() > 0.2:
        return []
    plate = f"А{chance.randrange(1000):03d}ВС77"
    name = f"{chance.choice(_MAKES)} {chance.randrange(2010, 2025)}"
    return [_element(document_id(citizen, "vehicle"), name=name, numberPlate=plate)]


def families(citizens: Sequence[Citizen], today: date) -> dict[int, list[Citizen]]:
    """The children of each person, by the person's oid.

    The world says of some children who is over them; any other one has a grown-up of the same surname, if there is
    one, by chance.
    """
    named: dict[str, list[Citizen]] = {}
    children = []
    for one in citizens:
        if age(one, today) < CHILD_UNTIL:
            children.append(one)
        else:
            named.setdefault(_stem(one), []).append(one)
    found: dict[int, list[Citizen]] = {}
    for child in children:
        parent = child.get("parent_oid")
        if parent is None and (same := named.get(_stem(child))):
            parent = made_up(child, "parent").choice(same)["oid"]
        if parent is not None:
            found.setdefault(parent, []).append(child)
    return found


def kid(child: Citizen, scopes: frozenset[str]) -> Body:
    """A child with only what the kid_… scopes open."""
    opened = frozenset(scope.removeprefix("kid_") for scope in scopes if scope.startswith("kid_"))
    shown = person(child, opened)
    kept = {name: shown[name] for name in shown if name not in ("stateFacts", "eTag", "containsUpCfmCode")}
    return etagged({"stateFacts": ["Identifiable"], "id": child["oid"], **kept})


def russian_date(iso: str) -> str:
    """ДД.ММ.ГГГГ."""
    return f"{iso[8:10]}.{iso[5:7]}.{iso[:4]}"


def spaced_snils(digits: str) -> str:
    """000-000-000 00."""
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}"


def inn(citizen: Citizen) -> str:
    """A made-up taxpayer number of 12 digits with right check digits."""
    digits = [7, 7] + [int(digit) for digit in f"{citizen['oid'] % 100_000_000:08d}"]
    for weights in ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)):
        digits.append(sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11 % 10)
    return "".join(map(str, digits))


def document_id(citizen: Citizen, what: str) -> int:
    """A stable number for one thing of a person."""
    digest = hashlib.sha1(f"{citizen['oid']}/{what}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:7], 16)


def _element(number: int, **fields: object) -> Body:
    return etagged({"stateFacts": ["Identifiable"], "id": number, **fields})


def _phone(phone: str | None) -> str | None:
    """+7(910)2206415."""
    return f"+7({phone[2:5]}){phone[5:]}" if phone else None


def _address(citizen: Citizen, kind: str, chance: Random) -> Body:
    street, house, flat = chance.choice(_STREETS), str(chance.randrange(1, 120)), str(chance.randrange(1, 300))
    return _element(
        document_id(citizen, kind),
        type=kind,
        addressStr=f"гор. Москва, {street}",
        street=street,
        house=house,
        flat=flat,
        zipCode=str(chance.randrange(101000, 129999)),
        countryId="RUS",
        region="Москва",
        city="Москва",
    )


def _stem(citizen: Citizen) -> str:
    return str(citizen["last_name"]).removesuffix("ая").removesuffix("ий").removesuffix("а")
