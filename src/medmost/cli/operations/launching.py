"""The test programme, where both ends are open."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal
from medmost.launch.acceptance.programme import accept
from medmost.store import journal, ledgers
from medmost.sync.stages import open_kinds


async def accept_ends(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Raises Fatal MM-ACPT-RUNNING where this very process would carry the test records, too."""
    read_only = bool(args.get("read_only"))
    if app.engine.running and not read_only:
        writing = open_kinds(await app.database.read(ledgers.stages), app.house.mappings)
        if writing:
            kinds = ", ".join(sorted(writing))
            raise Fatal(
                "MM-ACPT-RUNNING",
                f"medmost работает и сам перенёс бы испытательные записи ({kinds}): сначала medmost pause",
                f"medmost is running and would carry the test records itself ({kinds}): medmost pause first",
            )
    told = (await accept(app.house, app.systems, read_only=read_only, progress=progress)).as_json()
    entry = {"act": "accept", "tag": told["tag"], "passed": told["passed"], "failed": told["failed"]}
    entry |= {"actor": str(args.get("actor") or "operator"), "mapping": app.mapping_hash}
    await app.database.write(lambda tx: journal.append(tx, app.house.writer, app.house.clock.now(), entry, []))
    return 0 if told["passed"] else 1, told | {"mapping": app.mapping_hash}
