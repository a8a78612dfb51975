"""What commands do, given an open app. The same functions serve a command of its own and the running process."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain import pairing
from medmost.domain.errors import Fatal
from medmost.domain.merge import merge
from medmost.domain.record import BOTH, Side
from medmost.store import conflicts, journal, ledgers, links, pairs
from medmost.sync.desk import Desk
from medmost.sync.linked import close_link, read_backlog
from medmost.sync.poll import Passed
from medmost.sync.replan import replan
from medmost.sync.stages import check_stage
from medmost.sync.status import is_level, status

Operation = Callable[[App, dict[str, Any], Progress], Awaitable[tuple[int, Any]]]
LINK_BATCH = 200


def _wrong(code: str, ru: str, en: str) -> Fatal:
    return Fatal(code, ru, en)


def known_kinds(app: App, kind: str | None) -> list[str]:
    """All kinds, or the one that was named. Raises Fatal for an unknown one."""
    if kind is None:
        return list(app.house.mappings)
    if kind not in app.house.mappings:
        allowed = ", ".join(app.house.mappings)
        raise _wrong("MM-CLI-KIND", f"Нет такого вида: {kind}; есть {allowed}", f"no kind {kind}; there are {allowed}")
    return [kind]


# ---------------------------------------------------------------- looking
async def op_status(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    told = await status(app.engine)
    return (0 if told["healthy"] and is_level(told) else 1), told


async def op_pairs_show(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Both sides now and settled, what would be done and why, the story. Values are shown only on request."""
    kind = app.house.kind(known_kinds(app, args["kind"])[0])
    key = "\x1f".join(part.strip() for part in str(args["key"]).split("|"))
    index = app.house.cipher.blind(f"key {kind.name}", key)

    def look(tx: sqlite3.Connection) -> list[dict[str, Any]]:
        ids = pairs.ids_by_keys(tx, kind.name, [index]).get(index, [])
        rows = pairs.by_ids(tx, app.house.cipher, ids)
        return [_pair_card(tx, row, kind, bool(args.get("values"))) for row in rows.values()]

    found = await app.database.read(look)
    if not found:
        raise _wrong("MM-CLI-NOPAIR", "Такой записи нет среди пар", "there is no pair with this key")
    return 0, found


def _pair_card(tx: sqlite3.Connection, row: pairs.PairRow, kind: Any, values: bool) -> dict[str, Any]:
    merged = merge(row.pair, kind)
    sides: dict[str, Any] = {}
    for side in BOTH:
        state = row.pair.side(side)
        sides[side.value] = {
            "ref": state.ref,
            "version": state.version,
            "presence": state.presence,
            "unanswered": state.sent.op if state.sent else None,
            "problems": [f"{problem.field}: {problem.reason}" for problem in state.problems],
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


# ---------------------------------------------------------------- moving records
async def op_sync(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Polls both sides now and delivers until quiet."""
    passed = await app.engine.poll_once(known_kinds(app, args.get("kind")))
    return await _deliver_all(app, passed, progress)


async def op_migrate(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
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
        if not app.engine.running:
            await app.engine.until_quiet()
        else:
            await app.engine.quiet()
    finally:
        reporting.cancel()
    told = await status(app.engine)
    errors = {f"{kind} {side}": one.error.code for (side, kind), one in passed.items() if one.error}
    read = sum(one.read for one in passed.values())
    return (0 if is_level(told) and not errors else 1), {"read": read, "errors": errors, "status": told}


# ---------------------------------------------------------------- conflicts
async def op_conflicts_list(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    state = str(args.get("state") or "open")
    found = await app.database.read(lambda tx: conflicts.listed(tx, app.house.cipher, state))
    rows = []
    for one in found:
        row = {"id": one.id, "kind": one.kind, "field": one.field, "pair": one.pair, "state": one.state}
        row |= {"versions": [one.g_version, one.e_version], "decided_by": one.decided_by}
        if args.get("values"):
            row |= {"gosuslugi": one.gosuslugi, "emias": one.emias}
        rows.append(row)
    return 0, rows


async def op_conflicts_resolve(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A person's answer; refused when either side has changed since the conflict was shown."""
    id_, take, value = int(args["id"]), args.get("take"), args.get("value")

    def decide(tx: sqlite3.Connection) -> None:
        one = conflicts.by_id(tx, app.house.cipher, id_)
        if one is None or one.state != "open":
            raise _wrong("MM-CONFLICT-GONE", f"Открытого расхождения {id_} нет", f"there is no open conflict {id_}")
        desk = Desk(tx, app.house, "conflict.resolve")
        desk.load([one.pair])
        row = desk.rows[one.pair]
        if (row.pair.gosuslugi.version, row.pair.emias.version) != (one.g_version, one.e_version):
            raise _wrong(
                "MM-CONFLICT-STALE",
                "Запись с тех пор изменилась: посмотрите расхождение ещё раз",
                "the record has changed since: look at the conflict again",
            )
        chosen = value
        if take:
            chosen = (row.pair.side(Side(take)).now or {}).get(one.field)
        elif args.get("field") != one.field:
            raise _wrong("MM-CONFLICT-FIELD", f"Расходится поле {one.field}", f"the conflict is about {one.field}")
        if one.field == "*":
            _decide_presence(row, take)
        else:
            pairing.decide(row.pair, one.field, chosen)
        conflicts.resolve(tx, id_, str(args.get("actor") or "operator"), desk.now)
        desk.open_conflicts.get(one.pair, {}).pop(one.field, None)
        replan(desk, row)
        desk.put_back(conflict=id_, actor=str(args.get("actor") or "operator"), field=one.field)

    await app.database.write(decide)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"resolved": id_}


def _decide_presence(row: pairs.PairRow, take: str | None) -> None:
    """Deleted at one side, changed at the other: follow the one or the other."""
    if take is None:
        raise _wrong("MM-CONFLICT-FIELD", "Здесь можно только --take", "only --take decides this one")
    kept = Side(take)
    if row.pair.side(kept).presence == "here":
        pairing.reborn(row.pair, kept.other)
    else:
        state = row.pair.side(kept.other)
        state.settled = dict(state.now or {})
        row.pair.side(kept).sent = None


# ---------------------------------------------------------------- links
async def op_link_add(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    return await op_link_import(app, {"rows": [args]}, progress)


async def op_link_import(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Links accounts to policies on consents given on paper, and reads what had gathered for them."""
    rows = list(args["rows"])
    added: list[int] = []
    refused = 0
    for start in range(0, len(rows), LINK_BATCH):
        part = rows[start : start + LINK_BATCH]
        ids, patients = await app.database.write(lambda tx, part=part: _add_links(tx, app, part))  # type: ignore[misc]  # lambda defaults are untyped
        added += ids
        refused += len(part) - len(ids)
        await read_backlog(app.house, app.database, app.engine.pollers, patients)
        progress("links", min(start + LINK_BATCH, len(rows)), len(rows))
    if added and not app.engine.running and args.get("deliver"):
        await app.engine.until_quiet()
    return (0 if not refused else 1), {"linked": added, "refused": refused}


def _add_links(tx: sqlite3.Connection, app: App, rows: list[dict[str, Any]]) -> tuple[list[int], list[bytes]]:
    now, ids, patients = app.house.clock.now(), [], []
    for row in rows:
        policy, oid, consent = (
            str(row["policy_number"]).strip(),
            str(row["oid"]).strip(),
            dict(row.get("consent") or {}),
        )
        text = orjson.dumps(consent, option=orjson.OPT_SORT_KEYS)
        id_ = links.add(
            tx,
            app.house.cipher,
            account=oid,
            policy_number=policy,
            consent=consent,
            consent_hash=hashlib.sha256(text).hexdigest(),
            at=now,
        )
        if id_ is not None:
            ids.append(id_)
            patients.append(links.patient_index(app.house.cipher, policy))
    if ids:
        journal.append(tx, app.house.writer, now, {"act": "link.add", "links": ids}, [])
    return ids, patients


async def op_link_list(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    found = await app.database.read(lambda tx: links.listed(tx, app.house.cipher))
    return 0, [
        {
            "id": one.id,
            "state": one.state,
            "oid": one.account,
            "policy_number": one.policy_number if args.get("values") else masked(one.policy_number),
            "created_at": one.created_at,
        }
        for one in found
    ]


def masked(key: str) -> str:
    return f"{key[:2]}{'*' * max(len(key) - 6, 4)}{key[-4:]}"


async def op_link_revoke(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    actor, id_ = str(args.get("actor") or "operator"), int(args["id"])
    ended = await app.database.write(lambda tx: close_link(tx, app.house, id_, actor))
    if not ended:
        raise _wrong("MM-LINK-NONE", f"Действующей привязки {id_} нет", f"there is no active link {id_}")
    return 0, {"revoked": id_}


# ---------------------------------------------------------------- stages, pauses, upkeep
async def op_stage_show(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    found = await app.database.read(ledgers.stages)
    return 0, {
        kind: {"stage": stage, "brake": brake, "paused": paused} for kind, (stage, brake, paused) in found.items()
    }


async def op_stage_set(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    kind, stage = known_kinds(app, args["kind"])[0], check_stage(args["stage"])

    def write(tx: sqlite3.Connection) -> None:
        ledgers.set_stage(tx, kind, stage)
        ledgers.set_brake(tx, kind, "")
        entry = {"act": "stage.set", "kind": kind, "stage": stage, "actor": str(args.get("actor") or "operator")}
        journal.append(tx, app.house.writer, app.house.clock.now(), entry, [])

    await app.database.write(write)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    return 0, {kind: stage}


async def op_pause(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    kinds, paused = known_kinds(app, args.get("kind")), bool(args["paused"])

    def write(tx: sqlite3.Connection) -> None:
        for kind in kinds:
            ledgers.set_paused(tx, kind, paused)
        entry = {"act": "pause" if paused else "resume", "kinds": kinds, "actor": str(args.get("actor") or "operator")}
        journal.append(tx, app.house.writer, app.house.clock.now(), entry, [])

    await app.database.write(write)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    return 0, {"paused" if paused else "resumed": kinds}


async def op_backup(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    await app.database.backup(Path(str(args["file"])))
    return 0, {"file": str(args["file"])}


async def op_journal_verify(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    broken = await app.database.read(lambda tx: journal.verify(tx, app.house.cipher))
    return (1 if broken else 0), {"broken": broken}


OPERATIONS: dict[str, Operation] = {
    "status": op_status,
    "pairs.show": op_pairs_show,
    "sync": op_sync,
    "migrate": op_migrate,
    "conflicts.list": op_conflicts_list,
    "conflicts.resolve": op_conflicts_resolve,
    "link.import": op_link_import,
    "link.list": op_link_list,
    "link.revoke": op_link_revoke,
    "stage.show": op_stage_show,
    "stage.set": op_stage_set,
    "pause": op_pause,
    "backup": op_backup,
    "journal.verify": op_journal_verify,
}
"""Every operation by name: what the control socket offers and what commands call."""


async def operate(app: App, name: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Runs one operation. Raises Fatal for a name that is none."""
    if name not in OPERATIONS:
        raise _wrong("MM-CLI-OPERATION", f"Нет такой операции: {name}", f"no such operation: {name}")
    return await OPERATIONS[name](app, args, progress)
