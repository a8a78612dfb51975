"""The simulation has teeth: the engine with one rule of design §2a switched off does not get through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulation.histories import draw, play, quick_folder
from simulation.planted import MISTAKES, Patch, planted

MOST = 400


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as name:
        yield Path(name)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.__name__ for one in MISTAKES])
@pytest.mark.full
def test_a_planted_mistake_is_noticed(mistake: Callable[[Patch], None], folder: Path) -> None:
    with planted(mistake):
        assert any(play(draw(seed), folder).problems for seed in range(MOST))
