"""From two empty systems to a green check: `medmost access` walks the registration and says what is missing."""

from __future__ import annotations

import asyncio
import os
import pty
import stat
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flows.newcomer import ORGANIZATION, answers_file, empty_stand
from flows.running import KINDS, Systems, command, until

pytestmark = pytest.mark.slow


@pytest.fixture
async def systems(tmp_path: Path) -> AsyncIterator[Systems]:
    async with empty_stand(tmp_path) as running:
        yield running


async def access(systems: Systems, *arguments: str, code: int) -> dict[str, Any]:
    ran = await command(systems, "access", "--json", *arguments)
    assert ran.code == code, str(ran)
    return dict(ran.json())


def missing(told: dict[str, Any]) -> list[str]:
    return [step["code"] for step in told["steps"] if not step["done"]]


async def test_newcomer_ends_with_a_green_check(systems: Systems) -> None:
    bare = await access(systems, code=1)
    assert set(missing(bare)) > {"ORGANIZATION", "CERTIFICATE", "GOSUSLUGI-KEY", "EMIAS-POINT", "EMIAS-KEY"}
    unready = await command(systems, "check")
    assert (unready.code, "MM-CFG" in unready.err) == (2, True)
    answers = str(await answers_file(systems))
    done = await access(systems, "--answers", answers, "--register", code=0)
    assert (done["ready"], missing(done)) == (True, [])
    report = systems.folder.parent / "check.html"
    checked = await command(systems, "check", "--json", "--report", str(report))
    assert checked.code == 0, str(checked)
    page = report.read_text(encoding="utf-8")
    assert ("Всё в порядке" in page, systems.urls["emias"] in page, "MM-CHECK-WEBHOOKS" in page) == (True, True, True)
    findings = checked.json()["findings"]
    assert {one["severity"] for one in findings} <= {"ok", "warning"}
    webhooks = [one["system"] for one in findings if one["code"] == "MM-CHECK-WEBHOOKS"]
    assert sorted(webhooks) == ["emias", "gosuslugi"]
    stages = await command(systems, "stage", "show")
    assert stages.code == 0
    assert stages.out.count('"observe"') >= len(KINDS)
    secrets = list((systems.folder / "secrets").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}
    told = done | checked.json() | {"said": checked.out + checked.err + page}
    assert not [file.name for file in secrets if file.read_text().strip() in str(told)]


async def test_walk_is_resumed_and_repeated_without_harm(systems: Systems) -> None:
    answers = str(await answers_file(systems))
    told = await access(systems, "--answers", answers, "--set", "gosuslugi.signer=ecdsa", "--register", code=0)
    assert "ECDSA" in told["warnings"][0][0]  # said loudly, also where a person has chosen it
    secrets = systems.folder / "secrets"
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    await access(systems, "--answers", answers, "--register", code=0)
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before
    for lost in ("gosuslugi.cert.pem", "gosuslugi.api-key", "emias.client-secret", "emias.api-key"):
        (secrets / lost).unlink()  # as a walk that was cut off before it wrote them down
    assert missing(await access(systems, code=1)) == ["CERTIFICATE", "GOSUSLUGI-KEY", "EMIAS-POINT", "EMIAS-KEY"]
    await access(systems, "--answers", answers, "--register", code=0)
    assert (secrets / "gosuslugi.key.pem").read_text() == before["gosuslugi.key.pem"]
    checked = await command(systems, "check")
    assert (checked.code, "Подпись не по ГОСТ" in checked.out) == (0, True)


async def test_refusals_of_a_registration_are_told_plainly(systems: Systems, tmp_path: Path) -> None:
    answers = await answers_file(systems)
    text = answers.read_text(encoding="utf-8")
    answers.write_text(text.replace('password = "Demo-1"', 'password = "wrong"'), encoding="utf-8")
    ran = await command(systems, "access", "--answers", str(answers), "--register")
    assert (ran.code, "MM-ACC-REFUSED" in ran.err, "неверный логин или пароль" in ran.err) == (1, True, True)
    answers.write_text(text.replace(systems.urls["emias"], "http://127.0.0.1:9"), encoding="utf-8")
    ran = await command(systems, "--lang", "en", "access", "--answers", str(answers), "--register")
    assert (ran.code, "MM-ACC-UNREACHABLE" in ran.err, "cannot be reached" in ran.err) == (1, True, True)
    answers.write_text(text.replace('"stand"', '"test"'), encoding="utf-8")
    ran = await command(systems, "access", "--answers", str(answers), "--register")
    assert (ran.code, "MM-ACC-STAND" in ran.err) == (1, True)
    other = tmp_path / "other"
    await command(other, "init", str(other))
    await command(other, "access", *(f"--set=organization.{key}={value}" for key, value in ORGANIZATION.items()))
    foreign = systems.folder / "secrets" / "gosuslugi.cert.pem"
    wrong = await command(other, "access", f"--set=gosuslugi.certificate=file:{foreign}")
    assert (wrong.code, "MM-ACC-CERTIFICATE" in wrong.err, "не на ключ" in wrong.err) == (1, True, True)


async def test_walk_asks_a_person_for_what_is_missing(systems: Systems) -> None:
    typed = {
        "Название организации": ORGANIZATION["name"],
        "ОГРН": "1027700132194",  # a wrong digit: asked once more
        "ИНН": ORGANIZATION["inn"],
        "Адрес Госуслуг": systems.urls["gosuslugi"],
        "Мнемоника": "OUR_MIS",
        "client_secret": "tajemstvi-0001",
    }
    said, code = await at_terminal(systems, typed | {"again": ORGANIZATION["ogrn"]})
    assert code == 1
    assert "с верной контрольной" in said
    assert "tajemstvi-0001" not in said
    assert (systems.folder / "secrets" / "emias.client-secret").read_text().strip() == "tajemstvi-0001"
    assert missing(await access(systems, code=1)) == [
        "CERTIFICATE", "GOSUSLUGI-KEY", "EMIAS-ADDRESS", "EMIAS-POINT", "EMIAS-KEY"
    ]  # fmt: skip


async def at_terminal(systems: Systems, typed: dict[str, str]) -> tuple[str, int]:
    """`medmost access` at a terminal of its own; each question gets its answer, or none where there is none."""
    typed, said = dict(typed), ""
    leader, follower = pty.openpty()
    attributes = termios.tcgetattr(follower)
    attributes[3] &= ~termios.ECHO  # what is shown is what the program shows
    termios.tcsetattr(follower, termios.TCSANOW, attributes)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "medmost.cli.main", "access"),
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        env={**os.environ, "MEDMOST_CONFIG": str(systems.folder)},
    )  # fmt: skip
    os.close(follower)
    os.set_blocking(leader, False)

    async def ended() -> bool:
        nonlocal said
        with suppress(BlockingIOError, OSError):
            said += os.read(leader, 65536).decode()
        if said.rstrip(" ").endswith(":") and not said.endswith("\n"):
            question = said.splitlines()[-1]
            answer = next((key for key in typed if question.startswith(key)), None)
            if answer == "ОГРН" and "с верной контрольной" in said:
                answer = "again"
            os.write(leader, (typed.get(answer or "", "") + "\n").encode())
            said += "\n"
        return process.returncode is not None

    await until(ended, "the walk at a terminal", 60)
    os.close(leader)
    return said, process.returncode or 0
