"""Brakes at work: too much at once stops a kind before more is carried, and a person lets it go (design §9)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from medmost.domain.errors import Fatal
from medmost.domain.guard import Limit
from medmost.domain.holds import REASONS
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.store import brakes, ledgers
from medmost.sync import braking
from medmost.sync.absorb import WEBHOOK, absorb_page
from medmost.sync.claim import claim
from medmost.sync.lookout import Canary, Lookout, recognise_environment, recognise_rules
from medmost.sync.status import status
from medmost.systems.contract import Page
from town import Town, town

G, E = Side.GOSUSLUGI, Side.EMIAS
POLICY = {rule.name: rule.example for rule in load_mappings()["policy"].rule.fields}


async def settled(here: Town, number: int) -> list[str]:
    """So many policies, entered at EMIAS and carried over; their refs there."""
    mapping = here.house.mappings["policy"]
    refs = []
    for one in range(number):
        fields = {**POLICY, "policy_number": f"77564108341{one:05}", "snils": None}
        refs.append(here.emias.put("policy", mapping.write(E, fields, None)))
    await here.settles()
    assert await here.states("policy") == {"level": number}
    return refs


async def held(here: Town) -> list[tuple[str, str, str, str]]:
    found = await here.database.read(brakes.standing)
    return [(one.code, one.system, one.kind, one.detail) for one in found]


async def events(here: Town) -> list[tuple[str, str, str, str]]:
    return [row[2:] for row in await here.database.read(lambda tx: ledgers.events_after(tx, 0))]


def written(here: Town) -> int:
    return len(here.gosuslugi.written("policy"))


async def released(here: Town) -> None:
    def go(tx: sqlite3.Connection) -> None:
        braking.release(tx, here.house, brakes.standing(tx), "anna")

    await here.database.write(go)


async def test_many_deletes_stop_the_kind(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settled(here, 30)
        before = written(here)
        for ref in refs[:21]:
            here.emias.remove("policy", ref)
        await here.settles()
        assert await held(here) == [("MM-BRAKE-DELETES", "emias", "policy", "deletes:21/20")]
        assert written(here) == before
        await here.settles()
        assert (await events(here)).count(("brake", "emias", "policy", "MM-BRAKE-DELETES")) == 1
        told = await status(here.engine)
        assert (told["healthy"], told["kinds"]["policy"]["brake"]) == (False, "deletes:21/20")
        assert [one["code"] for one in told["brakes"]] == ["MM-BRAKE-DELETES"]
        await released(here)
        await here.settles()
        assert written(here) == before + 21
        assert (await held(here), (await events(here))[-1][0]) == ([], "brake-ok")


async def test_few_deletes_are_carried(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settled(here, 30)
        for ref in refs[:20]:
            here.emias.remove("policy", ref)
        await here.settles()
        assert await held(here) == []
        assert await here.states("policy") == {"level": 10}


async def test_pieces_of_a_mass_delete_add_up(tmp_path: Path) -> None:
    """Each pass is cut off after a page: it is one pass all the same, until it has ended."""
    async with town(tmp_path) as here:
        refs = await settled(here, 25)

        async def page(some: list[str], at: float) -> None:
            for ref in some:
                here.emias.remove("policy", ref)
            seen = [here.house.understand(here.emias.seen("policy", ref)) for ref in some]
            await here.database.write(lambda tx: ledgers.begin_pass(tx, "emias", "policy", at))
            await here.database.write(lambda tx: absorb_page(tx, here.house, seen, act="poll.changes"))

        now = here.house.clock.now()
        await page(refs[:12], now)
        await page(refs[12:20], now + 60)
        assert await held(here) == []
        await page(refs[20:21], now + 120)
        assert [one[0] for one in await held(here)] == ["MM-BRAKE-DELETES"]


async def test_a_pass_that_ended_is_another_pass(tmp_path: Path) -> None:
    def counted(tx: sqlite3.Connection, *times: tuple[float, bool]) -> ledgers.Tally:
        for at, ends in times:
            ledgers.begin_pass(tx, "emias", "policy", at)
            if ends:
                ledgers.end_pass(tx, "emias", "policy", at)
        return ledgers.tally(tx, "emias", "policy", ledgers.Tally(1, 1, 1))

    async with town(tmp_path) as here:
        write = here.database.write
        assert (await write(lambda tx: counted(tx, (1000.0, False)))).deletes == 1
        assert (await write(lambda tx: counted(tx, (1100.0, False)))).deletes == 2
        assert (await write(lambda tx: counted(tx, (1200.0, True)))).deletes == 3
        assert (await write(lambda tx: counted(tx, (1300.0, False)))).deletes == 1
        assert (await write(lambda tx: counted(tx, (1300.0 + ledgers.GOES_ON + 1, False)))).deletes == 1
        assert (await write(lambda tx: counted(tx, (1200.0, False)))).deletes == 1  # our clock was set back


async def test_our_own_deletes_are_not_counted(tmp_path: Path) -> None:
    """A poll shows them before their answers are taken in, or after those were lost."""
    async with town(tmp_path) as here:
        refs = await settled(here, 30)
        for ref in refs[:20]:
            here.emias.remove("policy", ref)
        await here.engine.pollers[E].one_pass("policy")
        rows = await here.database.write(lambda tx: claim(tx, here.house, G, 64))
        assert [one.op for one in rows] == ["delete"] * 20
        for one in rows:
            here.gosuslugi.remove("policy", one.ref or "")
        others = [ref for ref in here.gosuslugi.refs("policy") if ref not in {one.ref for one in rows}]
        here.gosuslugi.remove("policy", others[0])
        await here.engine.pollers[G].one_pass("policy")
        told = await here.database.write(lambda tx: ledgers.tally(tx, "gosuslugi", "policy", ledgers.Tally(0, 0, 0)))
        assert (told.deletes, await held(here)) == (1, [])


async def test_a_second_tombstone_is_no_second_delete(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settled(here, 21)
        for ref in refs[:15]:
            here.emias.remove("policy", ref)
        for _ in range(2):
            seen = [here.house.understand(here.emias.seen("policy", ref)) for ref in refs[:15]]
            await here.database.write(lambda tx, seen=seen: absorb_page(tx, here.house, seen, act="poll.changes"))
            for ref in refs[:15]:
                here.emias._records["policy"][ref].version += 1
        assert await held(here) == []


async def test_deletes_told_one_by_one_add_up(tmp_path: Path) -> None:
    """Webhooks tell of a mass delete too: what came since the last pass began is one sum."""
    async with town(tmp_path) as here:
        refs = await settled(here, 25)
        for ref in refs[:21]:
            here.emias.remove("policy", ref)
            seen = [here.house.understand(here.emias.seen("policy", ref))]
            await here.database.write(lambda tx, seen=seen: absorb_page(tx, here.house, seen, act="webhook"))
        assert [one[0] for one in await held(here)] == ["MM-BRAKE-DELETES"]


async def test_a_mass_change_stops_the_kind(tmp_path: Path) -> None:
    async with town(tmp_path, changes=Limit(percent=30, least=10)) as here:
        refs = await settled(here, 30)
        for ref in refs[:10]:
            here.emias.edit("policy", ref, phone="+79161112233")
        await here.settles()
        assert await held(here) == []
        before = written(here)
        for ref in refs[:11]:
            here.emias.edit("policy", ref, phone="+79161112244")
        await here.settles()
        assert await held(here) == [("MM-BRAKE-CHANGES", "emias", "policy", "changes:11/10")]
        assert written(here) == before


async def test_one_record_edited_often_is_one_change(tmp_path: Path) -> None:
    async with town(tmp_path, changes=Limit(percent=30, least=10)) as here:
        refs = await settled(here, 12)
        for number in range(15):
            here.emias.edit("policy", refs[0], phone=f"+791611122{number:02}")
            seen = [here.house.understand(here.emias.seen("policy", refs[0]))]
            await here.database.write(lambda tx, seen=seen: absorb_page(tx, here.house, seen, act="webhook"))
        assert await held(here) == []


async def test_an_emptied_side_stops_the_kind(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await settled(here, 5)
        records = here.emias._records.pop("policy")
        await here.engine.pollers[E].one_pass("policy", "everything")
        assert await held(here) == [("MM-BRAKE-EMPTY", "emias", "policy", "listed:0/5")]
        assert await here.states("policy") == {"level": 5}
        here.emias._records["policy"] = records
        await released(here)
        await here.settles()
        assert (await held(here), await here.states("policy")) == ([], {"level": 5})


async def test_what_we_create_meanwhile_empties_no_side(tmp_path: Path) -> None:
    """A first reading of a side that has nothing yet; before it ends the other side's records arrive there."""
    async with town(tmp_path) as here:
        everything = here.gosuslugi.everything

        async def overtaken(kind: str) -> AsyncIterator[Page]:
            async for page in everything(kind):
                yield page
            await settled(here, 25)

        here.gosuslugi.everything = overtaken  # type: ignore[method-assign]  # a reading that takes its time
        await here.engine.pollers[G].one_pass("policy", "everything")
        assert await held(here) == []


async def test_deletes_that_a_reading_shows_empty_no_side(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settled(here, 25)
        for ref in refs[:15]:
            here.emias.remove("policy", ref)
        await here.engine.pollers[E].one_pass("policy", "everything")
        assert await held(here) == []


async def test_versions_that_go_back_stop_the_kind(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settled(here, 21)
        for ref in refs:
            here.emias.edit("policy", ref, phone="+79161112244")
        await here.settles()
        for stored in here.emias._records["policy"].values():  # the system comes back from a backup
            stored.version = 1
        await here.engine.pollers[E].one_pass("policy", "everything")
        assert await held(here) == [("MM-BRAKE-VERSIONS", "emias", "policy", "versions:21/20")]


async def test_notices_that_come_late_are_no_versions_that_go_back(tmp_path: Path) -> None:
    """A system repeats for hours what we did not take while we were down; by then the poll has shown what followed."""
    async with town(tmp_path) as here:
        refs = await settled(here, 25)
        late = [here.house.understand(here.emias.seen("policy", ref)) for ref in refs]
        for ref in refs:
            here.emias.edit("policy", ref, phone="+79161112244")
        await here.settles()
        await here.database.write(lambda tx: ledgers.begin_pass(tx, "emias", "policy", here.house.clock.now() + 1))
        await here.database.write(lambda tx: absorb_page(tx, here.house, late, act=WEBHOOK))
        assert await held(here) == []
        await here.database.write(lambda tx: absorb_page(tx, here.house, late, act="poll.changes"))
        assert await held(here) == [("MM-BRAKE-VERSIONS", "emias", "policy", "versions:25/20")]


async def test_a_hold_of_everything_holds_every_kind(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.database.write(lambda tx: brakes.hold(tx, "MM-BRAKE-RULES", detail="changed:emias", at=1.0))
        mapping = here.house.mappings["policy"]
        here.emias.put("policy", mapping.write(E, POLICY, None))
        await here.settles()
        assert (await here.states("policy"), written(here)) == ({"behind": 1}, 0)
        await released(here)
        await here.settles()
        assert (await here.states("policy"), written(here)) == ({"level": 1}, 1)


def holding(**which: str) -> Callable[[sqlite3.Connection], bool]:
    return lambda tx: brakes.hold(tx, "MM-BRAKE-DELETES", detail="deletes:30/20", at=1.0, **which)


async def test_each_reason_holds_by_itself(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        assert await here.database.write(holding(kind="policy", system="emias"))
        assert not await here.database.write(holding(kind="policy", system="emias"))
        assert await here.database.write(holding(kind="policy", system="gosuslugi"))
        assert await here.database.write(holding(kind="visit", system="emias"))
        stages = await here.database.read(ledgers.stages)
        assert {kind for kind, (_, why, _) in stages.items() if why} == {"policy", "visit"}


# ---------------------------------------------------------------- back and forth
async def test_the_third_flip_asks_a_person(tmp_path: Path) -> None:
    """Two writers take a field from each other: what each sets is carried, until it is plainly no work of people."""
    async with town(tmp_path) as here:
        (ref,) = await settled(here, 1)
        (other,) = here.gosuslugi.refs("policy")
        turns = 0
        while await here.states("policy") == {"level": 1}:
            if turns % 2:
                here.gosuslugi.edit("policy", other, Телефон="+7(916)0000002")
            else:
                here.emias.edit("policy", ref, phone="+79160000001")
            await here.settles()
            turns += 1
            assert turns < 8
        assert (turns, await here.states("policy")) == (4, {"conflict": 1})
        assert "refused" in [event[0] for event in await events(here)]
        writes = len(here.emias.written()) + len(here.gosuslugi.written())
        await here.settles()
        assert len(here.emias.written()) + len(here.gosuslugi.written()) == writes


async def test_one_writer_may_change_his_mind(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await settled(here, 1)
        (other,) = here.gosuslugi.refs("policy")
        for turn in range(8):
            here.gosuslugi.edit("policy", other, Телефон=f"+7(916)000000{1 + turn % 2}")
            await here.settles()
            assert await here.states("policy") == {"level": 1}


# ---------------------------------------------------------------- is this the place we know?
async def test_a_canary_that_changes_holds_everything(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        (ref,) = await settled(here, 1)
        lookout = Lookout(here.house, here.database, dict(here.systems), {E: Canary("policy", ref)})
        await lookout.look()
        here.emias.goes_down()
        await lookout.look()
        here.emias.comes_back()
        await lookout.look()
        assert await held(here) == []
        here.emias.edit("policy", ref, phone="+79160000001")
        await lookout.look()
        await lookout.look()
        assert await held(here) == [("MM-BRAKE-CANARY", "emias", "", "canary:changed")]
        await released(here)
        await lookout.look()
        assert await held(here) == []
        here.emias.remove("policy", ref)
        await lookout.look()
        assert await held(here) == [("MM-BRAKE-CANARY", "emias", "", "canary:gone")]


async def test_a_stand_that_says_nothing_holds_everything(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        lookout = Lookout(here.house, here.database, dict(here.systems), environment="stand")
        await lookout.look()
        assert await held(here) == []  # neither has answered yet
        for system in here.systems.values():
            system.state = replace(system.state, last_ok="2026-11-23T10:00:00Z", environment="stand")
        await lookout.look()
        assert await held(here) == []
        here.emias.state = replace(here.emias.state, environment=None)
        await lookout.look()
        assert [one[0] for one in await held(here)] == ["MM-BRAKE-ENVIRONMENT"]


async def test_a_state_belongs_to_one_environment(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.database.write(lambda tx: recognise_environment(tx, "stand"))
        await here.database.write(lambda tx: recognise_environment(tx, "stand"))
        with pytest.raises(Fatal, match="MM-STATE-ENVIRONMENT"):
            await here.database.write(lambda tx: recognise_environment(tx, "production"))


async def test_settings_changed_unseen_hold_everything(tmp_path: Path) -> None:
    async with town(tmp_path) as here:

        async def starts(**ends: str) -> bool:
            return await here.database.write(lambda tx: recognise_rules(tx, here.house, ends))

        assert not await starts(emias="one", gosuslugi="one")
        assert not await starts(emias="one", gosuslugi="one")
        assert await starts(emias="two", gosuslugi="one")
        assert await held(here) == [("MM-BRAKE-RULES", "", "", "changed:emias")]
        assert not await starts(emias="two", gosuslugi="one")  # it is held already
        await released(here)
        assert not await starts(emias="two", gosuslugi="one")
        assert await held(here) == []


def test_every_reason_speaks_both_languages() -> None:
    for code, reason in REASONS.items():
        assert code.startswith("MM-BRAKE-")
        assert all((reason.text("ru"), reason.text("en"), reason.advice("ru"), reason.advice("en")))
        assert "medmost " in reason.advice("ru")
