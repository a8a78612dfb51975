"""Back and forth: a field that two writers take in turns from each other is asked about, not carried for ever (F35)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from medmost.domain import guard
from medmost.domain.kinds import Kind, Style
from medmost.domain.merge import Planned, changed
from medmost.domain.record import Pair, Side, SideState


def turn_back(pair: Pair, kind: Kind, side: Side, planned: Planned, now: float) -> bool:
    """Notes where each carried field goes. True where one has flipped too often: it is in doubt from now on.

    What a person decided is carried, and the counting begins anew.
    """
    flipped = False
    if planned.op != "put":
        return False
    shown = pair.side(side).now or {}
    for name, value in planned.fields.items():
        if name in pair.wanted:
            pair.turns.pop(name, None)
            continue
        if kind.field(name).style is not Style.REPLACE:
            continue
        before, here = tuple(pair.turns.get(name) or ()), _digest(shown.get(name))
        if before and before[-1].to == side.value and before[-1].value == here:
            before = ()  # this side kept what it was given: the other one changes its mind, nobody contends
        if not before or _taken_back(pair.side(side), name):  # else a carry that never arrived is tried again
            before = guard.turned(before, here, now)
        turns = guard.turned(before, _digest(value), now, side.value)
        if guard.churn(turns).stops:
            pair.turns.pop(name, None)
            if name not in pair.unsure:
                pair.unsure.append(name)
            flipped = True
        else:
            pair.turns[name] = list(turns)
    return flipped


def _taken_back(state: SideState, name: str) -> bool:
    """Whether somebody there changed what had settled. What never settled was never given to this side."""
    return name in (state.settled or {}) and changed(state, name)


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(orjson.dumps(value), digest_size=8).digest()
