"""People at the stand's screens: a citizen and a clerk act, medmost carries it; a newcomer registers by the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from browser.watched import MARKS, Watched, chromium, fits, picture
from flows.acting import at_other, settled, webhooks_arrive
from flows.newcomer import ORGANIZATION, empty_stand, representative
from flows.running import Body, Systems, command, link_everyone, medmost, stand, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), *MARKS]
PHONE = {"viewport": {"width": 360, "height": 740}}
WITHIN = 20.0  # seconds on a busy machine; the promise is 2


@dataclass
class Town:
    systems: Systems
    watched: Watched
    linked: list[Body]

    @property
    def portal(self) -> str:
        return self.systems.urls["gosuslugi"]

    @property
    def emias(self) -> str:
        return self.systems.urls["emias"]

    async def carried(self, system: str, collection: str, **equal: Any) -> Body:
        """A record with these fields at the other system, as medmost brought it there."""
        return await until(
            lambda: at_other(self.systems, system, collection, **equal), f"{collection} at {system}", WITHIN
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with stand(tmp_path_factory.mktemp("town"), people=40, seed=11) as systems:
        linked = [one for one in await link_everyone(systems) if not one["planted"]]
        async with medmost(systems, poll=(3600, 3600)) as running, chromium() as watched:
            await settled(running)
            await webhooks_arrive(systems)
            yield Town(systems, watched, linked)


async def enter_esia(page: Page, where: str, citizen: Body) -> None:
    """Through ЕСИА's login and consent with login and password, as a person types them."""
    await page.goto(where)
    await expect(page.get_by_role("heading", name="Вход на Госуслуги")).to_be_visible()
    await page.get_by_label("логин", exact=False).first.fill(str(citizen["login"]))
    await page.get_by_label("Пароль").fill(str(citizen["password"]))
    await page.get_by_role("button", name="Войти", exact=True).click()
    await page.get_by_role("button", name="Предоставить").click()


async def enter_staff(page: Page, where: str, login: str) -> None:
    await page.goto(where)
    await page.get_by_label("Логин").fill(login)
    await page.get_by_label("Пароль").fill("Demo-1")
    await page.get_by_role("button", name="Войти").click()


async def test_citizen_books_and_cancels_and_medmost_carries_it(town: Town) -> None:
    citizen = town.linked[0]
    page = await town.watched.page(**PHONE)
    await enter_esia(page, f"{town.portal}/cabinet/health", citizen)
    await expect(page.get_by_role("heading", name="Моё здоровье")).to_be_visible()
    assert await fits(page)
    await page.get_by_role("link", name="Записаться к врачу").click()
    await page.locator("ul.list a").first.click()
    await page.locator("ul.list a").first.click()
    await page.get_by_label("Сообщение врачу").fill("Прошу позвонить накануне")
    assert await fits(page)
    await picture(page, "stand-booking")
    await page.locator("ul.choice button").last.click()
    await expect(page.get_by_role("status")).to_contain_text("Вы записаны")
    await picture(page, "stand-health")
    mine = {"Номер полиса": citizen["policy_number"], "Комментарий": "Прошу позвонить накануне"}
    visit = await town.carried("gosuslugi", "visits", **mine)
    there = await town.carried(
        "emias", "visits", policyNumber=citizen["policy_number"], comment="Прошу позвонить накануне", status="BOOKED"
    )
    assert there["scheduleId"] == visit["Расписание"]
    card = page.locator(f"[data-visit='{visit['id']}']")
    await card.get_by_text("Отменить запись").click()
    await card.get_by_label("Причина").select_option("Изменились планы")
    await card.get_by_role("button", name="Отменить приём").click()
    await expect(page.get_by_role("status")).to_contain_text("Запись отменена")
    gone = await town.carried("emias", "visits", id=there["id"], status="CANCELLED")
    assert gone["cancelReason"] == "Изменились планы"
    assert town.watched.complaints == []


async def test_clerk_enters_a_result_and_the_citizen_reads_it(town: Town) -> None:
    citizen = town.linked[1]
    clerk = await town.watched.page(viewport={"width": 1100, "height": 800})
    await enter_staff(clerk, f"{town.emias}/registry", "registrar")
    await clerk.get_by_label("Номер полиса или начало фамилии").fill(str(citizen["policy_number"]))
    await clerk.get_by_role("button", name="Найти").click()
    await clerk.locator("ul.list a").first.click()
    await picture(clerk, "stand-registry")
    await clerk.get_by_role("link", name="Внести анализ").click()
    await clerk.get_by_label("Анализ или исследование").select_option(index=0)
    await clerk.get_by_role("button", name="Дальше").click()
    values = clerk.locator("input[inputmode=decimal]")
    await values.nth(0).fill("999,5")
    await values.nth(1).fill("1")
    await clerk.get_by_label("Заключение").fill("Внесено с экрана регистратуры")
    await picture(clerk, "stand-result")
    await clerk.get_by_role("button", name="Внести").click()
    await expect(clerk.get_by_role("status")).to_contain_text("Внесено:")
    entered = await town.carried("emias", "results", conclusion="Внесено с экрана регистратуры")
    shown = await town.carried("gosuslugi", "results", **{"Номер документа": entered["documentId"]})
    assert shown["Показатели"][0]["Значение"] == "999,5"
    assert shown["Показатели"][0]["Отклонение"] == "Выше"
    page = await town.watched.page(**PHONE)
    await enter_esia(page, f"{town.portal}/cabinet/health", citizen)
    card = page.locator("article", has_text="Внесено с экрана регистратуры")
    await expect(card.get_by_text("999,5")).to_be_visible()
    await expect(card.get_by_text("Выше")).to_be_visible()
    await expect(card.get_by_role("heading", name=entered["title"])).to_be_visible()
    assert town.watched.complaints == []


async def test_clerk_moves_a_visit_and_gives_a_vaccination(town: Town) -> None:
    citizen = town.linked[2]
    number = citizen["policy_number"]
    clerk = await town.watched.page(**PHONE)
    await enter_staff(clerk, f"{town.emias}/registry", "registrar")
    await clerk.get_by_label("Номер полиса или начало фамилии").fill(str(number))
    await clerk.get_by_role("button", name="Найти").click()
    await clerk.locator("ul.list a").first.click()
    patient = clerk.url
    assert str(number) not in patient
    await clerk.get_by_role("link", name="Записать на приём").click()
    assert await fits(clerk)
    await clerk.locator("ul.list a").first.click()
    await clerk.locator("ul.choice button").first.click()
    await expect(clerk.get_by_role("status")).to_contain_text("Записан на")
    booked = await town.carried("emias", "visits", policyNumber=number, source="REGISTRY", status="BOOKED")
    await town.carried(
        "gosuslugi", "visits", **{"Номер полиса": number, "Статус записи": "Записан", "Кем записан": "Регистратура"}
    )
    card = clerk.locator(f"[data-visit='{booked['id']}']")
    await card.get_by_text("Перенести или отменить").click()
    await card.get_by_role("link", name="Перенести на другое время").click()
    await clerk.locator("ul.choice button").nth(1).click()
    await expect(clerk.get_by_role("status")).to_contain_text("Перенесено на")
    moved = await town.carried("emias", "visits", movedFrom=booked["id"])
    starts = moved["startTime"]
    when = f"{starts[8:10]}.{starts[5:7]}.{starts[:4]} {starts[11:16]}"
    await town.carried(
        "gosuslugi", "visits", **{"Номер полиса": number, "Начало приёма": when, "Статус записи": "Записан"}
    )
    await clerk.goto(f"{patient}/vaccinations/new")
    await clerk.get_by_label("Инфекция").fill("Столбняк")
    await clerk.get_by_label("Вакцина").fill("АДС-М")
    await clerk.get_by_role("button", name="Внести").click()
    await expect(clerk.get_by_role("status")).to_contain_text("Внесена прививка")
    await town.carried(
        "gosuslugi", "vaccinations", **{"Номер полиса": number, "Инфекция": "Столбняк", "Вакцина": "АДС-М"}
    )
    assert await fits(clerk)
    assert town.watched.complaints == []


async def test_screens_are_worked_by_keyboard(town: Town) -> None:
    page = await town.watched.page(**PHONE)
    await enter_esia(page, f"{town.portal}/cabinet", town.linked[3])
    await expect(page.get_by_role("heading", name="Мои полисы")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="К содержанию")).to_be_focused()
    await page.get_by_role("link", name="Моё здоровье").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Моё здоровье")).to_be_visible()
    unlabelled = (
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(f => !f.labels.length)"
    )
    for path in ("/cabinet", "/cabinet/health", "/cabinet/orders", "/cabinet/booking"):
        await page.goto(town.portal + path)
        assert await page.evaluate(f"{unlabelled}.length") == 0
        assert await fits(page)


@pytest.mark.full
async def test_newcomer_registers_by_the_pages(tmp_path: Path) -> None:
    async with empty_stand(tmp_path, people=20) as systems, chromium() as watched:
        port = systems.console.rpartition(":")[2]
        first = {f"organization.{name}": value for name, value in ORGANIZATION.items()}
        first |= {"gosuslugi.base_url": systems.urls["gosuslugi"], "emias.base_url": systems.urls["emias"]}
        await access(systems, **first, **{"gosuslugi.client": "OUR_MIS", "console.port": port})
        page = await watched.page(viewport={"width": 1000, "height": 900})
        certificate, api_key = await register_at_gosuslugi(page, systems)
        client_secret, emias_key = await register_at_emias(page, systems)
        (tmp_path / "cert.pem").write_text(certificate)
        (tmp_path / "secret").write_text(client_secret)
        told = await access(
            systems,
            **{
                "gosuslugi.certificate": f"file:{tmp_path}/cert.pem",
                "gosuslugi.api_key": api_key,
                "emias.client_id": "our-mis",
                "emias.client_secret": f"file:{tmp_path}/secret",
                "emias.api_key": emias_key,
            },
        )
        assert told["ready"]
        checked = await command(systems, "check")
        assert checked.code == 0, str(checked)
        assert watched.complaints == []


async def access(systems: Systems, **answers: str) -> Body:
    given = [word for key, value in answers.items() for word in ("--set", f"{key}={value}")]
    ran = await command(systems, "access", "--json", *given)
    assert ran.code in (0, 1), str(ran)
    return dict(ran.json())


async def register_at_gosuslugi(page: Page, systems: Systems) -> tuple[str, str]:
    """Certificate and API key, from the developer's cabinet."""
    await enter_esia(page, f"{systems.urls['gosuslugi']}/developer", await representative(systems))
    await page.get_by_label("Название").first.fill(ORGANIZATION["name"])
    await page.get_by_label("ОГРН").fill(ORGANIZATION["ogrn"])
    await page.get_by_label("ИНН").fill(ORGANIZATION["inn"])
    await page.get_by_role("button", name="Сохранить организацию").click()
    request = (systems.folder / "access" / "gosuslugi.request.pem").read_text()
    await page.get_by_label("Запрос на сертификат").fill(request)
    await page.get_by_role("button", name="Выпустить").click()
    certificate = await page.locator("[data-certificate]").inner_text()
    await page.get_by_label("Мнемоника").fill("OUR_MIS")
    await page.get_by_role("button", name="Зарегистрировать систему").click()
    await page.get_by_label("Сертификат подписи").fill(certificate)
    await page.get_by_role("button", name="Сохранить сертификат").click()
    await page.get_by_role("button", name="Новый ключ API").click()
    await picture(page, "stand-developer")
    return certificate, await page.locator("[data-api-key]").inner_text()


async def register_at_emias(page: Page, systems: Systems) -> tuple[str, str]:
    """Secret and API key, from the page of integration points."""
    await enter_staff(page, f"{systems.urls['emias']}/integration", "integrator")
    await page.get_by_label("client_id").fill("our-mis")
    await page.get_by_label("Организация").fill(ORGANIZATION["name"])
    await page.get_by_label("ОГРН").fill(ORGANIZATION["ogrn"])
    await page.get_by_label("ИНН").fill(ORGANIZATION["inn"])
    await page.get_by_role("button", name="Зарегистрировать").click()
    secret = await page.locator("[data-client-secret]").inner_text()
    return secret, await page.locator("[data-api-key]").inner_text()
