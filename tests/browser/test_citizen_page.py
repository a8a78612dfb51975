"""A citizen in a real browser: from the cabinet at Gosuslugi to the linked policy, the analyses, and back out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from browser.watched import MARKS, Watched, chromium, fits, picture
from flows.acting import analysis, at_other, settled, webhooks_arrive
from flows.running import Body, Running, Systems, medmost, stand, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), *MARKS]
PHONE = {"viewport": {"width": 360, "height": 740}}
WITHIN = 60.0  # seconds on a busy machine
PATIENCE = WITHIN * 1000


@dataclass
class Town:
    systems: Systems
    running: Running
    watched: Watched

    async def analysis(self, number: str) -> str:
        """A new analysis at EMIAS; its document id."""
        oid = (await at_other(self.systems, "emias", "schedules") or {})["lpuOid"]
        return str((await self.systems.act("emias", "POST", "results", analysis(number, oid)))["documentId"])

    async def at_gosuslugi(self, document: str) -> Body | None:
        return await at_other(self.systems, "gosuslugi", "results", **{"Номер документа": document})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with (
        stand(tmp_path_factory.mktemp("town"), people=30, seed=12) as systems,
        medmost(systems, poll=(3600, 3600)) as running,
        chromium() as watched,
    ):
        await settled(running)
        await webhooks_arrive(systems)
        yield Town(systems, running, watched)


async def through_esia(page: Page, citizen: Body) -> None:
    await expect(page.get_by_role("heading", name="Вход на Госуслуги")).to_be_visible(timeout=PATIENCE)
    await page.get_by_label("логин", exact=False).first.fill(str(citizen["login"]))
    await page.get_by_label("Пароль").fill(str(citizen["password"]))
    await page.get_by_role("button", name="Войти", exact=True).click()
    await page.get_by_role("button", name="Предоставить").click()


async def test_citizen_links_from_the_cabinet_and_withdraws(town: Town) -> None:
    systems = town.systems
    known = {one.get("policyNumber") for one in (await systems.export("emias", "policies")).values()}
    people = [one for one in await systems.people() if one["trusted"] and not one["planted"]]
    citizen = next(one for one in people if one["policy_number"] in known)
    number = str(citizen["policy_number"])
    page = await town.watched.page(**PHONE)
    await page.goto(systems.urls["gosuslugi"] + "/cabinet")
    await through_esia(page, citizen)
    await page.get_by_role("link", name="Подключить ЕМИАС").click()
    await expect(page.get_by_role("heading", name="Подключение ЕМИАС")).to_be_visible()
    assert await fits(page)
    await picture(page, "link")
    await page.get_by_role("link", name="Войти через Госуслуги").click()
    await page.get_by_role("button", name="Предоставить").click()  # the person is known already, the system is not
    await expect(page.get_by_role("heading", name="Мои полисы")).to_be_visible()
    await page.get_by_role("link", name="Подключить", exact=True).first.click()
    await expect(page.get_by_role("heading", name="Согласие", exact=True)).to_be_visible()
    assert await fits(page)
    await page.get_by_label("Я прочитал(а) согласие и даю его", exact=False).check()
    await page.get_by_role("button", name="Согласиться и подключить").click()
    await expect(page.get_by_role("status")).to_contain_text("полис подключён", timeout=PATIENCE)
    assert await fits(page)
    await picture(page, "link-linked")
    document = await town.analysis(number)
    await until(lambda: town.at_gosuslugi(document), "the analysis at Gosuslugi", WITHIN)
    await page.get_by_role("link", name="Что передано").click()
    await expect(page.locator("[data-record=both]").first).to_be_visible()
    assert await fits(page)
    await page.get_by_role("link", name="Вернуться на Госуслуги").click()
    await page.get_by_role("link", name="Моё здоровье").first.click()
    await expect(page.get_by_role("heading", name="Моё здоровье")).to_be_visible()
    shown = await town.at_gosuslugi(document)
    assert shown is not None
    await expect(page.get_by_role("heading", name=shown["Наименование"]).first).to_be_visible()
    await page.goto(systems.console + "/link")
    await page.get_by_text("Отключить", exact=True).click()
    await page.get_by_role("button", name="Отозвать согласие").click()
    await expect(page.get_by_role("status")).to_contain_text("согласие отозвано", timeout=PATIENCE)
    later = await town.analysis(number)
    await webhooks_arrive(systems)
    await town.running.quiet(WITHIN)
    assert await town.at_gosuslugi(later) is None
    assert number not in page.url
    assert town.watched.complaints == []


async def test_untrusted_account_is_told_what_to_do(town: Town) -> None:
    citizen = next(one for one in await town.systems.people() if not one["trusted"])
    page = await town.watched.page(**PHONE)
    await page.goto(town.systems.console + "/link?lang=ru")
    await page.get_by_role("link", name="Войти через Госуслуги").click()
    await through_esia(page, citizen)
    await expect(page.get_by_role("alert")).to_contain_text("не подтверждена", timeout=PATIENCE)
    assert [one for one in town.watched.complaints if not one.startswith(("403 ", "Failed to load resource"))] == []
    town.watched.complaints.clear()
