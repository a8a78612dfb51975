"""People on whom careless matching fails are planted, named, and what they are called."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest

from medmost_stand.world import Citizen, World, build_world
from medmost_stand.world.model import Body
from medmost_stand.world.traps import AMBIGUOUS, CONTESTED
from stand.running import running_stand

TODAY = date(2026, 11, 23)
EQUAL = {
    "namesake", "twin", "child-under-parent", "newborn-without-snils", "someone-elses-snils", "phone-reused",
    "temporary-policy", "merged-policies", "decomposed-letters", "no-break-space", "spaces-around", "snils-with-spaces",
}  # fmt: skip


@pytest.fixture(scope="module", params=[(100, 1), (120, 23), (1000, 7)], ids=str)
def world(request: pytest.FixtureRequest) -> World:
    return build_world(*request.param, TODAY, ambiguous=True)


def trapped(world: World, label: str) -> list[Citizen]:
    return [citizen for citizen in world.citizens if label in citizen.planted]


def both(world: World, citizen: Citizen) -> tuple[Body, Body]:
    """The policy at EMIAS and at Gosuslugi."""
    here = next(s.body for s in world.emias["policies"] if s.body["policyNumber"] == citizen.policy_number)
    there = next(s.body for s in world.gosuslugi["policies"] if s.body["Номер полиса"] == citizen.policy_number)
    return here, there


def test_every_trap_is_laid_and_named(world: World) -> None:
    named = {label for citizen in world.citizens for label in citizen.planted}
    assert EQUAL | CONTESTED.keys() | AMBIGUOUS.keys() <= named
    assert (len(trapped(world, "namesake")), len(trapped(world, "twin"))) == (2, 2)


def test_namesakes_differ_in_their_numbers_alone(world: World) -> None:
    one, other = trapped(world, "namesake")
    for name in ("last_name", "first_name", "patronymic", "birth_date", "sex"):
        assert getattr(one, name) == getattr(other, name)
    assert one.policy_number != other.policy_number
    assert one.snils != other.snils


def test_twins_differ_in_first_name_and_numbers(world: World) -> None:
    one, other = trapped(world, "twin")
    assert (one.last_name, one.birth_date, one.phone) == (other.last_name, other.birth_date, other.phone)
    assert one.first_name != other.first_name
    assert len({one.policy_number, other.policy_number, one.snils, other.snils}) == 4


def test_children_stand_under_their_parent(world: World) -> None:
    by_oid = {citizen.oid: citizen for citizen in world.citizens}
    for label in ("child-under-parent", "newborn-without-snils"):
        (child,) = trapped(world, label)
        parent = by_oid[child.parent_oid or 0]
        assert parent.birth_date < child.birth_date
    (child,) = trapped(world, "child-under-parent")
    parent = by_oid[child.parent_oid or 0]
    assert (child.phone, child.email, child.last_name) == (parent.phone, parent.email, parent.last_name)


def test_newborn_has_no_snils_anywhere(world: World) -> None:
    (newborn,) = trapped(world, "newborn-without-snils")
    here, there = both(world, newborn)
    assert newborn.snils is None
    assert "snils" not in here
    assert "СНИЛС" not in there
    assert 0 < (TODAY - newborn.birth_date).days < 500


def test_borrowed_snils_and_phone_have_an_owner(world: World) -> None:
    (user,) = trapped(world, "someone-elses-snils")
    assert [one.snils for one in world.citizens].count(user.snils) == 2
    (second,) = trapped(world, "phone-reused")
    assert [one.phone for one in world.citizens].count(second.phone) == 2


def test_merged_policy_is_a_second_closed_one(world: World) -> None:
    (person,) = trapped(world, "merged-policies")
    theirs = [s.body for s in world.emias["policies"] if s.body.get("snils") == person.snils]
    assert sorted(body["status"] for body in theirs) == ["ACTIVE", "CLOSED"]
    assert {body["birthDate"] for body in theirs} == {person.birth_date.isoformat()}


def test_spellings_differ_in_signs_alone(world: World) -> None:
    for label in ("decomposed-letters", "no-break-space", "spaces-around", "snils-with-spaces"):
        (person,) = trapped(world, label)
        here, there = both(world, person)
        pairs = ((here["lastName"], there["Фамилия"]), (here["firstName"], there["Имя"]))
        if label != "snils-with-spaces":
            assert any(mine != theirs for mine, theirs in pairs), label
        for mine, theirs in pairs:
            assert " ".join(unicodedata.normalize("NFC", theirs).split()) == mine, label
        assert "".join(filter(str.isdigit, there["СНИЛС"])) == here["snils"]


def test_contested_people_are_conflicts_with_nothing_else(world: World) -> None:
    for label in CONTESTED:
        (person,) = trapped(world, label)
        assert_apart(world, person, "conflict")


def test_two_people_under_one_number_are_ambiguous(world: World) -> None:
    for label in AMBIGUOUS:
        (person,) = trapped(world, label)
        assert_apart(world, person, "ambiguous")
        here, there = both(world, person)
        assert here["snils"] != "".join(filter(str.isdigit, there["СНИЛС"]))
        year, month, day = here["birthDate"].split("-")
        assert there["Дата рождения"] != f"{day}.{month}.{year}"


def assert_apart(world: World, person: Citizen, mark: str) -> None:
    """The pair is listed at both systems, and no other record names this policy."""
    for system, name in (("emias", "policyNumber"), ("gosuslugi", "Номер полиса")):
        side = getattr(world, system)
        (ref,) = [seed.id for seed in side["policies"] if seed.body[name] == person.policy_number]
        assert ref in world.planted[system]["policies"][mark]
        for collection in ("visits", "results", "vaccinations"):
            assert not any(seed.body[name] == person.policy_number for seed in side[collection])


def test_ambiguous_people_are_planted_only_when_asked_for() -> None:
    plain = build_world(120, 23, TODAY)
    assert not any(AMBIGUOUS.keys() & set(citizen.planted) for citizen in plain.citizens)
    assert plain.planted["emias"]["policies"]["ambiguous"] == []


def test_small_world_has_no_traps() -> None:
    world = build_world(60, 3, TODAY, ambiguous=True)
    assert not any(EQUAL & set(citizen.planted) for citizen in world.citizens)


async def test_stand_tells_of_traps_and_plants_them_anew() -> None:
    async with running_stand(world=None, only="emias", people=120, seed=23, ambiguous=True) as running:
        client = running["emias"]
        people = (await client.call("GET", "/stand/people")).lines
        assert {label for one in people for label in one["planted"]} >= EQUAL
        assert len((await client.call("GET", "/stand/planted")).json["policies"]["ambiguous"]) == len(AMBIGUOUS)
        await client.call("POST", "/stand/reset", {"people": 120, "seed": 24})
        assert (await client.call("GET", "/stand/planted")).json["policies"]["ambiguous"] == []
        await client.call("POST", "/stand/reset", {"people": 120, "seed": 24, "ambiguous": True})
        assert len((await client.call("GET", "/stand/planted")).json["policies"]["ambiguous"]) == len(AMBIGUOUS)
        assert (await client.call("POST", "/stand/reset", {"ambiguous": "yes"})).status == 400
