"""The loop that delivers to one side: nothing that landed is left lying, whenever it lands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.store import deliveries
from medmost.store.database import Database
from town import town

POLICY = {rule.name: rule.example for rule in load_mappings()["policy"].rule.fields}


class SlowCommits:
    """A state whose commits outlast the flights, and readers as they are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read = database.read

    async def write(self, work: Any) -> Any:
        result = await self._database.write(work)
        for _ in range(50):
            await asyncio.sleep(0)
        return result


async def test_answers_during_a_commit_are_settled(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        mapping = here.house.mappings["policy"]
        for number in range(5):
            fields = {**POLICY, "policy_number": f"775641083412345{number}", "snils": None}
            here.emias.put("policy", mapping.write(Side.EMIAS, fields, None))
        await here.engine.poll_once()
        deliverer = here.engine.deliverers[Side.GOSUSLUGI]
        deliverer.database = SlowCommits(here.database)  # type: ignore[assignment]  # what the loop asks of it
        assert await deliverer.until_quiet(1.0)
        assert await here.database.read(deliveries.pending) == dict.fromkeys(
            ("due", "in_flight", "waiting", "awaiting_answer", "dead"), 0
        )
        assert await here.states("policy") == {"level": 5}
