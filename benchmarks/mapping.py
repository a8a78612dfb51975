"""Reading wire documents of every kind; for policies beside a reader that somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.measure import Row, Size, Wanted, in_turns, rates
from medmost.domain import values
from medmost.domain.record import BOTH, Doc, Fields, Side
from medmost.mapping import load_mappings
from medmost.mapping.moscow import read_date_iso, read_date_ru
from medmost_stand.world import build_world

PEOPLE = 150


def mapping(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`mapping.read.KIND`: documents of both systems in turns, as the stand's world has them."""
    world = build_world(max(PEOPLE if size.records > 100 else 0, 12), 1, datetime.now(UTC).date())
    by_side: dict[Side, Any] = dict(zip(BOTH, (world.gosuslugi, world.emias), strict=True))
    for name, mapped in load_mappings().items():
        if not wanted(f"mapping.read.{name}"):
            continue
        docs = [(side, seed.body) for side in BOTH for seed in by_side[side][mapped.kind.collection]]
        many = (docs * (size.records // len(docs) + 1))[: size.records]
        ways: list[Callable[[], object]] = [lambda many=many, read=mapped.read: [read(side, doc) for side, doc in many]]  # type: ignore[misc]  # lambda defaults are untyped
        if name == "policy":
            ways.append(lambda many=many: [BY_HAND[side](doc) for side, doc in many])  # type: ignore[misc]  # as above
        taken = in_turns(size.rounds, *ways)
        yield rates(f"mapping.read.{name}", "records/s", len(many), taken[0], taken[1] if len(taken) > 1 else None)


# ---------------------------------------------------------------- by hand
TYPES = {
    "Полис ОМС старого образца": "old",
    "Временное свидетельство": "temporary",
    "Полис ОМС единого образца": "single",
}
TYPE_CODES = {"1": "old", "2": "temporary", "3": "single"}
SEXES = {"Мужской": "male", "Женский": "female", "M": "male", "F": "female"}
STATES = {"Действует": "active", "Погашен": "closed", "ACTIVE": "active", "CLOSED": "closed"}


def _checked(normal: Callable[[str], str | None], found: str | None) -> str | None:
    if not found:
        return None
    value = normal(found)
    if value is None:
        raise ValueError
    return value


def _gosuslugi(doc: Doc) -> Fields | None:
    get, text, name = doc.get, values.text, values.name
    try:
        return {
            "policy_number": _checked(values.policy_number, get("Номер полиса")),
            "policy_type": TYPES[get("Вид полиса", "")],
            "last_name": name(get("Фамилия") or ""),
            "first_name": name(get("Имя") or ""),
            "patronymic": name(get("Отчество") or ""),
            "birth_date": read_date_ru(get("Дата рождения")),
            "sex": SEXES[get("Пол", "")],
            "snils": _checked(values.snils, get("СНИЛС")),
            "phone": _checked(values.phone, get("Телефон")),
            "email": _checked(values.email, get("Электронная почта")),
            "insurer_code": text(get("Код страховой организации") or ""),
            "insurer_name": text(get("Страховая организация") or ""),
            "valid_from": read_date_ru(get("Дата выдачи")),
            "valid_to": read_date_ru(get("Действует до")),
            "clinic_oid": _checked(values.oid, get("Поликлиника прикрепления")),
            "status": STATES[get("Статус", "")],
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _emias(doc: Doc) -> Fields | None:
    get, text, name = doc.get, values.text, values.name
    insurer = get("insurer") or {}
    try:
        return {
            "policy_number": _checked(
                values.policy_number, get("policyNumber") or get("omsNumber") or get("unitedNumber")
            ),
            "policy_type": TYPE_CODES[get("policyType", "")],
            "last_name": name(get("lastName") or ""),
            "first_name": name(get("firstName") or ""),
            "patronymic": name(get("secondName") or ""),
            "birth_date": read_date_iso(get("birthDate")),
            "sex": SEXES[get("sex", "")],
            "snils": _checked(values.snils, get("snils")),
            "phone": _checked(values.phone, get("phone")),
            "email": _checked(values.email, get("email")),
            "insurer_code": text(insurer.get("code") or ""),
            "insurer_name": text(insurer.get("name") or ""),
            "valid_from": read_date_iso(get("validFrom")),
            "valid_to": read_date_iso(get("validTo")),
            "clinic_oid": _checked(values.oid, (get("attachment") or {}).get("lpuOid")),
            "status": STATES[get("status", "")],
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


BY_HAND: dict[Side, Callable[[Doc], Fields | None]] = {Side.GOSUSLUGI: _gosuslugi, Side.EMIAS: _emias}
