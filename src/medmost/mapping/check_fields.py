"""Each field's own rule: its format, its dictionary, its owner and its style."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medmost.domain import values
from medmost.domain.errors import Fatal
from medmost.domain.kinds import Style
from medmost.domain.record import BOTH, Side
from medmost.mapping.compiler import lens_of
from medmost.mapping.formats import LENSES
from medmost.mapping.language import DataClass, FieldRule, Place, RowField
from medmost.mapping.scripts import doubtful
from medmost.mapping.wrong import Complainer

HISTORY_ROW = ("id", "origin", "status_id", "at", "title", "comment", "sender", "final")
"""The fields of a history row, which domain.history compares."""
_ELEMENT = re.compile(r"([A-Z][A-Za-z]+)((?:\.[a-z][A-Za-z0-9]*(?:\[x\]|\([a-z-]+\))?)+)")
_CODED = ("code", "text", "whole", "oid")
_NAMING = frozenset({"policy number", "snils", "snils dashed", "name"})
"""Formats whose values name a person; what is said of them decides what is kept, masked and shown to whom."""


def fields(say: Complainer) -> Iterator[Fatal]:
    for number, field in enumerate(say.rule.fields):
        where = f"$.fields[{number}]"
        yield from _field(say, field, where)
        yield from _owner(say, field, where)
        yield from _style(say, field, where)
        yield from _list(say, field, where)


def _field(say: Complainer, field: RowField, where: str) -> Iterator[Fatal]:
    if not field.name.isidentifier() or not field.name.isascii():
        yield say.wrong(
            where, field.name, "имя поля: латинские буквы, цифры, _", "a field name: latin letters, digits, _"
        )
    sides = [side for side in BOTH if field.place(side) is not None]
    if not sides:
        yield say.wrong(where, field.name, "поля нет ни у одной системы", "no system shows the field", BOTH)
    yield from _meaning(say, field, where)
    if isinstance(field, FieldRule) and field.rows:
        return
    wrong = [fatal for side in sides for fatal in _form(say, field, side, f"{where}.{side}")]
    yield from wrong
    if field.codes:
        yield from _dictionary(say, field, f"{where}.codes")
    if wrong:
        return
    canons = {lens.canon for side in sides if (lens := lens_of(field, side)) is not None}
    if len(canons) > 1:
        yield say.wrong(
            where,
            field.name,
            f"форматы сторон разного рода: {' и '.join(sorted(canons))}",
            f"the sides' formats are of different sorts: {' and '.join(sorted(canons))}",
        )
    if field.nsi is not None and not canons <= set(_CODED):
        yield say.wrong(
            f"{where}.nsi", field.name, "справочник НСИ бывает у поля с кодами", "only codes are of a НСИ dictionary"
        )


def _meaning(say: Complainer, field: RowField, where: str) -> Iterator[Fatal]:
    """The FHIR element and the dictionary's OID are what they claim to be."""
    if field.fhir is not None:
        element = _ELEMENT.fullmatch(field.fhir)
        if element is None or element[1] not in say.rule.resources:
            yield say.wrong(
                f"{where}.fhir",
                field.name,
                f"«{field.fhir}» — не элемент ресурсов этого вида",
                f'"{field.fhir}" is no element of the kind\'s resources',
                [f"{resource}.…" for resource in say.rule.resources],
            )
    forms = {place.form for side in BOTH if (place := field.place(side)) is not None}
    if forms & _NAMING and field.data is not None and field.data is not DataClass.IDENTITY:
        yield say.wrong(
            f"{where}.data",
            field.name,
            "такое поле называет человека: data: identity",
            "the field names a person: data: identity",
        )
    if field.nsi is not None and values.oid(field.nsi) != field.nsi:
        yield say.wrong(f"{where}.nsi", field.name, f"«{field.nsi}» — не OID", f'"{field.nsi}" is no OID')


def _form(say: Complainer, field: RowField, side: Side, where: str) -> Iterator[Fatal]:
    place = field.place(side)
    assert place is not None
    yield from _form_of(say, field, place.form, f"{where}.as", writes=place.writes)
    for number, copy in enumerate(place.copies):
        at = f"{where}.copies[{number}]"
        if copy.form is None or copy.form == place.form:
            continue
        wrong = list(_form_of(say, field, copy.form, at, writes=True))
        yield from wrong
        if not wrong and place.form in LENSES and LENSES[copy.form].canon != LENSES[place.form].canon:
            yield say.wrong(at, field.name, "формат копии другого рода", "the copy's format is of another sort")


def _form_of(say: Complainer, field: RowField, form: str | None, where: str, *, writes: bool) -> Iterator[Fatal]:
    if field.codes:
        if form is not None:
            yield say.wrong(
                where, field.name, "у поля со словарём (codes) нет формата", "a field with a dictionary has no format"
            )
    elif form is None:
        yield say.wrong(where, field.name, "не назван формат (as)", "no format is named (as)", LENSES)
    elif form not in LENSES:
        yield say.unknown(where, field.name, "формата", "format", form, LENSES)
    elif not LENSES[form].writes and writes:
        yield say.wrong(
            where.removesuffix(".as"),
            field.name,
            f"формат «{form}» только читается: нужно writes: false",
            f'the format "{form}" is only read: it needs writes: false',
        )


def _dictionary(say: Complainer, field: RowField, where: str) -> Iterator[Fatal]:
    """One canonical code for one shown value at each side, whatever its letters' case: else it does not turn back."""
    for side in BOTH:
        seen: dict[str, str] = {}
        for code, rule in field.codes.items():
            at = f"{where}.{code}"
            for wire in rule.wire(side):
                shown = values.text(str(wire))
                if shown is None:
                    yield say.wrong(at, field.name, f"пустое значение ({side})", f"an empty value ({side})")
                elif (again := seen.get(shown.lower())) is not None:
                    yield say.wrong(
                        at,
                        field.name,
                        f"«{wire}» ({side}) значит и «{again}», и «{code}»",
                        f'"{wire}" ({side}) means both "{again}" and "{code}"',
                    )
                else:
                    seen[shown.lower()] = code
                    yield from doubtful(say, str(wire), at, field.name)
    for code in field.codes if field.crosswalk is None else ():
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", code):
            yield say.wrong(
                f"{where}.{code}",
                field.name,
                f"код «{code}»: латинские буквы, цифры, _, -",
                f'code "{code}": latin letters, digits, _, -',
            )


def _owner(say: Complainer, field: FieldRule, where: str) -> Iterator[Fatal]:
    """A field that goes one way has no owner but its source."""
    source = field.source or say.rule.source
    if source is not None and field.owner is not None:
        yield say.wrong(
            f"{where}.owner",
            field.name,
            f"поле ведёт {source} (source): решать некому и нечего",
            f"{source} rules the field (source): there is nothing for an owner to decide",
        )
    if field.source is not None and say.rule.source is not None:
        yield say.wrong(
            f"{where}.source", field.name, "весь вид уже ведёт одна система", "one system rules the whole kind already"
        )
    if source is not None and field.place(source) is None:
        yield say.wrong(
            where,
            field.name,
            f"поле берётся из {source}, а там его нет",
            f"the field is taken from {source}, which does not show it",
        )


def _style(say: Complainer, field: FieldRule, where: str) -> Iterator[Fatal]:
    """`style` and the words that only it gives a meaning."""
    forward, follows, grow = (field.style is style for style in (Style.FORWARD, Style.FOLLOWS, Style.GROW))
    wants = (
        ("order", forward, bool(field.order), "forward"),
        ("leader", follows, field.leader is not None, "follows"),
        ("rows", grow, bool(field.rows) and grow, "grow"),
        ("ends", grow, bool(field.ends) or grow, "grow"),
    )
    for word, style, there, name in wants:
        if style and not there:
            yield say.wrong(where, field.name, f"при style: {name} нужно {word}", f"style: {name} needs {word}")
        elif there and not style:
            yield say.wrong(
                f"{where}.{word}", field.name, f"{word} бывает при style: {name}", f"{word} goes with style: {name}"
            )
    if forward:
        yield from _order(say, field, where)
    if follows and field.leader is not None:
        missing = list(say.known(field.leader, f"{where}.leader", field.name))
        yield from missing
        if not missing and say.field(field.leader).style is not Style.FORWARD:
            yield say.wrong(
                f"{where}.leader",
                field.name,
                "ведущим бывает поле со style: forward",
                "a leader is a field of style: forward",
            )


def _order(say: Complainer, field: FieldRule, where: str) -> Iterator[Fatal]:
    """States are codes; whatever follows a follower is named itself; nothing follows itself."""
    for state, onward in field.order.items():
        at = f"{where}.order.{state}"
        yield from say.codes(field, (state, *onward), at)
        if state in onward:
            yield say.wrong(at, field.name, f"«{state}» не идёт за собой", f'"{state}" does not follow itself')
        lost = [far for near in onward for far in field.order.get(near, ()) if far not in onward and far != state]
        round_ = [near for near in onward if state in field.order.get(near, ())]
        if round_:
            yield say.wrong(
                at,
                field.name,
                f"«{state}» и «{round_[0]}» идут друг за другом",
                f'"{state}" and "{round_[0]}" follow each other',
            )
        if lost:
            yield say.wrong(
                at,
                field.name,
                f"за «{state}» через шаг идёт и «{lost[0]}»: назовите и его",
                f'"{lost[0]}" follows "{state}" by a step: name it too',
            )
    named = {*field.order, *(state for onward in field.order.values() for state in onward)}
    for code in field.codes:
        if code not in named:
            yield say.wrong(
                f"{where}.order", field.name, f"не сказано, где «{code}»", f'the place of "{code}" is missing'
            )


def _list(say: Complainer, field: FieldRule, where: str) -> Iterator[Fatal]:
    rows = [row.name for row in field.rows]
    if not rows:
        if field.row_key:
            yield say.wrong(f"{where}.row_key", field.name, "row_key бывает у списка (rows)", "row_key goes with rows")
        return
    if field.codes:
        yield say.wrong(f"{where}.codes", field.name, "у списка нет словаря", "a list has no dictionary")
    if field.style is Style.GROW and tuple(rows) != HISTORY_ROW:
        yield say.wrong(
            f"{where}.rows",
            field.name,
            "строка истории состоит из других полей",
            "a history row has other fields",
            HISTORY_ROW,
        )
    if not field.row_key:
        yield say.wrong(
            where,
            field.name,
            "по каким полям узнать строку (row_key)? Без него свои поля строк пропадут",
            "which fields tell a row (row_key)? Without it the rows' own fields would be lost",
            rows,
        )
    for name in field.row_key:
        if name not in rows:
            yield say.unknown(f"{where}.row_key", field.name, "поля строки", "row field", name, rows)
    for number, row in enumerate(field.rows):
        if row.name in rows[:number]:
            yield say.wrong(
                f"{where}.rows[{number}]", f"{field.name}.{row.name}", "поле описано дважды", "described twice"
            )
        yield from _field(say, row, f"{where}.rows[{number}]")
    yield from _list_places(say, field, where)


def _list_places(say: Complainer, field: FieldRule, where: str) -> Iterator[Fatal]:
    for side in BOTH:
        place: Place | None = field.place(side)
        if place is None:
            continue
        if place.form is not None or place.also or place.copies:
            yield say.wrong(
                f"{where}.{side}", field.name, "у списка есть только место (at)", "a list has a place only (at)"
            )
        for name in place.last:
            if name not in HISTORY_ROW or field.style is not Style.GROW:
                yield say.unknown(
                    f"{where}.{side}.last.{name}", field.name, "поля истории", "history field", name, HISTORY_ROW
                )
