"""A process may end anywhere. `make simulate ARGS=--kills` ends it everywhere; here is a share of that."""

from __future__ import annotations

import pytest

from simulation.kills import Unit, run_unit


@pytest.mark.parametrize("fault", ["no fault", "answer lost"])
def test_a_process_killed_anywhere_comes_back(fault: str) -> None:
    told = run_unit(Unit("visits", 0, fault), every=301, every_effect=29)
    assert sum(told.places.values()) > 15
    assert not told.problems
