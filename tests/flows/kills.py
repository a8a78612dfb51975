"""SIGKILLs of `medmost run` while people act at both systems and answers come late or not at all.

`make chaos` runs it for longer: python -m flows.kills --kills 200 --seconds 600 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flows.level import comes_level, doubled
from flows.running import STAMPS, SYSTEMS, Body, Process, Systems, command, link_everyone, medmost, stand

DELAY_MS = 200
ON_THE_WIRE = 0.9 * DELAY_MS / 1000
"""A write that took effect so many seconds ago or less has no answer yet."""
WRITES = {"gosuslugi": "/api/exchange/v1/*", "emias": "/api/v1/*"}
SETTINGS = {"MEDMOST_POLL__MIN": "3", "MEDMOST_POLL__MAX": "3", "MEDMOST_DELIVER__DEADLINE": "3"}
LEVEL_SECONDS = 60.0


@dataclass
class Toll:
    """What a run came to."""

    kills: int = 0
    on_the_wire: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    acts: int = 0
    witnessed: int = 0
    level_after: float = 0.0
    seconds: float = 0.0
    trouble: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        writes = ", ".join(f"{number} writes at {system}" for system, number in sorted(self.effects.items()))
        return (
            f"{self.kills} kills, {self.on_the_wire} with a write on the wire; {self.acts} acts of people, "
            f"{self.witnessed} of them followed by value; {writes}; level {self.level_after:.1f} s after the last "
            f"fault; {self.seconds:.0f} s in all; {len(self.trouble)} troubles"
        )


# ---------------------------------------------------------------- what goes wrong
async def spoil(systems: Systems, seed: int) -> None:
    """Every answer to a write comes late, and of each five one never comes though the write took effect."""
    for system in SYSTEMS:
        one = {"path": WRITES[system], "seed": seed}
        late: list[Body] = [one | {"effect": "latency", "ms": DELAY_MS, "method": method} for method in ("POST", "PUT")]
        lost: list[Body] = [
            one | {"effect": "answer-lost", "share": 0.2, "method": method} for method in ("POST", "PUT", "DELETE")
        ]
        await systems.faults(system, *late, *lost)


class Wire:
    """Writes of medmost that took effect and are not answered yet, seen from the book of effects."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._last = dict.fromkeys(SYSTEMS, 0)
        self._at = 0.0

    async def look(self) -> bool:
        """Whether there is one now."""
        for system in SYSTEMS:
            for one in await self._systems.effects(system, self._last[system]):
                self._last[system] = int(one["n"])
                if one["client"] != "person":
                    self._at = max(self._at, datetime.fromisoformat(one["at"]).timestamp())
        return self.at(time.time())

    def at(self, moment: float) -> bool:
        return 0 <= moment - self._at < ON_THE_WIRE

    async def busy(self, within: float) -> None:
        """Returns as soon as there is one, or when time is over."""
        deadline = time.monotonic() + within
        while not await self.look() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)


async def kill_once(systems: Systems, process: Process, wire: Wire, chance: random.Random, toll: Toll) -> None:
    """Starts medmost and kills it: at a moment drawn by chance, or with a write on the wire."""
    await process.start()
    if toll.kills % 2:
        await asyncio.sleep(chance.uniform(0.05, 1.6))
    else:
        await wire.busy(within=8)
    await wire.look()
    if not process.running:
        toll.trouble.append(f"medmost ended by itself with {process.code}")
        return
    moment = time.time()
    await process.kill()
    toll.kills += 1
    toll.on_the_wire += wire.at(moment)


# ---------------------------------------------------------------- acts whose outcome we know
@dataclass
class Witness:
    """One act with a value that nobody else would enter, and where it must be seen in the end."""

    system: str
    collection: str
    ref: str
    key: str
    value: str
    version: int


async def bear_witness(systems: Systems, linked: list[str], chance: random.Random, seen: list[Witness]) -> None:
    """Until cancelled: an e-mail address at Gosuslugi, a finding at EMIAS, by turns."""
    planted = [(await systems.planted("gosuslugi"))["policies"], (await systems.planted("emias"))["results"]]
    taken = {ref for sets in planted for ref in (*sets["conflict"], *sets["invalid"])}
    while True:
        number = chance.choice(linked)
        value = f"witness{len(seen)}@example.ru"
        if len(seen) % 2:
            policies = await systems.export("gosuslugi", "policies")
            found = [ref for ref, one in policies.items() if one.get("Номер полиса") == number and ref not in taken]
            if found and policies[found[0]].get("Телефон"):
                shown = await systems.change("gosuslugi", "policies", found[0], **{"Электронная почта": value})
                seen.append(Witness("gosuslugi", "policies", found[0], number, value, shown["редакция"]))
        else:
            results = await systems.export("emias", "results")
            mine = [one for ref, one in results.items() if ref not in taken and one.get("policyNumber") == number]
            like = mine[0] if mine else None
            if like is not None:
                kept = {name: said for name, said in like.items() if name not in STAMPS}
                body = kept | {"documentId": f"witness-{len(seen)}", "conclusion": value, "status": "FINAL"}
                shown = await systems.act("emias", "POST", "results", body)
                seen.append(Witness("emias", "results", shown["id"], body["documentId"], value, 1))
        await asyncio.sleep(0.5)


async def forgotten(systems: Systems, seen: list[Witness]) -> tuple[int, list[str]]:
    """How many values were followed to both systems, and those that are not where they should be."""
    policies = {system: (await systems.export(system, "policies")).values() for system in SYSTEMS}
    results = (await systems.export("gosuslugi", "results")).values()
    emails = {
        "gosuslugi": {one.get("Номер полиса"): one.get("Электронная почта") for one in policies["gosuslugi"]},
        "emias": {one.get("policyNumber"): one.get("email") for one in policies["emias"]},
    }
    later: dict[tuple[str, str], int] = {}
    for system in SYSTEMS:
        for one in await systems.effects(system):
            if one["client"] == "person":
                later[system, str(one["id"])] = int(one["version"])
    followed, lost = 0, []
    for one in seen:
        if later.get((one.system, one.ref), 0) > one.version:
            continue  # a person changed the record again: what counts is that
        followed += 1
        if one.collection == "policies":
            wrong = [system for system in SYSTEMS if emails[system].get(one.key) != one.value]
            lost += [f"{one.value} is not at {system}" for system in wrong]
        else:
            there = [body for body in results if body.get("Номер документа") == one.key]
            if [body.get("Заключение") for body in there] != [one.value]:
                lost.append(f"{one.key} is at Gosuslugi {len(there)} times")
    return followed, lost


# ---------------------------------------------------------------- the whole
async def run_kills(systems: Systems, *, kills: int, seconds: float, seed: int) -> Toll:
    """At least `kills` kills and `seconds` of them, then faults and life end and everything must be level."""
    began, toll, chance, wire = time.monotonic(), Toll(), random.Random(seed), Wire(systems)
    linked = [str(one["policy_number"]) for one in await link_everyone(systems)]
    seen: list[Witness] = []
    environ = {**os.environ, "MEDMOST_CONFIG": str(systems.folder), **systems.environ, **SETTINGS}
    arguments = [sys.executable, "-m", "medmost.cli.main", "run"]
    process = Process("medmost", arguments, systems.folder.parent / "killed.log", environ)
    await spoil(systems, seed)
    for system in SYSTEMS:
        await systems.life(system, 5)
    witness = asyncio.create_task(bear_witness(systems, linked, chance, seen))
    try:
        while not toll.trouble and (toll.kills < kills or time.monotonic() - began < seconds):
            await kill_once(systems, process, wire, chance, toll)
            if witness.done():
                witness.result()
    finally:
        witness.cancel()
        with suppress(asyncio.CancelledError):
            await witness
        if process.running:
            await process.kill()
    for system in SYSTEMS:
        await systems.life(system, 0)
        await systems.faults(system)
    await _come_level(systems, linked, seen, toll)
    toll.seconds = time.monotonic() - began
    return toll


async def _come_level(systems: Systems, linked: Collection[str], seen: list[Witness], toll: Toll) -> None:
    async with medmost(systems, **SETTINGS) as running:
        try:
            toll.level_after = await comes_level(systems, running, linked, LEVEL_SECONDS)
        except AssertionError as error:
            toll.trouble.append(str(error))
        code = await running.process.stop()
        if code != 0:
            toll.trouble.append(f"medmost stopped with {code}")
    toll.trouble += await doubled(systems)
    toll.witnessed, lost = await forgotten(systems, seen)
    toll.trouble += lost
    for system in SYSTEMS:
        effects = await systems.effects(system)
        toll.effects[system] = sum(one["client"] != "person" for one in effects)
        toll.acts += sum(one["client"] == "person" for one in effects)
    for name in (("journal", "verify"), ("audit", "--json"), ("status", "--json")):
        ran = await command(systems, *name)
        if ran.code != 0:
            told = ran.json()["findings"] if "audit" in name and ran.out else str(ran)
            toll.trouble.append(f"medmost {' '.join(name)}: {told}")


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description="SIGKILLs of medmost between two faulty systems")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.0, help="go on for at least so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=150)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medmost-chaos-") as folder:
        async with stand(Path(folder), people=given.people, seed=given.seed) as systems:
            toll = await run_kills(systems, kills=given.kills, seconds=given.seconds, seed=given.seed)
    for line in toll.trouble:
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"chaos seed {given.seed}: {toll}\n")
    return 1 if toll.trouble else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
