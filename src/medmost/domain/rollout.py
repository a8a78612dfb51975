"""Double entry in numbers: what was compared, the gate that permits the next stage, and what sends a kind back.

Arithmetic only (design §11, fact sheet *reliability* §5.1). A comparison is one record that a person entered at one
side, what medmost would have written at the other, and what a person entered there. The gate permits; people open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

import msgspec

from medmost.domain import evidence

Name = Literal[
    "never", "fidelity", "fields", "people", "cover", "duration", "outages", "freshness", "conflicts", "audit"
]


class Judged(StrEnum):
    """What a comparison came to. The last four are a clerk's word; what nobody has judged yet is ours to answer for."""

    EQUAL = "equal"
    UNDECIDED = "undecided"
    MEDMOST = "medmost"  # medmost would have written something wrong
    GOSUSLUGI = "gosuslugi"  # entered wrong at Gosuslugi
    EMIAS = "emias"  # entered wrong at EMIAS
    BOTH_FINE = "both-fine"  # two ways to say the same


OURS = (Judged.MEDMOST, Judged.UNDECIDED)
PEOPLES = (Judged.GOSUSLUGI, Judged.EMIAS)


class Count(msgspec.Struct):
    """So many compared, so many of them wrong by us, so many by people."""

    of: int = 0
    ours: int = 0
    people: int = 0

    def add(self, judged: Judged) -> None:
        self.of += 1
        self.ours += judged in OURS
        self.people += judged in PEOPLES


class Programme(msgspec.Struct):
    """One kind's double entry since its counting began."""

    whole: Count = msgspec.field(default_factory=Count)
    fields: dict[str, Count] = msgspec.field(default_factory=dict)
    cover: dict[str, int] = msgspec.field(default_factory=dict)  # "create g->e" -> comparisons of it
    patients: int = 0
    never: int = 0  # crossed patients, lost or doubled records, writes without consent
    days: float = 0.0
    outages: dict[str, int] = msgspec.field(default_factory=dict)  # side -> planned outages lived through
    fresh_p95: float | None = None  # seconds from an entry to our reading it
    fresh_p99: float | None = None
    conflicts: int = 0  # open for longer than agreed
    differences: int | None = None  # of the last audit that nobody has explained; None before the first


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds, written down before the stage begins. The defaults are the ones for production."""

    never_rate: float = 1e-4
    never_alpha: float = 0.01
    good: float = evidence.GOOD
    bad: float = evidence.BAD
    evidence: float = 100.0
    back: float = 20.0  # evidence against the kind that sends it back
    field_rate: float = 1e-3
    critical_rate: float = 1e-4
    critical: tuple[str, ...] = ()  # fields of the stricter rate: doses, dates
    family_alpha: float = 0.05
    people_alpha: float = 0.01
    cover: int = 59
    covered: tuple[str, ...] = ()  # operations that must have been seen so often
    days: float = 28.0
    outages: int = 1  # of each side
    fresh_p95: float = 900.0
    fresh_p99: float = 1800.0
    conflicts: int = 0
    differences: int = 0
    correlation: float = 0.05  # of one patient's records among each other


PROFILES = {
    "production": Profile(),
    "demo": Profile(
        never_rate=0.05, never_alpha=0.1, good=0.005, bad=0.05, evidence=10.0, field_rate=0.1, critical_rate=0.1,
        family_alpha=0.1, cover=1, days=0.0, outages=0, correlation=0.0,
    ),
}  # fmt: skip
"""`demo` opens within minutes on the stand and proves nothing about real systems."""


class Condition(msgspec.Struct, frozen=True):
    """One line of the gate. `lacking`: further clean cases until it holds; None where cases alone do not help."""

    name: Name
    subject: str  # a field, an operation, a side; empty for the whole kind
    threshold: float
    present: float
    holds: bool
    lacking: int | None = None


# ---------------------------------------------------------------- the gate
def gate(programme: Programme, profile: Profile) -> list[Condition]:
    """Every condition with its threshold and present value. The gate is open when all of them hold."""
    return [
        _never(programme, profile),
        _fidelity(programme, profile),
        *_fields(programme, profile),
        _people(programme, profile),
        *(_at_least("cover", name, profile.cover, programme.cover.get(name, 0)) for name in profile.covered),
        _at_least("duration", "", profile.days, programme.days, cases=False),
        *(
            _at_least("outages", side, profile.outages, programme.outages.get(side, 0), cases=False)
            for side in ("gosuslugi", "emias")
        ),
        _at_most("freshness", "p95", profile.fresh_p95, programme.fresh_p95),
        _at_most("freshness", "p99", profile.fresh_p99, programme.fresh_p99),
        _at_most("conflicts", "", profile.conflicts, programme.conflicts),
        _at_most("audit", "", profile.differences, programme.differences),
    ]


def opens(conditions: Iterable[Condition]) -> bool:
    return all(condition.holds for condition in conditions)


def back(programme: Programme, profile: Profile) -> Name | None:
    """Why the kind must return to double entry at once; None while it may stay where it is."""
    if programme.never:
        return "never"
    whole = programme.whole
    against = -evidence.log_evidence(whole.of, whole.ours, profile.good, profile.bad)
    return "fidelity" if against >= math.log(profile.back) else None


def days_until_open(programme: Programme, conditions: Iterable[Condition], per_day: float) -> float | None:
    """Days until the gate can open if all goes well at this pace; None where something else must change first."""
    days = 0.0
    for condition in conditions:
        if condition.holds:
            continue
        if condition.name == "duration":
            days = max(days, condition.threshold - programme.days)
        elif condition.lacking is None or per_day <= 0:
            return None
        else:
            days = max(days, condition.lacking / per_day)
    return days


# ---------------------------------------------------------------- its conditions
def _never(programme: Programme, profile: Profile) -> Condition:
    """One never-event shuts the gate until the counting begins anew, after its cause was found."""
    needed = evidence.of_needed(profile.never_rate, profile.never_alpha)
    worth = math.floor(_worth(programme.whole, programme, profile))
    if programme.never:
        return Condition("never", "", 0, programme.never, holds=False)
    return Condition("never", "", needed, worth, worth >= needed, max(needed - worth, 0))


def _fidelity(programme: Programme, profile: Profile) -> Condition:
    whole = programme.whole
    worth = _worth(whole, programme, profile)
    found = evidence.log_evidence(worth, whole.ours, profile.good, profile.bad)
    needed = evidence.clean_needed(profile.evidence, whole.ours, profile.good, profile.bad)
    holds = worth - whole.ours >= needed
    present = math.exp(min(found, 700.0))  # beyond any threshold, and still a number
    lacking = max(math.ceil(needed - (worth - whole.ours)), 0)
    return Condition("fidelity", "", profile.evidence, present, holds, lacking)


def _fields(programme: Programme, profile: Profile) -> list[Condition]:
    """Each field's exact error bound, all of them at once (Bonferroni)."""
    alpha = profile.family_alpha / max(len(programme.fields), 1)
    found = []
    for name, count in sorted(programme.fields.items()):
        rate = profile.critical_rate if name in profile.critical else profile.field_rate
        worth = max(math.floor(_worth(count, programme, profile)), count.ours)
        present = evidence.error_bound(worth, count.ours, alpha) if worth else 1.0
        lacking = max(evidence.of_needed(rate, alpha, count.ours) - worth, 0)
        found.append(Condition("fields", name, rate, present, present <= rate, lacking))
    return found


def _people(programme: Programme, profile: Profile) -> Condition:
    """No worse than the people who enter the same records by hand."""
    ours, theirs = programme.whole.ours, programme.whole.people
    present = evidence.no_worse(ours, theirs)
    return Condition("people", "", profile.people_alpha, present, ours == 0 or present < profile.people_alpha)


def _at_least(name: Name, subject: str, threshold: float, present: float, *, cases: bool = True) -> Condition:
    lacking = max(math.ceil(threshold - present), 0) if cases else None
    return Condition(name, subject, threshold, present, present >= threshold, lacking)


def _at_most(name: Name, subject: str, threshold: float, present: float | None) -> Condition:
    """What was never measured does not hold."""
    present = math.inf if present is None else present
    return Condition(name, subject, threshold, present, present <= threshold)


def _worth(count: Count, programme: Programme, profile: Profile) -> float:
    return evidence.effective(count.of, min(programme.patients, count.of), profile.correlation)
