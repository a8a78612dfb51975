"""A record tried on its mapping: what each field is understood as, what the other system would get, and the way back.

For an engineer at a terminal, on a file of their own: values are shown. Nothing here is used by the exchange.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from medmost.domain.record import Doc, Problem, Side
from medmost.mapping import paths
from medmost.mapping.compiler import CompiledMapping, lens_of
from medmost.mapping.doubts import doubts
from medmost.mapping.language import FieldRule, Place

REASONS = {
    "missing": ("обязательное поле не заполнено", "a mandatory field is missing"),
    "format": ("не тот формат", "not of this format"),
    "unknown_code": ("незнакомый код", "an unknown code"),
    "type": ("значение не того типа", "a value of another type"),
    "range": ("значение вне допустимого", "a value out of range"),
}


class Step(msgspec.Struct, kw_only=True):
    """One field on its way. `problems`: every reason why it does not fit; `line`: where the file shows it."""

    field: str
    title_ru: str
    title_en: str
    at: str | None  # place it was read from
    wire: Any = None
    canonical: Any = None
    other_at: str | None = None
    other_wire: Any = None
    back: Any = None
    problems: list[Problem] = []
    line: int | None = None
    format_ru: str = ""
    note_ru: str = ""
    note_en: str = ""

    @property
    def came_back(self) -> bool:
        """Reads the other system's record as the same value? What is not written there need not."""
        return self.other_at is None or self.back == self.canonical


class Trial(msgspec.Struct, kw_only=True):
    """`other`: the record of the other system, of the fields that fit. `carried`: places that no rule names."""

    side: Side
    fields: dict[str, Any]
    steps: list[Step]
    other: Doc
    carried: list[str]

    @property
    def problems(self) -> list[Problem]:
        return [problem for step in self.steps for problem in step.problems]

    @property
    def fits(self) -> bool:
        return not self.problems and all(step.came_back for step in self.steps)


def try_record(mapping: CompiledMapping, side: Side, doc: Any, text: str = "") -> Trial:
    """Reads `doc` as `side`'s record, writes the other side's, reads that again. `text`: the file, for its lines."""
    reading = mapping.read(side, doc)
    wrong = {_top(problem.field) for problem in reading.problems}
    fitting = {name: value for name, value in reading.fields.items() if name not in wrong and value is not None}
    other = mapping.write(side.other, fitting, None)
    back = mapping.read(side.other, other).fields
    shown = doc if isinstance(doc, dict) else {}
    steps = [_step(rule, side, shown, reading.fields, other, back, text) for rule in mapping.rule.fields]
    by_name = {step.field: step for step in steps}
    for name, (ru, en) in doubts(mapping, side, reading.fields).items():
        doubtful = by_name[name]
        doubtful.note_ru, doubtful.note_en = (
            f"{ru}. {doubtful.note_ru}".strip(" ."),
            f"{en}. {doubtful.note_en}".strip(" ."),
        )
    for problem in reading.problems:
        step = by_name.get(_top(problem.field))
        if step is None:
            step = by_name["*"] = Step(field="*", title_ru="вся запись", title_en="the whole record", at=None)
            steps.insert(0, step)
        step.problems = [*step.problems, problem]
    return Trial(side=side, fields=reading.fields, steps=steps, other=other, carried=_unmapped(mapping, side, shown))


def _step(
    rule: FieldRule, side: Side, doc: Doc, fields: dict[str, Any], other: Doc, back: dict[str, Any], text: str
) -> Step:
    here, there = rule.place(side), rule.place(side.other)
    step = Step(field=rule.name, title_ru=rule.title.ru, title_en=rule.title.en, at=here.at if here else None)
    step.canonical = fields.get(rule.name)
    if here is None:
        step.note_ru, step.note_en = "этой системе поле неизвестно", "this system has no such field"
    else:
        step.at, step.wire = _found(here, doc)
        step.line = _line(text, step.at)
        lens = None if rule.rows or rule.codes else lens_of(rule, side)
        step.format_ru = lens.ru if lens is not None else ""
        if step.at != here.at:
            step.note_ru, step.note_en = f"прочитано из «{step.at}»", f'read from "{step.at}"'
    if there is None:
        step.note_ru, step.note_en = "другой системе поле неизвестно", "the other system has no such field"
    elif not there.writes:
        step.note_ru, step.note_en = "другая система его только показывает", "the other system only shows it"
    else:
        step.other_at, step.other_wire, step.back = there.at, wire_at(other, there.at), back.get(rule.name)
    return step


def _top(field: str) -> str:
    """``observations[2].value`` belongs to the field `observations`."""
    return re.split(r"[.\[]", field, maxsplit=1)[0]


def _found(place: Place, doc: Doc) -> tuple[str, Any]:
    """The place a value was read from: the first that shows something, else where it belongs."""
    for at in (place.at, *place.also):
        found = wire_at(doc, at)
        if found is not None and found != "":
            return at, found
    return place.at, wire_at(doc, place.at)


def wire_at(doc: Any, at: str) -> Any:
    """What a document shows at a place of the mapping language; None where it shows nothing."""
    for step in paths.parse(at) or ():
        found = doc.get(step.key) if isinstance(doc, dict) else None
        doc = paths.pick(found, step.name, step.value) if step.name else found
    return doc


def _line(text: str, at: str) -> int | None:
    """The first line of a JSON text that shows the last key of a place."""
    key = re.escape(json.dumps(at.rpartition(".")[2], ensure_ascii=False)[1:-1])
    found = re.search(rf'"{key}"\s*:', text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def _unmapped(mapping: CompiledMapping, side: Side, doc: Doc) -> list[str]:
    """Places that no rule names: they stay as they are at their own system."""
    known = {at for rule in mapping.rule.fields for at in _places(rule, side)}
    return [at for at in leaves(doc) if not any(at == one or at.startswith((one + ".", one + "[")) for one in known)]


def _places(rule: FieldRule, side: Side) -> list[str]:
    place = rule.place(side)
    return [] if place is None else [re.sub(r"\[.*?\]", "", at) for at in (place.at, *place.also, *place.last.values())]


def leaves(doc: Doc, above: str = "") -> Iterator[str]:
    """Every place of a document that holds a value, lists as a whole."""
    for key, value in doc.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
