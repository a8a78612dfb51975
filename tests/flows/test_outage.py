"""One system stops under life and comes back: all is level within a minute, and people hear of it once."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from flows.letters import Letters, mail_server, mailbox
from flows.level import comes_level, doubled
from flows.running import Systems, link_everyone, medmost, stand, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]
FULL = bool(os.environ.get("MEDMOST_FULL"))
AWAY_SECONDS, QUIET_SECONDS = (120.0, 15.0) if FULL else (20.0, 5.0)
SETTINGS = {} if FULL else {"MEDMOST_NOTICES__QUIET": "5", "MEDMOST_DELIVER__DEADLINE": "5"}
"""A write without answer is in doubt for three deadlines and a quarter: a short outage wants short ones."""
OTHER = {"emias": "gosuslugi", "gosuslugi": "emias"}
TITLES = {"gosuslugi": "Госуслуги", "emias": "ЕМИАС"}


def add_contact(systems: Systems, url: str) -> None:
    settings = systems.folder / "medmost.toml"
    text = settings.read_text(encoding="utf-8") + f'\n[[contacts.people]]\nname = "Дежурный"\nurls = ["{url}"]\n'
    settings.write_text(text, encoding="utf-8")


async def personal_values(systems: Systems) -> set[str]:
    """What names anybody of this world."""
    named = ("Номер полиса", "СНИЛС", "Фамилия", "Телефон", "Электронная почта")
    policies = (await systems.export("gosuslugi", "policies")).values()
    return {str(one[name]) for one in policies for name in named if one.get(name)}


@dataclass
class Outage:
    """What happened while a system was away, and after."""

    away: str
    acts: int
    level_after: float
    letters: list[EmailMessage]
    values: set[str]

    def __str__(self) -> str:
        return (
            f"{self.away} away {AWAY_SECONDS:g} s, {self.acts} acts at the other: level after {self.level_after:.1f} s"
        )


async def go_through(folder: Path, away: str) -> Outage:
    """One system is killed under life and started again over what it kept."""
    there, letters = OTHER[away], Letters()
    with mail_server(letters) as port:
        async with stand(folder, people=60, seed=17, apart=True) as systems:
            add_contact(systems, mailbox(port))
            linked = {str(one["policy_number"]) for one in await link_everyone(systems)}
            async with medmost(systems, **SETTINGS) as running:
                await comes_level(systems, running, linked)
                for system in (away, there):
                    await systems.life(system, 5)
                await asyncio.sleep(2)  # some life at both before the outage
                seen = await systems.last_effect(there)
                await systems.processes[away].kill()
                await asyncio.sleep(AWAY_SECONDS)  # the outage itself
                told = (await running.status())["systems"]
                assert (told[away]["reachable"], told[there]["reachable"]) == (False, True)
                acts = len(await systems.effects(there, seen, "person"))
                await systems.start(away)
                await systems.life(there, 0)
                seconds = await comes_level(systems, running, linked)

                async def both_told() -> bool:
                    return len(letters.taken) >= 2

                await until(both_told, "a notice and an all-clear", 4 * QUIET_SECONDS + 10)
                await asyncio.sleep(QUIET_SECONDS)  # for a third letter, which must not come
                assert await running.process.stop() == 0
            assert await doubled(systems) == []
            return Outage(away, acts, seconds, letters.taken, await personal_values(systems))


@pytest.mark.timeout(600 if FULL else 200)
async def test_outage_ends_level_with_one_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each system once, in two worlds at a time. MEDMOST_FULL=1: two minutes each, with settings as delivered."""
    for away in OTHER:
        (tmp_path / away).mkdir()
    outages = await asyncio.gather(*(go_through(tmp_path / away, away) for away in OTHER))
    with capsys.disabled():
        print("", *outages, sep="\n")  # noqa: T201  # measured
    for one in outages:
        assert one.acts > AWAY_SECONDS
        title = f"medmost: {TITLES[one.away]}"
        subjects = [str(letter["Subject"]) for letter in one.letters]
        assert subjects == [f"{title}: нет связи", f"{title}: связь восстановлена"]
        for letter in one.letters:
            body = letter.get_body(("plain",))
            assert body is not None
            words = set(re.findall(r"[\w@+().-]+", f"{letter['Subject']} {body.get_content()}"))
            assert not words & one.values


async def both_go_through(folder: Path) -> tuple[float, list[str], list[str]]:
    """Both systems are killed under life, ten minutes later started over what they kept: seconds, doubled, letters."""
    letters = Letters()
    with mail_server(letters) as port:
        async with stand(folder, people=60, seed=18, apart=True) as systems:
            add_contact(systems, mailbox(port))
            linked = {str(one["policy_number"]) for one in await link_everyone(systems)}
            async with medmost(systems) as running:
                await comes_level(systems, running, linked)
                for system in OTHER:
                    await systems.life(system, 5)
                await asyncio.sleep(10)  # writes are under way at both when they end
                for system in OTHER:
                    await systems.processes[system].kill()
                await asyncio.sleep(600.0)  # the outage itself
                told = (await running.status())["systems"]
                assert [told[system]["reachable"] for system in OTHER] == [False, False]
                for system in OTHER:
                    await systems.start(system)
                seconds = await comes_level(systems, running, linked)

                async def all_told() -> bool:
                    return len(letters.taken) >= 4

                await until(all_told, "a notice and an all-clear of each", 120)
                await asyncio.sleep(QUIET_SECONDS)  # for a fifth letter, which must not come
                assert await running.process.stop() == 0
            return seconds, await doubled(systems), [str(letter["Subject"]) for letter in letters.taken]


@pytest.mark.skipif(not FULL, reason="ten minutes by the clock: MEDMOST_FULL=1")
@pytest.mark.timeout(1200)
async def test_both_away_for_ten_minutes_come_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds, twice, subjects = await both_go_through(tmp_path)
    with capsys.disabled():
        print(f"\nboth away 600 s: level after {seconds:.1f} s; letters {subjects}")  # noqa: T201  # measured
    assert seconds < 120
    assert twice == []
    words = ("нет связи", "связь восстановлена")
    assert sorted(subjects) == sorted(f"medmost: {TITLES[system]}: {word}" for system in OTHER for word in words)
