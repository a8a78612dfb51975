"""The citizen's page on a real stand: who is let in, what is linked, what flows and stops, and what nobody learns."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
import pytest_asyncio

from flows.acting import analysis, at_other, settled, webhooks_arrive
from flows.running import Body, Running, Systems, ask, medmost, stand, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PATIENCE = 60.0


@dataclass
class Answer:
    status: int
    url: str
    text: str
    headers: Any

    def marks(self, name: str) -> list[str]:
        return re.findall(rf'name="{name}" value="([^"]*)"', self.text)


@dataclass
class Browser:
    """A person at the page, without scripts: links are followed, forms are sent."""

    systems: Systems
    session: aiohttp.ClientSession
    seen: list[str] = field(default_factory=list)

    async def get(self, path: str, **query: str) -> Answer:
        return await self._asked("GET", path, params=query)

    async def post(self, path: str, **form: str) -> Answer:
        return await self._asked("POST", path, data=form)

    async def _asked(self, method: str, path: str, **more: Any) -> Answer:
        url = path if path.startswith("http") else self.systems.console + path
        while True:
            async with self.session.request(method, url, allow_redirects=False, **more) as answer:
                self.seen.append(f"{method} {answer.url}")
                got = Answer(answer.status, str(answer.url), await answer.text(), answer.headers)
            if got.status not in (302, 303):
                return got
            target = got.headers["Location"]
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
            method, url, more = "GET", target if target.startswith("http") else origin + target, {}

    async def enters(self, citizen: Body, back: str = "") -> Answer:
        """Through ЕСИА's own pages as that citizen, all asked for allowed."""
        await self.systems.call("gosuslugi", "PUT", "/stand/esia", {"auto_login": citizen["login"]})
        try:
            return await self.get("/link/login" + (f"?return={quote(back, safe='')}" if back else ""))
        finally:
            await self.systems.call("gosuslugi", "PUT", "/stand/esia", {"auto_login": None})

    async def agrees(self, at: int = 0, **changed: str) -> Answer:
        shown = await self.get("/link/consent", at=str(at))
        form = {name: shown.marks(name)[-1] for name in ("mark", "at", "read", "sha256")}
        return await self.post("/link/consent", **(form | {"agreed": "yes"} | changed))

    async def withdraws(self, at: int = 0) -> Answer:
        (mark, *_) = (await self.get("/link")).marks("mark")
        return await self.post("/link/withdraw", mark=mark, at=str(at))


@dataclass
class Place:
    systems: Systems
    running: Running
    free: list[Body]  # trusted, nothing planted, linked by nobody

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield Browser(self.systems, session)

    def citizen(self) -> Body:
        return self.free.pop()

    async def gets_analysis(self, number: str, arrives: bool = True) -> bool:
        """A new analysis at EMIAS; whether it comes to Gosuslugi (True as soon as it does)."""
        oid = (await at_other(self.systems, "emias", "schedules") or {})["lpuOid"]
        entered = await self.systems.act("emias", "POST", "results", analysis(number, oid))
        return await self.comes(entered["documentId"]) if arrives else bool(entered)

    async def comes(self, document: str) -> bool:
        async def there() -> Body | None:
            return await at_other(self.systems, "gosuslugi", "results", **{"Номер документа": document})

        return bool(await until(there, "the analysis at Gosuslugi", PATIENCE))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with (
        stand(tmp_path_factory.mktemp("citizen"), people=40, seed=6) as systems,
        medmost(systems, poll=(3600, 3600)) as running,
    ):
        await settled(running)
        await webhooks_arrive(systems)
        people = await systems.people()
        known = {
            one["policyNumber"] for one in (await systems.export("emias", "policies")).values() if "policyNumber" in one
        }
        free = [one for one in people if one["trusted"] and not one["planted"] and one["policy_number"] in known]
        yield Place(systems, running, free)


async def linked(place: Place) -> list[Body]:
    return [one for one in await ask(place.systems, "link.list", values=True) if one["state"] == "active"]


async def test_parent_links_the_childs_policy(place: Place) -> None:
    """Seed 6 has a parent among its people, whatever the day."""
    async with place.browser() as browser:
        for parent in place.free:
            shown = await browser.enters(parent)
            if "ребёнок" in shown.text:
                break
        else:
            pytest.fail("nobody of this town has a child: choose another seed")
        place.free.remove(parent)
        states = re.findall(r'data-state="(\w+)"', shown.text)
        at = states.index("free", 1)
        done = await browser.agrees(at)
        assert re.findall(r'data-state="(\w+)"', done.text)[at] == "linked"
        assert re.findall(r'data-state="(\w+)"', done.text)[0] == states[0]
        copy = await browser.get("/link/export")
        assert f'"representative":"{parent["oid"]}"' in copy.text


async def test_citizen_links_and_everything_flows(place: Place) -> None:
    citizen, number = place.citizen(), ""
    number = citizen["policy_number"]
    async with place.browser() as browser:
        start = await browser.get("/link")
        assert "Войти через Госуслуги" in start.text
        shown = await browser.enters(citizen, place.systems.urls["gosuslugi"] + "/cabinet")
        assert shown.url == place.systems.console + "/link"
        assert 'data-state="free"' in shown.text
        assert number not in shown.text
        assert f'href="{place.systems.urls["gosuslugi"]}/cabinet"' in shown.text
        done = await browser.agrees()
        assert (done.status, done.url) == (200, place.systems.console + "/link?done=linked")
        assert 'data-state="linked"' in done.text
        assert await place.gets_analysis(number)
        (link,) = [one for one in await linked(place) if one["policy_number"] == number]
        assert link["oid"] == str(citizen["oid"])
        told = await browser.get("/link/policy", at="0")
        assert 'data-record="both"' in told.text
        paper = await browser.get("/link/paper", at="0")
        assert number in paper.text
        assert "Согласие на передачу сведений" in paper.text
        copy = await browser.get("/link/export")
        assert copy.headers["Content-Disposition"].startswith("attachment")
        assert number in copy.text
        assert '"kind":"result"' in copy.text
        assert not [one for one in browser.seen if number in one]


async def test_withdrawal_stops_the_next_change(place: Place) -> None:
    citizen = place.citizen()
    number = citizen["policy_number"]
    async with place.browser() as browser:
        await browser.enters(citizen)
        await browser.agrees()
        assert await place.gets_analysis(number)
        await place.running.quiet()
        before = await place.systems.last_effect("gosuslugi")
        done = await browser.withdraws()
        assert 'data-state="free"' in done.text
        await place.gets_analysis(number, arrives=False)
        await webhooks_arrive(place.systems)
        await place.running.quiet()
        written = await place.systems.effects("gosuslugi", before, "medmost")
        assert [one for one in written if one["collection"] == "results"] == []
        again = await browser.agrees()
        assert 'data-state="linked"' in again.text


async def test_untrusted_account_is_refused(place: Place) -> None:
    citizen = next(one for one in await place.systems.people() if not one["trusted"])
    async with place.browser() as browser:
        told = await browser.enters(citizen)
        assert told.status == 403
        assert "MM-LINK-UNTRUSTED" in told.text
        assert "не подтверждена" in told.text
        assert (await browser.get("/link/consent", at="0")).status == 400
    assert str(citizen["oid"]) not in [one["oid"] for one in await linked(place)]


async def test_foreign_policy_is_refused_without_details(place: Place) -> None:
    """The account shows the number of a policy that EMIAS knows as somebody else's."""
    citizen = place.citizen()
    number = citizen["policy_number"]
    (policy,) = [
        one for one in (await place.systems.export("emias", "policies")).values() if one.get("policyNumber") == number
    ]
    other = {"lastName": "Чужой", "firstName": "Некто", "birthDate": "1950-05-05", "snils": None}
    await place.systems.change("emias", "policies", policy["id"], **other)
    async with place.browser() as browser:
        await browser.enters(citizen)
        told = await browser.agrees()
        assert told.status == 403
        assert "MM-LINK-NOT-CONFIRMED" in told.text
        assert not re.search("дат[аы] рождения|СНИЛС|фамили|1950", told.text)
        for _ in range(4):
            await browser.agrees()
        assert (await browser.agrees()).status == 429
    assert number not in [one["policy_number"] for one in await linked(place)]
    assert number not in place.running.logged()


async def test_forged_forms_and_strangers_get_nothing(place: Place) -> None:
    citizen = place.citizen()
    async with place.browser() as browser, place.browser() as stranger:
        await browser.enters(citizen)
        assert (await browser.agrees(mark="x")).status == 400
        assert (await browser.agrees(sha256="0" * 64)).status == 403
        assert (await browser.agrees(agreed="no")).status == 403
        assert (await browser.post("/link/withdraw", at="0")).status == 400
        assert (await browser.get("/link/consent", at="99")).status == 400
        for path in ("/link/export", "/link/policy?at=0", "/link/paper?at=0"):
            assert (await stranger.get(path)).status == 400
        (asked,) = [one for one in browser.seen if one.startswith(f"GET {place.systems.console}/link/esia")]
        assert (await stranger.get(asked.removeprefix("GET "))).status == 400
        assert (await browser.get(asked.removeprefix("GET "))).status == 400
    assert str(citizen["oid"]) not in [one["oid"] for one in await linked(place)]


@pytest.mark.parametrize(
    "wish",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http://127.0.0.1:1@evil.example/", "http://["],
)
async def test_return_leads_only_to_gosuslugi(place: Place, wish: str) -> None:
    async with place.browser() as browser:
        assert "evil" not in (await browser.get("/link", **{"return": wish})).text
        shown = await browser.enters(place.free[0], wish)
        assert "evil" not in shown.text
        assert "Вернуться на Госуслуги" not in shown.text


async def test_new_account_takes_the_policy_over(place: Place) -> None:
    citizen = place.citizen()
    row = {"oid": "1999999999", "policy_number": citizen["policy_number"], "consent": {"text": "на бумаге"}}
    await ask(place.systems, "link.import", rows=[row])
    async with place.browser() as browser:
        assert 'data-state="free"' in (await browser.enters(citizen)).text
        assert 'data-state="linked"' in (await browser.agrees()).text
    found = [one["oid"] for one in await linked(place) if one["policy_number"] == citizen["policy_number"]]
    assert found == [str(citizen["oid"])]


async def test_silent_emias_links_nothing_and_says_so(place: Place) -> None:
    citizen = place.citizen()
    async with place.browser() as browser:
        await browser.enters(citizen)
        await place.systems.faults("emias", {"effect": "status", "code": 503, "path": "/api/v1/*"})
        told = await browser.agrees()
        await place.systems.faults("emias")
        assert told.status == 503
        assert "Ничего не подключено" in told.text

        async def back() -> bool:
            return 'data-state="linked"' in (await browser.agrees()).text

        await until(back, "a link once EMIAS is back", PATIENCE)


async def test_paper_with_another_birth_date_is_refused(place: Place) -> None:
    citizen = place.citizen()
    number = citizen["policy_number"]
    (policy,) = [
        one for one in (await place.systems.export("emias", "policies")).values() if one.get("policyNumber") == number
    ]
    row = {"oid": citizen["oid"], "policy_number": number, "consent": {}}
    for born, code in (("01.01.1901", "MM-LINK-PERSON"), ("вчера", "MM-LINK-BORN")):
        with pytest.raises(AssertionError, match=code):
            await ask(place.systems, "link.import", rows=[row | {"birth_date": born}])
    year, month, day = policy["birthDate"].split("-")
    told = await ask(place.systems, "link.import", rows=[row | {"birth_date": f"{day}.{month}.{year}"}])
    assert len(told["linked"]) == 1
