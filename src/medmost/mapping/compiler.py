"""A kind's rules become Python source, and the source two functions per side. `source` shows what was made of a file.

The reader collects every problem of a document and never raises; the writer changes only what would read differently.
"""

from __future__ import annotations

from typing import Any

import msgspec

from medmost.domain.errors import Fatal
from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.record import BOTH, Doc, Fields, Reading, Side
from medmost.mapping import paths, quick
from medmost.mapping.formats import LENSES, Lens, dictionary
from medmost.mapping.language import Constant, DataClass, FieldRule, KindRule, Place, RowField
from medmost.mapping.rows import Last, ListPlan, append_rows, read_list, replace_list
from medmost.mapping.source import Part, reader_source, writer_source
from medmost.mapping.unfit import Unfit, missing, no_record

_GOSUSLUGI = Side.GOSUSLUGI  # a name is found sooner than a member of an enumeration
_OF_NOBODY = (DataClass.NONE, DataClass.ADMINISTRATIVE)
_ROW_HELPERS = {
    "section": paths.section,
    "pick": paths.pick,
    "put": paths.put,
    "drop": paths.drop,
    "blank": paths.blank,
    "missing": missing,
    "Unfit": Unfit,
    "Reading": Reading,
    "no_record": no_record,
    "other_form": quick.OTHER_FORM,
    "read_list": read_list,
    "replace_list": replace_list,
    "append_rows": append_rows,
}


class CompiledMapping:
    """One kind's mapping (mapping.contract.Mapping): `read`, `write`, and the source they were made of."""

    def __init__(self, rule: KindRule) -> None:
        self.rule = rule
        self.kind = kind_of(rule)
        made = {side: _compile(rule.fields, side, rule.constants, rule.key) for side in BOTH}
        self._gosuslugi, self._emias = (made[side][0] for side in BOTH)
        self._write = {side: made[side][1] for side in BOTH}
        self._source = {side: made[side][2] for side in BOTH}

    def read(self, side: Side, doc: Doc) -> Reading:
        """Canonical fields; a field that does not fit is None and named in the problems. Any JSON value may come."""
        reading: Reading = (self._gosuslugi if side is _GOSUSLUGI else self._emias)(doc)
        return reading

    def write(self, side: Side, fields: Fields, onto: Doc | None) -> Doc:
        """A new document that reads as `fields` and is `onto` in all else; `onto` itself is never changed."""
        doc: Doc = self._write[side](fields, onto)
        return doc

    def typed(self, name: str, text: str) -> Any:
        """The canonical value of what a person typed in either system's form (mapping.contract.Mapping)."""
        rule = next((rule for rule in self.rule.fields if rule.name == name), None)
        allowed = ""
        for lens in (lens_of(rule, side) for side in BOTH) if rule is not None else ():
            if lens is None:
                continue
            try:
                return lens.read(text)
            except Unfit as unfit:
                allowed = unfit.allowed
        raise Fatal(
            "MM-MAP-VALUE",
            f"Поле {name} вида {self.kind.name} не принимает такое значение ({allowed})",
            f"field {name} of {self.kind.name} takes no such value ({allowed})",
        )

    def source(self, side: Side) -> str:
        """The Python of both functions of a side."""
        return self._source[side]


def kind_of(rule: KindRule) -> Kind:
    """What the engine knows of a kind."""
    return Kind(
        name=rule.kind,
        collection=rule.collection,
        title_ru=rule.title.ru,
        title_en=rule.title.en,
        fields=tuple(_field_of(field, rule) for field in rule.fields),
        key=rule.key,
        source=rule.source,
        creates=rule.creates,
        personal=rule.personal,
        patient=rule.patient,
        clinical=rule.clinical,
        parents=rule.parents,
        releases_key=rule.releases_key,
        final=rule.final,
        expires=rule.expires,
        moved_from=rule.moved_from,
        moved_to=rule.moved_to,
        refusal=rule.refusal,
    )


def _field_of(rule: FieldRule, kind: KindRule) -> Field:
    sides = [side for side in BOTH if rule.place(side) is not None]
    return Field(
        name=rule.name,
        owner=owner_of(rule, kind),
        style=rule.style,
        order=rule.order,
        leader=rule.leader,
        row_key=rule.row_key,
        only=sides[0] if len(sides) == 1 else None,
        source=rule.source,
    )


def owner_of(field: FieldRule, kind: KindRule) -> Owner:
    """Who decides about a field: its owner, else a person; on a one-way rule the side that it is taken from."""
    source = field.source or kind.source
    return Owner(source.value) if source is not None else field.owner or Owner.PERSON


def lens_of(field: RowField, side: Side) -> Lens | None:
    """The format of a field at a side: named, or its dictionary; None for lists and for places that do not exist."""
    place = field.place(side)
    if place is None:
        return None
    if field.codes:
        wire = {code: rule.wire(side) for code, rule in field.codes.items()}
        return dictionary(wire, "по словарю", "by dictionary")
    return LENSES[place.form] if place.form is not None else None


def _compile(
    fields: tuple[RowField, ...], side: Side, constants: tuple[Constant, ...] = (), key: tuple[str, ...] | None = None
) -> tuple[Any, Any, str]:
    """Reader, writer and their source for the fields that a side shows; without a key they are a row's of a list."""
    names: dict[str, Any] = dict(_ROW_HELPERS)
    parts: list[Part] = []
    for number, field in enumerate(fields):
        place = field.place(side)
        if place is None:
            continue
        if isinstance(field, FieldRule) and field.rows:
            names[f"list_{number}"] = _list_plan(field, place, side)
            parts.append(_part(number, field, place, side))
            continue
        lens = lens_of(field, side)
        assert lens is not None, field.name  # check.py has seen to it
        names[f"read_{number}"], names[f"write_{number}"] = lens.read, lens.write
        for other, copy in enumerate(place.copies):
            names[f"write_{number}_{other}"] = lens.write if copy.form is None else LENSES[copy.form].write
        repeats = field.data in _OF_NOBODY and (place.form == "text" or (key is not None and field.name not in key))
        parts.append(_quick(_part(number, field, place, side), field, place, lens, names, repeats=repeats))
    absent = [field.name for field in fields if field.place(side) is None]
    text = (
        reader_source(parts, absent, whole=key is not None)
        + "\n\n"
        + writer_source(parts, [(paths.parse(one.at) or (), one.value) for one in constants if one.side is side])
    )
    exec(compile(text, f"<mapping {side}>", "exec"), names)  # noqa: S102  # source made of checked rules only
    return quick.with_known_keys(names["read"]), names["write"], text


def _part(number: int, field: RowField, place: Place, side: Side) -> Part:
    steps = [paths.parse(text) or () for text in (place.at, *place.also)]
    return Part(
        number=number,
        name=field.name,
        required=field.required,
        paths=tuple(steps),
        writes=place.writes,
        blanks=side is Side.GOSUSLUGI,
        rows=isinstance(field, FieldRule) and bool(field.rows),
        grows=isinstance(field, FieldRule) and field.style is Style.GROW,
        copies=tuple(paths.parse(copy.at) or () for copy in place.copies),
    )


def _quick(part: Part, field: RowField, place: Place, lens: Lens, names: dict[str, Any], *, repeats: bool) -> Part:
    """The part with its quick way, whose tables and memos go into `names`: one memo a format in a reader.

    `repeats`: what the field says of a record many others say too, and it is nobody's.
    """
    test, memo = quick.TESTS.get(place.form or ""), None
    if field.codes or place.form in quick.MEMOS or (place.form in quick.MAYBE_MEMOS and repeats):
        # A required or otherwise named field looks further where nothing is shown: its memo knows no empty value.
        empties = not part.required and len(part.paths) == 1
        name = f"codes_{part.number}" if field.codes else f"memo_{''.join(filter(str.isalnum, place.form or ''))}"
        memo, test = name + "_or_none" * empties, None
        names.setdefault(memo, quick.memo_of(lens, empties=empties))
    for name in test.tables if test is not None else ():
        names[name] = quick.table(name)
    remembered = names[memo] if memo is not None else None
    names[f"odd_{part.number}"] = quick.odd_reader(part.name, lens, remembered, required=part.required)
    return msgspec.structs.replace(part, test=test, memo=memo)


def _list_plan(field: FieldRule, place: Place, side: Side) -> ListPlan:
    read, write, _ = _compile(field.rows, side)
    by_name = {row.name: row for row in field.rows}
    last = []
    for name, at in place.last.items():
        lens = lens_of(by_name[name], side)
        assert lens is not None, name  # check.py has seen to it
        last.append(Last(name, tuple(at.split(".")), lens))
    return ListPlan(
        field=field.name,
        keys=tuple(place.at.split(".")),
        read=read,
        write=write,
        row_key=field.row_key,
        last=tuple(last),
        ends=field.ends,
        grows=field.style is Style.GROW,
    )
