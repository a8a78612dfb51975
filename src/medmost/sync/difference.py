"""Plan before apply: what another version of the mappings would change in the stored pairs. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Mapped
from typing import Any

import msgspec

from medmost.domain.kinds import Kind
from medmost.domain.merge import Merged, merge
from medmost.domain.record import BOTH, Pair
from medmost.logging import mask
from medmost.mapping.contract import Mapping
from medmost.mapping.version import RuleChange, changes, kind_hash, meaning
from medmost.store import pairs, versions
from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction
from medmost.sync.replan import shown_fields
from medmost.sync.reread import reread

BATCH, EXAMPLES = 500, 5
NEW_KIND, LOST_KIND = "new", "gone"


class KindDifference(msgspec.Struct, kw_only=True):
    """One kind between two versions. `outcomes`: how many stored pairs would do what, `fields`: by which field."""

    kind: str
    was: str  # hashes, empty where the kind was not there
    now: str
    rules: list[RuleChange] = []
    pairs: int = 0
    changed: int = 0
    outcomes: dict[str, int] = {}
    examples: list[dict[str, Any]] = []


def rule_differences(old: Mapped[str, Mapping], new: Mapped[str, Mapping]) -> list[KindDifference]:
    """The kinds whose mappings mean something else, with what differs."""
    found = []
    for kind in [*old, *(kind for kind in new if kind not in old)]:
        was, now = old.get(kind), new.get(kind)
        one = KindDifference(kind=kind, was=kind_hash(was.rule) if was else "", now=kind_hash(now.rule) if now else "")
        if one.was != one.now:
            one.rules = changes(meaning(was.rule) if was else {}, meaning(now.rule) if now else {})
            found.append(one)
    return found


def weigh(tx: Transaction, cipher: Cipher, old: Mapping, new: Mapping, found: KindDifference) -> KindDifference:
    """Adds to `found` what becomes of every stored pair of its kind."""
    after, outcomes = 0, Counter[str]()
    while ids := versions.next_pairs(tx, found.kind, after, BATCH):
        after = ids[-1]
        for row in pairs.by_ids(tx, cipher, ids).values():
            found.pairs += 1
            told = outcomes_of(row.pair, old.kind, new)
            if not told:
                continue
            found.changed += 1
            outcomes.update(told)
            if len(found.examples) < EXAMPLES:
                key = mask(new.kind.masked_key(shown_fields(row.pair) or {}))
                found.examples.append({"pair": row.pair.id, "key": key, "outcomes": told})
    found.outcomes = dict(sorted(outcomes.items()))
    return found


def outcomes_of(pair: Pair, old: Kind, new: Mapping) -> list[str]:
    """What the new version does to one pair, in stable words. Changes the pair, which is thrown away after."""
    before = {side: (pair.side(side).now, bool(pair.side(side).problems)) for side in BOTH}
    planned = merge(pair, old)
    if not reread(pair, new):
        return []
    told: list[str] = []
    for side in BOTH:
        state, (now, broken) = pair.side(side), before[side]
        if state.problems and not broken:
            told += [f"unreadable {side.value} {problem.field}" for problem in state.problems]
        elif broken and not state.problems:
            told.append(f"readable {side.value}")
        elif now is not None and state.now is not None:
            names = [name for name, value in state.now.items() if value != now.get(name)]
            told += [f"value {side.value} {name}" for name in names]
    return told + _plans(planned, merge(pair, new.kind))


def _plans(old: Merged, new: Merged) -> list[str]:
    told = []
    for side, plan in new.writes.items():
        before = old.writes.get(side)
        if before is None or before.op != plan.op:
            told.append(f"{plan.op} {side.value}")
        carried = plan.fields if plan.op == "put" else {}
        told += [f"carry {side.value} {name}" for name in carried if before is None or name not in before.fields]
    return told + [f"conflict {name}" for name in new.conflicts if name not in old.conflicts]
