"""The whole engine on a simulated machine between two simulated systems: nothing lost, doubled or crossed.

`make simulate` plays fresh seeds; `REGRESSIONS` are those that once showed a defect, kept for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medmost.domain.traffic import Traffic
from simulation.histories import quick_folder
from simulation.town import Plan, drawn, play

REGRESSIONS = (5, 11, 13)
"""Our clock set back, and waits prolonged by it; the middle of a chain of moves; doubt at an unreadable source."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as name:
        yield Path(name)


def test_a_calm_day_brings_everything_level(folder: Path) -> None:
    verdict = play(replace(drawn(3), calm=True, acts=150), folder)
    assert not verdict.problems
    assert sum(verdict.synced.values()) > 80


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_failed_stays_right(seed: int, folder: Path) -> None:
    assert not play(drawn(seed), folder).problems


def test_one_seed_gives_one_trace(folder: Path) -> None:
    plan: Plan = replace(drawn(2), acts=80)
    first, second = play(plan, folder), play(plan, folder)
    assert first.digest == second.digest
    assert first.steps == second.steps


def test_the_throttle_is_seeded_as_everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Traffic, "K", 1.02)  # holds calls back in trouble long before a breaker opens
    monkeypatch.setattr(Traffic, "LEAST", 5)
    shares: list[float] = []
    reject = Traffic.reject

    def told(traffic: Traffic, now: float) -> float:
        shares.append(reject(traffic, now))
        return shares[-1]

    monkeypatch.setattr(Traffic, "reject", told)
    plan: Plan = replace(drawn(2), acts=50)
    first = play(plan, folder)
    drawn_about, shares = shares, []
    second = play(plan, folder)
    assert sum(0 < share < 1 for share in drawn_about) > 20
    assert first.digest == second.digest
    assert not first.problems


def test_the_oracle_knows_nothing_of_medmost() -> None:
    for name in ("judge", "log", "model", "dialects", "papers", "weather"):
        text = (Path(__file__).parent / f"{name}.py").read_text()
        assert "medmost." not in "\n".join(line for line in text.splitlines() if line.startswith(("import", "from")))
