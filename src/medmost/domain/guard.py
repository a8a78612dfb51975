"""Brakes: what must not happen by itself is held until a person has looked. Arithmetic only (design §9, F30, F31–F37).

Each brake looks at numbers or digests and gives a `Verdict`; the caller stops the kind, the side or the field. No
verdict names a person or a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """`code` is empty where all is well; `why` is for the operator: numbers and names of files or sides only."""

    code: str = ""
    why: str = ""

    @property
    def stops(self) -> bool:
        return bool(self.code)


FINE = Verdict()


class Limit(msgspec.Struct, frozen=True):
    """How many of the known records may be concerned: so many per cent, yet `least` always and `most` never more."""

    percent: int
    least: int
    most: int | None = None

    def of(self, known: int) -> int:
        """The largest number that is still let through."""
        allowed = max(self.percent * known // 100, self.least)
        return allowed if self.most is None else min(allowed, self.most)


DELETES = Limit(percent=5, least=20, most=500)
"""Deletes of a kind at a side in one pass (design §9)."""
CHANGES = Limit(percent=30, least=200)
"""Known records of a kind at a side that changed within one pass (F36)."""
WORTH_JUDGING = 20
"""A whole reading lists at least half of what was known, where there were so many records at least."""
FLIPS = 3
CHURN_WINDOW = 24 * 3600.0
"""Seconds: the same two values back and forth three times within a day is no work of people (F35)."""
TURNS_KEPT = 8


# ---------------------------------------------------------------- how much at once
def deletes(seen: int, known: int, limit: Limit = DELETES) -> Verdict:
    """More deletes in one pass than people make: `seen` tombstones that are news, among `known` live records."""
    allowed = limit.of(known)
    return Verdict("MM-BRAKE-DELETES", f"deletes:{seen}/{allowed}") if seen > allowed else FINE


def mass_change(changed: int, known: int, limit: Limit = CHANGES) -> Verdict:
    """More of the known records changed in one pass than people change. New records do not count."""
    allowed = limit.of(known)
    return Verdict("MM-BRAKE-CHANGES", f"changes:{changed}/{allowed}") if changed > allowed else FINE


def emptied(listed: int, known: int) -> Verdict:
    """A whole reading that shows nothing, or far less than was known. Absence deletes nothing; it is asked about."""
    nothing = listed == 0 and known > 0
    little = known >= WORTH_JUDGING and 2 * listed < known
    return Verdict("MM-BRAKE-EMPTY", f"listed:{listed}/{known}") if nothing or little else FINE


def canary(expected: bytes, shown: bytes | None) -> Verdict:
    """The side's canary record, which nobody edits: digests of it as it was laid down and as it is read now."""
    if shown == expected:
        return FINE
    return Verdict("MM-BRAKE-CANARY", "canary:gone" if shown is None else "canary:changed")


# ---------------------------------------------------------------- back and forth
class Turn(msgspec.Struct, frozen=True):
    """A field of a pair came to this value; `value` is a digest, `at` seconds of our clock."""

    value: bytes
    at: float
    to: str = ""  # the side it was carried to; empty for what a side was found to show


def turned(turns: Sequence[Turn], value: bytes, at: float, to: str = "") -> tuple[Turn, ...]:
    """The field's turns with the value it shows now; a value that stays is no turn, and old ones are forgotten."""
    if turns and turns[-1].value == value:
        return tuple(turns)
    recent = [turn for turn in turns if at - turn.at <= CHURN_WINDOW]
    return (*recent, Turn(value, at, to))[-TURNS_KEPT:]


def churn(turns: Sequence[Turn]) -> Verdict:
    """Three flips between the same two values: two writers contend, a person decides."""
    flips = 0
    for last, before in zip(turns[:0:-1], turns[-2::-1], strict=True):
        if {last.value, before.value} != {turns[-1].value, turns[-2].value}:
            break
        flips += 1
    return Verdict("MM-BRAKE-CHURN", f"flips:{flips}") if flips >= FLIPS else FINE


# ---------------------------------------------------------------- where we are, and by which rules
STAND = "stand"


def environment(configured: str, remembered: str | None, shown: Mapping[str, str | None]) -> Verdict:
    """Stand data never reaches production addresses, nor the reverse (F30).

    `remembered`: the environment whose data the state holds, None for a fresh one. `shown`: what each system says it
    is. A real system may say nothing; a stand always says so.
    """
    if remembered not in (None, configured):
        return Verdict("MM-BRAKE-ENVIRONMENT", f"state:{remembered} configured:{configured}")
    for side, marker in shown.items():
        if marker != configured and not (marker is None and configured != STAND):
            return Verdict("MM-BRAKE-ENVIRONMENT", f"{side}:{marker or 'unmarked'} configured:{configured}")
    return FINE


def fingerprint(text: str | bytes) -> str:
    """What one file of rules says, in short. Line ends do not matter."""
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest()[:32]


def changed_rules(looked_at: Mapping[str, str], present: Mapping[str, str]) -> Verdict:
    """Configuration or mapping changed unseen: nothing is written until somebody has looked (F37).

    Both map the name of a file or kind to its `fingerprint`; an empty `looked_at` is a first start, where the stages
    ask anyway.
    """
    names = sorted(name for name in {*looked_at, *present} if looked_at.get(name) != present.get(name))
    return Verdict("MM-BRAKE-RULES", "changed:" + ",".join(names)) if looked_at and names else FINE
