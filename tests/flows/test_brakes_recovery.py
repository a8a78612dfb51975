"""Section 7 of docs/ru/recovery.md played: canary, changed settings, an unmarked stand; and planned work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from flows.running import Systems, link_everyone, stand
from flows.test_recovery import level_policy, phone_there, ran, ran_status

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
BASE_URL = "MEDMOST_SYSTEMS__EMIAS__BASE_URL"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def systems(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Systems]:
    async with stand(tmp_path_factory.mktemp("brakes"), people=12, seed=5) as found:
        await link_everyone(found)
        await ran(found, "migrate")
        yield found


async def test_changed_canary_is_looked_at_and_released(systems: Systems) -> None:
    _, watched = await level_policy(systems)
    here, there = await level_policy(systems, skip=1)
    settings = {"MEDMOST_SYSTEMS__EMIAS__CANARY": f"policy/{watched}"}
    await ran(systems, "sync", **settings)
    await systems.change("emias", "policies", watched, phone="+79160000001")
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)0000002")
    await ran(systems, "sync", code=1, **settings)
    assert not await phone_there(systems, there, "+79160000002")
    await ran(systems, "brakes", "release", *await tripped(systems, "MM-BRAKE-CANARY", **settings), **settings)
    assert await phone_there(systems, there, "+79160000002")
    await ran(systems, "sync", **settings)  # what it shows now is what is watched from now on
    await ran(systems, "brakes", "list", **settings)


async def test_changed_address_waits_for_a_look(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=2)
    settings = {BASE_URL: systems.urls["emias"].replace("127.0.0.1", "localhost")}
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)0000003")
    await ran(systems, "sync", code=1, **settings)
    assert not await phone_there(systems, there, "+79160000003")
    held = await tripped(systems, "MM-BRAKE-RULES", **settings)
    await ran(systems, "check", **settings)
    await ran(systems, "brakes", "release", *held, **settings)
    assert await phone_there(systems, there, "+79160000003")
    await ran(systems, "audit", **settings)
    await ran(systems, "sync")  # level, yet the former address is another one now
    await ran(systems, "brakes", "release", *await tripped(systems, "MM-BRAKE-RULES"))


async def test_unmarked_stand_gets_nothing(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=3)
    before = len(await systems.effects("emias", client="medmost"))
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)0000004")
    async with unmarked(systems.urls["emias"]) as elsewhere:
        settings = {BASE_URL: elsewhere}
        await ran(systems, "sync", code=1, **settings)
        held = await tripped(systems, "MM-BRAKE-ENVIRONMENT", "MM-BRAKE-RULES", **settings)
    assert len(await systems.effects("emias", client="medmost")) == before
    await ran(systems, "brakes", "release", *held)  # base_url is the right one again
    assert await phone_there(systems, there, "+79160000004")
    await ran(systems, "sync")


async def test_planned_work_is_waited_out(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=4)
    ends = systems.folder / "systems.toml"
    usual = ends.read_text()
    ends.write_text(usual.replace("[emias]\n", '[emias]\nmaintenance = ["daily 00:00-24:00"]\n'))
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)0000005")
    await ran(systems, "sync", code=1)
    told = await ran_status(systems, code=1)
    assert [told["systems"][name]["maintenance"] for name in ("emias", "gosuslugi")] == [True, False]
    assert (told["brakes"], told["deliveries"]["due"], told["deliveries"]["dead"]) == ([], 1, 0)
    assert not await phone_there(systems, there, "+79160000005")
    ends.write_text(usual)  # the window is over
    await ran(systems, "sync")
    assert await phone_there(systems, there, "+79160000005")
    assert (await ran_status(systems))["systems"]["emias"]["maintenance"] is False


async def tripped(systems: Systems, *codes: str, **settings: str) -> list[str]:
    """The numbers of the brakes that are on, which have these codes."""
    rows = (await ran(systems, "brakes", "list", "--json", code=1, **settings)).json()
    assert sorted(row["code"] for row in rows) == sorted(codes)
    return [str(row["id"]) for row in rows]


@asynccontextmanager
async def unmarked(address: str) -> AsyncIterator[str]:
    """Another address of the same system that does not say it is a stand."""

    async def pass_on(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name not in ("Host", "Content-Length")}
        body = await request.read()
        async with session.request(request.method, address + request.path_qs, data=body, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type", "ETag", "Date") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", pass_on)
    async with aiohttp.ClientSession() as session:
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
