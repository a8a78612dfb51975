"""The shipped policy mapping as a person would write it for speed, and as glom would have it: our peers.

By hand: both readers give what the compiled ones give, fields and problems alike
(tests/unit/test_mapping_by_hand.py), and are meant to be the fastest that plain Python allows: words by dictionaries of
what was met before, numbers by inline tests, one `try` round the whole record, a careful second reading only where
something is unusual.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from medmost.domain import values
from medmost.domain.record import Doc, Problem, Reading
from medmost.mapping import moscow
from medmost.mapping.formats import read_code, read_name, read_text
from medmost.mapping.unfit import Unfit, missing, value_class

Reader = Callable[[Any], Any]
Memo = dict[Any, Any]

TYPES = {
    "Полис ОМС старого образца": "old",
    "Временное свидетельство": "temporary",
    "Полис ОМС единого образца": "single",
}
TYPE_CODES = {"1": "old", "2": "temporary", "3": "single"}
SEXES, SEX_CODES = {"Мужской": "male", "Женский": "female"}, {"M": "male", "F": "female"}
STATES, STATE_CODES = {"Действует": "active", "Погашен": "closed"}, {"ACTIVE": "active", "CLOSED": "closed"}

EMAIL = re.compile(r"[a-z0-9._+-]{1,64}+@[a-z0-9-]{1,60}+\.[a-z0-9-]{1,60}+(?:\.[a-z0-9-]{1,60}+)?").fullmatch
AREAS = {f"+7({code:03d})": f"+7{code:03d}" for code in range(1000)}
NAMES: Memo = {}
MAYBE_NAMES: Memo = {None: None, "": None}
BORN: Memo = {}
DATES: Memo = {None: None, "": None}
BORN_ISO: Memo = {}
DATES_ISO: Memo = {None: None, "": None}
TEXTS: Memo = {None: None, "": None}
OIDS: Memo = {None: None, "": None}
CHECK = [f"{total % 101 % 100:02d}" for total in range(406)]
FIRST, SECOND, THIRD = (
    {f"{n:03d}": a * (n // 100) + b * (n // 10 % 10) + c * (n % 10) for n in range(1000)}
    for a, b, c in ((9, 8, 7), (6, 5, 4), (3, 2, 1))
)
MOST, LONGEST = 1 << 16, 80


class _Unusual(Exception):
    """Something that the quick reading does not know."""


def gosuslugi(doc: Any) -> Reading:
    """A policy as the exchange of Gosuslugi shows it."""
    try:
        get = doc.get
        number = get("Номер полиса")
        if not (len(number) == 16 and number.isdigit() and number.isascii()):
            raise _Unusual
        snils = get("СНИЛС")
        if snils is not None:
            (a, b, c), d = snils[:11].split("-"), snils[12:]
            if d != CHECK[FIRST[a] + SECOND[b] + THIRD[c]] or snils[11] != " ":
                raise _Unusual
            snils = f"{a}{b}{c}{d}"
        phone = get("Телефон")
        if phone is not None:
            area, rest = AREAS[phone[:7]], phone[7:]
            if len(rest) != 7 or not rest.isdigit() or not rest.isascii():
                raise _Unusual
            phone = area + rest
        email = get("Электронная почта")
        if email is not None and EMAIL(email) is None:
            raise _Unusual
        return Reading(
            {
                "policy_number": number,
                "policy_type": TYPES[get("Вид полиса")],
                "last_name": NAMES[get("Фамилия")],
                "first_name": NAMES[get("Имя")],
                "patronymic": MAYBE_NAMES[get("Отчество")],
                "birth_date": BORN[get("Дата рождения")],
                "sex": SEXES[get("Пол")],
                "snils": snils,
                "phone": phone,
                "email": email,
                "insurer_code": TEXTS[get("Код страховой организации")],
                "insurer_name": TEXTS[get("Страховая организация")],
                "valid_from": DATES[get("Дата выдачи")],
                "valid_to": DATES[get("Действует до")],
                "clinic_oid": OIDS[get("Поликлиника прикрепления")],
                "status": STATES[get("Статус")],
            }
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, _Unusual):
        return _careful(doc, _GOSUSLUGI)


def emias(doc: Any) -> Reading:
    """A policy as EMIAS shows it."""
    try:
        get = doc.get
        number = get("policyNumber")
        if not (len(number) == 16 and number.isdigit() and number.isascii()):
            raise _Unusual
        snils = get("snils")
        if snils is not None and CHECK[FIRST[snils[:3]] + SECOND[snils[3:6]] + THIRD[snils[6:9]]] != snils[9:]:
            raise _Unusual
        phone = get("phone")
        if phone is not None and not (
            len(phone) == 12 and phone[:2] == "+7" and phone[1:].isdigit() and phone.isascii()
        ):
            raise _Unusual
        email = get("email")
        if email is not None and EMAIL(email) is None:
            raise _Unusual
        insurer, attachment = get("insurer"), get("attachment")
        return Reading(
            {
                "policy_number": number,
                "policy_type": TYPE_CODES[get("policyType")],
                "last_name": NAMES[get("lastName")],
                "first_name": NAMES[get("firstName")],
                "patronymic": MAYBE_NAMES[get("secondName")],
                "birth_date": BORN_ISO[get("birthDate")],
                "sex": SEX_CODES[get("sex")],
                "snils": snils,
                "phone": phone,
                "email": email,
                "insurer_code": None if insurer is None else TEXTS[insurer.get("code")],
                "insurer_name": None if insurer is None else TEXTS[insurer.get("name")],
                "valid_from": DATES_ISO[get("validFrom")],
                "valid_to": DATES_ISO[get("validTo")],
                "clinic_oid": None if attachment is None else OIDS[attachment.get("lpuOid")],
                "status": STATE_CODES[get("status")],
            }
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, _Unusual):
        return _careful(doc, _EMIAS)


# ---------------------------------------------------------------- the careful way
def _normal(normal: Callable[[str], str | None], allowed: str) -> Reader:
    def read(found: Any) -> str | None:
        clean = found.strip() if isinstance(found, str) else read_code(found)
        if not clean:
            return None
        value = normal(clean)
        if value is None:
            raise Unfit("format", allowed)
        return value

    return read


def _code(codes: dict[str, str]) -> Reader:
    def read(found: Any) -> str | None:
        clean = read_code(found)
        if clean is None:
            return None
        if clean not in codes:
            raise Unfit("unknown_code", ", ".join(codes))
        return codes[clean]

    return read


_policy, _oid = _normal(values.policy_number, "16 digits"), _normal(values.oid, "1.2.643.…")
_snils = _normal(values.snils, "11 digits with right check digits")
_phone, _email = _normal(values.phone, "+7XXXXXXXXXX"), _normal(values.email, "name@domain.zone")
_Rule = tuple[str, tuple[str, ...], Reader, bool, Memo | None]
_GOSUSLUGI: list[_Rule] = [
    ("policy_number", ("Номер полиса",), _policy, True, None),
    ("policy_type", ("Вид полиса",), _code(TYPES), True, None),
    ("last_name", ("Фамилия",), read_name, True, NAMES),
    ("first_name", ("Имя",), read_name, True, NAMES),
    ("patronymic", ("Отчество",), read_name, False, MAYBE_NAMES),
    ("birth_date", ("Дата рождения",), moscow.read_date_ru, True, BORN),
    ("sex", ("Пол",), _code(SEXES), True, None),
    ("snils", ("СНИЛС",), _snils, False, None),
    ("phone", ("Телефон",), _phone, False, None),
    ("email", ("Электронная почта",), _email, False, None),
    ("insurer_code", ("Код страховой организации",), read_code, False, TEXTS),
    ("insurer_name", ("Страховая организация",), read_text, False, TEXTS),
    ("valid_from", ("Дата выдачи",), moscow.read_date_ru, False, DATES),
    ("valid_to", ("Действует до",), moscow.read_date_ru, False, DATES),
    ("clinic_oid", ("Поликлиника прикрепления",), _oid, False, OIDS),
    ("status", ("Статус",), _code(STATES), True, None),
]
_EMIAS: list[_Rule] = [
    ("policy_number", ("policyNumber", "omsNumber", "unitedNumber"), _policy, True, None),
    ("policy_type", ("policyType",), _code(TYPE_CODES), True, None),
    ("last_name", ("lastName",), read_name, True, NAMES),
    ("first_name", ("firstName",), read_name, True, NAMES),
    ("patronymic", ("secondName",), read_name, False, MAYBE_NAMES),
    ("birth_date", ("birthDate",), moscow.read_date_iso, True, BORN_ISO),
    ("sex", ("sex",), _code(SEX_CODES), True, None),
    ("snils", ("snils",), _snils, False, None),
    ("phone", ("phone",), _phone, False, None),
    ("email", ("email",), _email, False, None),
    ("insurer_code", ("insurer.code",), read_code, False, TEXTS),
    ("insurer_name", ("insurer.name",), read_text, False, TEXTS),
    ("valid_from", ("validFrom",), moscow.read_date_iso, False, DATES_ISO),
    ("valid_to", ("validTo",), moscow.read_date_iso, False, DATES_ISO),
    ("clinic_oid", ("attachment.lpuOid",), _oid, False, OIDS),
    ("status", ("status",), _code(STATE_CODES), True, None),
]


def _careful(doc: Any, rules: list[_Rule]) -> Reading:
    """Every field by itself, every problem of the record."""
    if not isinstance(doc, dict):
        return Reading({}, (Problem("*", "type", value_class(doc), "an object"),))
    fields: Doc = {}
    problems: list[Problem] = []
    for name, places, read, required, memo in rules:
        found = next((one for one in (_at(doc, place) for place in places) if one is not None and one != ""), None)
        try:
            fields[name] = value = read(found)
        except Unfit as unfit:
            fields[name] = None
            problems.append(unfit.problem(name, found))
            continue
        if value is None and required:
            problems.append(missing(name))
        elif memo is not None and value is not None and _short(found) and len(memo) < MOST:
            memo[found] = value
    return Reading(fields, tuple(problems))


def _short(found: Any) -> bool:
    return isinstance(found, str) and len(found) <= LONGEST


def _at(doc: Doc, place: str) -> Any:
    section, _, name = place.rpartition(".")
    if not section:
        return doc.get(name)
    inside = doc.get(section)
    if isinstance(inside, dict):
        return inside.get(name)
    return None if inside is None or inside == "" else [inside]  # a wrong type, whatever is asked of it


# ---------------------------------------------------------------- by glom
def glom_spec(side: str) -> dict[str, Any]:
    """The same rules in glom's words; it stops at the first problem of a record."""
    from glom import Coalesce

    rules = _GOSUSLUGI if side == "gosuslugi" else _EMIAS
    return {name: (Coalesce(*map(_path, places), default=None), read) for name, places, read, _, _ in rules}


def _path(place: str) -> Any:
    from glom import Path

    return Path(*place.split(".")) if "." in place and place.isascii() else Path(place)
