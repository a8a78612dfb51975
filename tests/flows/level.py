"""What is left between two systems beyond what was planted, and what nobody may do twice.

Judged by the exports and the stand's book of effects alone (`flows.comparing` reads the tables of design §6).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from field_tables import KEYS, read
from flows.comparing import DELETED, compare
from flows.running import COLLECTIONS, SYSTEMS, Body, Running, Systems, until

OWNER = {"gosuslugi": "Номер полиса", "emias": "policyNumber"}
"""Where a personal record names its patient, at the head of the exported line."""
MARK = {"gosuslugi": "внешнийИд", "emias": "originId"}
PERSONAL = ("visits", "results", "vaccinations", "requests")
ENDED = (4, 5)
"""Places of «Отменена» and «Отклонена»: such a visit has given its natural key up."""


async def exports(systems: Systems) -> dict[str, dict[str, dict[str, Body]]]:
    """system -> collection -> wire id -> record; tombstones too."""
    return {
        system: {collection: await systems.export(system, collection) for collection in COLLECTIONS}
        for system in SYSTEMS
    }


async def unlevel(systems: Systems, linked: Collection[str]) -> list[str]:
    """A line for each record that is not as it should be; [] when only the planted sets stay apart.

    Right as it is: a visit that EMIAS refused and Gosuslugi shows as rejected; at EMIAS a personal record of a
    policy that is not in `linked`. Such a record at Gosuslugi is a finding, planted foreign ones excepted.
    """
    there = await exports(systems)
    planted = {system: await systems.planted(system) for system in SYSTEMS}
    left: list[str] = []
    for collection in COLLECTIONS:
        sets = {system: _excused(planted[system][collection]) for system in SYSTEMS}
        apart = compare(collection, there["gosuslugi"][collection], there["emias"][collection])
        for (g, e), fields in apart.differing.items():
            if g not in sets["gosuslugi"] and e not in sets["emias"]:
                left.append(f"{collection} {g} / {e}: {', '.join(fields)} differ")
        for system in SYSTEMS:
            strangers = _strangers(system, collection, there[system][collection], linked)
            at_home = strangers | _moved_on(there, collection) if system == "emias" else set()
            left += [f"{collection} {ref}: only at {system}" for ref in apart.only[system] - sets[system] - at_home]
            left += [f"{collection} {ref}: unreadable at {system}" for ref in apart.unreadable[system] - sets[system]]
            if system == "gosuslugi":
                left += [f"{collection} {ref}: crossed without a link" for ref in strangers - sets[system]]
    return left


def _excused(sets: Body) -> set[str]:
    return {str(ref) for name in ("conflict", "invalid", "foreign", "ambiguous") for ref in sets[name]}


def _strangers(system: str, collection: str, records: dict[str, Body], linked: Collection[str]) -> set[str]:
    if collection not in PERSONAL:
        return set()
    live = {ref: body for ref, body in records.items() if not any(name in body for name in DELETED)}
    return {ref for ref, body in live.items() if body.get(OWNER[system]) not in linked}


def _moved_on(there: dict[str, dict[str, dict[str, Body]]], collection: str) -> set[str]:
    """Visits that EMIAS moved: the record that followed stands for both (design §6)."""
    records = there["emias"][collection]
    return {ref for ref, body in records.items() if body.get("movedTo") in records}


async def comes_level(systems: Systems, running: Running, linked: Collection[str], within: float = 60.0) -> float:
    """Seconds until nothing is under way and the exports agree; AssertionError that names what does not."""
    began = time.monotonic()

    async def level() -> bool:
        told = await running.status()
        moving = sum(told["deliveries"].values()) + sum(kind["behind"] for kind in told["kinds"].values())
        await asyncio.sleep(0.3)  # an export of everything is not for every glance
        return not moving and not await unlevel(systems, linked)

    try:
        await until(level, "level", within)
    except AssertionError:
        told = await running.status()
        behind = {kind: numbers["behind"] for kind, numbers in told["kinds"].items() if numbers["behind"]}
        left = await unlevel(systems, linked)
        raise AssertionError(f"not level in {within:g} s: {told['deliveries']}, behind {behind}, {left}") from None
    return time.monotonic() - began


async def doubled(systems: Systems) -> list[str]:
    """Every sign of a write that took effect twice; [] when there is none.

    One effect per idempotency key, one create per origin mark, one live record per natural key of what medmost made.
    """
    found: list[str] = []
    there = await exports(systems)
    for system in SYSTEMS:
        ours = [one for one in await systems.effects(system) if one["client"] != "person"]
        keys = Counter(str(one["key"]) for one in ours if one["key"])
        found += [f"{system}: key {key} had {times} effects" for key, times in keys.items() if times > 1]
        for collection in COLLECTIONS:
            records = there[system][collection].values()
            marks = Counter(str(one[MARK[system]]) for one in records if one.get(MARK[system]))
            found += [f"{system} {collection}: mark {mark} × {times}" for mark, times in marks.items() if times > 1]
            made = {str(one["id"]) for one in ours if one["collection"] == collection and one["method"] == "POST"}
            found += [
                f"{system} {collection}: {', '.join(sorted(refs))} are one thing"
                for refs in _same_key(system, collection, there[system][collection])
                if refs & made
            ]
    return found


def _same_key(system: str, collection: str, records: dict[str, Body]) -> Iterable[set[str]]:
    """Live records that share a natural key, visits that have given theirs up left out."""
    by_key: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for ref, body in records.items():
        if any(name in body for name in DELETED):
            continue
        try:
            said = read(system, collection, body)
        except (ValueError, TypeError):
            continue
        if collection != "visits" or said["status"] not in ENDED:
            by_key[tuple(said[name] for name in KEYS[collection])].add(ref)
    return [refs for refs in by_key.values() if len(refs) > 1]
