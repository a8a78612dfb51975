"""What a changed shape means for a mapping: new, lost, renamed, retyped; safe, risky or breaking (reliability F28).

Pure. A field is *expected* where most records learned so far have it; whether one that is missing was renamed is told
by a place nobody has seen before, that holds what the field's own format reads.
"""

from __future__ import annotations

from collections.abc import Hashable
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from medmost.domain.record import Doc, Side
from medmost.mapping.compiler import lens_of
from medmost.mapping.formats import LENSES, Lens
from medmost.mapping.language import FieldRule, KindRule
from medmost.mapping.shape import NULL, Profile, Shape
from medmost.mapping.trial import wire_at
from medmost.mapping.unfit import Unfit

What = Literal["new", "null", "empty", "narrowed", "retyped", "renamed", "lost", "format", "code"]
Risk = Literal["safe", "risky", "breaking"]
LEARNED = 50
"""Records before anything is called a change."""
EXPECTED = 0.5
"""A field is missed where more than this share of the records had it."""
CERTAIN, DOUBT = 0.98, 1e-3
"""No share counts as more certain than the first; rarer than the second is no chance any more."""
RARE = 0.1
"""Another name of a field that fewer records used does not stand for the usual one."""
LEAST_RUN = 3
"""Different records in a row, at least, before a field that is only missing counts as lost, or as unreadable."""
ALWAYS, LONG_RUN, HARD_DOUBT = 0.995, 8, 1e-6
"""A field with a smaller share than the first is at times left out: that asks for a longer run and a rarer chance."""
_ALIKE = 0.55
_LOOSE = frozenset({"text", "name", "code"})
"""Formats that read any text: only the likeness of the names tells whether it is the same field."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`field` is empty for a place that no rule names. `to`: the new place; `formats`: those that read it now."""

    what: What
    risk: Risk
    field: str
    at: str
    to: str = ""
    formats: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return f"MM-DRIFT-{self.what.upper()}"


def look(
    rule: KindRule, side: Side, shape: Shape, own: frozenset[str], doc: Doc, shown: dict[str, str]
) -> list[Finding]:
    """What one record of a signature never met says, `shown` being its places. Nothing before enough is learned."""
    if shape.records < LEARNED:
        return []
    unknown = [at for at in shown if at not in shape.leaves and at.split(".")[0] not in own]
    found = _renamed(rule, side, shape, doc, shown, [at for at in unknown if "[]" not in at])
    mapped = {at: field for field in rule.fields for at in places_of(field, side)}
    taken = {one.to for one in found} | set(mapped)
    found += [Finding(what="new", risk="safe", field="", at=at) for at in unknown if at not in taken and "[]" not in at]
    return found


def look_at_types(rule: KindRule, side: Side, shape: Shape, doc: Doc, shown: dict[str, str]) -> list[Finding]:
    """Values of a type that their place never had, in one record."""
    if shape.records < LEARNED:
        return []
    leaves = shape.leaves
    strange = [at for at, type_ in shown.items() if at in leaves and leaves[at].types and type_ not in leaves[at].types]
    if not strange:
        return []
    found = []
    mapped = {at: field for field in rule.fields for at in places_of(field, side)}
    for at in strange:
        field = mapped.get(at)
        if field is not None and shown[at] == NULL:
            found.append(Finding(what="null", risk="risky", field=field.name, at=at))
        elif field is not None:
            found.append(_retyped(field, side, at, wire_at(doc, at)))
    return found


def sections_of(rule: KindRule, side: Side) -> tuple[str, ...]:
    """Keys of a record below which there are fields."""
    found: dict[str, None] = {}
    for field in rule.fields:
        for at in places_of(field, side):
            key, _, below = at.partition(".")
            if below or field.rows:
                found[key] = None
    return tuple(found)


def _renamed(
    rule: KindRule, side: Side, shape: Shape, doc: Doc, shown: dict[str, str], unknown: list[str]
) -> list[Finding]:
    found: list[Finding] = []
    missing = [
        field
        for field in rule.fields
        if not field.rows and (at := places_of(field, side)) and shape.share(at) > EXPECTED and not set(at) & set(shown)
    ]
    for to in unknown:
        rated = [(mark, field) for field in missing if (mark := _likeness(field, side, to, wire_at(doc, to))) > 0]
        if rated:
            field = max(rated, key=lambda one: one[0])[1]
            missing.remove(field)
            found.append(
                Finding(what="renamed", risk="breaking", field=field.name, at=places_of(field, side)[0], to=to)
            )
    return found


def _likeness(field: FieldRule, side: Side, to: str, wire: Any) -> float:
    """How likely a place is the field's new one: 0 where its format does not read what is there."""
    lens = lens_of(field, side)
    if lens is None or not _reads(lens, wire):
        return 0.0
    names = [at.rpartition(".")[2].lower() for at in places_of(field, side)]
    alike = max(SequenceMatcher(None, name, to.rpartition(".")[2].lower()).ratio() for name in names)
    if not field.codes and lens.canon in _LOOSE:
        return alike if alike >= _ALIKE else 0.0
    return 1.0 + alike


def _reads(lens: Lens, wire: Any) -> bool:
    try:
        return lens.read(wire) is not None
    except Unfit:
        return False


def _retyped(field: FieldRule, side: Side, at: str, wire: Any) -> Finding:
    lens = lens_of(field, side)
    if lens is not None and _reads(lens, wire):
        return Finding(what="retyped", risk="risky", field=field.name, at=at)
    return Finding(what="retyped", risk="breaking", field=field.name, at=at, formats=formats_for(field, side, wire))


def formats_for(field: FieldRule, side: Side, wire: Any) -> tuple[str, ...]:
    """Formats of the field's own sort that read what is shown now."""
    lens = lens_of(field, side)
    if lens is None or field.codes:
        return ()
    return tuple(name for name, other in LENSES.items() if other.canon == lens.canon and _reads(other, wire))


def lacking(rule: KindRule, side: Side, profile: Profile, told: Hashable) -> frozenset[str]:
    """Fields that most records have and those of this signature do not; none before enough is learned."""
    if told not in profile.lacking:
        shape, shown = profile.shape, set(profile.known[told])
        profile.lacking[told] = frozenset(
            field.name
            for field in (rule.fields if shape.records >= LEARNED else ())
            if not field.rows and (at := places_of(field, side)) and _misses(shape, at, shown)
        )
    return profile.lacking[told]


def _misses(shape: Shape, at: tuple[str, ...], shown: set[str]) -> bool:
    """An expected field is not there, or only under another of its names that this system hardly ever used."""
    if at[0] in shown or shape.share(at) <= EXPECTED:
        return False
    return all(other not in shown or shape.share((other,)) < RARE for other in at[1:])


def is_lost(share: float, run: int, *, always: bool = False) -> bool:
    """Is `run` different records without a field, one after the other, no chance any more?

    `always`: no record was without it before this run.
    """
    often = share < ALWAYS and not always  # people who enter one record after the other leave the same fields out
    if share <= EXPECTED or run < (LONG_RUN if often else LEAST_RUN):
        return False
    chance: float = (1 - min(share, CERTAIN)) ** run
    return chance < (HARD_DOUBT if often else DOUBT)


def places_of(field: FieldRule, side: Side) -> tuple[str, ...]:
    """Where a field is read from; places inside picked rows are not followed."""
    place = field.place(side)
    if place is None:
        return ()
    return tuple(at for at in (place.at, *place.also) if "[" not in at)
