"""The state of everything in numbers and opaque ids (contracts §4). Nothing personal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from medmost.domain.record import BOTH
from medmost.store import brakes, conflicts, deliveries, drift, ledgers
from medmost.store.transaction import Transaction
from medmost.sync.engine import Engine
from medmost.sync.house import House
from medmost.systems.contract import Health

STATES = ("level", "behind", "conflict", "invalid", "ambiguous", "quarantined", "refused", "no_consent", "foreign")
NAMED = ("conflict", "invalid", "foreign", "refused", "ambiguous", "quarantined")
NAMED_LIMIT = 1000
BLOCKING = ("behind", "refused", "ambiguous", "quarantined")


def kinds_status(tx: Transaction, house: House, next_poll: dict[str, float]) -> dict[str, Any]:
    """Per kind: stage, counts by state, freshness, and the records that need a person, by wire id."""
    now = house.clock.now()
    stages, passes = ledgers.stages(tx), ledgers.passes(tx)
    counts: dict[str, dict[str, int]] = {}
    for kind, state, number in tx.execute("SELECT kind, state, COUNT(*) FROM pair GROUP BY kind, state"):
        counts.setdefault(kind, {})[state] = number
    found: dict[str, Any] = {}
    for kind in house.mappings:
        here = counts.get(kind, {})
        stage, brake, paused = stages.get(kind, ("observe", "", False))
        ends = [passes.get((side.value, kind)) for side in BOTH]
        oldest = None if None in ends else min(end for end in ends if end is not None)
        found[kind] = {
            "stage": stage,
            "pairs": sum(here.get(state, 0) for state in STATES),
            **{state: here.get(state, 0) for state in STATES},
            "freshness_seconds": None if oldest is None else max(0, round(now - oldest)),
            "next_poll_seconds": max(0, round(next_poll[kind] - now)) if kind in next_poll else None,
            "brake": brake,
            "paused": paused,
            "named": _named(tx, kind),
        }
    return found


def _named(tx: Transaction, kind: str) -> dict[str, list[dict[str, str | None]]]:
    found: dict[str, list[dict[str, str | None]]] = {}
    for state in NAMED:
        query = "SELECT g_ref, e_ref FROM pair WHERE kind = ? AND state = ? ORDER BY id LIMIT ?"
        rows = tx.execute(query, (kind, state, NAMED_LIMIT)).fetchall()
        if rows:
            found[state] = [{"gosuslugi": g, "emias": e} for g, e in rows]
    return found


def brakes_status(tx: Transaction) -> list[dict[str, Any]]:
    """What stands still until a person has looked. Nothing in place of a kind: all of them."""
    return [
        {
            "id": one.id,
            "code": one.code,
            "system": one.system,
            "kind": one.kind,
            "why": one.detail,
            "since": datetime.fromtimestamp(one.opened_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for one in brakes.standing(tx)
    ]


def drift_status(tx: Transaction) -> list[dict[str, Any]]:
    """Fields that are held because their system's shape has changed."""
    return [
        {
            "id": one.id,
            "code": f"MM-DRIFT-{one.what.upper()}",
            "system": one.system,
            "kind": one.kind,
            "field": one.field,
            "at": one.at,
            "moved_to": one.moved_to,
            "since": datetime.fromtimestamp(one.found_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for one in drift.standing(tx)
        if one.risk == "breaking"
    ]


def healths_status(healths: dict[str, Health]) -> dict[str, Any]:
    return {
        name: {
            "reachable": health.reachable,
            "breaker": health.breaker,
            "token_seconds": health.token_seconds,
            "certificate_days": health.certificate_days,
            "calls_per_minute": health.calls_per_minute,
            "retries_per_minute": health.retries_per_minute,
            "retries_held_back": health.retries_held_back,
            "last_ok": health.last_ok,
            "skew_seconds": health.skew_seconds,
            "signer": health.signer,
            "warning": health.warning,
            "warning_en": health.warning_en,
        }
        for name, health in healths.items()
    }


async def status(engine: Engine) -> dict[str, Any]:
    """Everything at once. `healthy`: both systems answer, nothing is dead, no brake is on, no field is held."""
    house, database = engine.house, engine.database
    now = house.clock.now()
    next_poll: dict[str, float] = {}
    for (_, kind), at in engine.next_poll.items():
        next_poll[kind] = min(at, next_poll.get(kind, at))
    stale = engine.freshness.stale

    def look(tx: Transaction) -> dict[str, Any]:
        return {
            "kinds": kinds_status(tx, house, next_poll),
            "brakes": brakes_status(tx),
            "drift": drift_status(tx),
            "deliveries": deliveries.pending(tx),
            "decided_conflicts": conflicts.decided_count(tx),
            "oldest_delivery_seconds": _oldest(tx, now),
        }

    told = await database.read(look)
    told["queue"] = {"broker": "embedded", "code": None} if engine.relay is None else engine.relay.status()
    healths = {side.value: system.health() for side, system in engine.systems.items()}
    systems = healths_status(healths)
    for kind, numbers in told["kinds"].items():
        numbers["stale"] = sorted(side.value for side in BOTH if (side, kind) in stale)
    for side in BOTH:
        systems[side.value]["maintenance"] = house.resting(side)
        systems[side.value]["reachable"] = systems[side.value]["reachable"] and engine.reachable[side]
    healthy = (
        all(system["reachable"] for system in systems.values())
        and told["deliveries"]["dead"] == 0
        and not told["brakes"]
        and not told["drift"]
    )
    return {"healthy": healthy, "systems": systems, **told}


def is_level(told: dict[str, Any]) -> bool:
    """Nothing is behind or parked. Conflicts, invalid and foreign records wait for a person by their nature."""
    quiet = not any(told["deliveries"].values())
    return quiet and not any(kind[state] for kind in told["kinds"].values() for state in BLOCKING)


def _oldest(tx: Transaction, now: float) -> int:
    row = tx.execute("SELECT MIN(first_at) FROM delivery").fetchone()
    return 0 if row[0] is None else max(0, round(now - row[0]))
