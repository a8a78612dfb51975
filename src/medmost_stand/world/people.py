"""People of the synthetic Moscow: names, documents, policies, accounts."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Literal

from mimesis import Person as Names
from mimesis.enums import Gender
from mimesis.locales import Locale

from medmost_stand.world import identifiers
from medmost_stand.world.dice import Dice
from medmost_stand.world.model import Citizen, Part, Record

INSURERS = (
    ("77011", "АО «Страховая компания «Капитал столицы»"),
    ("77013", "ООО «Московская медицинская страховая компания»"),
    ("77016", "АО «Медицинская страховая организация «Забота»"),
    ("77018", "ООО «Страховая медицинская компания «Доверие»"),
    ("77021", "АО «Столичный полис»"),
)
OLD_FORM, SINGLE_FORM = "1", "3"


TRUSTED_SHARE = 0.72
"""Part of the people whose ЕСИА account is confirmed."""


def population(people: int, part: Part, today: date) -> list[Citizen]:
    """The citizens with their ЕСИА accounts; policy numbers and SNILS are unique in the whole world."""
    rng = Dice(f"{part.salt}/people")
    names = Names(Locale.RU, seed=part.salt)
    accounts = identifiers.distinct(rng, people, *part.slice(100_000_000, 199_999_999))
    trusted = round(people * TRUSTED_SHARE)
    confirmed = [True] * trusted + [False] * (people - trusted)
    rng.shuffle(confirmed)
    taken: set[str] = set()
    citizens = []
    for place in range(people):
        citizen = _citizen(rng, names, today, part.place(place), accounts[place], taken, part)
        citizen.trusted = confirmed[place]
        citizens.append(citizen)
    return citizens


def stranger(part: Part, ordinal: int, today: date, taken: set[str]) -> Citizen:
    """Somebody without an account, outside the population: the owner of a planted invalid policy."""
    names = Names(Locale.RU, seed=part.salt + 1 + ordinal)
    rng = Random(f"{part.salt}/stranger/{ordinal}")
    return _citizen(rng, names, today, 900_000 + ordinal, 200_000_000 + part.place(ordinal, 10), taken, part)


def _citizen(rng: Random, names: Names, today: date, place: int, account: int, taken: set[str], part: Part) -> Citizen:
    sex: Literal["M", "F"] = "M" if rng.random() < 0.46 else "F"
    gender = Gender.MALE if sex == "M" else Gender.FEMALE
    birth_date = _birth_date(rng, today)
    old = place % 97 == 5
    return Citizen(
        oid=1_000_300_000 + place * 17 + account % 17,
        login=f"moskvich{place + 1:05d}",
        password=f"Demo-{account % 1_000_000:06d}",
        trusted=False,
        policy_number=_policy_number(rng, birth_date, sex, taken, part, old=old),
        last_name=names.last_name(gender=gender),
        first_name=names.first_name(gender=gender),
        patronymic=names.patronymic(gender=gender) if rng.random() > 0.02 else None,
        birth_date=birth_date,
        sex=sex,
        snils=identifiers.snils(account),
        phone=f"+79{rng.randrange(10**9):09d}",
        email=f"person{place + 1:05d}@post.example" if rng.random() < 0.8 else None,
        planted=["old-policy-number"] if old else [],
    )


def _policy_number(
    rng: Random, birth_date: date, sex: Literal["M", "F"], taken: set[str], part: Part, *, old: bool
) -> str:
    while True:
        if old:
            number = identifiers.old_moscow_number(
                birth_date, part.serial(rng.randrange(1_000_000 // part.of), 10**6), part.of
            )
        else:
            number = identifiers.enp(birth_date, sex, part.serial(rng.randrange(100_000 // part.of), 10**5))
        if number not in taken:
            taken.add(number)
            return number


def _birth_date(rng: Random, today: date) -> date:
    """Ages like a clinic's list: a fifth are children, the eldest is 95; the same people all year."""
    years = rng.uniform(0.3, 17) if rng.random() < 0.2 else rng.triangular(18, 95, 45)
    return date(today.year, 1, 1) - timedelta(days=int(years * 365.25))


def renumber(rng: Random, citizen: Citizen, taken: set[str], part: Part) -> None:
    """Another policy number, one that fits the present birth date and sex."""
    citizen.policy_number = _policy_number(rng, citizen.birth_date, citizen.sex, taken, part, old=False)


def policy(rng: Random, citizen: Citizen, clinic_oid: str, today: date) -> Record:
    """The citizen's OMS policy as a neutral record (design §6, policy)."""
    insurer_code, insurer_name = rng.choice(INSURERS)
    old = citizen.policy_number.startswith("7700")
    age = max(1, min((today - citizen.birth_date).days - 1, 4000))
    return {
        "policy_number": citizen.policy_number,
        "policy_type": OLD_FORM if old else SINGLE_FORM,
        "last_name": citizen.last_name,
        "first_name": citizen.first_name,
        "patronymic": citizen.patronymic,
        "birth_date": citizen.birth_date,
        "sex": citizen.sex,
        "snils": citizen.snils,
        "phone": citizen.phone,
        "email": citizen.email,
        "insurer_code": insurer_code,
        "insurer_name": insurer_name,
        "valid_from": today - timedelta(days=rng.randrange(1, age + 1)),
        "valid_to": today + timedelta(days=rng.randrange(100, 900)) if old or rng.random() < 0.1 else None,
        "clinic_oid": clinic_oid,
        "status": "active",
    }


def registration(rng: Random, clinic_oid: str, today: date) -> Record:
    """The policy of somebody new, given out today."""
    owner = stranger(Part(rng.randrange(2**31)), rng.randrange(900_000), today, set())
    return {**policy(rng, owner, clinic_oid, today), "valid_from": today}
