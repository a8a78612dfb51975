"""What was learned of the shape of each kind, what has drifted from it, and codes that no dictionary has.

No value of a record is kept, except codes met in fields that a dictionary rules.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from medmost.store.transaction import Transaction

CODE_LENGTH = 64


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """A standing or former finding. `place`: what the mapping said of the field there when it was found."""

    id: int
    system: str
    kind: str
    field: str
    at: str
    what: str
    risk: str
    moved_to: str
    formats: str
    place: str
    found_at: float
    ended_at: float | None = None
    ended_by: str | None = None


_COLUMNS = "id, system, kind, field, at, what, risk, moved_to, formats, place, found_at, ended_at, ended_by"


def shape(tx: Transaction, system: str, kind: str) -> bytes | None:
    row = tx.execute("SELECT body FROM shape WHERE system = ? AND kind = ?", (system, kind)).fetchone()
    return None if row is None else bytes(row[0])


class _Doubts(msgspec.Struct):
    doubts: dict[str, list[str]] = {}


def doubts(tx: Transaction, system: str, kind: str) -> dict[str, list[str]]:
    """Of a shape only its doubts: field -> refs."""
    body = shape(tx, system, kind)
    return {} if body is None else msgspec.json.decode(body, type=_Doubts).doubts


def save_shape(tx: Transaction, system: str, kind: str, body: bytes) -> None:
    tx.execute(
        "INSERT INTO shape (system, kind, body) VALUES (?,?,?) ON CONFLICT (system, kind) "
        "DO UPDATE SET body = excluded.body",
        (system, kind, body),
    )


def standing(tx: Transaction) -> list[Drifted]:
    query = f"SELECT {_COLUMNS} FROM drift WHERE ended_at IS NULL ORDER BY id"  # noqa: S608  # constants
    return [msgspec.convert(dict(zip(_COLUMNS.split(", "), row, strict=True)), Drifted) for row in tx.execute(query)]


def find(tx: Transaction, one: Drifted) -> bool:
    """Takes a finding down. False where it stands already, with the same risk."""
    given = (one.system, one.kind, one.field, one.at, one.what, one.risk)
    added = tx.execute(
        "INSERT INTO drift (system, kind, field, at, what, risk, moved_to, formats, place, found_at) "
        "SELECT ?,?,?,?,?,?,?,?,?,? WHERE NOT EXISTS (SELECT 1 FROM drift WHERE ended_at IS NULL AND system = ? "
        "AND kind = ? AND field = ? AND at = ? AND what = ? AND risk = ?)",
        (*given, one.moved_to, one.formats, one.place, one.found_at, *given),
    )
    return added.rowcount == 1


def holds(tx: Transaction, system: str, kind: str, field: str) -> bool:
    """Whether a standing finding holds this field."""
    query = "SELECT 1 FROM drift WHERE ended_at IS NULL AND risk = 'breaking' AND system = ? AND kind = ? AND field = ?"
    return tx.execute(query, (system, kind, field)).fetchone() is not None


def end(tx: Transaction, ids: Iterable[int], by: str, at: float) -> None:
    tx.executemany("UPDATE drift SET ended_at = ?, ended_by = ? WHERE id = ?", [(at, by, id_) for id_ in ids])


def held_since(tx: Transaction, one: Drifted) -> float:
    """UTC seconds from which the field was held at either system without a break up to this finding's time."""
    query = (
        "SELECT MIN(found_at) FROM drift WHERE kind = ? AND field = ? AND risk = 'breaking' "
        "AND found_at < ? AND (ended_at IS NULL OR ended_at >= ?)"
    )
    since = one.found_at
    while (earlier := tx.execute(query, (one.kind, one.field, since, since)).fetchone()[0]) is not None:
        since = float(earlier)
    return since


# ---------------------------------------------------------------- codes that no dictionary has
def meet_code(tx: Transaction, system: str, kind: str, field: str, code: str, at: float) -> None:
    """Counts a code met and not known."""
    given = (system, kind, field, code[:CODE_LENGTH])
    tx.execute(
        "INSERT INTO unknown_code (system, kind, field, code, count, first_at, last_at) VALUES (?,?,?,?,1,?,?) "
        "ON CONFLICT (system, kind, field, code) "
        "DO UPDATE SET count = unknown_code.count + 1, last_at = excluded.last_at",
        (*given, at, at),
    )


def unknown_codes(tx: Transaction) -> list[dict[str, object]]:
    names = "system, kind, field, code, count, first_at, last_at"
    query = f"SELECT {names} FROM unknown_code ORDER BY kind, field, system, code"  # noqa: S608  # constants
    return [dict(zip(names.split(", "), row, strict=True)) for row in tx.execute(query)]


def forget_codes(tx: Transaction, system: str, kind: str, field: str, codes: Iterable[str]) -> None:
    """These are known now."""
    tx.executemany(
        "DELETE FROM unknown_code WHERE system = ? AND kind = ? AND field = ? AND code = ?",
        [(system, kind, field, code) for code in codes],
    )
