"""A world too large for memory comes in parts that never meet."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost_stand.world import Part, World, build, build_world, part_world, stream_world
from medmost_stand.world import __main__ as command_line
from medmost_stand.world.dice import Dice

TODAY = date(2026, 11, 23)


def numbers(world: World) -> set[str]:
    """Everything that must be unlike in the whole world: ids, numbers of people, places, doctors, schedules, orders."""
    found = [seed.id for side in (world.emias, world.gosuslugi) for seeds in side.values() for seed in seeds]
    for citizen in world.citizens:
        found += [citizen.login, str(citizen.oid), citizen.policy_number]
        if citizen.snils is not None and "someone-elses-snils" not in citizen.planted:
            found.append(citizen.snils)
    policies = {seed.body["policyNumber"] for seed in world.emias["policies"]}
    policies |= {seed.body["Номер полиса"] for seed in world.gosuslugi["policies"]}
    found += policies - {citizen.policy_number for citizen in world.citizens}
    found += {seed.body["oid"] for seed in world.emias["organizations"]}
    foreign = set(world.planted["gosuslugi"]["organizations"]["foreign"])
    found += [seed.body["OID"] for seed in world.gosuslugi["organizations"] if seed.id in foreign]
    found += [f"schedule {seed.body['scheduleId']}" for seed in world.emias["schedules"]]
    found += [f"doctor {seed.body['doctor']['snils']}" for seed in world.emias["schedules"]]
    found += {f"order {seed.body['orderId']}" for seed in world.emias["requests"]}
    assert len(set(found)) == len(found)
    return set(found)


@pytest.fixture(scope="module")
def parts() -> list[World]:
    return [part_world(150, 1_000_000, Part(7, number, 1000), TODAY) for number in (0, 1, 500, 999)]


def test_parts_share_no_number(parts: list[World]) -> None:
    seen: set[str] = set()
    for part in parts:
        mine = numbers(part)
        assert not mine & seen
        seen |= mine


def test_each_part_refers_to_itself_alone(parts: list[World]) -> None:
    for part in parts:
        policies = {seed.body["policyNumber"] for seed in part.emias["policies"]}
        clinics = {seed.body["oid"] for seed in part.emias["organizations"]}
        for collection in ("visits", "results", "vaccinations"):
            assert {seed.body["policyNumber"] for seed in part.emias[collection]} <= policies
            assert {seed.body["lpuOid"] for seed in part.emias[collection]} <= clinics


def test_each_part_has_every_difference(parts: list[World]) -> None:
    for part in parts:
        for collection, numbers_there in part.planted["emias"].items():
            assert numbers_there["differing"], collection
            assert numbers_there["invalid"], collection
        assert part.planted["emias"]["policies"]["conflict"]


def test_part_is_made_alone_and_always_the_same(parts: list[World]) -> None:
    assert part_world(150, 1_000_000, Part(7, 500, 1000), TODAY) == parts[2]
    assert part_world(150, 1_000_000, Part(8, 500, 1000), TODAY) != parts[2]


def test_small_world_is_one_part() -> None:
    (only,) = stream_world(60, 11, TODAY)
    assert only == build_world(60, 11, TODAY)


@pytest.mark.slow
def test_large_world_streams_everybody_once() -> None:
    people, seen, objects = 0, set[str](), 0
    for part in stream_world(10_001, 3, TODAY):
        people += len(part.citizens)
        refs = {seed.id for side in (part.emias, part.gosuslugi) for seeds in side.values() for seed in seeds}
        assert not refs & seen
        seen |= refs
        objects += len(refs)
    assert people == 10_001
    assert objects > 11 * people


def test_parts_join_into_one_world() -> None:
    first, second = (part_world(20, 40, Part(1, number, 2), TODAY) for number in range(2))
    writes = [part.planted["emias"]["visits"]["writes"] for part in (first, second)]
    invalid = [list(part.planted["emias"]["visits"]["invalid"]) for part in (first, second)]
    first.join(second)
    assert len(first.citizens) == 40
    assert first.planted["emias"]["visits"]["writes"] == sum(writes)
    assert first.planted["emias"]["visits"]["invalid"] == invalid[0] + invalid[1]


def stream(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "medmost_stand.world", *arguments]
    return subprocess.run(command, capture_output=True, check=False)


def test_command_streams_a_world_as_lines() -> None:
    ran = stream("--people", "30", "--seed", "7", "--today", TODAY.isoformat())
    told = json.loads(ran.stderr)
    lines = [orjson.loads(line) for line in ran.stdout.splitlines()]
    world = build_world(30, 7, TODAY)
    assert ran.returncode == 0
    assert (told["people"], told["objects"]) == (30, len(lines))
    assert [line["record"] for line in lines if (line["system"], line["collection"]) == ("emias", "visits")] == [
        seed.body for seed in world.emias["visits"]
    ]
    assert told["peak_rss_mb"] < 300


def test_any_number_of_processes_streams_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "WHOLE", 30)
    monkeypatch.setattr(build, "PART", 20)  # what is forked off has these, too
    asked = command_line.Asked(70, 7, TODAY, None)
    alone, together = ([(text, objects) for text, objects, _ in command_line.stream(asked, jobs)] for jobs in (1, 2))
    assert len(alone) == 4
    assert together == alone


@pytest.mark.parametrize(
    "arguments",
    [("--people", "9"), ("--people", "1000001"), ("--collections", "/nowhere"), ("--people", "30", "--jobs", "0")],
)
def test_impossible_world_is_refused(arguments: tuple[str, ...]) -> None:
    ran = stream(*arguments)
    assert (ran.returncode, ran.stdout) == (2, b"")


@given(seed=st.integers(), low=st.integers(-(10**9), 10**9), width=st.integers(1, 10**12))
def test_dice_draw_what_random_draws(seed: int, low: int, width: int) -> None:
    dice, usual = Dice(seed), Random(seed)
    for _ in range(3):
        assert dice.randrange(low, low + width) == usual.randrange(low, low + width)
        assert dice.randrange(width) == usual.randrange(width)
        assert dice.randint(low, low + width) == usual.randint(low, low + width)
        assert dice.choice("абвгдежз") == usual.choice("абвгдежз")
        assert dice.sample(range(100), 5) == usual.sample(range(100), 5)
        assert dice.random() == usual.random()
