"""A world brought level with its state on PostgreSQL, and a state that moves there from a file while life goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flows.comparing import compare_all
from flows.running import COLLECTIONS, SYSTEMS, Systems, command, link_everyone, stand
from state_databases import FreshDatabase

pytestmark = pytest.mark.slow
WITHIN = 180.0


async def only_planted_stays_apart(systems: Systems) -> None:
    there, here = [await systems.planted(system) for system in SYSTEMS]
    for collection, apart in (await compare_all(systems)).items():
        assert apart.only["gosuslugi"] == set(there[collection]["foreign"]), collection
        assert len(apart.only["emias"]) == here[collection]["unlinked"], collection
        assert {pair[0] for pair in apart.differing} == set(there[collection]["conflict"]), collection
        assert apart.rejected == set(there[collection]["rejected"]), collection


async def one_write_per_difference(systems: Systems) -> None:
    for system in SYSTEMS:
        planted, effects = await systems.planted(system), await systems.effects(system)
        writes = Counter(effect["collection"] for effect in effects)
        assert {one: writes[one] for one in COLLECTIONS} == {one: planted[one]["writes"] for one in COLLECTIONS}


async def test_a_world_comes_level_on_postgresql(tmp_path: Path, fresh_postgresql: FreshDatabase) -> None:
    async with stand(tmp_path, people=40, seed=31) as systems:
        systems.environ["MEDMOST_STATE__URL"] = fresh_postgresql()
        await link_everyone(systems)
        migrated = await command(systems, "migrate", "--json", within=WITHIN)
        assert migrated.code == 0, str(migrated)
        await only_planted_stays_apart(systems)
        await one_write_per_difference(systems)
        for words in (("audit", "--json"), ("status", "--json"), ("journal", "verify")):
            ran = await command(systems, *words, within=WITHIN)
            assert ran.code == 0, str(ran)
        refused = await command(systems, "backup", "copy.db")
        assert "MM-STATE-DUMP" in refused.err + refused.out
        assert refused.code == 1


@pytest.mark.full
async def test_a_moved_state_goes_on_without_extra_effects(tmp_path: Path, fresh_postgresql: FreshDatabase) -> None:
    async with stand(tmp_path, people=40, seed=32) as systems:
        linked = {one["policy_number"] for one in await link_everyone(systems)}
        migrated = await command(systems, "migrate", "--json", within=WITHIN)
        assert migrated.code == 0, str(migrated)
        before = {system: await systems.last_effect(system) for system in SYSTEMS}
        url = fresh_postgresql()
        moved = await command(systems, "state", "move", url, within=WITHIN)
        assert moved.code == 0, str(moved)
        systems.environ["MEDMOST_STATE__URL"] = url
        for words in (("migrate", "--json"), ("audit", "--json"), ("journal", "verify")):
            ran = await command(systems, *words, within=WITHIN)
            assert ran.code == 0, str(ran)
        assert {system: await systems.effects(system, before[system]) for system in SYSTEMS} == {
            system: [] for system in SYSTEMS
        }
        results = await systems.export("emias", "results")
        apart = (await compare_all(systems))["results"]
        ref = next(
            ref
            for ref, body in results.items()
            if body.get("policyNumber") in linked and ref not in apart.only["emias"] | apart.unreadable["emias"]
        )
        await systems.change("emias", "results", ref, title="Общий анализ крови, повторный")
        ran = await command(systems, "sync", within=WITHIN)
        assert ran.code == 0, str(ran)
        written = await systems.effects("gosuslugi", before["gosuslugi"])
        assert [(one["collection"], one["method"]) for one in written] == [("results", "PUT")]
        await only_planted_stays_apart(systems)
