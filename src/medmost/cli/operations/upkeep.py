"""Stages, pauses, backups, the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.launch.check import check
from medmost.launch.verdicts import CheckFinding
from medmost.store import brakes, drift, journal, ledgers, versions
from medmost.store.transaction import Transaction
from medmost.sync import braking
from medmost.sync.braking import COUNTED
from medmost.sync.stages import check_stage


async def stage_show(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    found = await app.database.read(ledgers.stages)
    return 0, {
        kind: {"stage": stage, "brake": brake, "paused": paused} for kind, (stage, brake, paused) in found.items()
    }


async def stage_set(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    kind, stage = known_kinds(app, args["kind"])[0], check_stage(args["stage"])

    def write(tx: Transaction) -> None:
        ledgers.set_stage(tx, kind, stage)
        held = [one for one in brakes.standing(tx) if one.kind == kind and one.code in COUNTED]
        braking.release(tx, app.house, held, str(args.get("actor") or "operator"))
        entry = {"act": "stage.set", "kind": kind, "stage": stage, "actor": str(args.get("actor") or "operator")}
        journal.append(tx, app.house.writer, app.house.clock.now(), entry, [])

    await app.database.write(write)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    return 0, {kind: stage}


async def pause(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    kinds, paused = known_kinds(app, args.get("kind")), bool(args["paused"])

    def write(tx: Transaction) -> None:
        for kind in kinds:
            ledgers.set_paused(tx, kind, paused)
        entry = {"act": "pause" if paused else "resume", "kinds": kinds, "actor": str(args.get("actor") or "operator")}
        journal.append(tx, app.house.writer, app.house.clock.now(), entry, [])

    await app.database.write(write)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    return 0, {"paused" if paused else "resumed": kinds}


async def backup(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    await app.database.backup(Path(str(args["file"])))
    return 0, {"file": str(args["file"])}


async def check_ends(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    """Both ends, as `medmost check` shows them."""
    environment = app.config.environment.name
    report = await check(app.house.mappings, app.systems, environment=environment, subscribe=app.subscribe)
    report.findings += await app.database.read(_standing)
    return report.exit_code, report.as_json()


def _standing(tx: Transaction) -> list[CheckFinding]:
    """A changed mapping that waits for a person, fields held because their system shows them in another way."""
    waiting = [
        CheckFinding(
            code="MM-CHECK-MAPPING", severity="warning", system="", kind=kind,
            ru=f"таблица вида {kind} изменилась и ждёт согласия", en=f"the mapping of {kind} has changed and waits",
            todo_ru="medmost mapping diff, затем medmost mapping apply",
            todo_en="medmost mapping diff, then medmost mapping apply",
        )
        for kind in versions.known(tx, "waiting")
    ]  # fmt: skip
    held = [
        CheckFinding(
            code="MM-CHECK-DRIFT", severity="warning", system=one.system, kind=one.kind,
            ru=f"{one.system} {one.kind}: поле {one.field} задержано, форма записей изменилась",
            en=f"{one.system} {one.kind}: the field {one.field} is held, the shape of records has changed",
            todo_ru="medmost mapping drift", todo_en="medmost mapping drift",
        )
        for one in drift.standing(tx)
        if one.risk == "breaking"
    ]  # fmt: skip
    return waiting + held


async def journal_verify(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    broken = await app.database.read(lambda tx: journal.verify(tx, app.house.cipher))
    return (1 if broken else 0), {"broken": broken}
