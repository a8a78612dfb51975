"""Random histories of the real engine between two systems, with people, networks and workers at their worst.

`make simulate ARGS="--seconds 600"` plays fresh ones, drawn by the clock; `--seed N --seconds 0.1` plays one again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.histories import draw, play, quick_folder, shrink
from simulation.planted import absence_is_a_delete, planted

FIXED, FRESH, AT_ONCE = 360, 120, 30


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as name:
        yield Path(name)


def _story(seed: int, folder: Path) -> str:
    script = draw(seed)
    sort = play(script, folder).sort
    least = shrink(script, lambda less: play(less, folder).sort == sort)
    verdict = play(least, folder)
    return "\n".join([f"seed {seed}", least.told(), "", *verdict.trace, *verdict.problems])


@pytest.mark.parametrize("first", range(0, FIXED, AT_ONCE))
def test_every_history_comes_to_a_right_rest(first: int, folder: Path) -> None:
    for seed in range(first, first + AT_ONCE):
        if play(draw(seed), folder).problems:
            pytest.fail(_story(seed, folder))


def test_other_histories_come_to_a_right_rest(folder: Path) -> None:
    first = int(os.environ.get("MEDMOST_SIMULATION_SEED") or FIXED * 1000)
    for seed in range(first, first + FRESH):
        if play(draw(seed), folder).problems:
            pytest.fail(_story(seed, folder))


def test_histories_are_full_of_work_and_faults(folder: Path) -> None:
    played = [play(draw(seed), folder) for seed in range(40)]
    met = {name for verdict in played for name in verdict.faults}
    assert sum(verdict.writes for verdict in played) > 150
    assert {"lost request", "lost answer", "worker died", "restart", "notice twice", "time out"} <= met


def test_one_seed_gives_one_history(folder: Path) -> None:
    first, second = play(draw(11), folder), play(draw(11), folder)
    assert first.trace == second.trace
    assert first.writes == second.writes


def test_a_failing_history_shrinks_to_its_cause(folder: Path) -> None:
    with planted(absence_is_a_delete):
        seed = next(seed for seed in range(50) if play(draw(seed), folder).problems)
        sort = play(draw(seed), folder).sort
        least = shrink(draw(seed), lambda less: play(less, folder).sort == sort)
        assert play(least, folder).sort == sort
    assert len(least.acts) < 12
    assert not play(least, folder).problems
