"""The console answers people and programs, and shows nobody's data."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from console_people import gate_with_people, sign_in
from medmost.console.app import make_console
from medmost.console.gate import Gate
from medmost.console.ports import Attention, ConsolePorts
from medmost.console.server import serve
from medmost.console.texts import TEXTS
from medmost.domain.errors import Fatal, Transient
from medmost.domain.kinds import SHIPPED
from medmost.domain.record import Side
from medmost.metrics import Metrics

KIND: dict[str, Any] = dict.fromkeys(
    ("behind", "conflict", "invalid", "ambiguous", "quarantined", "refused", "no_consent", "foreign"), 0
)


def status() -> dict[str, Any]:
    end = {"reachable": True, "breaker": "closed", "token_seconds": 3100, "calls_per_minute": 40}
    end |= {"certificate_days": None, "last_ok": "2026-11-23T07:00:01Z"}
    policy = {**KIND, "stage": "full", "pairs": 12345, "level": 12340, "conflict": 2, "invalid": 1, "foreign": 2}
    policy |= {"freshness_seconds": 4, "next_poll_seconds": 212}
    visit = {**KIND, "stage": "roll-out:25", "pairs": 0, "level": 0, "freshness_seconds": None}
    visit |= {"next_poll_seconds": None}
    return {
        "healthy": True,
        "systems": {"emias": end, "gosuslugi": {**end, "certificate_days": 12, "signer": "openssl-gost"}},
        "kinds": {"policy": policy, "visit": visit},
        "deliveries": {"due": 1, "in_flight": 2, "waiting": 3, "awaiting_answer": 4, "dead": 5},
        "decided_conflicts": 31,
    }


class House:
    """Everything behind the console, as a test wants it to be."""

    def __init__(self) -> None:
        self.status_now = status()
        self.reasons: list[str] = []
        self.attention: list[Attention] = []
        self.hooks: list[tuple[Side, Mapping[str, str], bytes]] = []
        self.hook_answer = 204
        self.fails: Exception | None = None
        self.metrics = Metrics(SHIPPED)
        self.gate: Gate | None = None

    async def status(self) -> dict[str, Any]:
        if self.fails:
            raise self.fails
        return self.status_now

    async def hook(self, side: Side, headers: Mapping[str, str], body: bytes) -> int:
        self.hooks.append((side, headers, body))
        return self.hook_answer

    async def operate(self, name: str, args: dict[str, Any]) -> tuple[int, Any]:
        raise AssertionError(f"{name} {args}: nothing here runs operations")

    def ports(self) -> ConsolePorts:
        assert self.gate is not None
        return ConsolePorts(
            gate=self.gate,
            operate=self.operate,
            status=self.status,
            hook=self.hook,
            metrics=self.metrics.render,
            ready=lambda: self.reasons,
            attention=lambda: self.attention,
            support="Поддержка: 8-800-000-00-00",
        )


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(make_console(house.ports()), "127.0.0.1", 0, stop, bound=port.set_result))
    jar = aiohttp.CookieJar(unsafe=True)  # it keeps cookies of an address, too
    async with aiohttp.ClientSession(f"http://127.0.0.1:{await port}", cookie_jar=jar) as client:
        assert await sign_in(client, "viewer") == 303
        yield client
    stop.set()
    await asyncio.wait_for(serving, 5)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with gate_with_people(tmp_path) as gate:
        house = House()
        house.gate = gate
        yield house


async def live(client: aiohttp.ClientSession) -> str:
    """The overview as the browser is sent it every two seconds."""
    async with client.get("/events") as answer:
        assert answer.content_type == "text/event-stream"
        lines = []
        async for line in answer.content:
            if not line.strip() and lines:
                return "\n".join(lines)
            if line.startswith(b"data:"):
                lines.append(line.decode().removeprefix("data:").strip())
    raise AssertionError("the stream ended")


@pytest.fixture
async def client(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with opened(house) as session:
        yield session


async def answer(client: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, str, Any]:
    async with client.get(path, headers=headers) as response:
        return response.status, await response.text(), response.headers


async def test_health_tells_living_from_ready(client: aiohttp.ClientSession, house: House) -> None:
    assert (await answer(client, "/health/live"))[:2] == (200, '{"live":true}')
    assert (await answer(client, "/health/ready"))[0] == 200
    house.reasons = ["ЕМИАС: нет связи с 10:00"]
    code, text, headers = await answer(client, "/health/ready")
    assert code == 503
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(text)["reasons"] == ["ЕМИАС: нет связи с 10:00"]
    assert (await answer(client, "/health/live"))[0] == 200


async def test_readiness_may_be_worked_out_asynchronously(house: House) -> None:
    async def ready() -> list[str]:
        return ["состояние не пишется"]

    ports = house.ports()
    object.__setattr__(ports, "ready", ready)
    house.ports = lambda: ports  # type: ignore[method-assign]  # the one port under test is replaced
    async with opened(house) as client:
        assert (await answer(client, "/health/ready"))[0] == 503


async def test_status_is_handed_on_whole(client: aiohttp.ClientSession, house: House) -> None:
    code, text, _ = await answer(client, "/api/v1/status")
    assert (code, json.loads(text)) == (200, house.status_now)


async def test_metrics_are_in_prometheus_form(client: aiohttp.ClientSession, house: House) -> None:
    house.metrics.webhook("emias", "accepted")
    code, text, headers = await answer(client, "/metrics")
    assert code == 200
    assert headers["content-type"].startswith("text/plain; version=")
    assert 'medmost_webhooks_total{outcome="accepted",system="emias"} 1.0' in text


async def test_openapi_names_every_public_route(client: aiohttp.ClientSession) -> None:
    code, text, _ = await answer(client, "/api/openapi.json")
    document = json.loads(text)
    assert code == 200
    assert {"/health/live", "/health/ready", "/metrics", "/api/v1/status", "/hooks/{side}"} <= set(document["paths"])
    public = {path for path in document["paths"] if not path.startswith("/api/v1/")}
    assert public == {"/health/live", "/health/ready", "/metrics", "/hooks/{side}"}
    for path, methods in document["paths"].items():
        for one in methods.values():
            assert one["summary"], path
            assert path in (*public, "/api/v1/status") or "403" in one["responses"], path
    schemas = document["components"]["schemas"]
    assert "next_poll_seconds" in schemas["KindStatus"]["properties"]
    assert "401" in document["paths"]["/hooks/{side}"]["post"]["responses"]


@pytest.mark.parametrize("side", list(Side))
async def test_webhook_reaches_its_side_untouched(client: aiohttp.ClientSession, house: House, side: Side) -> None:
    body = b'{"collection": "visits",\n  "id":"\xd1\x8f"}'
    async with client.post(f"/hooks/{side}", data=body, headers={"Webhook-Id": "msg_1"}) as response:
        assert response.status == 204
    ((to, headers, arrived),) = house.hooks
    assert (to, headers["webhook-id"], arrived) == (side, "msg_1", body)


async def test_refused_webhook_is_a_problem(client: aiohttp.ClientSession, house: House) -> None:
    house.hook_answer = 401
    async with client.post("/hooks/emias", data=b"{}") as response:
        assert response.status == 401
        assert (await response.json(content_type=None))["code"] == "MM-WEB-SIGNATURE"


async def test_webhook_of_nobody_finds_nothing(client: aiohttp.ClientSession, house: House) -> None:
    async with client.post("/hooks/mos-ru", data=b"{}") as response:
        assert response.status == 404
    async with client.get("/hooks/emias") as response:
        assert response.status == 405
        assert (await response.json(content_type=None))["code"] == "MM-WEB-METHOD"
    assert house.hooks == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_webhook_over_a_megabyte_is_refused(client: aiohttp.ClientSession, house: House, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(100_000)

    async with client.post("/hooks/emias", data=pieces() if chunked else bytes(1_000_001)) as response:
        assert response.status == 413
        assert (await response.json(content_type=None))["code"] == "MM-WEB-TOO-LARGE"
    async with client.post("/hooks/emias", data=bytes(1_000_000)) as response:
        assert response.status == 204
    assert len(house.hooks) == 1


async def test_problem_speaks_the_asked_language(client: aiohttp.ClientSession) -> None:
    russian = json.loads((await answer(client, "/api/v1/nothing"))[1])
    assert (russian["code"], russian["status"]) == ("MM-WEB-NOT-FOUND", 404)
    assert "Такого адреса" in russian["detail"]
    for path, headers in (("?lang=en", {}), ("", {"Accept-Language": "de, en-GB;q=0.9, ru;q=0.1"})):
        assert "nothing at this address" in (await answer(client, f"/api/v1/nothing{path}", **headers))[1]


async def test_own_error_keeps_its_code(client: aiohttp.ClientSession, house: House) -> None:
    house.fails = Transient("MM-STO-BUSY", "состояние занято", "the state is busy")
    code, text, _ = await answer(client, "/api/v1/status")
    assert (code, json.loads(text)["code"]) == (503, "MM-STO-BUSY")


async def test_unforeseen_error_tells_no_secrets(client: aiohttp.ClientSession, house: House) -> None:
    house.fails = RuntimeError("Иванова Анна 112-233-445 95")
    with capture_logs() as logs:
        code, text, _ = await answer(client, "/api/v1/status")
        page = await answer(client, "/", Accept="text/html")
    assert (code, page[0]) == (500, 500)
    assert "Иванова" not in text + page[1]
    assert "MM-WEB-INTERNAL" in page[1]
    assert [line["event"] for line in logs] == ["request failed", "request failed"]


async def test_page_shows_the_whole_state(client: aiohttp.ClientSession) -> None:
    code, html, headers = await answer(client, "/", **{"Accept-Language": "en-US,en"})
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")
    assert code == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    for shown in (
        "Всё в порядке", "Госуслуги На связи", "ЕМИАС На связи", "Токен 51 мин 40 с", "Сертификат 12 дн",
        "Полисы полный обмен 99,9 % 99,9 % 12 345 0 3 2 4 с 3 мин 32 с", "Записи на приём внедрение, 25 % – – 0",
        "не доставлены 5", "Противоречий решено по правилам 31", "Поддержка: 8-800-000-00-00",
    ):  # fmt: skip
        assert shown in text, shown
    assert html.index('data-system="gosuslugi"') < html.index('data-system="emias"')


async def test_page_is_in_english_on_request(client: aiohttp.ClientSession) -> None:
    _, html, _ = await answer(client, "/?lang=en")
    assert '<html lang="en">' in html
    assert "Policies" in html
    assert "99.9" in html
    assert 'sse-connect="/events"' in html
    without_switch = html.replace("Русский", "").replace("Поддержка: 8-800-000-00-00", "")
    assert not re.search("[а-яё]", without_switch, re.IGNORECASE)


async def test_outage_and_stand_signature_stand_out(client: aiohttp.ClientSession, house: House) -> None:
    house.status_now["healthy"] = False
    house.status_now["systems"]["emias"] |= {"reachable": False, "breaker": "open", "token_seconds": None}
    house.status_now["systems"]["gosuslugi"]["signer"] = "ecdsa"
    house.reasons = ["ЕМИАС: нет связи"]
    html = await live(client)
    assert 'data-health="unhealthy"' in html
    assert re.search(r'class="card system down" data-system="emias"', html)
    assert re.search(r'class="warning" role="alert">Подпись ECDSA', html)
    assert '<dd class="bad">разомкнут</dd>' in html
    assert "<li>ЕМИАС: нет связи</li>" in html


async def test_strain_and_planned_work_are_shown(client: aiohttp.ClientSession, house: House) -> None:
    calm = await live(client)
    assert "Повторов" not in calm
    assert "Плановые работы" not in calm
    house.status_now["systems"]["emias"] |= {"maintenance": True, "retries_per_minute": 7, "retries_held_back": 1200}
    house.status_now["kinds"]["policy"]["stale"] = ["emias"]
    await answer(client, "/?lang=en")  # chosen once, it stays
    html = await live(client)
    assert "<dt>Planned work</dt><dd>under way, nothing is sent</dd>" in html
    assert "<dt>Repeats a minute</dt><dd>7</dd>" in html
    assert '<dt>Repeats held back</dt><dd class="bad">1,200</dd>' in html
    assert 'data-label="Freshness" class="num bad"' in html


async def test_fragment_is_no_whole_page(client: aiohttp.ClientSession) -> None:
    html = await live(client)
    assert "<html" not in html
    assert 'data-kind="policy"' in html


async def test_attention_list_is_masked_and_escaped(client: aiohttp.ClientSession, house: House) -> None:
    house.attention = [
        {"what": "conflict", "kind": "policy", "key": "7700008123456789", "since": "2026-11-23T07:00:00Z"},
        {"what": "refused", "kind": "visit", "system": "emias", "code": "SIM_<b>X</b>", "count": 7},
        {"what": "unheard-of", "key": "№ 15"},
    ]
    _, html, _ = await answer(client, "/")
    assert 'data-health="questions"' in html
    assert "7700008123456789" not in html
    assert "SIM_&lt;b&gt;X" in html
    assert re.search("отказ(<[^>]*>)* × 7", html)
    assert "с 23.11 10:00" in html
    assert "medmost conflicts list" in html
    assert 'data-what="other"' in html


async def test_long_attention_list_is_cut_and_counted(client: aiohttp.ClientSession, house: House) -> None:
    house.attention = [{"what": "invalid", "kind": "slot", "key": f"№ {n}"} for n in range(70)]
    _, html, _ = await answer(client, "/")
    assert html.count('data-what="invalid"') == 50
    assert "и ещё 20" in html


async def test_link_page_without_esia_is_closed(client: aiohttp.ClientSession) -> None:
    async with client.get("/link") as response:
        html = await response.text()
        assert response.status == 404
    assert "MM-LINK-CLOSED" in html
    assert "Поддержка: 8-800-000-00-00" in html


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status", "/nothing", "/static/htmx.min.js"])
async def test_every_answer_forbids_foreign_content(client: aiohttp.ClientSession, path: str) -> None:
    _, text, headers = await answer(client, path, Accept="text/html")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] in ("no-store", "no-cache")
    if headers["content-type"].startswith("text/html"):
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)


async def test_unknown_page_is_explained_to_people(client: aiohttp.ClientSession) -> None:
    code, html, _ = await answer(client, "/nothing", Accept="text/html")
    assert code == 404
    assert "Такого адреса здесь нет" in html


async def test_static_files_stay_in_their_folder(client: aiohttp.ClientSession) -> None:
    assert (await answer(client, "/static/console.css"))[0] == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert (await answer(client, path))[0] == 404


async def test_server_stops_within_a_second(house: House) -> None:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(make_console(house.ports()), "127.0.0.1", 0, stop, bound=port.set_result))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{await port}") as client:
        await answer(client, "/health/live")  # leaves a kept-alive connection behind
        began = time.monotonic()
        stop.set()
        await serving
    assert time.monotonic() - began < 1


async def test_cancelled_server_frees_its_port(house: House) -> None:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(make_console(house.ports()), "127.0.0.1", 0, stop, bound=port.set_result))
    number = await port
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", number))


async def test_taken_port_is_refused_in_words(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Fatal) as caught:
            await serve(make_console(house.ports()), "127.0.0.1", taken.getsockname()[1], asyncio.Event())
    assert caught.value.code == "MM-WEB-PORT"


def test_both_languages_have_the_same_texts() -> None:
    assert set(TEXTS["ru"]) == set(TEXTS["en"])
