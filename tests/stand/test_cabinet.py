"""The citizen's cabinet shows what the portal itself holds, and names nobody in its addresses."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, BORIS, gosuslugi_visit


class Reader(HTMLParser):
    """Text and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "action", "src")]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi", console_url="http://127.0.0.1:9911") as running:
        yield running["gosuslugi"]


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def enter(client: Client, browser: aiohttp.ClientSession, login: str) -> int:
    async with browser.post(client.address + "/cabinet/login", data={"login": login}, allow_redirects=False) as reply:
        return reply.status


async def page(client: Client, browser: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with browser.get(client.address + path) as reply:
        return reply.status, await reply.text()


async def test_policies_lead_to_the_linking_page(client: Client, browser: aiohttp.ClientSession) -> None:
    assert await enter(client, browser, "anna") == 303
    status, text = await page(client, browser, "/cabinet")
    read = Reader(text)
    assert status == 200
    assert f"Полис ОМС {ANNA}" in read.text
    assert "Подключить ЕМИАС" in read.text
    (link,) = [one for one in read.links if one.startswith("http://127.0.0.1:9911/link?")]
    assert parse_qs(urlsplit(link).query) == {"return": [client.address + "/cabinet"]}


async def test_health_shows_every_personal_record(client: Client, browser: aiohttp.ClientSession) -> None:
    await enter(client, browser, "anna")
    await client.create("visits", gosuslugi_visit(ANNA, "10:00", Специальность="Окулист"))
    text = " ".join(Reader((await page(client, browser, "/cabinet/health"))[1]).text)
    for shown in (
        "10.03.2027 10:00 · Окулист",
        "Городская поликлиника № 1",
        "Лекарева Вера Павловна",
        "Общий анализ крови",
        "131,5 г/л",
        "Грипп",
        "Прикрепление к поликлинике",
        "Зарегистрировано на портале",
    ):
        assert shown in text


async def test_cancelled_visit_shows_its_reason(client: Client, browser: aiohttp.ClientSession) -> None:
    await enter(client, browser, "anna")
    changed = {"Статус записи": "Отклонена", "Причина отмены": "Время занято"}
    await client.act("PUT", "visits/g-visits-0", gosuslugi_visit(ANNA, "10:45") | changed)
    text = " ".join(Reader((await page(client, browser, "/cabinet/health"))[1]).text)
    assert "Отклонена" in text
    assert "Время занято" in text


async def test_nobody_sees_another_citizen(client: Client, browser: aiohttp.ClientSession) -> None:
    await enter(client, browser, "boris")
    for path in ("/cabinet", "/cabinet/health"):
        _, text = await page(client, browser, path)
        assert ANNA not in text
        assert "Общий анализ крови" not in text
    assert BORIS in (await page(client, browser, "/cabinet"))[1]


async def test_addresses_name_nobody(client: Client, browser: aiohttp.ClientSession) -> None:
    await enter(client, browser, "anna")
    for path in ("/cabinet", "/cabinet/health"):
        links = Reader((await page(client, browser, path))[1]).links
        assert not [link for link in links if "anna" in link or ANNA in link]


async def test_unknown_login_stays_outside(client: Client, browser: aiohttp.ClientSession) -> None:
    for login in ("nobody", "", "anna' --"):
        assert await enter(client, browser, login) == 401
    assert (await page(client, browser, "/cabinet"))[0] == 401


@pytest.mark.parametrize("cookie", ["x", "YW5uYQ~", "YW5uYQ~abc", "~~", "Ж~1"])
async def test_made_up_cookie_stays_outside(client: Client, cookie: str) -> None:
    url = client.address + "/cabinet"
    async with client.session.get(url, headers={"Cookie": f"citizen={cookie}"}) as reply:
        assert reply.status == 401


async def test_leaving_ends_the_session(client: Client, browser: aiohttp.ClientSession) -> None:
    await enter(client, browser, "anna")
    async with browser.post(client.address + "/cabinet/logout") as reply:
        assert reply.url.path == "/cabinet/login"
    assert (await page(client, browser, "/cabinet"))[0] == 401


async def test_style_sheet_is_served(client: Client, browser: aiohttp.ClientSession) -> None:
    async with browser.get(client.address + "/cabinet/style.css") as reply:
        assert (reply.status, reply.content_type) == (200, "text/css")
