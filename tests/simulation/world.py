"""A simulated installation: the real engine parts, hand over hand, between two systems in memory.

Nothing here decides anything: house, database, `Poller`, `Receiver`, `claim`, `fly` and `settle` are the product's
own. Their coroutines are stepped by hand, so that a worker can stop, fail or die at every end of the wire.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medmost.cli.operations.conflicts import conflicts_resolve
from medmost.domain.errors import MedmostError, Transient
from medmost.domain.record import BOTH, Doc, Pair, Side
from medmost.mapping import load_mappings
from medmost.queue.embedded import Doorbell
from medmost.store import conflicts, ledgers, links, schema
from medmost.store.cipher import Cipher
from medmost.store.database import T, Work
from medmost.store.sqlite import SqliteDatabase
from medmost.sync import claim as claiming
from medmost.sync import flight as flying
from medmost.sync import settle as settling
from medmost.sync.absorb import UNREADABLE, absorb_page
from medmost.sync.deliver import Deliverer
from medmost.sync.flight import Flight, Outcome
from medmost.sync.house import Clock, House
from medmost.sync.linked import close_link, read_backlog
from medmost.sync.poll import Poller
from medmost.sync.receive import Receiver
from simulation.people import KINDS, PATIENTS, STRANGER, Lineage, People, carried, same
from simulation.portals import Air, Flavour, Hook, Portal, Stop
from simulation.state import connection
from systems_records import Effect, Stored, TickingClock

MAPPINGS = {name: mapping for name, mapping in load_mappings().items() if name in KINDS}
CIPHER = Cipher(bytes(range(32)))


class HandClock(Clock):
    """Time passes when the history says so."""

    def __init__(self) -> None:
        self.at = 1_795_000_000.0

    def now(self) -> float:
        return self.at


class InlineDatabase(SqliteDatabase):
    """The state without threads: every unit of work runs at once, in one real SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = self._reader = self._failed = None
        self._writer = self._reader = connection(path)

    async def write(self, work: Work[T]) -> T:
        return self._transaction(work)

    async def read(self, work: Work[T]) -> T:
        return self._look(work)

    def do(self, work: Work[T]) -> T:
        return self._transaction(work)

    def look(self, work: Work[T]) -> T:
        return self._look(work)

    def shut(self) -> None:
        for one in (self._reader, self._writer):
            assert one is not None
            one.close()


class WideClock(TickingClock):
    """Stamps lie further apart than the tie of owner `latest`."""

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=3)
        return self.at


class SteppedPoller(Poller):
    """Reads single records one after the other: a hand can step one coroutine, not a crowd."""

    async def backlog(self, refs: list[tuple[str, str]]) -> int:
        read = [await self.system.read(kind, ref) for kind, ref in refs]
        seen = [self.house.understand(one) for one in read if one is not None]
        return await self.database.write(lambda tx: absorb_page(tx, self.house, seen, act="read"))


@dataclass(eq=False)
class Task:
    """A coroutine of the product under way; `at` is the stop where it waits, None before its first step."""

    name: str
    run: Coroutine[Any, Any, Any]
    at: Stop | None = None
    flight: Flight | None = None


@dataclass
class Ledger:
    """What the check needs to know of the past."""

    problems: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    exempt: set[tuple[str, str]] = field(default_factory=set)  # (pair or ref, field) that a person decided
    unlinked: set[str] = field(default_factory=set)  # patients whose settled states were erased at some time
    statuses: dict[str, list[str]] = field(default_factory=dict)  # ref -> forward-only states people gave it
    trace: list[str] = field(default_factory=list)


class World:
    """One history's systems, state and workers."""

    def __init__(self, folder: Path, flavour: Flavour) -> None:
        self.folder, self.flavour = folder, flavour
        self.clock, self.told, self.lineage = HandClock(), Ledger(), Lineage()
        self.house = House(MAPPINGS, CIPHER, self.clock)
        self.people = People(dict(MAPPINGS), self.lineage)
        self.air = Air(self.clock.now)
        stamps = WideClock()
        self.portals = {side: Portal(side, self.air, stamps, dict(MAPPINGS), flavour, self._watch) for side in BOTH}
        self.tasks: list[Task] = []
        self.landed: list[Outcome] = []
        self.net: list[Stop] = []
        self.path.write_bytes(template())
        self._start()
        for patient in PATIENTS:
            if patient != STRANGER:
                self.link(patient)

    @property
    def path(self) -> Path:
        return self.folder / "history.sqlite"

    def _start(self) -> None:
        self.bell = Doorbell()
        self.database = InlineDatabase(self.path)
        self.pollers = {side: SteppedPoller(self.house, self.database, self.portals[side], self.bell) for side in BOTH}
        self.deliverers = {side: Deliverer(self.house, self.database, self.portals[side], self.bell) for side in BOTH}
        secret = "whsec_" + "c2ltdWxhdGlvbg=="
        self.receivers = {
            side: Receiver(self.house, self.database, self.portals[side], self.bell, secret) for side in BOTH
        }

    # ------------------------------------------------------------ work under way
    def begin(self, name: str, run: Coroutine[Any, Any, Any], flight: Flight | None = None) -> Task:
        task = Task(name, run, flight=flight)
        self.tasks.append(task)
        return task

    def step(self, task: Task, error: MedmostError | None = None) -> bool:
        """To its next stop, or with `error` as what came over the wire. False when it has ended."""
        try:
            task.at = task.run.throw(error) if error else task.run.send(None)
        except StopIteration:
            self.tasks.remove(task)
            return False
        except MedmostError as met:  # a reader of single records: its caller in the product logs and goes on
            self.tasks.remove(task)
            self.told.trace.append(f"    {task.name} ended with {met.code}")
            return False
        return True

    def finish(self, task: Task) -> None:
        while self.step(task):
            continue

    def drop(self, task: Task, *, leaves: bool) -> None:
        """The worker is no more. What it had sent may still be on its way."""
        self.tasks.remove(task)
        if leaves and task.at is not None and task.at.before and task.at.arrive is not None:
            self.net.append(task.at)
        task.run.close()

    def deliver(self, side: Side, limit: int = 3) -> list[Task]:
        flights = self.database.do(lambda tx: claiming.claim(tx, self.house, side, limit))
        return [self.begin(f"{one.op} {one.kind} {one.pair}→{side}", self._carry(one), one) for one in flights]

    async def _carry(self, flight: Flight) -> None:
        related = self.deliverers[flight.side]._related
        outcome = await flying.fly(flight, self.portals[flight.side], related, self.clock.now)
        self.landed.append(outcome)

    def settle(self) -> None:
        """Commits what has landed, all in one transaction, as the deliverer does."""
        outcomes, self.landed = self.landed, []
        if not outcomes:
            return
        self.told.trace += [
            f"    pair {one.flight.pair} {one.flight.op}→{one.flight.side}: {one.what} {getattr(one.error, 'code', '')}"
            for one in outcomes
        ]
        self.database.do(lambda tx: settling.settle(tx, self.house, outcomes, lambda: 0.5))

    def poll(self, side: Side, kind: str) -> Task:
        return self.begin(f"poll {side} {kind}", self.pollers[side].one_pass(kind))

    def notice(self, hook: Hook) -> Task:
        take = self.receivers[hook.side]._absorb(hook.id, hook.kind, hook.told)
        return self.begin(f"hook {hook.id}", take)

    def waits_for_mending(self) -> bool:
        """Is all that is left to look at a record that nobody can read?"""
        reasons = self.database.look(lambda tx: {reason for (reason,) in tx.execute("SELECT reason FROM delivery")})
        return reasons == {UNREADABLE}

    # ------------------------------------------------------------ people at medmost itself
    def link(self, patient: str) -> None:
        def add(tx: sqlite3.Connection) -> int | None:
            return links.add(
                tx, CIPHER, account=f"oid {patient}", policy_number=patient, consent={}, consent_hash="", at=0.0
            )

        if self.database.do(add) is not None:
            index = links.patient_index(CIPHER, patient)
            self.begin(f"backlog {patient}", read_backlog(self.house, self.database, self.pollers, [index]))

    def unlink(self, patient: str) -> None:
        listed = self.database.look(lambda tx: links.listed(tx, CIPHER))
        for link in listed:
            if link.policy_number == patient and link.state == "active":
                self.database.do(lambda tx, id_=link.id: close_link(tx, self.house, id_, "test"))

    def decide(self, number: int, take: Side) -> None:
        """A person answers one of the open conflicts."""
        found = self.database.look(lambda tx: conflicts.listed(tx, CIPHER))
        if not found:
            return
        one = found[number % len(found)]
        app: Any = SimpleNamespace(
            house=self.house, database=self.database, bell=self.bell, engine=SimpleNamespace(running=True)
        )
        call = conflicts_resolve(app, {"id": one.id, "take": take.value}, lambda *_: None)
        try:
            call.send(None)
        except StopIteration:
            query = "SELECT ref FROM alias WHERE pair = ?"
            refs = self.database.look(lambda tx: [ref for (ref,) in tx.execute(query, (one.pair,))])
            self.told.exempt |= {(name, one.field) for name in (str(one.pair), *refs)}
            self.told.trace.append(f"    decided {one.pair}.{one.field} for {take}")
        except MedmostError as stale:
            self.told.trace.append(f"    {stale.code}")

    def stands(self, value: str) -> bool:
        """Is the record there that this was entered in, or what was entered on top of it?"""
        places = [(side, kind, ref) for side, kind, ref, _, entered in self.lineage.entered if entered == value]
        here = any(ref in self.portals[side].refs(kind) for side, kind, ref in places)
        return here or any(self.stands(later) for later in self.lineage.children.get(value, ()))

    def decided(self, pair: Pair, field: str) -> bool:
        """Did a person settle this? Halves that join another pair bring their answer with them."""
        names = (str(pair.id), pair.gosuslugi.ref, pair.emias.ref)
        return any((name, about) in self.told.exempt for name in names for about in (field, "*"))

    # ------------------------------------------------------------ time and ends
    def pass_time(self, seconds: float, chance: list[int]) -> None:
        """What is on the wire arrives within its sender's deadline or never; then its sender gives up waiting."""
        self.clock.at += seconds
        for stop in [one for one in self.net if one.at + self.house.deadline <= self.clock.at]:
            self.arrive(stop, really=chance[0] % 2 == 0)
        for task in list(self.tasks):
            if task.at and task.at.before and task.at.at + self.house.deadline <= self.clock.at:
                self.told.faults["time out"] += 1
                if task.at.arrive is not None and chance[1] % 2 == 0:
                    task.at.arrive()
                self.step(task, Transient("MM-SYS-LOST", "нет ответа", "no answer"))

    def arrive(self, stop: Stop, *, really: bool = True) -> None:
        self.net.remove(stop)
        if really and stop.arrive is not None:
            self.told.faults["late arrival"] += 1
            stop.arrive()

    def restart(self, chance: list[int]) -> None:
        for number, task in enumerate(list(self.tasks)):
            self.drop(task, leaves=(chance[number % len(chance)] + number) % 2 == 0)
        self.landed.clear()
        self.database.shut()
        self._start()

    def close(self) -> None:
        for task in list(self.tasks):
            self.drop(task, leaves=False)
        self.database.shut()

    # ------------------------------------------------------------ watching effects
    def _watch(self, portal: Portal, kind: str, stored: Stored, effect: Effect, before: Doc | None) -> None:
        side, mapping = portal.side, MAPPINGS[kind]
        fields = mapping.read(side, stored.doc).fields if stored.doc is not None else {}
        was = mapping.read(side, before).fields if before is not None else {}
        for name in carried(mapping.kind):
            if isinstance(fields.get(name), str):
                self.lineage.shown[same(fields[name])].add(side)
        if effect.by != "medmost":
            return
        self.told.trace.append(f"    {side} {effect.op} {kind} {stored.ref} v{stored.version} by medmost")
        patient = fields.get("policy_number")
        for name, value in fields.items():
            owner = self.lineage.patient.get(same(value)) if isinstance(value, str) and kind != "policy" else None
            if owner not in (None, patient):
                self.told.problems.append(f"crossed: {name} of another patient in {kind} {stored.ref} at {side}")
        if kind != "policy" and patient == STRANGER:
            self.told.problems.append(f"unlinked: {kind} {stored.ref} written at {side}")
        if effect.op == "delete" and mapping.kind.source is None and not self.told.exempt:
            lost = [n for n, v in was.items() if same(v) in self.lineage.patient
                    and self.lineage.shown[same(v)] != set(BOTH)]  # fmt: skip
            if lost:
                self.told.problems.append(f"lost edit: {kind} {stored.ref} deleted at {side} with new {lost}")


@cache
def template() -> bytes:
    """A migrated, empty state with every kind open, made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        schema.upgrade(path)
        with closing(sqlite3.connect(path)) as tx, tx:
            for kind in KINDS:
                ledgers.set_stage(tx, kind, "full")
        return path.read_bytes()


def next_wake(tx: sqlite3.Connection) -> float | None:
    """As `deliveries.next_wake`, without rows that only a person's mending can end."""
    query = (
        "SELECT MIN(CASE state WHEN 'in_flight' THEN lease_until ELSE not_before END) FROM delivery "
        "WHERE state IN ('waiting', 'in_flight', 'awaiting_answer') AND reason != ?"
    )
    found: float | None = tx.execute(query, (UNREADABLE,)).fetchone()[0]
    return found
