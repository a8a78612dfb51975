"""What a file shows of itself runs when it is loaded: examples per rule, both ways, and a sample of the whole record.

A rule that does not read what it shows, or does not write it back, does not load. So a wrong format, a wrong nesting,
two names in each other's place and a swapped day and month are found before any record is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from medmost.domain import history
from medmost.domain.errors import Fatal
from medmost.domain.kinds import Style
from medmost.domain.record import BOTH, Doc, Fields, Side
from medmost.mapping import paths
from medmost.mapping.compiler import CompiledMapping, lens_of
from medmost.mapping.formats import Lens
from medmost.mapping.language import Example, FieldRule, RowField
from medmost.mapping.unfit import Unfit
from medmost.mapping.wrong import Complainer


def examples(say: Complainer, mapping: CompiledMapping) -> Iterator[Fatal]:
    """Problems of the fields' examples, then of the sample."""
    count = 0
    for number, field in enumerate(say.rule.fields):
        for where, rule in _rules(field, f"$.fields[{number}]"):
            for side in BOTH:
                for problem in _field(say, rule, side, where):
                    count += 1
                    yield problem
    if say.rule.sample is None or count:
        return
    changed = _changed(say)
    for side in BOTH:
        yield from _sample(say, mapping, side, say.rule.sample.shown(side), changed)


def _changed(say: Complainer) -> frozenset[str]:
    """Fields that an overlay changes or adds without a sample of its own: ours may not show them at all."""
    if say.located.own("$.sample"):
        return frozenset()
    numbered = enumerate(say.rule.fields)
    return frozenset(field.name for number, field in numbered if say.located.own(f"$.fields[{number}]"))


def _rules(field: FieldRule, where: str) -> Iterator[tuple[str, RowField]]:
    if not field.rows:
        yield where, field
    for number, row in enumerate(field.rows):
        yield f"{where}.rows[{number}]", row


# ---------------------------------------------------------------- examples of one rule
def _field(say: Complainer, field: RowField, side: Side, where: str) -> Iterator[Fatal]:
    lens, place = lens_of(field, side), field.place(side)
    if lens is None or place is None:
        return
    if field.codes:
        yield from _dictionary(say, field, lens, side, where)
    if field.example is not None and lens.writes:
        yield from _both_ways(say, field, lens, field.example, f"{where}.example", side)
    for number, example in enumerate(field.examples):
        yield from _example(say, field, example, side, f"{where}.examples[{number}]")


def _dictionary(say: Complainer, field: RowField, lens: Lens, side: Side, where: str) -> Iterator[Fatal]:
    """GetPut and PutGet of every code: exhaustive, because a dictionary is small."""
    for code, rule in field.codes.items():
        at = f"{where}.codes.{code}"
        yield from _both_ways(say, field, lens, code, at, side)
        for wire in rule.wire(side):
            yield from _reads(say, field, lens, wire, code, at, side)


def _example(say: Complainer, field: RowField, example: Example, side: Side, where: str) -> Iterator[Fatal]:
    lens = lens_of(field, side)
    assert lens is not None
    wire = example.shown(side)
    for other in (*(() if wire is msgspec.UNSET else (wire,)), *example.reads.get(side, ())):
        yield from _reads(say, field, lens, other, example.value, where, side)
    if wire is msgspec.UNSET or example.value is None or not lens.writes:
        return
    written = _attempt(lens.write, example.value)
    if written != wire or written.__class__ is not wire.__class__:
        yield say.wrong(
            where,
            field.name,
            f"{side}: «{example.value}» пишется как «{written}», а в примере «{wire}»",
            f'{side}: "{example.value}" is written as "{written}", the example has "{wire}"',
        )


def _both_ways(say: Complainer, field: RowField, lens: Lens, value: Any, where: str, side: Side) -> Iterator[Fatal]:
    """What is written of a canonical value reads as the same value."""
    again = _attempt(lens.read, _attempt(lens.write, value))
    if again != value or again.__class__ is not value.__class__:
        yield say.wrong(
            where,
            field.name,
            f"{side}: значение «{value}» после записи читается как «{again}»",
            f'{side}: the value "{value}", once written, reads as "{again}"',
        )


def _reads(
    say: Complainer, field: RowField, lens: Lens, wire: Any, value: Any, where: str, side: Side
) -> Iterator[Fatal]:
    read = _attempt(lens.read, wire)
    if read != value or read.__class__ is not value.__class__:
        yield say.wrong(
            where,
            field.name,
            f"{side}: «{wire}» читается как «{read}», а не «{value}»",
            f'{side}: "{wire}" reads as "{read}", not "{value}"',
        )


class _Misfit:
    """What a lens says of a value that it does not take; equal to nothing."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed

    def __str__(self) -> str:
        return f"не то / unfit: {self.allowed}" if self.allowed else "не то / unfit"


def _attempt(way: Any, value: Any) -> Any:
    try:
        return _Misfit("") if isinstance(value, _Misfit) else way(value)
    except Unfit as unfit:
        return _Misfit(unfit.allowed)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):  # an example of another type than the format
        return _Misfit("")


# ---------------------------------------------------------------- the sample of the whole record
def _sample(
    say: Complainer, mapping: CompiledMapping, side: Side, doc: Doc, changed: frozenset[str]
) -> Iterator[Fatal]:
    where = f"$.sample.{side}"
    reading = mapping.read(side, doc)
    problems = [
        one for one in reading.problems if one.reason != "missing" or re.split(r"[.\[]", one.field)[0] not in changed
    ]
    numbers = {field.name: number for number, field in enumerate(say.rule.fields)}
    for problem in problems:
        name = re.split(r"[.\[]", problem.field)[0]
        yield say.wrong(
            f"$.fields[{numbers[name]}].{side}" if name in numbers else where,
            problem.field,
            f"образец не подходит: {problem.reason} ({problem.value_class}); {problem.allowed}",
            f"the sample does not fit: {problem.reason} ({problem.value_class}); {problem.allowed}",
        )
    if problems:
        return
    fields = {name: value for name, value in reading.fields.items() if value is not None or name not in changed}
    for number, field in enumerate(say.rule.fields):
        if field.name in changed and reading.fields.get(field.name) is None:
            yield from _other_letters(say, field, side, doc, f"$.fields[{number}].{side}")
        if field.place(side) is not None and field.name in fields:
            own = field.name in changed
            yield from _shown(say, field, side, fields[field.name], f"$.fields[{number}]", changed=own)
    yield from _round_trip(say, mapping, side, doc, fields, changed)


def _other_letters(say: Complainer, field: FieldRule, side: Side, doc: Doc, where: str) -> Iterator[Fatal]:
    """A place that an overlay names and the sample shows in other letters: `Email` for `email`."""
    place, inside = field.place(side), doc
    for step in paths.parse(place.at) or () if place is not None else ():
        near = [name for name in inside if isinstance(name, str) and name.casefold() == str(step.key).casefold()]
        if step.key not in inside and near:
            yield say.wrong(
                where,
                field.name,
                f"в образце имя «{near[0]}», а не «{step.key}»",
                f'the sample has "{near[0]}", not "{step.key}"',
            )
        if not isinstance(deeper := inside.get(step.key), dict):
            return
        inside = deeper


def _shown(say: Complainer, field: FieldRule, side: Side, read: Any, where: str, *, changed: bool) -> Iterator[Fatal]:
    """The sample shows the example of every field; a list shows each example in one of its rows."""
    for inner in field.rows if read is not None else ():
        rows = [row[inner.name] for row in read]
        if inner.place(side) is None or inner.example in rows or (changed and not any(rows)):
            continue
        yield _differs(say, f"{field.name}.{inner.name}", side, inner.example, rows, where)
    if not field.rows and read != field.example:
        yield _differs(say, field.name, side, field.example, read, where)


def _differs(say: Complainer, name: str, side: Side, example: Any, read: Any, where: str) -> Fatal:
    return say.wrong(
        where,
        name,
        f"в примере (example) «{example}», а в образце (sample.{side}) читается «{read}»: исправьте неверное из них",
        f'the example is "{example}", but sample.{side} reads as "{read}": correct whichever is wrong',
    )


def _round_trip(
    say: Complainer, mapping: CompiledMapping, side: Side, doc: Doc, fields: Fields, changed: frozenset[str]
) -> Iterator[Fatal]:
    """Written onto itself the sample stays as it is; written anew it shows the same, field for field."""
    if mapping.write(side, fields, doc) != doc:
        yield say.wrong(f"$.sample.{side}", "", "образец меняется от записи", "the sample is changed by being written")
    new = mapping.write(side, fields, None)
    for number, field in enumerate(say.rule.fields):
        place = field.place(side)
        if place is None or not place.writes or fields.get(field.name) is None:
            continue
        at = f"$.fields[{number}]"
        if field.style is Style.GROW:
            if not history.level(mapping.read(side, new).fields[field.name], fields[field.name]):
                yield say.wrong(at, field.name, "история не пишется целиком", "the history is not written whole")
            continue
        keys = tuple(step.key for step in paths.parse(place.at) or ())
        written, shown = paths.shown(new, keys), paths.shown(doc, keys)
        if field.rows or (shown is None and field.name in changed):
            continue
        if written != shown or written.__class__ is not shown.__class__:
            yield say.wrong(
                at,
                field.name,
                f"{side}: в образце «{shown}», а пишется «{written}»",
                f'{side}: the sample has "{shown}", but "{written}" is written',
            )
