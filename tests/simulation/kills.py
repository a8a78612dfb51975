"""Every place where a process can end: each step of its loop, each commit and each call, before and after.

A flow is played once, with one fault. At each place the simulation forks: the child's process of medmost dies there,
is started again and must bring everything level; the parent goes on as if nothing had happened. So a place costs one
recovery and not one run. Every second child dies once more while it recovers.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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
SEEDS = 5
NONE = "no fault"


class Unit(msgspec.Struct, frozen=True):
    """One flow with one fault: what a line of the progress file is about."""

    flow: str
    seed: int
    fault: str


class Told(msgspec.Struct):
    """What came of a unit: places at which it was killed, by their sort, and what went wrong."""

    unit: Unit
    places: dict[str, int]
    problems: list[str]
    seconds: float


class Forking(Town):
    """A run that forks at its places: at each n-th step of the loop, and at each n-th place around an effect."""

    def __init__(self, plan: Plan, folder: Path, every: int, every_effect: int) -> None:
        super().__init__(plan, folder)
        self.every, self.every_effect = every, every_effect
        self.places: Counter[str] = Counter()
        self.told: list[str] = []
        self.child = self.forking = False

    def _on_step(self, owner: int) -> bool:
        self.points["step"] += 1
        return self.points["step"] % self.every == 0 and self._fork("step")

    def dies(self, owner: int, point: str) -> bool:
        if self.process is None or owner != self.process.owner:
            return owner in self.loop.dead
        if self.child and self.again_at:
            self.again_at -= 1
            if not self.again_at:
                self._kill(f"again {point}")
                return True
        self.points["effect"] += 1
        return self.points["effect"] % self.every_effect == 0 and self._fork(point)

    def _calm_down(self) -> None:
        super()._calm_down()
        self.loop.soon(15.0, self._no_more)

    def _no_more(self) -> None:
        self.forking = False

    again_at = 0

    def _fork(self, place: str) -> bool:
        """True in the child, whose process is dead now."""
        if self.child or not self.forking:
            return False
        self.places[place] += 1
        sys.stdout.flush()
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            with os.fdopen(reading) as told:
                line = told.read()
            os.waitpid(child, 0)
            if line != "right":
                self.told.append(f"{place} #{self.places[place]}: {line or 'the child died'}")
            return False
        os.close(reading)
        self.child, self.pipe = True, writing
        asyncio._set_running_loop(self.loop)  # it is known by process
        self.again_at = (sum(self.places.values()) % 2) * (1 + sum(self.places.values()) % 7)
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

    def finish(self, problems: list[str]) -> None:
        """In the child: tells the parent and is no more."""
        with os.fdopen(self.pipe, "w") as told:
            told.write("; ".join(problems[:3]) or "right")
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(0)


KEPT: list[sqlite3.Connection] = []
"""Connections of the parent's that a child must not close: closing would touch the parent's file."""


def plan_of(unit: Unit) -> Plan:
    sure = () if unit.fault == NONE else (unit.fault,)
    return Plan(unit.seed, acts=12, per_second=3.0, patients=2, collections=FLOWS[unit.flow], pace=(8.0, 20.0),
                weather=1.0, quiet=0.0, calm=True, sure=sure)  # fmt: skip


def run_unit(unit: Unit, every: int, every_effect: int = 1) -> Told:
    began = time.process_time()
    with quick_folder() as folder:
        town = Forking(plan_of(unit), Path(folder), every, every_effect)
        town.forking = True
        verdict = town.play()
        if town.child:
            town.finish(verdict.problems)
        return Told(unit, dict(town.places), [*town.told, *verdict.problems], round(time.process_time() - began, 1))


def units() -> list[Unit]:
    faults = (NONE, *CALLS)
    return [Unit(flow, seed, fault) for seed in range(SEEDS) for fault in faults for flow in FLOWS]


def main(progress: Path, seconds: float, say: Callable[[str], None], every: int = 3) -> int:
    """Goes on where `progress` ends, until all units are done or time is up."""
    done = (
        [msgspec.json.decode(line, type=Told) for line in progress.read_bytes().splitlines()]
        if progress.exists()
        else []
    )
    known, end = {told.unit for told in done}, time.monotonic() + seconds
    left = [unit for unit in units() if unit not in known]
    with ProcessPoolExecutor(2) as pool, progress.open("ab") as kept:
        for start in range(0, len(left), 2):
            if time.monotonic() > end:
                break
            for told in pool.map(run_unit, left[start : start + 2], [every] * 2):
                done.append(told)
                kept.write(msgspec.json.encode(told) + b"\n")
                kept.flush()
                for problem in told.problems:
                    say(f"{told.unit.flow}, {told.unit.fault}, seed {told.unit.seed}: {problem}")
    places: Counter[str] = Counter()
    for told in done:
        places.update(told.places)
    for place, times in places.most_common():
        say(f"{place:<36}{times:>8}")
    failing = sum(bool(told.problems) for told in done)
    many = f"triples (flow, place, fault) {places.total()}"
    say(f"units {len(done)} of {len(units())}, {many}, units with violations {failing}")
    return 1 if failing else 0
