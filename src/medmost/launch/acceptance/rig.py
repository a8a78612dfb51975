"""Where the programme works: the real systems, an engine and a state of its own that end with it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from medmost.domain.errors import MedmostError
from medmost.domain.record import BOTH, Fields, Side
from medmost.launch.acceptance.narrow import Narrow
from medmost.launch.acceptance.objects import Objects
from medmost.queue.embedded import Doorbell
from medmost.store import ledgers, links
from medmost.store.cipher import Cipher
from medmost.store.database import Database
from medmost.store.sqlite import SqliteDatabase
from medmost.store.transaction import Transaction
from medmost.sync.engine import Engine
from medmost.sync.house import House
from medmost.sync.linked import read_backlog
from medmost.sync.schedule import Pace
from medmost.sync.shapes import Watch
from medmost.systems.contract import System, Write

PATIENCE = 20.0
"""Seconds that what has to wait is given; a right pair of systems needs none of them."""
ROUNDS = 6


@dataclass
class Rig:
    house: House
    database: Database
    systems: dict[Side, Narrow]
    engine: Engine
    objects: Objects
    ends: Mapping[Side, System]  # without blinkers, for what only reads
    patience: float = PATIENCE
    refs: dict[str, str] = field(default_factory=dict)  # what requirements leave for those after them

    async def enter(self, side: Side, kind: str, fields: Fields, key: str | None = None) -> str:
        """A person's new record at one side; its ref. Raises what the system raises."""
        doc = self.house.mappings[kind].write(side, fields, None)
        key = key or secrets.token_hex(16)
        write = Write(kind=kind, ref=None, doc=doc, base=None, expected=0, key=key, origin=None)
        return (await self.systems[side].enter(write)).ref

    async def change(self, side: Side, kind: str, ref: str, fields: Fields) -> None:
        """A person changes these fields of a record. Raises what the system raises."""
        end = self.ends[side]
        seen = await end.read(kind, ref)
        if seen is None or seen.doc is None:
            raise LookupError(f"{kind} {ref} is not at {side}")
        doc = self.house.mappings[kind].write(side, fields, seen.doc)
        key = secrets.token_hex(16)
        await self.systems[side].enter(
            Write(kind=kind, ref=ref, doc=doc, base=seen.doc, expected=seen.version, key=key, origin=None)
        )

    async def level(self, patience: float | None = None) -> int:
        """Looks and delivers until a round brings nothing new. How many writes the systems took meanwhile."""
        before = self.writes
        for _ in range(ROUNDS):
            passed = await self.engine.poll_once()
            errors = [one.error for one in passed.values() if one.error is not None]
            for deliverer in self.engine.deliverers.values():
                await deliverer.until_quiet(self.patience if patience is None else patience)
            if errors and not any(end.cut for end in self.systems.values()):
                raise errors[0]
            if not any(one.new for one in passed.values()):
                break
        return self.writes - before

    @property
    def writes(self) -> int:
        return sum(end.writes for end in self.systems.values())

    async def shown(self, side: Side, kind: str, like: Fields) -> dict[str, Fields]:
        """Live test records of one natural key at a side: ref -> canonical fields."""
        mapping, found = self.house.mappings[kind], {}
        for known, ref in list(self.systems[side].made):
            seen = await self.ends[side].read(kind, ref) if known == kind else None
            if seen is None or seen.doc is None:
                continue
            fields = mapping.read(side, seen.doc).fields
            if all(fields.get(name) == like[name] for name in mapping.kind.key):
                found[ref] = fields
        return found

    async def states(self, kind: str) -> dict[str, int]:
        """How many pairs of a kind stand how."""
        query = "SELECT state, COUNT(*) FROM pair WHERE kind = ? AND state != 'closed' GROUP BY state"
        return dict(await self.database.read(lambda tx: tx.execute(query, (kind,)).fetchall()))

    async def link(self, *numbers: str) -> None:
        """These test patients have given their consent."""
        cipher, now = self.house.cipher, self.house.clock.now()

        def add(tx: Transaction) -> None:
            for number in numbers:
                links.add(tx, cipher, account=number, policy_number=number, consent={}, consent_hash="", at=now)

        await self.database.write(add)
        patients = [links.patient_index(cipher, number) for number in numbers]
        await read_backlog(self.house, self.database, self.engine.pollers, patients)

    async def clear(self) -> list[str]:
        """Removes all that was made, children first; what could not be removed, as `side kind ref`."""
        left: list[str] = []
        for side in BOTH:
            end = self.systems[side]
            for kind, ref in sorted(end.made, key=lambda one: self.house.rank(one[0]), reverse=True):
                try:
                    gone = await end.remove(kind, ref, secrets.token_hex(16))
                except MedmostError:
                    gone = False
                if not gone:
                    left.append(f"{side} {kind} {ref}")
        return left


@asynccontextmanager
async def open_rig(
    house: House, ends: Mapping[Side, System], objects: Objects, patience: float = PATIENCE
) -> AsyncIterator[Rig]:
    """A rig over `ends`. Its state lies in a temporary folder, under a key that nobody keeps."""
    own = replace(house, cipher=Cipher(secrets.token_bytes(32)), watch=Watch(), deadline=10.0, lease=35.0)
    with tempfile.TemporaryDirectory(prefix="medmost-accept-") as folder:
        database = await SqliteDatabase(Path(folder) / "state.db").open()
        try:
            await database.write(lambda tx: _open_all(tx, own))
            systems = {side: Narrow(ends[side]) for side in BOTH}
            engine = Engine(own, database, systems, Doorbell(), Pace(300.0, 900.0))
            yield Rig(own, database, systems, engine, objects, ends, patience)
        finally:
            await database.close()


def _open_all(tx: Transaction, house: House) -> None:
    ledgers.recognise(tx, house.cipher)
    for kind in house.mappings:
        ledgers.set_stage(tx, kind, "full")
