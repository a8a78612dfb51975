"""Versions of mappings: what another one would change, and a person's word for the one that waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.cli.trying import trial_json
from medmost.domain.errors import Fatal
from medmost.domain.merge import merge
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.sheet import tables
from medmost.mapping.trial import try_record
from medmost.mapping.version import changes
from medmost.store import pairs, versions
from medmost.store.transaction import Transaction
from medmost.sync.difference import KindDifference, rule_differences, weigh
from medmost.sync.versions import approve


async def mapping_diff(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """The mappings at work against those of a folder, or, without one, the approved ones against those at work.

    1 where they differ. Raises Fatal MM-MAP-… for files that do not load, MM-CLI-FILE for a folder that is not there.
    """
    if not args.get("other"):
        found = await app.database.read(lambda tx: _waiting(tx, app))
        return (1 if found else 0), msgspec.to_builtins(found)
    new, found = load_mappings(_kinds_of(Path(str(args["other"])))), []
    for done, one in enumerate(rule_differences(app.house.mappings, new)):
        progress(one.kind, done, None)
        if one.was and one.now:
            old = app.house.mappings[one.kind]
            await app.database.read(lambda tx, one=one, old=old: weigh(tx, app.house.cipher, old, new[one.kind], one))  # type: ignore[misc]  # lambda defaults are untyped
        found.append(one)
    return (1 if found else 0), msgspec.to_builtins(found)


def _kinds_of(folder: Path) -> Path:
    """A folder of mapping files, or a configuration folder that has one. Raises Fatal where there is neither."""
    if not folder.is_dir():
        raise Fatal("MM-CLI-FILE", f"{folder}: такой папки нет", f"{folder}: there is no such folder")
    return folder / "kinds" if (folder / "kinds").is_dir() else folder


def _waiting(tx: Transaction, app: App) -> list[KindDifference]:
    """The versions that wait for a person, with what they have planned already."""
    approved, found = versions.known(tx, "approved"), []
    for kind, version in versions.known(tx, "waiting").items():
        was = approved[kind]
        rules = changes(msgspec.json.decode(was.rule), msgspec.json.decode(version.rule))
        found.append(_planned(tx, app, KindDifference(kind=kind, was=was.hash, now=version.hash, rules=rules)))
    return found


def _planned(tx: Transaction, app: App, found: KindDifference) -> KindDifference:
    """What is owed now: the stored records were read by the new version at start."""
    kind, sums = app.house.kind(found.kind), dict[str, int]()
    rows = tx.execute("SELECT DISTINCT pair FROM delivery WHERE kind = ?", (found.kind,)).fetchall()
    count = "SELECT COUNT(*) FROM pair WHERE kind = ? AND state != 'closed'"
    found.pairs = tx.execute(count, (found.kind,)).fetchone()[0]
    for row in pairs.by_ids(tx, app.house.cipher, [one[0] for one in rows]).values():
        told = [
            f"carry {side.value} {name}" if plan.op == "put" else f"{plan.op} {side.value}"
            for side, plan in merge(row.pair, kind).writes.items()
            for name in (plan.fields if plan.op == "put" else ("",))
        ]
        found.changed += bool(told)
        for one in dict.fromkeys(told):
            sums[one] = sums.get(one, 0) + 1
    found.outcomes = dict(sorted(sums.items()))
    return found


async def mapping_apply(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A person agrees with the mappings at work; what they planned is sent. 0 also where nothing waited."""
    kinds, actor = known_kinds(app, args.get("kind")), str(args.get("actor") or "operator")
    agreed = await app.database.write(lambda tx: approve(tx, app.house, kinds, actor))
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if agreed and not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"applied": agreed}


async def mapping_tables(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """The mappings at work as people read them, a table per kind, in `lang`."""
    lang = "en" if args.get("lang") == "en" else "ru"
    compiled = {kind: one for kind, one in app.house.mappings.items() if isinstance(one, CompiledMapping)}
    return 0, msgspec.to_builtins(tables(compiled, lang))


async def mapping_try(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A record of one's own through the mapping and back; 1 where it does not fit. Nothing is kept."""
    mapping = app.house.mappings[known_kinds(app, str(args["kind"]))[0]]
    if args.get("side") not in tuple(Side) or not isinstance(mapping, CompiledMapping):
        raise Fatal("MM-CLI-SIDE", "Сторона — gosuslugi или emias", "a side is gosuslugi or emias")
    trial = try_record(mapping, Side(args["side"]), args["document"], str(args.get("text") or ""))
    return (0 if trial.fits else 1), trial_json(trial)
