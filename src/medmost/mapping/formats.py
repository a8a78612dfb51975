"""The formats a mapping file may name. Each is a lens: `read` takes a wire value to its canonical one, `write` back.

`read` gives None where nothing is shown (absent, null, empty text) and raises `Unfit` where something else is wrong;
`write` takes canonical values only. ``read(write(x)) == x`` holds for every format.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from medmost.domain import values
from medmost.mapping import moscow
from medmost.mapping.unfit import Unfit

Read = Callable[[Any], Any]
Write = Callable[[Any], Any]

BIGGEST = 10**15
"""Whole numbers of more digits do not survive a JSON reader that uses doubles."""
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:[.,][0-9]{1,12})?")
_WHOLE = re.compile(r"-?[0-9]{1,15}")


class Lens(msgspec.Struct, frozen=True, kw_only=True):
    """`canon` names the canonical type: both sides of a field must agree in it. `ru`, `en` describe the wire form."""

    canon: str
    read: Read
    write: Write
    ru: str
    en: str
    known: dict[str, str] = {}  # of a dictionary: each wire value and its code
    writes: bool = True  # False: the wire form says more than the canonical one, which cannot be turned back


def _same(value: Any) -> Any:
    return value


def read_text(found: Any) -> str | None:
    if found.__class__ is str:
        try:
            return values.text(found)
        except ValueError:
            raise Unfit("format", "text") from None
    if found is None:
        return None
    raise Unfit("type", "text")


def read_code(found: Any) -> str | None:
    """Text, or a whole number where a system shows its codes so."""
    if found.__class__ is int and -BIGGEST < found < BIGGEST:
        return str(found)
    return read_text(found)


def write_code_number(value: str) -> Any:
    return int(value) if _WHOLE.fullmatch(value) and str(int(value)) == value else value


def _normal(normal: Callable[[str], str | None], allowed: str) -> Read:
    def read(found: Any) -> str | None:
        clean = found.strip() if found.__class__ is str else read_code(found)
        if not clean:
            return None
        value = normal(clean)
        if value is None:
            raise Unfit("format", allowed)
        return value

    return read


def read_name(found: Any) -> str | None:
    if found.__class__ is not str:
        return read_text(found)
    try:
        return values.name(found)
    except ValueError:
        raise Unfit("format", "text") from None


def write_snils(value: str) -> str:
    return f"{value[:3]}-{value[3:6]}-{value[6:9]} {value[9:]}"


def write_phone(value: str) -> str:
    return f"+7({value[2:5]}){value[5:]}" if value.startswith("+7") else value


def read_whole(found: Any) -> int | None:
    if found.__class__ is str:
        found = found.strip()
        if not found:
            return None
        if not _WHOLE.fullmatch(found):
            raise Unfit("format", "a whole number")
        return int(found)
    if found is None:
        return None
    if found.__class__ is float and found.is_integer() and abs(found) < BIGGEST:
        return int(found)
    if found.__class__ is not int:
        raise Unfit("type", "a whole number")
    if not -BIGGEST < found < BIGGEST:
        raise Unfit("range", "a whole number of at most 15 digits")
    return int(found)


def read_decimal(found: Any) -> str | None:
    """Canonical: the shortest decimal text, a point, no exponent, no trailing zeros; 15 significant digits at most."""
    if found is None or found == "":
        return None
    if found.__class__ is float or found.__class__ is int:
        if not -BIGGEST < found < BIGGEST:  # NaN compares false and goes the same way
            raise Unfit("range", "a number of at most 15 digits")
        return _shortest(f"{found:.15g}" if found.__class__ is float else str(found))
    if found.__class__ is not str:
        raise Unfit("type", "a number")
    clean = found.strip()
    if not clean.isascii() or " " in clean:  # a minus sign, groups of digits
        clean = clean.replace("\u2212", "-").replace(" ", "").replace("\u00a0", "")
    if not clean:
        return None
    if not _NUMBER.fullmatch(clean):
        raise Unfit("format", "a number")
    if len(clean) > 15 and sum(sign.isdigit() for sign in clean.lstrip("-0,.")) > 15:
        raise Unfit("range", "a number of at most 15 digits")
    return _shortest(clean.replace(",", "."))


def _shortest(number: str) -> str:
    if "e" in number:
        number = format(Decimal(number), "f")
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, _, rest = digits.partition(".")
    whole, rest = whole.lstrip("0") or "0", rest.rstrip("0")
    short = f"{whole}.{rest}" if rest else whole
    return short if short == "0" else sign + short


def write_number(value: str) -> Any:
    return float(value) if "." in value else int(value)


def write_comma(value: str) -> str:
    return value.replace(".", ",")


def read_boolean(found: Any) -> bool | None:
    if found is None or isinstance(found, bool):
        return found
    raise Unfit("type", "true, false")


def read_yes_no(found: Any) -> bool | None:
    clean = read_text(found)
    if clean is None:
        return None
    if clean.lower() not in {"да", "нет"}:
        raise Unfit("unknown_code", "Да, Нет")
    return clean.lower() == "да"


def write_yes_no(value: bool) -> str:
    return "Да" if value else "Нет"


def read_not_ended(found: Any) -> bool:
    """A date of ending that is absent while the object lives (EMIAS deleteDate)."""
    if found is None or found == "":
        return True
    clean = read_text(found)
    moscow.read_date_iso(clean[:10] if clean is not None else None)
    return False


def dictionary(codes: dict[str, tuple[Any, ...]], ru: str, en: str) -> Lens:
    """A lens of a closed list: canonical code -> wire values; the first is written, all are read."""
    known = {values.text(str(value)) or "": code for code, wire in codes.items() for value in wire}
    allowed = ", ".join(str(wire[0]) for wire in codes.values())
    first = {code: wire[0] for code, wire in codes.items()}

    def read(found: Any) -> str | None:
        clean = read_code(found)
        if clean is None:
            return None
        code = known.get(clean)
        if code is None:
            raise Unfit("unknown_code", allowed)
        return code

    return Lens(canon="code", read=read, write=first.__getitem__, ru=ru, en=en, known=known)


def _lens(canon: str, read: Read, write: Write, ru: str, en: str) -> Lens:
    return Lens(canon=canon, read=read, write=write, ru=ru, en=en)


_snils = _normal(values.snils, "11 digits with right check digits")
_phone = _normal(values.phone, "+7XXXXXXXXXX")
_policy = _normal(values.policy_number, "16 digits")

LENSES: dict[str, Lens] = {
    "text": _lens("text", read_text, _same, "текст", "text"),
    "code": _lens("text", read_code, _same, "код текстом", "code as text"),
    "code number": _lens("text", read_code, write_code_number, "код числом", "code as number"),
    "name": _lens("name", read_name, _same, "имя", "name"),
    "policy number": _lens("policy", _policy, _same, "16 цифр", "16 digits"),
    "snils": _lens("snils", _snils, _same, "11 цифр", "11 digits"),
    "snils dashed": _lens("snils", _snils, write_snils, "112-233-445 95", "112-233-445 95"),
    "phone": _lens("phone", _phone, _same, "+79102206415", "+79102206415"),
    "phone brackets": _lens("phone", _phone, write_phone, "+7(910)2206415", "+7(910)2206415"),
    "email": _lens("email", _normal(values.email, "name@domain.zone"), _same, "адрес почты", "e-mail address"),
    "oid": _lens("oid", _normal(values.oid, "1.2.643.…"), _same, "OID", "OID"),
    "inn": _lens("inn", _normal(values.inn, "10 / 12 digits"), _same, "ИНН, 10 или 12 цифр", "INN, 10 or 12 digits"),
    "ogrn": _lens(
        "ogrn", _normal(values.ogrn, "13 / 15 digits"), _same, "ОГРН, 13 или 15 цифр", "OGRN, 13 or 15 digits"
    ),
    "kpp": _lens("kpp", _normal(values.kpp, "NNNNPPXXX"), _same, "КПП, 9 знаков", "KPP, 9 signs"),
    "date ISO": _lens("date", moscow.read_date_iso, _same, "ГГГГ-ММ-ДД", "YYYY-MM-DD"),
    "date DD.MM.YYYY": _lens("date", moscow.read_date_ru, moscow.write_date_ru, "ДД.ММ.ГГГГ", "DD.MM.YYYY"),
    "time ISO": _lens("time", moscow.read_time_iso, _same, "2026-11-23T10:00:00+03:00", "2026-11-23T10:00:00+03:00"),
    "time DD.MM.YYYY": _lens(
        "time", moscow.read_time_ru, moscow.write_time_ru, "ДД.ММ.ГГГГ ЧЧ:ММ (Москва)", "DD.MM.YYYY HH:MM (Moscow)"
    ),
    "time or date ISO": _lens("moment", moscow.read_moment_iso, _same, "дата или время ISO", "ISO date or time"),
    "time or date DD.MM.YYYY": _lens(
        "moment",
        moscow.read_moment_ru,
        moscow.write_moment_ru,
        "ДД.ММ.ГГГГ, можно ЧЧ:ММ (Москва)",
        "DD.MM.YYYY, perhaps HH:MM (Moscow)",
    ),
    "instant ISO": _lens(
        "instant", moscow.read_instant_iso, _same, "2026-11-23T10:00:07+03:00", "2026-11-23T10:00:07+03:00"
    ),
    "instant ЕПГУ": _lens(
        "instant",
        moscow.read_instant_iso,
        moscow.write_instant_epgu,
        "2026-11-23T10:00:07.000+0300",
        "2026-11-23T10:00:07.000+0300",
    ),
    "whole": _lens("whole", read_whole, _same, "целое число", "whole number"),
    "whole text": _lens("whole", read_whole, str, "целое число текстом", "whole number as text"),
    "number": _lens("decimal", read_decimal, write_number, "число", "number"),
    "number comma": _lens("decimal", read_decimal, write_comma, "число с запятой", "number with a decimal comma"),
    "boolean": _lens("boolean", read_boolean, _same, "true / false", "true / false"),
    "Да/Нет": _lens("boolean", read_yes_no, write_yes_no, "Да / Нет", "Да / Нет"),
    "not ended": Lens(
        canon="boolean",
        read=read_not_ended,
        write=_same,
        ru="дата; нет — действует",
        en="a date; absent = active",
        writes=False,
    ),
}
