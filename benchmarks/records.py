"""Policies of people who do not exist, as many as are wanted: canonical fields, and documents made of them.

`documents` are what a mapping has to read: one in a hundred is broken, three are spelled unusually.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from stdnum import luhn

from medmost.domain.record import Doc, Fields, Observation, Side
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.contract import Mapping

LAST = "Воробьёва Ковалёва Соловьёва Журавлёва Лебедева Морозова Зайцева Павлова Семёнова Голубева".split()
FIRST = "Алёна Мария Дарья Ксения Полина Вера Ольга Наталья Софья Елена".split()
PATRONYMIC = "Игоревна Петровна Сергеевна Олеговна Юрьевна Павловна Львовна Ильинична".split()
INSURERS = {"77013": "АО «Страховая компания»", "77002": "ООО «Медицинское страхование»", "77008": "АО «МАКС-М»"}


def policies(count: int, *, seed: int = 1, clinic: str | None = None) -> list[Fields]:
    """All numbers differ, within a seed and between seeds below 100."""
    rng = Random(seed)
    return [_policy(rng, seed * 10**7 + number, clinic) for number in range(count)]


def _policy(rng: Random, number: int, clinic: str | None) -> Fields:
    body = f"77{number:013d}"
    insurer = rng.choice(sorted(INSURERS))
    return {
        "policy_number": body + luhn.calc_check_digit(body),
        "policy_type": "single",
        "last_name": rng.choice(LAST),
        "first_name": rng.choice(FIRST),
        "patronymic": rng.choice(PATRONYMIC),
        "birth_date": f"{rng.randrange(1940, 2020)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
        "sex": "female",
        "snils": _snils(100_000_000 + number % 800_000_000),
        "phone": f"+7910{number % 10**7:07d}",
        "email": f"person{number}@example.ru",
        "insurer_code": insurer,
        "insurer_name": INSURERS[insurer],
        "valid_from": f"{rng.randrange(2011, 2026)}-05-01",
        "valid_to": None,
        "clinic_oid": clinic,
        "status": "active",
    }


def _snils(number: int) -> str:
    digits = f"{number:09d}"
    total = sum(weight * int(digit) for weight, digit in zip(range(9, 0, -1), digits, strict=True))
    return f"{digits}{total % 101 % 100:02d}"


def observations(mapping: Mapping, side: Side, many: Sequence[Fields], version: int = 1) -> list[Observation]:
    """These records as a system shows them, with fields of its own that nobody maps."""
    found = []
    for fields in many:
        ref = f"{side.value[0]}{fields['policy_number']}"
        doc = mapping.write(side, fields, None) | {"ehrId": ref, "addressPointId": 10_000_000}
        found.append(Observation(side=side, kind=mapping.kind.name, ref=ref, version=version, doc=doc))
    return found


BROKEN: list[Any] = [None, "", "?", "31.02.2026", "2026-02-31", "0", 5, 4.5, True, [], {}, ["a"], "9" * 400]
UNUSUAL: dict[str, tuple[Any, ...]] = {
    "last_name": ("Во робьёва", "Семе\u0308нова", " Иванова", "Петрова-Водкина", "O\u2019Нил"),
    "patronymic": ("", "-", "нет", None, "\u00a0Ивановна "),
    "phone": ("8 (910) 220-64-15", "9102206415", "+375291234567", "", None),
    "email": ("Alena.V@Mail.Example.RU", "a.b-c@mail.example.com", "", None),
    "snils": ("112 233 445 95", "000-666-666 25", "", None),
    "insurer_code": (77013, " 77013", "", None),
    "policy_type": (3, "3 ", " Временное свидетельство"),
    "clinic_oid": ("", None, " 1.2.643.5.1.13.13.12.2.77.10425 "),
}


def documents(mapping: CompiledMapping, side: Side, count: int, *, seed: int = 1) -> list[Doc]:
    """`count` records as a system shows them; every hundredth broken in one to three fields."""
    rng = Random(seed)
    rules = {rule.name: rule.place(side).at.split(".") for rule in mapping.rule.fields}
    made = []
    for number, fields in enumerate(policies(count, seed=seed, clinic="1.2.643.5.1.13.13.12.2.77.10425")):
        doc = mapping.write(side, fields, {"ehrId": f"e-{number}", "addressPointId": 10_000_000})
        if number % 100 == 13:
            for name in rng.sample(sorted(rules), rng.randint(1, 3)):
                _set(doc, rules[name], rng.choice(BROKEN))
        elif number % 100 in {7, 42, 77}:
            name = rng.choice(sorted(UNUSUAL))
            _set(doc, rules[name], rng.choice(UNUSUAL[name]))
        elif number % 1000 == 500 and side is Side.EMIAS:
            doc["omsNumber"] = doc.pop("policyNumber")
        made.append(doc)
    return made


def _set(doc: Doc, keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        doc = doc.setdefault(key, {}) if isinstance(doc.get(key, {}), dict) else {}
    doc[keys[-1]] = value
