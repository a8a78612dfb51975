"""The shape of what a system shows: which places its records have, of which types, and which listed codes are used.

Every record's keys are compared with those met before, which costs a walk over its keys; types are looked at in one
record of sixteen, and in those that do not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import msgspec

from medmost.domain.record import Doc

NULL = "null"
MOST_SIGNATURES = 4096
"""Signatures kept apart; after that many the list begins anew."""
SAMPLE = 16
_TYPES = {str: "text", int: "whole", float: "number", bool: "boolean", dict: "section", list: "list", type(None): NULL}


class Leaf(msgspec.Struct):
    """One place over many records: in how many its key was there; the types, and the listed codes, of the sample."""

    seen: int = 0
    types: dict[str, int] = {}
    values: dict[str, int] = {}


class Shape(msgspec.Struct):
    """What was learned of a kind at a system."""

    records: int = 0
    leaves: dict[str, Leaf] = {}
    doubts: dict[str, list[str]] = {}  # field -> refs without it, of which nobody can tell yet whether it is lost

    def share(self, places: tuple[str, ...]) -> float:
        """About how large a part of the records has a value at one of these places."""
        if not self.records:
            return 0.0
        shown = 0.0
        for at in places:
            leaf = self.leaves.get(at)
            if leaf is not None:
                sampled = sum(leaf.types.values())
                shown += leaf.seen * (1 - leaf.types.get(NULL, 0) / sampled if sampled else 1.0)
        return min(1.0, shown / self.records)

    def add(self, places: dict[str, str], times: int) -> None:
        """`times` records of one signature."""
        self.records += times
        for at in places:
            leaf = self.leaves.get(at)
            if leaf is None:
                leaf = self.leaves[at] = Leaf(0, {})
            leaf.seen += times

    def sample(self, places: dict[str, str]) -> None:
        """The types of one record."""
        for at, type_ in places.items():
            leaf = self.leaves.get(at)
            if leaf is not None:
                leaf.types[type_] = leaf.types.get(type_, 0) + 1

    def use(self, codes: Sequence[tuple[str, str]]) -> None:
        """Codes that a dictionary lists, as records of the sample show them."""
        for at, code in codes:
            leaf = self.leaves.get(at)
            if leaf is not None:
                leaf.values[code] = leaf.values.get(code, 0) + 1


def signature(doc: Doc, sections: Sequence[str]) -> Hashable:
    """The same for records with the same keys in the same order, also inside `sections`; of a list its first row."""
    parts: list[Hashable] = [tuple(doc)]
    for key in sections:
        value = doc.get(key)
        if value.__class__ is list and value:
            value = value[0]
        parts.append(tuple(value) if value.__class__ is dict else None)
    return tuple(parts)


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
        self._turn = 0
        self._sampled: list[dict[str, str]] = []
        self._codes: list[tuple[str, str]] = []

    def meet(self, docs: Sequence[Doc], sections: Sequence[str]) -> tuple[list[Hashable], dict[Hashable, Doc]]:
        """Counts records: their signatures, and a record for each signature that was never met."""
        known = self.known
        told = [signature(doc, sections) for doc in docs]
        new: dict[Hashable, Doc] = {}
        for one, times in Counter(told).items():
            if one not in known:
                if len(known) >= MOST_SIGNATURES:
                    self.settle()
                    known.clear()
                new[one] = docs[told.index(one)]
                known[one] = places(new[one])
            self.fresh[one] += times
        return told, new

    def types(self, docs: Sequence[Doc]) -> list[tuple[Doc, dict[str, str]]]:
        """The records of the sample, with the types of their places."""
        first = -self._turn % SAMPLE
        self._turn += len(docs)
        chosen = [(doc, places(doc)) for doc in docs[first::SAMPLE]]
        self._sampled += [told for _, told in chosen]
        return chosen

    def codes(self, shown: Sequence[tuple[str, str]]) -> None:
        """Codes that records of the sample show, by place."""
        self._codes += shown

    def settle(self) -> None:
        """Moves what was counted into the shape."""
        for told, times in self.fresh.items():
            self.shape.add(self.known[told], times)
        for sampled in self._sampled:
            self.shape.sample(sampled)
        self.shape.use(self._codes)
        self.fresh.clear()
        self._sampled.clear()
        self._codes.clear()
        self.lacking.clear()  # what is expected may be other than before
