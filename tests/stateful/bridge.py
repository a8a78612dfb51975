"""A bridge one can act on: the real engine and store between two systems in memory, killed and restarted at will."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from medmost.cli.operations import brakes, conflicts, dead, holds
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.record import BOTH, Doc, Side
from medmost.mapping import load_mappings
from medmost.queue.embedded import Doorbell
from medmost.store import deliveries, journal, ledgers, links, pairs, schema
from medmost.store.cipher import Cipher
from medmost.store.sqlite import SqliteDatabase
from medmost.sync.absorb import absorb_page
from medmost.sync.desk import Desk
from medmost.sync.engine import Engine, Pace
from medmost.sync.house import Clock, House
from medmost.sync.linked import close_link, read_backlog
from systems_in_memory import MemorySystem, both_systems

T = TypeVar("T")
KINDS = ("policy", "visit", "result", "vaccination")
MAPPINGS = {name: mapping for name, mapping in load_mappings().items() if name in KINDS}
CIPHER = Cipher(bytes(range(32)))
HOUR = 3600.0


class Killed(Exception):
    """The process ends here: nothing after this happens."""


class Inline(Executor):
    """Runs work at once, in the caller's thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class HandClock(Clock):
    at = 1_795_000_000.0

    def now(self) -> float:
        return self.at


@cache
def empty_state() -> bytes:
    """A migrated state without a row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        schema.upgrade(path)
        return path.read_bytes()


class Bridge:
    """One installation and what a test does to it. Everything runs on a loop of its own, until it is quiet."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.path = folder / "state.db"
        self.path.write_bytes(empty_state())
        self.clock = HandClock()
        self.house = House(MAPPINGS, CIPHER, clock=self.clock)
        self.systems: dict[Side, MemorySystem] = both_systems(page=7)
        self.starts()
        self.do(lambda tx: [ledgers.set_stage(tx, kind, "full") for kind in KINDS])

    # ------------------------------------------------------------ the process
    def starts(self) -> None:
        self.database = self.run(SqliteDatabase(self.path, Inline()).open())
        self.do(deliveries.release_in_flight)
        self.engine = Engine(self.house, self.database, dict(self.systems), Doorbell(), Pace())
        self.engine.running = True  # commands leave the delivering to it, that is: to the test
        self.app = SimpleNamespace(database=self.database, house=self.house, engine=self.engine, bell=self.engine.bell)

    def dies(self) -> None:
        """What is on the wire is forgotten; connections go as they would with the process."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        for connection in (self.database._reader, self.database._writer):
            if connection is not None:
                connection.close()

    def restarts(self) -> None:
        self.dies()
        self.starts()

    def ends(self) -> None:
        self.dies()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self.run(self.database.write(work))

    def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self.run(self.database.read(work))

    # ------------------------------------------------------------ what medmost does
    def polls(self, side: Side, kind: str) -> None:
        self.run(self.engine._pass(side, kind))

    def hears(self, side: Side, kind: str, ref: str) -> None:
        """A webhook's targeted look: the record as it is now."""

        async def look() -> None:
            found = await self.systems[side].read(kind, ref)
            if found is not None:
                seen = [self.house.understand(found)]
                await self.database.write(lambda tx: absorb_page(tx, self.house, seen, act="webhook"))

        self.run(_forgiven(look()))

    def delivers(self, side: Side) -> None:
        self.run(self.engine.deliverers[side].until_quiet(0.0))

    def dies_delivering(self, side: Side, when: str) -> None:
        """The process is killed as a request leaves (`before`) or after its effect, before its answer (`after`)."""
        system = self.systems[side]

        def kill() -> None:
            raise Killed

        if when == "before":
            system.meanwhile("write", kill)
        else:
            system.loses_answers(1)
        try:
            self.delivers(side)
        except Killed:
            pass
        finally:
            system._meanwhile.clear()
        self.restarts()

    def decides(self, take: Side) -> int:
        """Every open conflict is decided this way; how many were."""
        _, rows = self.run(conflicts.conflicts_list(self.app, {}, _quiet))  # type: ignore[arg-type]  # what they use of an App is there
        decided = 0
        for row in rows:
            try:
                args = {"id": row["id"], "take": take.value, "field": row["field"]}
                self.run(conflicts.conflicts_resolve(self.app, args, _quiet))  # type: ignore[arg-type]  # as above
                decided += 1
            except Fatal as error:
                assert error.code.startswith("MM-CONFLICT"), error  # noqa: PT017  # any other one is a mistake
        return decided

    def dead(self, act: str) -> None:
        _, rows = self.run(dead.dead_list(self.app, {}, _quiet))  # type: ignore[arg-type]  # as above
        operation = dead.dead_retry if act == "retry" else dead.dead_drop
        if rows:
            self.run(operation(self.app, {"ids": [row["id"] for row in rows]}, _quiet))  # type: ignore[arg-type]  # as above

    def releases(self) -> None:
        """Held pairs and brakes are looked at and let go, where that is allowed."""
        held = "SELECT kind, id FROM pair WHERE state IN ('ambiguous', 'quarantined')"
        for kind, id_ in self.look(lambda tx: tx.execute(held).fetchall()):
            row = self.look(lambda tx, id_=id_: pairs.by_ids(tx, CIPHER, [id_]))[id_]  # type: ignore[misc]  # lambda defaults are untyped
            fields = row.pair.emias.now or row.pair.gosuslugi.now or {}
            key = [str(fields.get(name)) for name in MAPPINGS[kind].kind.key]
            try:
                self.run(holds.release_pair(self.app, {"kind": kind, "key": "|".join(key)}, _quiet))  # type: ignore[arg-type]  # as above
            except Fatal as error:
                assert error.code in ("MM-CLI-TWINS", "MM-CLI-NOTHELD"), error  # noqa: PT017  # any other one is a mistake
        _, rows = self.run(brakes.brakes_list(self.app, {}, _quiet))  # type: ignore[arg-type]  # as above
        for row in rows:
            self.run(brakes.brakes_release(self.app, {"ids": [row["id"]]}, _quiet))  # type: ignore[arg-type]  # as above

    def links(self, policy: str) -> None:
        given = {"account": f"oid-{policy}", "policy_number": policy, "consent": {}, "consent_hash": ""}
        self.do(lambda tx: links.add(tx, CIPHER, at=self.clock.now(), **given))
        patients = [links.patient_index(CIPHER, policy)]
        self.run(_forgiven(read_backlog(self.house, self.database, self.engine.pollers, patients)))

    def unlinks(self, policy: str) -> None:
        for one in self.look(lambda tx: links.listed(tx, CIPHER)):
            if one.policy_number == policy and one.state == "active":
                self.do(lambda tx, one=one: close_link(tx, self.house, one.id, "operator"))  # type: ignore[misc]  # lambda defaults are untyped

    # ------------------------------------------------------------ what can be said of it at any time
    def troubles(self) -> list[str]:
        """What may never be, whatever has happened."""
        return [*self._doubled(), *self.look(self._wrong_rows)]

    def _doubled(self) -> list[str]:
        found = []
        for side, system in self.systems.items():
            keys = Counter(one.key for one in system.written() if one.key)
            found += [f"{side}: key {key} took effect {times} times" for key, times in keys.items() if times > 1]
        return found

    def _wrong_rows(self, tx: sqlite3.Connection) -> list[str]:
        found = journal.verify(tx, CIPHER)
        bound = "SELECT kind, side, ref, COUNT(DISTINCT pair) n FROM alias GROUP BY kind, side, ref HAVING n > 1"
        found += [f"{kind} {ref} at {side} belongs to {n} pairs" for kind, side, ref, n in tx.execute(bound)]
        sums: Counter[str] = Counter()
        for (system, kind, account), count in ledgers.books(tx).items():
            if account == "detected":
                sums[f"{system} {kind}"] += count
            elif account not in ("delivered", "refusals"):
                sums[f"{system} {kind}"] -= count
        found += [f"books of {name} are out by {rest}" for name, rest in sums.items() if rest]
        return found + self._rows_and_merge(tx)

    def _rows_and_merge(self, tx: sqlite3.Connection) -> list[str]:
        """A delivery row is there if and only if its side is behind or a write is unanswered (design §2a.4)."""
        ids = [id_ for (id_,) in tx.execute("SELECT id FROM pair")]
        desk = Desk(tx, self.house, "look")
        desk.load(ids)
        rows = deliveries.of_pairs(tx, ids)
        found = []
        for row in desk.rows.values():
            for side in BOTH:
                unanswered = row.pair.side(side).sent is not None
                if unanswered and (row.pair.id, side.value) not in rows:
                    found.append(f"pair {row.pair.id}: nobody asks what became of the write at {side}")
        return found


async def _forgiven(work: Coroutine[Any, Any, Any]) -> None:
    """A system that is away ends the look; the next one finds what was missed."""
    try:
        await work
    except MedmostError as error:
        assert error.code.startswith("MM-SYS"), error  # noqa: PT017  # any other one is a mistake


def _quiet(*_: Any) -> None:
    """Progress that nobody watches."""


def read(side: Side, kind: str, doc: Doc) -> dict[str, Any]:
    return MAPPINGS[kind].read(side, doc).fields
