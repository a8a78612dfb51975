"""The whole-engine simulation has teeth: each patch still applies, and a share of them is caught here.

`make simulate ARGS=--planted` plants all of them.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from simulation.patches import AREAS, MISTAKES, Mistake
from simulation.planting import SOURCE, catch

QUICK = (
    "what never settled counts as unchanged",
    "writes are against whatever version",
    "the whole record is settled by an answer",
)
"""Noticed within a seed or two; the others are `make simulate ARGS=--planted`'s."""
SHARE = tuple(one for one in MISTAKES if one.name in QUICK)


def test_there_are_mistakes_of_every_sort() -> None:
    counts = Counter(one.area for one in MISTAKES)
    assert len(MISTAKES) >= 40
    assert all(counts[area] >= 8 for area in AREAS)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_planted_patch_still_fits(mistake: Mistake) -> None:
    assert (SOURCE / mistake.file).read_text().count(mistake.right) == 1


@pytest.mark.parametrize("mistake", SHARE, ids=[one.name for one in SHARE])
def test_a_planted_patch_is_caught(mistake: Mistake) -> None:
    first = int(os.environ.get("MEDMOST_SIMULATION_SEED") or 0)
    assert catch(mistake, first, 12).seed is not None
