"""Two people under one policy number: medmost says so, names the pair and carries nothing between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.comparing import compare_all
from flows.running import SYSTEMS, command, link_everyone, stand

pytestmark = pytest.mark.slow


async def test_policies_of_two_people_stay_apart_and_named(tmp_path: Path) -> None:
    async with stand(tmp_path, people=100, seed=5, arguments=["--ambiguous"]) as systems:
        await link_everyone(systems)
        await command(systems, "migrate", "--json")
        status = (await command(systems, "status", "--json")).json()
        planted = {system: (await systems.planted(system))["policies"] for system in SYSTEMS}
        named = status["kinds"]["policy"]["named"]
        assert status["kinds"]["policy"]["ambiguous"] == len(planted["emias"]["ambiguous"]) > 0
        apart = (await compare_all(systems))["policies"]
        for place, system in enumerate(SYSTEMS):
            assert {one[system] for one in named["ambiguous"]} == set(planted[system]["ambiguous"])
            held = {*planted[system]["ambiguous"], *planted[system]["conflict"]}
            assert {pair[place] for pair in apart.differing} == held
            written = {effect["id"] for effect in await systems.effects(system, client="medmost")}
            assert not written & set(planted[system]["ambiguous"])
