"""The journal: whoever changes, drops, adds, reorders or cuts is found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from medmost.store import journal, schema
from medmost.store.cipher import Cipher

CIPHER = Cipher(bytes(range(32)))
WRITERS = ("main", "worker")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "state.db"
    schema.upgrade(path)
    return path


@pytest.fixture
def tx(empty: Path) -> Iterator[sqlite3.Connection]:
    """Two writers' chains of six entries, signed half way and at the end."""
    with closing(sqlite3.connect(empty)) as file, closing(sqlite3.connect(":memory:")) as made:
        file.backup(made)
        for number in range(6):
            for writer in WRITERS:
                journal.append(made, writer, 1000.0 + number, {"act": "test", "number": number}, [number])
            if number in (2, 5):
                journal.checkpoint(made, CIPHER, 1000.0 + number)
        yield made


def test_an_untouched_journal_verifies(tx: sqlite3.Connection) -> None:
    assert journal.verify(tx, CIPHER) == []


def _rechain(tx: sqlite3.Connection, writer: str) -> None:
    """What a forger without the key can do: every hash made to fit again."""
    before = journal.START
    for seq, entry in tx.execute("SELECT seq, entry FROM journal WHERE writer = ? ORDER BY seq", (writer,)).fetchall():
        before = journal._chain(before, entry.encode())
        tx.execute("UPDATE journal SET hash = ? WHERE writer = ? AND seq = ?", (before, writer, seq))


@pytest.mark.parametrize("seq", range(1, 7))
@pytest.mark.parametrize("forged", [False, True], ids=["plainly", "with hashes that fit"])
def test_a_changed_entry_is_found(tx: sqlite3.Connection, seq: int, forged: bool) -> None:
    told = json.loads(tx.execute("SELECT entry FROM journal WHERE writer = 'main' AND seq = ?", (seq,)).fetchone()[0])
    changed = json.dumps(told | {"act": "other"}, sort_keys=True)
    tx.execute("UPDATE journal SET entry = ? WHERE writer = 'main' AND seq = ?", (changed, seq))
    if forged:
        _rechain(tx, "main")
    assert journal.verify(tx, CIPHER)


@pytest.mark.parametrize("seq", range(1, 7))
@pytest.mark.parametrize("forged", [False, True], ids=["plainly", "with the rest moved up"])
def test_a_dropped_entry_is_found(tx: sqlite3.Connection, seq: int, forged: bool) -> None:
    tx.execute("DELETE FROM journal WHERE writer = 'main' AND seq = ?", (seq,))
    if forged:
        for later in range(seq + 1, 7):
            tx.execute("UPDATE journal SET seq = ? WHERE writer = 'main' AND seq = ?", (later - 1, later))
        _rechain(tx, "main")
    assert journal.verify(tx, CIPHER)


def test_an_inserted_entry_is_found(tx: sqlite3.Connection) -> None:
    for later in range(6, 2, -1):
        tx.execute("UPDATE journal SET seq = ? WHERE writer = 'main' AND seq = ?", (later + 1, later))
    tx.execute("INSERT INTO journal VALUES ('main', 3, 1002.5, '{\"act\":\"never\"}', X'00')")
    _rechain(tx, "main")
    assert journal.verify(tx, CIPHER)


@pytest.mark.parametrize("seq", range(1, 6))
def test_exchanged_entries_are_found(tx: sqlite3.Connection, seq: int) -> None:
    for before, after in ((seq, 100), (seq + 1, seq), (100, seq + 1)):
        tx.execute("UPDATE journal SET seq = ? WHERE writer = 'main' AND seq = ?", (after, before))
    _rechain(tx, "main")
    assert journal.verify(tx, CIPHER)


@pytest.mark.parametrize("left", range(6))
def test_a_cut_tail_is_found(tx: sqlite3.Connection, left: int) -> None:
    tx.execute("DELETE FROM journal WHERE writer = 'main' AND seq > ?", (left,))
    assert journal.verify(tx, CIPHER)


def test_a_writer_gone_altogether_is_found(tx: sqlite3.Connection) -> None:
    tx.execute("DELETE FROM journal WHERE writer = 'worker'")
    assert journal.verify(tx, CIPHER)


@pytest.mark.parametrize(
    "forge",
    [
        lambda tx: tx.execute("UPDATE checkpoint SET signature = X'00' WHERE at = 1002.0"),
        lambda tx: tx.execute("UPDATE checkpoint SET heads = replace(heads, '[3,', '[2,') WHERE at = 1002.0"),
    ],
    ids=["its signature", "its heads"],
)
def test_a_forged_checkpoint_is_found(tx: sqlite3.Connection, forge: Callable[[sqlite3.Connection], object]) -> None:
    forge(tx)
    assert any("signature" in one for one in journal.verify(tx, CIPHER))


def test_another_key_confirms_nothing(tx: sqlite3.Connection) -> None:
    assert len(journal.verify(tx, Cipher(bytes(32)))) == 2


def test_a_pairs_story_is_told_in_order(tx: sqlite3.Connection) -> None:
    assert [json.loads(one)["number"] for one in journal.story(tx, 4)] == [4, 4]
    assert journal.story(tx, 99) == []
