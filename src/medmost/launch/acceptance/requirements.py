"""The registry: requirement → method → expected result → what does it. Sections follow ГОСТ 19.301-79."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from medmost.domain.errors import MedmostError, Refused
from medmost.domain.kinds import Kind
from medmost.domain.record import BOTH, Fields, Side
from medmost.launch.acceptance.objects import CHANGES, differing
from medmost.launch.acceptance.rig import Rig
from medmost.launch.check import check

G, E = Side.GOSUSLUGI, Side.EMIAS
Trouble = tuple[str, str]
"""What is not as it should be, in Russian and English; kinds, fields and codes only, never a value."""
Act = Callable[[Rig], Awaitable[list[Trouble]]]


class Requirement(msgspec.Struct, frozen=True):
    """`id` is stable; `ru` and `en`: requirement, method, expected result."""

    id: str
    ru: tuple[str, str, str]
    en: tuple[str, str, str]
    act: Act


# ---------------------------------------------------------------- comparing both ends
def carried(kind: Kind) -> list[str]:
    return [field.name for field in kind.fields if field.only is None]


async def same_at_both(rig: Rig, kind: str, entered: Fields) -> list[Trouble]:
    """Once at each side, every field as it was entered."""
    names, troubles = carried(rig.house.mappings[kind].kind), []
    for side in BOTH:
        found = await rig.shown(side, kind, entered)
        if len(found) != 1:
            troubles.append(
                (f"{kind}: у {side} записей {len(found)}, а не одна", f"{kind}: {len(found)} at {side}, not one")
            )
        troubles += [
            (f"{kind}.{name}: у {side} не то, что введено", f"{kind}.{name}: not as entered at {side}")
            for fields in list(found.values())[:1]
            for name in differing(entered, fields, names)
        ]
    return troubles


def crosses(side: Side, kind: str, made: Callable[[Rig], Fields]) -> Act:
    """A record entered at `side` comes to stand at both, whole."""

    async def act(rig: Rig) -> list[Trouble]:
        entered = made(rig)
        rig.refs[f"{side} {kind}"] = await rig.enter(side, kind, entered)
        await rig.level()
        return await same_at_both(rig, kind, entered)

    return act


def follows(side: Side, kind: str, made: Callable[[Rig], Fields]) -> Act:
    """What is changed at `side` afterwards is changed at both."""

    async def act(rig: Rig) -> list[Trouble]:
        changed = CHANGES[kind]
        await rig.change(side, kind, rig.refs[f"{side} {kind}"], changed)
        await rig.level()
        return await same_at_both(rig, kind, made(rig) | changed)

    return act


# ---------------------------------------------------------------- single requirements
async def _access(rig: Rig) -> list[Trouble]:
    report = await check(rig.house.mappings, rig.ends, environment="stand")
    return [
        (f"{one.system}: {one.ru}", f"{one.system}: {one.en}") for one in report.findings if one.severity == "problem"
    ]


async def _requests(rig: Rig) -> list[Trouble]:
    """Only an applicant can file one: those that are there are read, and written back as they were read."""
    mapping, troubles = rig.house.mappings["request"], []
    for side in BOTH:
        async for page in rig.ends[side].everything("request"):
            bodies = [seen.doc for seen in page.observations if seen.doc is not None]
            readings = [(body, mapping.read(side, body)) for body in bodies]
            bad = [reading for _, reading in readings if reading.problems]
            if 2 * len(bad) > len(bodies):
                numbers = f"{len(bad)}/{len(bodies)}"
                troubles.append(
                    (f"request: у {side} не читается {numbers}", f"request: {numbers} unreadable at {side}")
                )
            for body, reading in readings:
                again = (
                    mapping.read(side, mapping.write(side, reading.fields, body)) if not reading.problems else reading
                )
                troubles += [
                    (f"request.{name}: у {side} меняется при записи", f"request.{name}: changes when written at {side}")
                    for name in differing(reading.fields, again.fields, carried(mapping.kind))
                ]
            break
    return troubles


async def _put_back(rig: Rig) -> list[Trouble]:
    """EMIAS rules organizations: what is changed at Gosuslugi is put right."""
    (ref,) = await rig.shown(G, "organization", rig.objects.organization())
    await rig.change(G, "organization", ref, {"short_name": "Не то"})
    await rig.level()
    return await same_at_both(rig, "organization", rig.objects.organization() | CHANGES["organization"])


async def _nothing_twice(rig: Rig) -> list[Trouble]:
    troubles = []
    if writes := await rig.level() + await rig.level():
        troubles.append((f"при равных записях отправлено {writes}", f"{writes} writes though all was level"))
    for side, end in rig.systems.items():
        seen: dict[tuple[str, str], int] = {}
        for kind, ref in end.made:
            shown = await rig.ends[side].read(kind, ref)
            reading = None if shown is None or shown.doc is None else rig.house.mappings[kind].read(side, shown.doc)
            key = None if reading is None else rig.house.mappings[kind].kind.key_of(reading.fields)
            if key is not None:
                seen[kind, key] = seen.get((kind, key), 0) + 1
        troubles += [
            (f"{kind}: у {side} одна запись {times} раза", f"{kind}: one record {times} times at {side}")
            for (kind, _), times in seen.items()
            if times > 1
        ]
    return troubles


async def _same_key(rig: Rig) -> list[Trouble]:
    """A create repeated with its idempotency key makes one record."""
    troubles = []
    for side in BOTH:
        fields, key = rig.objects.policy(rig.objects.stranger) | {"snils": None}, f"acpt-{rig.objects.tag}-{side}"
        refs = {await rig.enter(side, "policy", fields, key) for _ in range(2)}
        if len(refs) != 1:
            troubles.append(
                (f"{side}: повтор запроса создал вторую запись", f"{side}: a repeated request made a second record")
            )
    await rig.level()
    return troubles


def refuses(side: Side) -> Act:
    """A record without its obligatory fields is refused in words that a person understands."""

    async def act(rig: Rig) -> list[Trouble]:
        fields = {**rig.objects.policy(rig.objects.stranger), "last_name": None, "birth_date": None}
        try:
            await rig.enter(side, "policy", fields)
        except Refused as refused:
            if refused.said and refused.reason.strip():
                return []
            return [(f"{side}: отказ без кода или слов", f"{side}: refused without a code or words")]
        return [(f"{side}: неполная запись принята", f"{side}: a record that lacks fields was taken")]

    return act


async def _slot_taken(rig: Rig) -> list[Trouble]:
    """An hour that EMIAS gives to nobody: its refusal comes back to Gosuslugi as a rejected visit with a reason."""
    await rig.enter(E, "slot", rig.objects.slot(10) | {"status": "closed"})
    ref = await rig.enter(G, "visit", rig.objects.visit(rig.objects.neighbour, 10))
    await rig.level()
    seen = await rig.ends[G].read("visit", ref)
    fields = {} if seen is None or seen.doc is None else rig.house.mappings["visit"].read(G, seen.doc).fields
    if fields.get("status") != "rejected" or not fields.get("cancel_reason"):
        return [("visit: занятое время не отклонено с причиной", "visit: a taken hour was not rejected with a reason")]
    return []


async def _conflict(rig: Rig) -> list[Trouble]:
    """Both sides changed a field that a person decides: neither value is lost."""
    for side, name in ((G, "Первая"), (E, "Вторая")):
        (ref,) = await rig.shown(side, "policy", rig.objects.policy(rig.objects.patient))
        await rig.change(side, "policy", ref, {"last_name": name})
    writes = await rig.level()
    states = await rig.states("policy")
    if writes or not states.get("conflict"):
        return [("policy: спор не остановлен для человека", "policy: a conflict was not held for a person")]
    return []


async def _no_consent(rig: Rig) -> list[Trouble]:
    entered = rig.objects.visit(rig.objects.stranger, 5)
    await rig.enter(E, "visit", entered)
    await rig.level()
    if await rig.shown(G, "visit", entered):
        return [("visit: без согласия запись ушла на Госуслуги", "visit: crossed to Gosuslugi without consent")]
    return []


async def _outage(rig: Rig) -> list[Trouble]:
    """EMIAS away while a person books at Gosuslugi; the visit arrives after its return, once."""
    entered = rig.objects.visit(rig.objects.patient, 8)
    rig.systems[E].cut = True
    try:
        await rig.enter(G, "visit", entered)
        await rig.level(patience=0.0)
    finally:
        rig.systems[E].cut = False
    await rig.level()
    return await same_at_both(rig, "visit", entered)


async def _delete(rig: Rig) -> list[Trouble]:
    ref = rig.refs[f"{E} vaccination"]
    await rig.systems[E].remove("vaccination", ref, f"acpt-{rig.objects.tag}-d")
    await rig.level()
    if await rig.shown(G, "vaccination", rig.objects.vaccination()):
        return [
            (
                "vaccination: удалённое в ЕМИАС осталось на Госуслугах",
                "vaccination: deleted at EMIAS, still at Gosuslugi",
            )
        ]
    return []


async def carry_out(requirement: Requirement, rig: Rig) -> list[Trouble]:
    """Runs one requirement; what a system or our own step raises fails it by name."""
    try:
        return await requirement.act(rig)
    except MedmostError as error:
        return [(error.text("ru"), error.text("en"))]
    except (LookupError, ValueError):
        return [("нет записи, которую должно было оставить прежнее требование", "a former requirement left no record")]
