"""A whole medmost over both systems in memory: what a person or a network does to them, then `settles`.

async with town(tmp_path) as here:
    ref = here.emias.put("policy", {...})
    await here.settles()
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings
from medmost.mapping.compiler import CompiledMapping
from medmost.queue.embedded import Doorbell
from medmost.store import ledgers, links, schema
from medmost.store.cipher import Cipher
from medmost.store.sqlite import SqliteDatabase
from medmost.sync.engine import Engine, Pace
from medmost.sync.house import House
from medmost.sync.linked import read_backlog
from medmost_stand.world import World, build_world
from systems_in_memory import MemorySystem

MASTER = bytes(range(32))


@dataclass
class Town:
    house: House
    database: SqliteDatabase
    systems: dict[Side, MemorySystem]
    engine: Engine

    @property
    def gosuslugi(self) -> MemorySystem:
        return self.systems[Side.GOSUSLUGI]

    @property
    def emias(self) -> MemorySystem:
        return self.systems[Side.EMIAS]

    async def settles(self, rounds: int = 4) -> None:
        """Polls and delivers until a round brings nothing new."""
        for _ in range(rounds):
            passed = await self.engine.poll_once()
            for deliverer in self.engine.deliverers.values():
                await deliverer.until_quiet(1.0)
            if not any(one.new for one in passed.values()):
                return

    async def links(self, *policies: str) -> None:
        """These patients have given their consent."""
        cipher, now = self.house.cipher, self.house.clock.now()

        def add(tx: Any) -> None:
            for number in policies:
                given = {"account": f"oid-{number}", "policy_number": number, "consent": {}, "consent_hash": ""}
                links.add(tx, cipher, at=now, **given)

        await self.database.write(add)
        patients = [links.patient_index(cipher, number) for number in policies]
        await read_backlog(self.house, self.database, self.engine.pollers, patients)

    async def states(self, kind: str) -> dict[str, int]:
        """How many pairs of a kind stand how."""
        query = "SELECT state, COUNT(*) FROM pair WHERE kind = ? AND state != 'closed' GROUP BY state"
        return dict(await self.database.read(lambda tx: tx.execute(query, (kind,)).fetchall()))

    def inhabit(self, people: int, seed: int, today: date) -> World:
        """The stand's synthetic world moves in; EMIAS refuses visits on hours that are taken there."""
        world = build_world(people, seed, today)
        kinds = {mapping.kind.collection: name for name, mapping in self.house.mappings.items()}
        for side, seeds in zip(BOTH, (world.gosuslugi, world.emias), strict=True):
            for collection, kind in kinds.items():
                for one in seeds.get(collection, []):
                    self.systems[side].put(kind, one.body, one.id, one.changed_at)
        taken = {doc["startTime"] + doc["scheduleId"] for doc in self._booked() if doc.get("scheduleId")}
        self.emias.refuses(
            "visit", "SIM_SLOT_TAKEN", "Это время уже занято", lambda doc: _hour(doc) in taken and _fresh(doc)
        )
        return world

    def _booked(self) -> list[dict[str, Any]]:
        docs = [self.emias.doc("visit", ref) for ref in self.emias.refs("visit")]
        return [doc for doc in docs if doc["status"] == "BOOKED"]


def _hour(doc: dict[str, Any]) -> str:
    return f"{doc.get('startTime')}{doc.get('scheduleId')}"


def _fresh(doc: dict[str, Any]) -> bool:
    return doc.get("status") == "BOOKED" and "id" not in doc


def _now() -> datetime:
    """The clock that medmost reads too: a change is as young as it looks."""
    return datetime.now(UTC)


@cache
def mappings() -> dict[str, CompiledMapping]:
    """Read and compiled once: they are values."""
    return load_mappings()


@cache
def empty_state() -> bytes:
    """A migrated state without rows: every town begins with a copy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        schema.upgrade(path)
        with closing(sqlite3.connect(path)) as base:
            base.execute("PRAGMA journal_mode = delete")
        return path.read_bytes()


@asynccontextmanager
async def town(
    folder: Path,
    stage: str = "full",
    pace: Pace | None = None,
    overlay: Path | None = None,
    systems: dict[Side, MemorySystem] | None = None,
    **house_rules: Any,
) -> AsyncIterator[Town]:
    """An empty town; every kind stands at `stage`. `house_rules`: what this house has other than usual.

    `overlay`: mapping files of its own. `systems`: those of a town that was closed, so that medmost starts again.
    """
    read = load_mappings(overlay) if overlay is not None else dict(mappings())
    house = House(read, Cipher(MASTER), **house_rules)
    path = folder / "state.db"
    if not path.exists():
        path.write_bytes(empty_state())
    database = await SqliteDatabase(path).open()

    def open_kinds(tx: Any) -> None:
        for kind in house.mappings:
            ledgers.set_stage(tx, kind, stage)

    await database.write(open_kinds)
    systems = systems or {side: MemorySystem(side, _now) for side in BOTH}
    engine = Engine(house, database, dict(systems), Doorbell(), pace or Pace())
    try:
        yield Town(house, database, systems, engine)
    finally:
        await database.close()
