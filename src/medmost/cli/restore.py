"""Bringing a state back from a backup."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

from medmost.app import StateLock
from medmost.config import Config
from medmost.domain.errors import Fatal
from medmost.store.cipher import Cipher


def restore_state(config: Config, backup: Path) -> Path | None:
    """Puts `backup` in place of the state; the former state stays beside it. Returns where.

    Both systems have moved on since the backup was made: cursors are forgotten, so that the next pass reads
    everything and finds by comparison what had been carried already; nothing is sent twice.

    Raises:
        Fatal: the file is no state of this key, or a running medmost holds the state.
    """
    _check(config, backup)
    state = config.state.path
    lock = StateLock(state)
    lock.take()
    try:
        kept = None
        if state.exists():
            kept = state.with_name(f"{state.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
            os.replace(state, kept)  # noqa: PTH105  # atomic on one disk
        for tail in ("-wal", "-shm"):
            state.with_name(state.name + tail).unlink(missing_ok=True)
        fresh = state.with_name(state.name + ".new")
        shutil.copyfile(backup, fresh)
        fresh.chmod(0o600)
        with sqlite3.connect(fresh) as connection:
            connection.execute("DELETE FROM cursor")
        connection.close()
        os.replace(fresh, state)  # noqa: PTH105  # atomic on one disk
        return kept
    finally:
        lock.release()


def _check(config: Config, backup: Path) -> None:
    try:
        with sqlite3.connect(f"file:{backup}?mode=ro", uri=True) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            sample = connection.execute("SELECT id, patient_index, g_body FROM pair LIMIT 1").fetchone()
        connection.close()
    except sqlite3.Error as error:
        raise Fatal(
            "MM-CLI-BACKUP", f"{backup.name} не копия базы состояния", f"{backup.name} is no backup of a state"
        ) from error
    if verdict != "ok":
        raise Fatal("MM-CLI-BACKUP", f"{backup.name} повреждён", f"{backup.name} is damaged")
    if sample is not None:
        Cipher(config.state.key).open("pair.g", sample[0], sample[1], sample[2])
