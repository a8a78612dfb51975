"""What ЕСИА tells of the people of a whole synthetic world: their children, papers, ways to log in."""

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import aiohttp
import pytest

from medmost_stand.credentials import ecdsa_pair
from medmost_stand.gosuslugi.esia import documents, persons
from stand.esia_client import System, back
from stand.running import running_stand

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def citizens() -> list[dict[str, Any]]:
    from medmost_stand.world import build_world
    from medmost_stand.worlds import _plain

    return [_plain(one) for one in build_world(300, 1, TODAY).citizens]


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with (
        running_stand(None, only="gosuslugi", people=60, seed=3) as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, ecdsa_pair(), False, 2)
        await system.register()
        yield system


def test_each_child_has_at_most_one_parent(citizens: list[dict[str, Any]]) -> None:
    found = persons.families(citizens, TODAY)
    assert found == persons.families(citizens, TODAY)
    by_oid = {one["oid"]: one for one in citizens}
    children = [child["oid"] for family in found.values() for child in family]
    assert children
    assert len(children) == len(set(children))
    for oid, family in found.items():
        assert persons.age(by_oid[oid], TODAY) >= persons.CHILD_UNTIL
        for child in family:
            assert persons.age(child, TODAY) < persons.CHILD_UNTIL
            assert child["parent_oid"] in (None, oid)


def test_papers_fit_the_age(citizens: list[dict[str, Any]]) -> None:
    for one in citizens:
        shown = documents.documents(one, documents.EVERY_SCOPE, [], TODAY)
        types = {document["type"] for document in shown}
        assert ("RF_PASSPORT" in types) == (persons.age(one, TODAY) >= 14)
        assert ("RF_DRIVING_LICENSE" not in types) or persons.age(one, TODAY) >= 18
        assert len({document["id"] for document in shown}) == len(shown)
        for document in shown:
            assert document["vrfStu"] == ("VERIFIED" if one["trusted"] else "NOT_VERIFIED")
            day, month, year = map(int, document["issueDate"].split("."))
            assert date.fromisoformat(one["birth_date"]) <= date(year, month, day) <= TODAY


def test_numbers_pass_their_checks(citizens: list[dict[str, Any]]) -> None:
    for one in citizens:
        digits = [int(digit) for digit in persons.inn(one)]
        assert len(digits) == 12
        for place, weights in ((10, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)), (11, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))):
            weighed = sum(weight * digit for weight, digit in zip(weights, digits, strict=False))
            assert digits[place] == weighed % 11 % 10


async def test_parent_reads_the_policy_of_a_child(system: System) -> None:
    state = system.client.stand.ends["gosuslugi"].state
    found = persons.families(state.population.citizens, state.clock.now().date())
    oid, family = next(iter(found.items()))
    parent = state.population.by_oid(oid)
    assert parent is not None
    await system.client.call("PUT", "/stand/esia", {"auto_login": parent["login"]})
    scope = "openid kid_fullname kid_birthdate kid_medical_doc"
    answer = back(await system.ask(system.question(scope=scope)))
    token = (await system.token(system.exchange(answer["code"], scope=scope))).json["access_token"]
    shown = (await system.read(f"/rs/prns/{oid}/kids?embed=(elements)", token)).json
    assert [kid["id"] for kid in shown["elements"]] == [child["oid"] for child in family]
    kid, child = shown["elements"][0], family[0]
    assert (kid["firstName"], kid["birthDate"]) == (child["first_name"], persons.russian_date(child["birth_date"]))
    assert "snils" not in kid
    numbers = [document.get("unitedNumber") for document in kid["documents"]["elements"]]
    assert numbers in ([child["policy_number"]], [])
    assert (await system.read(f"/rs/prns/{oid}", token)).json.get("lastName") is None


async def test_people_log_in_by_phone_mail_and_snils(system: System) -> None:
    citizens = system.client.stand.ends["gosuslugi"].state.population.citizens
    one = next(one for one in citizens if one["phone"] and one["email"] and one["snils"])
    phone, snils = one["phone"], one["snils"]
    for login in (
        one["login"],
        one["email"],
        phone,
        f"8({phone[2:5]}){phone[5:]}",
        f"+7 {phone[2:5]} {phone[5:8]}-{phone[8:10]}-{phone[10:]}",
        persons.spaced_snils(snils),
    ):
        reply = await system.ask(system.question())
        page = (await system.get(reply.headers["Location"])).raw.decode()
        (name,) = set(re.findall(r'name="request" value="([^"]+)"', page))
        form = {"request": name, "login": login, "password": one["password"]}
        assert (await system.post("/idp/login", form)).status == 302, login
        await system.get("/idp/ext/Logout")
