"""What flowed for one policy, and why something may be missing: told to the person it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from medmost.domain.record import Fields, Side
from medmost.store import links, pairs, patients
from medmost.store.links import Link
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.house import House
from medmost.sync.linked import personal_kinds
from medmost.sync.stages import share_of

SHOWN: Final = 100  # records on the page, newest first; the export has all
MOSCOW: Final = ZoneInfo("Europe/Moscow")
_WHEN: Final = {"visit": "starts_at", "result": "issued_at", "vaccination": "date", "request": "submitted_at"}
_WHAT: Final = {
    "visit": ("speciality_name", "doctor_name"),
    "result": ("title",),
    "vaccination": ("infection", "vaccine"),
    "request": ("service_name",),
}
_HELD: Final = ("conflict", "invalid", "ambiguous", "quarantined", "refused")


class Flowed(msgspec.Struct, frozen=True, kw_only=True):
    """One record. `state`: both (level), coming (on its way), checked (a person looks), waiting (held by a stage)."""

    kind: str
    when: str  # as in the record: a date or a Moscow time
    what: str
    state: str


class Why(msgspec.Struct, frozen=True):
    """Why a kind may lack something: a code of the page's texts, and a number or a time for it."""

    kind: str
    code: str
    detail: str = ""


class Story(msgspec.Struct, frozen=True):
    flowed: list[Flowed]
    more: int  # records beyond those shown
    why: list[Why]


class _Linked(Protocol):
    @property
    def number(self) -> str: ...
    @property
    def link(self) -> Link | None: ...


def tell(tx: Transaction, house: House, number: str, standing: dict[str, Any], lang: str) -> Story:
    """`standing` as `sync.status.status` tells it."""
    rows = _rows(tx, house, number)
    flowed = sorted((_flowed(row) for row in rows if row.state not in ("closed", "no_consent")), key=_newest)
    now = house.clock.now()
    why = [_why(kind, rows, standing, now, lang) for kind in personal_kinds(house)]
    return Story(flowed[:SHOWN], max(0, len(flowed) - SHOWN), why)


def export(tx: Transaction, house: House, choices: Iterable[_Linked]) -> dict[str, Any]:
    """All that is kept of these policies, in the systems' common words (canonical fields)."""
    policies = []
    for choice in choices:
        link = choice.link
        if link is None:
            continue
        told: dict[str, Any] = {"policy_number": link.policy_number, "account": link.account, "consent": link.consent}
        told |= {
            "linked_at": _iso(link.created_at),
            "records": [_whole(row) for row in _rows(tx, house, choice.number)],
        }
        policies.append(told)
    return {"medmost": 1, "made_at": _iso(house.clock.now()), "policies": policies}


def _rows(tx: Transaction, house: House, number: str) -> list[PairRow]:
    group = patients.group(tx, links.patient_index(house.cipher, number))
    kinds = personal_kinds(house)
    ids = [id_ for one in sorted(group) for id_ in pairs.ids_of_patient(tx, one, kinds)]
    return list(pairs.by_ids(tx, house.cipher, ids).values())


def _fields(row: PairRow) -> Fields:
    """What EMIAS says of it, and where it is not there, Gosuslugi."""
    return row.pair.emias.now or row.pair.gosuslugi.now or {}


def _flowed(row: PairRow) -> Flowed:
    kind, fields = row.pair.kind, _fields(row)
    what = " · ".join(str(fields[name]) for name in _WHAT.get(kind, ()) if fields.get(name))
    state = "both" if row.state == "level" else "checked" if row.state in _HELD else "coming"
    return Flowed(kind=kind, when=str(fields.get(_WHEN.get(kind, ""), "") or ""), what=what, state=state)


def _newest(one: Flowed) -> tuple[int, ...]:
    """Later times first; texts of one form compare as they stand."""
    return tuple(-ord(sign) for sign in one.when)


def _why(kind: str, rows: list[PairRow], standing: dict[str, Any], now: float, lang: str) -> Why:
    """The first that applies, gravest first."""
    numbers = standing["kinds"].get(kind, {})
    own = [row for row in rows if row.pair.kind == kind]
    if any(brake["kind"] in ("", kind) for brake in standing["brakes"]) or numbers.get("paused"):
        return Why(kind, "held")
    if not share_of(numbers.get("stage", "observe")):
        return Why(kind, "stage")
    silent = [side for side in Side if not standing["systems"][side.value]["reachable"]]
    if silent:
        return Why(kind, f"silent_{silent[0].value}")
    checked = sum(row.state in _HELD for row in own)
    if checked:
        return Why(kind, "checked", str(checked))
    coming = sum(row.state not in ("level", "closed", *_HELD) for row in own)
    if coming:
        return Why(kind, "coming", str(coming))
    age = numbers.get("freshness_seconds")
    return Why(kind, "all", "" if age is None else _clock(now - age, lang))


def _clock(at: float, lang: str) -> str:
    return datetime.fromtimestamp(at, MOSCOW).strftime("%d.%m.%Y %H:%M" if lang == "ru" else "%Y-%m-%d %H:%M")


def _whole(row: PairRow) -> dict[str, Any]:
    sides = {side.value: row.pair.side(side).now for side in Side if row.pair.side(side).now is not None}
    return {"kind": row.pair.kind, "state": row.state, **sides}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
