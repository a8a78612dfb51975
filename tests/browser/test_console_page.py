"""The first page as a person sees it: alive, readable on a phone, silent about people."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from console_people import PASSWORD, gate_with_people
from medmost.console.app import make_console
from medmost.console.gate import Gate
from medmost.console.ports import Attention, ConsolePorts
from medmost.console.server import serve
from medmost.domain.record import Side

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("MEDMOST_REQUIRE_SERVICES") != "1",
        reason="needs Chromium: make system installs it",
    ),
]
KINDS = {
    "organization": ("full", 31, 31),
    "schedule": ("full", 82, 82),
    "slot": ("full", 1520, 1518),
    "policy": ("full", 1000, 996),
    "visit": ("roll-out:25", 1204, 1187),
    "result": ("full", 1012, 1012),
    "vaccination": ("shadow", 1190, 1102),
    "request": ("double-entry", 498, 472),
}


def kind_status(stage: str, pairs: int, level: int) -> dict[str, Any]:
    numbers = dict.fromkeys(("invalid", "ambiguous", "quarantined", "refused", "no_consent", "foreign"), 0)
    rest = pairs - level
    numbers |= {"behind": rest // 2, "conflict": min(2, rest), "no_consent": rest // 3}
    return {"stage": stage, "pairs": pairs, "level": level, **numbers, "freshness_seconds": 4, "next_poll_seconds": 212}


class House:
    """A house in the middle of its work."""

    def __init__(self) -> None:
        end = {"reachable": True, "breaker": "closed", "token_seconds": 3100, "calls_per_minute": 40}
        end |= {"certificate_days": None, "last_ok": datetime.now(UTC).isoformat()}
        self.systems = {"gosuslugi": {**end, "certificate_days": 340, "signer": "openssl-gost"}, "emias": end}
        self.kinds = {name: kind_status(*numbers) for name, numbers in KINDS.items()}
        self.calls = 0
        self.attention: list[Attention] = [
            {"what": "conflict", "kind": "policy", "key": "77************89", "since": "2026-11-23T07:00:00Z"},
            {"what": "refused", "kind": "visit", "system": "emias", "code": "SIM_SLOT_TAKEN", "count": 3},
            {"what": "invalid", "kind": "result", "system": "emias", "key": "№ 4711", "code": "unknown_code"},
        ]

    async def status(self) -> dict[str, Any]:
        self.calls += 1
        deliveries = {"due": 12, "in_flight": 4, "waiting": 0, "awaiting_answer": 1, "dead": 0}
        healthy = all(system["reachable"] for system in self.systems.values())
        return {
            "healthy": healthy,
            "systems": self.systems,
            "kinds": self.kinds,
            "deliveries": deliveries,
            "decided_conflicts": 31,
        }

    async def hook(self, side: Side, headers: Mapping[str, str], body: bytes) -> int:
        return 204

    async def operate(self, name: str, args: dict[str, Any]) -> tuple[int, Any]:
        raise AssertionError(f"{name} {args}: nothing here runs operations")


class Screen:
    def __init__(self, house: House, browser: Browser, url: str, stop: asyncio.Event, token: str) -> None:
        self.house, self.browser, self.url, self.stop, self.token = house, browser, url, stop, token
        self.complaints: list[str] = []
        self.foreign: list[str] = []

    async def open(self, path: str = "/", **context: Any) -> Page:
        page = await self.browser.new_page(**context)
        await page.context.add_cookies([{"name": "medmost", "value": self.token, "url": self.url}])
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(self.url) else self.foreign.append(r.url))
        await page.goto(self.url + path)
        return page


@pytest.fixture
async def screen(tmp_path: Path) -> AsyncIterator[Screen]:
    async with gate_with_people(tmp_path) as gate:
        async for one in shown(gate):
            yield one


async def shown(gate: Gate) -> AsyncIterator[Screen]:
    house = House()
    token = await gate.sign_in("viewer", PASSWORD)
    assert token is not None
    ports = ConsolePorts(
        gate=gate,
        operate=house.operate,
        status=house.status,
        hook=house.hook,
        metrics=lambda: b"",
        ready=list,
        attention=lambda: house.attention,
        support="Горячая линия: 8-800-000-00-00, круглосуточно\nПочта: support@example.ru",
    )
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(make_console(ports), "127.0.0.1", 0, stop, bound=port.set_result))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Screen(house, browser, f"http://127.0.0.1:{await port}", stop, token)
        await browser.close()
    stop.set()
    await serving


async def test_page_follows_the_state_by_itself(screen: Screen) -> None:
    page = await screen.open(viewport={"width": 1280, "height": 900})
    await expect(page.locator(".overall .pill")).to_have_text("Обмен идёт, есть вопросы к человеку")
    await picture(page, "console")
    screen.house.systems["emias"] = {**screen.house.systems["emias"], "reachable": False, "breaker": "open"}
    screen.house.systems["gosuslugi"]["signer"] = "ecdsa"
    screen.house.kinds["policy"]["level"] = 1000
    await expect(page.locator("[data-system=emias] h2 .pill")).to_have_text("Нет связи", timeout=8000)
    await expect(page.locator("[data-health=unhealthy]")).to_be_visible()
    await expect(page.locator("[data-kind=policy] .percent")).to_contain_text("100")
    await expect(page.locator("[data-system=gosuslugi] .warning")).to_contain_text("ECDSA")
    await picture(page, "console-outage")
    assert screen.complaints == []
    assert screen.foreign == []


async def test_page_says_when_it_is_stale(screen: Screen) -> None:
    page = await screen.open()
    await expect(page.locator("#stale")).to_be_hidden()
    screen.stop.set()
    await expect(page.locator("#stale")).to_be_visible(timeout=15000)


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_page_fits_every_screen(screen: Screen, width: int) -> None:
    page = await screen.open(viewport={"width": width, "height": 800})
    await expect(page.locator("[data-kind]")).to_have_count(8)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await picture(page, f"console-{width}")


async def test_page_is_readable_in_the_dark(screen: Screen) -> None:
    page = await screen.open(color_scheme="dark", viewport={"width": 1280, "height": 900})
    colours = await page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert colours == ["rgb(16, 21, 29)", "rgb(229, 234, 241)"]
    await picture(page, "console-dark")


async def test_language_is_switched_by_a_link(screen: Screen) -> None:
    page = await screen.open()
    await page.get_by_role("link", name="English").click()
    await expect(page.locator(".overall .pill")).to_have_text("Running, a person is needed")
    seen = screen.house.calls
    await expect(page.locator("[data-kind=visit] th")).to_have_text("Visits")
    screen.house.kinds["visit"]["pairs"] = 7777
    await expect(page.locator("[data-kind=visit]")).to_contain_text("7,777", timeout=20_000)
    await expect(page.locator("[data-kind=visit] th")).to_have_text("Visits")
    assert screen.house.calls > seen


async def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like where MEDMOST_PICTURES names a folder (the README's picture is made so)."""
    folder = os.environ.get("MEDMOST_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
