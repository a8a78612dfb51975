"""What medmost answers to bad input from either system (design §10), over real sockets, one pass at a time.

Webhooks are lost and polling is an hour away, so that each test decides when medmost reads.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from flows.acting import policies_at_both, settled
from flows.between import Between, between
from flows.running import SYSTEMS, Body, Running, Systems, answered, ask, medmost, stand, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
OTHER = {"gosuslugi": "emias", "emias": "gosuslugi"}
both = pytest.mark.parametrize("system", SYSTEMS)


@dataclass
class Bad:
    systems: Systems
    running: Running
    ways: dict[str, Between]
    policies: list[tuple[str, dict[str, str]]]  # number, wire ids
    notices: list[Body] = field(default_factory=list)

    def policy(self) -> tuple[str, dict[str, str]]:
        return self.policies.pop()

    async def change(self, system: str, ref: str) -> str:
        """A person at `system` changes what that system owns, so that the other has to follow; the new value."""
        if system == "gosuslugi":
            value = f"{uuid.uuid4().hex[:12]}@post.example"
            await self.systems.change(system, "policies", ref, **{"Электронная почта": value})
        else:
            value = f"АО «Страховая {uuid.uuid4().hex[:8]}»"
            await self.systems.change(system, "policies", ref, insurer={"code": "77098", "name": value})
        return value

    async def shown(self, system: str, ref: str) -> str | None:
        """What `system` shows of a change made at the other."""
        record = await self.systems.record(system, "policies", ref) or {}
        return record.get("email") if system == "emias" else record.get("Страховая организация")

    async def sync(self) -> Body:
        _, told = await answered(self.systems, "sync", kind="policy")
        return told

    async def card(self, number: str) -> Body:
        found: list[Body] = await ask(self.systems, "pairs.show", kind="policy", key=number)
        assert len(found) == 1
        return found[0]

    async def count(self, name: str, more_than: float, within: float = 12) -> float:
        """A counter of /metrics once it has grown; counters follow the books every few seconds."""

        async def grown() -> float | None:
            value = (await self.running.metrics()).get(name, 0.0)
            return value if value > more_than else None

        return await until(grown, f"{name} above {more_than}", within)

    def cursor(self, system: str) -> bytes:
        state = self.systems.folder / "state.db"
        with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as db:
            query = "SELECT position FROM cursor WHERE system = ? AND kind = 'policy'"
            return bytes(db.execute(query, (system,)).fetchone()[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bad(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bad]:
    async with AsyncExitStack() as stack:
        systems = await stack.enter_async_context(stand(tmp_path_factory.mktemp("bad"), people=40, seed=13))
        ways = {system: await stack.enter_async_context(between(systems.urls[system])) for system in SYSTEMS}
        for system in SYSTEMS:
            await systems.faults(system, {"effect": "webhook-lost"})
        notices: list[Body] = []
        post = await stack.enter_async_context(mailbox(notices))
        settings = systems.folder / "medmost.toml"
        person = f'[[contacts.people]]\nname = "Дежурный"\nurls = ["{post}"]\n[notices]\nquiet = 1\n'
        settings.write_text(settings.read_text() + person)
        systems.environ = {f"MEDMOST_SYSTEMS__{system.upper()}__BASE_URL": ways[system].url for system in SYSTEMS}
        running = await stack.enter_async_context(medmost(systems, poll=(3600, 3600)))
        await settled(running)
        policies = [
            (number, {"gosuslugi": there, "emias": here}) for number, there, here in await policies_at_both(systems, 30)
        ]
        yield Bad(systems, running, ways, policies, notices)


class mailbox:  # noqa: N801  # used as a verb: an async context manager
    """Takes notices as Apprise's json:// sends them; gives the address to configure."""

    def __init__(self, notices: list[Body]) -> None:
        self._notices = notices

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"json://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self._notices.append(orjson.loads(await request.read()))
        return web.Response()


# ---------------------------------------------------------------- a record that does not fit
SPOILT: dict[str, tuple[tuple[str, Any, str], ...]] = {
    # system -> (wire field, value or None for left out, what is told of it)
    "gosuslugi": (
        ("Фамилия", None, "last_name: missing (missing)"),
        ("Пол", "Неизвестен", "sex: unknown_code (text of 10 letters; allowed: Мужской, Женский)"),
        ("Дата рождения", "31.02.1985", "birth_date: range (text of 10 characters; allowed: a date of the calendar)"),
    ),
    "emias": (
        ("lastName", None, "last_name: missing (missing)"),
        ("sex", "U", "sex: unknown_code (text of 1 letters; allowed: M, F)"),
        ("birthDate", "1985-02-31", "birth_date: range (text of 10 characters; allowed: a date of the calendar)"),
    ),
}


def spoil(name: str, value: Any) -> Callable[[Body], Body]:
    def edit(record: Body) -> Body:
        kept = {key: one for key, one in record.items() if key != name}
        return kept if value is None else kept | {name: value}

    return edit


@both
async def test_records_that_do_not_fit_wait_alone(bad: Bad, system: str) -> None:
    """A missing field, an unknown code and an impossible date among good records of one page."""
    unfit, (_, good) = [bad.policy() for _ in SPOILT[system]], bad.policy()
    before = (await bad.running.status())["kinds"]["policy"]["invalid"]
    counter = f'medmost_observations_total{{kind="policy",outcome="invalid",system="{system}"}}'
    counted = (await bad.running.metrics()).get(counter, 0.0)
    for (_, refs), (name, value, _) in zip(unfit, SPOILT[system], strict=True):
        bad.ways[system].edits[refs[system]] = spoil(name, value)
    unwanted = [await bad.change(system, refs[system]) for _, refs in unfit]
    wanted = await bad.change(system, good[system])

    told = await bad.sync()
    assert told["errors"] == {}
    policy = told["status"]["kinds"]["policy"]
    assert policy["invalid"] == before + 3
    assert {refs[system] for _, refs in unfit} <= {one[system] for one in policy["named"]["invalid"]}
    assert await bad.shown(OTHER[system], good[OTHER[system]]) == wanted  # the rest of the page arrived
    for (number, refs), (_, value, said), change in zip(unfit, SPOILT[system], unwanted, strict=True):
        assert await bad.shown(OTHER[system], refs[OTHER[system]]) != change
        card = await bad.card(number)
        assert (card["state"], card["sides"][system]["problems"]) == ("invalid", [said])
        assert len(value or "") < 2 or value not in str(card) + bad.running.logged()
    assert await bad.count(counter, counted) >= counted + 3

    bad.ways[system].mend()
    healed = [await bad.change(system, refs[system]) for _, refs in unfit]
    told = await bad.sync()
    assert told["status"]["kinds"]["policy"]["invalid"] == before
    assert [await bad.shown(OTHER[system], refs[OTHER[system]]) for _, refs in unfit] == healed


# ---------------------------------------------------------------- a page that is not what it should be
LISTS = {"gosuslugi": "/api/exchange/v1/policies", "emias": "/api/v1/policies"}
PAGES: dict[str, tuple[Body | None, Any, str]] = {
    # what -> fault of the stand, or else the body given in place of the page; the code of the trouble
    "HTML with 200": ({"effect": "html-200"}, None, "MM-SYS-PAGE"),
    "truncated": ({"effect": "truncated"}, None, "MM-SYS-LOST"),
    "a list": (None, [{"id": "1"}], "MM-SYS-PAGE"),
    "records that are no list": (None, {"items": {}, "content": {}, "serverTime": 1, "время": 1}, "MM-SYS-PAGE"),
    "a record without an id": (None, None, "MM-SYS-PAGE"),
}


@both
@pytest.mark.parametrize("what", PAGES)
async def test_page_that_is_none_stops_the_pass(bad: Bad, system: str, what: str) -> None:
    fault, body, code = PAGES[what]
    _, refs = bad.policy() if len(bad.policies) > 8 else bad.policies[0]
    cursor = bad.cursor(system)
    wanted = await bad.change(system, refs[system])
    lost = {"effect": "webhook-lost"}
    if fault is not None:
        await bad.systems.faults(system, lost, fault | {"method": "GET", "path": LISTS[system]})
    elif body is not None:
        bad.ways[system].answer("GET", LISTS[system], 200, body)
    else:
        bad.ways[system].edits[refs[system]] = lambda record: {k: v for k, v in record.items() if k != "id"}
    told = await bad.sync()
    assert told["errors"] == {f"policy {system}": code}
    assert bad.cursor(system) == cursor
    assert await bad.shown(OTHER[system], refs[OTHER[system]]) != wanted
    if code == "MM-SYS-PAGE":
        await until(lambda: _noticed(bad, system, code), "a notice of the page")
    await bad.systems.faults(system, lost)
    bad.ways[system].mend()
    told = await bad.sync()
    assert told["errors"] == {}
    assert bad.cursor(system) != cursor
    assert await bad.shown(OTHER[system], refs[OTHER[system]]) == wanted


async def _noticed(bad: Bad, system: str, code: str) -> bool:
    name = {"gosuslugi": "Госуслуги", "emias": "ЕМИАС"}[system]
    return any(name in one["title"] + one["message"] and code in one["message"] for one in bad.notices)


# ---------------------------------------------------------------- a request of ours refused for good
WORDS: dict[str, tuple[int, Body, str]] = {
    "gosuslugi": (
        400,
        {"code": "bad_value", "message": "Страховая организация закрыта для записи"},
        "/api/exchange/v1/policies/*",
    ),
    "emias": (
        422,
        {"error": {"code": "SIM_INVALID_FIELD", "description": "Почта закрыта для записи", "field": "email"}},
        "/api/v1/policies/*",
    ),
}


@both
async def test_refusal_is_kept_until_something_changes(bad: Bad, system: str) -> None:
    """`system` refuses what the other one's people changed."""
    status, body, path = WORDS[system]
    number, refs = bad.policy()
    refusal = bad.ways[system].answer("PUT", path, status, body)
    await bad.change(OTHER[system], refs[OTHER[system]])
    told = await bad.sync()
    numbers = told["status"]["kinds"]["policy"]
    assert numbers["refused"] == 1
    assert numbers["named"]["refused"] == [refs]
    assert not any(told["status"]["deliveries"].values())
    assert refusal.given == 1
    card = await bad.card(number)
    assert card["state"] == "refused"
    words = body.get("message") or body["error"]["description"]
    assert words in card["refused"]
    assert refusal.status in (400, 422)
    code = body.get("code") or body["error"]["code"]
    assert code in card["refused"]
    await until(lambda: _noticed(bad, system, code), "a notice of the refusal")
    assert words not in str(bad.notices)
    await bad.sync()
    assert refusal.given == 1  # nothing has changed: nothing is sent
    bad.ways[system].mend()
    wanted = await bad.change(OTHER[system], refs[OTHER[system]])
    told = await bad.sync()
    assert told["status"]["kinds"]["policy"]["refused"] == 0
    assert await bad.shown(system, refs[system]) == wanted


# ---------------------------------------------------------------- webhooks
@dataclass
class Hook:
    """Sends webhooks to medmost as a system would, or as somebody else."""

    url: str
    secret: bytes

    async def send(self, body: bytes, *, id_: str, secret: bytes | None = None, age: float = 0.0) -> int:
        at = str(int(time.time() - age))
        mark = hmac.new(secret or self.secret, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(mark).decode(),
            "content-type": "application/json",
        }
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as answer:
            return answer.status


def hook_of(bad: Bad, system: str) -> Hook:
    told = (bad.systems.folder / "secrets" / f"{system}.webhook").read_text().strip()
    return Hook(f"{bad.systems.console}/hooks/{system}", base64.b64decode(told.removeprefix("whsec_")))


async def webhook_of(bad: Bad, system: str, ref: str) -> bytes:
    """The message a system would send of its record as it is now."""
    record = await bad.systems.record(system, "policies", ref) or {}
    version = record["version"] if system == "emias" else record["редакция"]
    told = {"collection": "policies", "id": ref, "version": version, "event": "changed", "record": record}
    return orjson.dumps(told)


@both
async def test_webhook_from_a_stranger_is_refused(bad: Bad, system: str) -> None:
    number, refs = bad.policy()
    hook, before = hook_of(bad, system), await bad.running.metrics()
    unwanted = await bad.change(system, refs[system])
    message = await webhook_of(bad, system, refs[system])
    assert await hook.send(message, id_="msg_forged", secret=b"guessed by somebody else") == 401
    assert await hook.send(message, id_="msg_stale", age=3600) == 401
    assert await hook.send(message, id_="msg_future", age=-3600) == 401
    await bad.running.quiet()
    assert await bad.shown(OTHER[system], refs[OTHER[system]]) != unwanted
    assert (await bad.card(number))["state"] == "level"
    counter = f'medmost_webhooks_total{{outcome="bad_signature",system="{system}"}}'
    assert await bad.count(counter, before.get(counter, 0.0)) == before.get(counter, 0.0) + 3
    await bad.sync()


@both
async def test_replayed_webhook_has_no_second_effect(bad: Bad, system: str) -> None:
    _, refs = bad.policy()
    hook, before = hook_of(bad, system), await bad.running.metrics()
    wanted = await bad.change(system, refs[system])
    message = await webhook_of(bad, system, refs[system])
    assert 200 <= await hook.send(message, id_=f"msg_{system}") < 300

    async def arrived() -> bool:
        return await bad.shown(OTHER[system], refs[OTHER[system]]) == wanted

    await until(arrived, "the webhook's change")
    last = {name: await bad.systems.last_effect(name) for name in SYSTEMS}
    for _ in range(3):
        assert 200 <= await hook.send(message, id_=f"msg_{system}") < 300
    assert 200 <= await hook.send(message, id_=f"msg_{system}_again") < 300  # an old message under a new id
    await bad.running.quiet()
    for name in SYSTEMS:
        assert await bad.systems.effects(name, last[name]) == []
    counter = f'medmost_webhooks_total{{outcome="duplicate",system="{system}"}}'
    assert await bad.count(counter, before.get(counter, 0.0)) == before.get(counter, 0.0) + 3


@both
async def test_signed_webhook_of_nonsense_is_malformed(bad: Bad, system: str) -> None:
    hook, before = hook_of(bad, system), await bad.running.metrics()
    nonsense = (
        b"<html>",
        b"[]",
        b"null",
        b'{"collection":"dragons","id":"1"}',
        b'{"collection":["policies"],"id":"1"}',
        b'{"collection":"policies","id":7}',
    )
    for number, body in enumerate(nonsense):
        assert await hook.send(body, id_=f"msg_{system}_{number}") == 400
    counter = f'medmost_webhooks_total{{outcome="malformed",system="{system}"}}'
    assert await bad.count(counter, before.get(counter, 0.0)) == before.get(counter, 0.0) + len(nonsense)


# ---------------------------------------------------------------- a wrong call of our own API
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "MM-WEB-NOT-FOUND"),
        ("POST", "/api/v1/status", 405, "MM-WEB-METHOD"),
        ("GET", "/hooks/emias", 405, "MM-WEB-METHOD"),
        ("POST", "/hooks/tass", 404, "MM-WEB-NOT-FOUND"),
        ("POST", "/hooks/emias", 401, "MM-WEB-SIGNATURE"),
    ],
)
async def test_wrong_call_is_answered_in_words(bad: Bad, method: str, path: str, status: int, code: str) -> None:
    async with bad.running.session.request(method, bad.running.url + path, json={}) as answer:
        told = orjson.loads(await answer.read())
        assert answer.status == told["status"] == status
        assert answer.content_type == "application/problem+json"
    assert told["code"] == code
    assert told["detail"].endswith(".")


async def test_too_large_a_webhook_is_not_read(bad: Bad) -> None:
    async with bad.running.session.post(bad.running.url + "/hooks/emias", data=io.BytesIO(b"x" * 2_000_000)) as answer:
        assert answer.status == 413
        assert orjson.loads(await answer.read())["code"] == "MM-WEB-TOO-LARGE"
