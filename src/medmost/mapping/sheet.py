"""Mapping tables for people, as Markdown in Russian or English, made of the same files the engine reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import msgspec

from medmost.domain.kinds import Style
from medmost.domain.record import Side
from medmost.mapping.compiler import CompiledMapping, lens_of, owner_of
from medmost.mapping.language import FieldRule, KindRule, RowField

_WORDS = {
    "ru": {
        "title": "Соответствие полей",
        "made": "Эта страница сделана из файлов `src/medmost/mapping/kinds/*.yaml`; правьте их, а не её.",
        "legend": (
            "Звёздочкой отмечены обязательные поля. «Решает» — чьё значение берётся, если поле изменили обе стороны "
            "или оно различается при первой встрече. «Данные» — что поле говорит о человеке (152-ФЗ). "
            "Пустое значение, пустой текст и отсутствие поля — одно и то же. "
            "Поля, которых нет в таблице, остаются у своей системы нетронутыми."
        ),
        "columns": "Поле|Госуслуги|ЕМИАС|Решает|FHIR R4|Данные|Пример",
        "key": "Ключ",
        "kind": "Ресурс FHIR R4",
        "both": "Обе стороны изменяют и создают записи.",
        "creates": "Изменяют обе стороны; новые записи medmost создаёт только здесь: {0}.",
        "source": "Ведёт {0}: другая сторона получает его значения.",
        "personal": "Личные данные: переносятся только для подключённых полисов.",
        "clinical": "Открытый спор об одном поле задерживает всю запись.",
        "gosuslugi": "Госуслуги",
        "emias": "ЕМИАС",
        "latest": "кто позже",
        "person": "человек",
        "forward": "только вперёд",
        "follows": "вслед за {0}",
        "grow": "строки только добавляются",
        "also": "читается и",
        "read only": "только чтение",
        "rows": "список",
        "identity": "личность",
        "contact": "связь",
        "health": "здоровье",
        "administrative": "учётные",
        "none": "не личные",
        "nsi": "НСИ",
        "table": "коды таблицы",
    },
    "en": {
        "title": "Field mapping",
        "made": "This page is made of the files `src/medmost/mapping/kinds/*.yaml`; edit them, not it.",
        "legend": (
            'A star marks mandatory fields. "Decides" tells whose value is taken where both sides changed a field '
            'or differ at first meeting. "Data" is what a field tells of a person. '
            "Null, empty text and absence are the same. "
            "Fields that the table does not have stay untouched at their own system."
        ),
        "columns": "Field|Gosuslugi|EMIAS|Decides|FHIR R4|Data|Example",
        "key": "Key",
        "kind": "FHIR R4 resource",
        "both": "Both sides change and create records.",
        "creates": "Both sides change records; medmost creates new ones only here: {0}.",
        "source": "{0} rules: the other side is given its values.",
        "personal": "Personal data: crosses only for linked policies.",
        "clinical": "An open conflict about one field holds the whole record.",
        "gosuslugi": "Gosuslugi",
        "emias": "EMIAS",
        "latest": "the later one",
        "person": "a person",
        "forward": "only forward",
        "follows": "follows {0}",
        "grow": "rows are only added",
        "also": "also read",
        "read only": "read only",
        "rows": "list",
        "identity": "identity",
        "contact": "contact",
        "health": "health",
        "administrative": "administrative",
        "none": "not personal",
        "nsi": "NSI",
        "table": "codes of the table",
    },
}


class KindTable(msgspec.Struct, frozen=True):
    """One kind as people read it. Cells mark names of fields and places by backticks."""

    kind: str
    title: str
    facts: str
    columns: list[str]
    rows: list[list[str]]


def tables(mappings: Mapping[str, CompiledMapping], lang: str) -> list[KindTable]:
    """Every kind, with every field and every row of a list. `lang` is ru or en."""
    return [_kind_table(mapping.rule, lang) for mapping in mappings.values()]


def words_of(lang: str) -> dict[str, str]:
    """Title and legend of the whole, in a language."""
    return {name: _WORDS[lang][name] for name in ("title", "legend")}


def markdown(mappings: Mapping[str, CompiledMapping], lang: str) -> str:
    """A page with a table per kind. `lang` is ru or en."""
    words = _WORDS[lang]
    lines = [f"# {words['title']}", "", f"<!-- {words['made']} -->", "", words["legend"], ""]
    for table in tables(mappings, lang):
        lines += [f"## {table.title} · `{table.kind}`", "", table.facts, ""]
        lines += [_row(table.columns), _row("---" for _ in table.columns), *(_row(cells) for cells in table.rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _kind_table(rule: KindRule, lang: str) -> KindTable:
    words = _WORDS[lang]
    facts = [f"{words['key']}: {', '.join(f'`{name}`' for name in rule.key)}. {words['kind']}: {rule.fhir}."]
    if rule.source is not None:
        facts.append(words["source"].format(words[rule.source]))
    elif len(rule.creates) == 1:
        facts.append(words["creates"].format(words[rule.creates[0]]))
    else:
        facts.append(words["both"])
    facts += [words[word] for word, holds in (("personal", rule.personal), ("clinical", rule.clinical)) if holds]
    rows = []
    for field in rule.fields:
        rows.append(_field_cells(rule, field, lang))
        rows += [_row_cells(field, inner, lang) for inner in field.rows]
    return KindTable(rule.kind, rule.title.in_lang(lang), " ".join(facts), words["columns"].split("|"), rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _field_cells(rule: KindRule, field: FieldRule, lang: str) -> list[str]:
    return [
        _name(field.name, field, lang),
        _place(field, Side.GOSUSLUGI, lang),
        _place(field, Side.EMIAS, lang),
        _decides(rule, field, lang),
        *_classes(field, lang),
        _example(field),
    ]


def _row_cells(field: FieldRule, inner: RowField, lang: str) -> list[str]:
    return [
        _name(f"{field.name}[].{inner.name}", inner, lang),
        _place(inner, Side.GOSUSLUGI, lang),
        _place(inner, Side.EMIAS, lang),
        "",
        *_classes(inner, lang),
        _example(inner),
    ]


def _name(name: str, field: RowField, lang: str) -> str:
    return f"`{name}`{' *' if field.required else ''} {field.title.in_lang(lang)}"


def _classes(field: RowField, lang: str) -> tuple[str, str]:
    """The FHIR element and the class of personal data."""
    return field.fhir or "", _WORDS[lang][field.data.value] if field.data is not None else ""


def _example(field: RowField) -> str:
    if field.example is None:
        return ""
    shown = field.example if isinstance(field.example, str) else json.dumps(field.example)
    return f"`{shown}`"


def _place(field: RowField, side: Side, lang: str) -> str:
    place, words = field.place(side), _WORDS[lang]
    if place is None:
        return "—"
    told = [f"`{place.at}`"]
    if field.crosswalk is not None:
        told.append(f"{words['table']} `{field.crosswalk}` ({len(field.codes)})")
    elif field.codes:
        told.append(", ".join(f"{rule.wire(side)[0]} (`{code}`)" for code, rule in field.codes.items()))
    elif isinstance(field, FieldRule) and field.rows:
        told.append(words["rows"])
    elif (lens := lens_of(field, side)) is not None:
        told.append(lens.ru if lang == "ru" else lens.en)
    if field.nsi:
        told.append(f"{words['nsi']} {field.nsi}")
    if place.also:
        told.append(f"{words['also']} {', '.join(f'`{name}`' for name in place.also)}")
    if not place.writes:
        told.append(words["read only"])
    return "; ".join(told)


def _decides(rule: KindRule, field: FieldRule, lang: str) -> str:
    words = _WORDS[lang]
    if field.style is Style.FORWARD:
        return words["forward"]
    if field.style is Style.FOLLOWS:
        return words["follows"].format(f"`{field.leader}`")
    if field.style is Style.GROW:
        return words["grow"]
    return words[owner_of(field, rule).value]
