"""Policies of people who do not exist, as many as are wanted: canonical fields, and documents made of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from stdnum import luhn

from medmost.domain.record import Fields, Observation, Side
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
