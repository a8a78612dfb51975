"""Looking at records, moving them, comparing them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import orjson

from medmost.app import App
from medmost.audit.compare import audit
from medmost.audit.repair import repair
from medmost.audit.report import check_target, write_report
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.domain.errors import Fatal
from medmost.domain.merge import merge
from medmost.domain.record import BOTH, Problem, Side
from medmost.store import journal, pairs
from medmost.store.transaction import Transaction
from medmost.sync.poll import Passed
from medmost.sync.status import is_level, status


async def show_status(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    if not app.engine.running:  # nobody has called either system yet: whether they answer has to be asked
        await asyncio.gather(*(system.probe() for system in app.systems.values()))
    told = await status(app.engine)
    return (0 if told["healthy"] and is_level(told) else 1), told


async def pairs_show(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Both sides now and settled, what would be done and why, the story. Values are shown only on request."""
    kind = app.house.kind(known_kinds(app, args["kind"])[0])
    key = "\x1f".join(part.strip() for part in str(args["key"]).split("|"))
    index = app.house.cipher.blind(f"key {kind.name}", key)

    def look(tx: Transaction) -> list[dict[str, Any]]:
        ids = pairs.ids_by_keys(tx, kind.name, [index]).get(index, [])
        rows = pairs.by_ids(tx, app.house.cipher, ids)
        return [pair_card(tx, row, kind, bool(args.get("values"))) for row in rows.values()]

    found = await app.database.read(look)
    if not found:
        raise Fatal("MM-CLI-NOPAIR", "Такой записи нет среди пар", "there is no pair with this key")
    return 0, found


def pair_card(tx: Transaction, row: pairs.PairRow, kind: Any, values: bool) -> dict[str, Any]:
    merged = merge(row.pair, kind)
    sides: dict[str, Any] = {}
    for side in BOTH:
        state = row.pair.side(side)
        sides[side.value] = {
            "ref": state.ref,
            "version": state.version,
            "presence": state.presence,
            "unanswered": state.sent.op if state.sent else None,
            "problems": [_told(problem) for problem in state.problems],
        }
        if values:
            sides[side.value] |= {"now": state.now, "settled": state.settled}
    return {
        "pair": row.pair.id,
        "kind": row.pair.kind,
        "state": row.state,
        "hold": row.pair.hold,
        "refused": row.pair.refused,
        "sides": sides,
        "would_do": {side.value: [plan.op, sorted(plan.fields)] for side, plan in merged.writes.items()},
        "conflicts": sorted(merged.conflicts),
        "story": [orjson.loads(entry) for entry in journal.story(tx, row.pair.id)],
    }


def _told(problem: Problem) -> str:
    allowed = f"; allowed: {problem.allowed}" if problem.allowed else ""
    return f"{problem.field}: {problem.reason} ({problem.value_class}{allowed})"


async def sync_now(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Polls both sides now and delivers until quiet."""
    passed = await app.engine.poll_once(known_kinds(app, args.get("kind")))
    return await _deliver_all(app, passed, progress)


async def migrate(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Reads both sides whole through absorb, then delivers. `dry_run` plans and sends nothing."""
    kinds = known_kinds(app, args.get("kind"))
    passed: dict[tuple[Side, str], Passed] = {}
    for kind in kinds:
        for side in BOTH:
            passed[side, kind] = await app.engine.pollers[side].one_pass(kind)
            progress(f"{kind} {side}", passed[side, kind].read, passed[side, kind].read)
    if args.get("dry_run"):
        told = await status(app.engine)
        return 0, {"planned": told["deliveries"]["due"], "kinds": told["kinds"]}
    return await _deliver_all(app, passed, progress)


async def _until_delivered(app: App) -> None:
    if app.engine.running:
        await app.engine.quiet()
    else:
        await app.engine.until_quiet()


async def _deliver_all(app: App, passed: dict[tuple[Side, str], Passed], progress: Progress) -> tuple[int, Any]:
    async def report() -> None:
        most = 0
        while True:
            told = await app.database.read(
                lambda tx: tx.execute("SELECT COUNT(*) FROM delivery WHERE state != 'dead'").fetchone()[0]
            )
            most = max(most, told)
            progress("deliveries", most - told, most)
            await asyncio.sleep(0.5)

    reporting = asyncio.create_task(report())
    try:
        await _until_delivered(app)
    finally:
        reporting.cancel()
    told = await status(app.engine)
    errors = {f"{kind} {side}": one.error.code for (side, kind), one in passed.items() if one.error}
    read = sum(one.read for one in passed.values())
    return (0 if is_level(told) and not errors else 1), {"read": read, "errors": errors, "status": told}


async def audit_now(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Compares both systems afresh. What a person has on the list already is known, anything else is a finding."""
    kinds = known_kinds(app, args.get("kind"))
    target = check_target(Path(str(args["report"]))) if args.get("report") else None
    report = await audit(app.house, app.database, app.systems, kinds, progress, mapping=app.mapping_hash)
    told = report.as_json()
    if target is not None:
        titles = {name: mapping.kind for name, mapping in app.house.mappings.items()}
        write_report(report, target, titles, "en" if args.get("lang") == "en" else "ru")
        told["report"] = target.name
    if args.get("repair") and report.findings:
        repaired = await repair(app.house, app.database, app.systems, report.findings)
        app.bell.ring("deliver.gosuslugi", "deliver.emias")
        await _until_delivered(app)
        told["repaired"] = msgspec.to_builtins(repaired)
        return (1 if repaired.left else 0), told
    return report.exit_code, told
