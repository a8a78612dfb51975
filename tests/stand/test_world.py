"""The synthetic Moscow keeps what it promises, judged by a reading of design §6 of the test's own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from field_tables import KEYS, MOSCOW, Fields, read
from medmost_stand.world import World, build_world

TODAY = date(2026, 11, 23)
ONE_WAY = ("organizations", "schedules", "slots", "results", "vaccinations")
TWO_WAY = ("policies", "visits", "requests")
PERSONAL = ("visits", "results", "vaccinations", "requests")
COLLECTIONS = (*TWO_WAY, *ONE_WAY)


def _side(world: World, system: str, collection: str) -> tuple[dict[tuple[Any, ...], tuple[str, Fields]], set[str]]:
    """Readable records by natural key, and the ids of those that cannot be read."""
    readable, unreadable = {}, set()
    for seed in getattr(world, system)[collection]:
        try:
            fields = read(system, collection, seed.body)
        except (ValueError, TypeError):
            unreadable.add(seed.id)
            continue
        key = tuple(fields[name] for name in KEYS[collection])
        assert key not in readable
        readable[key] = (seed.id, fields)
    return readable, unreadable


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(1000, 7, TODAY)


@pytest.fixture(scope="module", params=[(10, 1), (10, 2), (13, 3), (64, 4), (1000, 7)], ids=str)
def any_world(request: pytest.FixtureRequest) -> World:
    return build_world(*request.param, TODAY)


def test_same_arguments_give_the_same_world_in_any_process() -> None:
    program = (
        "import hashlib, datetime, medmost_stand.world as w;"
        "print(hashlib.sha256(repr(w.build_world(60, 11, datetime.date(2026, 11, 23))).encode()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    }
    assert len(said) == 1
    assert build_world(60, 11, TODAY) == build_world(60, 11, TODAY)
    assert build_world(60, 11, TODAY) != build_world(60, 12, TODAY)


def test_ids_and_people_outlive_a_day(world: World) -> None:
    later = build_world(1000, 7, TODAY + timedelta(days=9))
    for system in ("gosuslugi", "emias"):
        for collection in COLLECTIONS:
            before, after = getattr(world, system)[collection], getattr(later, system)[collection]
            assert [seed.id for seed in before] == [seed.id for seed in after]
    assert [each.policy_number for each in world.citizens] == [each.policy_number for each in later.citizens]


def test_thousand_people_take_under_two_seconds() -> None:
    started = time.process_time()
    build_world(1000, 8, TODAY)
    assert time.process_time() - started < 2


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        build_world(9, 1, TODAY)


def test_sizes_are_as_announced(world: World) -> None:
    near = {
        "policies": 1000, "organizations": 30, "schedules": 80, "slots": 1500,
        "visits": 1200, "results": 1000, "vaccinations": 1200, "requests": 500,
    }  # fmt: skip
    for collection, expected in near.items():
        here = {_key for system in ("gosuslugi", "emias") for _key in _side(world, system, collection)[0]}
        assert 0.85 * expected <= len(here) <= 1.35 * expected, collection


def test_comparison_of_both_sides_finds_what_is_planted(any_world: World) -> None:
    for collection in COLLECTIONS:
        there, unreadable_there = _side(any_world, "gosuslugi", collection)
        here, unreadable_here = _side(any_world, "emias", collection)
        portal = any_world.planted["gosuslugi"][collection]
        clinic = any_world.planted["emias"][collection]
        assert unreadable_there == set(portal["invalid"])
        assert unreadable_here == set(clinic["invalid"])
        differing = {key for key in there.keys() & here.keys() if there[key][1] != here[key][1]}
        conflicts = {key for key in differing if there[key][0] in portal["conflict"]}
        assert {here[key][0] for key in conflicts} == set(clinic["conflict"])
        assert len(conflicts) == len(portal["conflict"])
        assert len(differing - conflicts) == portal["differing"] == clinic["differing"]
        assert len(there.keys() - here.keys()) == portal["one_sided"] + len(portal["foreign"])
        assert len(here.keys() - there.keys()) == clinic["one_sided"] + clinic["unlinked"]


def test_every_sort_of_difference_is_there(any_world: World) -> None:
    portal, clinic = any_world.planted["gosuslugi"], any_world.planted["emias"]
    for collection in COLLECTIONS:
        assert clinic[collection]["invalid"]
        assert portal[collection]["differing"]
        assert portal[collection]["one_sided"] + clinic[collection]["one_sided"]
        assert bool(portal[collection]["invalid"]) == (collection in TWO_WAY)
        assert bool(portal[collection]["foreign"]) == (collection in ONE_WAY)
    assert portal["policies"]["conflict"]
    assert portal["visits"]["conflict"]
    assert portal["visits"]["rejected"]
    assert all(clinic[collection]["unlinked"] for collection in PERSONAL)
    assert clinic["requests"]["one_sided"] == 0


def test_shares_of_differences_are_as_promised(world: World) -> None:
    objects = differences = 0
    for collection in COLLECTIONS:
        portal, clinic = world.planted["gosuslugi"][collection], world.planted["emias"][collection]
        here, there = _side(world, "emias", collection)[0], _side(world, "gosuslugi", collection)[0]
        union = len(here.keys() | there.keys())
        one_sided = portal["one_sided"] + clinic["one_sided"]
        assert one_sided >= 0.05 * union, collection
        assert portal["differing"] >= 0.03 * union, collection
        objects += union
        differences += one_sided + portal["differing"]
    assert differences >= 0.15 * objects


def test_each_difference_is_one_write_to_one_side(any_world: World) -> None:
    for collection in COLLECTIONS:
        portal, clinic = any_world.planted["gosuslugi"][collection], any_world.planted["emias"][collection]
        writes = portal["writes"] + clinic["writes"]
        assert writes == portal["one_sided"] + clinic["one_sided"] + portal["differing"]
        if collection in ONE_WAY:
            assert clinic["writes"] == 0
    owners = {"phone": "gosuslugi", "email": "gosuslugi"}
    there, here = _side(any_world, "gosuslugi", "policies")[0], _side(any_world, "emias", "policies")[0]
    person = {"policy_type", "last_name", "first_name", "patronymic", "birth_date", "sex", "snils"}
    conflicts = set(any_world.planted["emias"]["policies"]["conflict"])
    for key in there.keys() & here.keys():
        fields = {name for name, value in here[key][1].items() if value != there[key][1][name]}
        if here[key][0] in conflicts:
            assert fields
            assert fields <= person
        else:
            assert not fields & person
            assert len({owners.get(name, "emias") for name in fields}) <= 1


def test_differing_visits_flow_one_way(any_world: World) -> None:
    further = {0: 0, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2}
    there, here = _side(any_world, "gosuslugi", "visits")[0], _side(any_world, "emias", "visits")[0]
    changed = {
        system: {s.id: s.changed_at for s in getattr(any_world, system)["visits"]} for system in ("gosuslugi", "emias")
    }
    for key in there.keys() & here.keys():
        mine, theirs = here[key][1], there[key][1]
        fields = {name for name in mine if mine[name] != theirs[name]}
        if here[key][0] in any_world.planted["emias"]["visits"]["conflict"]:
            assert fields == {"status"}
            assert (mine["status"] in (1, 2), theirs["status"]) == (True, 4)
        elif "status" in fields:
            assert fields <= {"status", "cancel_reason"}
            assert further[mine["status"]] != further[theirs["status"]]
        elif "comment" in fields:
            assert fields == {"comment"}
            gap = changed["emias"][here[key][0]] - changed["gosuslugi"][there[key][0]]
            assert abs(gap) > timedelta(minutes=5)
        else:
            assert fields <= {"room"}


def test_requests_lack_one_later_row(any_world: World) -> None:
    there, here = _side(any_world, "gosuslugi", "requests")[0], _side(any_world, "emias", "requests")[0]
    for key in there.keys() & here.keys():
        mine, theirs = here[key][1], there[key][1]
        if mine != theirs:
            assert mine["history"][:-1] == theirs["history"]
            assert {n for n in mine if mine[n] != theirs[n]} <= {"history", "final"}
        assert len({(row[0], row[1].replace(second=0)) for row in mine["history"]}) == len(mine["history"])
        assert 2 <= len(mine["history"]) <= 5


def _mod10(digits: str) -> int:
    """HL7 Mod10 as the standard tells it: the number of the odd places doubled, the even ones put before it."""
    backwards = digits[::-1]
    odd, even = backwards[0::2], backwards[1::2]
    return -sum(int(digit) for digit in even + str(int(odd) * 2)) % 10


def test_policy_numbers_code_birth_date_and_sex(world: World) -> None:
    old = 0
    for citizen in world.citizens:
        number = citizen.policy_number
        assert re.fullmatch(r"\d{16}", number)
        if number.startswith("7700"):
            old += 1
            assert _mod10(number[:15]) != int(number[15])
            continue
        month = 99 - int(number[2:4])
        year = int("".join(str(9 - int(digit)) for digit in number[4:8])[::-1])
        day = 99 - int(number[8:10])
        assert (day > 50) == (citizen.sex == "M")
        month -= 20 if year <= 1950 else 40 if year <= 2000 else 0
        assert date(year, month, day - 50 if day > 50 else day) == citizen.birth_date
        assert _mod10(number[:15]) == int(number[15])
    assert 1 <= old <= 0.03 * len(world.citizens)
    assert len({citizen.policy_number for citizen in world.citizens}) == len(world.citizens)


def test_snils_inn_ogrn_kpp_are_valid(world: World) -> None:
    borrowed = [citizen for citizen in world.citizens if "someone-elses-snils" in citizen.planted]
    numbers = [citizen.snils for citizen in world.citizens if citizen.snils is not None and citizen not in borrowed]
    assert {citizen.snils for citizen in borrowed} <= set(numbers)
    numbers += [seed.body["doctor"]["snils"] for seed in world.emias["schedules"]]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        weighted = sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=False))
        assert int(number[9:]) == weighted % 101 % 100
        assert int(number[:9]) > 1_001_998
    for seed in world.emias["organizations"]:
        inn, ogrn, kpp = (seed.body[name] for name in ("inn", "ogrn", "kpp"))
        factors = (2, 4, 10, 3, 5, 9, 4, 6, 8)
        assert int(inn[9]) == sum(int(digit) * factor for digit, factor in zip(inn, factors, strict=False)) % 11 % 10
        assert int(ogrn[12]) == int(ogrn[:12]) % 11 % 10
        assert len(ogrn) == 13
        assert re.fullmatch(r"77\d{2}(01|45)\d{3}", kpp)


def test_oids_name_moscow_and_their_parents(world: World) -> None:
    known = {seed.body["oid"] for seed in world.emias["organizations"]}
    for seed in world.emias["organizations"]:
        oid, parent = seed.body["oid"], seed.body.get("parentOid")
        assert re.fullmatch(r"1\.2\.643\.5\.1\.13\.13\.12\.2\.77\.\d+(\.0\.\d+)?", oid)
        assert (parent is None) == (".0." not in oid)
        assert parent is None or (parent in known and oid.startswith(parent + ".0."))


def test_slots_begin_tomorrow_and_no_sooner(any_world: World) -> None:
    for system in ("gosuslugi", "emias"):
        days = {fields["starts_at"].date() for _, fields in _side(any_world, system, "slots")[0].values()}
        assert min(days) > TODAY
        assert max(days) <= TODAY + timedelta(days=14)


def test_changes_lie_in_the_past(any_world: World) -> None:
    begins = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=MOSCOW)
    for system in ("gosuslugi", "emias"):
        for seeds in getattr(any_world, system).values():
            assert all(seed.changed_at <= begins for seed in seeds)


def test_untrusted_people_have_nothing_personal_at_gosuslugi(any_world: World) -> None:
    trusted = {citizen.policy_number for citizen in any_world.citizens if citizen.trusted}
    assert 0.65 <= len(trusted) / len(any_world.citizens) <= 0.8
    for collection in PERSONAL:
        for seed in any_world.gosuslugi[collection]:
            if collection == "requests":
                attributes = seed.body["order"]["orderAttributes"]
                number = next(each["value"] for each in attributes if each["name"] == "policyNumber")
            else:
                number = seed.body["Номер полиса"]
            assert number in trusted
        strangers = [s for s in any_world.emias[collection] if s.body["policyNumber"] not in trusted]
        assert len(strangers) == any_world.planted["emias"][collection]["unlinked"]


def test_ids_are_unique_and_name_no_policy(any_world: World) -> None:
    numbers = {citizen.policy_number for citizen in any_world.citizens}
    for system in ("gosuslugi", "emias"):
        ids = [seed.id for seeds in getattr(any_world, system).values() for seed in seeds]
        assert len(set(ids)) == len(ids)
        assert not any(re.search(r"\d{16}", ref) for ref in ids)
        assert not numbers & set(ids)


def test_references_lead_somewhere_on_each_side(any_world: World) -> None:
    names = {
        "gosuslugi": ("Номер полиса", "OID организации", "Расписание", "OID"),
        "emias": ("policyNumber", "lpuOid", "scheduleId", "oid"),
    }
    for system, (policy, organization, schedule, oid) in names.items():
        side = getattr(any_world, system)
        bad = set(any_world.planted[system]["policies"]["invalid"] + any_world.planted[system]["policies"]["conflict"])
        policies = {seed.body[policy] for seed in side["policies"] if seed.id not in bad}
        organizations = {seed.body[oid] for seed in side["organizations"]}
        invalid = set(any_world.planted[system]["schedules"]["invalid"])
        schedules = {seed.body[schedule] for seed in side["schedules"] if seed.id not in invalid}
        for collection in ("visits", "results", "vaccinations"):
            assert {seed.body[policy] for seed in side[collection]} <= policies
            assert {seed.body[organization] for seed in side[collection]} <= organizations
        assert {seed.body[organization] for seed in side["schedules"]} <= organizations
        assert {seed.body[schedule] for seed in side["slots"]} <= schedules
        assert {seed.body[schedule] for seed in side["visits"]} <= schedules
    assert {seed.body["policyNumber"] for seed in any_world.emias["requests"]} <= {
        seed.body["policyNumber"] for seed in any_world.emias["policies"]
    }


def test_a_time_is_booked_once_and_its_slot_is_busy(any_world: World) -> None:
    for system in ("gosuslugi", "emias"):
        visits = [fields for _, fields in _side(any_world, system, "visits")[0].values()]
        live = [(each["schedule_id"], each["starts_at"]) for each in visits if each["status"] in (0, 1)]
        assert len(set(live)) == len(live)
    slots = _side(any_world, "emias", "slots")[0]
    booked = {
        (each["schedule_id"], each["starts_at"])
        for _, each in _side(any_world, "emias", "visits")[0].values()
        if each["status"] == 0 and each["starts_at"].date() > TODAY
    }
    assert {key for key, (_, slot) in slots.items() if slot["status"] == 1} == booked & slots.keys()


def test_visits_only_at_gosuslugi_touch_no_slot(any_world: World) -> None:
    there, here = _side(any_world, "gosuslugi", "visits")[0], _side(any_world, "emias", "visits")[0]
    slots = _side(any_world, "emias", "slots")[0]
    rejected = set(any_world.planted["gosuslugi"]["visits"]["rejected"])
    for key in there.keys() - here.keys():
        ref, visit = there[key]
        slot = slots.get((visit["schedule_id"], visit["starts_at"]))
        assert (slot is not None) == (ref in rejected)
        if slot is not None:
            assert slot[1]["status"] == 1
            assert visit["status"] == 0


def test_observations_agree_with_their_bounds(world: World) -> None:
    decimals = set()
    for _, fields in _side(world, "emias", "results")[0].values():
        assert 2 <= len(fields["observations"]) <= 6
        assert fields["taken_at"] <= fields["issued_at"]
        for row in fields["observations"]:
            expected = 1 if row["value"] < row["low"] else 2 if row["value"] > row["high"] else 0
            assert row["flag"] == expected
            decimals.add(max(0, -row["value"].as_tuple().exponent))
    assert decimals == {0, 1, 2, 3}


def test_each_system_keeps_fields_of_its_own(world: World) -> None:
    assert all("ehrId" in seed.body for seed in world.emias["policies"])
    assert any("Примечание портала" in seed.body for seed in world.gosuslugi["policies"])
    traps = {trap for citizen in world.citizens for trap in citizen.planted}
    assert {"policy-conflict", "visit-conflict", "visit-rejected", "old-policy-number", "phone-spelling"} <= traps
