"""Holds: a kind, a system or everything waits for a person to look. One standing row per code, system and kind."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from medmost.store.transaction import Transaction

EVERYTHING = ""
"""In place of a kind: all of them; in place of a system: it is about both, or about neither."""


class Brake(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is one of `domain.holds.REASONS`; `detail` holds numbers and codes only, never a value of a record."""

    id: int
    code: str
    system: str
    kind: str
    detail: str
    opened_at: float
    released_at: float | None = None
    released_by: str | None = None


_COLUMNS = "id, code, system, kind, detail, opened_at, released_at, released_by"


def _brake(row: tuple[object, ...]) -> Brake:
    return msgspec.convert(dict(zip(_COLUMNS.split(", "), row, strict=True)), Brake)


def hold(tx: Transaction, code: str, *, system: str = "", kind: str = EVERYTHING, detail: str = "", at: float) -> bool:
    """From this commit on nothing of `kind` is sent. False where the same hold stands already."""
    row = tx.execute(
        "INSERT INTO brake (code, system, kind, detail, opened_at) SELECT ?,?,?,?,? WHERE NOT EXISTS "
        "(SELECT 1 FROM brake WHERE released_at IS NULL AND code = ? AND system = ? AND kind = ?)",
        (code, system, kind, detail, at, code, system, kind),
    )
    return row.rowcount == 1


def standing(tx: Transaction) -> list[Brake]:
    query = f"SELECT {_COLUMNS} FROM brake WHERE released_at IS NULL ORDER BY id"  # noqa: S608  # constants
    return [_brake(row) for row in tx.execute(query)]


def by_ids(tx: Transaction, ids: Iterable[int]) -> list[Brake]:
    wanted = set(ids)
    return [one for one in standing(tx) if one.id in wanted]


def release(tx: Transaction, brakes: Iterable[Brake], by: str, at: float) -> None:
    tx.executemany(
        "UPDATE brake SET released_at = ?, released_by = ? WHERE id = ? AND released_at IS NULL",
        [(at, by, one.id) for one in brakes],
    )


def why(tx: Transaction) -> dict[str, str]:
    """kind (or `EVERYTHING`) -> why it stands still, as people read it in `status`."""
    found: dict[str, list[str]] = {}
    for one in standing(tx):
        found.setdefault(one.kind, []).append(one.detail or one.code)
    return {kind: ", ".join(told) for kind, told in found.items()}
