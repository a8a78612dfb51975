"""The state database: all or nothing, keys that change hands, claims; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from medmost.domain.errors import Fatal
from medmost.domain.record import Pair, Sent, Side, SideState, Wanted
from medmost.store import aliases, conflicts, deliveries, ledgers, links, pairs, patients
from medmost.store.cipher import Cipher
from medmost.store.database import Database
from medmost.store.deliveries import Delivery
from medmost.store.pairs import PairRow
from medmost.store.postgresql import PostgresqlDatabase
from medmost.store.sqlite import SqliteDatabase
from medmost.store.tables import metadata
from medmost.store.transaction import Transaction
from state_databases import FreshDatabase

CIPHER = Cipher(bytes(range(32)))
TABLES = sorted(table.name for table in metadata.sorted_tables)


@pytest.fixture(params=["sqlite", "postgresql"])
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database: Database
    if request.param == "sqlite":
        database = await SqliteDatabase(tmp_path / "state.db").open()
    else:
        fresh: FreshDatabase = request.getfixturevalue("fresh_postgresql")
        database = await PostgresqlDatabase(fresh()).open()
    yield database
    await database.close()


def row(id_: int, key: bytes | None, **more: object) -> PairRow:
    return PairRow(Pair(id=id_, kind="policy"), key_index=key, key_live=True, **more)  # type: ignore[arg-type]  # test data


def due(pair: int, side: Side = Side.EMIAS, rank: int = 0, **more: object) -> Delivery:
    told = {"kind": "policy", "rank": rank, "state": "due", "token": 0, "attempts": 0, "first_at": 0.0,
            "not_before": 0.0, "lease_until": None, "reason": "", "correlation": ""}  # fmt: skip
    return Delivery(pair=pair, side=side.value, **{**told, **more})  # type: ignore[arg-type]  # test data


# ---------------------------------------------------------------- transactions
class CutOffError(Exception):
    """Something ends a transaction half way."""


async def test_a_failed_transaction_leaves_nothing(state: Database) -> None:
    def everything_and_fail(tx: Transaction) -> None:
        pairs.save(tx, CIPHER, [row(1, b"key")])
        aliases.save(tx, [("policy", "emias", "e1", 1, None)])
        aliases.add_former_keys(tx, [("policy", b"old", 1)])
        deliveries.save(tx, [due(1)])
        conflicts.record(tx, CIPHER, [conflicts.Found(1, "policy", "f", "a", "b", 1, 1)], 1.0)
        ledgers.enter(tx, [("emias", "policy", "detected", 1)])
        ledgers.set_stage(tx, "policy", "full")
        ledgers.tell(tx, 1.0, "brake")
        ledgers.move_cursor(tx, "emias", "policy", {"page": 2})
        ledgers.first_time(tx, "emias", "hook", 1.0)
        raise CutOffError

    before = await state.read(_counts)
    with pytest.raises(CutOffError):
        await state.write(everything_and_fail)
    assert await state.read(_counts) == before
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"key")]))  # and the writer goes on


def _counts(tx: Transaction) -> dict[str, int]:
    return {name: tx.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608  # our own names


async def test_a_reader_cannot_write(state: Database) -> None:
    with pytest.raises((sqlite3.OperationalError, Fatal)):
        await state.read(lambda tx: ledgers.set_setting(tx, "one", "1"))


# ---------------------------------------------------------------- pairs and their keys
async def test_a_pair_comes_back_as_it_was_saved(state: Database) -> None:
    sent = Sent(
        op="put", fields={"f": "b"}, source={"f": "b"}, doc={"F": "b"}, expected=3, ref="g1", key="k", origin=None
    )
    pair = Pair(
        id=7, kind="policy", hold="duplicate", refused="no", unsure=["f"], wanted={"g": Wanted("z", [Side.EMIAS])},
        gosuslugi=SideState(ref="g1", version=3, presence="here", doc={"F": ["a", 1, None]}, now={"f": "a"},
                            settled={"f": "a"}, sent=sent, incarnation=2, late={"f": ["c"]}),
        emias=SideState(ref="e1", version=9, presence="gone"),
    )  # fmt: skip
    kept = PairRow(pair, b"key", False, b"patient", 17, "conflict", "G", 5.0, 4, {"emias": 2.0})
    await state.write(lambda tx: pairs.save(tx, CIPHER, [kept]))
    found = await state.read(lambda tx: pairs.by_ids(tx, CIPHER, [7, 8]))
    assert found == {7: kept}


async def test_keys_change_hands_within_one_save(state: Database) -> None:
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"a"), row(2, b"b"), row(3, b"c")]))
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"b"), row(2, b"c"), row(3, b"a")]))
    found = await state.read(lambda tx: pairs.ids_by_keys(tx, "policy", [b"a", b"b", b"c"]))
    assert found == {b"a": [3], b"b": [1], b"c": [2]}


async def test_two_live_pairs_cannot_share_a_key(state: Database) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
        await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"a"), row(2, b"a")]))
    held = row(2, b"a")
    held.key_live = False
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"a"), held]))


async def test_an_id_is_never_given_twice(state: Database) -> None:
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, b"a"), row(2, b"b")]))
    await state.write(lambda tx: pairs.delete(tx, [2]))
    assert await state.read(pairs.next_id) == 3


async def test_forgetting_a_pair_leaves_nothing_of_it(state: Database) -> None:
    def fill_and_forget(tx: Transaction) -> None:
        pairs.save(tx, CIPHER, [row(1, b"a")])
        aliases.save(tx, [("slot", "emias", "e1", 1, None)])
        deliveries.save(tx, [due(1)])
        pairs.delete(tx, [1])

    await state.write(fill_and_forget)
    counted = await state.read(_counts)
    assert (counted["pair"], counted["alias"], counted["delivery"]) == (0, 0, 0)


# ---------------------------------------------------------------- deliveries
async def test_parents_are_claimed_before_their_children(state: Database) -> None:
    def claimed(tx: Transaction) -> list[int]:
        first = deliveries.first_due(tx, "emias", ["visit", "policy"])
        return [] if first is None else [
            one.pair for one in deliveries.claim(tx, "emias", first, limit=10, token=1, until=5.0)
        ]  # fmt: skip

    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(number, None) for number in (1, 2, 3, 4)]))
    await state.write(
        lambda tx: deliveries.save(tx, [due(1, rank=1, kind="visit"), due(2), due(3), due(4, Side.GOSUSLUGI)])
    )
    assert await state.write(claimed) == [2, 3]
    assert await state.write(claimed) == [1]
    assert await state.write(claimed) == []


async def test_a_claim_carries_its_token_and_lease(state: Database) -> None:
    await state.write(lambda tx: pairs.save(tx, CIPHER, [row(1, None)]))
    await state.write(lambda tx: deliveries.save(tx, [due(1)]))
    (one,) = await state.write(lambda tx: deliveries.claim(tx, "emias", (0, "policy"), limit=1, token=7, until=5.0))
    assert (one.state, one.token, one.lease_until, one.attempts) == ("in_flight", 7, 5.0, 1)


@pytest.mark.parametrize(
    ("waiting", "now", "woken"),
    [
        ({"state": "waiting", "not_before": 5.0}, 4.9, False),
        ({"state": "waiting", "not_before": 5.0}, 5.0, True),
        ({"state": "awaiting_answer", "not_before": 5.0}, 4.9, False),
        ({"state": "awaiting_answer", "not_before": 5.0}, 5.0, True),
        ({"state": "in_flight", "lease_until": 5.0}, 4.9, False),
        ({"state": "in_flight", "lease_until": 5.0}, 5.0, True),
        ({"state": "dead", "not_before": 0.0}, 99.0, False),
    ],
)
async def test_rows_wake_when_their_time_has_come(
    state: Database, waiting: dict[str, object], now: float, woken: bool
) -> None:
    await state.write(lambda tx: deliveries.save(tx, [due(1, **waiting)]))
    at = await state.read(deliveries.next_wake)
    assert at == (None if waiting["state"] == "dead" else 5.0)
    assert bool(await state.write(lambda tx: deliveries.wake(tx, now))) is woken


async def test_a_system_that_is_back_frees_only_its_own(state: Database) -> None:
    late = {"state": "waiting", "not_before": 99.0}
    rows = [due(1, reason="unreachable", **late), due(2, reason="parent", **late),
            due(3, Side.GOSUSLUGI, reason="unreachable", **late)]  # fmt: skip
    await state.write(lambda tx: deliveries.save(tx, rows))
    assert await state.write(lambda tx: deliveries.release_waiting(tx, "emias", "unreachable")) == 1


# ---------------------------------------------------------------- small tables
async def test_fencing_tokens_never_repeat(state: Database) -> None:
    tokens = [await state.write(lambda tx: ledgers.count_up(tx, "fencing")) for _ in range(12)]
    assert tokens == list(range(1, 13))


async def test_a_webhook_is_new_only_once(state: Database) -> None:
    assert await state.write(lambda tx: ledgers.first_time(tx, "emias", "one", 1.0))
    assert not await state.write(lambda tx: ledgers.first_time(tx, "emias", "one", 2.0))
    assert await state.write(lambda tx: ledgers.first_time(tx, "gosuslugi", "one", 2.0))


async def test_an_account_and_a_policy_have_one_link(state: Database) -> None:
    def add(account: str, policy: str) -> object:
        given = {"account": account, "policy_number": policy, "consent": {}, "consent_hash": "h", "at": 1.0}
        return lambda tx: links.add(tx, CIPHER, **given)  # type: ignore[arg-type]  # test data

    first = await state.write(add("oid-1", "p1"))  # type: ignore[arg-type]  # a lambda
    assert first is not None
    assert await state.write(add("oid-1", "p2")) is None  # type: ignore[arg-type]  # a lambda
    assert await state.write(add("oid-2", "p1")) is None  # type: ignore[arg-type]  # a lambda
    await state.write(lambda tx: links.revoke(tx, first, 2.0))
    assert await state.write(add("oid-2", "p1")) is not None  # type: ignore[arg-type]  # a lambda


async def test_a_former_number_has_the_same_link(state: Database) -> None:
    old, new, other = (links.patient_index(CIPHER, number) for number in ("old", "new", "other"))
    row = PairRow(Pair(id=1, kind="policy"), patient_index=new, state="level")

    def add(tx: Transaction, account: str, policy: str) -> int | None:
        return links.add(tx, CIPHER, account=account, policy_number=policy, consent={}, consent_hash="h", at=1.0)

    def play(tx: Transaction) -> None:
        pairs.save(tx, CIPHER, [row])
        made = add(tx, "1", "old")
        assert made is not None
        assert links.linked(tx, [old, new, other]) == {old}
        patients.remember(tx, [(old, 1)])
        assert links.linked(tx, [old, new, other]) == {old, new}
        assert add(tx, "2", "new") is None  # the person is linked by the former number
        assert add(tx, "2", "other") is not None
        links.revoke(tx, made, 2.0)
        assert links.linked(tx, [old, new]) == set()
        assert add(tx, "1", "new") is not None
        assert add(tx, "3", "old") is None  # nor the other way round

    await state.write(play)
