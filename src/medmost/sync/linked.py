"""A link opens the personal kinds of a policy, its end closes them (design §8)."""

from __future__ import annotations

from medmost.domain.record import Side
from medmost.store import links, pairs
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk
from medmost.sync.house import House
from medmost.sync.poll import Poller
from medmost.sync.replan import replan


def personal_kinds(house: House) -> list[str]:
    return [name for name, mapping in house.mappings.items() if mapping.kind.personal]


def close_link(tx: Transaction, house: House, link_id: int, actor: str) -> bool:
    """Ends a link. In the same transaction nothing more is due for the patient, and bodies are erased."""
    patient = links.revoke(tx, link_id, house.clock.now())
    if patient is None:
        return False
    desk = Desk(tx, house, "link.revoke")
    for number in desk.group(patient):
        desk.load(pairs.ids_of_patient(tx, number, personal_kinds(house)))
    for row in list(desk.rows.values()):
        replan(desk, row)
    desk.put_back(link=link_id, actor=actor)
    return True


def waiting_refs(tx: Transaction, house: House, patients: list[bytes]) -> dict[Side, list[tuple[str, str]]]:
    """Records of newly linked patients whose bodies we may read now: side -> (kind, ref)."""
    return _unread(
        tx, house, [id_ for patient in patients for id_ in pairs.ids_of_patient(tx, patient, personal_kinds(house))]
    )


def _unread(tx: Transaction, house: House, ids: list[int]) -> dict[Side, list[tuple[str, str]]]:
    found: dict[Side, list[tuple[str, str]]] = {side: [] for side in Side}
    for row in pairs.by_ids(tx, house.cipher, ids).values():
        for side in Side:
            state = row.pair.side(side)
            if state.presence == "here" and state.doc is None and state.ref:
                found[side].append((row.pair.kind, state.ref))
    return found


async def read_backlog(house: House, database: Database, pollers: dict[Side, Poller], patients: list[bytes]) -> int:
    """What had gathered before the link is read now; it is delivered like any other change."""
    refs = await database.read(lambda tx: waiting_refs(tx, house, patients))
    return sum([await pollers[side].backlog(refs[side]) for side in Side])


async def read_left_over(house: House, database: Database, pollers: dict[Side, Poller]) -> int:
    """What the reading after a link did not get to, because the process ended or a system was away."""
    refs = await database.read(lambda tx: _unread(tx, house, pairs.ids_unread(tx)))
    return sum([await poller.backlog(refs[side]) for side, poller in pollers.items()])
