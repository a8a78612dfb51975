"""Random histories: drawn from a seed as a list of small acts, played, brought to rest, checked, shrunk."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medmost.domain.errors import Fatal, MedmostError, Stale, Transient
from medmost.domain.record import BOTH, Side
from medmost.store import deliveries
from medmost.sync.linked import read_left_over
from simulation.checks import at_rest
from simulation.people import CREATED_AT, EDITED, PATIENTS, STATUSES
from simulation.portals import Flavour
from simulation.world import MAPPINGS, Task, World, next_wake
from systems_troubles import refusal

Act = tuple[str, tuple[int, ...]]
"""A verb and eight numbers, which it reads as it likes: acts stay good when others before them are left out."""

WEIGHTS = {
    "enter": 6, "same": 2, "edit": 22, "status": 5, "row": 4, "rekey": 2, "move": 2, "remove": 3, "spoil": 1, "mend": 1,
    "tick": 14, "poll": 5, "hook": 12, "claim": 12, "run": 14, "step": 12, "settle": 8, "lose": 10, "kill": 5,
    "refuse": 3, "stale": 4, "deny": 1, "late": 6, "time": 8, "restart": 2, "decide": 3, "job": 4, "unlink": 1,
    "link": 1,
}  # fmt: skip

FLAVOURS: dict[str, Flavour] = {
    "plain": Flavour(),
    "shouting": Flavour(shouts=True),
    "strict": Flavour(unique=True, quiet_hooks=True),
    "forgetful": Flavour(remembers=False),
    "forgetful and strict": Flavour(remembers=False, unique=True),
    "replays the present": Flavour(replays_present=True),
    "accepts, result later": Flavour(accepts_later=True),
}
MIXES = (("policy",), ("visit", "policy"), ("result", "policy"), ("request", "policy"), ("policy", "visit", "result"))


@dataclass(frozen=True)
class Script:
    seed: int
    flavour: str
    kinds: tuple[str, ...]
    level_start: bool
    acts: tuple[Act, ...]

    def told(self) -> str:
        start = "level" if self.level_start else "empty"
        head = f"seed {self.seed}: {self.flavour}, {', '.join(self.kinds)}, {start} start"
        return "\n".join([head, *(f"  {verb} {numbers}" for verb, numbers in self.acts)])


def draw(seed: int, least: int = 40, most: int = 80) -> Script:
    rng = random.Random(seed)
    length = rng.randint(least, most)
    weights = [weight * rng.choice((0.2, 1, 1, 1, 3)) for weight in WEIGHTS.values()]  # each history has its own habits
    verbs = rng.choices(list(WEIGHTS), weights, k=length)
    acts = tuple((verb, tuple(rng.randrange(240) for _ in range(6))) for verb in verbs)
    flavour = rng.choice(list(FLAVOURS))
    return Script(seed, flavour, rng.choice(MIXES), rng.random() < 0.8, acts)


class Player:
    """Plays a script in a world."""

    def __init__(self, script: Script, world: World) -> None:
        self.script, self.world = script, world

    def play(self) -> None:
        world = self.world
        if self.script.level_start:
            for kind in self.script.kinds:
                self.enter((0, 0, 0, 0, 0, 0), kind)
            self.rest()
        for verb, numbers in self.script.acts:
            world.told.trace.append(f"{verb} {numbers}")
            getattr(self, verb)(numbers)

    # ------------------------------------------------------------ people
    def enter(self, n: tuple[int, ...], kind: str | None = None) -> None:
        kind = kind or self.script.kinds[n[0] % len(self.script.kinds)]
        side = CREATED_AT[kind][n[1] % len(CREATED_AT[kind])]
        patient = PATIENTS[n[2] % len(PATIENTS)]
        fields = self.world.people.fresh(kind, patient)
        if kind == "visit" and n[3] % 4 == 0:  # an hour that somebody may have already
            fields |= self.world.people.hour(back=1)
        self._put_new(kind, side, self.world.people.document(kind, side, fields))

    def _put_new(self, kind: str, side: Side, doc: dict[str, object]) -> None:
        portal = self.world.portals[side]
        if portal.twin_of(kind, doc) is None and not (side is Side.EMIAS and kind == "visit" and portal._taken(doc)):
            portal.put(kind, doc)

    def same(self, n: tuple[int, ...]) -> None:
        """The same real thing is entered at the other system, too."""
        found = self._pick(n, sides=BOTH)
        if found is None or found[0] in ("request", "result"):
            return
        kind, side, ref = found
        fields = MAPPINGS[kind].read(side, self.world.portals[side].doc(kind, ref)).fields
        key = {name: fields[name] for name in MAPPINGS[kind].kind.key} | (
            {"ends_at": fields["ends_at"]} if kind == "visit" else {}
        )
        new = self.world.people.fresh(kind, fields["policy_number"], key)
        self._put_new(kind, side.other, self.world.people.document(kind, side.other, new))

    def _pick(self, n: tuple[int, ...], sides: tuple[Side, ...] = BOTH) -> tuple[str, Side, str] | None:
        side = sides[n[0] % len(sides)]
        portal = self.world.portals[side]
        live = [(kind, side, ref) for kind in self.script.kinds for ref in portal.refs(kind)]
        found = live[n[1] % len(live)] if live else None
        left = found is not None and "movedTo" in portal.doc(found[0], found[2])
        return None if left else found  # nobody works on what a visit has moved away from

    def edit(self, n: tuple[int, ...]) -> None:
        found = self._pick(n)
        if found is None:
            return
        kind, side, ref = found
        portal, name = self.world.portals[side], EDITED[kind][n[2] % len(EDITED[kind])]
        portal.put(kind, self.world.people.changed(kind, side, ref, portal.doc(kind, ref), name), ref)

    def status(self, n: tuple[int, ...]) -> None:
        """A visit goes on, as the system's own rules allow; with a cancellation comes its reason."""
        found = self._pick(n)
        if found is None or found[0] != "visit":
            return
        kind, side, ref = found
        portal, mapping = self.world.portals[side], MAPPINGS[kind]
        doc, wanted = portal.doc(kind, ref), STATUSES[n[2] % len(STATUSES)]
        now = mapping.read(side, doc).fields["status"]
        if wanted in mapping.kind.field("status").order.get(str(now), ()):
            told = {"status": wanted} | ({"cancel_reason": f"причина {n[3]}"} if wanted == "cancelled" else {})
            portal.put(kind, mapping.write(side, told, doc), ref)
            self.world.told.statuses.setdefault(ref, []).append(wanted)

    def row(self, n: tuple[int, ...]) -> None:
        found = self._pick(n)
        if found is not None and found[0] == "request":
            kind, side, ref = found
            portal = self.world.portals[side]
            portal.put(kind, self.world.people.with_row(side, portal.doc(kind, ref), 3 + n[2] % 3), ref)

    def rekey(self, n: tuple[int, ...]) -> None:
        """A policy gets another number; a visit is moved within its record."""
        found = self._pick(n)
        if found is None or found[0] not in ("policy", "visit") or not self._known(*found):
            return
        kind, side, ref = found
        portal, mapping, people = self.world.portals[side], MAPPINGS[kind], self.world.people
        told = {"policy_number": f"77564108342{n[2]:05d}"} if kind == "policy" else people.hour(back=n[2] % 2)
        doc = mapping.write(side, told, portal.doc(kind, ref))
        if portal.twin_of(kind, doc, but=ref) is None:
            portal.put(kind, doc, ref)

    def move(self, n: tuple[int, ...]) -> None:
        """EMIAS moves a visit: a new record takes the place of the old one, which stays as cancelled."""
        found = self._pick(n, sides=(Side.EMIAS,))
        if found is None or found[0] != "visit":
            return
        kind, side, ref = found
        portal, mapping = self.world.portals[side], MAPPINGS[kind]
        old = portal.doc(kind, ref)
        if mapping.read(side, old).fields["status"] != "booked" or "movedTo" in old:
            return
        told = {**self.world.people.hour(), "comment": mapping.read(side, old).fields["comment"]}
        new = portal.put(kind, {**mapping.write(side, told, old), "movedFrom": ref})
        portal.put(kind, {**mapping.write(side, {"status": "cancelled"}, old), "movedTo": new}, ref)

    def _known(self, kind: str, side: Side, ref: str) -> bool:
        query = "SELECT pair FROM alias WHERE kind = ? AND side = ? AND ref = ? AND pair IS NOT NULL"
        return self.world.database.look(lambda tx: tx.execute(query, (kind, side.value, ref)).fetchone()) is not None

    def remove(self, n: tuple[int, ...]) -> None:
        found = self._pick(n)
        if found is not None and found[0] != "request":
            self.world.portals[found[1]].remove(found[0], found[2])

    def spoil(self, n: tuple[int, ...]) -> None:
        """A code that no dictionary has."""
        found = self._pick(n)
        if found is not None and found[0] in ("policy", "visit"):
            kind, side, ref = found
            name = {"policy": {Side.EMIAS: "sex", Side.GOSUSLUGI: "Пол"},
                    "visit": {Side.EMIAS: "source", Side.GOSUSLUGI: "Кем записан"}}[kind][side]  # fmt: skip
            self.world.portals[side].edit(kind, ref, **{name: "?"})

    def mend(self, n: tuple[int, ...]) -> None:
        for side in BOTH:
            for kind in ("policy", "visit"):
                for ref in self.world.portals[side].refs(kind):
                    doc = self.world.portals[side].doc(kind, ref)
                    spoilt = [name for name, value in doc.items() if value == "?"]
                    right = {"sex": "F", "Пол": "Женский", "source": "PORTAL", "Кем записан": "Пациент"}
                    if spoilt:
                        self.world.portals[side].edit(kind, ref, **{name: right[name] for name in spoilt})

    def link(self, n: tuple[int, ...]) -> None:
        self.world.link(PATIENTS[n[0] % 3])

    def unlink(self, n: tuple[int, ...]) -> None:
        self.world.unlink(PATIENTS[n[0] % 3])
        self.world.told.unlinked.add(PATIENTS[n[0] % 3])

    def decide(self, n: tuple[int, ...]) -> None:
        self.world.decide(n[0], BOTH[n[1] % 2])

    # ------------------------------------------------------------ workers
    def poll(self, n: tuple[int, ...]) -> None:
        task = self.world.poll(BOTH[n[0] % 2], self.script.kinds[n[1] % len(self.script.kinds)])
        for _ in range(99 if n[2] % 2 else n[3] % 4):
            if not self.world.step(task):
                break

    def tick(self, n: tuple[int, ...]) -> None:
        """Both systems are polled, and what that makes due is on its way."""
        for side in BOTH:
            for kind in self.script.kinds:
                self.world.finish(self.world.poll(side, kind))
        self.claim(n)

    def hook(self, n: tuple[int, ...]) -> None:
        """A notice arrives: any of those under way, now and then more than once."""
        hooks = self.world.air.hooks
        if hooks:
            hook = hooks[n[0] % len(hooks)]
            if n[1] % 3:
                hooks.remove(hook)
            else:
                self.world.told.faults["notice twice"] += 1
            task = self.world.notice(hook)
            if n[2] % 3:
                self.world.finish(task)

    def claim(self, n: tuple[int, ...]) -> None:
        """Whatever side has something due; the flights go as far as the wire, or further."""
        side = BOTH[n[0] % 2]
        for task in self.world.deliver(side, 1 + n[1] % 3) or self.world.deliver(side.other, 1 + n[1] % 3):
            for _ in range(n[2] % 4):
                if not self.world.step(task):
                    break

    def _task(self, number: int) -> Task | None:
        """Any worker, deliveries before others two times out of three."""
        flights = [one for one in self.world.tasks if one.flight]
        tasks = flights if flights and number % 3 else self.world.tasks
        return tasks[number // 3 % len(tasks)] if tasks else None

    def run(self, n: tuple[int, ...]) -> None:
        if task := self._task(n[0]):
            self.world.finish(task)
            if n[1] % 3:
                self.world.settle()

    def step(self, n: tuple[int, ...]) -> None:
        if task := self._task(n[0]):
            self.world.step(task)

    def settle(self, n: tuple[int, ...]) -> None:
        self.world.settle()

    # ------------------------------------------------------------ faults
    def lose(self, n: tuple[int, ...]) -> None:
        """The connection breaks: before the request left, on its way, or on the answer's way."""
        task = self._waiting(n)
        if task is None or task.at is None:
            return
        arrived = not (task.at.before and n[1] % 3 == 0)
        self.world.told.faults["lost answer" if not task.at.before else "lost request"] += 1
        if task.at.before and arrived and task.at.arrive is not None and self._may_come_late(task):
            self.world.net.append(task.at)
        self.world.step(task, Transient("MM-SYS-LOST", "нет ответа", "no answer", arrived=arrived))

    def _may_come_late(self, task: Task) -> bool:
        """A create may be repeated at once: that it still arrives is harmless only where keys are remembered."""
        return self.world.flavour.remembers or task.flight is None or task.flight.op != "create"

    def _waiting(self, n: tuple[int, ...], *calls: str) -> Task | None:
        tasks = [one for one in self.world.tasks if one.at and (not calls or (one.at.before and one.at.call in calls))]
        flights = [one for one in tasks if one.flight and one.at and one.at.call in ("write", "delete")]
        tasks = flights if flights and n[5] % 3 else tasks
        return tasks[n[0] % len(tasks)] if tasks else None

    def _answer(self, n: tuple[int, ...], name: str, error: MedmostError, *calls: str) -> None:
        if task := self._waiting(n, *calls):
            self.world.told.faults[name] += 1
            self.world.step(task, error)

    def refuse(self, n: tuple[int, ...]) -> None:
        self._answer(n, "refusal", refusal("SIM_INVALID_FIELD", "Не принято"), "write", "delete")

    def stale(self, n: tuple[int, ...]) -> None:
        if (task := self._waiting(n, "write", "delete")) and task.flight and task.flight.op != "create":
            self.world.told.faults["stale"] += 1
            self.world.step(task, Stale("MM-SYS-STALE", "изменилась", "moved on"))

    def deny(self, n: tuple[int, ...]) -> None:
        task = self._waiting(n, "write", "delete", "find", "read")
        if task and task.flight:
            self.world.told.faults["denied"] += 1
            self.world.step(task, Fatal("MM-SYS-CREDENTIALS", "не приняты", "not accepted"))

    def kill(self, n: tuple[int, ...]) -> None:
        if task := self._task(n[0]):
            self.world.told.faults["worker died"] += 1
            self.world.drop(task, leaves=n[1] % 2 == 0)

    def late(self, n: tuple[int, ...]) -> None:
        if self.world.net:
            self.world.arrive(self.world.net[n[0] % len(self.world.net)])

    def time(self, n: tuple[int, ...]) -> None:
        self.world.pass_time((0.3, 2.0, 6.0, 21.0, 26.0, 400.0)[n[0] % 6], list(n[1:]))

    def restart(self, n: tuple[int, ...]) -> None:
        self.world.told.faults["restart"] += 1
        self.world.restart(list(n))

    def job(self, n: tuple[int, ...]) -> None:
        if self.world.air.jobs:
            job = self.world.air.jobs.pop(n[0] % len(self.world.air.jobs))
            if n[1] % 4:
                job.make()

    # ------------------------------------------------------------ rest
    def rest(self) -> int:
        """Faults are off; everything is polled and delivered until nothing is due. Returns medmost's writes."""
        world = self.world
        for task in list(world.tasks):
            world.finish(task)
        world.settle()
        world.pass_time(world.house.deadline + 1, [0, 0])
        while world.air.jobs:
            world.air.jobs.pop(0).make()
        for _ in range(40):
            before = self._writes()
            world.air.hooks.clear()
            for side in BOTH:
                for kind in self.script.kinds:
                    world.finish(world.poll(side, kind))
            left_over = read_left_over(world.house, world.database, world.pollers)
            world.finish(world.begin("left over", left_over))
            busy = self._deliver_all() and not world.waits_for_mending()
            if not busy and before == self._writes():
                return before
            world.clock.at += 700.0
        raise AssertionError("never comes to rest")

    def _deliver_all(self) -> bool:
        busy = False
        for _ in range(60):
            flown = [task for side in BOTH for task in self.world.deliver(side, 64)]
            for task in flown:
                self.world.finish(task)
            self.world.settle()
            while self.world.air.jobs:
                self.world.air.jobs.pop(0).make()
            if flown:
                busy = True
                continue
            busy = busy or bool(self.world.database.look(deliveries.pending)[deliveries.DUE])
            wake = self.world.database.look(next_wake)
            if wake is None:
                return busy
            busy = True
            self.world.clock.at = max(self.world.clock.at + 1.0, wake)
        raise AssertionError("never comes to rest: rows keep coming due")

    def _writes(self) -> int:
        return sum(len(portal.written()) for portal in self.world.portals.values())


@dataclass
class Verdict:
    problems: list[str]
    faults: Counter[str]
    trace: list[str]
    steps: int
    writes: int

    @property
    def sort(self) -> str:
        return self.problems[0].partition(":")[0] if self.problems else ""


def play(script: Script, folder: Path) -> Verdict:
    """One history from its first act to rest."""
    world = World(folder, FLAVOURS[script.flavour])
    player, problems, writes = Player(script, world), [], 0
    try:
        player.play()
        world.told.trace.append("rest")
        player.rest()
        problems = at_rest(world)
        writes = player._writes()
        world.clock.at += 86400.0
        player.rest()
        if not problems and player._writes() != writes:
            problems = ["restless: writes after rest"]
    except AssertionError as never:
        problems = [*world.told.problems, str(never)]
    except (sqlite3.Error, Fatal, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as broken:
        problems = [f"raised: {type(broken).__name__} {broken}"]
    finally:
        world.close()
    return Verdict(problems, world.told.faults, world.told.trace, len(script.acts), writes)


def shrink(script: Script, fails: Callable[[Script], bool], tries: int = 400) -> Script:
    """The fewest acts that still fail in the same way, by leaving out ever smaller parts."""
    size = max(1, len(script.acts) // 2)
    while size and tries:
        start, smaller = 0, False
        while start < len(script.acts) and tries:
            less = Script(
                script.seed, script.flavour, script.kinds, script.level_start,
                script.acts[:start] + script.acts[start + size :],
            )  # fmt: skip
            tries -= 1
            if fails(less):
                script, smaller = less, True
            else:
                start += size
        if not smaller:
            size //= 2
    return script


def quick_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is one: SQLite syncs every commit, and no power fails here."""
    memory = Path("/dev/shm")  # noqa: S108  # a private folder is made inside it
    return tempfile.TemporaryDirectory(prefix="medmost-history-", dir=memory if memory.is_dir() else None)
