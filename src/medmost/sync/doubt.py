"""A field that every record had so far is missing in one: emptied by somebody, or lost by the system?

Nobody can tell from one record, and by webhook records come singly. So that record alone keeps the value last known
until the next ones decide: one that shows the field means that it may be missing, and what was kept back is read again
and carried as emptied; enough in a row without it mean that it is lost, and the field is held (sync.drift).
"""

from __future__ import annotations

from medmost.domain.record import BOTH, Side
from medmost.mapping.shape import NULL, Shape
from medmost.store import drift
from medmost.sync.desk import Desk
from medmost.sync.replan import replan
from medmost.sync.shapes import Watch, Where


def never_missed(shape: Shape, places: tuple[str, ...]) -> bool:
    """Had every record learned so far a value there?"""
    leaves = [shape.leaves[at] for at in places if at in shape.leaves]
    return any(leaf.seen >= shape.records and NULL not in leaf.types for leaf in leaves)


def of(watch: Watch, where: Where) -> dict[str, list[str]]:
    """Field -> refs that keep its value, as it is written down with the shape."""
    return {name[2]: sorted(refs) for name, refs in watch.doubts.items() if name[:2] == where and refs}


def over(desk: Desk, where: Where, field: str) -> None:
    """The field may be missing after all: the records that kept it are read again, and what they show counts."""
    side, kind = where
    for ref in sorted(desk.house.watch.doubts.pop((side, kind, field), ())):
        id_, _ = desk.alias(kind, side, ref)
        row = desk.rows.get(id_) if id_ is not None else None
        if row is None:
            continue
        state = row.pair.side(side)
        if state.ref != ref or state.doc is None or state.now is None or state.sent is not None:
            continue  # gone, not ours to keep, or an answer is on its way that shows the record afresh
        state.doc, state.now, state.problems = None, None, ()  # a body without it is none to write upon, either
        replan(desk, row)


def recall(desk: Desk) -> None:
    """At start: what was in doubt is so still, and its run goes on."""
    watch = desk.house.watch
    for kind in desk.house.mappings:
        for side in BOTH:
            for field, refs in drift.doubts(desk.tx, side.value, kind).items():
                name: tuple[Side, str, str] = (side, kind, field)
                watch.doubts[name], watch.lacking[name] = set(refs), set(refs)
