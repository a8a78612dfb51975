"""Somebody whose every value is found nowhere else, and a search that finds such a value however it is written."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson

LAST_LETTERS = 3
"""Base64 mixes the ends of a value with what stands beside it: so many characters there prove nothing."""


@dataclass(frozen=True)
class Canary:
    """Every value in the spelling of EMIAS; `spellings` gives the others."""

    policy_number: str = "7777860872482131"
    oid: str = "1009988776"
    last_name: str = "Канарейкина-Жёлтая"
    new_last_name: str = "Щеглова-Чечёткина"
    other_last_name: str = "Зябликова-Снегирёва"
    first_name: str = "Пташкадлятеста"
    patronymic: str = "Клеточкиновна"
    birth_date: str = "1931-02-27"
    snils: str = "17382946507"
    phone: str = "+79991765432"
    new_phone: str = "+79992876543"
    email: str = "zheltaya.kanareyka@klyuv.example"
    visit_comment: str = "Щебетание под левым окном"
    portal_comment: str = "Пересвист по четвергам"
    refused_comment: str = "Хрустит жёрдочка"
    taken_comment: str = "Роняет зёрнышки"
    request_comment: str = "Прошу вернуть кормушку"
    conclusion: str = "Редчайший пушок в норме"
    observation: str = "Звонкость трели"
    unit: str = "чирик/мин"
    value: str = "4217.0625"
    vaccine: str = "Антипопугайная"
    series: str = "КНР-42-ПТЧ"
    wrong_dose: str = "дозасемечек"

    def spellings(self) -> dict[str, list[str]]:
        """Each value as either system writes it, and as a careless program might."""
        return {field.name: _spellings(field.name, str(getattr(self, field.name))) for field in fields(self)}


def _spellings(name: str, value: str) -> list[str]:
    found = [value]
    if name == "birth_date":
        year, month, day = value.split("-")
        found += [f"{day}.{month}.{year}", f"{year}{month}{day}"]
    elif name == "snils":
        found += [
            f"{value[:3]}-{value[3:6]}-{value[6:9]} {value[9:]}",
            f"{value[:3]}-{value[3:6]}-{value[6:9]}-{value[9:]}",
        ]
    elif "phone" in name:
        found = [value[2:], f"({value[2:5]}){value[5:]}", f"{value[2:5]}-{value[5:8]}-{value[8:10]}-{value[10:]}"]
    elif name == "value":
        found.append(value.replace(".", ","))
    elif not value.isascii():
        found += [value.lower(), value.upper(), value.replace("ё", "е"), value.lower().replace("ё", "е")]
        found += [part for part in value.split("-") if len(part) > 5]
    return list(dict.fromkeys(found))


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """A text in every writing that is searched for: (its name, the bytes)."""
    raw = text.encode()
    yield "UTF-8", raw
    yield "UTF-16LE", text.encode("utf-16-le")
    yield "UTF-16BE", text.encode("utf-16-be")
    yield "percent", quote(text, safe="").encode()
    yield "form", quote_plus(text).encode()
    yield "hex", raw.hex().encode()
    if not text.isascii():
        yield "windows-1251", text.encode("cp1251", errors="ignore")
        yield "JSON escapes", text.encode("ascii", errors="backslashreplace")
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        middle = encoded[4 if shift else 0 : len(encoded) - 4]
        if len(middle) > 2 * LAST_LETTERS:
            yield "base64", middle
            yield "base64url", middle.replace(b"+", b"-").replace(b"/", b"_")


def traces(canary: Canary, where: bytes) -> list[str]:
    """Every value of the canary that stands in these bytes, with the writing it was found in."""
    low = where.lower()
    found = []
    for name, spellings in canary.spellings().items():
        for spelling in spellings:
            for form, needle in forms(spelling):
                exact = form.startswith(("base64", "UTF-16"))
                if (needle in where) if exact else (needle.lower() in low):
                    found.append(f"{name} as {form}")
    return sorted(set(found))


def traces_in_folder(canary: Canary, folder: Path) -> list[str]:
    """The same for every file under a folder."""
    return [
        f"{file.name}: {one}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for one in traces(canary, file.read_bytes())
    ]


def as_bytes(told: object) -> bytes:
    return orjson.dumps(told)
