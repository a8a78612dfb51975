"""Every fault of the stand, five seconds each under life, then several at once: medmost ends level.

Here after six of them; `make chaos ARGS=--faults` waits for it after each.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.every_fault import PLAYED, every_fault
from medmost_stand.faults.table import EFFECTS

SECONDS, MIXTURE = (5.0, 60.0)
SEED = int(os.environ.get("MEDMOST_FAULTS_SEED") or 5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not os.environ.get("MEDMOST_FULL"), reason="minutes of life: MEDMOST_FULL=1 or make chaos ARGS=--faults"
)
async def test_all_is_level_after_each_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        played = await every_fault(
            tmp_path, seconds=SECONDS, mixture=MIXTURE, life=10, people=40, seed=SEED, together=6
        )
    assert all(one.fired > 0 for one in played), [str(one) for one in played]
    assert sum(one.acts for one in played) > 500


def test_no_effect_of_the_stand_is_left_out() -> None:
    assert set(PLAYED) == set(EFFECTS) - {"bulk-partial"}  # medmost sends no batches
