"""Notices: what is open, that somebody has it in hand, and whether they arrive."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.store import journal


async def notices_list(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    """Troubles that were announced and are not over. Exit code 1 where nobody has one of them in hand."""
    found = await app.notifier.open_troubles()
    return (0 if all(one["acknowledged"] for one in found) else 1), found


async def notices_acknowledge(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Somebody has them in hand: the second contact is not called."""
    actor, names = str(args.get("actor") or "operator"), await app.notifier.acknowledge()
    if names:
        told = {"act": "notice.acknowledge", "actor": actor, "incidents": names}
        now = app.house.clock.now()
        await app.database.write(lambda tx: journal.append(tx, app.house.writer, now, told, []))
    return 0, {"acknowledged": names}


async def notices_test(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    """A test notice to every address. Exit code 1 where one did not take it, or where there is none."""
    found = await app.notifier.trial()
    return (0 if found and all(one["taken"] for one in found) else 1), found
