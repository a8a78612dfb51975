"""The numbers that the portal names things by: 64-bit, of the lengths seen, the same as long as the thing is there.

Lengths: availableResourceId 11 digits, complexResourceId 9, referralId and appointmentId 12 (facts/emias.md §1.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from medmost_stand.dialect import Body
from medmost_stand.records import Record
from medmost_stand.system import System


def number(kind: str, name: str, digits: int) -> int:
    """A number of so many digits for a name."""
    drawn = int.from_bytes(hashlib.blake2b(f"{kind}:{name}".encode(), digest_size=8).digest())
    least: int = 10 ** (digits - 1)
    return least + drawn % (9 * least)


def appointment_id(record: Record) -> int:
    """EMIAS' own ids of visits are 12 digits; seeded ones are not."""
    return int(record.id) if record.id.isdigit() and len(record.id) == 12 else number("visit", record.id, 12)


class Catalog:
    """Finds records of a system by the portal's numbers. Tables are made anew when a collection has changed."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._made: dict[str, tuple[tuple[int, int], dict[int, Record]]] = {}

    def resource(self, resource_id: int) -> Body | None:
        """The schedule behind an availableResourceId."""
        return self._found("schedules", resource_id, lambda one: self.resource_id(one.fields()))

    def lpu(self, lpu_id: int) -> Body | None:
        """The organization behind an lpuId."""
        return self._found("organizations", lpu_id, lambda one: self.lpu_id(str(one.fields().get("oid"))))

    def resource_id(self, schedule: Body) -> int:
        return number("resource", str(schedule["scheduleId"]), 11)

    def complex_id(self, schedule: Body) -> int:
        return number("complex", str(schedule["scheduleId"]), 9)

    def lpu_id(self, oid: str) -> int:
        return number("lpu", oid, 8)

    def organization(self, oid: str) -> Body:
        """The organization of an OID; empty where it is not known."""
        return next(self._keyed("organizations", oid), {})

    def schedule(self, schedule_id: Any) -> Body | None:
        """A schedule by its own id."""
        return next(self._keyed("schedules", str(schedule_id)), None)

    def live(self, collection: str) -> Iterator[Body]:
        """Bodies of all live records of a collection."""
        return (record.fields() for record in self.system.shelves[collection] if not record.deleted)

    def _keyed(self, collection: str, value: str) -> Iterator[Body]:
        shelf = self.system.shelves[collection]
        return (shelf.records[one].fields() for one in sorted(shelf.keyed((value,))))

    def _found(self, collection: str, wanted: int, name: Callable[[Record], int]) -> Body | None:
        shelf = self.system.shelves[collection]
        newest = shelf.page(len(shelf) - 1, 1)
        state = (len(shelf), newest[0].stamp if newest else 0)
        known = self._made.get(collection)
        if known is None or known[0] != state:
            known = (state, {name(record): record for record in shelf if not record.deleted})
            self._made[collection] = known
        record = known[1].get(wanted)
        return None if record is None else record.fields()
