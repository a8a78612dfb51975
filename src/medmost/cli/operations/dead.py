"""Deliveries that 72 hours of waiting did not get through: seen, tried again, or left as they are."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal
from medmost.store import deliveries
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk
from medmost.sync.replan import replan


async def dead_list(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    def look(tx: Transaction) -> list[dict[str, Any]]:
        rows = tx.execute(
            "SELECT pair, side, kind, attempts, first_at, reason FROM delivery WHERE state = 'dead' ORDER BY pair, side"
        )
        names = ("pair", "side", "kind", "attempts", "since", "reason")
        return [{"id": f"{row[0]}.{row[1]}", **dict(zip(names, row, strict=True))} for row in rows]

    return 0, await app.database.read(look)


async def dead_retry(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Due again, with a new 72 hours."""

    def retry(tx: Transaction) -> list[str]:
        desk = Desk(tx, app.house, "dead.retry")
        for row in _named(desk, args["ids"]):
            row.state, row.first_at, row.attempts, row.reason = deliveries.DUE, desk.now, 0, ""
            desk.put_row(row)
        desk.put_back(ids=list(args["ids"]), actor=str(args.get("actor") or "operator"))
        return list(args["ids"])

    done = await app.database.write(retry)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"retried": done}


async def dead_drop(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """That side stays as it is until either side changes (design §2a, *dead drop*)."""

    def drop(tx: Transaction) -> list[str]:
        desk = Desk(tx, app.house, "dead.drop")
        for row in _named(desk, args["ids"]):
            pair = desk.rows[row.pair].pair
            for side in (pair.gosuslugi, pair.emias):
                side.sent = None
            pair.refused = f"{row.side} dropped: {row.reason}"
            replan(desk, desk.rows[row.pair])
        desk.put_back(ids=list(args["ids"]), actor=str(args.get("actor") or "operator"))
        return list(args["ids"])

    return 0, {"dropped": await app.database.write(drop)}


def _named(desk: Desk, ids: list[str]) -> list[deliveries.Delivery]:
    found = []
    for id_ in ids:
        pair, _, side = str(id_).partition(".")
        if pair.isdigit():
            desk.load([int(pair)])
        row = desk.deliveries.get((int(pair), side)) if pair.isdigit() else None
        if row is None or row.state != deliveries.DEAD:
            raise Fatal("MM-CLI-DEAD", f"Нет такой недоставленной записи: {id_}", f"no such dead delivery: {id_}")
        found.append(row)
    return found
