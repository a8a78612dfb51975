"""How deliveries behave: one at a time per record and side, parents first, three days of patience (design §2a.5–8)."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medmost.cli.operations.dead import dead_retry
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.store import deliveries
from medmost.sync.house import Clock
from medmost.systems.contract import Write
from town import Town, town

G, E = Side.GOSUSLUGI, Side.EMIAS
MAPPINGS = load_mappings()


class HandClock(Clock):
    def __init__(self) -> None:
        self.at = 1_795_000_000.0

    def now(self) -> float:
        return self.at


def policy(number: int) -> dict[str, Any]:
    example = {rule.name: rule.example for rule in MAPPINGS["policy"].rule.fields}
    return MAPPINGS["policy"].write(E, example | {"policy_number": f"77564108341{number:05}", "snils": None}, None)


async def rows(here: Town) -> list[tuple[str, str]]:
    query = "SELECT state, reason FROM delivery ORDER BY pair"
    return await here.database.read(lambda tx: tx.execute(query).fetchall())


async def test_one_write_per_record_and_side(tmp_path: Path) -> None:
    """Many edits of few records, answers that are slow or lost: no two writes of one record are ever on the wire."""
    async with town(tmp_path) as here:
        refs = [here.emias.put("policy", policy(number)) for number in range(5)]
        await here.settles()
        flying: Counter[str] = Counter()
        most: Counter[str] = Counter()
        plain = here.gosuslugi.write

        async def slow(write: Write) -> Any:
            name = str(write.ref)
            flying[name] += 1
            most[name] = max(most[name], flying[name])
            try:
                for _ in range(20):
                    await asyncio.sleep(0)
                return await plain(write)
            finally:
                flying[name] -= 1

        here.gosuslugi.write = slow  # type: ignore[method-assign]  # the same call, only slower
        deliverer = here.engine.deliverers[G]
        for turn in range(12):
            for ref in refs:
                here.emias.edit("policy", ref, phone=f"+7916000{turn:02}{refs.index(ref):02}")
            here.gosuslugi.loses_answers(turn % 2)
            await here.engine.poll_once()
            await deliverer._turn()
        await deliverer.drain_flights()
        assert len(most) == 5
        assert set(most.values()) == {1}


async def test_children_wake_when_their_parent_lands(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        example = {rule.name: rule.example for rule in MAPPINGS["organization"].rule.fields}
        child = example | {"oid": "1.2.643.5.1.13.13.12.2.77.9999.0.1", "parent_oid": example["oid"]}
        known: set[str] = set()
        oid = "OID"
        here.gosuslugi.refuses(
            "organization", "unknown_reference", "Нет головной организации",
            lambda doc: (doc[oid] if doc[oid] == example["oid"] else "head") not in known,
        )  # fmt: skip
        here.emias.put("organization", MAPPINGS["organization"].write(E, child, None))
        here.emias.put("organization", MAPPINGS["organization"].write(E, example | {"parent_oid": None}, None))
        await here.engine.poll_once()
        deliverer = here.engine.deliverers[G]
        await deliverer.until_quiet(0.1)
        states = await rows(here)
        assert here.gosuslugi.calls["write"] < 8  # waiting is waiting: nobody asks again and again
        assert [reason.partition(":")[0] for _, reason in states] == ["parent", "parent"]
        assert states[0][1].startswith("parent:")
        known.add(example["oid"])

        async def lands() -> None:
            while example["oid"] not in [here.gosuslugi.doc("organization", ref)[oid] for ref in refs()]:
                await deliverer.until_quiet(0.1)

        def refs() -> list[str]:
            return here.gosuslugi.refs("organization")

        async with asyncio.timeout(20):
            await lands()
            known.add("head")
            while await here.states("organization") != {"level": 2}:
                await deliverer.until_quiet(0.1)


async def test_three_days_of_waiting_end_with_a_person(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path, clock=clock) as here:
        for number in range(2):
            here.emias.put("policy", policy(number))
        await here.engine.poll_once()
        here.gosuslugi.goes_down()
        deliverer = here.engine.deliverers[G]
        for _ in range(12):
            clock.at += 6.6 * 3600
            while await deliverer._turn():
                pass
        assert [state for state, _ in await rows(here)] == ["dead", "dead"]
        here.gosuslugi.comes_back()
        clock.at += 3600
        while await deliverer._turn():
            pass
        assert here.gosuslugi.written() == []
        dead = await here.database.read(lambda tx: tx.execute("SELECT pair FROM delivery ORDER BY pair").fetchall())
        app: Any = SimpleNamespace(
            house=here.house, database=here.database, bell=here.engine.bell, engine=SimpleNamespace(running=True)
        )
        await dead_retry(app, {"ids": [f"{dead[1][0]}.gosuslugi"]}, lambda *_: None)
        while await deliverer._turn():
            pass
        (only,) = here.gosuslugi.written()
        assert here.gosuslugi.doc("policy", only.ref)["Номер полиса"] == "7756410834100001"
        assert [state for state, _ in await rows(here)] == ["dead"]
        assert (await here.database.read(deliveries.pending))["dead"] == 1
