"""What the clinics did for a patient: analyses and studies, vaccinations (neutral records, design §6)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from medmost_stand.world import laboratory
from medmost_stand.world.clinics import Desk
from medmost_stand.world.model import MOSCOW, Record

CALENDAR = (
    # infection, vaccine, youngest age in years, oldest, doses; order 1122н, shortened
    ("Туберкулёз", "БЦЖ-М", 0, 7, 1),
    ("Гепатит B", "Регевак В", 0, 55, 3),
    ("Пневмококковая инфекция", "Превенар 13", 0, 5, 3),
    ("Коклюш, дифтерия, столбняк", "АКДС", 0, 6, 4),
    ("Полиомиелит", "Полимилекс", 0, 6, 5),
    ("Корь, краснуха, паротит", "Вактривир", 1, 18, 2),
    ("Дифтерия, столбняк", "АДС-М", 7, 95, 4),
    ("Корь", "Вакцина коревая живая", 18, 55, 2),
    ("Краснуха", "Вакцина против краснухи", 18, 25, 1),
    ("Грипп", "Ультрикс Квадри", 1, 95, 1),
    ("Грипп", "Совигрипп", 6, 95, 1),
    ("Коронавирусная инфекция COVID-19", "Гам-КОВИД-Вак", 18, 95, 2),
    ("Клещевой энцефалит", "Клещ-Э-Вак", 3, 80, 3),
)
_BY_DAYS = tuple(
    (infection, vaccine, int(youngest * 365.25) + 1, int(oldest * 365.25), doses)
    for infection, vaccine, youngest, oldest, doses in CALENDAR
)
REACTIONS = ("без реакции", "без реакции", "без реакции", "слабая местная", "гиперемия до 5 мм")


def past_moment(rng: Random, today: date, nearest: int, farthest: int) -> datetime:
    """A working moment `nearest` to `farthest` days ago, to the minute, Moscow time."""
    day = today - timedelta(days=rng.randint(nearest, farthest))
    return datetime.combine(day, time(rng.randrange(8, 19), rng.randrange(60)), MOSCOW)


def result(
    rng: Random, document_id: str, policy_number: str, desk: Desk, taken_at: datetime, issued_at: datetime
) -> Record:
    """A laboratory or diagnostic document of the desk's doctor."""
    status = "preliminary" if rng.random() < 0.05 else "cancelled" if rng.random() < 0.02 else "final"
    has_page = rng.random() < 0.7
    return {
        "document_id": document_id,
        "policy_number": policy_number,
        **laboratory.document(rng),
        "status": status,
        "taken_at": taken_at,
        "issued_at": issued_at,
        "organization_oid": desk.schedule["organization_oid"],
        "doctor_name": desk.doctor_fio,
        "document_url": f"https://docs.emias.example/{document_id}" if has_page else None,
    }


def vaccination(
    rng: Random, policy_number: str, birth_date: date, desk: Desk, last_day: date, days: int = 3000
) -> Record:
    """A vaccination of the national calendar that fits the patient's age, done up to `days` before `last_day`."""
    age = max(1, (last_day - birth_date).days)
    fitting = []
    since = age - days
    for infection, vaccine, youngest, oldest, doses in _BY_DAYS:
        latest = min(age, oldest)
        earliest = max(since, youngest)
        if latest >= earliest:
            fitting.append((infection, vaccine, earliest, latest, doses))
    infection, vaccine, earliest, latest, doses = rng.choice(fitting)
    day = birth_date + timedelta(days=rng.randint(earliest, latest))
    return {
        "policy_number": policy_number,
        "infection": infection,
        "date": day,
        "dose": rng.randint(1, doses),
        "vaccine": vaccine,
        "series": f"{rng.choice('АБВГДЕ')}{rng.randrange(10, 99)}-{rng.randrange(100, 9999):04d}",
        "organization_oid": desk.schedule["organization_oid"],
        "reaction": rng.choice(REACTIONS) if rng.random() < 0.8 else None,
    }
