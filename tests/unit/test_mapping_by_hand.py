"""The compiled policy mapping and one written by hand understand every record alike, problems included."""

from __future__ import annotations

import os

import pytest
from benchmarks import by_hand
from benchmarks.records import documents

from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings

COUNT = int(os.environ.get("MEDMOST_RECORDS", "6000"))
POLICY = load_mappings()["policy"]
BY_HAND = {Side.GOSUSLUGI: by_hand.gosuslugi, Side.EMIAS: by_hand.emias}


@pytest.mark.parametrize("side", BOTH)
def test_compiled_mapping_equals_the_handwritten(side: Side) -> None:
    broken = 0
    for doc in documents(POLICY, side, COUNT, seed=3):
        ours = POLICY.read(side, doc)
        assert ours == BY_HAND[side](doc)
        broken += bool(ours.problems)
    assert COUNT * 0.007 < broken < COUNT * 0.03
