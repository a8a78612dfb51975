"""The lock beside an SQLite state: one process writes it at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from medmost.domain.errors import Fatal


class StateLock:
    """One process writes an SQLite state at a time (contracts §1)."""

    def __init__(self, state: Path) -> None:
        self._path = state.with_name(state.name + ".lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Raises Fatal MM-STATE-BUSY when another process holds the state."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Fatal(
                "MM-STATE-BUSY",
                "Состояние уже открыто другим процессом medmost: остановите его или обратитесь к нему",
                "another medmost process holds this state: stop it or talk to it",
            ) from None
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
