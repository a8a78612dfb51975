"""Parents before children: a record that names another waits until that one has landed (design §2, *rank*).

Deliveries go by rank, so a refusal for an unknown parent is rare: the parent is waiting itself. Then the child waits
for just that pair and is woken by its landing, however long that takes.
"""

from __future__ import annotations

from medmost.domain.record import Side
from medmost.store import deliveries, pairs
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk

WAITS_FOR = "parent:"
PATIENCE = 3600.0
"""Seconds after which a child asks again by itself, though nobody woke it."""


def parent_under_way(desk: Desk, row: PairRow, side: Side) -> int | None:
    """The pair that this record names and that has not landed at `side` yet, where there is one."""
    kind = desk.house.kind(row.pair.kind)
    fields = row.pair.side(side.other).now or {}
    for name, parent_kind in kind.parents.items():
        value = fields.get(name)
        if value is None or parent_kind not in desk.house.mappings:
            continue
        parent = desk.house.kind(parent_kind)
        if len(parent.key) != 1:
            continue
        index = desk.house.key_index(parent, {parent.key[0]: value})
        for id_ in pairs.ids_by_keys(desk.tx, parent_kind, [index] if index else []).get(index or b"", []):
            owed = deliveries.of_pairs(desk.tx, [id_]).get((id_, side.value))
            if owed is not None and id_ != row.pair.id:
                return id_
    return None


def wake_children(tx: Transaction, landed: list[int], side: Side) -> None:
    """These parents have landed: whoever waits for one of them is due at once."""
    for pair in landed:
        deliveries.release_waiting(tx, side.value, f"{WAITS_FOR}{pair}")
