"""The composition root: configuration becomes ports. The only module that names backends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import msgspec

from medmost.config import Config
from medmost.domain.guard import Limit
from medmost.domain.record import Side
from medmost.mapping import load_mappings, mapping_hash
from medmost.metrics import Metrics
from medmost.notify import Event, NoticeBook, Notifier, decode, encode
from medmost.queue.choose import queue_at
from medmost.queue.contract import Queue
from medmost.queue.embedded import Doorbell
from medmost.store import deliveries, ledgers, pairs
from medmost.store.cipher import Cipher
from medmost.store.database import Database
from medmost.store.lock import StateLock
from medmost.store.sqlite import SqliteDatabase
from medmost.sync.engine import Engine
from medmost.sync.expected import canaries_of, ends_of, windows_of
from medmost.sync.flight import Outcome
from medmost.sync.house import Clock, House
from medmost.sync.lookout import Lookout, recognise_environment, recognise_rules
from medmost.sync.receive import Receiver
from medmost.sync.schedule import Pace
from medmost.sync.versions import recognise_versions
from medmost.systems.connect import connect
from medmost.systems.contract import System
from medmost.systems.settings import EmiasSettings, GosuslugiSettings

NOTICED_AS = {"quarantined": "refused", "dead": "refused", "ambiguous": "refused"}
"""Events that people hear of in the same digest: what a person has to look at, one record at a time."""


LONGEST_OVERLAP = 3600.0
"""Seconds that a pass reaches back at most, however long the intervals are."""
LEASE_IN_DEADLINES = 3.25
"""A lease outlives the looks before a create and the create itself, each at its longest."""


class Vault:
    """Tokens in the state database, sealed."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database, self._cipher = database, cipher

    async def load(self, name: str) -> bytes | None:
        return await self._database.read(lambda tx: ledgers.credential(tx, self._cipher, name))

    async def save(self, name: str, secret: bytes | None) -> None:
        await self._database.write(lambda tx: ledgers.set_credential(tx, self._cipher, name, secret))


@dataclass
class App:
    """A whole medmost, put together and not yet running."""

    config: Config
    house: House
    database: Database
    systems: dict[Side, System]
    engine: Engine
    receivers: dict[Side, Receiver]
    notifier: Notifier
    bell: Doorbell
    metrics: Metrics
    mapping_hash: str
    subscribe: Callable[[System], Awaitable[None]]
    queue: Queue | None = None
    started_at: float = field(default=0.0)

    async def close(self) -> None:
        for system in self.systems.values():
            await system.close()
        if self.queue is not None:
            await self.queue.close()
        await self.database.close()


@asynccontextmanager
async def open_app(config: Config, clock: Clock | None = None) -> AsyncIterator[App]:
    """Opens state and systems under the state's lock.

    Raises:
        Fatal: the state is in use, damaged, newer, or the configuration cannot work.
    """
    with_lock = StateLock(config.state.path)
    if not config.state.on_server:
        with_lock.take()
    try:
        app = await _build(config, clock or Clock())
        try:
            yield app
        finally:
            await app.close()
    finally:
        with_lock.release()


async def _build(config: Config, clock: Clock) -> App:
    overlay = config.folder / "kinds"
    mappings = load_mappings(overlay if overlay.is_dir() else None)
    cipher = Cipher(config.state.key)
    database = await open_state(config)
    house = House(
        mappings=mappings,
        cipher=cipher,
        clock=clock,
        deadline=config.deliver.deadline,
        lease=config.deliver.deadline * LEASE_IN_DEADLINES,
        deletes=Limit(config.brakes.deletes_percent, config.brakes.deletes_least, config.brakes.deletes_most),
        windows=windows_of(config),
        changes=Limit(config.brakes.changes_percent, config.brakes.changes_least),
        writer=database.writer,
    )
    try:
        await database.write(lambda tx: _recognise(tx, cipher, clock.now()))
        await database.write(lambda tx: recognise_environment(tx, config.environment.name))
    except BaseException:
        await database.close()
        raise
    if not database.shared:
        await database.write(deliveries.release_in_flight)
    vault = Vault(database, cipher)
    systems = await connect(
        *_named_alike(config, {kind: mapping.kind.collection for kind, mapping in mappings.items()}),
        vault,
        chance=house.chance,
    )
    bell, metrics = Doorbell(), Metrics(mappings)
    queue = queue_at(config.queue.url, prefix=config.queue.prefix, ca=config.queue.ca, sasl=config.queue.sasl)
    secrets = {
        Side.GOSUSLUGI: config.systems.gosuslugi.webhook_secret,
        Side.EMIAS: config.systems.emias.webhook_secret,
    }
    collections = [mapping.kind.collection for mapping in mappings.values()]

    async def subscribe(system: System) -> None:
        await system.subscribe(f"{config.console.url}/hooks/{system.side}", secrets[system.side], collections)

    engine = Engine(
        house,
        database,
        systems,
        bell,
        Pace(config.poll.min, config.poll.max),
        in_flight=min(config.deliver.in_flight, config.systems.gosuslugi.in_flight, config.systems.emias.in_flight),
        subscribe=subscribe,
        told=metrics_of_writes(metrics, clock),
        lookout=Lookout(house, database, systems, canaries_of(config, mappings), config.environment.name),
        alarm=config.poll.alarm,
        queue=queue,
    )
    app = App(
        config=config,
        house=house,
        database=database,
        systems=systems,
        engine=engine,
        receivers={side: Receiver(house, database, systems[side], bell, secrets[side]) for side in Side},
        notifier=_notifier(config, database, cipher, house),
        bell=bell,
        metrics=metrics,
        mapping_hash=mapping_hash(mappings),
        subscribe=subscribe,
        queue=queue,
        started_at=clock.now(),
    )
    await _set_initial_stages(app)
    await recognise_versions(house, database)
    await database.write(lambda tx: recognise_rules(tx, house, ends_of(config)))
    return app


async def open_state(config: Config) -> Database:
    """The state that the configuration names, at the present schema. Raises Fatal as the engines do."""
    if not config.state.on_server:
        return await SqliteDatabase(config.state.path).open()
    from medmost.store.postgresql import PostgresqlDatabase  # its driver is not for those who keep a file

    return await PostgresqlDatabase(config.state.url, config.state.password or None).open()


def _named_alike(config: Config, collections: dict[str, str]) -> tuple[GosuslugiSettings, EmiasSettings]:
    """Both ends' settings with the name of every kind in addresses: as set, else as its mapping has it.

    Each pass reads again what two intervals may have hidden (reliability §5.3).
    """
    ends = config.systems
    back = min(2 * config.poll.max, LONGEST_OVERLAP)
    g, e = (max(end.overlap, back) for end in (ends.gosuslugi, ends.emias))
    return (
        msgspec.structs.replace(ends.gosuslugi, collections=collections | ends.gosuslugi.collections, overlap=g),
        msgspec.structs.replace(ends.emias, collections=collections | ends.emias.collections, overlap=e),
    )


def metrics_of_writes(metrics: Metrics, clock: Clock) -> Callable[[list[Outcome]], None]:
    """Counts what came of deliveries."""

    def count(outcomes: list[Outcome]) -> None:
        now = clock.now()
        for outcome in outcomes:
            flight = outcome.flight
            metrics.written(flight.side.value, flight.kind, outcome.what)
            if outcome.what == "ok":
                metrics.delivered(flight.side.value, flight.kind, now - flight.first_at)

    return count


def _recognise(tx: ledgers.Tx, cipher: Cipher, now: float) -> None:
    """A fresh state begins an epoch of ids: marks of a state that was lost may live on in both systems."""
    if ledgers.recognise(tx, cipher):
        pairs.begin_epoch(tx, now)


def _notifier(config: Config, database: Database, cipher: Cipher, house: House) -> Notifier:
    async def load() -> NoticeBook | None:
        kept = await database.read(lambda tx: ledgers.credential(tx, cipher, "notices"))
        return decode(kept) if kept else None

    async def save(book: NoticeBook) -> None:
        await database.write(lambda tx: ledgers.set_credential(tx, cipher, "notices", encode(book)))

    return Notifier(
        config.contacts,
        lambda: datetime.fromtimestamp(house.clock.now(), UTC),
        load,
        save,
        quiet=config.notices.quiet,
        lang=config.notices.lang,
        night=config.notices.night,
        titles={name: (one.kind.title_ru, one.kind.title_en) for name, one in house.mappings.items()},
    )


async def _set_initial_stages(app: App) -> None:
    """The configuration sets the stage of a kind once; later it changes by `medmost stage` only."""
    present = await app.database.read(ledgers.stages)
    fresh = {kind: app.config.stage(kind) for kind in app.house.mappings if kind not in present}
    if fresh:

        def write(tx: ledgers.Tx) -> None:
            for kind, stage in fresh.items():
                ledgers.set_stage(tx, kind, stage)

        await app.database.write(write)


async def forward_events(app: App, stop: asyncio.Event) -> None:
    """Hands the events that the sync wrote down to the notices, and lets due notices out."""
    while not stop.is_set():
        events = await app.database.read(lambda tx: ledgers.events_after(tx, 0))
        for _, at, event, system, kind, code in events:
            told = {"kind": NOTICED_AS.get(event, event), "at": datetime.fromtimestamp(at, UTC), "system": system}
            told |= {"object_kind": kind or None, "code": code or None}
            await app.notifier.event(msgspec.convert(told, Event))
        if events:
            await app.database.write(partial(ledgers.forget_events, ids=[event[0] for event in events]))
        await app.notifier.tick()
        await app.bell.wait("notify", 1.0)
