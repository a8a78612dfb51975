"""Nothing of a person in logs, metrics, pages, URLs, notices or the plain bytes of the state (invariant I18)."""

from __future__ import annotations

import asyncio
import os
import pty
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.acting import analysis, at_other, free_hours, plain, policies_at_both, settled, vaccination
from flows.between import Between, between
from flows.canary import Canary, as_bytes, forms, traces, traces_in_folder
from flows.letters import Letters, mail_server, mailbox
from flows.running import SYSTEMS, Running, Systems, answered, command, medmost, stand, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]
CANARY = Canary()
PAGES = ("/", "/?lang=en", "/fragments/status", "/link", "/nowhere", "/api/v1/nothing", "/api/openapi.json")
BASE_URL = "MEDMOST_SYSTEMS__{}__BASE_URL"
QUIET_SECONDS = 2


@dataclass
class Cage:
    """Two systems with something between them and medmost, a mail box, and all that medmost lets out."""

    systems: Systems
    running: Running
    ways: dict[str, Between]
    letters: Letters
    told: dict[str, bytes] = field(default_factory=dict)

    async def seen(self, system: str, collection: str, **equal: Any) -> dict[str, Any]:
        return await until(lambda: at_other(self.systems, system, collection, **equal), f"{equal} at {system}", 20)

    async def run(self, *arguments: str) -> None:
        """A command; whatever it prints is kept for the search."""
        ran = await command(self.systems, *arguments)
        assert ran.code in (0, 1), str(ran)
        self.told[f"medmost {' '.join(arguments[:2])}"] = (ran.out + ran.err).encode()


@asynccontextmanager
async def cage(folder: Path) -> AsyncIterator[Cage]:
    async with AsyncExitStack() as stack:
        letters, kept = Letters(), ("--state", str(folder / "kept.db"))
        port = stack.enter_context(mail_server(letters))
        systems = await stack.enter_async_context(stand(folder, people=20, seed=31, arguments=kept))
        ways = {system: await stack.enter_async_context(between(systems.urls[system])) for system in SYSTEMS}
        settings = systems.folder / "medmost.toml"
        person = f'\n[[contacts.people]]\nname = "Дежурный"\nurls = ["{mailbox(port)}"]\n'
        settings.write_text(settings.read_text() + person + f"[notices]\nquiet = {QUIET_SECONDS}\n")
        systems.environ = {BASE_URL.format(system.upper()): ways[system].url for system in SYSTEMS}
        running = await stack.enter_async_context(medmost(systems, poll=(2, 2)))
        await settled(running)
        yield Cage(systems, running, ways, letters)


# ---------------------------------------------------------------- a life of the canary
async def move_in(here: Cage) -> str:
    """The canary gets a policy at EMIAS and a link; its record at Gosuslugi."""
    _, _, like = (await policies_at_both(here.systems, 1))[0]
    shown = await here.systems.record("emias", "policies", like)
    assert shown is not None
    body = plain(shown) | {
        "policyNumber": CANARY.policy_number, "lastName": CANARY.last_name, "firstName": CANARY.first_name,
        "secondName": CANARY.patronymic, "birthDate": CANARY.birth_date, "sex": "F", "snils": CANARY.snils,
        "phone": CANARY.phone, "email": CANARY.email,
    }  # fmt: skip
    await here.systems.act("emias", "POST", "policies", body)
    portal = await here.seen("gosuslugi", "policies", **{"Номер полиса": CANARY.policy_number})
    consent = here.systems.folder.parent / "consent.txt"
    consent.write_text("согласие на бумаге")
    linked = ("link", "add", "--oid", CANARY.oid, "--policy", CANARY.policy_number, "--consent", str(consent))
    await here.run(*linked)
    return str(portal["id"])


async def live(here: Cage) -> None:
    """Everything that can be known of a person, entered at the side where it begins."""
    systems, hours = here.systems, await free_hours(here.systems, 4)
    number, oid = CANARY.policy_number, hours[0].schedule["lpuOid"]
    document = analysis(number, oid) | {"conclusion": CANARY.conclusion}
    document["observations"][0] |= {"name": CANARY.observation, "unit": CANARY.unit, "value": float(CANARY.value)}
    await systems.act("emias", "POST", "results", document)
    shot = vaccination(number, oid, CANARY.vaccine) | {"series": CANARY.series}
    await systems.act("emias", "POST", "vaccinations", shot)
    await systems.act("emias", "POST", "visits", hours[0].at_emias(number, comment=CANARY.visit_comment))
    await systems.act("gosuslugi", "POST", "visits", hours[1].at_gosuslugi(number, Комментарий=CANARY.portal_comment))
    order = {"serviceCode": "10000000109", "serviceName": "Прикрепление", "policyNumber": number}
    await systems.act("gosuslugi", "POST", "requests", order | {"comment": CANARY.request_comment})
    await here.seen("gosuslugi", "results", Заключение=CANARY.conclusion)
    await here.seen("gosuslugi", "vaccinations", Серия=CANARY.series)
    await here.seen("gosuslugi", "visits", Комментарий=CANARY.visit_comment)
    await here.seen("emias", "visits", comment=CANARY.portal_comment)
    await here.seen("emias", "requests", comment=CANARY.request_comment)
    words = f"Время занял не {CANARY.last_name}, полис {number}"
    here.ways["emias"].answer("POST", "/api/v1/visits", 409, refusal("SIM_SLOT_TAKEN", words))
    await systems.act("gosuslugi", "POST", "visits", hours[2].at_gosuslugi(number, Комментарий=CANARY.taken_comment))
    await here.seen("gosuslugi", "visits", **{"Комментарий": CANARY.taken_comment, "Статус записи": "Отклонена"})
    here.ways["emias"].mend()
    here.ways["emias"].answer("POST", "/api/v1/visits", 422, refusal("SIM_INVALID_FIELD", words))
    await systems.act("gosuslugi", "POST", "visits", hours[3].at_gosuslugi(number, Комментарий=CANARY.refused_comment))
    await counted(here, "visit", "refused")
    here.ways["emias"].mend()


def refusal(code: str, words: str) -> dict[str, Any]:
    """A refusal that repeats to us what we know: the worst that a system may say."""
    return {"error": {"code": code, "description": words, "type": "BUSINESS", "origin": "EMIAS", "field": "lastName"}}


async def counted(here: Cage, kind: str, state: str) -> None:
    async def some() -> bool:
        return bool((await here.running.status())["kinds"][kind][state])

    await until(some, f"a {kind} that is {state}", 20)


async def fall_ill(here: Cage, portal: str) -> None:
    """Answers lost, a record that nobody can read, two names at once, an outage, pages that are none."""
    systems, emias = here.systems, here.ways["emias"]
    lost = {"effect": "answer-lost", "count": 2, "method": "PUT"}
    await systems.faults("emias", lost)
    await systems.change("gosuslugi", "policies", portal, Телефон="+7(999)2876543")
    await here.seen("emias", "policies", phone=CANARY.new_phone)
    await systems.faults("emias", {"effect": "webhook-lost"})
    oid = next(iter((await systems.export("emias", "organizations")).values()))["oid"]
    made = await systems.act(
        "emias", "POST", "vaccinations", vaccination(CANARY.policy_number, oid) | {"doseNumber": 3}
    )
    emias.edits[str(made["id"])] = lambda record: record | {"doseNumber": CANARY.wrong_dose}
    before = (await here.running.status())["kinds"]["vaccination"]["invalid"]

    async def one_more() -> bool:
        return bool((await here.running.status())["kinds"]["vaccination"]["invalid"] > before)

    await until(one_more, "an unreadable vaccination", 20)
    await systems.faults("emias")
    await here.run("pause", "policy")
    policy = await here.seen("emias", "policies", policyNumber=CANARY.policy_number)
    known = (await here.running.status())["kinds"]["policy"]["conflict"]
    await systems.change("emias", "policies", str(policy["id"]), lastName=CANARY.new_last_name)
    await systems.change("gosuslugi", "policies", portal, Фамилия=CANARY.other_last_name)

    async def disputed() -> bool:
        return bool((await here.running.status())["kinds"]["policy"]["conflict"] > known)

    await until(disputed, "a dispute about a name", 20)
    await here.run("resume", "policy")
    for effect in ("html-200", "truncated"):
        await systems.faults("emias", {"effect": effect, "method": "GET"})
        await asyncio.sleep(3)  # a poll or two of it
    await systems.faults("emias", {"effect": "status", "code": 503})
    await until(lambda: subject(here, "нет связи"), "the notice of an outage", 40)
    await systems.faults("emias")
    await until(lambda: subject(here, "связь восстановлена"), "its all-clear", 40)
    await until(lambda: subject(here, "отказ"), "the notice of a refusal", 20)


async def subject(here: Cage, words: str) -> bool:
    return any(words in str(letter["Subject"]) for letter in here.letters.taken)


# ---------------------------------------------------------------- what medmost lets out
async def listen(here: Cage) -> None:
    """Pages, numbers, commands, the control socket, letters and URLs, as anybody outside may get them."""
    for page in (*PAGES, "/metrics", "/api/v1/status", "/health/ready"):
        here.told[page] = (await here.running.get(page)).encode()
    for do, told in (("status", {}), ("conflicts.list", {}), ("link.list", {}), ("dead.list", {}), ("audit", {})):
        here.told[f"socket {do}"] = as_bytes(await answered(here.systems, do, **told))
    here.told["socket pairs.show"] = as_bytes(await pair_cards(here))
    for name in (("status",), ("status", "--json"), ("audit",), ("conflicts", "list"), ("link", "list"), ("check",)):
        await here.run(*name)
    await here.run("config", "show")
    await here.run("journal", "verify")
    await here.run("backup", str(here.systems.folder / "copy.db"))
    here.told["letters"] = b"\n".join(letter.as_bytes() for letter in here.letters.taken)
    here.told["letters, decoded"] = "\n".join(
        f"{letter['Subject']}\n{part.get_content()}"
        for letter in here.letters.taken
        for part in letter.walk()
        if part.get_content_maintype() == "text"
    ).encode()
    for system, way in here.ways.items():
        here.told[f"URLs at {system}"] = "\n".join(way.urls).encode()
        with closing(sqlite3.connect(here.systems.folder.parent / f"kept.{system}.db")) as db:
            webhooks = [str(row[0]) for row in db.execute("SELECT url FROM subscription")]
        here.told[f"webhook URLs of {system}"] = "\n".join(webhooks).encode()
        assert webhooks != []


async def pair_cards(here: Cage) -> Any:
    return await answered(here.systems, "pairs.show", kind="policy", key=CANARY.policy_number)


async def human_log(systems: Systems) -> bytes:
    """What `medmost run` says to a person at a terminal, while one system answers with a page for people."""
    await systems.faults("emias", {"effect": "html-200", "method": "GET"})
    reading, writing = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "medmost.cli.main", "run",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        env={**os.environ, "MEDMOST_CONFIG": str(systems.folder), "MEDMOST_LANG": "en", **systems.environ},
    )  # fmt: skip
    os.close(writing)
    os.set_blocking(reading, False)
    said, deadline = b"", time.monotonic() + 40
    while len(said) < 600 and time.monotonic() < deadline:  # it starts, polls and complains
        said += _chunk(reading)
        await asyncio.sleep(0.1)
    process.terminate()
    await process.wait()
    while chunk := _chunk(reading):
        said += chunk
    os.close(reading)
    return said


def _chunk(reading: int) -> bytes:
    try:
        return os.read(reading, 65536)
    except OSError:  # the other end of a terminal that is gone
        return b""


async def test_nothing_personal_leaves_medmost(tmp_path: Path) -> None:
    async with cage(tmp_path) as here:
        portal = await move_in(here)
        await live(here)
        await fall_ill(here, portal)
        await listen(here)
        folder = here.systems.folder
        wal = folder / "state.db-wal"
        assert wal.stat().st_size > 0
        here.told["the write-ahead log while it is in use"] = wal.read_bytes()
        here.told["the state while it is in use"] = (folder / "state.db").read_bytes()
        flown = as_bytes([await here.systems.export(s, c) for s in SYSTEMS for c in ("policies", "visits", "results")])
        assert await here.running.process.stop() == 0
        here.told["log for machines"] = here.running.logged().encode()
        here.told["log for people"] = await human_log(here.systems)
        with closing(sqlite3.connect(folder / "state.db")) as db:
            entries = [str(row[0]).encode() for row in db.execute("SELECT entry FROM journal")]
        here.told["journal"] = b"\n".join(entries)
        for name in ("log for machines", "log for people", "journal", "letters", "URLs at emias", "/metrics"):
            assert len(here.told[name]) > 100, name
        found = {name: left for name, said in here.told.items() if (left := traces(CANARY, said))}
        for name in ("socket link.list", "medmost link list"):  # an operator ends a link by its account's number
            assert {one.partition(" as ")[0] for one in found.pop(name)} == {"oid"}
        assert found == {}
        assert traces_in_folder(CANARY, folder) == []
    seen = {one.partition(" as ")[0] for one in traces(CANARY, flown)}
    assert len(seen) > 15  # all of it did pass through medmost, and the search knows it when it sees it


def test_search_finds_every_value_in_every_writing(tmp_path: Path) -> None:
    for name, spellings in CANARY.spellings().items():
        for spelling in spellings:
            for form, written in forms(spelling):
                hidden = os.urandom(5000) + written + os.urandom(5000)
                assert f"{name} as {form}" in traces(CANARY, hidden), (name, form)
    assert traces(CANARY, os.urandom(100_000)) == []


def test_search_reads_a_database_as_it_lies(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "planted.db")) as db:
        db.execute("CREATE TABLE t (a TEXT, b BLOB)")
        db.execute("INSERT INTO t VALUES (?, ?)", (f"…{CANARY.last_name}…", CANARY.snils.encode("utf-16-le")))
        db.commit()
    found = traces_in_folder(CANARY, tmp_path)
    assert "planted.db: last_name as UTF-8" in found
    assert "planted.db: snils as UTF-16LE" in found
