"""Brakes at work: what one pass shows is counted, and too much of it stops the kind before more is carried (design §9).

The arithmetic is `domain.guard`; here are the numbers it is given. A hold commits together with the page that tripped
it: what the page planned stays in its delivery rows and waits.
"""

from __future__ import annotations

from medmost.domain import guard
from medmost.domain.guard import Verdict
from medmost.domain.record import Side
from medmost.store import brakes, journal, ledgers
from medmost.store.ledgers import Tally
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk
from medmost.sync.house import House

VERSIONS = "MM-BRAKE-VERSIONS"
RULES, CANARY = "MM-BRAKE-RULES", "MM-BRAKE-CANARY"
LOOKED_AT, PRESENT = "rules.looked_at", "rules.present"
COUNTED = ("MM-BRAKE-DELETES", "MM-BRAKE-CHANGES", "MM-BRAKE-EMPTY", VERSIONS)
"""Brakes that numbers trip: who sets the kind's stage has looked at them."""


def judge(desk: Desk) -> None:
    """After a page: counts what it brought since its side's pass began. Expiring kinds forget by themselves."""
    for (side, kind), seen in desk.tallies.items():
        if not any(seen) or desk.house.kind(kind).expires:
            continue
        so_far = ledgers.tally(desk.tx, side.value, kind, Tally(*seen))
        least = desk.house.deletes.least, desk.house.changes.least
        if max(so_far.deletes, so_far.older) <= least[0] and so_far.changes <= least[1]:
            continue  # far below any limit: nothing need be counted in the state
        known = known_at(desk.tx, kind)
        for verdict in _verdicts(desk.house, so_far, known):
            if verdict.stops:
                hold(desk, verdict, side, kind)


def _verdicts(house: House, seen: Tally, known: int) -> tuple[Verdict, ...]:
    back = guard.deletes(seen.older, known, house.deletes)
    restored = Verdict(VERSIONS, back.why.replace("deletes", "versions")) if back.stops else guard.FINE
    many = guard.deletes(seen.deletes, known, house.deletes)
    return many, guard.mass_change(seen.changes, known, house.changes), restored


def known_at(tx: Transaction, kind: str) -> int:
    """Live pairs of a kind."""
    row = tx.execute("SELECT COUNT(*) FROM pair WHERE kind = ? AND state != 'closed'", (kind,)).fetchone()
    return int(row[0])


def hold(desk: Desk, verdict: Verdict, side: Side | None, kind: str) -> None:
    """In a desk's transaction: holds, calls a person once, and leaves a word in the journal."""
    system = side.value if side is not None else ""
    if brakes.hold(desk.tx, verdict.code, system=system, kind=kind, detail=verdict.why, at=desk.now):
        desk.tell("brake", system, kind, verdict.code)
        desk.noted["brake"] = f"{verdict.code} {system} {kind} {verdict.why}".strip()


def hold_at_once(tx: Transaction, house: House, verdict: Verdict, side: Side | None, kind: str = "") -> bool:
    """The same in a transaction of its own. False where it stood already."""
    system, now = side.value if side is not None else "", house.clock.now()
    if not brakes.hold(tx, verdict.code, system=system, kind=kind, detail=verdict.why, at=now):
        return False
    ledgers.tell(tx, now, "brake", system, kind, verdict.code)
    entry = {"act": "brake", "code": verdict.code, "system": system, "kind": kind, "why": verdict.why}
    journal.append(tx, house.writer, now, entry, [])
    return True


def release(tx: Transaction, house: House, held: list[brakes.Brake], actor: str) -> None:
    """A person has looked: the kinds go on, and the counting begins anew."""
    now = house.clock.now()
    brakes.release(tx, held, actor, now)
    for one in held:
        ledgers.tell(tx, now, "brake-ok", one.system, one.kind, one.code)
        ledgers.forget_tally(tx, one.system, one.kind)
        if one.code == RULES:
            accept_rules(tx)
        elif one.code == CANARY:
            _accept_canaries(tx, one.system)
        entry = {"act": "brakes.release", "code": one.code, "system": one.system, "kind": one.kind, "actor": actor}
        journal.append(tx, house.writer, now, entry, [])


def accept_rules(tx: Transaction) -> None:
    """A person has looked at the settings as they are now."""
    present = ledgers.setting(tx, PRESENT)
    if present is not None:
        ledgers.set_setting(tx, LOOKED_AT, present)


def _accept_canaries(tx: Transaction, system: str) -> None:
    """A person has looked: the canary is taken as it is read next."""
    tx.execute("DELETE FROM setting WHERE name LIKE ?", (f"canary.{system}.%",))


def known_here(tx: Transaction, side: Side, kind: str) -> int:
    """Records of a kind that a side is known to hold."""
    column = "g_presence" if side is Side.GOSUSLUGI else "e_presence"
    query = f"SELECT COUNT(*) FROM pair WHERE kind = ? AND state != 'closed' AND {column} = 'here'"  # noqa: S608  # constants
    row = tx.execute(query, (kind,)).fetchone()
    return int(row[0])


def whole_reading(tx: Transaction, house: House, side: Side, kind: str, listed: int, known: int) -> None:
    """A reading from the very beginning listed so many live records: where far more were known, a person is asked.

    `known`: before it began; what we created there while it went on may be missing from its pages.
    """
    verdict = guard.emptied(listed, min(known, known_here(tx, side, kind)))  # tombstones that it showed are known now
    if verdict.stops and not house.kind(kind).expires:
        hold_at_once(tx, house, verdict, side, kind)
