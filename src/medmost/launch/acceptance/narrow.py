"""A system of which the programme sees nothing but its own test records: nobody else's is read, matched or changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from medmost.domain.errors import Refused, Transient
from medmost.domain.record import Observation, Side
from medmost.systems.contract import Accepted, Cursor, Health, Page, System, Write


class Narrow:
    """Passes on what concerns test records. While `cut` is set the system cannot be reached, as in an outage."""

    def __init__(self, system: System) -> None:
        self.side: Side = system.side
        self._system = system
        self.made: dict[tuple[str, str], None] = {}  # (kind, ref) in the order of making
        self.keys: dict[str, int] = {}  # idempotency key -> times it was sent
        self.writes = 0  # requests of the sync that the system took
        self.refusals: list[Refused] = []
        self.cut = False

    # ------------------------------------------------------------ what a person does here
    async def enter(self, write: Write) -> Observation:
        """A test record as the system itself takes it. Raises what the system raises."""
        told = await self._system.write(write)
        if isinstance(told, Accepted):
            raise Refused(
                "MM-ACPT-LATER", "система ответила «позже»", "the system answered «later»", said="accepted", reason=""
            )
        self.made[write.kind, told.ref] = None
        return told

    async def remove(self, kind: str, ref: str, key: str) -> bool:
        """Whether the record is gone now."""
        seen = await self._system.read(kind, ref)
        if seen is not None and not seen.gone:
            await self._system.delete(kind, ref, seen.version, key)
            seen = await self._system.read(kind, ref)
        return seen is None or seen.gone

    # ------------------------------------------------------------ the system as the sync sees it
    async def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:  # noqa: ARG002  # they are few: all of them, each time
        yield await self._page(kind)

    async def everything(self, kind: str) -> AsyncIterator[Page]:
        yield await self._page(kind)

    async def _page(self, kind: str) -> Page:
        seen = [await self.read(kind, ref) for known, ref in list(self.made) if known == kind]
        return Page(tuple(one for one in seen if one is not None), {})

    async def read(self, kind: str, ref: str) -> Observation | None:
        self._reach()
        return await self._system.read(kind, ref) if (kind, ref) in self.made else None

    async def write(self, write: Write) -> Observation | Accepted:
        self._reach()
        self.keys[write.key] = self.keys.get(write.key, 0) + 1
        try:
            told = await self._system.write(write)
        except Refused as refused:
            self.refusals.append(refused)
            raise
        self.writes += 1
        if isinstance(told, Observation):
            self.made[write.kind, told.ref] = None
        return told

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation:
        self._reach()
        told = await self._system.delete(kind, ref, expected, key)
        self.writes += 1
        return told

    async def find(
        self, kind: str, *, origin: str | None = None, natural: dict[str, Any] | None = None
    ) -> list[Observation]:
        self._reach()
        found = await self._system.find(kind, origin=origin, natural=natural)
        if origin is not None:  # the mark is the programme's own: a create of ours whose answer was lost
            self.made.update({(kind, one.ref): None for one in found})
        return [one for one in found if (kind, one.ref) in self.made]

    def told(self, kind: str, record: Any) -> Observation | None:
        return self._system.told(kind, record)

    async def subscribe(self, url: str, secret: str, collections: list[str]) -> None:
        """Test records are looked at, not waited for."""

    async def probe(self) -> Health:
        return await self._system.probe()

    def health(self) -> Health:
        return self._system.health()

    async def close(self) -> None:
        """The system belongs to who lent it."""

    def _reach(self) -> None:
        if self.cut:
            raise Transient("MM-ACPT-CUT", "связь прервана программой испытаний", "cut by the programme", arrived=False)
