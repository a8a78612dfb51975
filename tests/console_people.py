"""People of the console for tests: an account per role in a real state, and how one of them signs in."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path

import aiohttp

from medmost.console import passwords
from medmost.console.gate import Gate
from medmost.console.rights import Role
from medmost.store import accounts, schema
from medmost.store.database import Database
from medmost.store.sqlite import SqliteDatabase

PASSWORD = "Stand-pult-1"


@cache
def _template() -> bytes:
    """A state with an account for every role, named like it; made once, since a migration takes long."""
    with ThreadPoolExecutor(1) as thread:  # this test's own loop is running
        kept = thread.submit(lambda: asyncio.run(passwords.hashed(PASSWORD))).result()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        schema.upgrade(path)
        with closing(sqlite3.connect(path)) as base, base:
            for role in Role:
                told = accounts.Account(name=role.value, role=role, password=kept, created_at=0.0, created_by="test")
                accounts.add(base, told)
        return path.read_bytes()


@asynccontextmanager
async def state_with_people(folder: Path) -> AsyncIterator[Database]:
    path = folder / "console.db"
    path.write_bytes(_template())
    database = await SqliteDatabase(path).open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def gate_with_people(
    folder: Path, now: Callable[[], float] = time.time, *, secure: bool = False
) -> AsyncIterator[Gate]:
    async with state_with_people(folder) as database:
        yield Gate(database, now, secure=secure)


async def sign_in(client: aiohttp.ClientSession, role: str, password: str = PASSWORD, **form: str) -> int:
    """As the page does it; the client must keep cookies of addresses (`CookieJar(unsafe=True)`)."""
    told = {"name": role, "password": password, **form}
    async with client.post("/sign-in", data=told, allow_redirects=False) as answer:
        return answer.status


async def csrf(client: aiohttp.ClientSession) -> str:
    """The mark of the present session, as every page with a form carries it."""
    async with client.get("/") as answer:
        found = re.search(r'name="_csrf" value="([^"]+)"', await answer.text())
    assert found is not None, "nobody is signed in"
    return found[1]
