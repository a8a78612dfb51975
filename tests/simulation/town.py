"""One run: two systems, people, notices, a machine with medmost on it, and the weather; all drawn from one seed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from simulation import bridge
from simulation.acts import People
from simulation.bridge import Process, dump, template
from simulation.dialects import Emias, Gosuslugi
from simulation.judge import at_rest, journal_of, level
from simulation.log import Log
from simulation.loop import Endless, SimLoop
from simulation.model import EPOCH, Effect, Kept, Portal, Rules
from simulation.papers import BOTH, COLLECTIONS, KIND, OTHER, PERSONAL, natural, patient_of
from simulation.weather import EVENTS, HOOKS, Weather

SIGN_KEY = base64.b64decode(bridge.SECRET[6:] + "==")
BOUND = 3600.0
"""Virtual seconds within which everything must be level once faults stop: two polls and the longest pauses."""

ACCEPTED = 4200.0
"""Longer where a system answers "accepted, result later": a result that never comes is looked for after an hour."""


@dataclass(frozen=True)
class Plan:
    """What a seed makes of a run."""

    seed: int
    acts: int = 400
    per_second: float = 2.0
    patients: int = 8
    collections: tuple[str, ...] = COLLECTIONS
    pace: tuple[float, float] = (20.0, 60.0)
    weather: float = 1.0
    quiet: float = 400.0
    calm: bool = False  # no faults at all
    sure: tuple[str, ...] = ()  # faults that it has in any case
    surely: float = 1.0  # and their share
    rules: tuple[str, ...] = ()  # "accepts later", "doubles": what the systems do, whatever the seed says
    busy: bool = False  # people leave out what can have no effect, and conflicts are answered soon


MIXES = (
    ("policies",), ("policies", "visits"), ("policies", "results", "organizations"), ("policies", "requests"),
    ("policies", "visits", "vaccinations"), COLLECTIONS,
)  # fmt: skip


def drawn(seed: int, acts: int = 400) -> Plan:
    rng = random.Random(f"plan {seed}")
    return Plan(
        seed, acts=acts, per_second=rng.choice((0.5, 2.0, 2.0, 6.0)), patients=rng.choice((3, 8, 20)),
        collections=rng.choice(MIXES), pace=rng.choice(((20.0, 60.0), (20.0, 60.0), (300.0, 900.0))),
        weather=rng.choice((0.5, 1.0, 2.0)),
    )  # fmt: skip


def campaign(seed: int) -> Plan:
    """A long run for `make simulate`: many records, so that most changes cross, and faults enough to meet them."""
    rng = random.Random(f"campaign {seed}")
    return replace(
        drawn(seed, 900), per_second=rng.choice((4.0, 6.0, 12.0)), patients=rng.choice((20, 40, 60)),
        weather=rng.choice((0.1, 0.3, 0.3, 1.0)), quiet=60.0, busy=True,
    )  # fmt: skip


@dataclass
class Verdict:
    """What came of a run."""

    plan: Plan
    problems: list[str]
    synced: Counter[str]
    acts: Counter[str]
    faults: Counter[str]
    cells: Counter[tuple[str, str]]
    steps: int
    seconds: float
    writes: int
    digest: str
    lags: list[float]
    points: int = 0

    @property
    def sort(self) -> str:
        return " ".join(self.problems[0].split(" ")[:1]) if self.problems else ""


class Town:
    """Everything there is, on one loop."""

    def __init__(self, plan: Plan, folder: Path, kill_at: dict[str, int] | None = None) -> None:
        self.plan, self.seed, self.folder = plan, plan.seed, folder
        self.rng = random.Random(f"town {plan.seed}")
        self.loop = SimLoop(random.Random(f"loop {plan.seed}"), shuffles=plan.seed % 4 != 0)
        self.weather = Weather.clear(random.Random(0)) if plan.calm else Weather.drawn(
            random.Random(f"weather {plan.seed}"), plan.weather)  # fmt: skip
        self.weather.shares |= dict.fromkeys(plan.sure, plan.surely)
        self.log = Log()
        self.collections, self.pace = plan.collections, plan.pace
        self.kinds = [KIND[name] for name in COLLECTIONS if name in plan.collections]
        self.in_flight = self.rng.choice((4, 16, 64))
        self.per_minute = 60_000
        self.our_skew = 0.0
        self.trace = hashlib.blake2b(digest_size=16)
        self.story: list[str] | None = None
        self.portals: dict[str, Portal] = {}
        for cls in (Gosuslugi, Emias):
            portal = cls(self.loop.time, self._rules(cls.side), natural)
            portal.told = self._effect
            portal.later = lambda make: self.loop.soon(self.rng.random() * 20, make)
            self.portals[cls.side] = portal
        numbers = [f"77564108341{n:05d}" for n in range(plan.patients + 1)]
        self.patients = tuple(numbers)
        self.log.names |= set(numbers)
        self.people = People(self, random.Random(f"people {plan.seed}"))
        self.process: Process | None = None
        self.owners = 0
        self.copy: Path | None = None
        self.down: dict[tuple[str, str], float] = {}  # (system, what) -> until
        self.kill_at = kill_at or {}
        self.points: Counter[str] = Counter()
        self.kills: list[str] = []
        self.dying: str | None = None
        self.hooks_under_way = 0
        self.quiet_since = -1.0
        self.loop.on_step = self._on_step
        self.loop.on_work = self._on_work
        self.path.write_bytes(template())
        bridge.our_clock_for_notices(lambda: EPOCH + self.loop.now + self.our_skew)
        bridge.quiet_logs(self.log.lines.append)

    @property
    def path(self) -> Path:
        return self.folder / "state.sqlite"

    def _rules(self, side: str) -> Rules:
        rng, calm = random.Random(f"rules {side} {self.seed}"), self.plan.calm
        rules = Rules(
            shouts=side == "emias" and rng.random() < 0.25, trims=rng.random() < 0.3,
            accepts_later=side == "emias" and rng.random() < 0.1 and not calm, unique=rng.random() < 0.75,
            page=rng.choice((3, 7, 50)), token_life=rng.choice((120.0, 600.0, 3600.0)),
            skew=0.0 if calm else rng.choice((0.0, 0.0, -7.0, 40.0, 3600.0)), quiet_hooks=rng.random() < 0.3,
        )  # fmt: skip
        rules.accepts_later |= side == "emias" and "accepts later" in self.plan.rules and not calm
        rules.unique &= "doubles" not in self.plan.rules
        return rules

    # ------------------------------------------------------------ a run
    def play(self) -> Verdict:
        problems: list[str] = []
        asyncio._set_running_loop(self.loop)  # its steps are taken by hand, one at a time
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=lambda _: None)  # what a dead process left half read is not read on
        try:
            self._furnish()
            self.start()
            self._acts()
            self.weather.on = False
            self._calm_down()
            problems = self._liveness() or self._quiet()
        except Endless as never:
            problems = [f"I6 {never}"]
        finally:
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
        problems = [*[f"raised: {one}" for one in self.loop.failed[:3]], *self.log.problems, *problems]
        writes = self.log.writes
        self._close()
        return Verdict(
            self.plan, list(dict.fromkeys(problems)), self.log.synced, self.log.acts, self.weather.fired,
            self.weather.cells, self.loop.steps, self.loop.now, writes, self.trace.hexdigest(), self.log.lags,
        )  # fmt: skip

    def _furnish(self) -> None:
        """The patients' policies are there before medmost is, at either system or at both."""
        for number in self.patients:
            side = self.rng.choice(BOTH)
            self.people.new("policies", number, side)
        for _ in range(self.rng.choice((0, 5, 20)) + 2 * self.plan.patients * self.plan.busy):
            self.people.enter()

    def start(self) -> None:
        if self.process is not None and not self.process.main.done() and self.process.owner not in self.loop.dead:
            return
        self.owners += 1
        self.process = Process(self, self.owners, self.path)
        if self.owners == 1:
            self.loop.soon(1.0, self._first_links)

    def _first_links(self) -> None:
        if self.process is None or not self.process.ready:
            self.loop.soon(1.0, self._first_links)
            return
        for number in self.patients[:-1]:
            self.process.link(number)

    def _acts(self) -> None:
        self._next_act(self.plan.acts)
        self._next_event()
        self._next_decision()
        while self._acting:
            self.loop._run_once()

    _acting = True

    def _next_act(self, left: int) -> None:
        if left <= 0:
            self._acting = False
            return
        for portal in self.portals.values():
            portal.lag = self.rng.random() * 60 if self.weather.strikes("committed late", 0.2) else 0.0
            if portal.lag:
                self.struck("committed late", portal.side, "", "", None)
        self.people.act()
        self.loop.soon(self.rng.expovariate(self.plan.per_second), self._next_act, left - 1)

    def _next_decision(self) -> None:
        if not self._acting:
            return
        if self.process is not None and self.process.ready:
            draw, side = self.rng.random(), self.rng.choice(BOTH)
            self.process.look_at_brakes()
            self.process.decide(draw, side)
            if self.weather.strikes("two operators decide", 0.5):
                self.struck("two operators decide", "emias", "", "", None)
                self.process.decide(draw, OTHER[side])
        pause = 3.0 if self.plan.busy else 20.0
        self.loop.soon(pause + self.rng.random() * pause, self._next_decision)

    def _calm_down(self) -> None:
        """Faults stop: clocks stay as they are, everything is up, spoilt records are mended."""
        self.down.clear()
        self.loop.frozen.clear()
        while self.people.spoilt:
            self.people.mend()
        for portal in self.portals.values():
            portal.lag = 0.0
        self.start_soon(0.1)

    def run_for(self, seconds: float) -> None:
        end = self.loop.now + seconds
        marker = self.loop.soon(seconds, lambda: None)
        while self.loop.now < end:
            self.loop._run_once()
        marker.cancel()

    def _liveness(self) -> list[str]:
        """Level within a bound of virtual time; the oracle looks now and then, and the last look counts."""
        began, problems = self.loop.now, ["I6 never looked"]
        bound = BOUND + (ACCEPTED if any(portal.rules.accepts_later for portal in self.portals.values()) else 0.0)
        while self.loop.now - began < bound:
            self.run_for(min(30.0, self.pace[0]))
            if self.process is None or not self.process.ready or self.hooks_under_way:
                continue
            self.process.look_at_brakes()
            if not level(dump(self.process.database)):
                continue
            problems = self._judged()
            if not problems:
                return []
        if self.process is None or not self.process.ready:
            return ["I6 medmost does not run"]
        return self._judged() or [
            f"I6 not level {bound:.0f} s after the last fault: {journal_of(dump(self.process.database))}"
        ]

    def _judged(self) -> list[str]:
        assert self.process is not None
        account = dump(self.process.database)
        return at_rest(self.log, self.portals, account, self.collections, calm=self.plan.calm and not self.plan.sure)

    def _quiet(self) -> list[str]:
        """Nothing more is written."""
        before = self.log.writes
        self.run_for(self.plan.quiet)
        if self.log.writes != before:
            return [f"I7 {self.log.writes - before} writes after everything was level"]
        return self._judged()

    def _close(self) -> None:
        if self.process is not None:
            self.process.database.cut()
        self.loop.dead |= set(range(1, self.owners + 1))
        self.loop.bury()
        self.loop.close()

    # ------------------------------------------------------------ the machine's misfortunes
    def _on_step(self, owner: int) -> bool:
        self.points["step"] += 1
        if self.kill_at and self.points["step"] == self.kill_at.get("step"):
            return self._kill("step")
        if self.dying is not None and self.rng.random() < 0.02:
            return self._kill(self.dying)
        return False

    def _on_work(self, owner: int, writes: bool, before: bool) -> bool:
        if not writes:
            return False
        name = "before a commit" if before else "after a commit"
        return self.dies(owner, name)

    def dies(self, owner: int, point: str) -> bool:
        """Does the process end at this point?"""
        if self.process is None or owner != self.process.owner:
            return owner in self.loop.dead
        self.points[point] += 1
        if self.kill_at and self.points[point] == self.kill_at.get(point):
            return self._kill(point)
        event = "killed at a commit" if "commit" in point else "killed at a call"
        if self.weather.strikes(event, 0.0006):
            self.struck(event, "emias", "", "", None)
            return self._kill(point)
        if not self.process.ready and self.owners > 1 and self.weather.strikes("killed while recovering", 0.02):
            self.struck("killed while recovering", "emias", "", "", None)
            return self._kill(point)
        return False

    def _kill(self, point: str) -> bool:
        assert self.process is not None
        self.kills.append(point)
        self.dying = None
        self.hash(f"killed {point}")
        self.process.kill()
        self.start_soon(self.rng.choice((0.5, 3.0, 40.0)))
        return True

    def start_soon(self, seconds: float) -> None:
        self.loop.soon(seconds, self.start)

    def ended(self, process: Process, code: str) -> None:
        """A process ended by itself: stopped in order, or in the face of a trouble it cannot go on with."""
        self.hash(f"ended {code}")
        if process is self.process:
            process.kill()
            self.start_soon(self.rng.choice((0.5, 5.0)))

    def _next_event(self) -> None:
        if not self._acting:
            return
        for name in EVENTS:
            if self.weather.strikes(name, 0.06):
                self._event(name)
        self.loop.soon(10.0, self._next_event)

    def _event(self, name: str) -> None:
        process, side, rng = self.process, self.rng.choice(BOTH), self.rng
        if process is None or not process.ready:
            return
        if name in ("killed at a commit", "killed at a call", "killed while recovering", "committed late"):
            return  # strike at their points
        self.struck(name, side, "", "", None)
        if name == "killed":
            self.dying = "await"
        elif name == "stopped and started" and process.stop is not None:
            process.stop.set()
        elif name == "asleep for minutes":
            self.log.slept = True
            self.loop.frozen[process.owner] = self.loop.now + rng.choice((30.0, 90.0, 600.0))
        elif name == "loop blocked":
            self.log.slept = True
            self.loop.jump(rng.choice((5.0, 30.0, 70.0)))
        elif name == "disk full":
            process.database.full = rng.choice((1, 3, 20))
        else:
            self._system_event(name, side)

    def _system_event(self, name: str, side: str) -> None:
        rng = self.rng
        if name == "system down":
            self.down[side, ""] = self.loop.now + rng.choice((5.0, 60.0, 200.0))
        elif name == "writes closed":
            self.down[side, "writes"] = self.loop.now + rng.choice((30.0, 120.0))
        elif name == "one kind down":
            self.down[side, rng.choice(self.collections)] = self.loop.now + rng.choice((30.0, 120.0))
        elif name == "its clock jumps":
            self.portals[side].rules.skew += rng.choice((-90.0, -20.0, 15.0, 300.0))
        elif name == "our clock jumps":
            self.our_skew += rng.choice((-3600.0, -30.0, 30.0, 3600.0))
        elif name == "key rotated":
            self.portals[side].tokens.clear()

    def closed(self, side: str, call: str, collection: str) -> str | None:
        """An outage under way that this call meets."""
        if not self.down:
            return None
        now = self.loop.now
        if self.down.get((side, ""), 0.0) > now:
            return "no connection"
        if call in ("create", "put", "delete") and self.down.get((side, "writes"), 0.0) > now:
            return "writes closed"
        return "one kind down" if collection and self.down.get((side, collection), 0.0) > now else None

    # ------------------------------------------------------------ the wire
    def travel(self) -> float:
        return 0.002 + self.rng.random() * 0.03

    def struck(self, name: str, side: str, collection: str, ref: str, body: bytes | None) -> None:
        """Counts a fault with the states of what it struck."""
        states: tuple[str, ...] = ("new",)
        if self.process is not None:
            pair = pair_in(body) if body is not None and not ref else None
            states = self.process.states_of(side, collection, ref, pair)
        self.weather.note(name, states)
        self.hash(f"{self.loop.now:.6f} {name} {side} {collection} {ref}")

    def hash(self, line: str) -> None:
        self.trace.update(line.encode())
        if self.story is not None:
            self.story.append(f"{self.loop.now:10.3f} {line}")

    def of_another(self, portal: Portal, collection: str, ref: str, body: bytes) -> bytes:
        """Another patient's record instead of the right one (F29): whole, or behind the right id and version.

        The latter only where the record is known to medmost: nobody could tell at first sight.
        """
        try:
            doc = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        if not isinstance(doc, dict) or collection == "organizations":
            return body
        whose = patient_of(portal.side, collection, self._whole(portal, collection, doc))
        others = [kept for kept in portal.of(collection).values() if kept.doc is not None
                  and patient_of(portal.side, collection, kept.doc) != whose]  # fmt: skip
        if not others or collection == "requests":
            return body
        other = portal.shown(collection, self.rng.choice(others))
        known = self.process is not None and "new" not in self.process.states_of(portal.side, collection, ref, None)
        if ref and known and collection in PERSONAL and self.rng.random() < 0.5:
            head = ("id", "version", "updatedAt", "originId", "редакция", "изменено", "внешнийИд")
            other = {name: value for name, value in other.items() if name not in head}
            other |= {name: value for name, value in doc.items() if name in head}
        return orjson.dumps(other)

    def _whole(self, portal: Portal, collection: str, doc: dict[str, Any]) -> dict[str, Any]:
        kept = portal.of(collection).get(str(doc.get("id")))
        return kept.doc if kept is not None and kept.doc is not None else {}

    # ------------------------------------------------------------ effects and notices
    def _effect(self, portal: Portal, effect: Effect, kept: Kept) -> None:
        what = f"{effect.side} {effect.op} {effect.collection} {effect.ref} v{effect.version} {effect.by}"
        self.hash(f"{self.loop.now:.6f} {what}")
        self.log.effect(portal, effect, kept)
        if portal.subscription is None:
            return
        if self.weather.strikes("notice lost", 0.3):
            self._hook_fault("notice lost", effect)
            return
        times = 1
        if self.weather.strikes("notice twice", 0.3):
            self._hook_fault("notice twice", effect)
            times = 2
        body = self._notice(portal, effect)
        id_ = f"{portal.side}-{effect.n}"
        for _ in range(times):
            delay = self.rng.random() * 0.4
            if self.weather.strikes("notice late", 0.2):
                self._hook_fault("notice late", effect)
                delay += self.rng.random() * 200
            self.hooks_under_way += 1
            self.loop.soon(delay, self._knock, portal.side, id_, body, 0, "")
        for name in ("notice forged", "notice replayed", "notice mangled", "notice of an unknown"):
            if self.weather.strikes(name, 0.05):
                self._hook_fault(name, effect)
                self._bad_notice(name, portal.side, id_, body)

    def _hook_fault(self, name: str, effect: Effect) -> None:
        assert name in HOOKS
        self.struck(name, effect.side, effect.collection, effect.ref, None)

    def _notice(self, portal: Portal, effect: Effect) -> bytes:
        kept = portal.of(effect.collection)[effect.ref]
        told: dict[str, Any] = {"collection": effect.collection, "id": effect.ref, "version": effect.version,
                                "event": "deleted" if effect.op == "delete" else "changed"}  # fmt: skip
        if not portal.rules.quiet_hooks and self.rng.random() < 0.8:
            told["record"] = portal.shown(effect.collection, kept)
        return orjson.dumps(told)

    def _bad_notice(self, name: str, side: str, id_: str, body: bytes) -> None:
        self.hooks_under_way += 1
        if name == "notice of an unknown":
            told = orjson.loads(body) | {"id": "never-was"}
            self.loop.soon(0.3, self._knock, side, id_ + "-u", orjson.dumps({**told, "record": None}), 0, "unknown")
        elif name == "notice replayed":
            self.loop.soon(10.0 if self.plan.busy else 400.0, self._knock, side, id_, body, 0, "replayed")
        else:
            self.loop.soon(
                0.3, self._knock, side, id_ + "-x", body, 0, "forged" if name == "notice forged" else "mangled"
            )

    def _knock(self, side: str, id_: str, body: bytes, tries: int, how: str, at: float | None = None) -> None:
        """Brings a notice; one that is not taken is brought again, later each time."""
        process = self.process
        at = EPOCH + self.loop.now + self.our_skew if at is None or how == "" else at
        if how == "replayed":
            at = EPOCH + self.loop.now + self.our_skew - 400.0
        if process is None or not process.ready:
            self._knock_again(side, id_, body, tries, how)
            return
        headers = sign(id_, at, body)
        if how == "forged":
            headers["webhook-signature"] = "v1," + base64.b64encode(b"x" * 32).decode()
        if how == "mangled":
            body = body.replace(b'"version":', b'"version":1')
        owner, heard = process.owner, [False]

        def told(verdict: str) -> None:
            heard[0] = True
            self.hash(f"{self.loop.now:.6f} notice {id_} {verdict}")
            if how in ("forged", "replayed", "mangled"):
                self.hooks_under_way -= 1
                if verdict != "bad_signature":
                    self.log.problems.append(f"I13 a {how} notice was {verdict}")
            elif verdict in ("accepted", "duplicate"):
                self.hooks_under_way -= 1
            else:
                self._knock_again(side, id_, body, tries, how)

        process.take(side, headers, body, told)
        self.loop.soon(60.0, self._knock_unanswered, owner, heard, side, id_, body, tries, how)

    def _knock_unanswered(
        self, owner: int, heard: list[bool], side: str, id_: str, body: bytes, tries: int, how: str
    ) -> None:
        """The receiver died over it: the sender had no answer."""
        if heard[0]:
            return
        if owner in self.loop.dead:
            self._knock_again(side, id_, body, tries, how)
        else:
            self.loop.soon(60.0, self._knock_unanswered, owner, heard, side, id_, body, tries, how)

    def _knock_again(self, side: str, id_: str, body: bytes, tries: int, how: str) -> None:
        if tries >= 5:
            self.hooks_under_way -= 1
            return
        self.loop.soon(5.0 * 2**tries, self._knock, side, id_, body, tries + 1, how)


def pair_in(body: bytes) -> int | None:
    """The pair that our mark in a create names."""
    start = body.find(b'"mm-')
    if start < 0:
        return None
    try:
        return int(body[start + 4 : body.index(b"-", start + 4)], 16)
    except ValueError:
        return None


def sign(id_: str, at: float, body: bytes) -> dict[str, str]:
    """Standard Webhooks headers."""
    stamp = str(int(at))
    digest = hmac.digest(SIGN_KEY, f"{id_}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def play(plan: Plan, folder: Path, kill_at: dict[str, int] | None = None) -> Verdict:
    """One run, in a folder of its own."""
    inside = folder / f"run-{plan.seed}-{random.random()}"
    inside.mkdir()
    try:
        return Town(plan, inside, kill_at).play()
    finally:
        shutil.rmtree(inside)
