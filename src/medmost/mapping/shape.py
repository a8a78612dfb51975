"""The shape of what a system shows: which places its records have, and of which types. No value is looked at.

A record's shape is told by a signature that costs two walks over its keys; places are worked out once per signature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import msgspec

from medmost.domain.record import Doc

NULL = "null"
MOST_SIGNATURES = 4096
"""Signatures kept apart; records of any further one are looked at whole."""
_TYPES = {str: "text", int: "whole", float: "number", bool: "boolean", dict: "section", list: "list", type(None): NULL}


class Leaf(msgspec.Struct):
    """One place over many records: how often it was there, and as what."""

    seen: int = 0
    types: dict[str, int] = {}


class Shape(msgspec.Struct):
    """What was learned of a kind at a system."""

    records: int = 0
    leaves: dict[str, Leaf] = {}

    def share(self, places: tuple[str, ...]) -> float:
        """How large a part of the records has a value at one of these places."""
        if not self.records:
            return 0.0
        shown = 0
        for at in places:
            leaf = self.leaves.get(at)
            shown += leaf.seen - leaf.types.get(NULL, 0) if leaf is not None else 0
        return min(1.0, shown / self.records)

    def add(self, places: dict[str, str], times: int) -> None:
        """`times` records of one signature."""
        self.records += times
        for at, type_ in places.items():
            leaf = self.leaves.get(at)
            if leaf is None:
                leaf = self.leaves[at] = Leaf(0, {})
            leaf.seen += times
            leaf.types[type_] = leaf.types.get(type_, 0) + times


def signature(doc: Doc) -> Hashable:
    """The same for records with the same keys in the same order, of the same types; of a list its first row counts."""
    values = doc.values()
    inner = []
    for value in values:
        if value.__class__ is dict:
            inner.append(signature(value))
        elif value.__class__ is list and value and value[0].__class__ is dict:
            inner.append(signature(value[0]))
    return (*doc, *map(type, values), *inner) if inner else (*doc, *map(type, values))


def places(doc: Doc, above: str = "") -> dict[str, str]:
    """Every place of a record with its type; a list's rows as ``list[].key``."""
    found: dict[str, str] = {}
    for key, value in doc.items():
        at = f"{above}{key}"
        if isinstance(value, dict):
            found |= places(value, at + ".")
        else:
            found[at] = _TYPES.get(type(value), "other")
            if isinstance(value, list) and value and isinstance(value[0], dict):
                found |= places(value[0], at + "[].")
    return found


class Profile:
    """A kind at a system as it is being learned. `fresh` counts what `shape` does not hold yet."""

    def __init__(self, shape: Shape | None = None) -> None:
        self.shape = shape or Shape(0, {})
        self.fresh: Counter[Hashable] = Counter()
        self.known: dict[Hashable, dict[str, str]] = {}
        self.lacking: dict[Hashable, frozenset[str]] = {}  # expected fields that a signature does not show

    def meet(self, docs: list[Doc]) -> tuple[list[Hashable], dict[Hashable, Doc]]:
        """Counts records: their signatures, and a record for each signature that was never met."""
        all_told: list[Hashable] = []
        new: dict[Hashable, Doc] = {}
        for doc in docs:
            told = signature(doc)
            if told not in self.known:
                if len(self.known) >= MOST_SIGNATURES:
                    self.settle()
                    self.known.clear()
                self.known[told] = places(doc)
                new[told] = doc
            self.fresh[told] += 1
            all_told.append(told)
        return all_told, new

    def settle(self) -> None:
        """Moves what was counted into the shape."""
        for told, times in self.fresh.items():
            self.shape.add(self.known[told], times)
        self.fresh.clear()
        self.lacking.clear()  # what is expected may be other than before
