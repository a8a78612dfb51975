"""Conflicts: open ones for a person, decided ones for the record (design §2.2, §6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson

from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction


class Conflict(msgspec.Struct, kw_only=True):
    id: int
    pair: int
    kind: str
    field: str
    state: str
    gosuslugi: Any = None
    emias: Any = None
    g_version: int
    e_version: int
    opened_at: float
    decided_by: str | None = None
    decided_at: float | None = None
    verdict: dict[str, Any] = {}  # a person's answer: how (gosuslugi, emias, value, leave), reason


class Found(msgspec.Struct):
    """A conflict the merge found in a pair, to be opened or kept open."""

    pair: int
    kind: str
    field: str
    gosuslugi: Any
    emias: Any
    g_version: int
    e_version: int
    state: str = "open"
    decided_by: str | None = None


def open_fields(tx: Transaction, pairs: Iterable[int]) -> dict[int, dict[str, tuple[int, int]]]:
    """pair -> field -> versions of its open conflicts."""
    found: dict[int, dict[str, tuple[int, int]]] = {}
    wanted = sorted(set(pairs))
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        query = (
            "SELECT pair, field, g_version, e_version FROM conflict "  # noqa: S608  # only marks
            f"WHERE state = 'open' AND pair IN ({','.join('?' * len(part))})"
        )
        for pair, field, g, e in tx.execute(query, part):
            found.setdefault(pair, {})[field] = (g, e)
    return found


def record(tx: Transaction, cipher: Cipher, conflicts: Iterable[Found], at: float) -> None:
    """Opens conflicts, or writes decided ones down. One open conflict per pair and field.

    Other values are another question with an id of its own: an answer to the former one must not reach it.
    """
    for one in conflicts:
        if one.state == "open" and _asked_already(tx, cipher, one):
            continue
        if one.state == "open":
            void(tx, [(one.pair, one.field)], at)
        body = cipher.seal("conflict", f"{one.pair}.{one.field}", None, orjson.dumps([one.gosuslugi, one.emias]))
        decided = at if one.state != "open" else None
        tx.execute(
            "INSERT INTO conflict "
            "(pair, kind, field, state, body, g_version, e_version, opened_at, decided_at, decided_by) "
            "VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                one.pair, one.kind, one.field, one.state, body, one.g_version, one.e_version, at, decided,
                one.decided_by,
            ),
        )  # fmt: skip


def _asked_already(tx: Transaction, cipher: Cipher, found: Found) -> bool:
    """The same question still stands: only the versions that it was seen at move on."""
    standing = open_one(tx, cipher, found.pair, found.field)
    if standing is None or [standing.gosuslugi, standing.emias] != [found.gosuslugi, found.emias]:
        return False
    query = "UPDATE conflict SET g_version = ?, e_version = ? WHERE id = ?"
    tx.execute(query, (found.g_version, found.e_version, standing.id))
    return True


def void(tx: Transaction, keys: Iterable[tuple[int, str]], at: float) -> None:
    """Open conflicts that the records themselves have ended."""
    tx.executemany(
        "UPDATE conflict SET state = 'void', decided_at = ? WHERE pair = ? AND field = ? AND state = 'open'",
        [(at, pair, field) for pair, field in keys],
    )


def resolve(tx: Transaction, cipher: Cipher, one: Conflict, by: str, at: float, verdict: dict[str, Any]) -> None:
    """A person's answer, with how and why: the reason may name people, so it is sealed with the values."""
    text = orjson.dumps([one.gosuslugi, one.emias, verdict])
    tx.execute(
        "UPDATE conflict SET state = 'resolved', decided_at = ?, decided_by = ?, body = ? "
        "WHERE id = ? AND state = 'open'",
        (at, by, cipher.seal("conflict", f"{one.pair}.{one.field}", None, text), one.id),
    )


_COLUMNS = "id, pair, kind, field, state, body, g_version, e_version, opened_at, decided_by, decided_at"


def _opened(row: tuple[Any, ...], cipher: Cipher) -> Conflict:
    id_, pair, kind, field, state, body, g_version, e_version, opened_at, by, at = row
    g, e, *verdict = orjson.loads(cipher.open("conflict", f"{pair}.{field}", None, body))
    return Conflict(
        id=id_, pair=pair, kind=kind, field=field, state=state, gosuslugi=g, emias=e,
        g_version=g_version, e_version=e_version, opened_at=opened_at, decided_by=by,
        decided_at=at, verdict=verdict[0] if verdict else {},
    )  # fmt: skip


def listed(tx: Transaction, cipher: Cipher, state: str = "open", limit: int = 1000) -> list[Conflict]:
    query = f"SELECT {_COLUMNS} FROM conflict WHERE state = ? ORDER BY id LIMIT ?"  # noqa: S608  # constants
    return [_opened(row, cipher) for row in tx.execute(query, (state, limit))]


def page(tx: Transaction, cipher: Cipher, state: str, kinds: Sequence[str], after: int, limit: int) -> list[Conflict]:
    """Conflicts of these kinds behind id `after`, oldest first."""
    marks = ",".join("?" * len(kinds))
    query = f"SELECT {_COLUMNS} FROM conflict WHERE state = ? AND kind IN ({marks}) AND id > ? ORDER BY id LIMIT ?"  # noqa: S608  # only marks
    return [_opened(row, cipher) for row in tx.execute(query, (state, *kinds, after, limit))]


def count(tx: Transaction, state: str, kinds: Sequence[str]) -> int:
    marks = ",".join("?" * len(kinds))
    query = f"SELECT COUNT(*) FROM conflict WHERE state = ? AND kind IN ({marks})"  # noqa: S608  # only marks
    return int(tx.execute(query, (state, *kinds)).fetchone()[0])


def by_id(tx: Transaction, cipher: Cipher, id_: int) -> Conflict | None:
    row = tx.execute(f"SELECT {_COLUMNS} FROM conflict WHERE id = ?", (id_,)).fetchone()  # noqa: S608  # constants
    return _opened(row, cipher) if row else None


def open_one(tx: Transaction, cipher: Cipher, pair: int, field: str) -> Conflict | None:
    """The question that stands about a field, if there is one."""
    query = f"SELECT {_COLUMNS} FROM conflict WHERE pair = ? AND field = ? AND state = 'open'"  # noqa: S608  # constants
    row = tx.execute(query, (pair, field)).fetchone()
    return _opened(row, cipher) if row else None


def decided_count(tx: Transaction) -> int:
    return int(tx.execute("SELECT COUNT(*) FROM conflict WHERE state = 'decided'").fetchone()[0])
