"""`make demo`: the stand, the sync and the console, with people acting in both systems; or once, and a summary."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import structlog

from medmost.app import App, open_app
from medmost.cli.control import unseen
from medmost.cli.operations.registry import operate
from medmost.cli.run import serve_app
from medmost.cli.talk import bars, complain, out, say
from medmost.config import load_config
from medmost.domain.errors import Fatal, MedmostError
from medmost.logging import configure

log = structlog.get_logger()
START_SECONDS = 60.0
LIFE_RATE = 1.0
DEMO_USERS = {"operator": "operator", "senior": "senior", "viewer": "viewer", "admin": "admin", "auditor": "auditor"}
DEMO_PASSWORD = "Demo-pult-1"  # noqa: S105  # of the demonstration, printed by it


def main() -> None:
    """The entry point. Exit codes: 0 level and agreed, 1 not, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="bring one world level, audit it, exit")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--life", type=float, default=LIFE_RATE, help="acts of people a second at each system")
    parser.add_argument("--folder", type=Path, default=Path(".demo"))
    given = parser.parse_args()
    configure(json=False)
    try:
        code = asyncio.run(demo(given))
    except MedmostError as error:
        complain(error)
        code = 2
    sys.exit(code)


def ports() -> tuple[int, int, int]:
    """Console, Gosuslugi, EMIAS. Raises Fatal for anything but three numbers."""
    told = os.environ.get("DEMO_PORTS") or "8800,8801,8802"
    try:
        console, gosuslugi, emias = (int(part) for part in told.split(","))
    except ValueError:
        raise Fatal(
            "MM-CLI-PORTS",
            f"DEMO_PORTS — три порта через запятую (пульт, Госуслуги, ЕМИАС), а не «{told}»",
            f"DEMO_PORTS takes three ports (console, Gosuslugi, EMIAS), not {told!r}",
        ) from None
    return console, gosuslugi, emias


async def demo(given: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder: Path = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    console, gosuslugi, emias = ports()
    async with stand(folder, given, console, gosuslugi, emias):
        environ = {**os.environ, "MEDMOST_CONSOLE__PORT": str(console)}
        config = load_config(folder, environ)
        async with open_app(config) as app, aiohttp.ClientSession(f"http://127.0.0.1:{gosuslugi}") as session:
            people = await read_people(session)
            if given.once:
                return await once(app, people, began)
            return await live(app, people, stop, (console, gosuslugi, emias), given)


@asynccontextmanager
async def stand(
    folder: Path, given: argparse.Namespace, console: int, gosuslugi: int, emias: int
) -> AsyncIterator[None]:
    """The stand in a process of its own; ended with the block."""
    command = [
        sys.executable, "-m", "medmost_stand.main",
        "--gosuslugi-port", str(gosuslugi), "--emias-port", str(emias),
        "--people", str(given.people), "--seed", str(given.seed),
        "--write-config", str(folder), "--console-url", f"http://127.0.0.1:{console}",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, start_new_session=True)
    try:
        for port in (gosuslugi, emias):
            await _healthy(f"http://127.0.0.1:{port}/health", process)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _healthy(url: str, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and process.returncode is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise Fatal("MM-DEMO-STAND", "Стенд не запустился: свободны ли порты?", "the stand did not start: are ports free?")


async def read_people(session: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with session.get("/stand/people") as answer:
        return [orjson.loads(line) for line in (await answer.read()).splitlines() if line]


def consents(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everyone whose account is trusted gives the consent; nobody else can (design §8)."""
    return [
        {
            "oid": str(one["oid"]),
            "policy_number": one["policy_number"],
            "consent": {"text": "демонстрационное согласие"},
        }
        for one in people
        if one["trusted"]
    ]


async def once(app: App, people: list[dict[str, Any]], began: float) -> int:
    """Links, migrates, delivers, audits, tells."""
    rows = consents(people)
    with bars() as progress:
        _, linked = await operate(app, "link.import", {"rows": rows}, progress)
        _, moved = await operate(app, "migrate", {}, progress)
        agreed, audited = await operate(app, "audit", {}, progress)
    told = moved["status"]
    waiting = {state: _sum(told, state) for state in ("conflict", "invalid", "foreign", "no_consent", "refused")}
    seconds = time.monotonic() - began
    share = len(linked["linked"]) * 100 // max(len(people), 1)
    out.print(say(f"Людей {len(people)}, привязано {share} %", f"{len(people)} people, {share} % linked"))
    out.print(say(f"Пар {_sum(told, 'pairs')}, сходятся {_sum(told, 'level')}, ждут человека: {waiting}",
                  f"{_sum(told, 'pairs')} pairs, {_sum(told, 'level')} level, for a person: {waiting}"))  # fmt: skip
    out.print(
        say(
            f"Сверка: {'сходится' if agreed == 0 else 'НЕ сходится'}",
            f"Audit: {'agreed' if agreed == 0 else 'NOT agreed'}",
        )
    )
    for finding in audited["findings"][:20]:
        out.print(finding)
    out.print(say(f"Готово за {seconds:.1f} с", f"Done in {seconds:.1f} s"))
    stuck = sum(told["deliveries"].values()) or _sum(told, "behind") or _sum(told, "refused")
    return 0 if agreed == 0 and not stuck and not moved["errors"] else 1


def _sum(told: dict[str, Any], state: str) -> int:
    return sum(int(kind[state]) for kind in told["kinds"].values())


async def add_users(app: App) -> None:
    """The logins that `make demo` prints; they exist in its state only."""
    for name, role in DEMO_USERS.items():
        told = {"name": name, "role": role, "password": DEMO_PASSWORD, "actor": "make demo"}
        await operate(app, "user.add", told, unseen)


async def live(
    app: App, people: list[dict[str, Any]], stop: asyncio.Event, at: tuple[int, int, int], given: argparse.Namespace
) -> int:
    """Everything runs until Ctrl-C; people act in both systems by themselves."""
    console, gosuslugi, emias = at
    running = asyncio.create_task(serve_app(app, stop))
    with bars() as progress:
        await operate(app, "link.import", {"rows": consents(people)}, progress)
    for port in (gosuslugi, emias):
        async with (
            aiohttp.ClientSession() as session,
            session.put(f"http://127.0.0.1:{port}/stand/life", json={"rate": given.life}),
        ):
            continue
    await add_users(app)
    trusted = [one for one in people if one["trusted"]][:3]
    out.print(f"{say('Пульт', 'Console')}:    http://127.0.0.1:{console}/")
    out.print(f"{say('Госуслуги', 'Gosuslugi')}: http://127.0.0.1:{gosuslugi}/cabinet")
    out.print(f"{say('ЕМИАС', 'EMIAS')}:     http://127.0.0.1:{emias}/registry")
    logins = ", ".join(f"{one['login']} / {one['password']}" for one in trusted)
    out.print(say("Вход в кабинет: ", "Cabinet logins: ") + logins)
    out.print(say("Вход в регистратуру: registrar / Demo-1", "Registry login: registrar / Demo-1"))
    names = ", ".join(f"{name} / {DEMO_PASSWORD}" for name in DEMO_USERS)
    out.print(say(f"Вход в пульт: {names}", f"Console logins: {names}"))
    out.print(say("Остановить: Ctrl-C", "Stop: Ctrl-C"))
    await running
    return 0


if __name__ == "__main__":
    main()
