"""Clinics of the synthetic Moscow with subdivisions, their doctors, schedules and slots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from mimesis import Person as Names
from mimesis.enums import Gender
from mimesis.locales import Locale

from medmost_stand.world import identifiers, places
from medmost_stand.world.model import MOSCOW, Part, Record

HORIZON_DAYS = 14
"""Slots are open for two weeks from tomorrow."""
SLOTS_A_SCHEDULE = 19
EXTRA = 100_000
"""Schedules numbered from here on are planted beside the consistent world, with doctors of their own."""


@dataclass(slots=True)
class Desk:
    """A doctor's schedule as the rest of the world needs it: who receives where, how long, since when."""

    schedule: Record
    minutes: int

    @property
    def doctor_fio(self) -> str:
        initials = [self.schedule["doctor_first_name"], self.schedule["doctor_patronymic"]]
        return f"{self.schedule['doctor_last_name']} " + " ".join(f"{name[0]}." for name in initials if name)


def organizations(rng: Random, count: int, part: Part) -> list[Record]:
    """At least `count` organizations: each head has three or four subdivisions and comes before them."""
    heads = max(2, round(count / 4.5))
    numbers = identifiers.distinct(rng, heads, *part.slice(10_000, 99_000))
    made: list[Record] = []
    for place, number in enumerate(numbers):
        head = _head(rng, part.place(place, heads), number)
        made.append(head)
        branches = identifiers.distinct(rng, 4, 20_000, 400_000)
        wanted = 4 if len(made) + 4 <= count - (heads - place - 1) * 3 else 3
        made += [_branch(rng, head, order + 1, own) for order, own in enumerate(branches[:wanted])]
    return made


def extra_organization(rng: Random, ordinal: int, part: Part) -> Record:
    """A head organization of its own numbering, for what is planted beside the consistent world."""
    return _head(rng, 900 + ordinal, 200_000 + part.place(ordinal, 100))


def extra_branch(rng: Random, head: Record, ordinal: int) -> Record:
    """A subdivision opened lately under an existing organization."""
    return _branch(rng, head, 5 + ordinal, 500_000 + ordinal)


def _head(rng: Random, place: int, number: int) -> Record:
    kind = rng.choice(places.TYPES)
    name = f"{places.HEAD} № {place + 2}"
    return {
        "oid": f"{identifiers.MOSCOW_ORGANIZATIONS}.{number}",
        "full_name": f"Государственное бюджетное учреждение здравоохранения города Москвы «{name} "
        "Департамента здравоохранения города Москвы»",
        "short_name": f"ГП {place + 2}",
        "parent_oid": None,
        "type": kind,
        "inn": identifiers.inn(rng.randrange(100_000, 9_999_999)),
        "ogrn": identifiers.ogrn(rng.randrange(2002, 2023), rng.randrange(10_000, 9_999_999)),
        "kpp": identifiers.kpp(rng.randrange(1, 52), "01", 1),
        "deleted_on": None,
        **_whereabouts(rng),
    }


def _branch(rng: Random, head: Record, order: int, own: int) -> Record:
    return {
        **head,
        "oid": f"{head['oid']}.0.{own}",
        "full_name": f"{places.BRANCH} № {order} {head['full_name']}",
        "short_name": f"{head['short_name']} Ф {order}",
        "parent_oid": head["oid"],
        "kpp": identifiers.kpp(int(head["kpp"][2:4]), "45", order),
        **_whereabouts(rng),
    }


def _whereabouts(rng: Random) -> Record:
    return {
        "address": f"{rng.randrange(107_000, 129_999)}, г. Москва, {rng.choice(places.STREETS)}, "
        f"д. {rng.randrange(1, 120)}" + (f", корп. {rng.randrange(1, 5)}" if rng.random() < 0.4 else ""),
        "phone": f"+7495{rng.randrange(10**7):07d}",
        "hours": rng.choice(places.HOURS),
        "latitude": round(rng.uniform(55.57, 55.90), 6),
        "longitude": round(rng.uniform(37.37, 37.84), 6),
    }


def desks(rng: Random, part: Part, count: int, clinics: list[Record], today: date, first: int) -> list[Desk]:
    """`count` schedules, numbered from `first`, of as many doctors, over the given clinics in turn."""
    names = Names(Locale.RU, seed=part.salt * 31 + first)
    low = 20_000_000 + first // EXTRA * 20_000_000
    papers = identifiers.distinct(rng, count, *part.slice(low, low + 20_000_000))
    made = []
    for place in range(count):
        gender = Gender.MALE if rng.random() < 0.3 else Gender.FEMALE
        code, title, minutes = rng.choice(places.SPECIALITIES)
        schedule: Record = {
            "schedule_id": f"{1_400_000 + first + part.place(place, 100)}",
            "doctor_snils": identifiers.snils(papers[place]),
            "doctor_last_name": names.last_name(gender=gender),
            "doctor_first_name": names.first_name(gender=gender),
            "doctor_patronymic": names.patronymic(gender=gender),
            "speciality_code": code,
            "speciality_name": title,
            "organization_oid": clinics[place % len(clinics)]["oid"],
            "room": f"{rng.randrange(1, 6)}{rng.randrange(1, 30):02d}",
            "from_date": (today - timedelta(days=430)).replace(day=1),
            "to_date": today + timedelta(days=rng.randrange(60, 200)),
            "self_booking": rng.random() < 0.9,
        }
        made.append(Desk(schedule, minutes))
    return made


def slots(rng: Random, desk: Desk, today: date) -> Iterator[Record]:
    """Free (now and then closed) times of one schedule, on four working days of the two weeks from tomorrow."""
    days = [today + timedelta(days=ahead) for ahead in range(1, HORIZON_DAYS + 1)]
    working = sorted(rng.sample([day for day in days if day.weekday() < 5], 4))
    first = rng.choice((time(8), time(9, 30), time(12), time(14)))
    reception = rng.choice(places.RECEPTION_TYPES)
    for number in range(SLOTS_A_SCHEDULE):
        day, order = working[number % 4], number // 4
        starts_at = datetime.combine(day, first, MOSCOW) + timedelta(minutes=desk.minutes * order)
        yield {
            "schedule_id": desk.schedule["schedule_id"],
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=desk.minutes),
            "status": "closed" if rng.random() < 0.04 else "free",
            "reception_type": reception,
        }
