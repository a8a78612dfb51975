"""Every operation by name: what the control socket offers and what commands call."""

from __future__ import annotations

from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations import (
    brakes,
    cards,
    conflicts,
    dead,
    holds,
    launching,
    linking,
    mapping,
    notices,
    records,
    shapes,
    upkeep,
    users,
)
from medmost.cli.operations.asking import Operation
from medmost.domain.errors import Fatal

OPERATIONS: dict[str, Operation] = {
    "status": records.show_status,
    "pairs.show": records.pairs_show,
    "pairs.list": holds.pairs_list,
    "pairs.release": holds.release_pair,
    "sync": records.sync_now,
    "migrate": records.migrate,
    "audit": records.audit_now,
    "check": upkeep.check_ends,
    "accept": launching.accept_ends,
    "brakes.list": brakes.brakes_list,
    "brakes.release": brakes.brakes_release,
    "conflicts.list": conflicts.conflicts_list,
    "conflicts.resolve": conflicts.conflicts_resolve,
    "conflicts.page": cards.conflicts_page,
    "conflicts.show": cards.conflict_show,
    "pairs.card": cards.pairs_card,
    "pairs.find": cards.pairs_find,
    "journal.page": cards.journal_page,
    "journal.export": cards.journal_export,
    "mapping.diff": mapping.mapping_diff,
    "mapping.tables": mapping.mapping_tables,
    "mapping.try": mapping.mapping_try,
    "mapping.apply": mapping.mapping_apply,
    "mapping.crosswalk": shapes.crosswalk_list,
    "mapping.drift": shapes.drift_list,
    "mapping.drift.end": shapes.drift_end,
    "dead.list": dead.dead_list,
    "dead.retry": dead.dead_retry,
    "dead.drop": dead.dead_drop,
    "link.import": linking.import_links,
    "link.list": linking.list_links,
    "link.revoke": linking.revoke_link,
    "notices.list": notices.notices_list,
    "notices.acknowledge": notices.notices_acknowledge,
    "notices.test": notices.notices_test,
    "stage.show": upkeep.stage_show,
    "stage.set": upkeep.stage_set,
    "pause": upkeep.pause,
    "backup": upkeep.backup,
    "journal.verify": upkeep.journal_verify,
    "user.add": users.user_add,
    "user.passwd": users.user_passwd,
    "user.role": users.user_role,
    "user.disable": users.user_disable,
    "user.list": users.user_list,
}


async def operate(app: App, name: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Runs one operation. Raises Fatal for a name that is none."""
    if name not in OPERATIONS:
        raise Fatal("MM-CLI-OPERATION", f"Нет такой операции: {name}", f"no such operation: {name}")
    return await OPERATIONS[name](app, args, progress)
