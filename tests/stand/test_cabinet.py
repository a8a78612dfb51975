"""The citizen's cabinet: what the portal itself holds, acts by the portal's own rules, nobody named in addresses."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from stand.running import Client, running_stand
from stand.tiny import ANNA, BORIS, DAY, gosuslugi_visit
from stand.visiting import Shown, Visitor, new_session

TIMES = "/cabinet/booking/1.2.643.5.1.13.13.12.2.77.1001/1400001"
PAGES = ["/cabinet", "/cabinet/health", "/cabinet/orders", "/cabinet/booking", TIMES.rpartition("/")[0], TIMES]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running_stand(only="gosuslugi", console_url="http://127.0.0.1:9911") as running:
        yield running["gosuslugi"]


@pytest.fixture
async def visitor(client: Client) -> AsyncIterator[Visitor]:
    async with new_session() as session:
        yield Visitor(client.address, session)


async def booked(client: Client, visitor: Visitor, at: str = "10:00", **fields: str) -> Shown:
    return await visitor.send(await visitor.open(TIMES), TIMES, starts=f"{DAY:%d.%m.%Y} {at}", **fields)


async def mine(client: Client, collection: str = "visits") -> list[dict[str, object]]:
    lines = (await client.call("GET", f"/stand/export/{collection}")).lines
    return [line for line in lines if line.get("Номер полиса") == ANNA]


# ---------------------------------------------------------------- what is shown
async def test_policies_lead_to_the_linking_page(client: Client, visitor: Visitor) -> None:
    shown = await visitor.enter("anna")
    assert (shown.status, shown.path) == (200, "/cabinet")
    assert f"Полис ОМС {ANNA}" in shown.text
    (link,) = [one for one in shown.links if one.startswith("http://127.0.0.1:9911/link?")]
    assert parse_qs(urlsplit(link).query) == {"return": [client.address + "/cabinet"]}


async def test_health_shows_every_personal_record(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    await client.create("visits", gosuslugi_visit(ANNA, "10:00", Специальность="Окулист"))
    text = (await visitor.open("/cabinet/health")).text
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


async def test_cancelled_visit_shows_its_reason(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    changed = {"Статус записи": "Отклонена", "Причина отмены": "Время занято"}
    await client.act("PUT", "visits/g-visits-0", gosuslugi_visit(ANNA, "10:45") | changed)
    text = (await visitor.open("/cabinet/health")).text
    assert "Отклонена" in text
    assert "Время занято" in text


async def test_nobody_sees_another_citizen(visitor: Visitor) -> None:
    await visitor.enter("boris")
    for path in PAGES:
        shown = await visitor.open(path)
        assert shown.status == 200
        assert ANNA not in shown.html
        assert "Общий анализ крови" not in shown.html
    assert BORIS in (await visitor.open("/cabinet")).text


async def test_addresses_name_nobody(visitor: Visitor) -> None:
    await visitor.enter("anna")
    for path in PAGES:
        links = (await visitor.open(path)).links
        assert not [link for link in links if "anna" in link or ANNA in link]
        assert not [link for link in links if link.startswith("http") and "127.0.0.1:9911/link?" not in link]


# ---------------------------------------------------------------- acts
async def test_citizen_books_and_cancels_a_visit(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    shown = await booked(client, visitor, comment="Нужна справка")
    assert (shown.path, "Вы записаны: 10.03.2027 10:00" in shown.text) == ("/cabinet/health", True)
    visit = (await mine(client))[-1]
    assert visit["Статус записи"] == "Записан"
    assert (visit["Кем записан"], visit["Комментарий"], visit["СНИЛС врача"]) == (
        "Пациент",
        "Нужна справка",
        "112-233-445 95",
    )
    assert (await client.effects())[-1]["client"] == "person"
    assert "10:00" not in [words for words in (await visitor.open(TIMES)).text.split() if ":" in words]
    shown = await visitor.send(shown, f"/visits/{visit['id']}/cancel", reason="Изменились планы")
    assert (shown.path, "Запись отменена" in shown.text) == ("/cabinet/health", True)
    visit = (await mine(client))[-1]
    assert (visit["Статус записи"], visit["Причина отмены"]) == ("Отменена", "Изменились планы")


async def test_taken_time_is_refused_in_words(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    page = await visitor.open(TIMES)
    await client.act("POST", "visits", gosuslugi_visit(BORIS, "10:00"))
    shown = await visitor.send(page, TIMES, starts=f"{DAY:%d.%m.%Y} 10:00", comment="Приду с ребёнком")
    assert (shown.status, "Это время уже занято" in shown.text) == (409, True)
    assert "Приду с ребёнком" in shown.html
    assert len(await mine(client)) == 1


async def test_strangers_records_are_out_of_reach(client: Client, visitor: Visitor) -> None:
    await visitor.enter("boris")
    page = await visitor.open("/cabinet")
    mark = page.form("/logout")["mark"]
    before = await client.effects()
    for path in ("visits/g-visits-0/cancel", "policies/g-policies-0/contacts", "orders/2301000001/cancel"):
        shown = await visitor.post(f"/cabinet/{path}", {"mark": mark, "phone": "+7(910)0000000"})
        assert "у вас нет" in shown.text
    assert await client.effects() == before


async def test_contacts_and_orders_go_by_the_rules(client: Client, visitor: Visitor) -> None:
    page = await visitor.enter("anna")
    shown = await visitor.send(page, "/contacts", phone="8 910", email="")
    assert "нужно телефон вида" in shown.text
    shown = await visitor.send(page, "/contacts", phone="+7(999)1112233", email="anna@post.example")
    assert "Контакты сохранены" in shown.text
    policy = (await mine(client, "policies"))[0]
    assert (policy["Телефон"], policy["Примечание портала"]) == ("+7(999)1112233", "своё")
    page = await visitor.open("/cabinet/orders")
    shown = await visitor.send(page, "/cabinet/orders", service="10000000214", comment="Удобно утром")
    assert "Заявление подано" in shown.text
    shown = await visitor.send(shown, "/cancel")
    assert "Заявление отозвано" in shown.text
    assert "Отменено заявителем" in shown.text


async def test_form_of_another_page_is_refused(client: Client, visitor: Visitor) -> None:
    page = await visitor.enter("anna")
    before = await client.effects()
    action = page.action("/contacts")
    fields = {"phone": "+7(999)1112233", "email": ""}
    for mark in ("", "0" * 64):
        assert "Форма устарела" in (await visitor.post(action, fields | {"mark": mark})).text
    fields["mark"] = page.form("/contacts")["mark"]
    shown = await visitor.post(action, fields, Origin="http://evil.example")
    assert "с чужой страницы" in shown.text
    assert await client.effects() == before


# ---------------------------------------------------------------- the door
async def test_login_goes_through_esia_and_leads_back(visitor: Visitor) -> None:
    shown = await visitor.open("/cabinet/orders")
    assert shown.path == "/idp/login"
    wrong = await visitor.send(shown, "/idp/login", login="anna", password="wrong")
    assert (wrong.status, "Неверный логин или пароль" in wrong.text) == (401, True)
    shown = await visitor.send(wrong, "/idp/login", login="anna", password="Demo-1")
    assert (shown.path, "Портал Госуслуг" in shown.text) == ("/idp/consent", True)
    shown = await visitor.send(shown, "/idp/consent", answer="allow")
    assert (shown.status, shown.path, "Мостова" in shown.text) == (200, "/cabinet/orders", True)
    visitor.session.cookie_jar.clear(lambda cookie: cookie.key == "citizen")
    assert (await visitor.open("/cabinet")).path == "/cabinet"  # ЕСИА still knows the person


async def test_refused_consent_is_told_with_its_code(visitor: Visitor) -> None:
    shown = await visitor.send(await visitor.open("/cabinet"), "/idp/login", person="anna")
    shown = await visitor.send(shown, "/idp/consent", answer="refuse")
    assert (shown.path, "ESIA-007004" in shown.text) == ("/cabinet/esia", True)
    assert (await visitor.open("/cabinet")).path == "/idp/consent"


async def test_code_of_another_browser_is_not_taken(client: Client, visitor: Visitor) -> None:
    for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"):
        shown = await visitor.open("/cabinet/esia" + query)
        assert "войдите ещё раз" in shown.text
    assert (await visitor.open("/cabinet")).path == "/idp/login"


async def test_login_leads_back_within_the_portal_only(visitor: Visitor) -> None:
    await visitor.enter("anna")
    for elsewhere in ("http://evil.example/", "//evil.example", "/%5Cevil.example", "javascript:1"):
        assert (await visitor.open(f"/cabinet/login?next={elsewhere}")).path == "/cabinet"


@pytest.mark.parametrize("cookie", ["x", "YW5uYQ~", "YW5uYQ~abc", "~~", "~~~", "Ж~1", "YW5uYQ~9999999999~00~00"])
async def test_made_up_cookie_stays_outside(client: Client, cookie: str) -> None:
    url = client.address + "/cabinet"
    async with client.session.get(url, headers={"Cookie": f"citizen={cookie}"}, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"].startswith("/cabinet/login")) == (303, True)


async def test_leaving_ends_the_session(client: Client, visitor: Visitor) -> None:
    page = await visitor.enter("anna")
    shown = await visitor.send(page, "/logout")
    assert (shown.path, "Вы вышли" in shown.text) == ("/cabinet/bye", True)
    assert (await visitor.open("/cabinet")).path == "/idp/login"


async def test_session_ends_after_a_working_day(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    await client.call("POST", "/stand/clock", {"shift_seconds": 8 * 3600 + 60})
    assert (await visitor.open("/cabinet")).path.startswith("/idp/")


async def test_pages_need_nothing_from_elsewhere(client: Client, visitor: Visitor) -> None:
    await visitor.enter("anna")
    async with visitor.session.get(client.address + "/cabinet") as reply:
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert reply.headers["Cache-Control"] == "no-store"
        assert "<script" not in await reply.text()
    async with visitor.session.get(client.address + "/screens.css") as reply:
        assert (reply.status, reply.content_type) == (200, "text/css")
        assert "url(" not in await reply.text()
