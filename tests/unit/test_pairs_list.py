"""What waits for a person is listed by number, with a key that names nobody."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medmost.cli.operations.holds import pairs_list, release_pair
from systems_records import TickingClock
from town import Town, town

NUMBER = "7756410834123459"


def at(here: Town) -> Any:
    """What the operations use of an App."""
    engine: Any = here.engine
    engine.running = True  # delivering is left to the test
    return SimpleNamespace(
        database=here.database, house=here.house, engine=engine, bell=engine.bell, systems=here.systems
    )


def policy(**other: Any) -> dict[str, Any]:
    return {
        "policyNumber": NUMBER, "policyType": "3", "lastName": "Воробьёва", "firstName": "Алёна",
        "birthDate": "1985-03-15", "sex": "F", "snils": "11223344595", "status": "ACTIVE", **other,
    }  # fmt: skip


async def test_what_waits_is_listed_masked(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        for system in here.systems.values():
            system.now = TickingClock()
        here.emias.put("policy", policy(birthDate="15 марта"))
        here.emias.put("policy", policy(policyNumber="7756410834123467"))
        await here.settles()
        code, (told,) = await pairs_list(at(here), {}, lambda *_: None)
        assert (code, told["kind"], told["state"]) == (1, "policy", "invalid")
        assert NUMBER not in str(told)
        assert await pairs_list(at(here), {"kind": "policy", "state": "quarantined"}, lambda *_: None) == (0, [])


async def test_a_pair_is_released_by_its_number(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        for system in here.systems.values():
            system.now = TickingClock()
        first = here.emias.put("policy", policy())
        await here.settles()
        here.emias.put("policy", policy())  # a second one for the same number
        await here.settles()
        code, held = await pairs_list(at(here), {}, lambda *_: None)
        assert code == 1
        here.emias.remove("policy", first)
        await here.settles()
        for one in held:
            await release_pair(at(here), {"pair": one["pair"]}, lambda *_: None)
        await here.settles()
        assert await pairs_list(at(here), {}, lambda *_: None) == (0, [])
