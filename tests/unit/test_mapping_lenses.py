"""The lens laws of every field of every shipped kind, at both sides, over thousands of values of its own domain.

GetPut: what a document shows, written back, changes nothing, whatever its spelling. PutGet: what is written reads back.
And the compiled reader says of each value what its format says: the quick ways of quick.py decide nothing.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from medmost.domain.kinds import Style
from medmost.domain.record import BOTH, Doc, Side
from medmost.mapping import load_mappings, paths
from medmost.mapping.compiler import CompiledMapping, lens_of
from medmost.mapping.formats import Lens
from medmost.mapping.language import FieldRule, RowField
from medmost.mapping.unfit import Unfit
from value_domains import CLASSES, MISSING, classes_of, draws

DRAWS = int(os.environ.get("MEDMOST_DRAWS", "2000"))
MAPPINGS = load_mappings()


def leaves(mapping: CompiledMapping) -> list[tuple[FieldRule, RowField]]:
    """Every field that has a format, with the list that it is a row of (or itself)."""
    return [(field, leaf) for field in mapping.rule.fields for leaf in (field.rows or (field,))]


EVERY = [
    (kind, side, field, leaf)
    for kind, mapping in MAPPINGS.items()
    for side in BOTH
    for field, leaf in leaves(mapping)
    if field.place(side) is not None and leaf.place(side) is not None
]
IDS = [f"{kind}-{side}-{field.name}" + f".{leaf.name}" * (leaf is not field) for kind, side, field, leaf in EVERY]


def show(doc: Doc, field: FieldRule, leaf: RowField, side: Side, wire: Any) -> Doc:
    """A copy of the document that shows `wire` in the field, in the first row where it is a list's."""
    outer = paths.parse(field.place(side).at) if leaf is not field else ()
    steps: list[Any] = [*(step.key for step in outer), *([0] if outer else [])]
    for step in paths.parse(leaf.place(side).at):
        steps += [step.key, (step.name, step.value)] if step.name else [step.key]
    return put(doc, steps, wire)


def put(here: Any, steps: list[Any], wire: Any) -> Any:
    """A copy with `wire` at the end of the steps (a key, a row's number, a row that says so of itself)."""
    step, further = steps[0], steps[1:]
    if isinstance(here, list):
        number = step if step == 0 else next(n for n, row in enumerate(here) if row[step[0]] == step[1])
        return [put(row, further, wire) if n == number else row for n, row in enumerate(here)]
    made = dict(here)
    if further:
        made[step] = put(here[step], further, wire)
    elif wire is MISSING:
        made.pop(step, None)
    else:
        made[step] = wire
    return made


def value_of(fields: dict[str, Any], field: FieldRule, leaf: RowField) -> Any:
    return fields[field.name] if leaf is field else fields[field.name][0][leaf.name]


def by_format(lens: Lens, wire: Any) -> tuple[Any, bool]:
    """What the format itself says: the canonical value, and whether it fits at all."""
    try:
        return lens.read(None if wire is MISSING else wire), True
    except Unfit:
        return None, False


@pytest.mark.parametrize(("kind", "side", "field", "leaf"), EVERY, ids=IDS)
def test_lens_laws_hold_for_field(kind: str, side: Side, field: FieldRule, leaf: RowField) -> None:
    mapping, lens, place = MAPPINGS[kind], lens_of(leaf, side), leaf.place(side)
    assert lens is not None
    sample = mapping.rule.sample.shown(side)
    wire_codes = [wire for rule in leaf.codes.values() for wire in rule.wire(side)]
    form = place.form or ""
    lacking = classes_of(form)
    law = Law(mapping, side, field, leaf, lens)
    for wire in draws(place.form, wire_codes, DRAWS, f"{kind} {side} {leaf.name}"):
        lacking -= {name for name in lacking if CLASSES[name][0](wire)}
        law.holds(show(sample, field, leaf, side, wire), sample, wire)
    assert not lacking, "never drawn"


class Law:
    """The laws of one field at one side."""

    def __init__(self, mapping: CompiledMapping, side: Side, field: FieldRule, leaf: RowField, lens: Lens) -> None:
        self.mapping, self.side, self.field, self.leaf, self.lens = mapping, side, field, leaf, lens
        self.grows = field.style is Style.GROW
        self.writes = field.place(side).writes and lens.writes
        self.base = mapping.read(side, mapping.rule.sample.shown(side)).fields

    def holds(self, doc: Doc, sample: Doc, wire: Any) -> None:
        canonical, fits = by_format(self.lens, wire)
        if canonical is not None and self.lens.writes:
            assert self.lens.read(self.lens.write(canonical)) == canonical
        if self.grows:
            return
        reading = self.mapping.read(self.side, doc)
        told = {problem.reason for problem in reading.problems}
        assert value_of(reading.fields, self.field, self.leaf) == canonical
        required = self.leaf.required and canonical is None
        assert bool(told) == (not fits or required)
        assert told <= {"missing", "type", "format", "range", "unknown_code"}
        if told or not self.writes:
            return
        name = self.field.name
        assert self.mapping.write(self.side, {name: reading.fields[name]}, doc) == doc
        written = self.mapping.write(self.side, {name: reading.fields[name]}, sample)
        assert self.mapping.read(self.side, written).fields == {**self.base, name: reading.fields[name]}
