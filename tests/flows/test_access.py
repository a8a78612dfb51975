"""Tokens that live five seconds: one renewal at a time, and no write ever meets a refusal.

That every route of both stands refuses a call without right credentials is tests/stand/test_doors.py.
"""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.level import comes_level, doubled
from flows.running import SYSTEMS, link_everyone, medmost, stand

pytestmark = pytest.mark.slow
SECONDS = 60 if os.environ.get("MEDMOST_FULL") else 20
TOKEN_LIFE = 5
RENEWED_AFTER = 0.5 * TOKEN_LIFE
"""A token is renewed a minute before its end, but not before half its life is over."""


async def test_short_tokens_fail_no_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--token-life", str(TOKEN_LIFE))
    async with stand(tmp_path, people=60, seed=29, arguments=arguments) as systems:
        linked = {str(one["policy_number"]) for one in await link_everyone(systems)}
        before = {system: len(await issued(systems, system)) for system in SYSTEMS}
        async with medmost(systems, poll=(2, 2)) as running:
            for system in SYSTEMS:
                await systems.life(system, 5)
            await asyncio.sleep(SECONDS)  # life with short tokens is what is being watched
            for system in SYSTEMS:
                await systems.life(system, 0)
            await comes_level(systems, running, linked)
            metrics = await running.metrics()
            assert await running.process.stop() == 0
        told = []
        for system in SYSTEMS:
            renewals = (await issued(systems, system))[before[system] :]
            gaps = [late - early for early, late in pairwise(renewals)]
            assert len(renewals) >= SECONDS / TOKEN_LIFE  # nobody lives on one token
            assert min(gaps) > 0.8 * RENEWED_AFTER  # never two at a time
            answers = (await systems.call(system, "GET", "/stand/calls"))["calls"]
            writes = [
                one for one in answers if one["method"] in ("PUT", "POST", "DELETE") and "/stand/" not in one["path"]
            ]
            assert sum(one["count"] for one in writes if one["status"] in (200, 201)) > SECONDS
            assert [one for one in answers if one["status"] in (401, 403) or one["status"] >= 500] == []
            told.append(f"{system}: {len(renewals)} tokens, never two within {min(gaps):.1f} s")
        failed = {
            name: value
            for name, value in metrics.items()
            if "medmost_writes_total" in name and 'outcome="wait"' in name
        }
        assert not any(failed.values()), failed
        assert await doubled(systems) == []
    with capsys.disabled():
        print("", *told, sep="\n")  # noqa: T201  # the counts are part of what the test shows


async def issued(systems: Any, system: str) -> list[float]:
    """When tokens were given to medmost, in seconds."""
    shown = await systems.call(system, "GET", "/stand/tokens")
    return [float(one["at"]) for one in shown["issued"]]
