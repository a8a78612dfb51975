"""Who plays which part: whose policy is on one side, differs, conflicts; who may have records of the clinics."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from medmost_stand.world.model import Citizen
from medmost_stand.world.twins import handful

ONLY_GOSUSLUGI, ONLY_EMIAS, DIFFERING = 0.05, 0.055, 0.085


@dataclass(slots=True)
class Cast:
    """Parts by citizen. Nobody whose policy is only at Gosuslugi or in conflict has any other record.

    `patients` are trusted and known to both systems; `newcomers` are trusted, but their policy and records are
    at EMIAS only; `unlinked` are untrusted, their records stay at EMIAS for ever.
    """

    only_gosuslugi: list[Citizen]
    only_emias: list[Citizen]
    conflicts: list[Citizen]
    differing: list[Citizen]
    patients: list[Citizen]
    newcomers: list[Citizen]
    unlinked: list[Citizen]


def deal(rng: Random, citizens: list[Citizen]) -> Cast:
    """Deals the parts; at least one of each from ten people on."""
    count = len(citizens)
    trusted = [citizen for citizen in citizens if citizen.trusted]
    others = [citizen for citizen in citizens if not citizen.trusted]
    rng.shuffle(trusted)
    rng.shuffle(others)
    only_gosuslugi = [others.pop() for _ in range(max(1, round(count * ONLY_GOSUSLUGI)))]
    conflicts = [others.pop() for _ in range(handful(count, 6))]
    newcomers: list[Citizen] = []
    strangers: list[Citizen] = []
    for place in range(max(1, round(count * ONLY_EMIAS))):
        (strangers if place % 2 else newcomers).append((others if place % 2 else trusted).pop())
    known = trusted + others
    differing = rng.sample(known, max(2, round(count * DIFFERING)))
    _name(only_gosuslugi, "policy-only-gosuslugi")
    _name(newcomers + strangers, "policy-only-emias")
    _name(conflicts, "policy-conflict")
    _name(differing, "policy-differs")
    return Cast(only_gosuslugi, newcomers + strangers, conflicts, differing, trusted, newcomers, others + strangers)


def _name(citizens: list[Citizen], trap: str) -> None:
    for citizen in citizens:
        citizen.planted.append(trap)
