"""The registry of requirements in the order of their trial (ГОСТ 19.301-79: «Требования к программе», «Методы»)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medmost.domain.record import Fields, Side
from medmost.launch.acceptance import requirements as trial
from medmost.launch.acceptance.requirements import Act, Requirement
from medmost.launch.acceptance.rig import Rig
from medmost.mapping.contract import Mapping

G, E = Side.GOSUSLUGI, Side.EMIAS
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


def registry(mappings: dict[str, Mapping]) -> Iterator[Requirement]:
    """Every requirement of a run, in order. Ids are stable: protocols of different days can be laid side by side."""
    yield _one(
        "1.1",
        "Обе системы отвечают, подпись, ключи и токены приняты",
        "Both systems answer; signature, keys and tokens are accepted",
        trial._access,
    )
    for number, (side, kind, made) in enumerate(ENTERED, 1):
        if kind == "visit" and side is E:
            yield _one(
                "2.0", "Согласия испытательных пациентов внесены", "The test patients' consents are entered", _linked
            )
        (ru, en), title = NAMES[side], mappings[kind].kind
        yield Requirement(
            f"2.{number}",
            (f"«{title.title_ru}»: запись, внесённая в {ru}, появляется в другой системе", "внести, дождаться, сверить каждое поле", "одна запись у каждой стороны, все поля равны"),
            (f"{title.title_en}: a record entered at {en} appears at the other system", "enter, wait, compare every field", "one record at each side, all fields equal"),
            trial.crosses(side, kind, made),
        )  # fmt: skip
    for number, (side, kind, made) in enumerate(ENTERED, 1):
        (ru, en), title = NAMES[side], mappings[kind].kind
        yield Requirement(
            f"3.{number}",
            (f"«{title.title_ru}»: изменение в {ru} переходит в другую систему", "изменить поля, дождаться, сверить каждое", "все поля равны, лишних записей нет"),
            (f"{title.title_en}: a change at {en} crosses to the other system", "change fields, wait, compare each", "all fields equal, no further record"),
            trial.follows(side, kind, made),
        )  # fmt: skip
    yield from _others()


def _others() -> Iterator[Requirement]:
    yield _one(
        "3.10",
        "Правка на Госуслугах того, чем ведает ЕМИАС, исправляется",
        "A change at Gosuslugi of what EMIAS rules is put right",
        trial._put_back,
    )
    yield _one(
        "4.1",
        "Заявки читаются и при записи не меняются",
        "Requests are read, and do not change when written",
        trial._requests,
    )
    yield _one(
        "5.1",
        "Повтор ничего не отправляет и не удваивает",
        "Repetition sends nothing and doubles nothing",
        trial._nothing_twice,
    )
    yield _one(
        "5.2",
        "Повторный запрос с тем же ключом не создаёт второй записи",
        "A request repeated with its key makes no second record",
        trial._same_key,
    )
    for number, side in enumerate((G, E), 1):
        ru, en = NAMES[side]
        yield _one(
            f"6.{number}",
            f"Неполная запись в {ru} получает понятный отказ",
            f"A record that lacks fields is refused clearly at {en}",
            trial.refuses(side),
        )
    yield _one(
        "6.3",
        "Занятое время: визит на Госуслугах отклонён с причиной",
        "A taken hour: the visit at Gosuslugi is rejected with a reason",
        trial._slot_taken,
    )
    yield _one(
        "7.1", "Без согласия личная запись не уходит", "Nothing personal crosses without consent", trial._no_consent
    )
    yield _one(
        "8.1", "После перерыва связи всё доставлено один раз", "After an outage all is delivered, once", trial._outage
    )
    yield _one(
        "9.1", "Удаление в ЕМИАС переходит на Госуслуги", "A delete at EMIAS crosses to Gosuslugi", trial._delete
    )
    yield _one(
        "9.2",
        "Обе стороны изменили поле: решает человек, ничего не затёрто",
        "Both sides changed a field: a person decides, nothing is overwritten",
        trial._conflict,
    )


def _one(id_: str, ru: str, en: str, act: Act) -> Requirement:
    return Requirement(
        id_, (ru, "выполнить на настоящих концах", "требование выполнено"), (en, "carried out on the real ends", "the requirement holds"), act
    )  # fmt: skip


# ruff: noqa: E501  # one requirement a line reads like the table that it is
