"""Links open and close the personal kinds of a policy: nothing before, everything after, nothing more once revoked."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import pytest_asyncio

from flows.acting import analysis, at_other, ok, settled, vaccination, webhooks_arrive
from flows.running import SYSTEMS, Body, Running, Systems, ask, command, medmost, stand, until
from medmost.config import load_config
from medmost.domain.errors import MedmostError
from medmost.domain.record import Side
from medmost.store import pairs
from medmost.store.cipher import Cipher

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PERSONAL = ("visit", "result", "vaccination", "request")


@dataclass
class Linking:
    systems: Systems
    running: Running
    citizens: list[Body]  # trusted, with a backlog at EMIAS, linked by nobody yet

    def citizen(self) -> Body:
        return self.citizens.pop()

    def paper(self) -> str:
        file = self.systems.folder.parent / "consent.txt"
        file.write_text("Согласен на обмен сведениями")
        return str(file)

    async def unread(self, policy_number: str) -> str:
        """An analysis of an unlinked citizen that medmost has noticed and left alone: its document id."""
        before = (await self.running.status())["kinds"]["result"]["no_consent"]
        oid = (await at_other(self.systems, "emias", "schedules") or {})["lpuOid"]
        entered = await self.systems.act("emias", "POST", "results", analysis(policy_number, oid))

        async def noticed() -> bool:
            return (await self.running.status())["kinds"]["result"]["no_consent"] > before

        await until(noticed, "an analysis without consent")
        return str(entered["documentId"])

    async def link(self, citizen: Body) -> int:
        row = {"oid": citizen["oid"], "policy_number": citizen["policy_number"], "consent": {"text": "на бумаге"}}
        told = await ask(self.systems, "link.import", rows=[row])
        return int(told["linked"][0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def linking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Linking]:
    folder = tmp_path_factory.mktemp("links")
    async with stand(folder, people=40, seed=9) as systems, medmost(systems, poll=(3600, 3600)) as running:
        await settled(running)
        await webhooks_arrive(systems)
        results = [one["policyNumber"] for one in (await systems.export("emias", "results")).values()]
        trusted = [one for one in await systems.people() if one["trusted"] and not one["planted"]]
        yield Linking(systems, running, [one for one in trusted if one["policy_number"] in results])


def stored(systems: Systems, policy_number: str | None = None) -> list[pairs.PairRow]:
    """Personal pairs of the state, opened; those of one policy, or those that have no consent."""
    config = load_config(systems.folder, {})
    cipher = Cipher(config.state.key)
    with closing(sqlite3.connect(f"file:{config.state.path}?mode=ro", uri=True)) as state:
        if policy_number is None:
            query, args = "SELECT id FROM pair WHERE state = 'no_consent'", ()
        else:
            query, args = "SELECT id FROM pair WHERE patient_index = ?", (cipher.blind("patient", policy_number),)
        ids = [row[0] for row in state.execute(query, args)]
        found = pairs.by_ids(state, cipher, ids).values()
    return [row for row in found if row.pair.kind in PERSONAL]


def bodies(rows: list[pairs.PairRow]) -> int:
    sides = [row.pair.side(side) for row in rows for side in Side]
    return sum(part is not None for state in sides for part in (state.doc, state.now, state.settled, state.sent))


async def results_at_gosuslugi(systems: Systems, policy_number: str) -> set[str]:
    records = (await systems.export("gosuslugi", "results")).values()
    return {one["Номер документа"] for one in records if one.get("Номер полиса") == policy_number}


async def test_unlinked_bodies_are_never_stored(linking: Linking) -> None:
    told = await linking.running.status()
    assert all(told["kinds"][kind]["no_consent"] > 0 for kind in PERSONAL)
    assert all(told["kinds"][kind]["level"] == 0 for kind in PERSONAL)
    rows = stored(linking.systems)
    assert {row.pair.kind for row in rows} == set(PERSONAL)
    assert bodies(rows) == 0
    plain = b"".join(
        file.read_bytes() for file in linking.systems.folder.glob("state.db*") if not file.name.endswith("lock")
    )
    results = (await linking.systems.export("emias", "results")).values()
    told_by_results = [str(one[name]) for one in results for name in ("policyNumber", "documentId", "doctorFio")]
    assert not [value for value in told_by_results if value.encode() in plain]
    for system in SYSTEMS:
        effects = await linking.systems.effects(system, client="medmost")
        assert not [one for one in effects if one["collection"] in ("visits", "results", "vaccinations", "requests")]


async def test_backlog_is_delivered_after_the_link(linking: Linking) -> None:
    systems, citizen = linking.systems, linking.citizen()
    number = citizen["policy_number"]
    document = await linking.unread(number)
    assert document not in await results_at_gosuslugi(systems, number)
    await linking.link(citizen)

    async def arrived() -> bool:
        return document in await results_at_gosuslugi(systems, number)

    await until(arrived, "the backlog of a new link")
    told = await linking.running.quiet()
    assert told["kinds"]["result"]["behind"] == 0


async def test_same_policy_or_account_twice_is_refused(linking: Linking) -> None:
    systems, one, other = linking.systems, linking.citizen(), linking.citizen()
    await linking.link(one)
    arguments = ("--oid", str(one["oid"]), "--policy", one["policy_number"], "--consent", linking.paper())
    ran = await command(systems, "link", "add", *arguments)
    assert ran.code == 1, str(ran)
    assert ran.json()["linked"] == []
    assert "MM-LINK-TAKEN" in ran.err
    assert "отзовите" in ran.err
    assert one["policy_number"] not in ran.err
    for oid, policy in ((other["oid"], one["policy_number"]), (one["oid"], other["policy_number"])):
        with pytest.raises(AssertionError, match="MM-LINK-TAKEN"):
            await ask(systems, "link.import", rows=[{"oid": oid, "policy_number": policy}])
    listed = await ask(systems, "link.list", values=True)
    assert [row["oid"] for row in listed if row["policy_number"] == one["policy_number"]] == [str(one["oid"])]
    assert other["policy_number"] not in [row["policy_number"] for row in listed]


async def test_list_masks_numbers_unless_asked(linking: Linking) -> None:
    shown = await ok(linking.systems, "link", "list", "--json")
    whole = await ask(linking.systems, "link.list", values=True)
    assert len(shown) == len(whole) >= 2
    for masked, row in zip(shown, whole, strict=True):
        number = row["policy_number"]
        assert len(number) == 16
        assert number not in str(masked)
        assert masked["policy_number"].endswith(number[-4:])


async def test_import_links_many_and_tells_refused(linking: Linking) -> None:
    systems, file = linking.systems, linking.systems.folder.parent / "many.csv"
    chosen = [linking.citizen() for _ in range(3)]
    with file.open("w", newline="", encoding="utf-8-sig") as lines:
        writer = csv.writer(lines)
        writer.writerow(["oid", "policy_number", "consent"])
        writer.writerows([one["oid"], one["policy_number"], "на бумаге"] for one in [*chosen, chosen[0]])
        writer.writerow(["1000", "7700 1234", "номер не тот"])
    ran = await command(systems, "link", "import", str(file))
    assert ran.code == 1, str(ran)
    assert len(ran.json()["linked"]) == 3
    assert [(row["row"], row["code"]) for row in ran.json()["refused"]] == [(4, "MM-LINK-TAKEN"), (5, "MM-LINK-POLICY")]
    assert "строка 5" in ran.err
    assert "16 цифр" in ran.err


async def test_revoked_link_stops_what_is_queued(linking: Linking) -> None:
    systems, citizen = linking.systems, linking.citizen()
    number, oid = citizen["policy_number"], (await at_other(systems, "emias", "schedules") or {})["lpuOid"]
    link = await linking.link(citizen)
    await linking.running.quiet()
    await systems.faults("gosuslugi", {"effect": "status", "code": 503, "method": "POST", "collection": "results"})
    await ask(systems, "pause", kind="vaccination", paused=True)
    entered = await systems.act("emias", "POST", "results", analysis(number, oid))
    given = await systems.act("emias", "POST", "vaccinations", vaccination(number, oid, "Совигрипп-Р"))

    async def queued() -> bool:
        told = await linking.running.status()
        return bool(told["deliveries"]["waiting"] and told["deliveries"]["due"])

    await until(queued, "one delivery refused for now, one held by a pause")
    before = await systems.last_effect("gosuslugi")
    await ok(systems, "link", "revoke", str(link))
    await ask(systems, "pause", kind="vaccination", paused=False)
    await systems.faults("gosuslugi")
    await systems.change("emias", "results", entered["id"], conclusion="Без особенностей")
    await webhooks_arrive(systems)
    await linking.running.quiet()
    written = [one for one in await systems.effects("gosuslugi", before, "medmost") if one["collection"] != "policies"]
    assert written == []
    assert (
        await at_other(
            systems, "gosuslugi", "vaccinations", **{"Вакцина": given["vaccineName"], "Номер полиса": number}
        )
        is None
    )
    rows = stored(systems, number)
    assert {row.state for row in rows} == {"no_consent"}
    assert bodies(rows) == 0


async def test_revoking_what_is_no_link_says_so(linking: Linking) -> None:
    with pytest.raises(MedmostError) as raised:
        await ask(linking.systems, "link.revoke", id=987654)
    assert raised.value.code == "MM-LINK-NONE"
    assert "987654" in raised.value.ru


async def test_backlog_outlives_a_silent_system(linking: Linking) -> None:
    systems, citizen = linking.systems, linking.citizen()
    number = citizen["policy_number"]
    document = await linking.unread(number)
    await systems.faults("emias", {"effect": "status", "code": 503, "path": "/api/v1/*"})
    told = await ask(systems, "link.import", rows=[{"oid": citizen["oid"], "policy_number": number}])
    assert told["later"] == "MM-SYS-DOWN"
    await systems.faults("emias")

    async def arrived() -> bool:
        return document in await results_at_gosuslugi(systems, number)

    await until(arrived, "the backlog of a link made during an outage")
