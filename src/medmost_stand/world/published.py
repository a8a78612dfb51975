"""How the two systems differ on what clinics publish, which flows from EMIAS alone: organizations, schedules, slots."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from medmost_stand.world import clinics, places
from medmost_stand.world.clinics import Desk
from medmost_stand.world.model import MOSCOW, Body, Part, Record, Twin
from medmost_stand.world.twins import Maker, handful, share

IMPOSSIBLE: dict[str, tuple[Body, ...]] = {
    "organizations": ({"deleteDate": "2026-02-31"}, {"latitude": "на севере"}),
    "schedules": ({"period": {"dateFrom": "2026-02-31", "dateTo": "2026-12-31"}}, {"arSpecialityId": "терапевт"}),
    "slots": ({"status": "HELD"}, {"endTime": "2026-02-31T10:00:00+03:00"}),
}


def stale_organization(rng: Random, record: Record) -> Record:
    """Before the telephone, the hours or the site was changed."""
    sort = rng.randrange(3)
    if sort == 0:
        return {**record, "phone": f"+7499{rng.randrange(10**7):07d}"}
    if sort == 1:
        others = [hours for hours in places.HOURS if hours != record["hours"]]
        return {**record, "hours": rng.choice(others)}
    return {**record, "latitude": round(record["latitude"] + 0.0125, 6), "short_name": f"{record['short_name']} (ДЗМ)"}


def stale_schedule(rng: Random, record: Record) -> Record:
    """Before the doctor got another room, a longer term or self-booking."""
    sort = rng.randrange(3)
    if sort == 0:
        return {**record, "room": f"{rng.randrange(6, 10)}{rng.randrange(1, 30):02d}"}
    if sort == 1:
        return {**record, "to_date": record["to_date"] - timedelta(days=7)}
    return {**record, "self_booking": not record["self_booking"]}


def stale_slot(rng: Random, record: Record) -> Record:
    """Before the slot was taken, freed or closed, or its kind of reception was changed."""
    if rng.random() < 0.3:
        others = [code for code in places.RECEPTION_TYPES if code != record["reception_type"]]
        return {**record, "reception_type": rng.choice(others)}
    return {**record, "status": "busy" if record["status"] == "free" else "free"}


def organizations(make: Maker, listed: list[Record], people: int, part: Part) -> list[Twin]:
    """Level and changed ones, subdivisions opened lately, one closed for good, foreign and invalid ones."""
    rng = make.rng
    twins = [make.level(record) for record in listed]
    for place in rng.sample(range(len(listed)), share(len(listed), 0.085)):
        twins[place] = make.differing("emias", listed[place], stale_organization(rng, listed[place]))
    heads = [record for record in listed if record["parent_oid"] is None]
    for ordinal in range(share(len(listed), 0.11)):
        branch = clinics.extra_branch(rng, rng.choice(heads), ordinal)
        twins.append(make.only("emias", branch, "one_sided"))
    closed = {**clinics.extra_organization(rng, 90, part), "deleted_on": make.midnight.date() - timedelta(days=200)}
    twins.append(make.level(closed))
    twins += [
        make.only("gosuslugi", clinics.extra_organization(rng, ordinal, part), "foreign")
        for ordinal in range(handful(people, 4))
    ]
    for ordinal, overlay in enumerate(IMPOSSIBLE["organizations"][: handful(people, 2)]):
        twins.append(make.only("emias", clinics.extra_organization(rng, 50 + ordinal, part), "invalid", overlay))
    return twins


def schedules(make: Maker, listed: list[Desk], fresh: list[Desk], odd: list[Desk], people: int) -> list[Twin]:
    """`fresh` are new at EMIAS; `odd` supplies the foreign and the invalid ones, which nothing refers to."""
    rng = make.rng
    twins = [make.level(desk.schedule) for desk in listed]
    for place in rng.sample(range(len(listed)), share(len(listed), 0.085)):
        record = listed[place].schedule
        twins[place] = make.differing("emias", record, stale_schedule(rng, record))
    twins += [make.only("emias", desk.schedule, "one_sided") for desk in fresh]
    foreign, invalid = handful(people, 4), handful(people, 2)
    twins += [make.only("gosuslugi", desk.schedule, "foreign") for desk in odd[:foreign]]
    for desk, overlay in zip(odd[foreign : foreign + invalid], IMPOSSIBLE["schedules"], strict=False):
        twins.append(make.only("emias", desk.schedule, "invalid", overlay))
    return twins


def slots(
    make: Maker, listed: list[Record], fresh: list[Record], stolen: list[Record], people: int, desk: Desk
) -> list[Twin]:
    """`fresh` are new at EMIAS; `stolen` are busy at EMIAS and still free at Gosuslugi, where a second
    patient booked them (see differences of visits); foreign and invalid ones hang on `desk`."""
    rng = make.rng
    special = {id(record) for record in (*fresh, *stolen)}
    ordinary = [record for record in listed if id(record) not in special]
    twins = [make.level(record) for record in ordinary]
    for place in rng.sample(range(len(ordinary)), share(len(ordinary), 0.09)):
        twins[place] = make.differing("emias", ordinary[place], stale_slot(rng, ordinary[place]))
    twins += [make.only("emias", record, "one_sided") for record in fresh]
    twins += [make.differing("emias", record, {**record, "status": "free"}) for record in stolen]
    for ordinal in range(handful(people, 4)):
        twins.append(make.only("gosuslugi", _odd_slot(make, desk, 30 + ordinal), "foreign"))
    for ordinal, overlay in enumerate(IMPOSSIBLE["slots"][: handful(people, 2)]):
        twins.append(make.only("emias", _odd_slot(make, desk, 40 + ordinal), "invalid", overlay))
    return twins


def _odd_slot(make: Maker, desk: Desk, minute: int) -> Record:
    """A closed time late in the evening of the day after tomorrow, where no schedule of this world has slots."""
    day: date = make.midnight.date() + timedelta(days=2)
    starts_at = datetime.combine(day, time(21, minute), MOSCOW)
    return {
        "schedule_id": desk.schedule["schedule_id"],
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=desk.minutes),
        "status": "closed",
        "reception_type": places.RECEPTION_TYPES[0],
    }
