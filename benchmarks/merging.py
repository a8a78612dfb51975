"""The three-way merge of policies, beside the least that tells whether anything is to be done."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from benchmarks.measure import Row, Size, Wanted, in_turns, rates
from benchmarks.records import policies
from medmost.domain.merge import merge
from medmost.domain.record import Pair, SideState
from medmost.mapping import load_mappings


def merging(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`merge.level`: nothing has changed. `merge.changed`: one field has, at one side."""
    kind = load_mappings()["policy"].kind
    level = [_pair(number, fields) for number, fields in enumerate(policies(size.records), 1)]
    changed = deepcopy(level)
    for pair in changed:
        assert pair.emias.now is not None
        pair.emias.now["insurer_name"] = "АО «Другая»"
    for name, pairs in (("merge.level", level), ("merge.changed", changed)):
        if not wanted(name):
            continue
        taken = in_turns(
            size.rounds,
            lambda pairs=pairs: [merge(pair, kind) for pair in pairs],  # type: ignore[misc]  # lambda defaults are untyped
            lambda pairs=pairs: [pair.gosuslugi.now == pair.emias.now for pair in pairs],  # type: ignore[misc]  # as above
        )
        yield rates(name, "records/s", len(pairs), *taken)


def _pair(number: int, fields: dict[str, object]) -> Pair:
    def side() -> SideState:
        return SideState(
            ref=str(number), version=1, presence="here", doc={}, now=deepcopy(fields), settled=deepcopy(fields)
        )

    return Pair(id=number, kind="policy", gosuslugi=side(), emias=side())
