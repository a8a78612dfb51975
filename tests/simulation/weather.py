"""Which faults a run has, and when they strike: a subset of all per seed, then a share of the calls (swarm).

The numbers are those of the fault list in facts/reliability.md §2.2. What strikes is counted together with the state
of the record that it struck, because a fault that only ever meets level records proves little.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Call = Literal["page", "read", "look", "create", "put", "delete", "token", "subscribe"]
EVERY: tuple[Call, ...] = ("page", "read", "look", "create", "put", "delete", "token", "subscribe")
READS: tuple[Call, ...] = ("page", "read", "look")
WRITES: tuple[Call, ...] = ("create", "put", "delete")

CALLS: dict[str, tuple[str, tuple[Call, ...]]] = {
    "no connection": ("F21", EVERY),
    "request lost": ("F21", EVERY),
    "answer lost": ("F21", EVERY),
    "arrives after the loss": ("F21", WRITES),
    "never answered": ("F21", EVERY),
    "slow": ("F49", EVERY),
    "429": ("F20", EVERY),
    "429 with seconds": ("F20", EVERY),
    "429 with a date": ("F20", READS + WRITES),
    "500": ("F20", EVERY),
    "500 after the effect": ("F20", WRITES),
    "503": ("F20", EVERY),
    "HTML with 200": ("F20", EVERY),
    "an error with 200": ("F20", EVERY),
    "truncated": ("F20", EVERY),
    "wrong type": ("F20", EVERY),
    "redirect to a login": ("F20", EVERY),
    "token revoked": ("F22", READS + WRITES),
    "stale for no reason": ("F26", ("put", "delete")),
    "another person's record": ("F29", ("read", "create", "put")),
    "shorter than its total": ("F24", ("page",)),
}
"""Faults of one call: number, calls that they can strike."""
EVENTS: dict[str, str] = {
    "killed": "F1", "killed at a commit": "F1", "killed at a call": "F1", "killed while recovering": "F1",
    "stopped and started": "F2", "asleep for minutes": "F3", "loop blocked": "F5", "disk full": "F6",
    "system down": "F30", "writes closed": "F30", "one kind down": "F30",
    "its clock jumps": "F25", "our clock jumps": "F44", "committed late": "F25", "key rotated": "F22",
}  # fmt: skip
"""Faults of a whole process or system."""
HOOKS: dict[str, str] = {
    "notice lost": "F32", "notice twice": "F32", "notice late": "F32", "notice forged": "F32", "notice replayed": "F32",
    "notice mangled": "F32", "notice of an unknown": "F32",
}  # fmt: skip
PEOPLE: dict[str, str] = {
    "both edit one field": "F34", "deleted against an edit": "F34", "deleted at both": "F34", "entered twice": "F39",
    "key changed": "F39", "moved": "F39", "spoilt": "F28", "saved without a change": "F26", "unmapped member": "F28",
    "unlinked": "F41", "relinked": "F41", "odd text": "F45", "two operators decide": "F33", "taken hour": "F33",
    "many deleted": "F36",
}  # fmt: skip
STATES = ("level", "behind", "conflict", "invalid", "ambiguous", "no_consent")
LISTED: dict[str, tuple[str, ...]] = {
    **{name: STATES if "page" in calls else ("behind", "conflict") for name, (_, calls) in CALLS.items()},
    **dict.fromkeys(
        (name for name in EVENTS if name not in ("restored from a copy", "killed while recovering")), STATES
    ),
    **dict.fromkeys((name for name in HOOKS), ("level", "behind", "conflict")),
    **dict.fromkeys(
        ("both edit one field", "saved without a change", "unmapped member"), ("level", "behind", "conflict")
    ),
    "token revoked": ("level", "behind", "conflict"),
    "another person's record": ("level", "behind", "conflict"),
    "killed while recovering": ("new",),
}
"""The cells that a campaign must have reached: a fault, and states of the records it struck."""


@dataclass
class Weather:
    """The faults of one run."""

    rng: random.Random
    shares: dict[str, float] = field(default_factory=dict)
    on: bool = True
    fired: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    _by_call: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    @classmethod
    def drawn(cls, rng: random.Random, level: float = 1.0) -> Weather:
        """A subset of all faults, each with a share of its own."""
        many = rng.choice((0.15, 0.35, 0.6))
        names = [name for name in (*CALLS, *EVENTS, *HOOKS, *PEOPLE) if rng.random() < many]
        return cls(rng, {name: level * rng.choice((0.3, 1.0, 1.0, 3.0)) for name in names})

    @classmethod
    def clear(cls, rng: random.Random) -> Weather:
        return cls(rng, {})

    def for_call(self, call: str, base: float = 0.02) -> str | None:
        """The fault that strikes a call, if any."""
        if not self.on:
            return None
        known = self._by_call.get(call)
        if known is None:
            fit = [
                (name, share * base) for name, share in self.shares.items() if name in CALLS and call in CALLS[name][1]
            ]
            known = self._by_call[call] = fit
        if not known:
            return None
        draw = self.rng.random()
        for name, share in known:
            draw -= share
            if draw < 0:
                return name
        return None

    def strikes(self, name: str, chance: float) -> bool:
        """Does this one strike now? `chance` is for a share of one."""
        share = self.shares.get(name, 0.0) if self.on else 0.0
        return bool(share) and self.rng.random() < share * chance

    def note(self, name: str, states: tuple[str, ...] = ()) -> None:
        self.fired[name] += 1
        for state in states:
            self.cells[name, state] += 1
