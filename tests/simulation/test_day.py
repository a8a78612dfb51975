"""A quiet working day on the simulated clock: nothing is written, and both systems are read every 5 to 15 minutes.

`make simulate ARGS=--day` plays twenty-four hours; here what runs by the second looks around once a minute as long as
all is quiet. That changes no poll and no write, and takes a tenth of the time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from medmost.sync import deliver, engine
from medmost.sync.poll import Passed, Poller
from simulation.histories import quick_folder
from simulation.town import Plan, Town, drawn

HOUR = 3600.0
LEAST, MOST = 300.0, 900.0
TAKES = 30.0
"""Seconds by which a pass may begin late: the kinds of a system are read one after the other."""
QUIET = {"calm": 2.5, "strained": 1.5, "after": 4.0}
"""Hours; in the second part nine calls of ten are answered 429."""


class Day(Town):
    """A busy start, then a day in which nobody enters anything."""

    def __init__(self, plan: Plan, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(plan, folder)
        self.patch = patch
        self.polls: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.parts: dict[str, tuple[float, float]] = {}

    def _quiet(self) -> list[str]:
        self._slow_down()
        self._note_polls()
        told: list[str] = []
        self.weather.shares = {"429": 45.0}
        self.weather._by_call.clear()
        for name, hours in QUIET.items():
            self.weather.on = name == "strained"
            began, before = self.loop.now, self.log.writes
            self.run_for(hours * HOUR)
            self.parts[name] = began, self.loop.now
            if self.log.writes != before:
                told.append(f"I7 {self.log.writes - before} writes while {name}")
        return [*told, *self._judged()]

    def _slow_down(self) -> None:
        for module, name in ((engine, "WATCH_SECONDS"), (engine, "PROBE_SECONDS"), (deliver, "IDLE_SECONDS")):
            self.patch.setattr(module, name, 60.0)

    def _note_polls(self) -> None:
        whole, town = Poller.one_pass, self

        async def noted(poller: Poller, kind: str, *args: Any, **named: Any) -> Passed:
            town.polls[poller.side.value, kind].append(town.loop.now)
            return await whole(poller, kind, *args, **named)

        self.patch.setattr(Poller, "one_pass", noted)

    def gaps(self, name: str) -> list[list[float]]:
        """For each list of each system: seconds between passes that began in that part of the day."""
        began, ended = self.parts[name]
        return [
            [after - before for before, after in pairwise(at for at in times if began <= at <= ended)]
            for times in self.polls.values()
        ]


@pytest.fixture(scope="module")
def day() -> Any:
    plan = replace(drawn(4), acts=40, collections=("policies", "visits"), pace=(LEAST, MOST), calm=True)
    with quick_folder() as folder, pytest.MonkeyPatch.context() as patch:
        town = Day(plan, Path(folder), patch)
        town.verdict = town.play()  # type: ignore[attr-defined]  # for the tests below
        return town


def test_a_quiet_day_writes_nothing(day: Any) -> None:
    assert not day.verdict.problems
    assert day.verdict.writes > 10
    assert sum(ended - began for began, ended in day.parts.values()) >= 8 * HOUR


def test_polls_keep_their_times_all_day(day: Any) -> None:
    every = [gap for name in QUIET for gaps in day.gaps(name) for gap in gaps]
    assert len(every) > 200
    assert min(every) >= LEAST
    assert max(every) <= MOST + TAKES
    assert max(gap for gaps in day.gaps("calm") for gap in gaps) <= LEAST * 1.1 + TAKES


def test_polls_stretch_under_429_and_come_back(day: Any) -> None:
    for strained, after in zip(day.gaps("strained"), day.gaps("after"), strict=True):
        assert max(strained) > 2 * LEAST
        assert max(after[-24:]) <= LEAST * 1.1 + TAKES
