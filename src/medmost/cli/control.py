"""One process holds an SQLite state; the others talk to it over a unix socket in the configuration folder (0600).

A request is one JSON line ``{"do": name, "with": {...}}``; the answer is any number of ``{"progress": …}`` lines and
one ``{"exit": n, "result": …}``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import structlog

from medmost.domain.errors import Fatal, MedmostError

log = structlog.get_logger()
SOCKET = "medmost.sock"
LINE_LIMIT = 64 * 1024 * 1024
Progress = Callable[[str, int, int | None], None]
"""(what, done, of how many): a step of long work."""


def unseen(_what: str, _done: int, _total: int | None) -> None:
    """Progress that nobody watches."""


Operate = Callable[[str, dict[str, Any], Progress], Awaitable[tuple[int, Any]]]


@contextlib.asynccontextmanager
async def serve_control(folder: Path, operate: Operate) -> AsyncIterator[None]:
    """Serves the socket while the block runs."""
    path = folder / SOCKET
    path.unlink(missing_ok=True)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:
                await _answer(orjson.loads(line), writer, operate)
        except (ConnectionError, orjson.JSONDecodeError) as error:
            log.warning("control client went away", error=type(error).__name__)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(client, path=str(path), limit=LINE_LIMIT)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(request: dict[str, Any], writer: asyncio.StreamWriter, operate: Operate) -> None:
    def say(line: dict[str, Any]) -> None:
        writer.write(orjson.dumps(line) + b"\n")

    def progress(what: str, done: int, total: int | None) -> None:
        say({"progress": [what, done, total]})

    try:
        code, result = await operate(str(request["do"]), dict(request.get("with", {})), progress)
        say({"exit": code, "result": result})
    except MedmostError as error:
        say({"error": [error.code, error.ru, error.en]})
    await writer.drain()


async def ask(folder: Path, do: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any] | None:
    """Asks the process that holds the state; None where there is none.

    Raises:
        Fatal: that process answered with an error, or went away in the middle.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(folder / SOCKET), limit=LINE_LIMIT)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        writer.write(orjson.dumps({"do": do, "with": args}) + b"\n")
        await writer.drain()
        while line := await reader.readline():
            told = orjson.loads(line)
            if "progress" in told:
                progress(*told["progress"])
            elif "error" in told:
                raise Fatal(*told["error"])
            else:
                return int(told["exit"]), told["result"]
    finally:
        writer.close()
    raise Fatal(
        "MM-RUN-GONE",
        "Работающий процесс medmost остановился, не закончив команду: повторите её",
        "the running medmost stopped before the command was done: repeat it",
    )
