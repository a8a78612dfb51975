"""Killed at any moment between two faulty systems, medmost loses nothing and does nothing twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.kills import run_kills
from flows.running import stand

KILLS, ON_THE_WIRE = 30, 10
pytestmark = pytest.mark.slow


async def test_kills_lose_nothing_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MEDMOST_CHAOS_SEED plays another world; the moments of the kills are never the same."""
    seed = int(os.environ.get("MEDMOST_CHAOS_SEED") or 547287)
    async with stand(tmp_path, people=100, seed=seed) as systems:
        toll = await run_kills(systems, kills=KILLS, seconds=0, seed=seed)
    with capsys.disabled():
        print(f"\nseed {seed}: {toll}")  # noqa: T201  # the counts are part of what the test shows
    assert toll.trouble == [], f"seed {seed}"
    assert toll.kills >= KILLS
    assert toll.on_the_wire >= ON_THE_WIRE
    assert min(toll.effects.values()) > 50
    assert toll.witnessed > 20
