"""From two empty systems to a green check: `medmost access` walks the registration and says what is missing."""

from __future__ import annotations

import asyncio
import codecs
import os
import pty
import stat
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.newcomer import ORGANIZATION, answers_file, empty_stand
from flows.running import KINDS, Systems, command, free_port, until
from medmost.config import write_defaults
from medmost.domain.errors import MedmostError
from medmost.launch.access import Standing, fill, standing
from medmost.launch.installation import Installation
from medmost.launch.registration import register
from stand.running import Running as InProcess
from stand.running import running_stand

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


# ---------------------------------------------------------------- the same walk in this process
@dataclass
class Walk:
    place: Installation
    running: InProcess
    answers: dict[str, str]

    def secrets(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in (self.place.folder / "secrets").iterdir()}

    async def register(self, **changed: str) -> Standing:
        answers = self.answers | changed
        fill(self.place, answers)
        await register(self.place, answers)
        return standing(self.place)


@pytest.fixture
async def walk(tmp_path: Path) -> AsyncIterator[Walk]:
    write_defaults(tmp_path / "medmost")
    async with running_stand(empty=True) as running:
        answers = {f"organization.{name}": value for name, value in ORGANIZATION.items()}
        answers |= {f"{name}.base_url": client.address for name, client in running.clients.items()}
        answers |= {"gosuslugi.client": "OUR_MIS", "gosuslugi.signer": "ecdsa", "console.port": str(free_port())}
        answers |= {"gosuslugi.login": "anna", "gosuslugi.password": "Demo-1"}
        answers |= {"emias.login": "integrator", "emias.password": "Demo-1"}
        yield Walk(Installation(tmp_path / "medmost"), running, answers)


async def test_walk_is_resumed_and_repeated_without_harm(walk: Walk) -> None:
    told = await walk.register()
    assert told.ready
    assert "ECDSA" in told.warnings[0][0]  # said loudly, also where a person has chosen it
    before = walk.secrets()
    await walk.register()
    assert walk.secrets() == before
    for lost in ("gosuslugi.cert.pem", "gosuslugi.api-key", "emias.client-secret", "emias.api-key"):
        (walk.place.folder / "secrets" / lost).unlink()  # as a walk that was cut off before it wrote them down
    left = [step.code for step in standing(walk.place).steps if not step.done]
    assert left == ["CERTIFICATE", "GOSUSLUGI-KEY", "EMIAS-POINT", "EMIAS-KEY"]
    assert (await walk.register()).ready
    assert walk.secrets()["gosuslugi.key.pem"] == before["gosuslugi.key.pem"]
    findings = (await command(walk.place.folder, "check", "--json")).json()["findings"]
    told_of = {one["code"]: one["severity"] for one in findings if one["code"] != "MM-CHECK-SAMPLE"}
    assert told_of.pop("MM-CHECK-SIGNER") == "warning"  # the signature is taken, and is not GOST
    assert set(told_of.values()) == {"ok"}, findings


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"gosuslugi.password": "wrong"}, "MM-ACC-REFUSED", "неверный логин или пароль"),
        ({"gosuslugi.login": "boris"}, "MM-ACC-REFUSED", "не разрешена"),
        ({"emias.login": "registrar"}, "MM-ACC-REFUSED", "не разрешена"),
        ({"gosuslugi.client": "our"}, "MM-ACC-REFUSED", "Мнемоника"),
        ({"emias.base_url": "http://127.0.0.1:9"}, "MM-ACC-UNREACHABLE", "нет соединения"),
        ({"environment": "test"}, "MM-ACC-STAND", "только у стенда"),
    ],
)
async def test_refused_registration_is_told_plainly(walk: Walk, changed: dict[str, str], code: str, said: str) -> None:
    with pytest.raises(MedmostError, match=code) as met:
        await walk.register(**changed)
    assert said in met.value.ru
    assert met.value.en


async def test_certificate_over_another_key_is_not_taken(walk: Walk, tmp_path: Path) -> None:
    await walk.register()
    foreign = walk.place.secret("gosuslugi.cert.pem")
    write_defaults(tmp_path / "other")
    with pytest.raises(MedmostError, match="MM-ACC-CERTIFICATE") as met:
        fill(Installation(tmp_path / "other"), walk.answers | {"gosuslugi.certificate": foreign})
    assert "не на ключ" in met.value.ru


# ---------------------------------------------------------------- at a terminal
async def test_walk_asks_a_person_for_what_is_missing(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    typed = {
        "Название организации": ORGANIZATION["name"],
        "ОГРН": "1027700132194",  # a wrong digit: asked once more
        "ИНН": ORGANIZATION["inn"],
        "Адрес Госуслуг": "http://127.0.0.1:8801",
        "Мнемоника": "OUR_MIS",
        "client_secret": "tajemstvi-0001",
        "again": ORGANIZATION["ogrn"],
    }
    said, code = await at_terminal(tmp_path, typed)
    assert code == 1
    assert "с верной контрольной" in said
    assert "tajemstvi-0001" not in said
    assert (tmp_path / "secrets" / "emias.client-secret").read_text().strip() == "tajemstvi-0001"
    left = [step.code for step in standing(Installation(tmp_path)).steps if not step.done]
    assert left == ["CERTIFICATE", "GOSUSLUGI-KEY", "EMIAS-ADDRESS", "EMIAS-POINT", "EMIAS-KEY"]


async def at_terminal(folder: Path, typed: dict[str, str]) -> tuple[str, int]:
    """`medmost access` at a terminal of its own; each question gets its answer, or none where there is none."""
    typed, said = dict(typed), ""
    leader, follower = pty.openpty()
    attributes = termios.tcgetattr(follower)
    attributes[3] &= ~termios.ECHO  # what is shown is what the program shows
    termios.tcsetattr(follower, termios.TCSANOW, attributes)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "medmost.cli.main", "access"),
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        env={**os.environ, "MEDMOST_CONFIG": str(folder)},
    )  # fmt: skip
    os.close(follower)
    os.set_blocking(leader, False)
    letters = codecs.getincrementaldecoder("utf-8")()

    async def ended() -> bool:
        nonlocal said
        with suppress(BlockingIOError, OSError):
            said += letters.decode(os.read(leader, 65536))
            return False  # a question may come in pieces: it is answered once nothing more follows
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
