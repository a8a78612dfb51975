"""Conflicts that wait for a person."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain import pairing
from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.store import conflicts, pairs
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk
from medmost.sync.replan import replan

REASON_LENGTH = 500
HOW = {
    "gosuslugi": ("взято значение Госуслуг", "the value of Gosuslugi was taken"),
    "emias": ("взято значение ЕМИАС", "the value of EMIAS was taken"),
    "value": ("введено новое значение", "a new value was typed"),
    "leave": ("обе стороны оставлены как есть", "both sides were left as they are"),
}
"""A person's answer, in words."""


async def conflicts_list(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
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


async def conflicts_resolve(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """A person's answer; refused when either side has changed since the conflict was shown."""
    id_, take, value, leave = int(args["id"]), args.get("take"), args.get("value"), bool(args.get("leave"))

    if (take is not None) + (value is not None) + leave > 1 or (take and take not in tuple(Side)):
        raise Fatal("MM-CONFLICT-FIELD", "Ответ нужен один", "one answer is needed")

    def decide(tx: Transaction) -> None:
        one = conflicts.by_id(tx, app.house.cipher, id_)
        if one is None or not (one.state == "open" or _asked_anew(tx, app, one)):
            raise _gone(one, id_)
        desk = Desk(tx, app.house, "conflict.resolve")
        desk.load([one.pair])
        row = desk.rows[one.pair]
        versions = (row.pair.gosuslugi.version, row.pair.emias.version)
        if one.state != "open" or versions != (one.g_version, one.e_version):
            raise Fatal(
                "MM-CONFLICT-STALE",
                "Запись с тех пор изменилась: посмотрите расхождение ещё раз",
                "the record has changed since: look at the conflict again",
            )
        chosen = None
        if take:
            chosen = (row.pair.side(Side(take)).now or {}).get(one.field)
        elif not leave and args.get("field") != one.field:
            raise Fatal("MM-CONFLICT-FIELD", f"Расходится поле {one.field}", f"the conflict is about {one.field}")
        elif value is not None and one.field != "*":
            chosen = app.house.mappings[one.kind].typed(one.field, str(value))
        if leave and one.field == "*":
            raise Fatal("MM-CONFLICT-FIELD", "Здесь можно только --take", "only --take decides this one")
        if leave:
            pairing.leave(row.pair, one.field)
        elif one.field == "*":
            _decide_presence(row, take)
        else:
            pairing.decide(row.pair, one.field, chosen)
        how = "leave" if leave else take or "value"
        verdict = {"how": how, "reason": str(args.get("reason") or "")[:REASON_LENGTH]}
        conflicts.resolve(tx, app.house.cipher, one, str(args.get("actor") or "operator"), desk.now, verdict)
        desk.open_conflicts.get(one.pair, {}).pop(one.field, None)
        replan(desk, row)
        desk.put_back(conflict=id_, actor=str(args.get("actor") or "operator"), field=one.field, how=how)

    await app.database.write(decide)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"resolved": id_}


def _gone(one: conflicts.Conflict | None, id_: int) -> Fatal:
    """Who had a screen from before is told what the first one has decided."""
    if one is None or one.state != "resolved":
        return Fatal("MM-CONFLICT-GONE", f"Открытого расхождения {id_} нет", f"there is no open conflict {id_}")
    how = str(one.verdict.get("how", ""))
    ru, en = HOW.get(how, (how, how))
    return Fatal(
        "MM-CONFLICT-GONE",
        f"Расхождение {id_} уже решено ({one.decided_by}): {ru}",
        f"the conflict {id_} has been decided by {one.decided_by}: {en}",
    )


def _asked_anew(tx: Transaction, app: App, former: conflicts.Conflict) -> bool:
    """The record has changed, and the two still disagree about this field: under another id."""
    return former.state == "void" and conflicts.open_one(tx, app.house.cipher, former.pair, former.field) is not None


def _decide_presence(row: pairs.PairRow, take: str | None) -> None:
    """Deleted at one side, changed at the other: follow the one or the other."""
    if take is None:
        raise Fatal("MM-CONFLICT-FIELD", "Здесь можно только --take", "only --take decides this one")
    kept = Side(take)
    if row.pair.side(kept).presence == "here":
        pairing.reborn(row.pair, kept.other)
    else:
        state = row.pair.side(kept.other)
        state.settled = dict(state.now or {})
        row.pair.side(kept).sent = None
        row.pair.side(kept).settled = None  # a record entered there anew meets this one for the first time
