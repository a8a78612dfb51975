"""One world brought level by commands over real sockets, judged from outside by the field tables."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from flows.comparing import Apart, compare_all
from flows.running import COLLECTIONS, KINDS, SYSTEMS, Body, Ran, Systems, command, free_port, link_everyone, stand

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PERSONAL = {"visits": "Номер полиса", "results": "Номер полиса", "vaccinations": "Номер полиса"}


@dataclass
class Levelled:
    """A world before and after, and what the commands said."""

    systems: Systems
    linked: list[Body]
    planted: dict[str, dict[str, Any]]
    before: dict[str, Apart]
    after: dict[str, Apart]
    migrate: Ran
    audit: Ran
    status: Ran


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def levelled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Levelled]:
    async with stand(tmp_path_factory.mktemp("once"), people=120, seed=23) as systems:
        before = await compare_all(systems)
        linked = await link_everyone(systems)
        migrate = await command(systems, "migrate", "--json")
        audit = await command(systems, "audit", "--json")
        status = await command(systems, "status", "--json")
        after = await compare_all(systems)
        planted = {system: await systems.planted(system) for system in SYSTEMS}
        yield Levelled(systems, linked, planted, before, after, migrate, audit, status)


async def test_exports_differ_at_first_as_seeded(levelled: Levelled) -> None:
    there, here = levelled.planted["gosuslugi"], levelled.planted["emias"]
    for collection, apart in levelled.before.items():
        alone = len(apart.only["gosuslugi"]) + len(apart.rejected)
        assert alone == there[collection]["one_sided"] + len(there[collection]["foreign"]), collection
        assert len(apart.only["emias"]) == here[collection]["one_sided"] + here[collection]["unlinked"], collection
        conflicts = {pair for pair in apart.differing if pair[0] in there[collection]["conflict"]}
        assert len(apart.differing) - len(conflicts) == there[collection]["differing"], collection
        assert {pair[1] for pair in conflicts} == set(here[collection]["conflict"]), collection


async def test_only_what_was_planted_stays_apart(levelled: Levelled) -> None:
    assert levelled.migrate.code == 0, str(levelled.migrate)
    for collection, apart in levelled.after.items():
        there, here = levelled.planted["gosuslugi"][collection], levelled.planted["emias"][collection]
        assert apart.unreadable == {"gosuslugi": set(there["invalid"]), "emias": set(here["invalid"])}
        assert apart.only["gosuslugi"] == set(there["foreign"]), collection
        assert apart.rejected == set(there["rejected"]), collection
        assert {pair[0] for pair in apart.differing} == set(there["conflict"]), collection
        assert {pair[1] for pair in apart.differing} == set(here["conflict"]), collection


async def test_unlinked_records_alone_stay_at_emias(levelled: Levelled) -> None:
    linked = {one["policy_number"] for one in levelled.linked}
    for collection, apart in levelled.after.items():
        records = await levelled.systems.export("emias", collection)
        assert len(apart.only["emias"]) == levelled.planted["emias"][collection]["unlinked"]
        assert not any(records[ref].get("policyNumber") in linked for ref in apart.only["emias"])


async def test_nothing_personal_of_unlinked_reaches_gosuslugi(levelled: Levelled) -> None:
    linked = {one["policy_number"] for one in levelled.linked}
    effects = await levelled.systems.effects("gosuslugi", client="medmost")
    for collection, name in PERSONAL.items():
        records = await levelled.systems.export("gosuslugi", collection)
        written = {str(effect["id"]) for effect in effects if effect["collection"] == collection}
        assert written
        assert {records[ref][name] for ref in written} <= linked


async def test_one_accepted_write_per_seeded_difference(levelled: Levelled) -> None:
    for system in SYSTEMS:
        effects = await levelled.systems.effects(system)
        assert effects == await levelled.systems.effects(system, client="medmost")
        writes = Counter(effect["collection"] for effect in effects)
        assert {collection: writes[collection] for collection in COLLECTIONS} == {
            collection: levelled.planted[system][collection]["writes"] for collection in COLLECTIONS
        }
        assert max(Counter(str(effect["id"]) for effect in effects).values()) == 1


async def test_status_names_the_planted_sets(levelled: Levelled) -> None:
    assert levelled.status.code == 0, str(levelled.status)
    told = levelled.status.json()
    for kind, collection in zip(KINDS, COLLECTIONS, strict=True):
        numbers = told["kinds"][kind]
        for state in ("conflict", "invalid", "foreign"):
            named = numbers["named"].get(state, [])
            for system in SYSTEMS:
                refs = {one[system] for one in named if one[system] is not None}
                assert refs == set(levelled.planted[system][collection][state]), (kind, state, system)
        assert numbers["behind"] == numbers["refused"] == numbers["ambiguous"] == numbers["quarantined"] == 0
    assert not any(told["deliveries"].values())
    assert levelled.audit.code == 0, str(levelled.audit)


async def test_audit_names_a_record_changed_meanwhile(levelled: Levelled) -> None:
    systems = levelled.systems
    linked = {one["policy_number"] for one in levelled.linked}
    results = await systems.export("emias", "results")
    alone = levelled.after["results"].only["emias"] | levelled.after["results"].unreadable["emias"]
    ref = next(ref for ref, body in results.items() if body["policyNumber"] in linked and ref not in alone)
    await systems.change("emias", "results", ref, title="Общий анализ мочи по Нечипоренко")
    ran = await command(systems, "audit", "--json")
    assert ran.code == 1, str(ran)
    findings = ran.json()["findings"]
    assert [(one["kind"], one["refs"]["emias"], one["fields"]) for one in findings] == [("result", ref, ["title"])]
    assert results[ref]["documentId"] not in findings[0]["key"]
    assert results[ref]["policyNumber"] not in ran.out


@pytest.mark.parametrize("seed", [11])
async def test_demo_once_exits_zero(tmp_path: Path, seed: int) -> None:
    ports = ",".join(str(free_port()) for _ in range(3))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "medmost.cli.demo", "--once", "--people", "60", "--seed", str(seed), "--folder", "demo",
        cwd=tmp_path,
        env={**os.environ, "DEMO_PORTS": ports},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    told = out.decode()
    assert process.returncode == 0, told
    share = int(told.partition("привязано ")[2].partition(" %")[0])
    assert share >= 60, told
