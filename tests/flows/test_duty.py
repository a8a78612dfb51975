"""EMIAS stops: the person on duty has one e-mail within a minute, the second contact another if nobody answers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flows.letters import Letters, mail_server, mailbox
from flows.running import Running, Systems, answered, ask, command, medmost, stand, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]
WITHIN = 60.0  # seconds: the promise
PEOPLE = """
[[contacts.people]]
name = "Дежурный"
urls = ["{first}"]
duty = ["daily 00:00-24:00"]

[[contacts.people]]
name = "Старший"
urls = ["{second}"]
after = 0.1
"""


def subjects(letters: Letters) -> list[str]:
    return [str(letter["Subject"]) for letter in letters.taken]


async def has(letters: Letters, count: int, what: str) -> None:
    async def arrived() -> bool:
        return len(letters.taken) >= count

    await until(arrived, what, WITHIN)


async def reachable(running: Running) -> bool:
    return bool((await running.status())["systems"]["emias"]["reachable"])


async def emias_goes(systems: Systems, running: Running) -> float:
    """Stops EMIAS; when that was."""
    await until(lambda: reachable(running), "both systems in touch", WITHIN)
    await systems.processes["emias"].kill()
    return time.monotonic()


@pytest.mark.timeout(300)
@pytest.mark.full
async def test_outage_calls_the_second_contact_too(tmp_path: Path) -> None:
    duty, senior = Letters(), Letters()
    with mail_server(duty) as one, mail_server(senior) as two:
        async with stand(tmp_path, people=10, seed=4, apart=True) as systems:
            settings = systems.folder / "medmost.toml"
            told = PEOPLE.format(first=mailbox(one), second=mailbox(two))
            settings.write_text(settings.read_text(encoding="utf-8") + told, encoding="utf-8")
            async with medmost(systems, poll=(2, 2), MEDMOST_NOTICES__QUIET="2") as running:
                ran = await command(systems, "notify", "test", "--json")
                assert (ran.code, [row["taken"] for row in ran.json()]) == (0, [True, True])
                await has(senior, 1, "the test notice")
                went = await emias_goes(systems, running)
                await has(duty, 2, "the outage, to the person on duty")
                assert time.monotonic() - went < WITHIN
                await has(senior, 2, "the outage, to the second contact")
                code, (trouble,) = await answered(systems, "notices.list")
                assert (code, trouble["event"], trouble["system"]) == (1, "unreachable", "emias")
                assert await ask(systems, "notices.acknowledge", actor="дежурный") == {"acknowledged": ["outage|emias"]}
                assert (await ask(systems, "notices.list"))[0]["acknowledged"]
                await systems.start("emias")
                await has(duty, 3, "the all-clear")
                await has(senior, 3, "the all-clear of the second contact")
                assert await ask(systems, "notices.list") == []
    down, up = "medmost: ЕМИАС: нет связи", "medmost: ЕМИАС: связь восстановлена"
    assert subjects(duty) == subjects(senior) == ["medmost: проверка извещений", down, up]
