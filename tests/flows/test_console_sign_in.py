"""Who gets in, for how long, and what nobody can do in another's name."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest
from litestar import Litestar

from console_people import csrf, gate_with_people, sign_in
from flows.test_console import House
from medmost.console.app import make_console
from medmost.console.gate import ABSOLUTE, IDLE, TRIES, TRIES_WITHIN
from medmost.console.rights import RIGHTS, Right, Role
from medmost.console.server import serve
from medmost.domain.errors import Transient


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at


class Door:
    """A console over a real state, and its clock."""

    def __init__(self, url: str, clock: Clock, state: Path, app: Litestar, asked: list[str]) -> None:
        self.url, self.clock, self.state, self.app, self.asked = url, clock, state, app, asked

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession(self.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            yield client

    def journal(self) -> list[tuple[str, str]]:
        with sqlite3.connect(self.state) as base:
            told = [orjson.loads(row[0]) for row in base.execute("SELECT entry FROM journal ORDER BY seq")]
        return [(one["act"], one["actor"]) for one in told]


@asynccontextmanager
async def opened(folder: Path, *, secure: bool = False, house: House | None = None) -> AsyncIterator[Door]:
    clock, house = Clock(), house or House()
    async with gate_with_people(folder, clock.now, secure=secure) as gate:
        house.gate = gate
        stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
        app = make_console(house.ports())
        serving = asyncio.create_task(serve(app, "127.0.0.1", 0, stop, bound=port.set_result))
        url = f"http://127.0.0.1:{await port}"
        yield Door(url, clock, folder / "console.db", app, getattr(house, "asked", []))
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
            ({}, {"_csrf": "другая"}),
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


# ---------------------------------------------------------------- role x route, made of the routes themselves
class Idle(House):
    """A house whose operations all answer that they cannot now: whether a route lets in is all that is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def operate(self, name: str, args: dict[str, object]) -> tuple[int, object]:
        self.asked.append(name)
        raise Transient("MM-STO-BUSY", "состояние занято", "the state is busy")


def routes(app: Litestar) -> list[tuple[str, str, Right]]:
    """Method, address, right of every route that is not open to everybody."""
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            right = handler.opt.get("right")
            path = re.sub(r"\{kind:str\}", "policy", re.sub(r"\{act:str\}", "retry", route.path))
            path = re.sub(r"\{[a-z_]+:int\}", "1", path)
            described = path.startswith("/api") and not path.startswith("/api/v1/")  # the API's own description
            if right != Right.OPEN and not described and path != "/sign-out":
                found += [(method, path, right) for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})]
    return found


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_gets_what_is_its_own(tmp_path: Path, role: Role) -> None:
    async with opened(tmp_path, house=Idle()) as door, door.browser() as client:
        known = [one for one in routes(door.app) if one[1] != "/events"]
        assert len(known) > 45
        for method, path, right in known:
            assert right in tuple(Right), f"{path} says no right: it is closed to everybody"
            async with client.request(method, path, json={} if method != "GET" else None) as answer:
                assert answer.status == 401, f"{method} {path} to a stranger"
        assert door.asked == []
        assert await sign_in(client, role.value) == 303
        mark = await csrf(client)
        for method, path, right in known:
            sent = None if method == "GET" else {}
            async with client.request(method, path, json=sent, headers={"X-CSRF-Token": mark}) as answer:
                assert (answer.status == 403) == (right not in RIGHTS[role]), f"{role} {method} {path}: {answer.status}"
                assert answer.status != 401
            if method != "GET":
                async with client.request(method, path, json=sent) as answer:
                    assert answer.status == 403, f"{method} {path} without the mark of the session"


async def test_wrong_requests_of_the_api_are_problems(tmp_path: Path) -> None:
    async with opened(tmp_path, house=Idle()) as door, door.browser() as client:
        assert await sign_in(client, "senior") == 303
        headers = {"X-CSRF-Token": await csrf(client)}
        for method, path, body in (
            ("GET", "/api/v1/conflicts/99999999999999999999", None),
            ("GET", "/pairs/99999999999999999999", None),
            ("POST", "/api/v1/conflicts/1", {"take": "nobody"}),
            ("POST", "/api/v1/conflicts/1", {"unheard": 1}),
            ("POST", "/api/v1/dead/burn", {"ids": ["1.emias"]}),
            ("POST", "/api/v1/dead/retry", {"ids": []}),
            ("POST", "/api/v1/mappings/policy/try", {"side": "emias", "document": []}),
        ):
            async with client.request(method, path, json=body, headers=headers) as answer:
                assert answer.status == 400, f"{method} {path}: {answer.status}"
                assert (await answer.json(content_type=None))["code"] == "MM-WEB-REQUEST"
        assert door.asked == []
        async with client.get("/api/v1/conflicts?after=x&kind=policy") as answer:
            assert answer.status == 503
        assert door.asked == ["conflicts.page"]
