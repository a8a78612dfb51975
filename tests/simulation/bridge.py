"""One process of medmost on the simulated machine: the real engine, adapters, receivers and state, put together.

What differs from `medmost.app` is what the design names as seams: transport, clocks, randomness, the executor of the
store. The state is one real SQLite file.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import webhooks

from medmost.app import LEASE_IN_DEADLINES, Vault
from medmost.cli.operations.conflicts import conflicts_resolve
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings
from medmost.queue.embedded import Doorbell
from medmost.store import brakes, conflicts, deliveries, journal, ledgers, links, pairs, schema
from medmost.store.cipher import Cipher
from medmost.store.database import Work
from medmost.store.sqlite import SqliteDatabase
from medmost.sync import braking
from medmost.sync.engine import Engine, Pace
from medmost.sync.house import Clock, House
from medmost.sync.linked import close_link, read_backlog
from medmost.sync.receive import Receiver
from medmost.systems.connect import connect
from medmost.systems.contract import System
from medmost.systems.settings import EmiasSettings, GosuslugiSettings
from simulation.loop import OWNER, Inline
from simulation.model import EPOCH
from simulation.papers import KIND
from simulation.state import connection
from simulation.wire import Wire

if TYPE_CHECKING:
    from simulation.town import Town

T = TypeVar("T")
CIPHER = Cipher(bytes(range(32)))
SECRET = "whsec_" + "c2ltdWxhdGlvbg=="
MAPPINGS = {name: mapping for name, mapping in load_mappings().items() if name in KIND.values()}
PLURALS = {kind: collection for collection, kind in KIND.items()}
FULL = 13
"""SQLITE_FULL."""


class WallClock(Clock):
    """Wall time as this machine believes it to be."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def now(self) -> float:
        return EPOCH + self.town.loop.now + self.town.our_skew


class MachineTime:
    """What the adapters ask for: the same wall clock, and the loop's own time, which never runs backwards."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def now(self) -> datetime:
        return datetime.fromtimestamp(EPOCH + self.town.loop.now + self.town.our_skew, UTC)

    def monotonic(self) -> float:
        return self.town.loop.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimDatabase(SqliteDatabase):
    """The state on the loop's inline executors; it can be cut off, and its disk can be full."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Inline(writes=False))
        self._writer_thread = Inline(writes=True)
        self.full = 0

    def _open(self) -> None:
        self._writer = self._reader = connection(self.path)

    def _transaction(self, work: Work[T]) -> T:
        if self.full:
            self.full -= 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = FULL
            raise error
        return super()._transaction(work)

    def do(self, work: Work[T]) -> T:
        return self._transaction(work)

    def look(self, work: Work[T]) -> T:
        return self._look(work)

    def cut(self) -> None:
        """Nothing reaches the file any more; what had not committed is rolled back."""
        for one in (self._reader, self._writer):
            if one is not None:
                one.close()
        self._reader = self._writer = None


class Process:
    """A `medmost run` from its start to its end, whichever it is."""

    def __init__(self, town: Town, owner: int, path: Path) -> None:
        self.town, self.owner, self.path = town, owner, path
        self.stop: asyncio.Event | None = None
        self.ready = False
        self.context = town.loop.world.copy()
        self.context.run(OWNER.set, owner)
        self.database = SimDatabase(path)
        self.house = House(
            {name: MAPPINGS[name] for name in town.kinds}, CIPHER, WallClock(town), Random(town.seed * 1000 + owner),
            deadline=20.0, lease=20.0 * LEASE_IN_DEADLINES,
        )  # fmt: skip
        self.bell = Doorbell()
        self.engine: Engine | None = None
        self.receivers: dict[str, Receiver] = {}
        self.main = self.begin(self._main())

    def begin(self, run: Any) -> asyncio.Task[Any]:
        task = self.town.loop.create_task(run, context=self.context.copy())
        task.add_done_callback(self._done, context=self.town.loop.world)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        """What is no error of medmost's own kind is a mistake in it, or in the simulation."""
        if task.cancelled() or self.owner in self.town.loop.dead:
            return
        error = task.exception()
        if error is not None and not isinstance(error, MedmostError):
            self.town.loop.failed.append("".join(traceback.format_exception(error))[-1500:])

    async def _main(self) -> None:
        town = self.town
        self.stop = asyncio.Event()
        try:
            await self.database.open()
            await self.database.write(deliveries.release_in_flight)
            systems = await self._systems()
            self.engine = Engine(
                self.house, self.database, systems, self.bell, Pace(*town.pace), in_flight=town.in_flight,
                subscribe=self._subscribe,
            )  # fmt: skip
            self.receivers = {
                side.value: Receiver(self.house, self.database, systems[side], self.bell, SECRET) for side in BOTH
            }
            self.ready = True
            await self.engine.run(self.stop)
            await self.database.close()
        except Fatal as error:
            town.loop.soon(0.0, town.ended, self, error.code)
            return
        town.loop.soon(0.0, town.ended, self, "")

    async def _systems(self) -> dict[Side, System]:
        key, certificate = credentials()
        gosuslugi = GosuslugiSettings(
            base_url="http://gosuslugi", webhook_secret=SECRET, api_key="key", signer="ecdsa", key=key,
            certificate=certificate, per_minute=self.town.per_minute, collections=PLURALS,
        )  # fmt: skip
        emias = EmiasSettings(
            base_url="http://emias", webhook_secret=SECRET, client_id="id", client_secret="secret", api_key="key",
            per_minute=self.town.per_minute, collections=PLURALS,
        )  # fmt: skip
        wires: dict[Side, Any] = {side: Wire(self.town, self.town.portals[side.value], self.owner) for side in BOTH}
        vault, clock = Vault(self.database, CIPHER), MachineTime(self.town)
        return await connect(gosuslugi, emias, vault, clock, wires, self.house.chance)

    async def _subscribe(self, system: System) -> None:
        collections = [MAPPINGS[name].kind.collection for name in self.town.kinds]
        await system.subscribe(f"http://medmost/hooks/{system.side}", SECRET, collections)

    def kill(self) -> None:
        """At once: the file is out of reach first, then no step of it ever runs again."""
        self.database.cut()
        self.town.loop.lay_out(self.owner)
        self.ready = False

    # ------------------------------------------------------------ what people do at medmost
    def take(self, side: str, headers: dict[str, str], body: bytes, then: Callable[[str], None]) -> None:
        """A notice arrives."""

        async def receive() -> None:
            verdict = await self.receivers[side].take(headers, body)
            self.town.loop.soon(0.0, then, verdict)

        self.begin(receive())

    def link(self, patient: str) -> None:
        async def run() -> None:
            def add(tx: sqlite3.Connection) -> int | None:
                made = links.add(tx, CIPHER, account=f"oid {patient}", policy_number=patient, consent={},
                                 consent_hash="", at=self.house.clock.now())  # fmt: skip
                if made is not None:
                    self.town.log.linked(patient, self.town.loop.now)
                return made

            if await self.database.write(add) is not None and self.engine is not None:
                index = links.patient_index(CIPHER, patient)
                try:
                    await read_backlog(self.house, self.database, self.engine.pollers, [index])
                except MedmostError:
                    return  # what is left over is read by the engine

        self.begin(run())

    def unlink(self, patient: str) -> None:
        def close(tx: sqlite3.Connection, id_: int) -> None:
            close_link(tx, self.house, id_, "test")
            self.town.log.unlinked(patient, self.town.loop.now)

        async def run() -> None:
            for link in await self.database.read(lambda tx: links.listed(tx, CIPHER)):
                if link.policy_number == patient and link.state == "active":
                    await self.database.write(lambda tx, id_=link.id: close(tx, id_))  # type: ignore[misc]  # a default

        self.begin(run())

    def decide(self, draw: float, take: str) -> None:
        """A person answers one of the open conflicts."""

        async def run() -> None:
            found = await self.database.read(lambda tx: conflicts.listed(tx, CIPHER))
            if not found:
                return
            one = found[int(draw * len(found))]
            app: Any = SimpleNamespace(house=self.house, database=self.database, bell=self.bell,
                                       engine=SimpleNamespace(running=True))  # fmt: skip
            query = "SELECT ref FROM alias WHERE pair = ?"
            refs = await self.database.read(lambda tx: [ref for (ref,) in tx.execute(query, (one.pair,))])
            new = {(ref, one.field) for ref in refs} - self.town.log.exempt
            self.town.log.exempt |= new  # before: the process may die over it
            try:
                await conflicts_resolve(app, {"id": one.id, "take": take}, lambda *_: None)
            except MedmostError:
                self.town.log.exempt -= new
                return
            self.town.log.decided(one.id)

        self.begin(run())

    def look_at_brakes(self) -> None:
        """A person has looked at what stands still, and lets it go on."""

        def let_go(tx: sqlite3.Connection) -> None:
            held = brakes.standing(tx)
            for one in held:
                self.town.weather.note(f"brake {one.code}", ("level",))
            if held:
                braking.release(tx, self.house, held, "operator")

        async def run() -> None:
            if await self.database.read(brakes.standing):
                await self.database.write(let_go)
                self.bell.ring("deliver.gosuslugi", "deliver.emias")

        self.begin(run())

    # ------------------------------------------------------------ what the oracle may know of medmost
    def states_of(self, side: str, collection: str, ref: str, pair: int | None) -> tuple[str, ...]:
        """States of the pair of a record, or of all pairs of a kind where a call names none."""
        if self.owner in self.town.loop.dead or not self.ready or self.database._reader is None:
            return ("new",)
        tx = self.database._reader
        if pair is not None:
            rows = tx.execute("SELECT state FROM pair WHERE id = ?", (pair,)).fetchall()
        elif ref:
            query = ("SELECT p.state FROM alias a JOIN pair p ON p.id = a.pair WHERE a.kind = ? AND a.side = ? "
                     "AND a.ref = ?")  # fmt: skip
            rows = tx.execute(query, (KIND.get(collection, ""), side, ref)).fetchall()
        elif collection:
            rows = tx.execute("SELECT DISTINCT state FROM pair WHERE kind = ?", (KIND.get(collection, ""),)).fetchall()
        else:
            rows = tx.execute("SELECT DISTINCT state FROM pair").fetchall()
        return tuple(sorted(state for (state,) in rows)) or ("new",)


@cache
def credentials() -> tuple[str, str]:
    """A key and a certificate for the stand-in signature, made once per process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulation")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), made.public_bytes(serialization.Encoding.PEM).decode()


@cache
def template() -> bytes:
    """A migrated, empty state with every kind open, made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        schema.upgrade(path)
        with closing(sqlite3.connect(path)) as tx, tx:
            for kind in KIND.values():
                ledgers.set_stage(tx, kind, "full")
            ledgers.recognise(tx, CIPHER)
            pairs.begin_epoch(tx, EPOCH)
        return path.read_bytes()


class _Now(datetime):
    """The clock that signatures of notices are checked against."""

    at: Callable[[], float] = staticmethod(lambda: EPOCH)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # the one way it is called
        return datetime.fromtimestamp(cls.at(), tz or UTC)


def our_clock_for_notices(at: Callable[[], float]) -> None:
    _Now.at = staticmethod(at)  # type: ignore[assignment]  # a plain function
    webhooks.datetime = _Now  # type: ignore[misc]  # the library has no seam for its clock


def quiet_logs(keep: Callable[[str], None]) -> None:
    """Log lines go to the oracle, which looks for people in them."""

    def note(_: Any, method: str, event: dict[str, Any]) -> Any:
        keep(f"{method} {event}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[note], wrapper_class=structlog.make_filtering_bound_logger(20), cache_logger_on_first_use=False
    )


def dump(database: SimDatabase) -> dict[str, Any]:
    """What medmost says of its own state: plain values for the oracle."""

    def look(tx: sqlite3.Connection) -> dict[str, Any]:
        listed = [
            one for state in ("open", "decided", "resolved", "void") for one in conflicts.listed(tx, CIPHER, state)
        ]
        return {
            "pairs": tx.execute(
                "SELECT id, kind, state, behind, g_ref, g_version, g_presence, e_ref, e_version, e_presence FROM pair"
            ).fetchall(),
            "held": {row.pair.id: row.pair.hold for row in pairs.by_ids(
                tx, CIPHER, [n for (n,) in tx.execute("SELECT id FROM pair WHERE state = 'ambiguous'")]).values()},
            "aliases": tx.execute("SELECT kind, side, ref, pair FROM alias WHERE pair IS NOT NULL").fetchall(),
            "rows": tx.execute("SELECT pair, side, state, reason, first_at, attempts FROM delivery").fetchall(),
            "conflicts": [(one.id, one.pair, one.field, one.state, one.gosuslugi, one.emias) for one in listed],
            "books": ledgers.books(tx),
            "journal": journal.verify(tx, CIPHER),
            "entries": tx.execute("SELECT COUNT(*) FROM journal").fetchone()[0],
            "cursors": tx.execute("SELECT system, kind, position FROM cursor").fetchall(),
            "brakes": [one.code for one in brakes.standing(tx)],
            "events": tx.execute("SELECT event, system, kind, code FROM event").fetchall(),
            "links": tx.execute(
                "SELECT COUNT(*), COUNT(DISTINCT policy_index), COUNT(DISTINCT account_index) FROM link "
                "WHERE state = 'active'").fetchone(),
        }  # fmt: skip

    return database.look(look)
