"""Whole ways over sockets: reading everything, delivering, auditing, against the stand and beside bare calls to it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.measure import Row, Size, Wanted, in_turns_async, rates
from benchmarks.records import policies
from benchmarks.stand import Bare, bare, stand
from medmost.app import App, open_app
from medmost.audit.compare import audit
from medmost.domain.record import BOTH, Doc, Observation, Side
from medmost.sync.absorb import absorb_page

KIND = "policy"


@dataclass
class Town:
    """A medmost whose state knows every policy of both systems, and bare sessions beside it."""

    app: App
    bare: dict[Side, Bare]


def flowing(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`pull`, `deliver` and `audit`: policies, after both systems have been filled and brought level."""
    yield from asyncio.run(_flowing(size, wanted))


async def _flowing(size: Size, wanted: Wanted) -> list[Row]:
    async with _town(size) as town:
        ways = {"pull": _pull, "audit": _audit, "deliver": _deliver}
        return [await way(town, size) for name, way in ways.items() if wanted(name)]


@asynccontextmanager
async def _town(size: Size) -> AsyncIterator[Town]:
    with tempfile.TemporaryDirectory(prefix="medmost-bench-") as told:
        folder = Path(told)
        with stand(folder) as systems:
            config = systems.config()
            async with AsyncExitStack() as stack:
                sessions = {
                    side: await stack.enter_async_context(bare(config, side, systems.urls[side])) for side in BOTH
                }
                app = await stack.enter_async_context(open_app(config))
                await _fill(app, sessions, size)
                yield Town(app, sessions)


async def _fill(app: App, sessions: dict[Side, Bare], size: Size) -> None:
    mapping = app.house.mappings[KIND]
    many = policies(size.stand)
    for side, session in sessions.items():
        await session.create([mapping.write(side, fields, None) for fields in many])
    await app.engine.poll_once([KIND])
    await app.engine.until_quiet()


# ---------------------------------------------------------------- reading
async def _pull(town: Town, size: Size) -> Row:
    system, session = town.app.systems[Side.EMIAS], town.bare[Side.EMIAS]
    count = await session.count()

    async def ours() -> None:
        async for page in system.everything(KIND):
            del page

    async def plain() -> None:
        await session.count()

    return rates("pull", "records/s", count, *await in_turns_async(size.rounds, [ours, plain]))


async def _audit(town: Town, size: Size) -> Row:
    """Records of both sides together; the ceiling reads both sides at the same time."""
    app = town.app
    count = sum([await session.count() for session in town.bare.values()])

    async def ours() -> None:
        await audit(app.house, app.database, app.systems, [KIND], lambda *_: None, pauses=())

    async def plain() -> None:
        await asyncio.gather(*(session.count() for session in town.bare.values()))

    return rates("audit", "records/s", count, *await in_turns_async(min(size.rounds, 3), [ours, plain]))


# ---------------------------------------------------------------- delivering
async def _deliver(town: Town, size: Size) -> Row:
    """EMIAS is told that people changed something at Gosuslugi; half of its policies are left for the bare calls."""
    docs = {side: [doc async for page in session.pages() for doc in page] for side, session in town.bare.items()}
    added = [doc for doc in docs[Side.GOSUSLUGI] if str(doc.get("Электронная почта")).startswith("person")]
    there = [doc for doc in docs[Side.EMIAS] if str(doc.get("email")).startswith("person")]
    half = added[: len(added) // 2]
    numbers = {doc["Номер полиса"] for doc in half}
    others = [doc for doc in there if doc["policyNumber"] not in numbers]
    rng, turn = Random(1), iter(range(1, 1000))

    async def ours() -> float:
        now = next(turn)
        return await _delivered(town.app, [_changed(doc, now) for doc in rng.sample(half, size.puts)])

    async def plain() -> float:
        limit = _in_flight(town.app)
        return await _put_all(town.bare[Side.EMIAS], rng.sample(others, size.puts), limit, next(turn))

    return rates("deliver", "PUT/s", size.puts, *await in_turns_async(size.rounds, [ours, plain]))


def _in_flight(app: App) -> int:
    config = app.config
    return min(config.deliver.in_flight, config.systems.gosuslugi.in_flight, config.systems.emias.in_flight)


def _changed(doc: Doc, turn: int) -> Observation:
    phone = f"+7(910){turn:03d}{int(doc['Номер полиса'][-5:-1]):04d}"
    return Observation(
        side=Side.GOSUSLUGI, kind=KIND, ref=str(doc["id"]), version=1000 + turn, doc={**doc, "Телефон": phone}
    )


async def _delivered(app: App, changed: Sequence[Observation]) -> float:
    """Seconds from due rows to the last answer committed."""
    seen = [app.house.understand(one) for one in changed]
    await app.database.write(lambda tx: absorb_page(tx, app.house, seen, act="bench"))
    started = time.perf_counter()
    await app.engine.deliverers[Side.EMIAS].until_quiet()
    taken = time.perf_counter() - started
    query = "SELECT state, reason, COUNT(*) FROM delivery GROUP BY state, reason"
    left = await app.database.read(lambda tx: tx.execute(query).fetchall())
    if left:
        raise RuntimeError(f"not all was delivered: {left}")
    return taken


async def _put_all(session: Bare, docs: Sequence[Doc], in_flight: int, turn: int) -> float:
    waiting = iter(docs)

    async def worker() -> None:
        for doc in waiting:
            version = int(doc["version"])
            body = {name: value for name, value in doc.items() if name not in ("id", "version", "updatedAt")}
            await session.put(str(doc["id"]), {**body, "phone": f"+7910{turn:07d}"}, version)
            doc["version"] = version + 1

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return time.perf_counter() - started
