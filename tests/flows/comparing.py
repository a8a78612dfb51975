"""Both systems side by side, as a person with the tables of design §6 would compare their exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from field_tables import KEYS, Fields, read
from flows.running import COLLECTIONS, Body, Systems

DELETED = ("deletedAt", "удалено")
REJECTED = 5
"""Place of «Отклонена» among the words of a visit's status."""


@dataclass
class Apart:
    """How one collection differs between the two systems; wire ids throughout."""

    only: dict[str, set[str]] = field(default_factory=lambda: {"gosuslugi": set(), "emias": set()})
    unreadable: dict[str, set[str]] = field(default_factory=lambda: {"gosuslugi": set(), "emias": set()})
    rejected: set[str] = field(default_factory=set)  # at Gosuslugi alone, and level so
    differing: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (Gosuslugi, EMIAS) -> fields
    equal: int = 0


def compare(collection: str, gosuslugi: Mapping[str, Body], emias: Mapping[str, Body]) -> Apart:
    """Records meet by natural key; where several share one (a visit booked anew), equal ones meet first."""
    found = Apart()
    there = _by_key("gosuslugi", collection, gosuslugi, found)
    here = _by_key("emias", collection, emias, found)
    for key in there.keys() | here.keys():
        left, right = dict(there.get(key, {})), dict(here.get(key, {}))
        for ref, fields in list(left.items()):
            twin = next((other for other, theirs in right.items() if theirs == fields), None)
            if twin is not None:
                del left[ref], right[twin]
                found.equal += 1
        for ref in [ref for ref, fields in left.items() if collection == "visits" and fields["status"] == REJECTED]:
            del left[ref]
            found.rejected.add(ref)
        while left and right:
            (one, mine), (two, theirs) = left.popitem(), right.popitem()
            found.differing[one, two] = sorted(name for name in mine if mine[name] != theirs[name])
        found.only["gosuslugi"] |= set(left)
        found.only["emias"] |= set(right)
    return found


def _by_key(
    system: str, collection: str, records: Mapping[str, Body], found: Apart
) -> dict[tuple[object, ...], dict[str, Fields]]:
    by_key: dict[tuple[object, ...], dict[str, Fields]] = {}
    for ref, body in records.items():
        if any(name in body for name in DELETED):
            continue
        try:
            fields = read(system, collection, body)
        except (ValueError, TypeError):
            found.unreadable[system].add(ref)
            continue
        by_key.setdefault(tuple(fields[name] for name in KEYS[collection]), {})[ref] = fields
    return by_key


async def compare_all(systems: Systems) -> dict[str, Apart]:
    """Every collection of both systems as they are now."""
    return {
        collection: compare(
            collection, await systems.export("gosuslugi", collection), await systems.export("emias", collection)
        )
        for collection in COLLECTIONS
    }
