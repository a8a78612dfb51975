"""The test stand and medmost as real processes on free ports, for tests of whole flows.

    from flows.running import command, medmost, stand, until   # `tests` is on the path, `flows` is its folder

    async with stand(tmp_path, people=60, seed=3) as systems:
        await command(systems, "migrate")                      # a command of its own: .code .out .err .json()
        async with medmost(systems, poll=(3600, 3600)) as running:
            visit = await systems.act("gosuslugi", "POST", "visits", body)
            await until(lambda: there(systems, visit), "the visit at EMIAS", within=10)

Everything a test starts ends with its block; a test that kills or stops a process does so by these objects.
"""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import orjson

from medmost.cli import control

SYSTEMS = ("gosuslugi", "emias")
COLLECTIONS = ("organizations", "schedules", "slots", "policies", "visits", "results", "vaccinations", "requests")
KINDS = ("organization", "schedule", "slot", "policy", "visit", "result", "vaccination", "request")
START_SECONDS = 60.0
POLL_SECONDS = 0.05
Body = dict[str, Any]
Found = TypeVar("Found")


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


async def until(look: Callable[[], Awaitable[Found | None]], what: str, within: float = 20.0) -> Found:
    """The first true answer of `look`; AssertionError naming `what` when none came in time."""
    deadline = time.monotonic() + within
    while True:
        answer = await look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s, last seen {answer!r}")
        await asyncio.sleep(POLL_SECONDS)


# ---------------------------------------------------------------- processes
class Process:
    """One program we started; its output goes to a file, so that no pipe can fill."""

    def __init__(self, name: str, arguments: list[str], log: Path, environ: Mapping[str, str]) -> None:
        self.name, self.log = name, log
        self._arguments, self._environ = arguments, dict(environ)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL: nothing is tidied up."""
        return await self._end(signal.SIGKILL)

    async def _end(self, by: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(by)
        try:
            return await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError(f"{self.name} did not stop within 30 s:\n{self.tail()}") from None

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


async def answers(url: str, process: Process, within: float = START_SECONDS) -> None:
    """Returns when `url` answers 200; AssertionError with the log's end when the process ended or never answered."""

    async def ready() -> bool:
        if not process.running:
            raise AssertionError(f"{process.name} ended with {process.code}:\n{process.tail()}")
        try:
            async with session.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, ConnectionError):
            return False

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        await until(ready, f"{process.name} at {url}", within)


# ---------------------------------------------------------------- the stand
@dataclass
class Systems:
    """Both systems of a running stand, their admin surfaces and the configuration written for medmost."""

    folder: Path
    urls: dict[str, str]
    console: str
    processes: dict[str, Process]
    session: aiohttp.ClientSession
    environ: dict[str, str] = field(default_factory=dict)

    async def call(self, system: str, method: str, path: str, body: Any = None) -> Any:
        """An admin call; the answer's JSON, or its lines where it is NDJSON. AssertionError for 400 and above."""
        data = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        async with self.session.request(method, self.urls[system] + path, data=data, headers=headers) as answer:
            raw = await answer.read()
            assert answer.status < 400, f"{method} {path} at {system}: {answer.status} {raw.decode(errors='replace')}"
            if answer.content_type == "application/x-ndjson":
                return [orjson.loads(line) for line in raw.splitlines() if line]
            return orjson.loads(raw) if raw else None

    async def export(self, system: str, collection: str) -> dict[str, Body]:
        """Everything of a collection there, by wire id; tombstones too."""
        lines = await self.call(system, "GET", f"/stand/export/{collection}")
        return {str(line["id"]): line for line in lines}

    async def record(self, system: str, collection: str, ref: str) -> Body | None:
        return (await self.export(system, collection)).get(ref)

    async def effects(self, system: str, after: int = 0, client: str | None = None) -> list[Body]:
        """Accepted writes after number `after`; only those of `client` ("medmost", whatever its id, or "person")."""
        lines = await self.call(system, "GET", f"/stand/effects?after={after}")
        wanted = {None: (True, False), "person": (True,), "medmost": (False,)}[client]
        return [line for line in lines if (line["client"] == "person") in wanted]

    async def last_effect(self, system: str) -> int:
        lines = await self.effects(system)
        return int(lines[-1]["n"]) if lines else 0

    async def people(self) -> list[Body]:
        return list(await self.call("gosuslugi", "GET", "/stand/people"))

    async def planted(self, system: str) -> dict[str, Any]:
        return dict(await self.call(system, "GET", "/stand/planted"))

    async def act(self, system: str, method: str, path: str, body: Body | None = None) -> Body:
        """What a person does at that system's own screen: `act("emias", "PUT", f"visits/{ref}", body)`."""
        return dict(await self.call(system, method, f"/stand/act/{path}", body))

    async def change(self, system: str, collection: str, ref: str, **fields: Any) -> Body:
        """A person changes some fields of a record, the others stay."""
        present = await self.record(system, collection, ref)
        assert present is not None, f"no {collection} {ref} at {system}"
        kept = {name: value for name, value in present.items() if name not in STAMPS}
        return await self.act(system, "PUT", f"{collection}/{ref}", kept | fields)

    async def faults(self, system: str, *rules: Body) -> None:
        """Replaces the faults of a system; none given, none stay."""
        await self.call(system, "PUT", "/stand/faults", {"rules": list(rules)})

    async def fired(self, system: str) -> int:
        """How often the present faults of a system have fired."""
        shown = await self.call(system, "GET", "/stand/faults")
        return sum(int(rule["fired"]) for rule in shown["rules"])

    async def life(self, system: str, rate: float) -> None:
        await self.call(system, "PUT", "/stand/life", {"rate": rate})

    async def stop(self, system: str) -> None:
        """Stops one system of a stand started `apart`."""
        await self.processes[system].stop()

    async def start(self, system: str) -> None:
        """Starts one system again over what it kept (a stand started `apart`)."""
        await self.processes[system].start()
        await answers(f"{self.urls[system]}/health", self.processes[system])


STAMPS = frozenset(
    "id version updatedAt originId deletedAt movedFrom movedTo редакция изменено внешнийИд удалено".split()
)
"""What a system itself writes into a record, in either dialect: never part of what a person sends."""


@asynccontextmanager
async def stand(
    folder: Path,
    *,
    people: int = 40,
    seed: int = 1,
    life: float = 0.0,
    apart: bool = False,
    arguments: Iterable[str] = (),
) -> AsyncIterator[Systems]:
    """A stand with a ready medmost configuration in `folder`/medmost.

    Args:
        folder: an empty temporary folder.
        apart: each system in a process of its own with kept state, so that one can be stopped and started again.
        arguments: further flags of medmost-stand, such as `--token-life 5`.
    """
    config = folder / "medmost"
    ports = {system: free_port() for system in SYSTEMS}
    console = f"http://127.0.0.1:{free_port()}"
    urls = {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}
    command_line = [
        sys.executable, "-m", "medmost_stand.main", "--people", str(people), "--seed", str(seed), "--life", str(life),
        "--gosuslugi-port", str(ports["gosuslugi"]), "--emias-port", str(ports["emias"]),
        "--write-config", str(config), "--console-url", console, *arguments,
    ]  # fmt: skip
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    processes: dict[str, Process] = {}
    if apart:
        for system in SYSTEMS:
            own = [*command_line, "--only", system, "--state", str(folder / "stand.db")]
            processes[system] = Process(f"stand {system}", own, folder / f"stand-{system}.log", environ)
    else:
        both = Process("stand", command_line, folder / "stand.log", environ)
        processes = dict.fromkeys(SYSTEMS, both)
    unique = list({id(process): process for process in processes.values()}.values())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        systems = Systems(config, urls, console, processes, session)
        try:
            for process in unique:
                await process.start()
            for system in SYSTEMS:
                await answers(f"{urls[system]}/health", processes[system])
            yield systems
        finally:
            for process in unique:
                if process.running:
                    await process.stop()


# ---------------------------------------------------------------- medmost
@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return orjson.loads(self.out)

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out[-4000:]}\n{self.err[-4000:]}"


async def command(where: Systems | Path, *arguments: str, within: float = 60.0, **environ: str) -> Ran:
    """`medmost ARGUMENTS` with the configuration of a stand (or in a folder), run to its end."""
    folder = where.folder if isinstance(where, Systems) else where
    own = where.environ if isinstance(where, Systems) else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "medmost.cli.main", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MEDMOST_CONFIG": str(folder), **own, **environ},
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"medmost {' '.join(arguments)} took more than {within:g} s") from None
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def ask(where: Systems, do: str, /, **args: Any) -> Any:
    """An operation of the running medmost over its control socket, as commands do it but without a process of its own.

    Its result; AssertionError where its exit code is not 0. Raises MedmostError with the running process' words.
    """
    code, result = await answered(where, do, **args)
    assert code == 0, f"{do}: exit {code}, {result}"
    return result


async def answered(where: Systems, do: str, /, **args: Any) -> tuple[int, Any]:
    """As `ask`, whatever the exit code: that, and the result."""
    found = await control.ask(where.folder, do, args, lambda *_: None)
    assert found is not None, f"nobody serves {do}: is medmost running?"
    return found


async def link_everyone(systems: Systems, leave: Iterable[str] = ()) -> list[Body]:
    """Links every trusted citizen by `medmost link import`, except the policy numbers in `leave`; who was linked."""
    left = set(leave)
    chosen = [one for one in await systems.people() if one["trusted"] and one["policy_number"] not in left]
    file = systems.folder.parent / "links.csv"
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["oid", "policy_number", "consent"])
        writer.writerows([one["oid"], one["policy_number"], "согласие на бумаге"] for one in chosen)
    ran = await command(systems, "link", "import", str(file))
    assert ran.code == 0, str(ran)
    return chosen


@dataclass
class Running:
    """`medmost run`, and what it shows of itself."""

    process: Process
    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> str:
        async with self.session.get(self.url + path) as answer:
            return await answer.text()

    async def status(self) -> Body:
        """As `status --json` (contracts §4)."""
        return dict(orjson.loads(await self.get("/api/v1/status")))

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its full name with labels."""
        lines = [line for line in (await self.get("/metrics")).splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    async def quiet(self, within: float = 30.0) -> Body:
        """Waits until nothing is on its way; the status then."""

        async def still() -> Body | None:
            told = await self.status()
            moving = {state: number for state, number in told["deliveries"].items() if state != "dead" and number}
            return None if moving else told

        return await until(still, "all deliveries done", within)

    def logged(self) -> str:
        return self.process.log.read_text(errors="replace")


@asynccontextmanager
async def medmost(
    systems: Systems, *, poll: tuple[float, float] | None = None, name: str = "medmost", **environ: str
) -> AsyncIterator[Running]:
    """`medmost run` beside a stand, ready to be asked; ended with the block unless the test ended it before.

    Args:
        poll: seconds between polls, least and most.
        environ: further `MEDMOST_…` settings of this process.
    """
    own = {**os.environ, "MEDMOST_CONFIG": str(systems.folder), **systems.environ, **environ}
    if poll is not None:
        own |= {"MEDMOST_POLL__MIN": str(poll[0]), "MEDMOST_POLL__MAX": str(poll[1])}
    arguments = [sys.executable, "-m", "medmost.cli.main", "run"]
    process = Process(name, arguments, systems.folder.parent / f"{name}.log", own)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        running = Running(process, systems.console, session)
        try:
            await process.start()
            await answers(f"{systems.console}/health/live", process)
            yield running
        finally:
            if process.running:
                await process.stop()
