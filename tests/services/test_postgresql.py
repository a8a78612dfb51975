"""What only a server has: several writers, lost connections, a COMMIT without an answer, a state that moved in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from medmost.domain.errors import Fatal, Unusable
from medmost.domain.record import Pair
from medmost.store import deliveries, journal, leases, ledgers, pairs, schema
from medmost.store.cipher import Cipher
from medmost.store.deliveries import Delivery
from medmost.store.moving import move
from medmost.store.pairs import PairRow
from medmost.store.postgresql import PostgresqlDatabase
from medmost.store.sqlite import SqliteDatabase
from medmost.store.transaction import Transaction
from state_databases import FreshDatabase

CIPHER = Cipher(bytes(range(32)))
pytestmark = pytest.mark.slow


@pytest.fixture
def url(fresh_postgresql: FreshDatabase) -> str:
    return fresh_postgresql()


@pytest.fixture
async def two(url: str) -> AsyncIterator[tuple[PostgresqlDatabase, PostgresqlDatabase]]:
    one, other = await PostgresqlDatabase(url).open(), await PostgresqlDatabase(url).open()
    yield one, other
    await one.close()
    await other.close()


def new_pair(tx: Transaction) -> int:
    id_ = pairs.next_id(tx)
    pairs.save(tx, CIPHER, [PairRow(Pair(id=id_, kind="policy"))])
    return id_


def due(pair: int) -> Delivery:
    return Delivery(pair, "emias", "policy", 0, "due", 0, 0, 0.0, 0.0, None, "", "")


# ---------------------------------------------------------------- several writers
async def test_processes_have_names_of_their_own(url: str) -> None:
    one, other = await PostgresqlDatabase(url).open(), await PostgresqlDatabase(url).open()
    assert [one.writer, other.writer] == ["main", "main-2"]
    await one.close()
    third = await PostgresqlDatabase(url).open()
    assert third.writer == "main"
    await other.close()
    await third.close()


async def test_two_writers_never_give_one_id(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    given = await asyncio.gather(*(one.write(new_pair) for one in two * 20))
    assert sorted(given) == list(range(1, 41))


async def test_a_row_is_claimed_by_one_only(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    def fill(tx: Transaction) -> None:
        pairs.save(tx, CIPHER, [PairRow(Pair(id=id_, kind="policy")) for id_ in range(1, 101)])
        deliveries.save(tx, [due(id_) for id_ in range(1, 101)])

    def claim(tx: Transaction) -> list[int]:
        token = ledgers.count_up(tx, "fencing")
        claimed = deliveries.claim(tx, "emias", (0, "policy"), limit=5, token=token, until=9.0)
        return [one.pair for one in claimed]

    await two[0].write(fill)
    claimed = [id_ for ids in await asyncio.gather(*(one.write(claim) for one in two * 10)) for id_ in ids]
    assert sorted(claimed) == list(range(1, 101))


async def test_a_claim_passes_by_locked_pairs(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    def fill(tx: Transaction) -> None:
        pairs.save(tx, CIPHER, [PairRow(Pair(id=id_, kind="policy")) for id_ in (1, 2)])
        deliveries.save(tx, [due(1), due(2)])

    await two[0].write(fill)
    held, done = threading.Event(), threading.Event()

    def work_on_first(tx: Transaction) -> None:
        pairs.by_ids(tx, CIPHER, [1])
        held.set()
        assert done.wait(60)

    working = asyncio.create_task(two[0].write(work_on_first))
    assert await asyncio.to_thread(held.wait, 60)
    claimed = await two[1].write(lambda tx: deliveries.claim(tx, "emias", (0, "policy"), limit=5, token=1, until=9.0))
    done.set()
    await working
    assert [one.pair for one in claimed] == [2]


async def test_only_one_process_holds_a_lease(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    for now in range(0, 1000, 100):
        takes = [partial(leases.take, name="poll", holder=one.writer, now=now, seconds=50.0) for one in two]
        taken = await asyncio.gather(*(one.write(take) for one, take in zip(two, takes, strict=True)))
        assert sum(token is not None for token in taken) == 1


async def test_work_that_meets_another_begins_anew(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """Two units of work lock two rows crosswise: the server ends one of them, and both are done in the end."""
    await two[0].write(lambda tx: [ledgers.set_setting(tx, name, "0") for name in "ab"])
    together = threading.Barrier(2)
    tries = []

    def crosswise(tx: Transaction, first: str, second: str) -> None:
        tries.append(first)
        ledgers.count_up(tx, first)
        if len(tries) <= 2:
            together.wait(60)
        ledgers.count_up(tx, second)

    await asyncio.gather(
        two[0].write(lambda tx: crosswise(tx, "a", "b")), two[1].write(lambda tx: crosswise(tx, "b", "a"))
    )
    assert len(tries) == 3
    assert await two[0].read(lambda tx: (ledgers.setting(tx, "a"), ledgers.setting(tx, "b"))) == ("2", "2")


async def test_chains_of_two_writers_hold(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    await asyncio.gather(
        *(one.write(lambda tx, by=one.writer: journal.append(tx, by, 1.0, {"act": "t"}, [])) for one in two * 5)  # type: ignore[misc]  # lambda defaults are untyped
    )
    await two[0].write(lambda tx: journal.checkpoint(tx, CIPHER, 2.0))
    assert await two[0].read(lambda tx: journal.verify(tx, CIPHER)) == []
    assert {writer: seq for writer, (seq, _) in (await two[0].read(journal.heads)).items()} == {"main": 5, "main-2": 5}


# ---------------------------------------------------------------- a server that goes away
def cut(url: str) -> int:
    """Ends every other session of this database, as a restart does."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != %s"
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(query, (connection.info.backend_pid,)).fetchall())


async def test_work_goes_on_after_a_restart(url: str) -> None:
    database = await PostgresqlDatabase(url).open()
    tries = []

    def cut_off_once(tx: Transaction) -> None:
        tries.append(tx)
        ledgers.count_up(tx, "n")
        if len(tries) == 1:
            cut(url)
        ledgers.count_up(tx, "m")

    await database.write(cut_off_once)
    assert len(tries) == 2
    assert await database.read(lambda tx: (ledgers.setting(tx, "n"), ledgers.setting(tx, "m"))) == ("1", "1")
    assert database.writer == "main"
    await database.close()


class _LosesAnAnswer(PostgresqlDatabase):
    """Its connection ends at a COMMIT: before the server has heard it, or after."""

    heard = False
    left = 1

    def _commit(self, connection: psycopg.Connection, mark: str | None) -> bool:
        if mark is not None and self.left:
            self.left -= 1
            if self.heard:
                connection.execute("COMMIT")
            connection.close()
        return super()._commit(connection, mark)


@pytest.mark.parametrize("heard", [True, False], ids=["committed", "not committed"])
async def test_a_commit_without_answer_counts_once(url: str, heard: bool) -> None:
    database = await _LosesAnAnswer(url).open()
    database.heard, tries = heard, []

    def count(tx: Transaction) -> None:
        tries.append(tx)
        ledgers.count_up(tx, "n")

    await database.write(count)
    assert await database.read(lambda tx: ledgers.setting(tx, "n")) == "1"
    assert len(tries) == (1 if heard else 2)
    await database.close()


async def test_a_server_that_stays_away_is_told(url: str) -> None:
    database = PostgresqlDatabase(url.replace(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0], "1"), patience=0.0)
    with pytest.raises(Unusable) as told:
        await database.open()
    assert told.value.code == "MM-STATE-SERVER"
    assert "PostgreSQL" in told.value.ru
    await database.close()


async def test_a_newer_state_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    database = PostgresqlDatabase(url)
    with pytest.raises(Fatal) as refused:
        await database.open()
    assert refused.value.code == "MM-STATE-NEWER"
    await database.close()


async def test_a_migration_that_was_cut_leaves_nothing(
    postgresql_url: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema of a database is made whole or not at all; the next start makes it."""
    empty = url + "_empty"
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {empty.rsplit('/', 1)[1]}")
    try:
        from alembic import op

        made: list[str] = []
        create_table = op.create_table

        def cut_off(name: str, *columns: object, **more: object) -> object:
            made.append(name)
            if name == "mapping_version":
                cut(empty)
            return create_table(name, *columns, **more)  # type: ignore[arg-type]  # passed on as given

        with monkeypatch.context() as patched:
            patched.setattr(op, "create_table", cut_off)
            database = PostgresqlDatabase(empty)
            with pytest.raises(Unusable):
                await database.open()
            await database.close()
        assert "pair" in made
        with psycopg.connect(empty, autocommit=True) as connection:
            assert schema.server_revision(connection) is None
            assert connection.execute("SELECT to_regclass('pair')").fetchone() == (None,)
        database = await PostgresqlDatabase(empty).open()
        assert await database.write(new_pair) == 1
        await database.close()
    finally:
        with psycopg.connect(postgresql_url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {empty.rsplit('/', 1)[1]} WITH (FORCE)")


# ---------------------------------------------------------------- moving in
async def filled(path: Path) -> None:
    database = await SqliteDatabase(path).open()

    def fill(tx: Transaction) -> None:
        for _ in range(3):
            deliveries.save(tx, [due(new_pair(tx))])
        ledgers.tell(tx, 1, "brake")
        ledgers.set_setting(tx, "имя", "значение")
        journal.append(tx, "main", 1.5, {"act": "test"}, [1, 2])

    await database.write(fill)
    await database.close()


async def test_a_moved_state_is_the_same(tmp_path: Path, url: str) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    before = path.read_bytes()
    told: dict[str, int] = {}
    moved = move(path, url, None, told.__setitem__)
    assert moved == told
    assert (moved["pair"], moved["delivery"], moved["journal_pair"]) == (3, 3, 2)
    assert path.read_bytes() == before
    database = await PostgresqlDatabase(url).open()
    assert await database.read(lambda tx: ledgers.setting(tx, "имя")) == "значение"
    assert await database.read(lambda tx: journal.verify(tx, CIPHER)) == []
    assert sorted(await database.read(lambda tx: pairs.by_ids(tx, CIPHER, [1, 2, 3]))) == [1, 2, 3]
    await database.write(lambda tx: ledgers.tell(tx, 2.0, "next"))
    assert [row[0] for row in await database.read(lambda tx: ledgers.events_after(tx, 0))] == [1, 2]
    await database.close()


async def test_nothing_is_moved_over_a_state(tmp_path: Path, url: str) -> None:
    path = tmp_path / "state.db"
    await filled(path)
    database = await PostgresqlDatabase(url).open()
    await database.write(lambda tx: ledgers.set_setting(tx, "kept", "1"))
    with pytest.raises(Fatal) as refused:
        move(path, url, None, lambda *_: None)
    assert refused.value.code == "MM-STATE-MOVE"
    assert await database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM pair").fetchone()[0]) == 0
    assert await database.read(lambda tx: ledgers.setting(tx, "kept")) == "1"
    await database.close()
