"""Chromium that watches itself: what it complains of, what failed, and what would have left the machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("MEDMOST_REQUIRE_SERVICES") != "1",
        reason="needs Chromium: make system installs it",
    ),
]


@dataclass
class Watched:
    """A browser and what went wrong in it."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(self, **context: Any) -> Page:
        """A window with cookies of its own."""
        opened = await (await self.browser.new_context(**context)).new_page()
        opened.set_default_timeout(20_000)
        opened.on("console", lambda said: self._note(said.text) if said.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: self._note(str(error)))
        opened.on("requestfailed", lambda request: self._note(f"failed: {request.method} {request.url}"))
        opened.on(
            "response", lambda answer: self._note(f"{answer.status} {answer.url}") if answer.status > 399 else None
        )
        opened.on("request", lambda request: self._foreign(request.url))
        return opened

    def _note(self, text: str) -> None:
        self.complaints.append(text)

    def _foreign(self, url: str) -> None:
        if urlsplit(url).hostname not in ("127.0.0.1", None):
            self._note(f"left the machine: {url}")


@asynccontextmanager
async def chromium() -> AsyncIterator[Watched]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Watched(browser)
        await browser.close()


async def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like where MEDMOST_PICTURES names a folder (the documentation's are made so)."""
    folder = os.environ.get("MEDMOST_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png")
