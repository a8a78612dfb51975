"""The world comes level through each broker, with no other change of configuration; and while the broker is away."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from flows.level import comes_level, doubled
from flows.running import SYSTEMS, link_everyone, medmost, stand
from services.brokers import broker

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest.mark.parametrize("name", ["rabbitmq", "kafka"])
async def test_world_comes_level_through_broker(tmp_path: Path, name: str) -> None:
    url = broker(name)
    async with stand(tmp_path, people=100, seed=31) as systems:
        linked = {one["policy_number"] for one in await link_everyone(systems)}
        systems.environ |= {"MEDMOST_QUEUE__URL": url, "MEDMOST_QUEUE__PREFIX": f"level-{secrets.token_hex(4)}"}
        async with medmost(systems, poll=(1, 2)) as running:
            await comes_level(systems, running, linked, within=120)
            for system in SYSTEMS:
                await systems.life(system, 5)
                await systems.life(system, 0)
            await comes_level(systems, running, linked, within=120)
            assert (await running.status())["queue"]["code"] is None
        assert await doubled(systems) == []
        log = running.logged()
        assert "the broker is read" in log
        assert "taken straight" not in log
