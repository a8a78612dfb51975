"""The language of mapping files, told: a page in Russian and English and a JSON Schema, made of the types themselves.

A word without its meaning here is a KeyError when the page is made: nothing in the language goes undescribed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from medmost.mapping.formats import LENSES
from medmost.mapping.language import (
    CodeRule,
    Constant,
    Copy,
    Example,
    FieldRule,
    Forms,
    KindRule,
    Place,
    RowField,
    Sample,
    schema,
)
from medmost.mapping.meanings import HEADS, INTRO, MEANINGS

_STRUCTS = (KindRule, FieldRule, Place, CodeRule, Forms, Copy, Constant, Example, Sample)


def words(struct: type[msgspec.Struct]) -> list[tuple[str, bool]]:
    """The words of a structure as a file has them, and whether each is mandatory."""
    return [(field.encode_name, field.required) for field in msgspec.structs.fields(struct)]


def page(lang: str) -> str:
    """The reference of the language in Markdown. `lang` is ru or en."""
    number = 0 if lang == "ru" else 1
    lines = [INTRO[number]]
    for struct in _STRUCTS:
        lines += [f"## {HEADS[struct.__name__][number]}", ""]
        lines += [("| Слово | Значение |", "| Word | Meaning |")[number], "| --- | --- |"]
        for word, required in words(struct):
            lines.append(f"| `{word}`{' *' if required else ''} | {_meaning(struct, word)[number]} |")
        lines.append("")
    lines += [f"## {HEADS['formats'][number]}", ""]
    lines += [("| Формат | Вид значения | Запись |", "| Format | Sort | Wire form |")[number], "| --- | --- | --- |"]
    lines += [f"| `{name}` | {lens.canon} | {(lens.ru, lens.en)[number]} |" for name, lens in LENSES.items()]
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema of a kind's file with every word described, for editors (language.schema)."""
    made = schema()
    for struct in (*_STRUCTS, RowField):
        properties = made["$defs"][struct.__name__]["properties"]
        for word, _ in words(struct):
            ru, en = _meaning(struct, word)
            properties[word]["description"] = f"{ru} · {en}"
    made["$defs"]["Place"]["properties"]["as"]["examples"] = list(LENSES)
    return made


def _meaning(struct: type[msgspec.Struct], word: str) -> tuple[str, str]:
    if struct is RowField:
        return MEANINGS["FieldRule", word]
    return MEANINGS[struct.__name__, word]
