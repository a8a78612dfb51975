"""Pairs: loaded whole and opened, saved whole and sealed, in sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from medmost.domain.guard import Turn
from medmost.domain.record import Pair, Side, SideState, Wanted
from medmost.store import ledgers
from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction, alone

TABLE = "pair"
ID_FLOOR = "pair_id_floor"


class Decisions(msgspec.Struct):
    """The part of a pair that belongs to neither side."""

    unsure: list[str] = []
    wanted: dict[str, Wanted] = {}
    hold: str | None = None
    refused: str | None = None
    turns: dict[str, list[Turn]] = {}


class PairRow(msgspec.Struct):
    """A pair with what the database needs to find and count it."""

    pair: Pair
    key_index: bytes | None = None
    key_live: bool = False
    patient_index: bytes | None = None
    bucket: int = 0
    state: str = "level"
    behind: str = ""
    expires_at: float | None = None
    row_version: int = 0
    seen: dict[str, float] = {}


_COLUMNS = (
    "id, kind, key_index, key_live, patient_index, bucket, state, behind, expires_at, row_version, "
    "g_body, e_body, decisions, g_seen_at, e_seen_at"
)
_pack, _side, _decisions = (
    msgspec.msgpack.Encoder().encode,
    msgspec.msgpack.Decoder(SideState).decode,
    msgspec.msgpack.Decoder(Decisions).decode,
)
_SAVED = (
    "id, kind, key_index, key_live, patient_index, bucket, state, behind, expires_at, row_version, "
    "g_ref, g_version, g_presence, g_seen_at, g_body, e_ref, e_version, e_presence, e_seen_at, e_body, decisions"
).split(", ")
_SAVE = (
    f"INSERT INTO pair ({', '.join(_SAVED)}) VALUES ({', '.join('?' * len(_SAVED))}) "  # noqa: S608  # constants
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SAVED[1:])}"
)


def _open_row(row: Sequence[object], cipher: Cipher) -> PairRow:
    id_, kind, key, live, patient, bucket, state, behind, expires, version, g, e, rest, g_seen, e_seen = row
    owner = patient if isinstance(patient, bytes) else None

    def body(column: str, blob: object) -> bytes:
        return cipher.open(f"{TABLE}.{column}", id_, owner, blob)  # type: ignore[arg-type]  # columns are bytes

    decisions = _decisions(body("decisions", rest)) if rest else Decisions()
    pair = Pair(
        id=id_,  # type: ignore[arg-type]  # an integer primary key
        kind=kind,  # type: ignore[arg-type]  # a text column
        gosuslugi=_side(body("g", g)) if g else SideState(),
        emias=_side(body("e", e)) if e else SideState(),
        unsure=decisions.unsure,
        wanted=decisions.wanted,
        hold=decisions.hold,
        refused=decisions.refused,
        turns=decisions.turns,
        closed=state == "closed",
    )
    seen = {str(side): at for side, at in (("gosuslugi", g_seen), ("emias", e_seen)) if isinstance(at, float)}
    return PairRow(pair, key, bool(live), owner, bucket, state, behind, expires, version, seen)  # type: ignore[arg-type]  # sqlite3 rows are untyped


def by_ids(tx: Transaction, cipher: Cipher, ids: Iterable[int]) -> dict[int, PairRow]:
    found: dict[int, PairRow] = {}
    wanted = sorted(set(ids))  # in id order, so that an engine with row locks cannot deadlock
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        for row in tx.execute(f"SELECT {_COLUMNS} FROM pair WHERE id IN ({marks}) /*+ ORDER BY id FOR UPDATE */", part):  # noqa: S608  # only marks
            found[row[0]] = _open_row(row, cipher)
    return found


def ids_by_keys(tx: Transaction, kind: str, keys: Iterable[bytes]) -> dict[bytes, list[int]]:
    """Open pairs of any standing that show one of these natural keys."""
    found: dict[bytes, list[int]] = {}
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT key_index, id FROM pair WHERE kind = ? AND state != 'closed' AND key_index IN ({marks})"  # noqa: S608  # only marks
        for key, id_ in tx.execute(query, (kind, *part)):
            found.setdefault(key, []).append(id_)
    return found


def ids_of_patient(tx: Transaction, patient: bytes, kinds: Sequence[str]) -> list[int]:
    marks = ",".join("?" * len(kinds))
    query = f"SELECT id FROM pair WHERE patient_index = ? AND kind IN ({marks}) ORDER BY id"  # noqa: S608  # only marks
    return [row[0] for row in tx.execute(query, (patient, *kinds))]


def ids_in_states(
    tx: Transaction, kinds: Sequence[str], states: Sequence[str], limit: int, after: int = 0
) -> list[int]:
    """Pairs of these kinds that stand so, oldest first; those behind pair `after` only."""
    marks, more = ",".join("?" * len(kinds)), ",".join("?" * len(states))
    query = f"SELECT id FROM pair WHERE kind IN ({marks}) AND state IN ({more}) AND id > ? ORDER BY id LIMIT ?"  # noqa: S608  # only marks
    return [row[0] for row in tx.execute(query, (*kinds, *states, after, limit))]


def ids_unread(tx: Transaction, limit: int = 500) -> list[int]:
    """Pairs of linked patients with a body that may be kept and is not here: the reading after the link was cut off."""
    query = (
        "SELECT id FROM pair WHERE state = 'behind' AND behind = '' UNION "
        "SELECT pair.id FROM pair JOIN link ON link.policy_index = pair.patient_index AND link.state = 'active' "
        "WHERE pair.state = 'no_consent' ORDER BY 1 LIMIT ?"
    )
    return [row[0] for row in tx.execute(query, (limit,))]


def next_id(tx: Transaction) -> int:
    """An id that no pair of this state ever had: our mark in a record names its pair, so an id is never given twice."""
    alone(tx)
    highest = tx.execute("SELECT COALESCE(MAX(id), 0) FROM pair").fetchone()[0]
    return max(int(highest), int(ledgers.setting(tx, ID_FLOOR) or 0)) + 1


def leave_ids(tx: Transaction, upto: int) -> None:
    """Ids up to `upto` are not given any more: their pairs were forgotten, or made after the backup now restored."""
    alone(tx)
    ledgers.set_setting(tx, ID_FLOOR, str(max(upto, int(ledgers.setting(tx, ID_FLOOR) or 0))))


def begin_epoch(tx: Transaction, now: float) -> None:
    """Ids from here on were given by no state before, nor by one that was lost: a million a second from 1970 on."""
    leave_ids(tx, max(next_id(tx), int(now) << 20))


def save(tx: Transaction, cipher: Cipher, rows: Iterable[PairRow]) -> None:
    """Seals and writes whole rows; neighbouring ids first, so that pages are shared."""
    ordered = sorted(rows, key=lambda row: row.pair.id)
    if len(ordered) > 1:  # keys change hands within a set: all are given up before any is taken
        tx.executemany("UPDATE pair SET key_live = 0 WHERE id = ?", [(row.pair.id,) for row in ordered])
    tx.executemany(_SAVE, [_sealed(row, cipher) for row in ordered])


def _sealed(row: PairRow, cipher: Cipher) -> tuple[object, ...]:
    pair, patient = row.pair, row.patient_index
    decisions = Decisions(pair.unsure, pair.wanted, pair.hold, pair.refused, pair.turns)

    def seal(column: str, body: object) -> bytes:
        return cipher.seal(f"{TABLE}.{column}", pair.id, patient, _pack(body))

    def side(name: Side) -> tuple[object, ...]:
        state = pair.side(name)
        blob = seal(name.value[0], state)
        return state.ref, state.version, state.presence, row.seen.get(name.value), blob

    plain = not (decisions.unsure or decisions.wanted or decisions.hold or decisions.refused or decisions.turns)
    return (
        pair.id,
        pair.kind,
        row.key_index,
        int(row.key_live),
        patient,
        row.bucket,
        row.state,
        row.behind,
        row.expires_at,
        row.row_version,
        *side(Side.GOSUSLUGI),
        *side(Side.EMIAS),
        None if plain else seal("decisions", decisions),
    )


def delete(tx: Transaction, ids: Iterable[int]) -> None:
    """Forgets pairs for good: only for records that expire by themselves (slots)."""
    many = [(id_,) for id_ in ids]
    if many:
        leave_ids(tx, max(many)[0])
    tx.executemany("DELETE FROM alias WHERE pair = ?", many)
    tx.executemany("DELETE FROM delivery WHERE pair = ?", many)
    tx.executemany("DELETE FROM pair WHERE id = ?", many)


def expired(tx: Transaction, now: float, limit: int = 1000) -> list[int]:
    query = "SELECT id FROM pair WHERE expires_at IS NOT NULL AND expires_at < ? ORDER BY id LIMIT ?"
    return [row[0] for row in tx.execute(query, (now, limit))]
