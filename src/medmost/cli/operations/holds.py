"""Pairs that were held for a person (two records for one place, another patient shown), let go once that is mended."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.domain.errors import Fatal
from medmost.domain.record import BOTH
from medmost.store import pairs
from medmost.store.pairs import PairRow
from medmost.sync.desk import Desk
from medmost.sync.replan import replan


async def release_pair(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Lets go every held pair of one key. What is still wrong holds it again at once; then the code is 1.

    Raises:
        Fatal: nothing with this key is held, or a system still shows two records for it.
    """
    kind = app.house.kind(known_kinds(app, args["kind"])[0])
    key = "\x1f".join(part.strip() for part in str(args["key"]).split("|"))
    index = app.house.cipher.blind(f"key {kind.name}", key)

    def release(tx: sqlite3.Connection) -> list[dict[str, Any]]:
        desk = Desk(tx, app.house, "pair.release")
        desk.load(pairs.ids_by_keys(tx, kind.name, [index]).get(index, []))
        rows = [desk.rows[id_] for id_ in sorted(desk.rows)]
        held = [row for row in rows if row.pair.hold]
        if not held:
            raise Fatal("MM-CLI-NOTHELD", "Среди пар с этим ключом нет задержанных", "no pair with this key is held")
        _refuse_twins(rows)
        for row in held:
            row.pair.hold = None
        for row in held:
            replan(desk, row)
        desk.put_back(actor=str(args.get("actor") or "operator"))
        return [{"pair": row.pair.id, "state": row.state} for row in held]

    found = await app.database.write(release)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    again = any(one["state"] in ("ambiguous", "quarantined") for one in found)
    return (1 if again else 0), {"released": found}


def _refuse_twins(rows: list[PairRow]) -> None:
    """Which of two records is the right one, nobody here can know: one of them has to go first."""
    here = Counter(side for row in rows for side in BOTH if row.pair.side(side).presence == "here")
    twice = [side.value for side, number in here.items() if number > 1]
    if twice:
        where = ", ".join(twice)
        raise Fatal(
            "MM-CLI-TWINS",
            f"Записей на это место по-прежнему несколько ({where}): сначала уберите лишнюю в самой системе",
            f"there still are several records for this place ({where}): remove the surplus one in the system first",
        )
