"""A page of changed policies on its way into the state, beside a plain upsert of as many blobs of the same size."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from benchmarks.measure import Row, Size, Wanted, in_turns_async, rates
from benchmarks.records import observations, policies
from medmost.domain.record import BOTH, Fields, Observation, Side
from medmost.mapping import load_mappings
from medmost.store import ledgers
from medmost.store.cipher import Cipher
from medmost.store.sqlite import SqliteDatabase
from medmost.sync.absorb import absorb_page
from medmost.sync.house import House

PRAGMAS = ("journal_mode = wal", "synchronous = full", "wal_autocheckpoint = 10000", "cache_size = -65536")


def absorbing(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`absorb.fresh`: records never met. `absorb.changed` and `absorb.unchanged`: of a state that knows them all."""
    yield from asyncio.run(_absorbing(size, wanted))


async def _absorbing(size: Size, wanted: Wanted) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="medmost-bench-") as folder:
        house = House(load_mappings(), Cipher(os.urandom(32)))
        rows = [await _fresh(house, Path(folder), size)] if wanted("absorb.fresh") else []
        if wanted("absorb.changed") or wanted("absorb.unchanged"):
            rows += await _known(house, Path(folder), size)
        return [row for row in rows if wanted(row.name)]


async def _open(path: Path) -> SqliteDatabase:
    database = await SqliteDatabase(path).open()
    await database.write(lambda tx: ledgers.set_stage(tx, "policy", "full"))
    return database


async def _absorb(house: House, database: SqliteDatabase, page: Sequence[Observation]) -> float:
    """Seconds from documents to the commit."""
    started = time.perf_counter()
    seen = [house.understand(one) for one in page]
    await database.write(lambda tx: absorb_page(tx, house, seen, act="bench"))
    return time.perf_counter() - started


async def _fresh(house: House, folder: Path, size: Size) -> Row:
    database, plain = await _open(folder / "fresh.db"), _Plain(folder / "plain-fresh.db")
    pages = iter(range(1, size.rounds + 2))

    async def ours() -> float:
        many = policies(size.page, seed=next(pages))
        return await _absorb(house, database, observations(house.mappings["policy"], Side.EMIAS, many))

    async def bare() -> float:
        return plain.upsert(range(plain.rows + 1, plain.rows + size.page + 1), await _bodies(database))

    taken = await in_turns_async(size.rounds, [ours, bare])
    await database.close()
    plain.close()
    return rates("absorb.fresh", "records/s", size.page, *taken)


async def _known(house: House, folder: Path, size: Size) -> list[Row]:
    many = policies(size.state, seed=50)
    database, plain = await _open(folder / "state.db"), _Plain(folder / "plain.db")
    for start in range(0, size.state, size.page):
        part = many[start : start + size.page]
        page = [one for side in BOTH for one in observations(house.mappings["policy"], side, part)]
        await _absorb(house, database, page)
    bodies = await _bodies(database)
    for start in range(1, size.state + 1, size.page):
        plain.upsert(range(start, min(start + size.page, size.state + 1)), bodies)
    rng, versions = Random(1), iter(range(2, 1000))

    async def changed() -> float:
        return await _absorb(house, database, _changed(house, rng.sample(many, size.page), next(versions)))

    async def upsert() -> float:
        return plain.upsert(rng.sample(range(1, size.state + 1), size.page), bodies)

    async def unchanged() -> float:
        part = observations(house.mappings["policy"], Side.GOSUSLUGI, rng.sample(many, size.page))
        return await _absorb(house, database, part)

    async def select() -> float:
        return plain.select(rng.sample(range(1, size.state + 1), size.page))

    taken = await in_turns_async(size.rounds, [changed, upsert, unchanged, select])
    await database.close()
    plain.close()
    return [
        rates("absorb.changed", "records/s", size.page, *taken[:2]),
        rates("absorb.unchanged", "records/s", size.page, *taken[2:]),
    ]


def _changed(house: House, many: Sequence[Fields], version: int) -> list[Observation]:
    """One field of each has changed at EMIAS, so that Gosuslugi falls behind."""
    fresh = [{**fields, "insurer_name": f"АО «Страховая {version}»"} for fields in many]
    return observations(house.mappings["policy"], Side.EMIAS, fresh, version)


async def _bodies(database: SqliteDatabase) -> tuple[int, int]:
    """How many bytes the two bodies of a pair have on average."""
    query = "SELECT AVG(LENGTH(g_body)), AVG(LENGTH(e_body)) FROM (SELECT * FROM pair LIMIT 1000)"
    g, e = await database.read(lambda tx: tx.execute(query).fetchone())
    return round(g or 0), round(e or 0)


class _Plain:
    """The ceiling: two blobs under a number, nothing else."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        for pragma in PRAGMAS:
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute("CREATE TABLE pair (id INTEGER PRIMARY KEY, g BLOB, e BLOB)")
        self.rows = 0

    def upsert(self, ids: Sequence[int], bodies: tuple[int, int]) -> float:
        g, e = (os.urandom(length) for length in bodies)
        rows = [(id_, g, e) for id_ in ids]
        started = time.perf_counter()
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany(
            "INSERT INTO pair (id, g, e) VALUES (?,?,?) ON CONFLICT (id) DO UPDATE SET g = excluded.g, e = excluded.e",
            rows,
        )
        self._base.execute("COMMIT")
        self.rows = max(self.rows, ids[-1])
        return time.perf_counter() - started

    def select(self, ids: Sequence[int]) -> float:
        started = time.perf_counter()
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            marks = ",".join("?" * len(part))
            self._base.execute(f"SELECT id, g, e FROM pair WHERE id IN ({marks})", part).fetchall()
        return time.perf_counter() - started

    def close(self) -> None:
        self._base.close()
