"""What citizens do at Gosuslugi: book and cancel, leave a word, change their contacts, submit a request.

Planted records stay untouched by their marks: conflicting and invalid policies have no phone, a visit that
EMIAS will refuse was not booked by its patient, foreign slots are closed.
"""

from __future__ import annotations

from medmost_stand.world import people, wire
from medmost_stand.world.acts import CANCEL_REASONS, NEW_COMMENTS, Act, Scene, russian_moment
from medmost_stand.world.model import Body
from medmost_stand.world.orders import COMMENTS, SERVICES
from medmost_stand.world.spelling import russian_phone


def book(scene: Scene) -> Act | None:
    """A visit on a slot the portal shows as free, for a citizen who already has records here."""
    slot = scene.sample("slots", Состояние="Свободно")
    number = _patient(scene)
    if slot is None or number is None or russian_moment(slot[1]["Начало"]) <= scene.now:
        return None
    schedule = scene.one("schedules", Расписание=slot[1]["Расписание"])
    if schedule is None or schedule.get("Самозапись") != "Да" or _held(scene, slot[1]):
        return None
    names = (schedule["Имя врача"], schedule.get("Отчество врача") or "")
    visit: Body = {
        "Номер полиса": number,
        "OID организации": schedule["OID организации"],
        "СНИЛС врача": schedule["СНИЛС врача"],
        "Начало приёма": slot[1]["Начало"],
        "Окончание приёма": slot[1]["Окончание"],
        "Расписание": schedule["Расписание"],
        "Кабинет": schedule["Кабинет"],
        "Врач": f"{schedule['Фамилия врача']} " + " ".join(f"{name[0]}." for name in names if name),
        "Специальность": schedule["Специальность"],
        "Статус записи": "Записан",
        "Кем записан": "Пациент",
    }
    if scene.rng.random() < 0.3:
        visit["Комментарий"] = scene.rng.choice(NEW_COMMENTS)
    return Act("POST", "visits", None, visit)


def cancel(scene: Scene) -> Act | None:
    """The citizen's own coming visit."""
    if (found := _own_booking(scene)) is None:
        return None
    change = {"Статус записи": "Отменена", "Причина отмены": scene.rng.choice(CANCEL_REASONS)}
    return Act("PUT", "visits", found[0], found[1] | change)


def comment(scene: Scene) -> Act | None:
    """A word to the doctor on a coming visit."""
    if (found := _own_booking(scene)) is None:
        return None
    words = [word for word in NEW_COMMENTS if word != found[1].get("Комментарий")]
    return Act("PUT", "visits", found[0], found[1] | {"Комментарий": scene.rng.choice(words)})


def change_contacts(scene: Scene) -> Act | None:
    """Another phone number or e-mail address on a policy in force."""
    found = scene.sample("policies", Статус="Действует")
    if found is None or not found[1].get("Телефон"):
        return None
    if scene.rng.random() < 0.6:
        change = {"Телефон": russian_phone(f"+79{scene.rng.randrange(10**9):09d}")}
    else:
        change = {"Электронная почта": f"moskvich{scene.rng.randrange(10**6)}@post.example"}
    return Act("PUT", "policies", found[0], found[1] | change)


def submit(scene: Scene) -> Act | None:
    """A new order of a health service."""
    if (number := _patient(scene)) is None:
        return None
    code, name = scene.rng.choice(SERVICES)
    order: Body = {"serviceCode": code, "serviceName": name, "policyNumber": number}
    if scene.rng.random() < 0.5:
        order["comment"] = scene.rng.choice(COMMENTS)
    return Act("POST", "requests", None, order)


def register(scene: Scene) -> Act | None:
    """A policy that nobody had before; its owner gets no account."""
    known = scene.sample("policies", Статус="Действует")
    if known is None or not known[1].get("Поликлиника прикрепления"):
        return None
    record = people.registration(scene.rng, known[1]["Поликлиника прикрепления"], scene.now.date())
    return Act("POST", "policies", None, wire.policies_gosuslugi(record))


def _patient(scene: Scene) -> str | None:
    """The policy of somebody with records at the portal; only trusted citizens have any."""
    found = scene.desk.sample(scene.rng.choice(("visits", "results", "vaccinations")))
    return None if found is None else found[1]["Номер полиса"]


def _held(scene: Scene, slot: Body) -> bool:
    """Whether the portal itself knows a visit at this time; its picture of EMIAS' slots may be older."""
    place = {"Расписание": slot["Расписание"], "Начало приёма": slot["Начало"], "Статус записи": "Записан"}
    return bool(scene.desk.find("visits", **place))


def _own_booking(scene: Scene) -> tuple[str, Body] | None:
    equal = {"Статус записи": "Записан", "Кем записан": "Пациент"}
    found = scene.sample("visits", 40, **equal)
    return found if found and russian_moment(found[1]["Начало приёма"]) > scene.now else None


ACTS = ((book, 40), (cancel, 15), (comment, 12), (change_contacts, 18), (submit, 14), (register, 1))
"""What citizens do, with how often."""
