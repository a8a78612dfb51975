"""Bringing a state back from a backup."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec

from medmost.config import Config
from medmost.domain.errors import Fatal
from medmost.mapping import load_mappings
from medmost.store import deliveries, journal, ledgers, pairs, schema
from medmost.store.cipher import Cipher
from medmost.store.lock import StateLock
from medmost.store.transaction import Transaction
from medmost.store.troubles import by_its_own_means, file_trouble
from medmost.sync.house import House
from medmost.sync.linked import close_link

_Link = tuple[bytes, bytes, float]
"""What names a link in any copy of a state: policy, account, when it was made."""


class Restored(msgspec.Struct):
    """`kept`: where the former state is now. `revoked`: links ended since the backup; None where nobody can tell."""

    kept: Path | None
    revoked: int | None


def restore_state(config: Config, backup: Path) -> Restored:
    """Puts `backup` in place of the state; the former state stays beside it.

    Both systems have moved on since the backup was made. Cursors are forgotten, so that the next pass reads everything
    and finds by comparison and by our own marks what had been carried already: nothing is sent twice. Ids given since
    are never given again, because marks made with them live on in both systems. Consents withdrawn since are taken
    over from the former state where it can still be read.

    Raises:
        Fatal: the file is no state of this key, or a running medmost holds the state.
    """
    if config.state.on_server:
        raise by_its_own_means()
    _check(config, backup)
    state = config.state.path
    lock = StateLock(state)
    lock.take()
    try:
        fresh = state.with_name(state.name + ".new")
        try:
            ended = _revoked_links(state)
            shutil.copyfile(backup, fresh)
            fresh.chmod(0o600)
            schema.upgrade(fresh)
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                revoked = make_ready(connection, config, ended)
                connection.execute("COMMIT")
            kept = _set_aside(state)
            os.replace(fresh, state)  # noqa: PTH105  # atomic on one disk
        except (OSError, sqlite3.Error) as error:
            raise file_trouble(state, error) or _unwritable(state, error) from error
        return Restored(kept, None if ended is None else revoked)
    finally:
        lock.release()


def _check(config: Config, backup: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            connection.execute("SELECT id FROM pair LIMIT 1").fetchone()
            ledgers.recognise(connection, Cipher(config.state.key))
    except sqlite3.Error as error:
        raise Fatal(
            "MM-CLI-BACKUP", f"{backup.name} не копия базы состояния", f"{backup.name} is no backup of a state"
        ) from error
    if verdict != "ok":
        raise Fatal("MM-CLI-BACKUP", f"{backup.name} повреждён", f"{backup.name} is damaged")


def _revoked_links(state: Path) -> set[_Link] | None:
    """The links that the former state knows as ended; None where it is gone or unreadable."""
    if not state.exists():
        return None
    try:
        with closing(sqlite3.connect(state)) as connection:
            rows = connection.execute(
                "SELECT policy_index, account_index, created_at FROM link WHERE state = 'revoked'"
            )
            return set(rows)
    except sqlite3.Error:
        return None


def make_ready(tx: Transaction, config: Config, ended: set[_Link] | None) -> int:
    """Both systems have moved on since: what a state knows of its place in them is forgotten. Counts links ended."""
    overlay = config.folder / "kinds"
    house = House(load_mappings(overlay if overlay.is_dir() else None), Cipher(config.state.key))
    now = house.clock.now()
    tx.execute("DELETE FROM cursor")
    deliveries.release_in_flight(tx)
    pairs.begin_epoch(tx, now)
    active = tx.execute(
        "SELECT id, policy_index, account_index, created_at FROM link WHERE state = 'active'"
    ).fetchall()
    over = [id_ for id_, *link in active if tuple(link) in (ended or ())]
    for id_ in over:
        close_link(tx, house, id_, "restore")
    journal.append(tx, house.writer, now, {"act": "restore", "revoked": over}, [])
    return len(over)


def _set_aside(state: Path) -> Path | None:
    """The former state with its write-ahead log, under another name."""
    if not state.exists():
        return None
    kept = state.with_name(f"{state.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    for tail in ("-wal", "-shm", ""):
        part = state.with_name(state.name + tail)
        if part.exists():
            os.replace(part, kept.with_name(kept.name + tail))  # noqa: PTH105  # atomic on one disk
    return kept


def _unwritable(state: Path, error: Exception) -> Fatal:
    return Fatal(
        "MM-STATE-WRITE",
        f"База состояния {state.name} не записывается ({error}): проверьте место на диске и права",
        f"the state database {state.name} cannot be written ({error}): check free space and permissions",
    )
