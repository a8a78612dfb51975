"""The synthetic Moscow as a whole: the same arguments give the same world in any process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from random import Random
from typing import Any, Protocol

from medmost_stand.world import bookings, cast, clinics, findings, orders, policies, published, traps, wire
from medmost_stand.world.dice import Dice
from medmost_stand.world.identifiers import opaque_ids
from medmost_stand.world.model import (
    PART,
    SYSTEMS,
    Body,
    Citizen,
    Part,
    Record,
    Seed,
    System,
    Twin,
    World,
)
from medmost_stand.world.people import population
from medmost_stand.world.twins import Maker, handful, share
from medmost_stand.world.visits import Registry

FEWEST = 10
"""People it takes to plant one of each difference."""
WHOLE, MOST = 10_000, 1_000_000
"""Up to so many people are made in one piece; so many at most."""


class Draws:
    """Random numbers and makers by collection, so that one collection's draws never move another's."""

    def __init__(self, seed: int, today: date) -> None:
        self.seed, self.today = seed, today

    def make(self, name: str) -> Maker:
        return Maker(Dice(f"{self.seed}/{name}"), self.today)


class Added(Protocol):
    """A collection that a file adds to the eight; `medmost_stand.added` makes them."""

    @property
    def collection(self) -> str: ...

    def twins(
        self, make: Maker, parts: cast.Cast, desks: list[clinics.Desk], people: int, today: date
    ) -> list[Twin]: ...

    def speaker(self, system: System) -> Callable[[Record], Body]: ...


def build_world(people: int, seed: int, today: date, added: Sequence[Added] = (), *, ambiguous: bool = False) -> World:
    """Both systems' records for `people` citizens (at least 10), as they stand before `today` begins in Moscow.

    Only trusted citizens have visits, results, vaccinations and requests at Gosuslugi; those of untrusted ones
    are at EMIAS only and are in no number but `unlinked` (see `World`). Slots open tomorrow. The people are the
    same for every `today` of a year. `ambiguous` plants policies under which each system has somebody else.
    Raises ValueError when there are too few people.
    """
    parts = stream_world(people, seed, today, added, ambiguous=ambiguous)
    world = next(parts)
    for part in parts:
        world.join(part)
    return world


def stream_world(
    people: int, seed: int, today: date, added: Sequence[Added] = (), *, ambiguous: bool = False
) -> Iterator[World]:
    """The same world part after part, so that its size costs time but no memory.

    Up to `WHOLE` people are one part; more live in parts of at most `PART`, each with its own clinics, doctors and
    differences, and nothing of one part refers to another. Raises ValueError at once when there are too few people.
    """
    return (
        part_world(count, people, part, today, added, ambiguous=ambiguous) for count, part in parts_of(people, seed)
    )


def parts_of(people: int, seed: int) -> list[tuple[int, Part]]:
    """The parts such a world is made of, each with the number of its people. Raises ValueError as `stream_world`."""
    if people < FEWEST:
        raise ValueError(f"a world needs at least {FEWEST} people, not {people}")
    if people > MOST:
        raise ValueError(f"a world has at most {MOST} people, not {people}")
    of = 1 if people <= WHOLE else -(-people // PART)
    return [(people // of + (number < people % of), Part(seed, number, of)) for number in range(of)]


def part_world(
    count: int, people: int, part: Part, today: date, added: Sequence[Added] = (), *, ambiguous: bool = False
) -> World:
    """One part with `count` people of a world with `people`; no other part has to be made for it."""
    citizens = population(count, part, today)
    twins = _twins(citizens, part, today, added, ambiguous=ambiguous)
    world = World(citizens, {}, {}, {system: {} for system in SYSTEMS})
    speak = {name: forms.__getitem__ for name, forms in FORMS.items()} | {one.collection: one.speaker for one in added}
    for collection in twins:
        for system in SYSTEMS:
            seeds, planted = _seeds(
                twins[collection], system, collection, (people, part.salt), part, speak[collection](system)
            )
            (world.gosuslugi if system == "gosuslugi" else world.emias)[collection] = seeds
            world.planted[system][collection] = planted
    return world


def _twins(
    citizens: list[Citizen], part: Part, today: date, added: Sequence[Added], *, ambiguous: bool
) -> dict[str, list[Twin]]:
    count, seed = len(citizens), part.salt
    draws = Draws(seed, today)
    parts = cast.deal(draws.make("cast").rng, citizens)
    laid = traps.lay(draws.make("traps").rng, citizens, parts, part, today, ambiguous=ambiguous)
    make = draws.make("organizations")
    places = clinics.organizations(make.rng, max(6, round(count * 0.027)), part)
    made = {"organizations": published.organizations(make, places, count, part)}
    make = draws.make("policies")
    made["policies"] = policies.twins(make.rng, make, citizens, parts, places, today, laid)
    made["policies"] += policies.invalid(make, part, citizens, places, today)
    make = draws.make("schedules")
    usual = max(9, round(count * 0.072))
    desks = clinics.desks(make.rng, part, usual, places, today, 0)
    branches = [twin.record for twin in made["organizations"] if twin.mark == "one_sided"] + places
    extra = share(usual, 0.11)
    fresh = clinics.desks(make.rng, part, extra, branches, today, clinics.EXTRA)
    odd = clinics.desks(make.rng, part, 2 * handful(count, 4), places, today, 2 * clinics.EXTRA)
    made["schedules"] = published.schedules(make, desks, fresh, odd, count)
    make = draws.make("slots")
    grid = [slot for desk in desks for slot in clinics.slots(make.rng, desk, today)]
    free = [slot for slot in grid if slot["status"] == "free"]
    make.rng.shuffle(free)
    opened = [free.pop() for _ in range(share(len(grid), 0.03))]
    # Visits take slots before the two systems' views of the slots are compared.
    visits = draws.make("visits")
    booked = bookings.Bookings(visits, Registry(visits.rng, desks, free, today), parts, count)
    made["visits"] = booked.twins()
    stolen = {(visit["schedule_id"], visit["starts_at"]) for visit in booked.stolen}
    taken = [slot for slot in grid if (slot["schedule_id"], slot["starts_at"]) in stolen]
    opened_there = [slot for desk in fresh for slot in clinics.slots(make.rng, desk, today)]
    made["slots"] = published.slots(make, grid + opened_there, opened + opened_there, taken, count, desks[0])
    made |= _found(draws, parts, desks, count)
    made["requests"] = bookings.requests(draws.make("requests"), parts, count, part, today)
    for one in added:
        made[one.collection] = one.twins(draws.make(one.collection), parts, desks, count, today)
    return made


def _found(draws: Draws, parts: cast.Cast, desks: list[clinics.Desk], count: int) -> dict[str, list[Twin]]:
    """What clinics found and did: a result a person, rather more vaccinations."""
    make = draws.make("results")
    who = _whose(make.rng, parts, count)
    results = findings.results(make, who, parts, desks, draws.today, (count, draws.seed))
    make = draws.make("vaccinations")
    who = _whose(make.rng, parts, round(count * 1.2))
    return {"results": results, "vaccinations": findings.vaccinations(make, who, parts, desks, draws.today, count)}


def _whose(rng: Random, parts: cast.Cast, count: int) -> list[Citizen]:
    """Patients in the first place, then newcomers and unlinked people, at least one of each."""
    newcomers, unlinked = share(count, 0.03), share(count, 0.17)
    who = [rng.choice(parts.newcomers) for _ in range(newcomers)]
    who += [rng.choice(parts.unlinked) for _ in range(unlinked)]
    who += [rng.choice(parts.patients) for _ in range(count - newcomers - unlinked)]
    return who


FORMS: dict[str, dict[System, Callable[[Record], Body]]] = {
    "policies": {"emias": wire.policies_emias, "gosuslugi": wire.policies_gosuslugi},
    "organizations": {"emias": wire.organizations_emias, "gosuslugi": wire.organizations_gosuslugi},
    "schedules": {"emias": wire.schedules_emias, "gosuslugi": wire.schedules_gosuslugi},
    "slots": {"emias": wire.slots_emias, "gosuslugi": wire.slots_gosuslugi},
    "visits": {"emias": wire.visits_emias, "gosuslugi": wire.visits_gosuslugi},
    "results": {"emias": wire.results_emias, "gosuslugi": wire.results_gosuslugi},
    "vaccinations": {"emias": wire.vaccinations_emias, "gosuslugi": wire.vaccinations_gosuslugi},
    "requests": {"emias": orders.emias, "gosuslugi": orders.gosuslugi},
}
OWN = {"emias": "ehrId", "gosuslugi": "Примечание портала"}
LISTED = ("conflict", "invalid", "foreign", "rejected", "ambiguous")
"""Marks whose records are named one by one; the others are counted."""

EMPTIES = {
    "policies": ("Действует до", "Отчество"),
    "organizations": ("Головная организация",),
    "visits": ("Причина отмены", "Комментарий"),
    "results": ("Заключение", "Ссылка"),
    "vaccinations": ("Реакция",),
}
"""Optional fields that some forms of the portal hand over as an empty text instead of leaving them out."""


def _seeds(
    twins: list[Twin],
    system: System,
    collection: str,
    name: tuple[int, int],
    part: Part,
    speak: Callable[[Record], Body],
) -> tuple[list[Seed], dict[str, Any]]:
    planted: dict[str, Any] = {mark: [] for mark in LISTED}
    planted |= {"one_sided": 0, "differing": 0, "writes": 0, "unlinked": 0}
    ref_of, own_of = opaque_ids(system, *name, collection), _own(system, collection, part)
    empty = dict.fromkeys(EMPTIES.get(collection, ()), "") if system == "gosuslugi" else {}
    is_order = system == "gosuslugi" and collection == "requests"
    seeds = []
    for place, twin in enumerate(twins):
        record = twin.at.get(system)
        if twin.mark != "level":
            _count(planted, twin, system, here=record is not None)
        if record is None:
            continue
        body = speak(record)
        if empty and place % 4 == 1:
            body = empty | body
        body.update(own_of(place))
        if system in twin.overlay:
            body.update(twin.overlay[system])
        ref = str(record["order_id"]) if is_order else ref_of(place)
        seeds.append(Seed(ref, body, twin.changed_at[system]))
        if twin.mark in LISTED:
            planted[twin.mark].append(ref)
    return seeds, planted


def _count(planted: dict[str, Any], twin: Twin, system: System, *, here: bool) -> None:
    if twin.mark == "differing":
        planted["differing"] += 1
        planted["writes"] += twin.ahead not in (system, None)
    elif twin.mark == "one_sided":
        planted["one_sided" if here else "writes"] += 1
    elif twin.mark == "rejected":
        planted["one_sided"] += here
        planted["writes"] += here
    elif twin.mark == "unlinked":
        planted["unlinked"] += here


def _own(system: System, collection: str, part: Part) -> Callable[[int], Body]:
    """Fields that only this system knows; a write of the bridge must leave them as they are."""
    first = part.place(0, 100 * PART)
    if system == "gosuslugi":
        if collection == "requests":
            return lambda _: {}
        return lambda place: {} if place % 3 else {"Примечание портала": f"запись № {first + place + 1}"}
    ehr = opaque_ids("emias", collection, "ehr")
    if collection in ("organizations", "schedules", "visits"):
        return lambda place: {"ehrId": ehr(first + place), "addressPointId": 10_000_000 + first + place}
    return lambda place: {"ehrId": ehr(first + place)}
