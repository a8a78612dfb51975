"""What each command does for a person at a terminal, while medmost runs beside it."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from flows.acting import at_other, ok, policies_at_both, settled, webhooks_arrive
from flows.running import Body, Running, Systems, ask, command, link_everyone, medmost, stand, until
from medmost.domain.errors import MedmostError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclass
class Desk:
    systems: Systems
    running: Running
    policies: list[tuple[str, str, str]]  # number, Gosuslugi id, EMIAS id

    def policy(self) -> tuple[str, str, str]:
        return self.policies.pop()

    async def disputed(self, number: str, there: str, here: str, first: str, second: str) -> Body:
        """Both sides' people change the last name; the open conflict that comes of it."""
        await ask(self.systems, "pause", kind="policy", paused=True)
        await self.systems.change("gosuslugi", "policies", there, Фамилия=first)
        await self.systems.change("emias", "policies", here, lastName=second)

        async def opened() -> Body | None:
            rows = await ask(self.systems, "conflicts.list", values=True)
            return next((row for row in rows if (row["gosuslugi"], row["emias"]) == (first, second)), None)

        found = await until(opened, f"a conflict about {number}")
        await ask(self.systems, "pause", kind="policy", paused=False)
        assert (found["kind"], found["field"], found["state"]) == ("policy", "last_name", "open")
        return found

    async def names(self, there: str, here: str) -> tuple[str, str]:
        one = await self.systems.record("gosuslugi", "policies", there) or {}
        two = await self.systems.record("emias", "policies", here) or {}
        return one["Фамилия"], two["lastName"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("commands")
    async with stand(folder, people=40, seed=17) as systems, medmost(systems, poll=(3600, 3600)) as running:
        await link_everyone(systems)
        await settled(running)
        await webhooks_arrive(systems)
        waiting = (await running.status())["kinds"]["policy"]["named"]
        taken = {ref for rows in waiting.values() for row in rows for ref in row.values()}
        policies = [one for one in await policies_at_both(systems, 20) if not taken & set(one)]
        yield Desk(systems, running, policies)


# ---------------------------------------------------------------- a new installation
async def test_init_makes_a_folder_that_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert (await command(folder, "init", str(folder))).code == 0
    assert stat.S_IMODE((folder / "medmost.key").stat().st_mode) == 0o600
    settings = (folder / "medmost.toml").read_text()
    assert settings.count('= "observe"') == 8
    assert (folder / "kinds").is_dir()
    key = (folder / "medmost.key").read_text()
    again = await command(folder, "init", str(folder))
    assert again.code == 2
    assert "MM-CFG-EXISTS" in again.err
    assert (folder / "medmost.key").read_text() == key


async def test_config_show_hides_every_secret(desk: Desk) -> None:
    shown = await command(desk.systems, "config", "show")
    assert shown.code == 0, str(shown)
    assert shown.json()["systems"]["emias"]["base_url"] == desk.systems.urls["emias"]
    secrets = [*(desk.systems.folder / "secrets").iterdir(), desk.systems.folder / "medmost.key"]
    values = [file.read_text().strip() for file in secrets if file.is_file()]
    assert len([value for value in values if value]) >= 8
    assert not [value for value in values if value and value in shown.out]


async def test_check_finds_both_ends_sound(desk: Desk) -> None:
    told = await ok(desk.systems, "check", "--json")
    doubts = {one["code"] for one in told["findings"] if one["severity"] != "ok"}
    assert doubts <= {"MM-CHECK-SAMPLE"}  # of the planted records that do not fit
    assert not [one for one in told["findings"] if one["severity"] == "problem"]


# ---------------------------------------------------------------- looking at a pair
async def test_pair_is_shown_without_values(desk: Desk) -> None:
    number, there, here = desk.policies[0]
    (card,) = await ok(desk.systems, "pairs", "show", "policy", number)
    assert card["state"] == "level"
    assert (card["sides"]["gosuslugi"]["ref"], card["sides"]["emias"]["ref"]) == (there, here)
    assert card["would_do"] == {}
    assert card["story"]
    record = await desk.systems.record("emias", "policies", here) or {}
    assert not [one for one in (number, record["lastName"], record["snils"], record["phone"]) if one in str(card)]
    (open_card,) = await ask(desk.systems, "pairs.show", kind="policy", key=number, values=True)
    assert open_card["sides"]["gosuslugi"]["now"]["last_name"] == record["lastName"]
    missing = await command(desk.systems, "pairs", "show", "policy", "7700000000000000")
    assert missing.code == 2
    assert "MM-CLI-NOPAIR" in missing.err


# ---------------------------------------------------------------- conflicts
async def test_conflict_is_resolved_by_taking_a_side(desk: Desk) -> None:
    number, there, here = desk.policy()
    found = await desk.disputed(number, there, here, "Первова", "Вторая")
    assert await desk.names(there, here) == ("Первова", "Вторая")  # nobody's change is overwritten meanwhile
    listed = await ok(desk.systems, "conflicts", "list", "--json")
    assert found["id"] in [row["id"] for row in listed]
    assert "Первова" not in str(listed)
    await ok(desk.systems, "conflicts", "resolve", str(found["id"]), "--take", "emias")
    await until(lambda: _equal(desk, there, here, ("Вторая", "Вторая")), "EMIAS' name at Gosuslugi")
    assert found["id"] not in [row["id"] for row in await ask(desk.systems, "conflicts.list")]


async def test_conflict_is_resolved_by_a_third_value(desk: Desk) -> None:
    number, there, here = desk.policy()
    found = await desk.disputed(number, there, here, "Раз", "Два")
    await ok(desk.systems, "conflicts", "resolve", str(found["id"]), "--set", "last_name=Три")
    await until(lambda: _equal(desk, there, here, ("Три", "Три")), "the third name at both")
    (card,) = await ask(desk.systems, "pairs.show", kind="policy", key=number)
    assert card["state"] == "level"


async def _equal(desk: Desk, there: str, here: str, wanted: tuple[str, str]) -> bool:
    return await desk.names(there, here) == wanted


async def test_answer_to_a_changed_record_is_refused(desk: Desk) -> None:
    number, there, here = desk.policy()
    found = await desk.disputed(number, there, here, "Старая", "Новая")
    await desk.systems.change("emias", "policies", here, lastName="Новейшая")

    async def asked_anew() -> Body | None:
        rows = await ask(desk.systems, "conflicts.list", values=True)
        return next((row for row in rows if row["emias"] == "Новейшая"), None)

    anew = await until(asked_anew, "the conflict with the newer value")
    ran = await command(desk.systems, "conflicts", "resolve", str(found["id"]), "--take", "gosuslugi")
    assert ran.code == 1, str(ran)
    assert "MM-CONFLICT-STALE" in ran.err
    assert await desk.names(there, here) == ("Старая", "Новейшая")
    await ask(desk.systems, "conflicts.resolve", id=anew["id"], take="gosuslugi")
    await until(lambda: _equal(desk, there, here, ("Старая", "Старая")), "the answer to the newer question")


async def test_answer_about_another_field_is_refused(desk: Desk) -> None:
    number, there, here = desk.policy()
    found = await desk.disputed(number, there, here, "Лево", "Право")
    for args, code in (
        ({"id": found["id"], "field": "first_name", "value": "Анна"}, "MM-CONFLICT-FIELD"),
        ({"id": 987654, "take": "emias"}, "MM-CONFLICT-GONE"),
    ):
        with pytest.raises(MedmostError) as raised:
            await ask(desk.systems, "conflicts.resolve", **args)
        assert raised.value.code == code
    assert await desk.names(there, here) == ("Лево", "Право")
    await ask(desk.systems, "conflicts.resolve", id=found["id"], take="gosuslugi")
    await until(lambda: _equal(desk, there, here, ("Лево", "Лево")), "the answer that fits")


# ---------------------------------------------------------------- stages and pauses
async def test_observed_kind_plans_and_sends_nothing(desk: Desk) -> None:
    number, there, _ = desk.policy()
    await ok(desk.systems, "stage", "set", "policy", "observe")
    shown = await ok(desk.systems, "stage", "show")
    assert (shown["policy"]["stage"], shown["visit"]["stage"]) == ("observe", "full")
    last = await desk.systems.last_effect("emias")
    email = f"{uuid.uuid4().hex[:10]}@post.example"
    await desk.systems.change("gosuslugi", "policies", there, **{"Электронная почта": email})

    async def planned() -> bool:
        told = await desk.running.status()
        return bool(told["kinds"]["policy"]["behind"] == 1 and told["deliveries"]["due"] == 1)

    await until(planned, "the write planned")
    (card,) = await ask(desk.systems, "pairs.show", kind="policy", key=number)
    assert card["would_do"] == {"emias": ["put", ["email"]]}
    assert await desk.systems.effects("emias", last) == []
    await ask(desk.systems, "stage.set", kind="policy", stage="full")
    await until(lambda: at_other(desk.systems, "emias", "policies", policyNumber=number, email=email), "the change")


async def test_pause_holds_one_kind_until_resumed(desk: Desk) -> None:
    number, there, _ = desk.policy()
    await ok(desk.systems, "pause", "policy")
    email = f"{uuid.uuid4().hex[:10]}@post.example"
    last = await desk.systems.last_effect("emias")
    await desk.systems.change("gosuslugi", "policies", there, **{"Электронная почта": email})
    place = next(iter((await desk.systems.export("emias", "organizations")).values()))
    await desk.systems.change("emias", "organizations", place["id"], workTime="Пн-Вс 07:00-21:00")
    wanted = {"OID": place["oid"], "Часы работы": "Пн-Вс 07:00-21:00"}
    await until(lambda: at_other(desk.systems, "gosuslugi", "organizations", **wanted), "a kind that is not paused")

    async def due() -> bool:
        return bool((await desk.running.status())["deliveries"]["due"] == 1)

    await until(due, "the paused kind's delivery")
    assert await desk.systems.effects("emias", last, "medmost") == []
    await ok(desk.systems, "resume", "policy")
    await until(lambda: at_other(desk.systems, "emias", "policies", policyNumber=number, email=email), "the change")


# ---------------------------------------------------------------- backup and journal
async def test_backup_is_whole_and_its_journal_true(desk: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    await ok(desk.systems, "backup", str(copy))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert (await ok(desk.systems, "journal", "verify"))["broken"] in (None, [])
    folder = tmp_path / "elsewhere"
    shutil.copytree(desk.systems.folder, folder, ignore=shutil.ignore_patterns("state.db*", "*.sock"))
    state = {"MEDMOST_STATE__URL": f"sqlite:///{copy}"}
    assert (await command(folder, "journal", "verify", **state)).code == 0
    with closing(sqlite3.connect(copy)) as tampered:
        place = tampered.execute("SELECT seq FROM journal WHERE entry LIKE '%conflict%' LIMIT 1").fetchone()[0]
        tampered.execute(
            "UPDATE journal SET entry = replace(entry, 'operator', 'nobody') || ' ' WHERE seq = ?", (place,)
        )
        tampered.commit()
    ran = await command(folder, "journal", "verify", **state)
    assert ran.code == 1, str(ran)
    assert str(place) in ran.out


async def test_restore_waits_for_the_running_process(desk: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    await ask(desk.systems, "backup", file=str(copy))
    ran = await command(desk.systems, "restore", str(copy))
    assert ran.code == 2, str(ran)
    assert "MM-STATE-BUSY" in ran.err
