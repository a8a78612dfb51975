"""What has drifted at the systems, a proposal for the mapping, and codes that no dictionary has."""

from __future__ import annotations

from typing import Any

import msgspec

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping.drift import Finding
from medmost.mapping.language import KindRule, RowField
from medmost.mapping.patch import propose
from medmost.store import drift
from medmost.store.drift import Drifted
from medmost.store.transaction import Transaction
from medmost.sync import doubt
from medmost.sync.desk import Desk
from medmost.sync.holding import end


async def drift_list(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    """Standing findings, the patches they propose by kind, unknown codes. 1 where a field is held."""
    found = await app.database.read(drift.standing)
    codes = await app.database.read(drift.unknown_codes)
    told = [
        {
            "id": one.id, "system": one.system, "kind": one.kind, "field": one.field, "at": one.at, "what": one.what,
            "risk": one.risk, "moved_to": one.moved_to, "formats": one.formats, "since": one.found_at,
        }
        for one in found
    ]  # fmt: skip
    held = any(one.risk == "breaking" for one in found)
    return (1 if held else 0), {"findings": told, "patches": _patches(app, found), "codes": codes}


async def crosswalk_list(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A crosswalk: the fields that use it, and the codes met there that it does not have. 1 where there are any."""
    name = str(args["name"])
    used = {
        (mapping.rule.kind, field): rule
        for mapping in app.house.mappings.values()
        for field, rule in _fields_of(mapping.rule)
        if rule.crosswalk == name
    }
    met = [one for one in await app.database.read(drift.unknown_codes) if (one["kind"], one["field"]) in used]
    unknown = []
    for one in met:
        codes = used[str(one["kind"]), str(one["field"])].codes.values()
        if str(one["code"]) not in {str(wire) for rule in codes for wire in rule.wire(Side(str(one["system"])))}:
            unknown.append(one)
    return (1 if unknown else 0), {"fields": [f"{kind}.{field}" for kind, field in used], "unknown": unknown}


def _fields_of(rule: KindRule) -> list[tuple[str, RowField]]:
    """Fields by name, rows of lists as ``list[].row``."""
    rows = [(f"{field.name}[].{row.name}", row) for field in rule.fields for row in field.rows]
    return [*((field.name, field) for field in rule.fields), *rows]


def _patches(app: App, found: list[Drifted]) -> dict[str, str]:
    """Kind -> an overlay, for the kinds that the mapping can follow."""
    patches = {}
    for kind in dict.fromkeys(one.kind for one in found):
        if kind in app.house.mappings:
            told = [(Side(one.system), _finding(one)) for one in found if one.kind == kind]
            text = propose(app.house.mappings[kind].rule, told)
            if text is not None:
                patches[kind] = text
    return patches


def _finding(one: Drifted) -> Finding:
    told = {"what": one.what, "risk": one.risk, "field": one.field, "at": one.at, "to": one.moved_to}
    return msgspec.convert({**told, "formats": [name for name in one.formats.split(",") if name]}, Finding)


async def drift_end(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A person says that a finding is over: its field is carried again. Raises Fatal for an id that stands nowhere."""
    ids, actor = [int(id_) for id_ in args["ids"]], str(args.get("actor") or "operator")

    def close(tx: Transaction) -> None:
        found = [one for one in drift.standing(tx) if one.id in ids]
        for id_ in ids:
            if id_ not in {one.id for one in found}:
                raise Fatal("MM-CLI-DRIFT", f"Находки {id_} нет: см. medmost mapping drift",
                            f"there is no finding {id_}: see medmost mapping drift")  # fmt: skip
        desk = Desk(tx, app.house, "drift.end")
        end(desk, found, actor)
        for one in found:
            doubt.over(desk, (Side(one.system), one.kind), one.field)
        desk.put_back(actor=actor)

    await app.database.write(close)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"ended": ids}
