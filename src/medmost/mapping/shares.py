"""What many records say together: codes never met before, fields that are empty more often, types that are no more.

Pure. Judged over the sample of `shape`, so that a page costs a look at one record of sixteen. Of values only codes that
the mapping's own dictionaries list are counted: nothing personal can be among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from medmost.domain.record import Doc, Side
from medmost.mapping.drift import LEARNED, Finding, places_of
from medmost.mapping.language import KindRule, RowField
from medmost.mapping.shape import NULL, Shape
from medmost.mapping.trial import wire_at

WINDOW = 32
"""Records of the sample that are compared, together, with all that were sampled before."""
JUMP, SIGMAS = 0.25, 4.0
"""A field is empty more often where the share has grown by the first, and by so many deviations of chance."""
USUAL = 0.25
"""A type that this share of a place's values had, and none of a whole window has, is no more."""
VALUES = 16
"""Values of a place in a window, at least, before a type is missed among them."""

Codes = Mapping[str, frozenset[str]]
"""Place -> the codes that its dictionary lists for this system."""


class Recent(msgspec.Struct):
    """The sample since the last comparison: types by place."""

    records: int = 0
    types: dict[str, Counter[str]] = {}

    def add(self, places: Mapping[str, str]) -> None:
        self.records += 1
        for at, type_ in places.items():
            self.types.setdefault(at, Counter())[type_] += 1


def names_at(rule: KindRule, side: Side) -> dict[str, tuple[str, RowField]]:
    """Place -> the field read there and its name; rows of a list as ``list[].row`` at ``list[].key``."""
    found: dict[str, tuple[str, RowField]] = {}
    for field in rule.fields:
        for at in places_of(field, side):
            found[at] = (field.name, field)
            for row in field.rows:
                place = row.place(side)
                if place is not None and "[" not in place.at:
                    found[f"{at}[].{place.at}"] = (f"{field.name}[].{row.name}", row)
    return found


def codes_at(rule: KindRule, side: Side) -> dict[str, frozenset[str]]:
    """Where a dictionary rules, and the codes it lists there."""
    return {
        at: frozenset(str(wire) for code in field.codes.values() for wire in code.wire(side))
        for at, (_, field) in names_at(rule, side).items()
        if field.codes
    }


def shown_codes(doc: Doc, codes: Codes) -> list[tuple[str, str]]:
    """The listed codes that a record shows, by place; of a list its first row."""
    found = []
    for at, listed in codes.items():
        wire = doc.get(at) if at in doc else _deeper(doc, at)
        if isinstance(wire, str | int) and str(wire) in listed:
            found.append((at, str(wire)))
    return found


def _deeper(doc: Doc, at: str) -> Any:
    above, list_, key = at.partition("[].")
    if not list_:
        return wire_at(doc, at) if "." in at else None
    rows = wire_at(doc, above)
    return wire_at(rows[0], key) if isinstance(rows, list) and rows else None


def new_codes(rule: KindRule, side: Side, shape: Shape, shown: Sequence[tuple[str, str]]) -> list[Finding]:
    """Codes that the dictionary knows and the system never used so far: read as ever, worth knowing."""
    fresh = {}
    for at, code in dict.fromkeys(shown):
        leaf = shape.leaves.get(at)
        if leaf is not None and code not in leaf.values and sum(leaf.values.values()) >= LEARNED:
            fresh[at] = code
    names = names_at(rule, side) if fresh else {}
    return [Finding(what="code", risk="safe", field=names[at][0], at=at, to=code) for at, code in fresh.items()]


def shifted(rule: KindRule, side: Side, shape: Shape, recent: Recent) -> list[Finding]:
    """What a full window shows otherwise than all before it; nothing before enough is learned."""
    if recent.records < WINDOW or shape.records < LEARNED:
        return []
    return [*_emptier(rule, side, shape, recent), *_narrowed(rule, side, shape, recent)]


def _emptier(rule: KindRule, side: Side, shape: Shape, recent: Recent) -> list[Finding]:
    found = []
    for field in rule.fields:
        at = places_of(field, side)
        if not at or field.rows or not any(one in shape.leaves for one in at):
            continue
        before = 1.0 - shape.share(at)
        filled = sum(number for one in at for type_, number in recent.types.get(one, {}).items() if type_ != NULL)
        empty = max(0, recent.records - filled)
        chance = recent.records * before
        beyond = empty - chance
        if beyond > JUMP * recent.records and beyond > SIGMAS * (chance * (1.0 - before) + 1.0) ** 0.5:
            found.append(Finding(what="empty", risk="risky", field=field.name, at=at[0]))
    return found


def _narrowed(rule: KindRule, side: Side, shape: Shape, recent: Recent) -> list[Finding]:
    found = []
    for at, (name, _) in names_at(rule, side).items():
        leaf, shown = shape.leaves.get(at), recent.types.get(at)
        if leaf is None or shown is None:
            continue
        before = {type_: number for type_, number in leaf.types.items() if type_ != NULL}
        now = {type_ for type_ in shown if type_ != NULL}
        if sum(before.values()) < LEARNED or sum(shown[type_] for type_ in now) < VALUES or not now <= before.keys():
            continue
        if any(before[type_] > USUAL * sum(before.values()) for type_ in before.keys() - now):
            found.append(Finding(what="narrowed", risk="risky", field=name, at=at))
    return found
