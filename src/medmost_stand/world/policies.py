"""How the two systems differ on policies: design §6, policy, with the owners named there."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from medmost_stand.world import people
from medmost_stand.world.cast import Cast
from medmost_stand.world.identifiers import snils
from medmost_stand.world.model import Body, Citizen, Part, Record, System, Twin
from medmost_stand.world.spelling import domestic_phone
from medmost_stand.world.traps import Trap, Traps
from medmost_stand.world.twins import Maker, handful

IMPOSSIBLE: dict[System, tuple[Body, ...]] = {
    "emias": ({"birthDate": "1985-02-31"}, {"status": "SUSPENDED"}, {"snils": 345678912}),  # zeros lost: F40
    "gosuslugi": ({"Дата рождения": "31.02.1985"}, {"Статус": "Приостановлен"}),
}


def twins(
    rng: Random,
    make: Maker,
    citizens: list[Citizen],
    cast: Cast,
    clinics: list[Record],
    today: date,
    traps: Traps,
) -> list[Twin]:
    """One twin a citizen, in the citizens' order, and second policies behind them."""
    part = _parts(cast)
    turns = {"differing": 0, "conflicts": 0, "level": 0}
    others = 0
    made: list[Twin] = []
    seconds: list[Twin] = []
    for citizen in citizens:
        plays = part.get(citizen.oid, "level")
        if plays == "conflicts":  # life leaves people without a phone alone, so it never touches these
            citizen.phone = citizen.email = None
        record = people.policy(rng, citizen, rng.choice(clinics)["oid"], today)
        if plays in turns:
            turns[plays] += 1
        if plays == "only_gosuslugi":
            made.append(make.only("gosuslugi", record, "one_sided"))
        elif plays == "only_emias":
            made.append(make.only("emias", record, "one_sided"))
        elif plays == "conflicts":
            other = contested(record, turns[plays])
            made.append(make.differing("emias", record, other, "conflict"))
        elif plays == "differing":
            made.append(_differing(rng, make, citizen, record, turns[plays]))
        elif (trap := traps.by_oid.get(citizen.oid)) is not None:
            made.append(_trapped(make, record, trap))
            if trap.second is not None:
                seconds.append(make.level(trap.second(record)))
        else:
            made.append(make.level(record))
            others += not citizen.trusted
            if not citizen.trusted and others % 40 == 1:
                _close(citizen, made[-1])
    return made + seconds


def _parts(cast: Cast) -> dict[int, str]:
    names = ("only_gosuslugi", "only_emias", "conflicts", "differing")
    return {citizen.oid: name for name in names for citizen in getattr(cast, name)}


def _trapped(make: Maker, record: Record, trap: Trap) -> Twin:
    record = trap.both(record)
    if trap.there is not None:
        other = trap.there(record)
        return make.differing("emias", record, other, trap.mark)
    twin = make.level(record)
    if trap.overlay is not None:
        twin.overlay["gosuslugi"] = trap.overlay(record)
    return twin


def _close(citizen: Citizen, twin: Twin) -> None:
    """Closed at both, and Gosuslugi still keeps the phone as it was dictated: equal, nobody writes it again."""
    twin.record["status"] = "closed"
    twin.overlay["gosuslugi"] = {"Телефон": domestic_phone(twin.record["phone"])}
    citizen.planted.append("phone-spelling")


def contested(record: Record, turn: int) -> Record:
    """The record with one field changed that only a person may decide."""
    changes: tuple[Record, ...] = (
        {"last_name": f"{record['last_name']}-Покровская"},
        {"birth_date": record["birth_date"] - timedelta(days=1)},
        {"snils": snils(int(record["snils"][:9]) + 1)},
        {"policy_type": "2"},
        {"first_name": "Рената" if record["sex"] == "F" else "Ренат"},
        {"sex": "M" if record["sex"] == "F" else "F"},
    )
    return {**record, **changes[turn % len(changes)]}


def _differing(rng: Random, make: Maker, citizen: Citizen, record: Record, turn: int) -> Twin:
    """By turns ahead at EMIAS (its fields) and at Gosuslugi (phone and e-mail)."""
    if turn % 2:
        return make.differing("emias", record, outdated(rng, record, closable=not citizen.trusted))
    if record["email"] and turn % 4:
        return make.differing("gosuslugi", record, {**record, "email": None})
    return make.differing("gosuslugi", record, {**record, "phone": f"+79{rng.randrange(10**9):09d}"})


def outdated(rng: Random, record: Record, *, closable: bool) -> Record:
    """What Gosuslugi still shows after EMIAS changed insurer, attachment or term (or closed the policy)."""
    insurers = [each for each in people.INSURERS if each[0] != record["insurer_code"]]
    code, name = rng.choice(insurers)
    sort = rng.randrange(4 if closable else 3)
    if sort == 0:
        return {**record, "insurer_code": code, "insurer_name": name}
    if sort == 1:
        return {**record, "valid_from": record["valid_from"] - timedelta(days=rng.randrange(30, 300))}
    if sort == 2:
        head = record["clinic_oid"].split(".0.")[0]
        moved = head if head != record["clinic_oid"] else None
        return {**record, "clinic_oid": moved}
    before = dict(record)
    record["status"] = "closed"
    return before


def invalid(make: Maker, part: Part, citizens: list[Citizen], clinics: list[Record], today: date) -> list[Twin]:
    """Policies of strangers that fit no mapping, some at each system, with nothing that refers to them."""
    taken = {citizen.policy_number for citizen in citizens}
    made: list[Twin] = []
    for system, overlays in IMPOSSIBLE.items():
        for ordinal in range(min(handful(len(citizens), 3), len(overlays))):
            owner = people.stranger(part, len(made), today, taken)
            owner.phone = owner.email = None
            record = people.policy(make.rng, owner, clinics[0]["oid"], today)
            made.append(make.only(system, record, "invalid", overlays[ordinal]))
    return made
