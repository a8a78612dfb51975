"""A mapping that has changed: taken note of at start, tried on the stored records, and held until a person agrees.

Until then nothing of the kind is sent (`MM-BRAKE-MAPPING`); everything else goes on: records are read, compared and
planned by the new version, so that `medmost mapping diff` and `medmost status` tell what would happen.
"""

from __future__ import annotations

from medmost.mapping.version import encoded, kind_hash
from medmost.store import brakes, journal, ledgers, versions
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.store.versions import Version
from medmost.sync import doubt
from medmost.sync.desk import Desk
from medmost.sync.holding import load_watch, withheld
from medmost.sync.house import House
from medmost.sync.replan import replan
from medmost.sync.reread import reread

CODE = "MM-BRAKE-MAPPING"
BATCH = 500


def _recall(desk: Desk) -> None:
    load_watch(desk)
    doubt.recall(desk)


async def recognise_versions(house: House, database: Database) -> list[str]:
    """Takes note of every kind's version and reads stored records again where it changed. The kinds that are held.

    The reading is done in batches and goes on where it was cut off.
    """
    await database.write(lambda tx: _recall(Desk(tx, house, "drift.start")))
    held = await database.write(lambda tx: _take_note(tx, house))
    for kind in house.mappings:
        while await database.write(lambda tx, kind=kind: _read_on(tx, house, kind)):  # type: ignore[misc]  # lambda defaults are untyped
            continue
    await database.write(lambda tx: _let_go_returned(tx, house))
    return held


def _take_note(tx: Transaction, house: House) -> list[str]:
    approved, waiting, now = versions.known(tx, "approved"), versions.known(tx, "waiting"), house.clock.now()
    first: dict[str, str] = {}
    held = []
    for kind in house.mappings:
        seen = _version(house, kind, "approved", now)
        known = approved.get(kind)
        if known is None:
            versions.keep(tx, seen)
            versions.set_read_by(tx, kind, seen.hash, None)
            first[kind] = seen.hash[:12]
        elif known.hash == seen.hash:
            versions.retire(tx, kind, "waiting")
        else:
            held.append(kind)
            if kind not in waiting or waiting[kind].hash != seen.hash:
                _hold(tx, house, known, seen, now)
    if first:
        journal.append(tx, house.writer, now, {"act": "mapping.first", "versions": first}, [])
    return held


def _version(house: House, kind: str, state: versions.State, now: float, by: str = "") -> Version:
    rule = house.mappings[kind].rule
    return Version(kind, kind_hash(rule), encoded(rule), state, now, by)


def _hold(tx: Transaction, house: House, known: Version, seen: Version, now: float) -> None:
    versions.keep(tx, Version(seen.kind, seen.hash, seen.rule, "waiting", now, ""))
    step = f"{known.hash[:12]} → {seen.hash[:12]}"
    if brakes.hold(tx, CODE, kind=seen.kind, detail=f"mapping {step}", at=now):
        ledgers.tell(tx, now, "brake", "", seen.kind, CODE)
    journal.append(tx, house.writer, now, {"act": "mapping.changed", "kind": seen.kind, "step": step}, [])


def _read_on(tx: Transaction, house: House, kind: str) -> bool:
    """One batch of stored records read by the present version; False when there is none left."""
    present = kind_hash(house.mappings[kind].rule)
    by, upto = versions.read_by(tx, kind)
    if by == present and upto is None:
        return False
    ids = versions.next_pairs(tx, kind, (upto or 0) if by == present else 0, BATCH)
    desk = Desk(tx, house, "mapping.reread")
    desk.load(ids)
    changed = [
        row
        for row in (desk.rows[id_] for id_ in ids if id_ in desk.rows)
        if reread(row.pair, house.mappings[kind], lambda side, r, row=row: withheld(house, (side, kind), r, row))  # type: ignore[misc]  # lambda defaults are untyped
    ]
    for row in changed:
        replan(desk, row)
    desk.put_back(**({"kind": kind, "reread": len(changed)} if changed else {}))
    versions.set_read_by(tx, kind, present, ids[-1] if len(ids) == BATCH else None)
    return len(ids) == BATCH


def _let_go_returned(tx: Transaction, house: House) -> None:
    """A mapping that is again as it was approved needs nobody's word."""
    approved, now = versions.known(tx, "approved"), house.clock.now()
    for one in brakes.standing(tx):
        known = approved.get(one.kind)
        if one.code != CODE or one.kind not in house.mappings or known is None:
            continue
        if known.hash == kind_hash(house.mappings[one.kind].rule):
            brakes.release(tx, [one], "", now)
            ledgers.tell(tx, now, "brake-ok", "", one.kind, CODE)
            journal.append(tx, house.writer, now, {"act": "mapping.returned", "kind": one.kind}, [])


def approve(tx: Transaction, house: House, kinds: list[str], actor: str) -> list[str]:
    """A person agrees with the present versions: what they planned is sent. The kinds that were waiting."""
    now, waiting = house.clock.now(), versions.known(tx, "waiting")
    agreed = [kind for kind in kinds if kind in waiting]
    for kind in agreed:
        versions.retire(tx, kind, "approved")
        versions.keep(tx, _version(house, kind, "approved", now, actor))
    standing = [one for one in brakes.standing(tx) if one.code == CODE and one.kind in agreed]
    brakes.release(tx, standing, actor, now)
    for kind in agreed:
        ledgers.tell(tx, now, "brake-ok", "", kind, CODE)
        entry = {"act": "mapping.apply", "kind": kind, "to": waiting[kind].hash[:12], "actor": actor}
        journal.append(tx, house.writer, now, entry, [])
    return agreed
