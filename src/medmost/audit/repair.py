"""Repairing what an audit found: fresh reads go in at `absorb`, and the engine delivers. Nothing else writes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from medmost.audit.findings import Finding
from medmost.audit.standing import Place, standings
from medmost.domain.record import Observation, Side
from medmost.store.database import Database
from medmost.sync.absorb import REPAIR, absorb_page
from medmost.sync.house import House
from medmost.systems.contract import System

PAGE = 100
AT_ONCE = 16


class Repaired(msgspec.Struct):
    """What came of a repair. `queued` objects are delivered by the engine; `left` ones need a person."""

    read: int = 0
    learned: int = 0  # records of which something new was learned
    queued: int = 0
    left: list[Finding] = []


async def repair(
    house: House, database: Database, systems: Mapping[Side, System], findings: Sequence[Finding]
) -> Repaired:
    """Reads the records of these findings afresh and absorbs them, a page in a transaction.

    A version that was not shown whole when it was met is learned anew. A record that reads as the state has it teaches
    nothing: two records that differ though neither has changed since
    they were level are left to a person, as the merge leaves them (design §2a.3). Raises what the systems raise.
    """
    done = Repaired()
    correlation = house.name()
    for kind in house.mappings:  # parents first
        found = [finding for finding in findings if finding.kind == kind]
        for start in range(0, len(found), PAGE):
            part = found[start : start + PAGE]
            seen = [house.understand(one) for one in await _read(systems, kind, _places(part))]
            done.read += len(seen)
            done.learned += await database.write(
                partial(absorb_page, house=house, seen=seen, act=REPAIR, correlation=correlation)
            )
            known = await database.read(partial(standings, kind=kind, places=_places(part)))
            for finding in part:
                owners = [known[place] for place in _places([finding]) if place in known]
                if any(owner.delivering for owner in owners):
                    done.queued += 1
                else:
                    done.left.append(finding)
    return done


async def _read(systems: Mapping[Side, System], kind: str, places: Sequence[Place]) -> list[Observation]:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(side: Side, ref: str) -> Observation | None:
        async with at_once:
            return await systems[side].read(kind, ref)

    read = await asyncio.gather(*(one(side, ref) for side, ref in places))
    return [seen for seen in read if seen is not None]


def _places(findings: Sequence[Finding]) -> list[Place]:
    places: list[Place] = []
    for finding in findings:
        for side in Side:
            ref = finding.refs.get(side.value)
            if ref:
                places += [(side, each) for each in (ref, *finding.others)]
    return places
