"""The two systems of a simulated history: in memory, with a wire whose every end can be reached, cut or held.

A call stops twice: before its effect (the request travels) and after it (the answer travels). Whoever drives the
caller decides at each stop whether it goes on, fails, or never comes back; a request left on the wire can still arrive.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from medmost.domain.errors import MedmostError
from medmost.domain.kinds import Kind
from medmost.domain.record import Doc, Observation, Side
from medmost.mapping.contract import Mapping
from medmost.systems.contract import Accepted, Cursor, Page, Write
from systems_in_memory import MemorySystem
from systems_records import Effect, Stored, TickingClock
from systems_troubles import refusal


@dataclass(eq=False)
class Stop:
    """A point of the wire at which a caller waits."""

    call: str  # page, read, find, write, delete
    before: bool  # the effect, if any, has not happened yet
    arrive: Callable[[], None] | None = None  # what still happens if the request outlives its sender
    at: float = 0.0

    def __await__(self) -> Generator[Stop, None, None]:
        yield self


@dataclass(frozen=True)
class Flavour:
    """How these systems differ from the friendliest ones."""

    shouts: bool = False  # EMIAS stores names and comments in capitals
    remembers: bool = True  # idempotency keys are honoured
    replays_present: bool = False  # a repeated create is answered with the record as it is now
    unique: bool = False  # a second live record of a natural key is refused
    accepts_later: bool = False  # EMIAS answers changes with "accepted" and makes them afterwards
    quiet_hooks: bool = False  # notices name the record and do not show it


@dataclass
class Hook:
    """A notice under way."""

    id: str
    side: Side
    kind: str
    told: dict[str, Any]


@dataclass
class Job:
    """A change that a system has accepted and not made yet."""

    side: Side
    make: Callable[[], None]


Watch = Callable[["Portal", str, Stored, Effect, Doc | None], None]


@dataclass
class Air:
    """What is under way outside everybody's reach."""

    clock: Callable[[], float]
    hooks: list[Hook] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


class Portal(MemorySystem):
    """One system. `watch` is called with every effect, ours and people's."""

    def __init__(
        self, side: Side, air: Air, stamps: TickingClock, mappings: dict[str, Mapping], flavour: Flavour, watch: Watch
    ) -> None:
        super().__init__(side, stamps, page=4)
        self.air, self.mappings, self.flavour, self.watch = air, mappings, flavour, watch
        self._bodies: dict[str, Doc | None] = {}
        self._notices = 0

    # ------------------------------------------------------------ the contract, with stops
    async def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        await self._stop("page", before=True)
        async for page in super().changes(kind, cursor):
            await self._stop("page", before=False)
            yield page

    async def read(self, kind: str, ref: str) -> Observation | None:
        await self._stop("read", before=True)
        found = await super().read(kind, ref)
        await self._stop("read", before=False)
        return found

    async def find(self, kind: str, *, origin: str | None = None, natural: Doc | None = None) -> list[Observation]:
        await self._stop("find", before=True)
        found = await super().find(kind, origin=origin, natural=natural)
        await self._stop("find", before=False)
        return found

    async def write(self, write: Write) -> Observation | Accepted:
        await self._stop("write", before=True, arrive=lambda: drive(self._write(write)))
        answer = await self._write(write)
        await self._stop("write", before=False)
        return answer

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation:
        plain = super().delete
        await self._stop("delete", before=True, arrive=lambda: drive(plain(kind, ref, expected, key)))
        answer = await plain(kind, ref, expected, key)
        await self._stop("delete", before=False)
        return answer

    async def _stop(self, call: str, *, before: bool, arrive: Callable[[], None] | None = None) -> None:
        await Stop(call, before, arrive, self.air.clock())

    async def _write(self, write: Write) -> Observation | Accepted:
        known = self._bodies.get(write.key)
        if self.flavour.remembers and known is not None and known != write.doc:
            raise refusal("SIM_KEY_REUSED", "Ключ уже использован для другого запроса")
        if self.flavour.accepts_later and self.side is Side.EMIAS and write.ref is not None:
            self.air.jobs.append(Job(self.side, lambda: drive(MemorySystem.write(self, write))))
            return Accepted()
        answer = await super().write(write)
        self._bodies[write.key] = copy.deepcopy(write.doc)
        return answer

    # ------------------------------------------------------------ inside
    def _replayed(self, key: str, *call: Any) -> Observation | None:
        answer = super()._replayed(key, *call) if self.flavour.remembers else None
        if answer is not None and self.flavour.replays_present:
            return self.seen(call[1], answer.ref)
        return answer

    def _create(self, write: Write) -> Stored:
        if self.flavour.unique and self.twin_of(write.kind, write.doc) is not None:
            raise refusal("SIM_DUPLICATE", "Такая запись уже есть")
        if self.side is Side.EMIAS and write.kind == "visit" and self._taken(write.doc):
            raise refusal("SIM_SLOT_TAKEN", "Время уже занято")
        return super()._create(write)

    def twin_of(self, kind: str, doc: Doc, but: str | None = None) -> str | None:
        """A live record with the natural key of `doc`, where the system keeps such keys apart."""
        mapping = self.mappings[kind]
        wanted = _natural(mapping, self.side, doc)
        if wanted is None:
            return None
        for ref in self.refs(kind):
            if ref != but and _natural(mapping, self.side, self._of(kind)[ref].doc or {}) == wanted:
                return ref
        return None

    def _taken(self, doc: Doc) -> bool:
        """The doctor has another visit at that time."""
        for ref in self.refs("visit"):
            other = self._of("visit")[ref].doc or {}
            same = other.get("startTime") == doc.get("startTime") and other.get("doctor") == doc.get("doctor")
            if same and other.get("policyNumber") != doc.get("policyNumber") and other.get("status") == "BOOKED":
                return True
        return False

    def _keep(self, kind: str, ref: str, doc: Doc | None, origin: str | None) -> Stored:
        if doc is not None and self.flavour.shouts and self.side is Side.EMIAS:
            doc = {**doc, **{name: doc[name].upper() for name in ("lastName", "comment") if doc.get(name)}}
        self._before = self._of(kind)[ref].doc if ref in self._of(kind) else None
        return super()._keep(kind, ref, doc, origin)

    def _log(self, kind: str, stored: Stored, op: Any, by: Any, key: str | None = None) -> None:
        super()._log(kind, stored, op, by, key)
        self._notices += 1
        told: dict[str, Any] = {"id": stored.ref, "version": stored.version}
        if not self.flavour.quiet_hooks and stored.doc is not None:
            told["record"] = self._shown(kind, stored).doc
        self.air.hooks.append(Hook(f"{self.side}-{self._notices}", self.side, kind, told))
        self.watch(self, kind, stored, self.effects[-1], self._before)


def _natural(mapping: Mapping, side: Side, doc: Doc) -> str | None:
    fields = mapping.read(side, doc).fields
    kind: Kind = mapping.kind
    return None if kind.key_released(fields) else kind.key_of(fields)


def drive(call: Coroutine[Any, Any, Any]) -> None:
    """Runs a call of a plain system in memory, which never waits, to its end; a refusal is nobody's business."""
    try:
        call.send(None)
    except (StopIteration, MedmostError):
        return
    raise RuntimeError("a system in memory waited")


def without_stamp(observation: Observation) -> Observation:
    return msgspec.structs.replace(observation, stamp=None)
