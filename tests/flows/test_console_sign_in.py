"""Who gets in, for how long, and what nobody can do in another's name."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest

from console_people import csrf, gate_with_people, sign_in
from flows.test_console import House
from medmost.console import make_console, serve
from medmost.console.gate import ABSOLUTE, IDLE, TRIES, TRIES_WITHIN
from medmost.console.rights import Role


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at


class Door:
    """A console over a real state, and its clock."""

    def __init__(self, url: str, clock: Clock, state: Path) -> None:
        self.url, self.clock, self.state = url, clock, state

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession(self.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            yield client

    def journal(self) -> list[tuple[str, str]]:
        with sqlite3.connect(self.state) as base:
            told = [orjson.loads(row[0]) for row in base.execute("SELECT entry FROM journal ORDER BY seq")]
        return [(one["act"], one["actor"]) for one in told]


@asynccontextmanager
async def opened(folder: Path, *, secure: bool = False) -> AsyncIterator[Door]:
    clock, house = Clock(), House()
    async with gate_with_people(folder, clock.now, secure=secure) as gate:
        house.gate = gate
        stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(make_console(house.ports()), "127.0.0.1", 0, stop, bound=port.set_result))
        yield Door(f"http://127.0.0.1:{await port}", clock, folder / "console.db")
        stop.set()
        await serving


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        yield door


async def status(client: aiohttp.ClientSession, path: str = "/") -> int:
    async with client.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
        return answer.status


async def test_stranger_is_led_to_sign_in(door: Door) -> None:
    async with door.browser() as client:
        async with client.get("/", headers={"Accept": "text/html"}) as answer:
            assert answer.url.path == "/sign-in"
            assert "Вход в пульт" in await answer.text()
        async with client.get("/events") as answer:
            assert answer.status == 401
            assert (await answer.json(content_type=None))["code"] == "MM-WEB-SIGN-IN"


async def test_right_password_lets_in_and_out(door: Door) -> None:
    async with door.browser() as client:
        assert await sign_in(client, "operator") == 303
        assert await status(client) == 200
        mark = await csrf(client)
        async with client.post("/sign-out", data={"_csrf": mark}) as answer:
            assert answer.url.path == "/sign-in"
        assert await status(client) == 303
    assert door.journal() == [("sign-in", "operator"), ("sign-out", "operator")]


async def test_wrong_password_and_name_look_alike(door: Door) -> None:
    told = []
    async with door.browser() as client:
        for name in ("operator", "nobody"):
            form = {"name": name, "password": "wrong-password"}
            async with client.post("/sign-in", data=form) as answer:
                assert answer.status == 401
                told.append((await answer.text()).replace(name, ""))
    assert told[0] == told[1]
    assert "не подходят" in told[0]
    assert door.journal() == [("sign-in.refused", "operator")]  # what was typed for a name may be a password


async def test_guessing_is_stopped_for_a_while(door: Door) -> None:
    async with door.browser() as client:
        for _ in range(TRIES):
            assert await sign_in(client, "operator", "wrong-password") == 401
        assert await sign_in(client, "operator") == 429
        assert await sign_in(client, "viewer") == 303
        door.clock.at += TRIES_WITHIN + 1
        assert await sign_in(client, "operator") == 303


@pytest.mark.parametrize(("step", "steps"), [(IDLE + 1, 1), (IDLE - 1, int(ABSOLUTE // (IDLE - 1)) + 1)])
async def test_session_ends_by_idling_and_by_age(door: Door, step: float, steps: int) -> None:
    async with door.browser() as client:
        assert await sign_in(client, "operator") == 303
        for _ in range(steps - 1):
            door.clock.at += step
            assert await status(client) == 200
        door.clock.at += step
        assert await status(client) == 303


async def test_act_of_a_foreign_page_is_refused(door: Door) -> None:
    async with door.browser() as client:
        assert await sign_in(client, "operator") == 303
        mark = await csrf(client)
        for headers, form in (
            ({"Origin": "https://evil.example"}, {"_csrf": mark}),
            ({"Sec-Fetch-Site": "cross-site"}, {"_csrf": mark}),
            ({}, {"_csrf": "another"}),
            ({}, {}),
        ):
            async with client.post("/sign-out", data=form, headers=headers) as answer:
                assert answer.status == 403
                assert (await answer.json(content_type=None))["code"] == "MM-WEB-CSRF"
        assert await status(client) == 200
        async with client.post(
            "/sign-in", data={"name": "viewer", "password": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
        ) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_sign_in_leads_only_to_own_pages(door: Door, away: str) -> None:
    async with door.browser() as client:
        form = {"name": "viewer", "password": "Stand-pult-1", "next": away}
        async with client.post("/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.headers["location"] == "/"


async def test_cookie_is_bound_to_its_host(tmp_path: Path) -> None:
    for secure, name in ((False, "medmost="), (True, "__Host-medmost=")):
        (tmp_path / name).mkdir()
        async with opened(tmp_path / name, secure=secure) as door, door.browser() as client:
            form = {"name": "viewer", "password": "Stand-pult-1"}
            async with client.post("/sign-in", data=form, allow_redirects=False) as answer:
                cookie = answer.headers["set-cookie"]
        assert cookie.startswith(name)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert ("Secure" in cookie) == secure


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_sees_the_overview(door: Door, role: Role) -> None:
    async with door.browser() as client:
        assert await sign_in(client, role.value) == 303
        assert await status(client) == 200
