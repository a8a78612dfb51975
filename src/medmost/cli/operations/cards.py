"""What a screen shows of one record or one question: sides, what they settled on, the story; found by policy number.

Values are told only on request (`values`); without them a screen knows that there is something, not what.
"""

from __future__ import annotations

from typing import Any

import orjson

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.cli.operations.holds import pair_line
from medmost.cli.operations.records import pair_card
from medmost.domain.errors import Fatal
from medmost.domain.record import BOTH
from medmost.mapping.compiler import CompiledMapping
from medmost.store import conflicts, journal, pairs, patients
from medmost.store.links import patient_index
from medmost.store.transaction import Transaction

A_PAGE = 50


async def conflicts_page(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A page of conflicts of a state, oldest first: what about, whose (masked), since when. `after`: the last id seen.

    Exit code 1 where there are any. Raises Fatal for an unknown kind.
    """
    state, after = str(args.get("state") or "open"), int(args.get("after") or 0)
    kinds = known_kinds(app, args.get("kind") or None)

    def look(tx: Transaction) -> dict[str, Any]:
        found = conflicts.page(tx, app.house.cipher, state, kinds, after, A_PAGE + 1)
        rows = pairs.by_ids(tx, app.house.cipher, [one.pair for one in found])
        told = [
            {
                "id": one.id, "kind": one.kind, "field": one.field, "pair": one.pair, "state": one.state,
                "key": pair_line(rows[one.pair], app.house.kind(one.kind))["key"] if one.pair in rows else "",
                "since": one.opened_at, "decided_by": one.decided_by,
            }
            for one in found[:A_PAGE]
        ]  # fmt: skip
        more = told[-1]["id"] if len(found) > A_PAGE else None
        return {"rows": told, "count": conflicts.count(tx, state, kinds), "more": more}

    told = await app.database.read(look)
    return (1 if told["rows"] else 0), told


async def conflict_show(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """One conflict: settled, Gosuslugi, EMIAS, and if it was decided, by whom and how.

    Raises:
        Fatal MM-CLI-NOCONFLICT: there never was one with this id.
    """
    id_ = int(args["id"])

    def look(tx: Transaction) -> dict[str, Any]:
        one = conflicts.by_id(tx, app.house.cipher, id_)
        if one is None:
            raise Fatal("MM-CLI-NOCONFLICT", f"Расхождения {id_} нет", f"there is no conflict {id_}")
        row = pairs.by_ids(tx, app.house.cipher, [one.pair]).get(one.pair)
        now = conflicts.open_one(tx, app.house.cipher, one.pair, one.field) if one.state == "void" else None
        told: dict[str, Any] = {
            "id": one.id, "kind": one.kind, "field": one.field, "pair": one.pair, "state": one.state,
            "since": one.opened_at, "decided_by": one.decided_by, "decided_at": one.decided_at,
            "how": one.verdict.get("how"), "asked_anew": now.id if now else None,
            "key": pair_line(row, app.house.kind(one.kind))["key"] if row else "",
        }  # fmt: skip
        told["title"] = _title(app, one.kind, one.field)
        if row is not None:
            told["presence"] = {side.value: row.pair.side(side).presence for side in BOTH}
        if args.get("values"):
            told |= {"gosuslugi": one.gosuslugi, "emias": one.emias, "reason": one.verdict.get("reason")}
            told["settled"] = _settled(row, one.field)
        return told

    return 0, await app.database.read(look)


def _title(app: App, kind: str, field: str) -> dict[str, str]:
    """A field as its mapping calls it in both languages; its own name where no mapping knows it."""
    mapping = app.house.mappings.get(kind)
    rules = mapping.rule.fields if isinstance(mapping, CompiledMapping) else ()
    found = next((rule.title for rule in rules if rule.name == field), None)
    return {"ru": found.ru, "en": found.en} if found else {"ru": field, "en": field}


def _settled(row: pairs.PairRow | None, field: str) -> Any:
    """What both sides showed when the field was last level; None where it never was, or at odds."""
    if row is None:
        return None
    settled = [(row.pair.side(side).settled or {}).get(field) for side in BOTH]
    return settled[0] if settled[0] is not None else settled[1]


async def pairs_card(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """The card of a pair by its number. Raises Fatal MM-CLI-NOPAIR."""
    id_, values = int(args["pair"]), bool(args.get("values"))

    def look(tx: Transaction) -> dict[str, Any]:
        row = pairs.by_ids(tx, app.house.cipher, [id_]).get(id_)
        if row is None:
            raise Fatal("MM-CLI-NOPAIR", f"Пары {id_} нет", f"there is no pair {id_}")
        kind = app.house.kind(row.pair.kind)
        told = pair_card(tx, row, kind, values)
        told |= {"key": pair_line(row, kind)["key"], "fields": [field.name for field in kind.fields]}
        open_ones = [conflicts.open_one(tx, app.house.cipher, id_, name) for name in told["conflicts"]]
        return told | {"open": {one.field: one.id for one in open_ones if one is not None}}

    return 0, await app.database.read(look)


async def pairs_find(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Every record of one person by the number of a policy, a former one too, found by its blind index.

    Raises:
        Fatal MM-CLI-SEARCH: that is no policy number.
    """
    number = "".join(str(args["text"]).split())
    if not (number.isascii() and number.isdigit() and len(number) == 16):
        raise Fatal("MM-CLI-SEARCH", "Ищут по номеру полиса: 16 цифр", "search by a policy number: 16 digits")

    def look(tx: Transaction) -> list[dict[str, Any]]:
        ids: list[int] = []
        for index in sorted(patients.group(tx, patient_index(app.house.cipher, number))):
            ids += pairs.ids_of_patient(tx, index, list(app.house.mappings))
        rows = pairs.by_ids(tx, app.house.cipher, ids)
        return [pair_line(row, app.house.kind(row.pair.kind)) for row in rows.values()]

    return 0, await app.database.read(look)


async def journal_page(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """The newest entries first. `act`, `actor`: only these; `before`: older than this place."""
    act, actor, before = (args.get(name) or None for name in ("act", "actor", "before"))
    limit = min(int(args.get("limit") or A_PAGE), 10_000)

    def look(tx: Transaction) -> dict[str, Any]:
        found = journal.newest(tx, act=act, actor=actor, before=float(before) if before else None, limit=limit + 1)
        entries = [orjson.loads(one) for one in found[:limit]]
        return {"rows": entries, "more": entries[-1]["at"] if len(found) > limit else None}

    return 0, await app.database.read(look)


async def journal_export(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """The same, up to 10 000 entries; that `by` took them out is an entry of its own."""
    _code, told = await journal_page(app, args | {"limit": 10_000}, progress)
    note = {"act": "journal.export", "actor": str(args.get("by") or "operator"), "count": len(told["rows"])}
    await app.database.write(lambda tx: journal.append(tx, app.house.writer, app.house.clock.now(), note, []))
    return 0, told
