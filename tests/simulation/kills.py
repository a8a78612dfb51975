"""Every place where a process can end: each step of its loop, each commit and each call, before and after.

A flow is played with one fault. At its places the simulation forks: the child's process of medmost dies there, is
started again and must bring everything level; the parent goes on as if nothing had happened. So a place costs one
recovery and not one run. Every second child dies once more while it recovers.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import msgspec

from simulation.histories import quick_folder
from simulation.town import Plan, Town
from simulation.weather import CALLS

FLOWS: dict[str, tuple[str, ...]] = {
    "policies": ("policies",), "visits": ("policies", "visits"), "results": ("policies", "results"),
    "vaccinations": ("policies", "vaccinations"), "requests": ("policies", "requests"),
    "organizations": ("policies", "organizations"),
}  # fmt: skip
NONE = "no fault"
SOME_OF_PEOPLE = ("both edit one field", "deleted against an edit", "deleted at both", "entered twice", "key changed",
                  "moved")  # fmt: skip
NOTICES = ("notice lost", "notice twice", "notice late", "committed late")
FAULTS = (NONE, *CALLS, *NOTICES, *SOME_OF_PEOPLE)
PARTS = 8
"""Each unit takes every eighth place; so the first hour sees every flow with every fault, and the others the rest."""
SEEDS = 5
ACTS_AFTER = 2


class Unit(msgspec.Struct, frozen=True):
    """A part of the places of one flow with one fault: what a line of the progress file is about."""

    flow: str
    seed: int
    fault: str
    part: int = 0


class Told(msgspec.Struct):
    """What came of a unit: places at which it was killed, by their sort, and what went wrong."""

    unit: Unit
    struck: int
    places: dict[str, int]
    problems: list[str]
    seconds: float


class Forking(Town):
    """A run that forks at its places: every so many steps of the loop, and every so many places around an effect.

    `only`: forks at this one place alone, and its child tells the whole story.
    """

    def __init__(self, unit: Unit, folder: Path, every: int, every_effect: int, only: str = "") -> None:
        super().__init__(plan_of(unit), folder)
        self.unit, self.only = unit, only
        self.every, self.every_effect = every, every_effect
        self.places: Counter[str] = Counter()
        self.told: list[str] = []
        self.child = self.slowed = False
        self.forking = True
        self.story = [] if only else None

    def _on_step(self, owner: int) -> bool:
        self.points["step"] += 1
        return self._is_place("step", self.every) and self._fork("step", self.points["step"])

    def dies(self, owner: int, point: str) -> bool:
        if self.process is None or owner != self.process.owner:
            return owner in self.loop.dead
        if self.child and self.again_at:
            self.again_at -= 1
            if not self.again_at:
                self._kill(f"again {point}")
                return True
        self.points["effect"] += 1
        return self._is_place("effect", self.every_effect) and self._fork(point, self.points["effect"])

    def _is_place(self, sort: str, every: int) -> bool:
        return bool(self.only) or self.points[sort] % every == self.unit.part % every

    def _next_act(self, left: int) -> None:
        """After a kill people do a little more, while it recovers, and then wait for its end."""
        super()._next_act(min(left, ACTS_AFTER) if self.child and not self.slowed else left)
        self.slowed = self.child

    def _calm_down(self) -> None:
        super()._calm_down()
        self.loop.soon(15.0, self._no_more)

    def _no_more(self) -> None:
        self.forking = False

    again_at = 0

    def _fork(self, point: str, number: int) -> bool:
        """True in the child, whose process is dead now."""
        place = f"{point} at {number}"
        if self.child or not self.forking or self.only not in ("", place):
            return False
        self.places[point] += 1
        sys.stdout.flush()
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            with os.fdopen(reading) as told:
                line = told.read()
            os.waitpid(child, 0)
            if line != "right":
                self.told.append(f"{place}: {line or 'the child died'}")
            return False
        os.close(reading)
        gc.disable()  # a short life: looking for garbage costs more than keeping it
        self.child, self.pipe = True, writing
        self.plan = replace(self.plan, calm=False)  # an answer under way is lost with the process
        asyncio._set_running_loop(self.loop)  # it is known by process
        self.again_at = (number // PARTS % 2) * (1 + number // PARTS % 7)
        self._die_apart()
        return True

    def _die_apart(self) -> None:
        """The child's own copy of the state, and no hand on the parent's: its connections are left as they are."""
        assert self.process is not None
        mine = self.folder / f"child-{os.getpid()}"
        mine.mkdir()
        for tail in ("", "-wal"):
            part = self.path.with_name(self.path.name + tail)
            if part.exists():
                shutil.copyfile(part, mine / part.name)
        database = self.process.database
        KEPT.extend(one for one in (database._writer, database._reader) if one is not None)
        database._writer = database._reader = None
        self.folder = mine
        self._kill("forked")

    def _quiet(self) -> list[str]:
        return [] if self.child else super()._quiet()  # it has been judged a moment ago

    def finish(self, problems: list[str]) -> None:
        """In the child: tells the parent and is no more."""
        with os.fdopen(self.pipe, "w") as told:
            told.write("\n".join(self.story) if self.story is not None else "")
            told.write("; ".join(problems[:3]) or "right")
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(0)


KEPT: list[sqlite3.Connection] = []
"""Connections of the parent's that a child must not close: closing would touch the parent's file."""


def plan_of(unit: Unit) -> Plan:
    """A few busy seconds; calls of a sort are struck often enough that few such calls meet the fault."""
    sure = () if unit.fault == NONE else (unit.fault,)
    calls = CALLS.get(unit.fault, ("", ()))[1]
    share = 5.0 if not calls or "page" in calls else 15.0
    return Plan(unit.seed, acts=12, per_second=3.0, patients=2, collections=FLOWS[unit.flow], pace=(8.0, 20.0),
                weather=1.0, quiet=0.0, calm=True, sure=sure, surely=share)  # fmt: skip


def run_unit(unit: Unit, every: int = PARTS, every_effect: int = PARTS, only: str = "") -> Told:
    began = time.process_time()
    if unit.fault != NONE and not _strikes(unit):
        return Told(unit, 0, {}, [], round(time.process_time() - began, 1))
    with quick_folder() as folder:
        town = Forking(unit, Path(folder), every, every_effect, only)
        verdict = town.play()
        if town.child:
            town.finish(verdict.problems)
        problems = [*town.told, *verdict.problems]
        seconds = round(time.process_time() - began, 1)
        return Told(unit, verdict.faults[unit.fault], dict(town.places), problems, seconds)


def _strikes(unit: Unit) -> bool:
    with quick_folder() as folder:
        return bool(Town(plan_of(unit), Path(folder)).play().faults[unit.fault])


def units() -> list[Unit]:
    """Rounds: each meets every flow with every fault."""
    return [Unit(flow, seed, fault, part)
            for seed in range(SEEDS) for part in range(PARTS) for fault in FAULTS for flow in FLOWS]  # fmt: skip


def main(progress: Path, seconds: float, say: Callable[[str], None]) -> int:
    """Goes on where `progress` ends, until all units are done or time is up."""
    done = (
        [msgspec.json.decode(line, type=Told) for line in progress.read_bytes().splitlines()]
        if progress.exists()
        else []
    )
    known, end = {told.unit for told in done}, time.monotonic() + seconds
    left = iter([unit for unit in units() if unit not in known])
    with ProcessPoolExecutor(2) as pool, progress.open("ab") as kept:
        running: set[Future[Told]] = set()
        while True:
            while len(running) < 2 and time.monotonic() < end and (unit := next(left, None)) is not None:
                running.add(pool.submit(run_unit, unit))
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for told in [future.result() for future in ended]:
                done.append(told)
                kept.write(msgspec.json.encode(told) + b"\n")
                kept.flush()
                for problem in told.problems:
                    say(f"{name_of(told.unit)}:{problem}")
    return _sum_up(done, say)


def _sum_up(done: list[Told], say: Callable[[str], None]) -> int:
    places: Counter[str] = Counter()
    counted = [told for told in done if told.struck or told.unit.fault == NONE]
    for told in done:
        places.update(told.places)
    for place, times in places.most_common():
        say(f"{place:<36}{times:>8}")
    failing = sum(bool(told.problems) for told in done)
    met = {(told.unit.flow, told.unit.fault) for told in counted}
    say(
        f"units {len(done)} of {len(units())} ({len(done) - len(counted)} where the fault had nothing to strike), "
        f"flows with faults {len(met)} of {len(FLOWS) * len(FAULTS)}, "
        f"triples (flow, place, fault) {places.total()}, units with violations {failing}"
    )
    return 1 if failing else 0


def name_of(unit: Unit) -> str:
    return f"{unit.flow}:{unit.fault}:{unit.seed}"


def again(name: str, say: Callable[[str], None]) -> int:
    """The story of one kill: `flow:fault:seed:place`, as a violation was told."""
    flow, fault, seed, place = name.split(":", 3)
    told = run_unit(Unit(flow, int(seed), fault), only=place)
    for problem in told.problems:
        say(problem)
    say(f"places {sum(told.places.values())}, problems {len(told.problems)}")
    return 1 if told.problems else 0
