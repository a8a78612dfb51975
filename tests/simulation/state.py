"""How simulated runs open their state: one real SQLite file, where processes die and power does not fail."""

from __future__ import annotations

import sqlite3
from pathlib import Path

PRAGMAS = (
    "journal_mode = memory", "synchronous = off", "cache_size = -8000", "temp_store = memory",
    "locking_mode = exclusive",
)  # fmt: skip


def connection(path: Path) -> sqlite3.Connection:
    """The only one, for reading and writing: work runs inline, so no transaction is open while another begins."""
    opened = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1000)
    for pragma in PRAGMAS:
        opened.execute("PRAGMA " + pragma)
    return opened
