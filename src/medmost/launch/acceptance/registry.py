"""The registry of requirements in the order of their trial (ГОСТ 19.301-79: «Требования к программе», «Методы»)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medmost.domain.kinds import Kind
from medmost.domain.record import Fields, Side
from medmost.launch.acceptance import requirements as trial
from medmost.launch.acceptance.requirements import Act, Requirement
from medmost.launch.acceptance.rig import Rig
from medmost.mapping.contract import Mapping

G, E = Side.GOSUSLUGI, Side.EMIAS
Said = tuple[str, str, str]
Rows = list[tuple[str, str, str, Act]]
APPEARS: tuple[Said, Said] = (
    ("«{kind}»: запись, внесённая в {side}, появляется в другой системе", "внести, дождаться, сверить каждое поле", "одна запись у каждой стороны, все поля равны"),
    ("{kind}: a record entered at {side} appears at the other system", "enter, wait, compare every field", "one record at each side, all fields equal"),
)  # fmt: skip
FOLLOWS: tuple[Said, Said] = (
    ("«{kind}»: изменение в {side} переходит в другую систему", "изменить поля, дождаться, сверить каждое", "все поля равны, лишних записей нет"),
    ("{kind}: a change at {side} crosses to the other system", "change fields, wait, compare each", "all fields equal, no further record"),
)  # fmt: skip
NAMES = {G: ("Госуслугах", "Gosuslugi"), E: ("ЕМИАС", "EMIAS")}

ENTERED: list[tuple[Side, str, Callable[[Rig], Fields]]] = [
    (E, "organization", lambda rig: rig.objects.organization()),
    (E, "schedule", lambda rig: rig.objects.schedule()),
    (E, "slot", lambda rig: rig.objects.slot(1)),
    (E, "policy", lambda rig: rig.objects.policy(rig.objects.patient)),
    (G, "policy", lambda rig: rig.objects.policy(rig.objects.neighbour)),
    (E, "visit", lambda rig: rig.objects.visit(rig.objects.patient, 1)),
    (G, "visit", lambda rig: rig.objects.visit(rig.objects.neighbour, 3)),
    (E, "result", lambda rig: rig.objects.result()),
    (E, "vaccination", lambda rig: rig.objects.vaccination()),
]
"""Which side a kind's test record is entered at. Requests are filed by applicants alone."""


async def _linked(rig: Rig) -> list[trial.Trouble]:
    """The two patients give their consent before anything personal may cross."""
    await rig.link(rig.objects.patient, rig.objects.neighbour)
    return []


BEFORE: Rows = [
    ("1.1", "Обе системы отвечают, подпись, ключи и токены приняты", "Both systems answer; signature, keys and tokens are accepted", trial._access),
    ("2.0", "Согласия испытательных пациентов внесены", "The test patients' consents are entered", _linked),
]  # fmt: skip
AFTER: Rows = [
    ("3.10", "Правка на Госуслугах того, чем ведает ЕМИАС, исправляется", "A change at Gosuslugi of what EMIAS rules is put right", trial._put_back),
    ("4.1", "Заявки читаются и при записи не меняются", "Requests are read, and do not change when written", trial._requests),
    ("5.1", "Повтор ничего не отправляет и не удваивает", "Repetition sends nothing and doubles nothing", trial._nothing_twice),
    ("5.2", "Повторный запрос с тем же ключом не создаёт второй записи", "A request repeated with its key makes no second record", trial._same_key),
    ("6.1", "Неполная запись в Госуслугах получает понятный отказ", "A record that lacks fields is refused clearly at Gosuslugi", trial.refuses(G)),
    ("6.2", "Неполная запись в ЕМИАС получает понятный отказ", "A record that lacks fields is refused clearly at EMIAS", trial.refuses(E)),
    ("6.3", "Занятое время: визит на Госуслугах отклонён с причиной", "A taken hour: the visit at Gosuslugi is rejected with a reason", trial._slot_taken),
    ("7.1", "Без согласия личная запись не уходит", "Nothing personal crosses without consent", trial._no_consent),
    ("8.1", "После перерыва связи всё доставлено один раз", "After an outage all is delivered, once", trial._outage),
    ("9.1", "Удаление в ЕМИАС переходит на Госуслуги", "A delete at EMIAS crosses to Gosuslugi", trial._delete),
    ("9.2", "Обе стороны изменили поле: решает человек, ничего не затёрто", "Both sides changed a field: a person decides, nothing is overwritten", trial._conflict),
]  # fmt: skip


def registry(mappings: dict[str, Mapping]) -> Iterator[Requirement]:
    """Every requirement of a run, in order. Ids are stable: protocols of different days can be laid side by side."""
    access, consents = (_one(*row) for row in BEFORE)
    yield access
    for number, (side, kind, made) in enumerate(ENTERED, 1):
        if kind == "visit" and side is E:
            yield consents
        yield _of_kind(f"2.{number}", APPEARS, side, mappings[kind].kind, trial.crosses(side, kind, made))
    for number, (side, kind, made) in enumerate(ENTERED, 1):
        yield _of_kind(f"3.{number}", FOLLOWS, side, mappings[kind].kind, trial.follows(side, kind, made))
    for row in AFTER:
        yield _one(*row)


def _of_kind(id_: str, words: tuple[Said, Said], side: Side, kind: Kind, act: Act) -> Requirement:
    """`words`: requirement, method, expected result in both languages; the first names the kind and the side."""
    (first_ru, *ru), (first_en, *en) = words
    place_ru, place_en = NAMES[side]
    return Requirement(
        id_,
        (first_ru.format(kind=kind.title_ru, side=place_ru), ru[0], ru[1]),
        (first_en.format(kind=kind.title_en, side=place_en), en[0], en[1]),
        act,
    )


def _one(id_: str, ru: str, en: str, act: Act) -> Requirement:
    method, holds = (
        ("выполнить на настоящих концах", "carried out on the real ends"),
        ("требование выполнено", "the requirement holds"),
    )
    return Requirement(id_, (ru, method[0], holds[0]), (en, method[1], holds[1]), act)


# ruff: noqa: E501  # one requirement a line reads like the table that it is
