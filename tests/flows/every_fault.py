"""Each effect of the stand's faults in turn, under life; then several at once. All is level after each is lifted.

`make chaos ARGS="--faults --seconds 60 --mixture 600"` plays it for longer:
python -m flows.every_fault --seconds 60 --mixture 600 --life 10
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.level import comes_level, doubled
from flows.running import SYSTEMS, Body, Running, Systems, answered, link_everyone, medmost, stand
from medmost.domain.errors import MedmostError

SETTINGS = {
    "MEDMOST_DELIVER__DEADLINE": "3",
    "MEDMOST_SYSTEMS__GOSUSLUGI__PAGE_SIZE": "5",  # a small town has more than one page, too
    "MEDMOST_SYSTEMS__EMIAS__PAGE_SIZE": "5",
}
LEVEL_SECONDS = 90.0
BASE = {"gosuslugi": "/api/exchange/v1", "emias": "/api/v1"}
PHONE = {"gosuslugi": "Телефон", "emias": "phone"}
STATUS = {"gosuslugi": "Статус", "emias": "status"}

PLAYED: dict[str, Body] = {
    "latency": {"ms": 400},
    "status": {"code": 503, "share": 0.5},
    "request-lost": {"share": 0.3},
    "answer-lost": {"share": 0.3},
    "truncated": {"share": 0.3},
    "html-200": {"share": 0.3},
    "slow-drip": {"ms": 5, "bytes": 64, "share": 0.3},
    "reset": {"share": 0.3},
    "webhook-duplicate": {"times": 5},
    "webhook-shuffle": {},
    "webhook-forged": {"share": 0.5},
    "webhook-lost": {"share": 0.7},
    "page-shift": {"rows": -1, "share": 0.5},
    "wrong-total": {"rows": 7},
    "etag-stale": {"share": 0.3},
    "token-expired": {"share": 0.2},
    "field-extra": {},
    "field-missing": {"collection": "policies", "field": PHONE},
    "enum-unknown": {"collection": "policies", "field": STATUS, "records": 0.3},
    "field-renamed": {"collection": "policies", "field": PHONE, "to": "tel"},
    "other-person": {"share": 0.1, "method": "GET"},
    "versions-back": {"share": 0.1},
    "empty-list": {"share": 0.5},
}
"""What each effect is told; a text by system is that system's. `bulk-partial` is not met: medmost sends no batches."""


ASKS_A_PERSON = {"field-renamed", "field-missing", "other-person", "empty-list", "versions-back"}
"""Effects that look like what no program may decide; they are not part of the mixture."""
SHOWN_OTHERWISE = {"field-missing", "field-renamed", "enum-unknown"}
"""Effects under which a version of a record does not show what it holds."""


def rule(system: str, effect: str, seed: int) -> Body:
    """One effect at one system, about the exchange alone."""
    told = {name: value[system] if isinstance(value, dict) else value for name, value in PLAYED[effect].items()}
    path = {} if effect.startswith("webhook-") else {"path": f"{BASE[system]}/*"}
    return {"effect": effect, "seed": seed, **path, **told}


@dataclass
class Played:
    """What came of one effect, or of a mixture."""

    name: str
    fired: int
    acts: int
    level_after: float | None  # None: others followed at once
    looked_at: list[str] = field(default_factory=list)  # what a person had to release

    def __str__(self) -> str:
        person = f"; a person released {', '.join(self.looked_at)}" if self.looked_at else ""
        level = "" if self.level_after is None else f", level after {self.level_after:.1f} s"
        return f"{self.name}: fired {self.fired}, {self.acts} acts{level}{person}"


@dataclass(frozen=True)
class Town:
    """Both systems, medmost between them, and how lively it is."""

    systems: Systems
    running: Running
    linked: Collection[str]
    life: float


async def play(town: Town, effects: list[str], seconds: float, seed: int, *, levels: bool = True) -> Played:
    """Life under the effects, then neither of both, then level, unless more is to come first."""
    systems, life = town.systems, town.life
    before = {system: await systems.last_effect(system) for system in SYSTEMS}
    for system in SYSTEMS:
        await systems.faults(system, *(rule(system, effect, seed) for effect in effects))
        await systems.life(system, life / 2)
    await asyncio.sleep(seconds)  # that long the fault is there
    fired = sum([await systems.fired(system) for system in SYSTEMS])
    for system in SYSTEMS:
        await systems.life(system, 0)
        await systems.faults(system)
    acts = sum([len(await systems.effects(system, before[system], "person")) for system in SYSTEMS])
    if not levels:
        return Played(" + ".join(effects), fired, acts, None)
    level_after, looked_at = await ends_level(town, effects)
    return Played(" + ".join(effects), fired, acts, level_after, looked_at)


async def ends_level(town: Town, effects: list[str]) -> tuple[float, list[str]]:
    """Seconds until all is level, and what a person had to let go for it; AssertionError that says what is not."""
    systems = town.systems
    looked_at: list[str] = []
    person = asyncio.create_task(
        release_what_is_held(systems, looked_at, audits=not SHOWN_OTHERWISE.isdisjoint(effects))
    )
    try:
        level_after = await comes_level(systems, town.running, town.linked, LEVEL_SECONDS)
    except AssertionError as error:
        told = [(await answered(systems, what))[1] for what in ("conflicts.list", "pairs.list", "brakes.list")]
        raise AssertionError(f"{effects}: {error}; conflicts {told[0]}, waiting {told[1]}, brakes {told[2]}") from None
    finally:
        person.cancel()
    return level_after, sorted(set(looked_at))


async def release_what_is_held(systems: Systems, looked_at: list[str], *, audits: bool) -> None:
    """The person on duty: brakes, drift and quarantined pairs are seen to be over, and let go.

    `audits`: after records were shown otherwise than they are, both systems are compared afresh (runbook), which
    finds what was new just then: its version shows now what it did not show when it was met.
    """
    audited = not audits
    while True:
        _, brakes = await answered(systems, "brakes.list")
        if brakes:
            looked_at += [str(one["code"]) for one in brakes]
            await answered(systems, "brakes.release", ids=[one["id"] for one in brakes])
        _, drifted = await answered(systems, "mapping.drift")
        over = [one for one in drifted["findings"] if one["risk"] == "breaking"]
        if over:
            looked_at += [f"MM-DRIFT-{one['what'].upper()} {one['system']} {one['field']}" for one in over]
            await answered(systems, "mapping.drift.end", ids=[one["id"] for one in over])
        for state in ("quarantined", "refused"):
            _, held = await answered(systems, "pairs.list", state=state)
            for one in held:
                looked_at.append(state)
                with suppress(MedmostError):  # mended by itself in the meantime
                    await answered(systems, "pairs.release", pair=one["pair"])
        if not audited and not over:
            _, told = await answered(systems, "audit", repair=True)
            looked_at += ["audit"] if told.get("repaired") else []
            audited = True
        await asyncio.sleep(1)


async def every_fault(
    folder: Path,
    *,
    seconds: float,
    mixture: float,
    life: float,
    people: int,
    seed: int,
    together: int = 1,
    only: Collection[str] = tuple(PLAYED),
) -> list[Played]:
    """Each effect for so many seconds, then a mixture; AssertionError where anything was doubled or not level.

    `together`: after so many effects all has to be level. A `mixture` of no seconds is left out.
    """
    rng = random.Random(seed)
    played: list[Played] = []
    async with stand(folder, people=people, seed=seed) as systems:
        linked = {str(one["policy_number"]) for one in await link_everyone(systems)}
        async with medmost(systems, poll=(2, 2), **SETTINGS) as running:
            town = Town(systems, running, linked, life)
            await comes_level(systems, running, linked)
            for place, effect in enumerate(only, 1):
                levels = place % together == 0 or place == len(only)
                played.append(await play(town, [effect], seconds, rng.randrange(10**6), levels=levels))
                say(played[-1])
            if mixture:
                mixed = rng.sample(sorted(set(PLAYED) - ASKS_A_PERSON), 6)
                played.append(await play(town, mixed, mixture, rng.randrange(10**6)))
                say(played[-1])
            twice = await doubled(systems)
            assert twice == [], twice
    return played


def say(one: Any) -> None:
    sys.stdout.write(f"{one}\n")
    sys.stdout.flush()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=20.0)
    asked.add_argument("--mixture", type=float, default=300.0)
    asked.add_argument("--together", type=int, default=1)
    asked.add_argument("--life", type=float, default=10.0)
    asked.add_argument("--people", type=int, default=40)
    asked.add_argument("--only", nargs="+", choices=PLAYED, default=list(PLAYED))
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = vars(asked.parse_args())
    say(f"seed {given['seed']}")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(every_fault(Path(folder), **given))


if __name__ == "__main__":
    main()
