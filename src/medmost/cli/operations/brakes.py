"""Brakes: shown, and released by a person."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal
from medmost.store import brakes
from medmost.store.transaction import Transaction
from medmost.sync import braking, versions
from medmost.sync.status import brakes_status


async def brakes_list(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    found = await app.database.read(brakes_status)
    return (1 if found else 0), found


async def brakes_release(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Lets go what was held and delivers it. Raises Fatal for an id under which nothing is held."""
    ids = [int(id_) for id_ in args["ids"]]

    def release(tx: Transaction) -> None:
        held = brakes.by_ids(tx, ids)
        for id_ in ids:
            if id_ not in {one.id for one in held}:
                raise Fatal("MM-CLI-BRAKE", f"Тормоза {id_} нет: см. medmost brakes list",
                            f"there is no brake {id_}: see medmost brakes list")  # fmt: skip
        actor = str(args.get("actor") or "operator")
        versions.approve(tx, app.house, [one.kind for one in held if one.code == versions.CODE], actor)
        braking.release(tx, app.house, held, actor)

    await app.database.write(release)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    return 0, {"released": ids}
